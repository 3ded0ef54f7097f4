"""The configurations of the portfolio. Made by `python -m tests.benchmarks.portfolio choose`; see there."""

from collections.abc import Mapping
from types import MappingProxyType

from spaces.configuration import Config

TABLE: Mapping[str, tuple[tuple[Config, tuple[float, ...]], ...]] = MappingProxyType({})
"""By trunk: a configuration, and its shares on the data sets."""
