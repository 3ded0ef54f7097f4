"""Writes the model card of a bundle: what it is, how it did, and where its limits are."""

from collections.abc import Mapping, Sequence

from reports.boards.advice import worth_shipping
from reports.boards.columns import SCALARS
from reports.bundles.markdown import escaped
from reports.bundles.schema import Decided, Preprocessing, Rules, Test, TrialConfig, Validation
from reports.bundles.task_card import decision_lines, each_lines, output_line
from search.data.rows import Labels
from search.events.patients import Patient
from search.networks.format_compatibility import Exported, Reader
from search.record import Estimate, Record
from spaces.errors import first_of
from spaces.tasks import TaskName

SHOWN: Mapping[TaskName, tuple[str, ...]] = {
    "binary": (
        *("f1", "sensitivity", "specificity", "precision", "balanced_accuracy", "mcc", "average_precision"),
        *("roc_auc", "brier", "log_loss", "ece"),
    )
}
"""The metrics of the card; of other tasks all that there are."""
COLUMNS_SHOWN = 8


def text(record: Record, config: TrialConfig) -> str:
    """Returns the card as Markdown.

    Args:
        record: the trial.
        config: what the bundle's `config.yaml` holds.
    """
    output = _output(config)
    config = TrialConfig.model_validate(escaped(config.model_dump(exclude_unset=True)))
    validation, test, decision = config.validation, config.test, config.decision
    trained, value = config.config, validation.value
    shown = "undefined" if value is None else f"{value:.3f}"
    noun = {"recording": "recordings", "time": "blocks of time"}.get(config.split.by, "groups")
    units = f"{test.groups} {noun}" if test.groups is not None else "groups unknown"
    lines = [
        f"# {config.study}, trial {config.trial_id}",
        "",
        *_forced(config.forced),
        "Research use. Not a medical device.",
        "",
        "## What it is",
        f"- network: {trained.trunk} (width {trained.width:g}), head {trained.head}, loss {trained.loss}",
        f"- input: {config.input.dtype} rows of shape {config.input.shape} ({config.input.source})",
        *_columns(config.input.columns),
        *_recordings(config.input.preprocessing),
        *output,
        *_decision(record, config),
        *(_exported(one) for one in config.exports),
        *(_read_by(one) for one in config.readers),
        "",
        "## How it did",
        f"Validation: {validation.objective} {shown}, cross-fitted by {validation.cross_fit_by} "
        f"on {validation.rows} rows{_of_another_threshold(decision)}{_mean(validation)}. "
        "Its best epoch was chosen on these rows and the trial was picked for "
        f"{'this value' if validation.seeds == 1 else 'that mean'}, so it flatters."
        f"{_baseline(validation)}",
        "",
        *_parts(config.split.by),
        _opened(test.times_opened),
        "",
        f"Test rows: {test.rows}, {_counted(test)}, {units}.",
        "",
        "| metric | test | 95% interval | validation, in sample |",
        "|---|---|---|---|",
        *(
            f"| {name} | {number(test.metrics[name].value)} | {interval(test.metrics[name])} "
            f"| {number(validation.in_sample[name].value)} |"
            for name in SHOWN.get(record.task, SCALARS.get(record.task, ()))
        ),
        "",
        *each_lines(config, number, interval),
        "Intervals: bootstrap over "
        + ("rows, groups being unknown." if record.groups == "unknown" else f"{noun}."),
        "",
        *event_lines(config),
        "## Where it ends",
        *_limits(record, config, noun),
        "",
        "## Where it comes from",
        f"- data digest {config.data_digest}",
        f"- code digest {config.code_digest}",
        f"- versions: {', '.join(f'{name} {v}' for name, v in config.versions.items())}",
        "",
    ]
    return "\n".join(lines)


def _output(config: TrialConfig) -> list[str]:
    """What the model puts out; the values of labels are quoted before anything is escaped."""
    labels = config.labels
    if not isinstance(labels, Labels):
        return [escaped(output_line(config))]
    positive, negative = (escaped(repr(label)) for label in (labels.positive, labels.negative))
    return [f"- output: score, probability, label; positive is {positive}, negative is {negative}"]


def _decision(record: Record, config: TrialConfig) -> list[str]:
    decision = config.decision
    if decision.threshold_score is None or decision.threshold is None:
        return decision_lines(config)
    return [
        f"- decision: score >= {decision.threshold_score:.6g} "
        f"(a probability of {decision.threshold:.4f}), {_chosen(decision)}{_constant(record)}",
        f"- calibration: {decision.calibration}, score = {decision.calibration_a:.6g} * raw "
        f"{decision.calibration_b:+.6g}",
        "- the probability is "
        + ("calibrated on the validation rows" if decision.probability_is_calibrated else "NOT calibrated")
        + _moved(decision.prevalence),
    ]


def _counted(test: Test) -> str:
    return f"of which {test.positives} positive" if test.told is None else test.told


