"""A bundle scales 16-bit photos as those that it was trained on, or refuses them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cluster.cli import main
from reports.bundles.bundle import Bundle, load
from reports.bundles.inputs import open_inputs
from reports.bundles.schema import Input
from search.data import store
from spaces.errors import RunError
from tests.helpers.shipping import bundle_of_photos

pytestmark = pytest.mark.usefixtures("keras")


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint16)).save(path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, keras) -> Path:
    """Trained on dark and light photos of 12 bits in 16-bit files."""
    folder = tmp_path_factory.mktemp("deep")
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 2048)):
        for k in range(40):
            save(folder / "data" / name / f"{k}.png", rng.integers(low, low + 2048, (10, 10)))
    return bundle_of_photos(folder)


def rows(bundle: Bundle, path: Path) -> np.ndarray:
    (series,) = open_inputs(bundle, str(path)).series
    return np.concatenate([batch.x for batch in series.batches])


def with_bits(bundle: Bundle, bits: int | None) -> Bundle:
    takes = bundle.config.input.model_copy(update={"photo_bits": bits})
    return replace(bundle, config=bundle.config.model_copy(update={"input": takes}))


def test_predictions_are_those_of_the_rows_that_were_trained_on(bundle, tmp_path):
    root = bundle.parent
    (prepared,) = root.rglob(store.MANIFEST)
    x = store.open_stored(prepared.parent).rows.x[:]
    assert x.max() > 200
    assert load(bundle).config.input.photo_bits == 12
    out = tmp_path / "o.parquet"
    assert main(["predict", str(bundle), str(root / "data"), "--out", str(out)]) == 0
    assert pq.ParquetFile(out).read().drop_columns(["file"]).equals(load(bundle).predict(x))


def test_other_depths_are_refused_or_read_as_they_were(bundle, tmp_path, caplog):
    values = np.arange(64).reshape(8, 8)
    save(tmp_path / "a.png", values * 64)
    loaded = load(bundle)
    np.testing.assert_array_equal(rows(loaded, tmp_path)[0, ..., 0], values * 4)
    save(tmp_path / "b.png", values * 1024)
    message = r"^photos must be readable, but 1 of 2 are not: b\.png: 16 bits a value of which 16 are used, "
    with pytest.raises(RunError, match=message + "where the photos trained on use 12; mend or remove them$"):
        rows(loaded, tmp_path)
    eight = with_bits(loaded, None)
    with pytest.raises(
        RunError, match=r"2 of 2 are not: a\.png: 16 bits a value, where the photos trained on"
    ):
        rows(eight, tmp_path)
    older = with_bits(loaded, Input.model_fields["photo_bits"].default)
    np.testing.assert_array_equal(rows(older, tmp_path)[..., 0], np.stack([values // 4, values * 4]))
    assert not caplog.records
    rows(older, tmp_path / "a.png")
    assert caplog.records[0].getMessage() == (
        "16-bit photos use 12 bits at most, those trained on 16: scaled alike, they are darker"
    )
