"""The content of a bundle's `config.yaml`, typed; its JSON schema is docs/bundle.schema.json.

Fields with a default are those that earlier formats, or bundles of other data, do not have.
"""

from collections.abc import Mapping
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from search.data.photos import WHOLE
from search.data.rows import AnyLabels
from search.events.patients import Patient
from search.networks.format_compatibility import Exported, Reader
from search.record import Estimate
from spaces.configuration import Config
from spaces.study import Events


class _Part(BaseModel):
    """A frozen part that reads past fields which later versions add."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Trained(Config, extra="ignore"):
    """The configuration that was trained, without paths."""


class Rule(_Part, extra="allow"):
    """The rule that chooses thresholds, with its parameters."""

    policy: str


class Decided(_Part):
    """How a score becomes a label and a probability."""

    rule: str
    threshold_score: float | None = None
    """Plus or minus infinity where a person chose it; null where there is not one threshold of one score."""
    threshold: float | None = None
    """The sigmoid of `threshold_score`."""
    offsets: tuple[float, ...] | None = None
    """Of each class; minus infinity for one that is never decided."""
    reject_below: float | None = None
    """Rows whose largest probability is below it are not decided."""
    thresholds: tuple[float, ...] | None = None
    """Of the score of each label."""
    top_k: int | None = None
    """How many labels each row is decided to have."""
    chosen_by: Literal["policy", "hand"] = "policy"
    policy: Rule
    policy_threshold_score: float | None = None
    """What the policy had chosen."""
    calibration: str
    calibration_a: float | None = None
    """The score is `calibration_a` * raw + `calibration_b`."""
    calibration_b: float | None = None
    calibrations_a: tuple[float, ...] | None = None
    """Of each label."""
    calibrations_b: tuple[float, ...] | None = None
    probability_is_calibrated: bool
    prevalence: float | None = None
    """The share of positive rows to which the probability was moved."""


class Rules(Events, extra="ignore"):
    """How windows become events, and how these were scored; in seconds."""

    timescoring: str
    """The version of the scorer."""
    toleranceStart: float
    toleranceEnd: float
    minOverlap: float
    maxEventDuration: float
    minDurationBetweenEvents: float
    window_s: float


class Preprocessing(_Part):
    """How windows are cut from recordings, as `data: {source: eeg}` of a study says it."""

    channels: tuple[str, ...]
    missing_channels: Literal["stop", "interpolate"]
    rate_hz: Literal[250, 256]
    bandpass_hz: tuple[float, float] | None
    notch_hz: float | None
    window_s: float
    form: Literal["spectrogram", "raw"]
    step_s: float


class Input(_Part):
    """The rows that the model takes."""

    kind: str
    shape: tuple[int, ...]
    """Of one row."""
    dtype: str
    root_mean_square: float | None = None
    """Of the training rows."""
    quantiles: tuple[tuple[float, float, float], ...] | None = None
    """Of the training rows: quantiles 0.01, 0.5 and 0.99 of each channel."""
    source: str
    image_size: int | None = None
    """Photos are resized to a square of so many pixels."""
    photo_bits: int | None = WHOLE
    """Bits that the 16-bit photos of the training rows use; null where there were none."""
    columns: tuple[str, ...] | None = None
    """Of a table: the columns that are the inputs, in order."""
    row_columns: Mapping[str, str] = {}
    """Of a table: the columns that name a row's group, recording and time, where they are known."""
    array: str = "X"
    """The array of a .npz file that the study named."""
    channels: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None


class Split(_Part):
    """How rows were told apart, and whether it is known whose they are."""

    by: str
    groups: str


class Validation(_Part):
    """What was measured on the rows by which the trial was picked."""

    objective: str
    value: float | None
    """Cross-fitted; null is undefined, here and in every metric."""
    value_mean: float | None = None
    """Of the seeds of its configuration."""
    seeds: int = 1
    """How many trials of the run trained its configuration."""
    value_fa_per_day: float | None = None
    best_baseline: str | None = None
    best_baseline_value: float | None = None
    cross_fit_by: str
    rows: int
    in_sample: Mapping[str, Estimate]
    """Of the shipped decision, on the rows that it was chosen on."""
    each: Mapping[str, tuple[Estimate, ...]] = {}
    """Of each class or label, in the order of `labels`."""
    confusion: tuple[tuple[float, ...], ...] | None = None
    """Of classes: a row for each, with the rows decided to be of each, and last those not decided."""


class Test(_Part):
    """What was measured on the test rows."""

    times_opened: int
    """How often the test split was opened, this time included; above 1, its numbers are biased."""
    rows: int
    positives: int | None = None
    told: str | None = None
    """How labels lie that are not of two values."""
    groups: int | None
    metrics: Mapping[str, Estimate]
    each: Mapping[str, tuple[Estimate, ...]] = {}
    confusion: tuple[tuple[float, ...], ...] | None = None
    patients: tuple[Patient, ...] = ()


class BundleConfig(_Part):
    """What a bundle says of itself."""

    format: int
    trial_id: str
    forced: tuple[str, ...] = ()
    """The faults that were permitted by force."""
    study: str
    config: Trained | None = None
    """Null for a model that was trained elsewhere, as are `validation`, `test` and `seed`."""
    decision: Decided
    events: Rules | None = None
    labels: AnyLabels
    """The values of the data that the labels 0 and 1, or the places of classes, stand for."""
    input: Input
    split: Split = Split(by="unknown", groups="unknown")
    validation: Validation | None = None
    test: Test | None = None
    exports: tuple[Exported, ...] = ()
    """The forms beside `model.keras`, and how far they agree with it."""
    readers: tuple[Reader, ...] = ()
    """The versions of libraries that are known to read each form."""
    seed: int | None = None
    run_id: str | None = None
    data_digest: str
    split_digest: str
    study_digest: str | None = None
    code_digest: str
    versions: Mapping[str, str]
    made_at: str

    def text(self) -> str:
        """Returns it as YAML, without fields that do not apply."""
        content = self.model_dump(exclude_unset=True)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


class TrialConfig(BundleConfig):
    """What the bundle of a trial says of itself."""

    config: Trained
    validation: Validation
    test: Test
    seed: int


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema of `config.yaml`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **BundleConfig.model_json_schema()}
