"""`make bench-gpu` runs, small and on a CPU, where it shows nothing else."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.benchmarks import gpu
from tests.conftest import ROOT
from tests.helpers.jax_cache import compiled_once


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
def test_all_of_it_runs_small(tmp_path):
    log = gpu.LOG.read_text(encoding="utf-8")
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--small", "--no-log"]
    ended = subprocess.run(
        [*command, "--trials", "3", "--peers", "2"],
        cwd=ROOT,
        env={**os.environ, **compiled_once(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "plain Ray Tune, 2 trials, 4 to the GPU" in ended.stdout
    assert "by itself" in ended.stdout
    assert gpu.LOG.read_text(encoding="utf-8") == log


def test_what_a_run_says_of_its_seconds_is_read():
    said = (
        "2026 fused on gpu:0: 45 epochs in 7 calls of 432000 rows; seconds: training 0.9, compiling 44.9, "
        "beginning 9.9, scores and proofs 7.3, waiting 129.9"
    )
    spent = gpu.SPENT.search(said)
    assert spent is not None
    assert spent.groupdict() == {
        "device": "gpu:0",
        "epochs": "45",
        "calls": "7",
        "rows": "432000",
        "training": "0.9",
        "compiling": "44.9",
        "beginning": "9.9",
        "scoring": "7.3",
        "waiting": "129.9",
    }


def test_rows_are_the_same_for_every_system(tmp_path):
    import numpy as np

    gpu.written(tmp_path, gpu.SMALL)
    ours = np.load(tmp_path / "windows.npz")
    for part in ("train", "validation"):
        x = np.load(tmp_path / f"x_{part}.npy")
        assert len(x) == getattr(gpu.SMALL, part)
        np.testing.assert_array_equal(x, ours["X"][ours["part"] == part])
