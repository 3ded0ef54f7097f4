"""An epoch as one call, of one trial or of several at once, is the epoch that Keras' `fit` trains."""

from functools import cache

import numpy as np
import pytest

from search.fused.inference import DeviceRows
from search.fused.trial import Group, group_of
from spaces.errors import TrialError
from spaces.study import Study, Training
from tests.helpers.toys import PAIRS, config, trial_data

DATA = trial_data()
SIZE = 4


def study_of(**rules) -> Study:
    return Study.model_validate(
        {"objective": {"steer": "roc_auc"}, "training": Training(epochs=4, **rules).model_dump()}
    )


def grouped(chosen, study, data=DATA):
    return Group(group_of(chosen, study, data), chosen, study, data, DeviceRows(data))


def trained(group, trials, epochs, size=SIZE):
    for _ in range(epochs):
        assert group.train(trials, size) == [None] * len(trials)
    return group.best(trials, size)


@cache
def networks():
    """What trials alone share: else each would compile for half a minute."""
    from search.training.compiled_networks import CompiledNetworks

    return CompiledNetworks()


def alone(chosen, study, seed, epochs, data=DATA):
    from search.training.training import Training

    session = Training(chosen, study.training, study.objective.steer, data, seed, networks=networks())
    session.advance(epochs)
    return session.best()


def check_close(one, other, within=1e-5):
    assert one.epochs == other.epochs
    np.testing.assert_allclose(one.history, other.history, rtol=within, atol=within)
    np.testing.assert_allclose(one.raw, other.raw, rtol=within, atol=within)
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=within, atol=within)
    assert one.proof <= 1e-4


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_an_epoch_of_all_heads_and_losses_is_that_of_each_alone(optimizer):
    numbers = {"weight_decay": 0.05} if optimizer == "adamw" else {"momentum": 0.8}
    if optimizer == "adam":
        numbers = {}
    chosen = [
        config(
            head.name, loss, optimizer=optimizer, learning_rate=0.003 * (k + 1), **numbers,
            class_weight=("none", "balanced")[k % 2],
        )
        for k, (head, loss) in enumerate(PAIRS)
    ]  # fmt: skip
    data, study = trial_data(positives=0.3), study_of()
    group = grouped(chosen[0], study, data)
    trials = [group.begin(each, seed) for seed, each in enumerate(chosen)]
    for each in chosen:
        assert group_of(each, study, data) == group_of(chosen[0], study, data)
    bests = trained(group, trials, 1, len(trials))
    for seed, (each, best) in enumerate(zip(chosen, bests, strict=True)):
        check_close(best, alone(each, study, seed, 1, data))


@pytest.mark.parametrize("rules", [{}, {"plateau_patience": 1, "min_delta": 0.5}, {"schedule": "cosine"}])
def test_some_epochs_of_one_trial_are_those_of_fit(rules):
    # 160 rows in batches of 48: the last one is smaller. The dropout within the trunk has Keras' own seed.
    chosen, study = config("softmax", "cce", batch_size=48, dropout=0.3, hidden_layers="8"), study_of(**rules)
    group = grouped(chosen, study)
    check_close(trained(group, [group.begin(chosen, 5)], 4, 1)[0], alone(chosen, study, 5, 4), 1e-4)


def test_a_trial_with_statistics_of_its_batches_is_that_of_fit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 12, 3)).astype(np.float32)
    y = (x[:, :, 0].mean(axis=1) > 0).astype(np.int8)
    data = type(DATA)(x[:64], y[:64], x[64:], y[64:])
    # Not Adam: the biases below a normalisation have no gradient, and it would step by its rounding.
    chosen = config("sigmoid", "bce", trunk="conv1d_cnn", learning_rate=0.01, optimizer="sgd", momentum=0.8)
    study = study_of()
    group = grouped(chosen, study, data)
    trials = [group.begin(chosen, seed) for seed in (1, 2, 3)]
    for seed, best in zip((1, 2, 3), trained(group, trials, 1), strict=True):
        check_close(best, alone(chosen, study, seed, 1, data), 1e-4)


def test_mixed_precision_is_for_training_alone():
    chosen, study = config("sigmoid", "bce", dropout=0.2), study_of(mixed_precision="bfloat16")
    group = grouped(chosen, study)
    trials = [group.begin(chosen, seed) for seed in range(2)]
    for seed, best in enumerate(trained(group, trials, 2)):
        check_close(best, alone(chosen, study, seed, 2), 2e-2)
        assert all(weight.dtype == np.float32 for weight in best.weights)