def _forced(reasons: Sequence[str]) -> list[str]:
    if not reasons:
        return []
    return [f"**FORCED: {'; '.join(reasons)}.**", ""]


def _chosen(decision: Decided) -> str:
    policy = decision.policy.policy
    if decision.chosen_by == "policy":
        return f"chosen by {policy}"
    return f"chosen by hand; {policy} had chosen {decision.policy_threshold_score:.6g}"


def _constant(record: Record) -> str:
    """What a threshold that a person chose says, if it says one thing."""
    if not record.constant_decision:
        return ""
    found = record.metrics["sensitivity"].value
    return f"; ON ALL VALIDATION ROWS IT SAYS {'POSITIVE' if found == 1 else 'NEGATIVE'}"


def _of_another_threshold(decision: Decided) -> str:
    if decision.chosen_by == "policy":
        return ""
    return ", with thresholds by the rule and not with the one chosen by hand"


def _exported(export: Exported) -> str:
    """Returns a line on one export: it agrees with `model.keras`, was not compared, or was left out."""
    name = export.name
    if export.left_out is not None:
        return f"- {name}: left out: {export.left_out}"
    if export.probability_difference is None:
        return f"- {name}: NOT compared with model.keras, since nothing that reads it was installed"
    return (
        f"- {name}: says what model.keras says: on {export.compared_rows} validation rows, outputs "
        f"differ by at most {export.probability_difference:.1e}, and no decision that is not at its threshold"
    )


