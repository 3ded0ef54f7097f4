"""Bundles of tables: columns are found by the names that were trained on, whatever else the file holds."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.datasets import load_breast_cancer

from cluster.cli import main
from reports.bundles.bundle import Bundle, load
from reports.bundles.inputs import open_inputs
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from tests.helpers.driving import ROOT, environment, write_study
from tests.helpers.shipping import train

pytestmark = pytest.mark.usefixtures("keras")

STEPS = 24


def write_csv(path: Path, columns: dict) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    return path


def uci(rows: int, seed: int = 0) -> dict:
    """Columns in the form of UCI's seizure recognition table: seizures, y 1, are larger."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 5 + 1
    x = rng.normal(0, np.where(y == 1, 300, 60)[:, None], (rows, STEPS)).round().astype(int)
    named = {f"X{k + 1}": x[:, k].tolist() for k in range(STEPS)}
    return {"": [f"X{k % 3 + 1}.V1.{k // 3}" for k in range(rows)], **named, "y": y.tolist()}


@pytest.fixture(scope="module")
def seizures(tmp_path_factory, keras) -> Path:
    """A bundle trained on a table in UCI's form, as a signal of `STEPS` steps."""
    folder = tmp_path_factory.mktemp("uci")
    write_csv(folder / "data.csv", uci(600))
    data = {
        "source": "table", "path": str(folder / "data.csv"), "label": "y", "features": "X*",
        "shape": [STEPS, 1], "positive": [1], "group": "", "group_pattern": r"^X[0-9]+[.](.+)$",
    }  # fmt: skip
    run = RunFolder(folder / "runs" / "uci")
    train(run, write_study(folder, {"data": data}), [("sigmoid", "bce")])
    assert main(["promote", str(run.path), "--to", str(folder / "bundle")]) == 0
    return folder / "bundle"


def predicted(bundle: Path, data: Path, out: Path) -> pa.Table:
    assert main(["predict", str(bundle), str(data), "--out", str(out)]) == 0
    return pq.ParquetFile(out).read()


