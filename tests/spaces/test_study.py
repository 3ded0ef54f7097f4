"""The study file: what is written is what is read, and whatever is wrong gets one line that says so."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.configuration import Config, suggest
from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.presets import PRESETS
from spaces.space import Range
from spaces.study import Study
from spaces.study_file import parse, read, to_yaml, with_settings
from tests.helpers.script import Script


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


def ranges(low, high):
    """A range within limits, as one number, two, or two as text."""
    both = st.tuples(numbers(low, high), numbers(low, high)).map(sorted)
    written = both.map(lambda pair: {"low": pair[0], "high": pair[1]})
    return st.one_of(numbers(low, high), written, numbers(low, high).map(str))


def some(*choices):
    return st.one_of(st.lists(st.sampled_from(choices), min_size=1, unique=True), st.sampled_from(choices))


def optional(**fields):
    return st.fixed_dictionaries({}, optional=fields)


LABELS = st.one_of(st.booleans(), st.integers(-3, 3), numbers(-2, 2), st.text(max_size=6))
HEAD_NAMES = st.lists(st.sampled_from(list(HEADS)), min_size=1, unique=True)
HEAD_TABLES = st.fixed_dictionaries({}, optional={h.name: some(*h.losses) for h in HEADS.values()})
DATA = st.one_of(
    optional(patients=st.integers(6, 99), windows=st.integers(60, 99), seed=st.integers(0, 9)).map(
        lambda d: {"source": "simulated_eeg", **d}
    ),
    optional(positive=LABELS, group=st.text(max_size=5), window_s=numbers(0.1, 9)).map(
        lambda d: {"source": "npz", "path": "data/x.npz", **d}
    ),
    optional(positive=LABELS, size=st.integers(8, 1024)).map(
        lambda d: {"source": "images", "path": "photos", **d}
    ),
    st.just({"source": "bonn", "path": "bonn_eeg.zip"}),
)
THRESHOLDS = st.one_of(
    st.sampled_from(["max_f1", "youden", "max_balanced_accuracy", "fixed", "cost", "precision_at_recall"]),
    st.just({"low": 0.1, "high": 0.9}),
    optional(beta=numbers(0.1, 9)),
    numbers(0.01, 0.99).map(lambda at: {"policy": "fixed", "at": at}),
    numbers(0.1, 9).map(lambda cost: {"policy": "cost", "c_fn": cost}),
)
STUDIES = optional(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    preset=st.sampled_from(list(PRESETS)),
    seed=st.integers(0, 2**31 - 1),
    data=DATA,
    split=st.just({"by": "window", "i_accept_leakage": True}),
    trunk=optional(name=st.sampled_from(["seizure_cnn", "image_cnn", "mlp"]), width=numbers(0.1, 4)),
    space=optional(
        heads=st.one_of(HEAD_NAMES, HEAD_TABLES.filter(bool)),
        learning_rate=ranges(1e-8, 10),
        optimizer=some("adam", "adamw", "sgd"),
        weight_decay=ranges(1e-9, 1),
        batch_size=some(8, 32, 128),
        class_weight=some("none", "balanced"),
        hidden_layers=some("none", 64, "128-64"),
        dropout=ranges(0, 0.95),
    ),
    threshold=THRESHOLDS,
    budget=optional(trials=st.integers(1, 10**6), hours=st.one_of(st.none(), numbers(0.1, 99))),
    asha=optional(enabled=st.booleans(), grace=st.integers(1, 9)),
    resources=optional(
        gpus=st.one_of(numbers(0, 1), st.integers(0, 8)), workers=st.one_of(st.none(), st.integers(1, 64))
    ),
)


def leaves(value):
    """Every value with its type: in Python, 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {key: leaves(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [leaves(inner) for inner in value]
    return (type(value).__name__, value)


@settings(deadline=None, max_examples=200)
@given(STUDIES)
def test_a_study_written_out_reads_back_as_itself(written):
    study = parse(written)
    again = parse(yaml.safe_load(to_yaml(study)))
    assert again == study
    assert leaves(again.model_dump()) == leaves(study.model_dump())
    assert to_yaml(again) == to_yaml(study)


@settings(deadline=None)
@given(STUDIES, st.sampled_from(list(HEADS)), st.sampled_from(["adam", "adamw", "sgd"]))
def test_a_configuration_written_out_reads_back_as_itself(written, head, optimizer):
    study = parse(written)
    space = study.space
    answers = {"head": head} if head in space.heads else {}
    answers |= {"optimizer": optimizer} if optimizer in space.optimizer else {}
    config = suggest(Script(**answers), study)
    assert Config.model_validate(config.model_dump()) == config
    assert Config.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_study(preset):
    study = parse({"preset": preset})
    assert study.name == study.preset == preset


def test_what_a_study_says_goes_above_its_preset():
    study = parse({"preset": "image", "space": {"learning_rate": {"low": 1e-5}}, "budget": {"hours": 2}})
    assert study.space.learning_rate == Range(low=1e-5, high=3e-3, log=True)
    assert (study.budget.trials, study.budget.hours) == (32, 2)
    assert study.training.min_delta == 0.001


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("threshold", ["youden", {"low": 0.1, "high": 0.9}, {"beta": 2}, {"policy": "fixed"}])
def test_a_threshold_replaces_the_presets(preset, threshold):
    assert (
        parse({"preset": preset, "threshold": threshold}).threshold
        == parse({"threshold": threshold}).threshold
    )


@pytest.mark.parametrize(
    ("where", "nearest"),
    [
        ("budgett.trials", "budget"),
        ("budget.trails", "trials"),
        ("data.patient", "patients"),
        ("split.trian", "train"),
        ("trunk.widht", "width"),
        ("space.learning_rat", "learning_rate"),
        ("space.learning_rate.lo", "low"),
        ("threshold.betta", "beta"),
        ("objective.metrics", "metric"),
        ("training.epoch", "epochs"),
        ("asha.gracee", "grace"),
        ("resources.cpu", "cpus"),
        ("keep.checkpoint", "checkpoints"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(where, nearest):
    written = {"data": {"source": "simulated_eeg"}, "threshold": {"policy": "max_f1"}}
    written["space"] = {"learning_rate": {"low": 1e-4, "high": 1e-2}}
    unknown = where.split(".")[0] if where.startswith("budgett") else where.split(".")[-1]
    place = unknown if where.startswith("budgett") else where
    with pytest.raises(RunError) as caught:
        parse(with_settings(written, (f"{where}=1",)), "my.yaml")
    assert str(caught.value) == f"unknown key {unknown!r}; nearest is {nearest!r} (my.yaml: {place})"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=-1", "must be greater than or equal to 0, but got -1 (study: seed)"),
        (
            "seed=x",
            "must be a valid integer, unable to parse string as an integer, but got 'x' (study: seed)",
        ),
        ("budget.trials=0", "must be greater than or equal to 1, but got 0 (study: budget.trials)"),
        ("budget.hours=0", "must be greater than 0, but got 0 (study: budget.hours)"),
        ("budget=8", "but got 8 (study: budget)"),
        (
            "trunk.name=vgg",
            "conv1d_cnn, mlp, lstm, bilstm or package.module:function, but got 'vgg' (study: trunk.name)",
        ),
        ("trunk.width=9", "must be less than or equal to 4, but got 9 (study: trunk.width)"),
        ("preset=slow", "preset must be one of quickstart, seizure, image, but got 'slow' (study: preset)"),
        ("space.learning_rate=100", "learning_rate must lie within [1e-08, 10], but got 100 to 100"),
        ("space.learning_rate={low: .1, high: .01}", "low must not exceed high, but got 0.1 and 0.01"),
        ("space.learning_rate={low: 0, high: .1, log: true}", "low must be positive on a logarithmic scale"),
        ("space.learning_rate=.nan", "must be a finite number"),
        ("space.dropout=1", "dropout must lie within [0, 0.95], but got 1 to 1 (study: space)"),
        (
            "space.optimizer=[]",
            "must list one or more different choices, but got [] (study: space.optimizer)",
        ),
        ("space.batch_size=[32, 32]", "must list one or more different choices, but got [32, 32]"),
        ("space.hidden_layers=big", "hidden layers must read 'none', '64' or '128-64', but got 'big'"),
        (
            "space.heads=tanhh",
            "must be among sigmoid, softmax, margin, two_sigmoids, but got 'tanhh' (study: space.heads)",
        ),
        ("space.heads={}", "must name at least one head with a loss, but got none (study: space.heads)"),
        ("space.heads={sigmoid: bse2}", "loss must be one of bce, cce,"),
        ("threshold=best", "must be one of 'fixed', 'max_f1',"),
        ("threshold={policy: fixed, at: 1.3}", "must be less than 1, but got 1.3 (study: threshold.at)"),
        ("threshold={low: .9, high: .1}", "threshold.low must be below threshold.high, but got 0.9 and 0.1"),
        (
            "data={source: edf}",
            "'images', 'bonn', 'eeg', or package.module:function, but got 'edf' (study: data)",
        ),
        (
            "data={source: custom}",
            "'images', 'bonn', 'eeg', or package.module:function, but got 'custom' (study: data)",
        ),
        ("data={path: x.npz}", "needs the key 'source' (study: data)"),
        ("data={source: npz}", "the key 'path' is required (study: data.path)"),
        (
            "data={source: npz, path: x.npz, window_s: 0.0009}",
            "must be greater than or equal to 0.001, but got 0.0009 (study: data.window_s)",
        ),
        (
            "data={source: table, path: x.csv, label: y, features: a, window_s: 0.0009}",
            "must be greater than or equal to 0.001, but got 0.0009 (study: data.window_s)",
        ),
        (
            "data={source: 'my.own:rows', window_s: 0}",
            "must be greater than or equal to 0.001, but got 0 (study: data.window_s)",
        ),
        (
            "data={source: eeg, path: x, form: raw, window_s: 0.001, step_s: 1}",
            "window_s must be at least one sample, but got 0.001 (study: data)",
        ),
        (
            "split.train=.9",
            "split.train + split.validation + split.test must be 1, but got 1.3 (study: split)",
        ),
        ("threshold={policy: youden, low: .1}", "unknown key 'low'; nearest is 'policy'"),
        (
            "name=../x",
            "must be at most 64 letters, digits, '.', '_' and '-', of which the first is a letter or digit",
        ),
    ],
)
def test_a_bad_value_gets_its_rule_what_came_and_where(setting, message):
    with pytest.raises(RunError) as caught:
        parse(with_settings({}, (setting,)))
    said = str(caught.value)
    assert message in said
    assert "\n" not in said
    assert "(study: " in said
    assert caught.value.exit_code == 2


def test_settings_are_laid_over_the_file(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("budget: {trials: 3, hours: 1}\nspace: {heads: [sigmoid]}\n")
    study = read(
        file,
        ("budget.trials=8", "space.heads={softmax: [cce, focal]}", "threshold.low=.2", "threshold.high=.8"),
    )
    assert (study.budget.trials, study.budget.hours) == (8, 1)
    assert study.space.heads == {"softmax": ("cce", "focal")}
    assert study.threshold.policy == "sampled"


@pytest.mark.parametrize("setting", ["budget.trials", "=3", "budget.trials=[", "name=c: d: e"])
def test_a_setting_that_cannot_be_read_is_refused(setting):
    with pytest.raises(RunError, match=r"^--set takes key=value"):
        parse(with_settings({}, (setting,)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"budget: [", "a study is a YAML file, but s.yaml does not parse"),
        (b"- 1\n- 2\n", "a study is a mapping of settings, but s.yaml holds list"),
        (b"", "a study is a mapping of settings, but s.yaml holds NoneType"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"!!python/object/apply:os.getcwd []", "does not parse"),
    ],
)
def test_a_file_that_holds_no_study_is_refused(tmp_path, content, message):
    file = tmp_path / "s.yaml"
    file.write_bytes(content)
    with pytest.raises(RunError) as caught:
        read(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match=r"a study is a readable YAML file, but got .*: No such file"):
        read(tmp_path / "other.yaml")


def test_yaml_reads_1e_4_as_text_and_the_study_as_a_number():
    written = yaml.safe_load("space: {learning_rate: 1e-4, weight_decay: {low: 1e-5, high: 1e-3, log: true}}")
    assert written["space"]["learning_rate"] == "1e-4"
    space = parse(written).space
    assert space.learning_rate == Range(low=1e-4, high=1e-4)
    assert space.weight_decay == Range(low=1e-5, high=1e-3, log=True)


@pytest.mark.parametrize(
    ("written", "heads"),
    [
        ("margin", {"margin": ("hinge", "squared_hinge")}),
        (["softmax", "margin"],
         {"softmax": ("cce", "focal", "brier"), "margin": ("hinge", "squared_hinge")}),
        ({"sigmoid": "focal"}, {"sigmoid": ("focal",)}),
        ({"softmax": ["sparse_categorical_crossentropy", "cce"]}, {"softmax": ("cce",)}),
        ({"linear": ["bce", "hinge"], "sigmoid": ["binary_crossentropy", "mse"]},
         {"sigmoid": ("bce", "brier"), "margin": ("hinge",)}),
        ({"linear_2": ["cce", "sparse_cce"], "softmax": "cce"}, {"softmax": ("cce",)}),
    ],
)  # fmt: skip
def test_heads_may_be_written_in_several_ways_and_one_point_counts_once(written, heads):
    assert parse({"space": {"heads": written}}).space.heads == heads


def test_a_study_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Study().seed = 3
