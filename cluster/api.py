"""What a notebook calls: `search`, `resume` and `decide`, by the same code as the commands.

Taken as `import headsearch`, the name of the project, which is what a newcomer types.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, cast

from cluster.notebook_run import Place, Run, Settings, policy_of, several
from cluster.process_state import as_guest, in_one_line
from cluster.terminal import PlainConsole
from spaces.errors import RunError

if TYPE_CHECKING:
    from spaces.base import Label
    from spaces.data import Scores
    from spaces.study import Study

UNKNOWN = "0" * 64
"""Stands for the digest of arrays until they are written."""


def search(
    X: Any = None,
    y: Any = None,
    *,
    groups: Any = None,
    recordings: Any = None,
    times: Any = None,
    positive: "Label | None" = None,
    window_s: float | None = None,
    network: "Callable[..., Any] | Settings | str | None" = None,
    trials: int | None = None,
    study: Place | Settings | None = None,
    runs: Place = "runs",
    address: Literal["auto", "local"] | None = None,
    **settings: Any,
) -> Run:
    """Searches head configurations, as the command `run` does, and returns the run.

    Args:
        X: rows `(n, ...)`, such as signals `(n, steps, channels)` or photos `(n, height, width, channels)`;
            None for the data that the study names.
        y: labels `(n,)` of two values.
        groups, recordings: who and which recording each row is of, `(n,)`.
        times: the start of each row in its recording, in seconds, `(n,)`.
        positive: the label of the positive class; needed unless labels are 0/1 or false/true.
        window_s: seconds that each row covers.
        network: a function of the inputs, or of inputs and width, that returns features `(batch, units)`; or
            the name or the settings of a trunk.
        trials: how many configurations are tried, `budget.trials`.
        study: a study file, or settings.
        runs: the folder of all runs; prepared data lie beside it.
        address: `auto` joins the cluster of this host, `local` starts a Ray of its own. A Ray that this
            process is connected to already is used, and left alone.
        settings: parts of a study by their names, such as `threshold={"policy": "cost", "c_fn": 10}`.

    Raises:
        RunError: something is wrong with settings, arrays or network; or the search was interrupted, and can
            be resumed.
    """
    from cluster.commands.run import start
    from search.data.sources import arrays
    from search.networks.checks import check_shape
    from search.runs.run_folder import prepared_beside
    from spaces.data import Arrays
    from spaces.study_file import overlay, parse

    written, base = _written(study)
    written = overlay(written, settings)
    given = {"X": X, "y": y, "groups": groups, "recordings": recordings, "times": times}
    data = {"positive": positive, "window_s": window_s}
    parts: dict[str, Any] = {
        "data": {name: value for name, value in data.items() if value is not None},
        "trunk": {} if network is None else _trunk(network),
        "budget": {} if trials is None else {"trials": trials},
    }
    if X is not None:
        if "source" in written.get("data", {}):
            raise RunError(
                f"rows come from X or from the study, but got both: X, and data.source "
                f"{written['data']['source']!r}"
            )
        parts["data"] |= {"source": "arrays", "digest": UNKNOWN}
    elif any(value is not None for value in given.values()):
        raise RunError("labels and groups belong to rows, but got no X")
    known = parse(overlay(written, {name: part for name, part in parts.items() if part}))
    _check_width(network, known)
    with in_one_line(), as_guest():
        if isinstance(known.data, Arrays):
            if y is None:
                raise RunError("a search learns from labels, but got no y")
            given["X"] = arrays.column(X)
            if given["X"].ndim > 1:  # before they are written; what else is wrong with them is told there
                check_shape(known, given["X"].shape[1:])
            kept = arrays.keep(given, known.data, prepared_beside(Path(runs)))
            known = known.model_copy(update={"data": kept})
        return Run(start(known, base, Path(runs), None, address, PlainConsole()).path)


def resume(
    run: Run | Place, *, trials: int | None = None, address: Literal["auto", "local"] | None = None
) -> Run:
    """Goes on with a run, or extends a finished one, as the command does.

    Args:
        run: a run or its folder.
        trials: how many configurations are tried in all; None for what the study says.
        address: see `search`.

    Raises:
        RunError: no run, or its data or network are no longer there.
    """
    from cluster.commands.resume import resume as resume_run

    path = run.path if isinstance(run, Run) else Path(run)
    changes = () if trials is None else (f"budget.trials={trials}",)
    with in_one_line(), as_guest():
        return Run(resume_run(path, changes, address, PlainConsole()).path)


def decide(
    y: Any,
    score: Any,
    *,
    groups: Any = None,
    recordings: Any = None,
    times: Any = None,
    positive: "Label | None" = None,
    window_s: float | None = None,
    policy: "str | Settings | Sequence[str | Settings]" = (),
    require: str | Sequence[str] = (),
    to: Place | None = None,
    runs: Place = "runs",
    **settings: Any,
) -> Run:
    """Chooses thresholds for scores of a model that exists, and writes the decision, as the command does.

    Args:
        y: labels `(n,)` of two values.
        score: probabilities or scores `(n,)`, higher for the positive class; or several, by name.
        groups, recordings, times, positive, window_s: see `search`.
        policy: a rule, such as `max_f1` or `{"policy": "cost", "c_fn": 10}`, or several; the first decides.
        require: what is to be reached, such as `sensitivity.min=0.95`.
        to: the folder, new or empty; None for a new one, `runs/decide`.
        runs: the folder of all runs.
        settings: parts of a study by their names, such as `objective={"metric": "mcc"}`.

    Returns:
        A run whose rows are the scores; its `decision` folder holds what ships.

    Raises:
        RunError: something is wrong with scores or settings.
    """
    from cluster.commands.decide import decide_given
    from cluster.commands.run import new_path
    from reports.decisions.decide import GIVEN
    from search.data.sources import arrays
    from search.data.sources.scores import given_from
    from spaces.study_file import parse

    scores = dict(score) if isinstance(score, Mapping) else {"score": score}
    rest = {"y": y, "groups": groups, "recordings": recordings, "times": times}
    if taken := sorted(rest.keys() & scores.keys()):
        raise RunError(f"scores need names of their own, but {taken[0]} means something else")
    there = {name: name for name, values in rest.items() if values is not None}
    folder = new_path(Path(runs), "decide", numbered=True) if to is None else Path(to)
    data = {
        "source": "scores",
        "path": str(folder.resolve() / GIVEN),
        "label": "y",
        "score": list(scores),
        "group": there.get("groups"),
        "recording": there.get("recordings"),
        "start": there.get("times"),
        "window_s": window_s,
        "positive": positive,
    }
    if "data" in settings:
        raise RunError("the rows are y and score, so there is no other data, but got data")
    known = parse({"name": "decide", **settings, "data": data})
    rules = [policy_of(one) for one in ([policy] if isinstance(policy, str | Mapping) else policy)]
    if rules:
        known = known.model_copy(update={"threshold": rules[0]})
    with in_one_line():
        columns = {name: arrays.column(rest[name]) for name in there}
        columns |= {name: _flat(arrays.column(values)) for name, values in scores.items()}
        given = given_from(columns, cast("Scores", known.data), arrays.GIVEN)
        decide_given(given, known, folder, rules[1:], several(require), PlainConsole())
        return Run(folder)


def _written(study: Place | Settings | None) -> tuple[dict[str, Any], Path]:
    """Returns what a study says, and the folder that its relative paths start from."""
    from spaces.study_file import load as load_study

    if study is None or isinstance(study, Mapping):
        return dict(study or {}), Path.cwd()
    if not isinstance(study, str | Path):
        raise RunError(f"study must be a study file or settings, but got {type(study).__name__}")
    return load_study(Path(study)), Path(study).resolve().parent


def _trunk(network: "Callable[..., Any] | Settings | str") -> dict[str, Any]:
    """Returns the settings of the network: a function of a module by its name, one of a notebook itself."""
    from search.networks import pickled_function

    if isinstance(network, str):
        return {"name": network}
    if isinstance(network, Mapping):
        return dict(network)
    if not isinstance(network, FunctionType):
        raise RunError(
            "network must be a function of inputs, or of inputs and width, that returns features, but got "
            f"{type(network).__name__}; write def build(inputs): ... without the last layer"
        )
    name = network.__name__ if network.__name__.isidentifier() else "network"
    module = sys.modules.get(network.__module__)
    file = None if module is None or module.__name__ == "__main__" else vars(module).get("__file__")
    if module is not None and file is not None and vars(module).get(name) is network:
        depth = module.__name__.count(".") + (Path(file).name == "__init__.py")
        return {"name": f"{module.__name__}:{name}", "folder": str(Path(file).resolve().parents[depth])}
    code = pickled_function.dump(_of_inputs_and_width(network), name)
    return {"name": f"notebook:{name}", "code": code, "folder": str(Path.cwd())}


def _of_inputs_and_width(network: Callable[..., Any]) -> Callable[..., Any]:
    if not _takes(network, 2):
        if not _takes(network, 1):
            raise RunError(
                f"network must take inputs, or inputs and width, but {network.__name__} takes "
                f"{inspect.signature(network)}"
            )

        # A function within a function is pickled whole.
        def of_inputs(inputs: Any, width: float) -> Any:
            return network(inputs)

        return of_inputs
    return network


def _takes(network: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(network).bind(*range(count))
    except TypeError:
        return False
    return True


def _check_width(network: object, study: "Study") -> None:
    if isinstance(network, FunctionType) and study.trunk.width != 1 and not _takes(network, 2):
        raise RunError(
            f"{network.__name__} takes inputs alone, so a width changes nothing, but got "
            f"{study.trunk.width:g} (trunk.width); write it as a function of inputs and width"
        )


def _flat(values: Any) -> Any:
    """Scores as Keras returns them, `(n, 1)`, as `(n,)`."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
