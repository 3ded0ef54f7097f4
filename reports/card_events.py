"""The part of a model card that is about events: how they are made and scored, and each patient's numbers."""

from typing import Any

SHOWN = {
    "event_sensitivity": "event sensitivity",
    "event_precision": "event precision",
    "event_f1": "event F1",
    "fa_per_day": "false alarms per 24 h",
}
FEW_SEIZURES = 10


def section(config: dict[str, Any]) -> list[str]:
    """Returns the lines of the section; none for rows that are not of any time.

    Args:
        config: what the bundle's `config.yaml` holds.
    """
    rules, test = config["events"], config["test"]
    if rules is None:
        return []
    lines = [
        "## Events",
        f"The network decides for each window of {rules['window_s']:g} s by itself. Events are made of its "
        f"decisions afterwards, by these rules: {_made(rules)}. {_scored(rules)}",
        "",
    ]
    if not test["patients"]:
        return [*lines, "They were not measured: the windows cover too little of the recordings.", ""]
    known, in_sample = test["metrics"], config["validation"]["in_sample"]
    return [
        *lines,
        "| metric | test | 95% interval | validation, in sample |",
        "|---|---|---|---|",
        *(
            f"| {title} | {number(known[name]['value'])} | {interval(known[name])} "
            f"| {number(in_sample[name]['value'])} |"
            for name, title in SHOWN.items()
        ),
        "",
        "Sensitivity never stands without false alarms: an alarm that never stops finds all seizures.",
        "",
        *_patients(test["patients"]),
        "",
    ]


def limits(config: dict[str, Any]) -> list[str]:
    """Returns what the test recordings are too few for."""
    patients = config["test"]["patients"]
    if not patients:
        return []
    seizures, hours = (sum(patient[name] for patient in patients) for name in ("seizures", "hours"))
    found = []
    if seizures == 0:
        found.append("- no seizure stands in the test recordings: whether it finds any is unknown")
    elif seizures < FEW_SEIZURES:
        found.append(f"- test seizures are few ({seizures}): one more or less moves the sensitivity")
    if hours < 24:
        found.append(f"- test recordings last {hours:.1f} h: the false alarms of 24 h are extrapolated")
    return found


def number(value: float | None) -> str:
    """A number of a table."""
    return "undefined" if value is None else f"{value:.3f}"


def interval(estimate: dict[str, float | None]) -> str:
    """An interval of a table."""
    if estimate["low"] is None or estimate["high"] is None:
        return ""
    return f"{estimate['low']:.3f} to {estimate['high']:.3f}"


def _made(rules: dict[str, Any]) -> str:
    made = ["positive windows that touch or overlap become one event"]
    if rules["drop_shorter_s"] > 0:
        made.append(f"events shorter than {rules['drop_shorter_s']:g} s are dropped")
    if rules["merge_gaps_s"] > 0:
        made.append(f"gaps shorter than {rules['merge_gaps_s']:g} s are closed")
    return ", then ".join(made)


def _scored(rules: dict[str, Any]) -> str:
    before, after = rules["toleranceStart"], rules["toleranceEnd"]
    said = ["a seizure counts as found if a detection overlaps it at all"]
    if before or after:
        said[0] += f", from {before:g} s before its start to {after:g} s after its end"
    if rules["minDurationBetweenEvents"]:
        said.append(f"events less than {rules['minDurationBetweenEvents']:g} s apart count as one")
    if rules["maxEventDuration"] < 86400:
        said.append(f"those longer than {rules['maxEventDuration']:g} s count as several")
    return (
        f"They were scored by timescoring {rules['timescoring']} with the parameters of {rules['scorer']}: "
        f"{'; '.join(said)}."
    )


def _patients(patients: list[dict[str, Any]]) -> list[str]:
    ordered = sorted(patients, key=_badness)
    return [
        _worst(ordered[0]),
        "",
        "| patient | hours | seizures | sensitivity | false alarms per 24 h | median delay, s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {p['group']} | {p['hours']:.2f} | {p['seizures']} | {_or_dash(p['sensitivity'], '.3f')} "
            f"| {_or_dash(p['fa_per_day'], '.1f')} | {_or_dash(p['delay_s'], '.1f')} |"
            for p in ordered
        ),
    ]


def _badness(patient: dict[str, Any]) -> tuple[float, float, str]:
    """Sorts the worst first: least sensitivity, then most false alarms; those without seizures last."""
    sensitivity = 2.0 if patient["sensitivity"] is None else patient["sensitivity"]
    return sensitivity, -(patient["fa_per_day"] or 0.0), patient["group"]


def _worst(patient: dict[str, Any]) -> str:
    alarms = f"{_or_dash(patient['fa_per_day'], '.1f')} false alarms per 24 h"
    if patient["sensitivity"] is None:
        return f"No patient of the test part had a seizure; most false alarms: {patient['group']}, {alarms}."
    hit = round(patient["sensitivity"] * patient["seizures"])
    return f"Worst patient: {patient['group']}, {hit} of {patient['seizures']} seizures found, {alarms}."


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
