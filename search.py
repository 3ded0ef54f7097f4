#!/usr/bin/env python3
"""The entry: `python search.py`, or `ray submit cluster.yaml search.py`. All it does is hand over."""

import sys

if __name__ == "__main__":
    try:
        from cluster.cli import main
    except ModuleNotFoundError as error:
        from cluster.failures import explained

        line, code = explained(error)
        sys.stderr.write(f"search.py: {line}\n")
        sys.exit(code)
    sys.exit(main(sys.argv[1:]))
