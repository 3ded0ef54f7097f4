"""Heads x losses: every pair that people write has a verdict, and a refusal comes before anything starts."""

import re
import subprocess
import sys

import pytest

from cluster.cli import main
from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.pairs import LOSS_SPELLINGS, WRITTEN_HEADS, WRITTEN_LOSSES, judge, resolve
from spaces.study import Study
from spaces.study_file import parse
from tests.conftest import ROOT

VERDICTS = [judge(head, loss) for head in WRITTEN_HEADS for loss in WRITTEN_LOSSES]
REFUSED = [verdict for verdict in VERDICTS if verdict.kind == "refused"]
each = pytest.mark.parametrize("verdict", VERDICTS, ids=lambda v: f"{v.head}-{v.loss}")
each_refused = pytest.mark.parametrize("verdict", REFUSED, ids=lambda v: f"{v.head}-{v.loss}")


@each
def test_a_pair_is_valid_exactly_where_its_head_takes_the_loss(verdict):
    takes = verdict.head in HEADS and verdict.loss in HEADS[verdict.head].losses
    assert (verdict.kind == "valid") == takes
    assert not takes or verdict.instead == (verdict.head, verdict.loss)


@each
def test_every_verdict_points_to_a_valid_pair(verdict):
    assert judge(*verdict.instead).kind == "valid"
    assert verdict.why
    if verdict.kind != "refused":
        assert resolve(verdict.head, verdict.loss) == verdict.instead


def test_each_failure_of_the_field_is_refused():
    for head, loss in (("softmax_1", "bce"), ("softmax", "bce"), ("sigmoid", "cce"), ("linear", "mse")):
        assert judge(head, loss).kind == "refused"


@pytest.mark.parametrize("loss", ["bce", "focal", "brier", "mse"])
def test_two_sigmoid_columns_are_a_head_of_their_own(loss):
    assert resolve("sigmoid_2", loss) == ("two_sigmoids", "brier" if loss == "mse" else loss)
    assert resolve("linear_2", "binary_crossentropy") == ("two_sigmoids", "bce")
    for head in ("two_sigmoids", "sigmoid_2"):
        for entropy in ("cce", "sparse_cce"):
            verdict = judge(head, entropy)
            assert verdict.kind == "refused"
            assert "a softmax of their logits on TensorFlow" in verdict.why


def test_two_sigmoids_are_searched_only_where_a_study_names_them():
    assert set(Study().space.heads) == set(HEADS) - {"two_sigmoids"}
    named = parse({"space": {"heads": ["two_sigmoids"]}})
    assert named.space.heads == {"two_sigmoids": ("bce", "focal", "brier")}


def names_all(message: str, verdict) -> bool:
    """Whether a message holds the rule, what was received and the nearest valid pair."""
    head, loss = verdict.instead
    return (
        verdict.why in message
        and f"got head {verdict.head} ({WRITTEN_HEADS[verdict.head]}) with loss {verdict.loss}" in message
        and f"nearest valid: head {head} with loss {loss}" in message
    )


@each_refused
def test_a_refusal_says_rule_received_and_nearest(verdict):
    with pytest.raises(RunError) as caught:
        resolve(verdict.head, verdict.loss)
    assert names_all(str(caught.value), verdict)
    assert caught.value.exit_code == 2


def write_study(folder, verdict):
    study = folder / "study.yaml"
    study.write_text(f"preset: quickstart\nspace: {{heads: {{{verdict.head}: {verdict.loss}}}}}\n")
    return str(study)


def check_refusal(code, out, error, folder, verdict):
    assert code == 2
    assert out == ""
    assert error.count("\n") == 1
    assert error.startswith("search.py: ")
    assert names_all(error, verdict)
    assert "study.yaml: space.heads" in error
    assert "Traceback" not in error
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]


@each_refused
def test_the_command_line_refuses_before_anything_starts(tmp_path, monkeypatch, capfd, verdict):
    study = write_study(tmp_path, verdict)
    monkeypatch.chdir(tmp_path)
    code = main(["run", study])
    out, error = capfd.readouterr()
    check_refusal(code, out, error, tmp_path, verdict)


@pytest.mark.parametrize("verdict", REFUSED[::16], ids=lambda v: f"{v.head}-{v.loss}")
def test_so_does_the_program(tmp_path, verdict):
    command = [sys.executable, ROOT / "search.py", "run", write_study(tmp_path, verdict)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    check_refusal(ended.returncode, ended.stdout, ended.stderr, tmp_path, verdict)


@pytest.mark.parametrize(("written", "loss"), LOSS_SPELLINGS.items())
def test_keras_names_are_understood(written, loss):
    for head in WRITTEN_HEADS:
        ours, theirs = judge(head, loss), judge(head, written)
        assert (theirs.kind, theirs.why, theirs.instead) == (ours.kind, ours.why, ours.instead)
    assert resolve("sigmoid", "binary_crossentropy") == ("sigmoid", "bce")
    assert resolve("softmax", "sparse_categorical_crossentropy") == ("softmax", "cce")


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(RunError, match=r"head must be one of .*, but got 'sigmoyd'; nearest is 'sigmoid'"):
        resolve("sigmoyd", "bce")
    with pytest.raises(RunError, match=r"loss must be one of .*, but got 'focall'; nearest is 'focal'"):
        resolve("sigmoid", "focall")


def test_the_table_of_pairs_shows_every_pair(capfd):
    assert main(["spaces"]) == 0
    shown = re.sub(r"\s+", " ", capfd.readouterr().out)
    assert "searched unless a study names its own: sigmoid, softmax, margin" in shown
    for verdict in VERDICTS:
        if verdict.kind != "valid":
            assert f"{verdict.head} + {verdict.loss} " in shown
