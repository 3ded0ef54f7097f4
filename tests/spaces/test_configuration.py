"""Drawing a configuration: head, then its losses, then the parameters of that branch and of no other."""

from itertools import product

import optuna
import pytest

from spaces.configuration import Config, suggest
from spaces.heads import HEADS
from spaces.losses import LOSSES
from spaces.study_file import parse
from tests.helpers.script import Script

BRANCH_ONLY = {"weight_decay", "momentum", "label_smoothing", "focal_gamma", "focal_alpha", "threshold"}
ALL_HEADS = {"space": {"heads": list(HEADS)}}
ALWAYS = {"head", "optimizer", "learning_rate", "dropout", "batch_size", "class_weight", "hidden_layers"}
OPTIMIZER_PARAMETERS = {"adam": set(), "adamw": {"weight_decay"}, "sgd": {"momentum"}}
BRANCHES = [
    (head.name, loss, optimizer)
    for head, optimizer in product(HEADS.values(), OPTIMIZER_PARAMETERS)
    for loss in head.losses
]


def draw(head, loss, optimizer, written=None):
    trial = Script(head=head, optimizer=optimizer, **{f"{head}_loss": loss})
    return trial, suggest(trial, parse(ALL_HEADS | (written or {})))


@pytest.mark.parametrize(("head", "loss", "optimizer"), BRANCHES)
def test_a_branch_draws_its_own_parameters_and_no_others(head, loss, optimizer):
    trial, config = draw(head, loss, optimizer)
    own = set(LOSSES[loss].parameters) | OPTIMIZER_PARAMETERS[optimizer]
    assert (config.head, config.loss, config.optimizer) == (head, loss, optimizer)
    assert set(trial.asked) == ALWAYS | {f"{head}_loss"} | own
    assert {name for name in BRANCH_ONLY if getattr(config, name) is not None} == own
    assert set(config.loss_parameters) == set(LOSSES[loss].parameters)
    assert trial.asked[f"{head}_loss"] == HEADS[head].losses


@pytest.mark.parametrize(("head", "loss", "optimizer"), BRANCHES)
def test_what_optuna_holds_is_what_the_configuration_says(head, loss, optimizer):
    study = parse(ALL_HEADS)
    seen = suggest(Script(head=head, optimizer=optimizer, **{f"{head}_loss": loss}), study)
    fixed = seen.model_dump(exclude_none=True) | {f"{head}_loss": loss}
    trial = optuna.trial.FixedTrial(fixed)
    assert suggest(trial, study) == seen
    assert {name: value for name, value in trial.params.items() if name != f"{head}_loss"} == {
        name: getattr(seen, name) for name in trial.params if name != f"{head}_loss"
    }


def test_ranges_reach_the_sampler_as_written():
    trial, _ = draw("sigmoid", "bce", "adam")
    assert trial.asked["learning_rate"] == (1e-4, 1e-2, True)
    assert trial.asked["dropout"] == (0.0, 0.5, False)


def test_a_threshold_is_drawn_only_if_the_study_samples_it():
    sampled = {"threshold": {"low": 0.1, "high": 0.9}}
    trial, config = draw("sigmoid", "bce", "adam", sampled)
    assert trial.asked["threshold"] == (0.1, 0.9, False)
    assert config.threshold == 0.1
    for policy in ("max_f1", {"policy": "fixed", "at": 0.3}, "youden"):
        trial, config = draw("sigmoid", "bce", "adam", {"threshold": policy})
        assert "threshold" not in trial.asked
        assert config.threshold is None


def test_a_single_choice_is_no_question():
    space = {
        "heads": {"margin": "hinge"},
        "learning_rate": 1e-3,
        "optimizer": "sgd",
        "momentum": 0.9,
        "batch_size": 64,
        "class_weight": "balanced",
        "hidden_layers": 32,
        "dropout": 0,
    }
    trial = Script()
    config = suggest(trial, parse({"space": space}))
    assert trial.asked == {}
    assert config == Config(
        trunk="seizure_cnn",
        width=1.0,
        head="margin",
        loss="hinge",
        learning_rate=1e-3,
        optimizer="sgd",
        momentum=0.9,
        batch_size=64,
        class_weight="balanced",
        hidden_layers="32",
        dropout=0.0,
    )
    assert config.hidden_units == (32,)


def test_hidden_layers_are_read_from_below_to_above():
    _, config = draw("sigmoid", "bce", "adam", {"space": {"hidden_layers": "1024-1024-512"}})
    assert config.hidden_units == (1024, 1024, 512)
    _, config = draw("sigmoid", "bce", "adam", {"space": {"hidden_layers": "none"}})
    assert config.hidden_units == ()
