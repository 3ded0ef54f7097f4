"""`python -m tests.helpers.linear_driver`: as `numpy_driver`, for every task."""

import sys

from tests.helpers.linear_trainer import linear_trainer
from tests.helpers.numpy_driver import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], linear_trainer))
