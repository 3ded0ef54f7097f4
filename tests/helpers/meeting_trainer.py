"""`python -m tests.helpers.meeting_trainer STUDY RUNS ...`: a driver whose trials wait for each other.

As many as fit on four GPUs begin together. Workers import the trainer by name. Who has begun stands in
`starts/`, beside the study's data.
"""

import sys
import time
from pathlib import Path

from search.data.trial_data import TrialData
from search.record import Ask
from spaces.study import Study
from tests.helpers import meeting_trainer as by_name
from tests.helpers.numpy_driver import main
from tests.helpers.numpy_trainer import Descent, numpy_trainer

GPUS = 4
PATIENCE_S = 180


def meeting_trainer(ask: Ask, study: Study, data: TrialData) -> Descent:
    """Starts a session once all places are taken; a test that waits in vain fails by what it finds."""
    starts = Path(study.data.path).parent / "starts"
    starts.mkdir(exist_ok=True)
    (starts / ask.trial_id).touch()
    places, deadline = round(GPUS / study.resources.gpu_share), time.monotonic() + PATIENCE_S
    while len(list(starts.iterdir())) < places and time.monotonic() < deadline:
        time.sleep(0.05)
    return numpy_trainer(ask, study, data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], by_name.meeting_trainer))
