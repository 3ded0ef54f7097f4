"""`python -m tests.soak --minutes N [--seed S]`: every fault again and again, with new moments each time.

Prints a line for each scenario, and the table in the end. Fails at the first trial that is lost or twice.
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers import driving, scenarios
from tests.helpers.accounts import Account, table


def round_of(base: Path, clean: Path, rng: random.Random) -> list[Account]:
    """Does every fault a few times."""
    killed, orphans = scenarios.kill_drivers(base / "drivers", clean, rng, 7)
    driving.assert_gone(orphans)
    return [
        killed,
        scenarios.kill_workers(base / "workers", clean, rng, 6),
        scenarios.kill_hosts(base / "hosts", clean, rng, 3),
        *scenarios.misbehave(base / "misbehave", clean),
        scenarios.eat_memory(base / "memory", clean),
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args(arguments)
    rng, over = random.Random(said.seed), time.monotonic() + 60 * said.minutes
    found: dict[str, Account] = {}
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            clean = scenarios.clean_run(Path(folder) / "clean")
            for k in itertools.count():
                for account in round_of(Path(folder) / str(k), clean, rng):
                    account.check()
                    found[account.fault] = account + found.get(account.fault)
                print(f"round {k + 1}, {(over - time.monotonic()) / 60:.0f} minutes left", flush=True)
                if time.monotonic() > over:
                    break
        finally:
            driving.stop_all()
            print(table(list(found.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
