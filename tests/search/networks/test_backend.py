"""Keras in a process: which backend it comes with, and what its import leaves behind."""

import os
import subprocess
import sys

import pytest

from search.networks import backend
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("settings", "named"),
    [('{"backend": "jax"}', "jax"), ("{}", "tensorflow"), ("[]", "tensorflow"), ("{", "tensorflow")],
)
def test_the_backend_is_the_one_that_keras_will_take(tmp_path, monkeypatch, settings, named):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert backend.chosen() == "tensorflow"
    (tmp_path / "keras.json").write_text(settings)
    assert backend.chosen() == named
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend.chosen() == "torch"


def test_keras_agrees(keras):
    assert backend.chosen() == keras.config.backend()


@pytest.mark.slow
@pytest.mark.parametrize("guest", [True, False])
def test_only_where_the_process_is_ours_scikit_learn_and_garbage_are_left_out(guest):
    program = (
        "import gc, sys\n"
        "from search.networks import backend\n"
        f"backend.import_keras(as_guest={guest})\n"
        "import keras\n"
        "try:\n"
        "    keras.wrappers.SKLearnClassifier(model=None)\n"
        "    wrapped = True\n"
        "except ImportError:\n"
        "    wrapped = False\n"
        "import sklearn\n"
        "print(wrapped, gc.get_freeze_count() > 100_000)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == [str(guest), str(not guest)]
