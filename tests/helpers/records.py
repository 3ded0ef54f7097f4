"""A record as a finished trial leaves it, for tests that only look at records."""

from search.record import Ask, Record
from spaces.configuration import Config

CONFIG = Config(
    trunk="mlp",
    width=1.0,
    head="sigmoid",
    loss="bce",
    learning_rate=1e-3,
    optimizer="adam",
    batch_size=32,
    class_weight="none",
    hidden_layers="none",
    dropout=0.0,
    label_smoothing=0.05,
)


def config_of(number: int) -> Config:
    """A configuration that, by its learning rate, no other number has."""
    return CONFIG.model_copy(update={"learning_rate": 1e-3 + number * 1e-9})


def seed_of(config: int, number: int, **changes) -> Record:
    """A trial of the configuration of that number, with a seed of its own."""
    return record(
        number, ask=Ask(number=number, kind="search", config=config_of(config), seed=number), **changes
    )


def record(number: int = 2, **changes) -> Record:
    """A record whose configuration is that of no other number."""
    drawn = {"learning_rate": 1e-3}
    fields = {
        "ask": Ask(number=number, kind="search", config=config_of(number), drawn=drawn, seed=5),
        "state": "completed",
        "objective": "f1",
        "value": 0.5,
        "steering": "average_precision",
        "steering_value": 0.6,
        "threshold_score": 0.1,
        "threshold": 0.52,
        "threshold_policy": "max_f1",
        "calibration": "platt",
        "train_s": 1.0,
        "finished_at": "2025-01-01T00:00:00.000+00:00",
        "device": "cpu",
        "node": "here",
        "threads": 1,
        "groups": "known",
        "leaky": False,
        "cross_fit_by": "group",
        "data_digest": "d",
        "code_digest": "c",
    }
    return Record.model_validate(fields | changes)
