"""What a process of a Ray of our own imports as it starts, before it is given a trial; Ray names it."""

import os

# Linear algebra takes its number of threads when it is imported. Ray says it with the first trial: the same.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import search.tuning.trainable  # noqa: F401
