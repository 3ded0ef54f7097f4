"""Drawing a configuration: head, then its losses, then the parameters of that branch and of no other."""

from itertools import product

import optuna
import pytest

from spaces.configuration import Config, every, suggest, used_up
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


FINITE = {
    "heads": {"sigmoid": ["bce", "focal"], "softmax": ["cce"], "margin": "hinge"},
    "learning_rate": 1e-3,
    "optimizer": ["adam", "adamw"],
    "weight_decay": 0.1,
    "batch_size": [32, 64],
    "class_weight": ["none", "balanced"],
    "hidden_layers": ["none", "32"],
    "dropout": 0.1,
    "label_smoothing": 0.0,
    "focal_gamma": 2.0,
    "focal_alpha": 0.5,
}


def test_every_configuration_of_a_space_of_choices_is_listed_once():
    study = parse({"space": FINITE})
    found = every(study, 100)
    assert len(found) == 4 * 2 * 2 * 2 * 2
    drawn = set()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampled = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(600):
        drawn.add(suggest(sampled.ask(), study))
    assert drawn == found
    assert every(study, 64) == found
    assert every(study, 63) is None
    assert every(parse({"space": FINITE | {"heads": {"sigmoid": "bce"}, "optimizer": "adam"}}), 8) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": {"low": 1e-4, "high": 1e-2}},
        {"weight_decay": {"low": 0.0, "high": 0.1}},  # of one optimizer alone
        {"focal_gamma": {"low": 1.0, "high": 2.0}},  # of one loss alone
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_numbers_in_ranges_have_no_end(changes):
    assert every(parse({"space": FINITE | changes}), 10_000) is None
    assert every(parse({"space": FINITE, "threshold": {"low": 0.1, "high": 0.9}}), 10_000) is None


def test_one_configuration_is_a_space_too():
    one = {name: value[0] if isinstance(value, list) else value for name, value in FINITE.items()}
    study = parse({"space": one | {"heads": {"margin": "hinge"}}})
    assert every(study, 1) == {suggest(Script(), study)}
    assert every(study, 0) is None
    assert used_up(1) == "holds 1 configuration, which was tried: further trials are further seeds of it"
    assert used_up(3) == "holds 3 configurations, all tried: further trials are further seeds of them"
