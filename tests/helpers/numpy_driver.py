"""`python -m tests.helpers.numpy_driver STUDY.yaml RUNS [--resume RUN] [--set a.b=c]... [--address auto]`.

A driver without Keras. It is `search.py run` and `search.py resume` in all but the trainer, exit codes and
error lines included.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from cluster.commands.resume import resume
from cluster.commands.run import start
from search.training.trainer import Trainer
from spaces.errors import RunError
from spaces.study_file import read
from tests.helpers.numpy_trainer import numpy_trainer


def main(arguments: list[str], trainer: Trainer = numpy_trainer) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--address", choices=["auto", "local"], default="local")
    said = parser.parse_args(arguments)
    settings, console = tuple(said.set), Console(width=200)
    try:
        if said.resume is not None:
            resume(said.resume, settings, said.address, console, trainer)
        else:
            study = read(said.study, settings)
            start(study, said.study.parent, said.runs, None, said.address, console, trainer)
    except KeyboardInterrupt:
        print("driver: interrupted", file=sys.stderr)
        return 1
    except RunError as error:
        print(f"driver: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
