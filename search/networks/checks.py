"""Checks, before any trial, that a study's data and network fit each other."""

from search.networks.isolation import run_in_subprocess
from search.networks.trunks import TRUNKS, author_config, trunk_of
from spaces.configuration import Config
from spaces.errors import RunError
from spaces.study import Study


def check_shape(study: Study, shape: tuple[int, ...]) -> None:
    """Refuses data that the study's trunk cannot take, by their shape alone.

    Raises:
        RunError: naming the shapes it takes and the one that came.
    """
    trunk = trunk_of(study.trunk.name)
    if not trunk.fits(shape):
        fitting = [name for name, other in TRUNKS.items() if other.fits(shape)]
        raise RunError(
            f"trunk {trunk.name} takes rows of shape {trunk.takes}, but the data has {shape}; "
            f"trunks that fit: {', '.join(fitting)}"
        )


def check_network(study: Study, shape: tuple[int, ...]) -> None:
    """Refuses data that the study's trunk cannot take, and a trunk that no trial could build.

    A network of the user's own and pretrained weights are tried once, in a process of their own: seconds, at
    the start of a run. What only reads a trial's own weights needs `check_shape` alone.

    Raises:
        RunError: naming the rule and what came.
    """
    check_shape(study, shape)
    trunk, config = trunk_of(study.trunk.name), author_config(study)
    trunk.check(config, shape)
    if trunk.may_fail_to_build(config):
        run_in_subprocess(build_once, config, shape)


def build_once(config: Config, shape: tuple[int, ...]) -> None:
    """Builds the network of a configuration in this process, and refuses it if it would fail a trial.

    Raises:
        RunError: what is wrong, and what to use instead.
    """
    from search.networks import model

    trunk_of(config.trunk).check_build(config, lambda: model.build(config, shape, "float32"))
