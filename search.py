"""The entry: `python search.py`, or `ray submit cluster.yaml search.py`. All it does is hand over."""

import sys

if __name__ == "__main__":
    from cluster.commands import main

    sys.exit(main(sys.argv[1:]))
