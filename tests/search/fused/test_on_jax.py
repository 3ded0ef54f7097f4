"""Runs the tests of fused trials, which need Keras on JAX, in a process of their own."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax"),
    pytest.mark.timeout(1800),
]


def on_jax(*arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", "tests/search/fused/on_jax", "-q", "-x", *arguments]
    ended = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


@pytest.mark.slow
def test_fused_trials():
    on_jax("-m", "not slow")


@pytest.mark.slow
def test_fused_searches():
    on_jax("-m", "slow")