def same(one, other):
    return (
        one.history == other.history
        and np.array_equal(one.raw, other.raw)
        and all(np.array_equal(*pair) for pair in zip(one.weights, other.weights, strict=True))
    )


def test_a_trial_that_overflows_leaves_the_others_as_they_are():
    study, fine = study_of(), config("sigmoid", "bce", optimizer="sgd", momentum=0.9, dropout=0.3)
    wild = config("margin", "squared_hinge", optimizer="sgd", momentum=0.9, learning_rate=1e30)
    bests = []
    for third in (fine, wild):
        group = grouped(fine, study)
        trials = [group.begin(each, seed) for seed, each in enumerate([fine, fine, third])]
        for _ in range(2):
            ended = group.train(trials, SIZE)
        assert ended[:2] == [None, None]
        bests.append(group.best(trials[:2], SIZE))
    assert isinstance(ended[2], TrialError)
    assert "try a lower learning rate" in str(ended[2])
    assert all(same(*pair) for pair in zip(*bests, strict=True))


def test_a_place_that_is_filled_midway_is_a_trial_from_its_beginning():
    study, chosen = study_of(), config("two_sigmoids", "focal", dropout=0.4)
    group = grouped(chosen, study)
    early = [group.begin(chosen, seed) for seed in (0, 1)]
    trained(group, early, 2)
    late = group.begin(chosen, 7)
    midway = trained(group, [late, early[0]], 2)[0]
    begun_alone = trained(group, [group.begin(chosen, 7)], 2)[0]
    assert same(midway, begun_alone)


def test_the_best_epoch_is_kept_with_its_weights():
    study, chosen = study_of(), config("sigmoid", "bce", learning_rate=0.3, optimizer="sgd", momentum=0.9)
    group = grouped(chosen, study)
    trials = [group.begin(chosen, seed) for seed in range(3)]
    for trial, best in zip(trials, trained(group, trials, 4), strict=True):
        values = [value for _, value, _ in best.history]
        assert best.best_epoch == int(np.argmax(values)) + 1
        assert best.steering_value == max(values)
        logits = group.program.scorer.score([trial.best] * SIZE)[0]
        np.testing.assert_array_equal(logits[:, 0], best.raw)
        assert not logits[:, 1].any()  # the column that its head does not have


def test_planted_faults_fail_their_trial_alone():
    """Columns swapped, labels in reverse, another loss, scores of other weights, and of another trial."""
    study, chosen = study_of(), config("softmax", "cce")
    for fault in ("columns", "reverse", "loss", "stale", "mixed"):
        group = grouped(chosen, study)
        trials = [group.begin(chosen, seed) for seed in range(3)]
        trained(group, trials, 2)
        hurt = trials[1]
        if fault == "columns":
            hurt.best_logits = np.ascontiguousarray(hurt.best_logits[:, ::-1])
        elif fault == "reverse":
            rows = group.program._rows
            rows.targets_validation = tuple(1 - y for y in rows.targets_validation)
        elif fault == "loss":
            hurt.columns = hurt.columns + np.float32([0, 1, 0, 2, 0.5])
        elif fault == "stale":
            hurt.best = tuple(value * 1.5 if value.dtype == np.float32 else value for value in hurt.state)
        else:
            hurt.best_logits, trials[2].best_logits = trials[2].best_logits, hurt.best_logits
        found = group.best(trials, SIZE)
        failed = [isinstance(each, TrialError) for each in found]
        expected = {"reverse": [True] * 3, "mixed": [False, True, True]}.get(fault, [False, True, False])
        assert failed == expected, fault


@pytest.mark.slow
def test_over_twenty_seeds_trials_fused_and_alone_are_worth_the_same():
    """Equal in law: with dropout, the best values of 20 seeds, paired; a t test and the mean difference."""
    from scipy.stats import ttest_rel

    data, study = trial_data(apart=0.8), study_of()
    chosen = config("softmax", "focal", dropout=0.3, learning_rate=0.02, hidden_layers="8")
    group, fused = grouped(chosen, study, data), []
    for first in range(0, 20, SIZE):
        trials = [group.begin(chosen, seed) for seed in range(first, first + SIZE)]
        fused += [best.steering_value for best in trained(group, trials, 4)]
    single = [alone(chosen, study, seed, 4, data).steering_value for seed in range(20)]
    apart = np.subtract(fused, single)
    print(f"fused {np.mean(fused):.4f}, alone {np.mean(single):.4f}: {apart.mean():.2e} +- {apart.std():.2e}")
    assert np.std(single) > 1e-3
    assert abs(apart.mean()) < 0.1 * np.std(single)
    assert not np.any(apart) or ttest_rel(fused, single).pvalue > 0.01
