"""These tests need Keras on JAX: test_on_jax.py, one folder up, runs them in a process of its own."""

import pytest

from search.networks import backend

if backend.chosen() != "jax":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def on_jax(keras):
    """Keras on JAX, on one thread."""
    assert keras.config.backend() == "jax"
