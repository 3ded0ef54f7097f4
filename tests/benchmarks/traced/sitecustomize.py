"""Python imports this as it starts, in every process of a search that has this folder on its path."""

from tests.benchmarks import phases

phases.watch()