def _columns(names: Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    return [f"- columns of a table: {first_of(names, COLUMNS_SHOWN)}, by name; all others are ignored"]


def _read_by(reader: Reader) -> str:
    """Returns a line on the versions that read one form."""
    needs = reader.library if reader.least is None else f"{reader.library} {reader.least} or later"
    of_file = "" if reader.opset is None else f" (opset {reader.opset}, IR version {reader.ir_version})"
    tried = reader.measured_on
    known = f"tried on {tried}" if tried else "older ones were NOT tried with files of the versions below"
    return f"- {reader.name} needs {needs}{of_file}; {known}"


def _recordings(cut: Preprocessing | None) -> list[str]:
    if cut is None:
        return []
    band, notch = cut.bandpass_hz, cut.notch_hz
    filters = [f"band-pass {band[0]:g} to {band[1]:g} Hz"] if band else []
    filters += [f"notch {notch:g} Hz"] if notch else []
    missing = "are interpolated" if cut.missing_channels == "interpolate" else "are refused"
    return [
        f"- recordings: EDF or BDF in microvolts, {len(cut.channels)} channels ({', '.join(cut.channels)}), "
        f"missing ones {missing}; {cut.rate_hz} Hz, {' and '.join(filters) or 'not filtered'}; "
        f"windows of {cut.window_s:g} s every {cut.step_s:g} s, as {cut.form}"
    ]


def _parts(by: str) -> list[str]:
    if by in ("recording", "time"):
        return [f"Train, validation and test rows are of ONE PATIENT, split by {by}.", ""]
    if by != "column":
        return []
    return ["Train, validation and test rows were named by the data (split.by: column), not drawn.", ""]


def _moved(prevalence: float | None) -> str:
    if prevalence is None:
        return ""
    return (
        f", then moved to where a share {prevalence:g} of the rows is positive; brier, log_loss and ece "
        "below are of rows weighted to that share"
    )


def _mean(validation: Validation) -> str:
    if validation.seeds == 1 or validation.value_mean is None:
        return ""
    return f"; {validation.value_mean:.3f} is the mean of the {validation.seeds} seeds of its configuration"


def _baseline(validation: Validation) -> str:
    name, value = validation.best_baseline, validation.best_baseline_value
    if name is None or value is None:
        return ""
    mean = validation.value if validation.value_mean is None else validation.value_mean
    beaten = worth_shipping(mean, value, validation.objective)
    return f" The best baseline there, {name}, has {value:.3f}{'' if beaten else ': it is NOT beaten'}."


def _opened(times: int) -> str:
    if times == 1:
        return "The test split was opened once, for this card, by any run of its folder: it is unbiased."
    return (
        f"The test split was opened {times} times. Whatever was learnt from an earlier look can be in this "
        "choice, so these numbers are no longer unbiased."
    )


def _limits(record: Record, config: TrialConfig, noun: str) -> list[str]:
    limits = ["- it knows the data it was trained on; other devices, places and people were not measured"]
    if config.input.source == "simulated_eeg":
        limits.append("- trained on simulated EEG: it says nothing about any patient")
    if record.groups.startswith("one"):
        limits.append("- it was measured on the patient it was trained on: it says nothing of other patients")
    if record.groups == "unknown":
        limits.append(
            "- groups are unknown: if rows of one person stand in several parts, all numbers flatter"
        )
    if config.test.groups is not None and config.test.groups < 10:
        limits.append(f"- {config.test.groups} test {noun} are few: the intervals are rough")
    return limits + event_limits(config)


EVENTS_SHOWN = {
    "event_sensitivity": "event sensitivity",
    "event_precision": "event precision",
    "event_f1": "event F1",
    "fa_per_day": "false alarms per 24 h",
}
FEW_SEIZURES = 10


def event_lines(config: TrialConfig) -> list[str]:
    """Returns the lines on events; none if the rows have no times.

    Args:
        config: what the bundle's `config.yaml` holds.
    """
    rules, test = config.events, config.test
    if rules is None:
        return []
    lines = [
        "## Events",
        f"The network decides for each window of {rules.window_s:g} s by itself. Events are made of its "
        f"decisions afterwards, by these rules: {_made(rules)}. {_scored(rules)}",
        "",
    ]
    if not test.patients:
        return [*lines, "They were not measured: the windows cover too little of the recordings.", ""]
    known, in_sample = test.metrics, config.validation.in_sample
    return [
        *lines,
        "| metric | test | 95% interval | validation, in sample |",
        "|---|---|---|---|",
        *(
            f"| {title} | {number(known[name].value)} | {interval(known[name])} "
            f"| {number(in_sample[name].value)} |"
            for name, title in EVENTS_SHOWN.items()
        ),
        "",
        "Sensitivity never stands without false alarms: an alarm that never stops finds all seizures.",
        "",
        *_patients(test.patients),
        "",
    ]


def event_limits(config: TrialConfig) -> list[str]:
    """Returns the limits that follow from few test recordings."""
    patients = config.test.patients
    if not patients:
        return []
    seizures, hours = (
        sum(patient.seizures for patient in patients),
        sum(patient.hours for patient in patients),
    )
    found = []
    if seizures == 0:
        found.append("- no seizure stands in the test recordings: whether it finds any is unknown")
    elif seizures < FEW_SEIZURES:
        found.append(f"- test seizures are few ({seizures}): one more or less moves the sensitivity")
    if hours < 24:
        found.append(f"- test recordings last {hours:.1f} h: the false alarms of 24 h are extrapolated")
    return found


def number(value: float | None) -> str:
    """Returns a value as it stands in a table."""
    return "undefined" if value is None else f"{value:.3f}"


def interval(estimate: Estimate) -> str:
    """Returns an interval as it stands in a table."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _made(rules: Rules) -> str:
    which = f"windows decided to be {' or '.join(map(str, rules.positive))}" if rules.positive else ""
    made = [f"{which or 'positive windows'} that touch or overlap become one event"]
    if rules.drop_shorter_s > 0:
        made.append(f"events shorter than {rules.drop_shorter_s:g} s are dropped")
    if rules.merge_gaps_s > 0:
        made.append(f"gaps shorter than {rules.merge_gaps_s:g} s are closed")
    return ", then ".join(made)


def _scored(rules: Rules) -> str:
    before, after = rules.toleranceStart, rules.toleranceEnd
    said = ["a seizure counts as found if a detection overlaps it at all"]
    if before or after:
        said[0] += f", from {before:g} s before its start to {after:g} s after its end"
    if rules.minDurationBetweenEvents:
        said.append(f"events less than {rules.minDurationBetweenEvents:g} s apart count as one")
    if rules.maxEventDuration < 86400:
        said.append(f"those longer than {rules.maxEventDuration:g} s count as several")
    return (
        f"They were scored by timescoring {rules.timescoring} with the parameters of {rules.scorer}: "
        f"{'; '.join(said)}."
    )


def _patients(patients: Sequence[Patient]) -> list[str]:
    ordered = sorted(patients, key=_worst_first)
    return [
        _worst(ordered[0]),
        "",
        "| patient | hours | seizures | sensitivity | false alarms per 24 h | median delay, s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {p.group} | {p.hours:.2f} | {p.seizures} | {_or_dash(p.sensitivity, '.3f')} "
            f"| {_or_dash(p.fa_per_day, '.1f')} | {_or_dash(p.delay_s, '.1f')} |"
            for p in ordered
        ),
    ]


def _worst_first(patient: Patient) -> tuple[float, float, str]:
    """Sorts by sensitivity, lowest first, then by false alarms, most first; without seizures last."""
    sensitivity = 2.0 if patient.sensitivity is None else patient.sensitivity
    return sensitivity, -(patient.fa_per_day or 0.0), patient.group


def _worst(patient: Patient) -> str:
    alarms = f"{_or_dash(patient.fa_per_day, '.1f')} false alarms per 24 h"
    if patient.sensitivity is None:
        return f"No patient of the test part had a seizure; most false alarms: {patient.group}, {alarms}."
    hit = round(patient.sensitivity * patient.seizures)
    return f"Worst patient: {patient.group}, {hit} of {patient.seizures} seizures found, {alarms}."


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
