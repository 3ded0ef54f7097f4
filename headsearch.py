"""For notebooks: `import headsearch`, then `headsearch.search(X, y)`. All it does is hand over."""

from cluster.api import decide, resume, search
from cluster.notebook_run import Run, load
from spaces.errors import RunError

__all__ = ["Run", "RunError", "decide", "load", "resume", "search"]
