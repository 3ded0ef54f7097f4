"""`describe` says what a search would say of its data, before one is started."""

import numpy as np
import pytest
import yaml

from cluster.cli import main

RECORDINGS, SECONDS = 12, 90


@pytest.fixture
def study(tmp_path, monkeypatch, capsys):
    """Describes twelve recordings with a seizure each, with changes of arrays and of `data:`."""
    monkeypatch.chdir(tmp_path)

    def describe(arrays=None, asked=None, **data) -> str:
        second = np.tile(np.arange(SECONDS), RECORDINGS)
        kept = {
            "X": np.random.default_rng(0).normal(size=(second.size, 4)),
            "y": (second >= 30) & (second < 45),
            "recording": np.repeat(np.arange(RECORDINGS), SECONDS),
            "time": second,
        }
        np.savez("rows.npz", **(kept | (arrays or {})))
        named = {"source": "npz", "path": "rows.npz", "recording": "recording", "time": "time", "window_s": 1}
        study = {
            "name": "s",
            "trunk": {"name": "mlp"},
            "data": {k: v for k, v in (named | data).items() if v is not None},
            **(asked or {}),
        }
        (tmp_path / "s.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
        code = main(["describe", "s.yaml"])
        printed = capsys.readouterr()
        return " ".join((printed.err if code else printed.out).split())

    return describe


def test_what_event_scores_are_counted_on_or_why_there_are_none(study):
    assert "validation, event scores: recordings 3, hours 0.075, seizures by labels 3" in study()
    said = "validation, event scores: none, since"
    assert f"{said} the data name no window_s" in study(window_s=None)
    assert f"{said} the data name no times" in study(time=None)
    assert f"{said} windows cover 50.28% of their recordings and not 90%" in study(window_s=0.5)
    assert "start 0.01667 apart, as if in minutes" in study({"time": np.tile(np.arange(SECONDS), 12) / 60})


def test_what_a_search_would_refuse_of_the_labels_is_refused_here(study):
    """A constant target, one that float32 cannot tell apart, and rules for other classes than there are."""
    rows = RECORDINGS * SECONDS
    thirds = np.arange(rows) % 3
    said = study({"y": np.full(rows, 3.5)}, task="number")
    assert said == "search.py: a number to predict must vary, but all 630 targets are 3.5"
    said = study({"y": 1e9 + np.arange(rows) / rows}, task="number")
    assert "targets must vary by at least a thousandth of their mean" in said
    said = study({"y": thirds}, {"threshold": {"policy": "recall_at", "of_class": 7}})
    assert said == "search.py: threshold.of_class must be one of the classes 0, 1, 2, but got 7"
    said = study({"y": thirds}, {"threshold": {"policy": "cost", "costs": [[0, 1], [1, 0]]}})
    assert "threshold.costs must have a row for each class, but got 2 rows for 3 classes" in said
    said = study({"y": np.arange(rows)[:, None] % [2, 3, 5] == 0}, {"threshold": {"policy": "top_k", "k": 4}})
    assert said == "search.py: threshold.k must be at most the number of labels, 3, but got 4"
    assert "half-splits of the validation rows" in study({"y": thirds}, {"threshold": "argmax"})


def test_events_of_classes_are_counted_where_the_study_names_seizures(study):
    second = np.tile(np.arange(SECONDS), RECORDINGS)
    y = np.where(
        (second >= 30) & (second < 45), "focal", np.where((second >= 60) & (second < 63), "b c", "no")
    )
    assert "validation, event scores: none, since no one class is the positive one (events.pos" in study(
        {"y": y}
    )
    for positive, told in (("focal", "3, of 'focal'"), (["b c", "focal"], "6, of 'b c', 'focal'")):
        said = study({"y": y}, {"events": {"positive": positive}})
        assert f"validation, event scores: recordings 3, hours 0.075, seizures by labels {told}" in said
    refused = study({"y": y}, {"events": {"positive": "absent"}})
    assert (
        refused == "search.py: events.positive must be of the classes 'b c', 'focal', 'no', but got 'absent'"
    )
    assert "the task is binary; of two values data.positive" in study(None, {"events": {"positive": "focal"}})


def test_rules_that_the_labels_do_not_allow_are_refused_as_by_a_search(study):
    y = np.tile(np.arange(SECONDS) // 30, RECORDINGS).astype(str)
    refused = study({"y": y}, {"threshold": "youden"})
    assert refused.startswith(
        "search.py: threshold of a task of classes must be one of argmax, max_macro_f1,"
    )
