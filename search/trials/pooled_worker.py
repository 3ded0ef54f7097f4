"""What the processes have in common that `cluster.pool` starts, and gives one job after another."""

from search.networks import backend


class PooledWorker:
    """A process that stays warm: what one job imports is there for the next. Subclasses add `run`.

    Args:
        threads, gpu_share, gpu_memory: what the process may use, see `backend.start`.
    """

    def __init__(self, threads: int, gpu_share: float = 0.0, gpu_memory: str = "share") -> None:
        backend.start(threads, gpu_share, gpu_memory)
        self.gpu_share = gpu_share

    def ready(self) -> None:
        """Returns once the process is there."""
