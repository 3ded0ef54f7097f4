"""The model card: what a bundle is, how it did, and where it ends, for a person."""

from typing import Any

from reports import card_events
from reports.card_events import interval, number
from search.record import Record

SHOWN = ("f1", "sensitivity", "specificity", "precision", "balanced_accuracy", "mcc", "average_precision",
         "roc_auc", "brier", "log_loss", "ece")  # fmt: skip


def text(record: Record, config: dict[str, Any]) -> str:
    """Returns the card as Markdown.

    Args:
        record: the trial.
        config: what the bundle's `config.yaml` holds.
    """
    validation, test, decision, labels = (config[k] for k in ("validation", "test", "decision", "labels"))
    trained, value = config["config"], validation["value"]
    shown = "undefined" if value is None else f"{value:.3f}"
    units = f"{test['groups']} groups" if test["groups"] is not None else "groups unknown"
    lines = [
        f"# {config['study']}, trial {config['trial_id']}",
        "",
        *_forced(config["forced"]),
        "Research use. Not a medical device.",
        "",
        "## What it is",
        f"- network: {trained['trunk']} (width {trained['width']:g}), head {trained['head']}, "
        f"loss {trained['loss']}",
        f"- input: {config['input']['dtype']} rows of shape {tuple(config['input']['shape'])} "
        f"({config['input']['source']})",
        *_recordings(config["input"].get("preprocessing")),
        f"- output: score, probability, label; positive is {labels['positive']!r}, "
        f"negative is {labels['negative']!r}",
        f"- decision: score >= {decision['threshold_score']:.6g} "
        f"(a probability of {decision['threshold']:.4f}), {_chosen(decision)}",
        f"- calibration: {decision['calibration']}, score = {decision['calibration_a']:.6g} * raw "
        f"{decision['calibration_b']:+.6g}",
        "- the probability is "
        + ("calibrated on the validation rows" if decision["probability_is_calibrated"] else "NOT calibrated")
        + _moved(decision["prevalence"]),
        *(_exported(one) for one in config["exports"]),
        "",
        "## How it did",
        f"Validation: {validation['objective']} {shown}, cross-fitted by {validation['cross_fit_by']} "
        f"on {validation['rows']} rows{_of_another_threshold(decision)}. "
        "Its best epoch was chosen on these rows and the trial was picked for this value, so it flatters."
        f"{_yardstick(validation)}",
        "",
        *_parts(config["split"]["by"]),
        _opened(test["times_opened"]),
        "",
        f"Test rows: {test['rows']}, of which {test['positives']} positive, {units}.",
        "",
        "| metric | test | 95% interval | validation, in sample |",
        "|---|---|---|---|",
        *(
            f"| {name} | {number(test['metrics'][name]['value'])} | {interval(test['metrics'][name])} "
            f"| {number(validation['in_sample'][name]['value'])} |"
            for name in SHOWN
        ),
        "",
        "Intervals: bootstrap over "
        + ("groups." if record.groups == "known" else "rows, groups being unknown."),
        "",
        *card_events.section(config),
        "## Where it ends",
        *_limits(record, config),
        "",
        "## Where it comes from",
        f"- data digest {config['data_digest']}",
        f"- code digest {config['code_digest']}",
        f"- versions: {', '.join(f'{name} {v}' for name, v in config['versions'].items())}",
        "",
    ]
    return "\n".join(lines)


def _forced(reasons: list[str]) -> list[str]:
    if not reasons:
        return []
    return [f"**FORCED: {'; '.join(reasons)}.**", ""]


def _chosen(decision: dict[str, Any]) -> str:
    policy = decision["policy"]["policy"]
    if decision["chosen_by"] == "policy":
        return f"chosen by {policy}"
    return f"chosen by hand; {policy} had chosen {decision['policy_threshold_score']:.6g}"


def _of_another_threshold(decision: dict[str, Any]) -> str:
    if decision["chosen_by"] == "policy":
        return ""
    return ", with thresholds by the rule and not with the one chosen by hand"


def _exported(export: dict[str, Any]) -> str:
    """What stands of one export: it agrees with `model.keras`, was not compared, or was left out."""
    name = export["name"]
    if export["left_out"] is not None:
        return f"- {name}: left out: {export['left_out']}"
    if not export["compared_rows"]:
        return f"- {name}: NOT compared with model.keras, since nothing that reads it was installed"
    return (
        f"- {name}: says what model.keras says: on {export['compared_rows']} validation rows, probabilities "
        f"differ by at most {export['probability_difference']:.1e}, and no label that is not at the threshold"
    )


def _recordings(cut: dict[str, Any] | None) -> list[str]:
    """How windows are cut from recordings."""
    if cut is None:
        return []
    band, notch = cut["bandpass_hz"], cut["notch_hz"]
    filters = [f"band-pass {band[0]:g} to {band[1]:g} Hz"] if band else []
    filters += [f"notch {notch:g} Hz"] if notch else []
    missing = "are interpolated" if cut["missing_channels"] == "interpolate" else "are refused"
    return [
        f"- recordings: EDF in microvolts, {len(cut['channels'])} channels ({', '.join(cut['channels'])}), "
        f"missing ones {missing}; {cut['rate_hz']} Hz, {' and '.join(filters) or 'not filtered'}; "
        f"windows of {cut['window_s']:g} s every {cut['step_s']:g} s, as {cut['form']}"
    ]


def _parts(by: str) -> list[str]:
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


def _yardstick(validation: dict[str, Any]) -> str:
    name, value = validation["best_baseline"], validation["best_baseline_value"]
    if name is None:
        return ""
    beaten = validation["value"] is not None and validation["value"] > value
    return f" The best baseline there, {name}, has {value:.3f}{'' if beaten else ': it is NOT beaten'}."


def _opened(times: int) -> str:
    if times == 1:
        return "The test split was opened once, for this card, by any run of its folder: it is unbiased."
    return (
        f"The test split was opened {times} times. Whatever was learnt from an earlier look can be in this "
        "choice, so these numbers are no longer unbiased."
    )


def _limits(record: Record, config: dict[str, Any]) -> list[str]:
    limits = ["- it knows the data it was trained on; other devices, places and people were not measured"]
    if config["input"]["source"] == "simulated_eeg":
        limits.append("- trained on simulated EEG: it says nothing about any patient")
    if record.groups == "unknown":
        limits.append(
            "- groups are unknown: if rows of one person stand in several parts, all numbers flatter"
        )
    if config["test"]["groups"] is not None and config["test"]["groups"] < 10:
        limits.append(f"- {config['test']['groups']} test groups are few: the intervals are rough")
    return limits + card_events.limits(config)
