"""What JAX compiles, kept for the processes of one test: it changes no bit of what they compute."""

from pathlib import Path


def compiled_once(folder: Path) -> dict[str, str]:
    """The environment of processes that find what one of them has compiled in a folder."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
