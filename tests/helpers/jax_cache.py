"""What JAX compiles, kept for the processes of one test: it changes no bit of what they compute."""

from pathlib import Path

from search.networks import backend


def compiled_once(folder: Path) -> dict[str, str]:
    """The environment of processes that find what one of them has compiled in a folder."""
    settings = backend.cache_settings(str(folder / "compiled"))
    return {name.upper(): str(value) for name, value in settings.items()}
