"""How many trials one program is to hold: as many as fit into memory, and as pay."""

import os

import jax
import numpy as np

from search.data.trial_data import TrialData, in_place_of_rows
from search.fused.engine import Engine
from search.networks import backend
from search.networks.trunks import author_config
from spaces.errors import RunError
from spaces.study import Study

ROWS_SHARE = 0.4
"""Of a device's memory, what rows may take."""
TRIALS_SHARE = 0.5
"""Of a device's memory, what the trials of one program may take."""
FILLS_FLOP = 7.5e10
"""So many operations a step fill a GPU: on an H100 the seizure CNN, of 1.2e9, gains up to 64 trials, and the
image CNN, of 1e11, gains nothing."""


def most_fused(study: Study, data: TrialData, engine: Engine, limit: int) -> tuple[int, str | None]:
    """Returns how many trials one program may hold, and why trials are not fused; None where they are.

    Args:
        study: the study.
        data: what trials see.
        engine: makes the program of the author's configuration, which is looked at.
        limit: how many it may hold, unless the study says how many.
    """
    asked, config = study.resources.fuse, author_config(study)
    reason = engine.unfit(config) or _rows_do_not_fit(in_place_of_rows(data))
    if reason is not None:
        return 1, reason
    if isinstance(asked, int):
        return asked, None
    try:
        flop, moved = engine.sizes_of(config).group.program.cost_of_a_step()
    except RunError:
        raise
    except Exception as error:
        return 1, f"its step cannot be compiled whole: {backend.failure(error)[:200]}"
    pays = FILLS_FLOP / max(flop, 1.0)
    # What a step reads and writes is more than it holds at once.
    fits = TRIALS_SHARE * memory_bytes() / max(moved, 1.0)
    most = int(min(limit, study.budget.trials, pays, fits))
    if most < 2:
        return 1, "one trial fills the device" if pays < 2 else "memory holds no second trial"
    return 2 ** int(np.log2(most)), None


def memory_bytes() -> int:
    """Returns the memory of the device that JAX computes on, as far as this process may use it."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return int(stats.get("bytes_limit") or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _rows_do_not_fit(data: TrialData) -> str | None:
    needed = sum(int(np.prod(x.shape)) * x.dtype.itemsize for x in (data.x_train, data.x_validation))
    most = ROWS_SHARE * memory_bytes()
    if needed <= most:
        return None
    return f"rows take {needed / 2**30:.1f} GiB, and {most / 2**30:.1f} GiB of the device are for them"
