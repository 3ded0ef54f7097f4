"""Runs the tests of fused trials, which need Keras on JAX, in a process of their own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.helpers.jax_cache import compiled_once

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax"),
    pytest.mark.timeout(1800),
]


def on_jax(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", "tests/search/fused/on_jax", "-q", "-x", *arguments]
    ended = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, **compiled_once(folder), "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


@pytest.mark.slow
def test_fused_trials(tmp_path):
    on_jax(tmp_path, "-m", "not slow")


@pytest.mark.slow
def test_fused_searches(tmp_path):
    on_jax(tmp_path, "-m", "slow")