def refused(capsys, bundle: Path, data: Path) -> str:
    capsys.readouterr()
    assert main(["predict", str(bundle), str(data), "--out", str(data.parent / "o.parquet")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("search.py: ")


def test_the_config_names_the_columns_and_the_card_says_them(seizures):
    takes = yaml.safe_load((seizures / "config.yaml").read_text())["input"]
    assert takes["columns"] == [f"X{k + 1}" for k in range(STEPS)]
    assert (takes["row_columns"], takes["shape"]) == ({"group": ""}, [STEPS, 1])
    assert "- columns of a table: X1, X2, X3, X4, X5, X6, X7, X8 and 16 more, by name; all" in (
        (seizures / "MODEL_CARD.md").read_text()
    )


def test_columns_are_found_by_name_in_any_order_and_form(seizures, tmp_path):
    new = uci(90, seed=1)
    whole = predicted(seizures, write_csv(tmp_path / "new.csv", new), tmp_path / "o.parquet")
    assert whole.column_names == ["row", "group", "score", "probability", "label"]
    assert whole["row"].to_pylist() == list(range(90))
    assert whole["group"].to_pylist() == new[""]
    x = np.array([new[f"X{k + 1}"] for k in range(STEPS)], np.float32).T[:, :, None]
    assert whole.select(["score", "probability", "label"]).equals(load(seizures).predict(x))
    found = np.array(whole["label"].to_pylist())
    assert set(found) == {"1", "not 1"}
    assert np.mean((found == "1") == (np.array(new["y"]) == 1)) > 0.9
    # Further columns come first, features last to first, no label and no group.
    mixed = {"note": ["a,b"] * 90, "X0": [1e9] * 90} | {
        f"X{k + 1}": new[f"X{k + 1}"] for k in range(STEPS)[::-1]
    }
    write_csv(tmp_path / "mixed.csv", mixed)
    pq.write_table(pa.table(mixed), tmp_path / "mixed.parquet")
    pyarrow.feather.write_feather(pa.table(mixed), tmp_path / "mixed.feather")
    np.savez(tmp_path / "rows.npz", X=x)
    for name in ("mixed.csv", "mixed.parquet", "mixed.feather", "rows.npz"):
        again = predicted(seizures, tmp_path / name, tmp_path / "again.parquet")
        assert again.equals(whole.drop_columns(["group"])), name


def test_what_a_table_lacks_is_named(seizures, tmp_path, capsys):
    new = uci(20, seed=1)
    lacking = {name: column for name, column in new.items() if name not in ("X3", "X7")}
    assert refused(capsys, seizures, write_csv(tmp_path / "new.csv", lacking)).startswith(
        "a table to predict must have every column that the bundle was trained on, but new.csv lacks "
        "'X3', 'X7'; it has '', 'X1', 'X2', 'X4', 'X5', 'X6', 'X8', 'X9' and 16 more"
    )
    missing = new | {"X4": ["", *new["X4"][1:]]}
    assert "X4 has none in 1 of 20 rows, the first is row 1" in refused(
        capsys, seizures, write_csv(tmp_path / "new.csv", missing)
    )
    text = new | {"X4": [*new["X4"][:-1], "high"]}
    assert "X4 must hold numbers, but row 20 has 'high' (new.csv)" in refused(
        capsys, seizures, write_csv(tmp_path / "new.csv", text)
    )
    pq.write_table(pa.table([[1.0], [2.0]] * STEPS, names=["X1", "X2"] * STEPS), tmp_path / "twice.parquet")
    assert "lacks 'X3', 'X4'" in refused(capsys, seizures, tmp_path / "twice.parquet")
    (tmp_path / "new.csv").write_bytes(b"PK\x03\x04\0\0")
    assert "holds bytes that are not text" in refused(capsys, seizures, tmp_path / "new.csv")
    (tmp_path / "folder").mkdir()
    assert refused(capsys, seizures, tmp_path / "folder").endswith("folder is a folder")


def test_rows_keep_their_group_recording_and_time_even_where_some_have_none(seizures, tmp_path):
    bundle = load(seizures)
    named = {
        "group": "who",
        "recording": "file",
        "time": "at",
    }
    known = with_input(bundle, row_columns=named)
    new = uci(3) | {"who": ["007", "", "7"], "at": [0.5, 1, 1.5]}
    write_csv(tmp_path / "new.csv", new)
    (series,) = open_inputs(known, str(tmp_path / "new.csv")).series
    (batch,) = series.batches
    assert {name: column.to_pylist() for name, column in batch.columns.items()} == {
        "row": [0, 1, 2], "group": ["007", None, "7"], "start_s": [0.5, 1.0, 1.5],
    }  # fmt: skip
    write_csv(tmp_path / "new.csv", new | {"at": ["0", "noon", "1"]})
    with pytest.raises(RunError, match="at must hold numbers, but row 2 has 'noon'"):
        open_inputs(known, str(tmp_path / "new.csv"))


def test_a_bundle_that_names_no_columns_reads_no_table(seizures, tmp_path):
    bundle = load(seizures)
    write_csv(tmp_path / "new.csv", uci(3))
    with pytest.raises(RunError, match="to read a table a bundle must name its columns, which this one does"):
        open_inputs(with_input(bundle, columns=None), str(tmp_path / "new.csv"))


def with_input(bundle: Bundle, **changes: Any) -> Bundle:
    takes = bundle.config.input.model_copy(update=changes)
    return Bundle(bundle.config.model_copy(update={"input": takes}), bundle.model)


@pytest.mark.slow
def test_a_table_of_scikit_learns_goes_from_run_to_predictions(tmp_path):
    cancer = load_breast_cancer()
    columns = {name: cancer.data[:, k].tolist() for k, name in enumerate(cancer.feature_names)}
    pq.write_table(pa.table(columns | {"target": cancer.target}), tmp_path / "cancer.parquet")
    features, budget = ["mean *", "worst *"], {"trials": 2}
    data = {"source": "table", "path": "cancer.parquet", "label": "target", "features": features}
    write_study(tmp_path, {"name": "cancer", "data": data, "trunk": {"name": "mlp"}, "budget": budget})
    write_csv(tmp_path / "new.csv", columns)
    for command in (
        "describe study.yaml",
        "run study.yaml",
        "leaderboard runs/cancer",
        "promote runs/cancer --to bundle",
        "predict bundle new.csv --out o.parquet",
    ):
        subprocess.run(
            [sys.executable, ROOT / "search.py", *command.split()],
            cwd=tmp_path,
            env=environment(),
            check=True,
        )
    told = pq.ParquetFile(tmp_path / "o.parquet").read()
    assert np.mean(np.array(told["label"].to_pylist()) == cancer.target) > 0.8
