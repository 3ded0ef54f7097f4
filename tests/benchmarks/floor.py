"""A search, over its own trials without one: `python -m tests.benchmarks.floor [--full]`.

Each round runs the command, and then trains the trials that it came to again, with their configurations,
seeds and epochs: as many processes as workers, one thread each, warm (Keras imported, a network trained
before the clock starts), taking one trial after another. No driver, no scheduler, no rungs, nothing written.
Twice:

- tight, the floor: our own training, proof and measuring;
- bare, a peer: Keras' `fit` on arrays in memory, `predict` on the validation rows after every epoch, and
  nothing else. It ends epochs with a wait that ours does without (`search/training/feeding.py`).
"""

import multiprocessing
import queue
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search.data.trial_data import TrialData
from search.evaluation.binary import policy_of
from search.networks import backend
from search.record import Ask, Record
from search.runs.run_folder import RunFolder
from search.scores.reference import Reference
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Session
from search.trials import baselines, preparation
from search.trials.trial import estimates_log_odds
from spaces.configuration import Config
from spaces.heads import HEADS
from spaces.study import Study
from tests.benchmarks.results import Result, shown
from tests.benchmarks.studies import SHORT, Searched, cores, quickstart, ran, searched
from tests.helpers.measured import measure

TRIALS = 8


def tight(ask: Ask, epochs: int, study: Study, data: TrialData, reference: Reference) -> None:
    """Trains a trial in one go and measures it."""
    start = keras_trainer if ask.baseline is None else baselines.start
    session: Session = start(ask, study, data)
    if epochs:
        session.advance(epochs)
    policy = policy_of(study, ask.config.threshold if ask.config else None)
    probabilistic = ask.config is None or estimates_log_odds(ask.config)
    measure(session.best().raw, reference, study, policy, probabilistic=probabilistic)


def bare(ask: Ask, epochs: int, study: Study, data: TrialData, reference: Reference) -> None:
    """Fits the same network on arrays in memory, as short as Keras lets one write it."""
    if ask.config is None:
        baselines.start(ask, study, data).best()
        return
    fit(ask.config, ask.seed, epochs, data)


def fit(config: Config, seed: int, epochs: int, data: TrialData) -> None:
    """See `bare`."""
    import keras

    from search.networks import model as network
    from search.networks.losses import training_loss
    from search.training.feeding import BATCH
    from search.training.row_weights import row_weights

    class Scores(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.predict(data.x_validation, batch_size=BATCH, verbose=0)

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    head = HEADS[config.head]
    model = network.build(config, data.x_train.shape[1:], str(data.x_train.dtype))
    model.compile(network.optimizer(config), training_loss(head, config.loss, config.loss_parameters))
    weights = row_weights(data.y_train, config.class_weight)
    model.fit(
        data.x_train,
        head.encode(data.y_train),
        sample_weight=weights,
        batch_size=config.batch_size,
        epochs=epochs,
        callbacks=[Scores()],
        verbose=0,
    )


def work(path: Path, todo: list[Record], bare_fit: bool, turn: Any, barrier: Any, ended: Any) -> None:
    """One process: readies itself, waits for the others, and takes trials until none is left."""
    folder = RunFolder(path)
    study = folder.study()
    backend.start(study.resources.cpus, study.resources.gpu_share, study.resources.gpu_memory)
    backend.import_keras()
    prepared = preparation.prepare(study, path, folder.prepared)
    data, reference = prepared.trial_data(), folder.reference()
    if bare_fit:
        data = TrialData(data.x_train[:], data.y_train, data.x_validation[:], data.y_validation)
    few = TrialData(data.x_train[:64], data.y_train[:64], data.x_validation[:64], data.y_validation[:64])
    author = next(record.ask for record in todo if record.ask.config is not None)
    fit(author.config, 0, 1, few)
    barrier.wait()
    began = time.time()
    while True:
        with turn.get_lock():
            taken = turn.value
            turn.value += 1
        if taken >= len(todo):
            break
        (bare if bare_fit else tight)(todo[taken].ask, todo[taken].epochs or 0, study, data, reference)
    ended.put((began, time.time()))


def floor_s(run: RunFolder, *, bare_fit: bool) -> float:
    """Wall time of a run's trials in processes of their own, from the first's start to the last's end."""
    todo, workers = ran(run.records()), cores()
    context = multiprocessing.get_context("spawn")
    turn, barrier, ended = context.Value("i", 0), context.Barrier(workers), context.Queue()
    arguments = (run.path.resolve(), todo, bare_fit, turn, barrier, ended)
    processes = [context.Process(target=work, args=arguments, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    times: list[tuple[float, float]] = []
    while len(times) < workers:
        try:
            times.append(ended.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode for process in processes):
                raise RuntimeError("a process of the floor died") from None
    for process in processes:
        process.join()
    return max(end for _, end in times) - min(began for began, _ in times)


def results(full: bool = False) -> Iterator[Result]:
    """Runs search and floors in turn."""
    rounds: list[tuple[Searched, float, float]] = []
    trials = 24 if full else TRIALS
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(5 if full else 3):
            changes = {"budget": {"trials": trials}, "seed": number, **({} if full else SHORT)}
            run = searched(quickstart(Path(scratch), **changes), f"floor-{number}")
            rounds.append((run, floor_s(run.folder, bare_fit=False), floor_s(run.folder, bare_fit=True)))
    failed = sum(len(run.folder.records()) - len(ran(run.folder.records())) for run, _, _ in rounds)
    ours = tuple(run.wall_s for run, _, _ in rounds)
    what = f"a search of {trials} trials and two baselines, from the first's start"
    yield Result(
        what=what,
        ours=ours,
        unit="s",
        against="the same trials in one tight warm process per core",
        theirs=tuple(tight_s for _, tight_s, _ in rounds),
        note=f"{failed} trials failed and are not in the floor" if failed else "",
    )
    yield Result(
        what=what,
        ours=ours,
        unit="s",
        against="Keras' own `fit` and `predict` of the same trials on arrays in memory, per core",
        theirs=tuple(bare_s for _, _, bare_s in rounds),
    )


if __name__ == "__main__":
    shown(results)
