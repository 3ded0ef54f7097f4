"""Notes when each trial was started, so that `status` can say how long it has been running."""

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path


class StartTimes:
    """The notes of one run; the latest of a trial counts.

    Args:
        logs: the run's folder of logs.
    """

    def __init__(self, logs: Path) -> None:
        self._path = logs / "started.jsonl"

    def note(self, trial_id: str) -> None:
        """Notes that a worker has begun a trial. Nothing rests on it: what cannot be written is left out."""
        line = json.dumps({"trial_id": trial_id, "at": datetime.now(UTC).isoformat(timespec="milliseconds")})
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")  # the newline in front ends a line that a crash may have torn

    def read(self) -> dict[str, datetime]:
        """Returns when each trial was last begun."""
        found = {}
        with contextlib.suppress(OSError):
            for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    noted = json.loads(line)
                    found[str(noted["trial_id"])] = datetime.fromisoformat(noted["at"])
        return found
