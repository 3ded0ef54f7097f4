"""The entry: `python search.py`, or `ray submit cluster.yaml search.py`. All it does is hand over."""

import sys

if __name__ == "__main__":
    try:
        from cluster.cli import main
    except ModuleNotFoundError as error:
        if error.name in ("spaces", "search", "reports", "cluster"):
            raise
        sys.stderr.write(
            f"search.py: this Python ({sys.executable}) lacks {error.name}; use the one that `make search` "
            "sets up: source .venv/bin/activate\n"
        )
        sys.exit(2)
    sys.exit(main(sys.argv[1:]))
