"""A bundle on disk: loaded only if every file is as it was written, and refused in one line otherwise."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cluster.cli import main
from reports.bundles.bundle import ALWAYS, FORMAT, SUMS, write_sums
from reports.bundles.bundle import load as bundle_of
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from tests.helpers import driving
from tests.helpers.driving import write_study
from tests.helpers.shipping import train, validation

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def run(tmp_path_factory, keras) -> RunFolder:
    """A run of one trained trial, whose labels are text."""
    folder = tmp_path_factory.mktemp("text")
    data = {"source": "npz", "path": str(folder / "data.npz"), "group": "group", "positive": "attack"}
    made = RunFolder(folder / "runs" / "toy")
    train(made, write_study(folder, {"data": data}, labels=("calm", "attack")), [("sigmoid", "bce")])
    return made


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory) -> Path:
    """The trial, promoted by the command."""
    to = tmp_path_factory.mktemp("bundle") / "best"
    assert main(["promote", str(run.path), "--to", str(to)]) == 0
    return to


@pytest.fixture
def copy(bundle, tmp_path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


FILES = ["config.yaml", "model.keras", "MODEL_CARD.md", "model.onnx", "saved_model/saved_model.pb",
         "saved_model/variables/variables.data-00000-of-00001"]  # fmt: skip


def refusal(bundle: Path, capsys) -> str:
    """The one line with which a bundle is refused."""
    assert main(["predict", str(bundle), "x.npz", "--out", "out.parquet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("search.py: ")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["changed", "missing", "unlisted"])
def test_a_damaged_bundle_is_one_line(copy, capsys, name, damage):
    path = copy / name
    if damage == "changed":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "missing":
        path.unlink()
    else:
        sums = (copy / SUMS).read_text().splitlines()
        (copy / SUMS).write_text("\n".join(line for line in sums if name not in line))
    # A file that is not listed was added, unless no bundle is without it.
    added = "is not listed" if name in ALWAYS else "was added"
    what = {"changed": "has changed", "missing": "is missing", "unlisted": added}[damage]
    line = refusal(copy, capsys)
    assert line == f"every file of a bundle must be as it was written, but {path} {what} (see SHA256SUMS)"


@pytest.mark.parametrize("name", ["notes.txt", "saved_model/assets/code.py", "saved_model/more"])
def test_what_was_added_to_a_bundle_is_one_line(copy, tmp_path, capsys, name):
    path = copy / name
    if name.endswith("more"):
        path.symlink_to(tmp_path)  # whatever lies behind it was never summed
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert refusal(copy, capsys) == (
        f"every file of a bundle must be as it was written, but {path} was added (see SHA256SUMS)"
    )


def replace_model(bundle: Path, model) -> None:
    """Puts another model into a bundle, as if it had been written so."""
    model.save(bundle / "model.keras")
    write_sums(bundle)


def test_a_model_of_other_rows_is_one_line(copy, keras, capsys):
    inputs = keras.Input((5,), dtype="float32", name="x")
    score = inputs[:, 0]
    outputs = {"score": score, "probability": keras.ops.sigmoid(score), "label": score >= 0}
    replace_model(copy, keras.Model(inputs, outputs))
    np.savez(copy.parent / "x.npz", X=np.zeros((3, 4), np.float32))
    assert main(["predict", str(copy), str(copy.parent / "x.npz"), "--out", str(copy.parent / "o")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "search.py: the model of a bundle takes what its config.yaml says, float32 rows of shape (4,), "
        f"but {copy / 'model.keras'} takes float32 rows of shape (5,)"
    )
    replace_model(copy, keras.Sequential([keras.Input((4,), dtype="float32"), keras.layers.Dense(1)]))
    with pytest.raises(RunError, match=r"a bundle returns label, probability, score, but .* does not"):
        bundle_of(copy)


def test_a_model_that_brings_code_along_is_one_line(copy, keras, capsys):
    inputs = keras.Input((4,), dtype="float32", name="x")
    replace_model(copy, keras.Model(inputs, {"score": keras.layers.Lambda(lambda x: x[:, 0])(inputs)}))
    with pytest.raises(RunError, match=r"must load in Keras' safe mode, but that gave ValueError: .*Lambda"):
        bundle_of(copy)


def test_a_bundle_is_loaded_by_its_path_in_words(run, bundle):
    loaded = bundle_of(str(bundle))
    assert loaded.predict(validation(run)).equals(bundle_of(bundle).predict(validation(run)))


def test_promotion_is_imported_without_tensorflow():
    program = (
        "import sys, reports.bundles.promotion; print({'keras', 'tensorflow', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=driving.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def rewrite_config(bundle: Path, change) -> None:
    """Changes what a bundle says of itself, as if it had been written so."""
    path, sums = bundle / "config.yaml", bundle / SUMS
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(before, after))


def test_a_bundle_of_the_first_format_is_read(run, copy, tmp_path, capsys):
    """As it was written before events and recordings were known."""
    x = validation(run)
    expected = bundle_of(copy).predict(x)

    def older(config):
        config["format"] = 1
        del config["events"], config["split"], config["test"]["patients"], config["exports"], config["forced"]
        del config["input"]["root_mean_square"], config["input"]["quantiles"]
        for name in ("chosen_by", "policy_threshold_score"):
            del config["decision"][name]

    rewrite_config(copy, older)
    (copy / "notes.txt").write_text("earlier formats did not mind")
    np.savez(tmp_path / "new.npz", X=x)
    out = tmp_path / "out.parquet"
    assert main(["predict", str(copy), str(tmp_path / "new.npz"), "--out", str(out)]) == 0
    assert f"{len(x)} rows -> {out}; positive is 'attack'" in capsys.readouterr().out
    assert pq.ParquetFile(out).read().drop_columns(["row"]).equals(expected)


def test_a_later_format_is_one_line(copy, capsys):
    rewrite_config(copy, lambda config: config.update(format=FORMAT + 1))
    assert main(["predict", str(copy), "x.npz", "--out", "out.parquet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"search.py: this headsearch reads bundles up to format {FORMAT}, but {copy} has {FORMAT + 1}"
    )


def test_a_config_of_other_content_is_one_line(copy, capsys):
    rewrite_config(copy, lambda config: config["input"].update(shape="four"))
    assert main(["predict", str(copy), "x.npz", "--out", "out.parquet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "search.py: the config.yaml of a bundle must hold what docs/bundle.schema.json says, but input.shape "
        f"of {copy} does not: Input should be a valid tuple"
    )


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_what_is_no_bundle_is_one_line(tmp_path, capsys, folder):
    assert main(["predict", str(tmp_path / folder), "x.npz", "--out", "out.parquet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("search.py: a bundle is a folder with SHA256SUMS, but ")
