"""Names of events are seizures, something else, or in doubt; none is passed over for its wording."""

import pytest

from search.data.sources.eeg.annotation_formats import bids
from search.data.sources.eeg.event_types import TUH_SEIZURES, is_missing, is_seizure
from spaces.eeg import Eeg
from tests.helpers.refusals import refusal

SEIZURES = [
    *(
        "sz",
        "SZ_foc_ia",
        "sz-gen",
        "SZ1",
        "sz_foc_a_nm",
        "sz_gen_m_tonicClonic",
        "seiz",
        "FNSZ",
        *sorted(TUH_SEIZURES),
    ),
    *("seizure", "Seizures", "Seizure1", "seizure_1", "seizureA", "focalSeizure", "ictal", "Ictal phase"),
    *("focal non-motor seizure", "non-motor seizure", "non-convulsive seizure", "electrographic seizure"),
    "Focal impaired awareness seizure without generalization",
    *(
        "focal seizure, not bilateral",
        "seizure (no clinical signs)",
        "subclinical seizures",
        "absence seizure",
    ),
    *("status epilepticus", "nonconvulsive status epilepticus", "epileptic_spasm", "infantile spasms"),
    *("focal to bilateral tonic-clonic seizure", "unknown onset seizure", "epileptic seizure"),
]

OTHERS = [
    *("bckg", "impd", "n/a", "", "background", "nesz", "boundary", "interictal", "preictal", "inter-ictal"),
    *("no seizure", "non-seizure", "seizure-free", "seizure-free interval", "seizure_like", "Seizure-like"),
    *("post_sz", "post-ictal", "without seizure", "non-epileptic seizure", "sz-free"),
    *("eye movement artifact", "eyes closed", "chewing", "muscle_artifact", "start of recording"),
    *("Sleep stage N2", "sleep stage W", "REM", "spike and wave", "hyperventilation start", "Photic 5 Hz"),
]

IN_DOUBT = [
    *("seizure?", "possible seizure", "sz_possible", "seizure not confirmed", "absence of seizures"),
    *("end of seizure", "seizure onset", "seizure end", "sz_end", "ictal onset", "seizure offset"),
    *("no clinical seizure", "seizure no", "seizure: none", "seizure, not epileptic", "peri-ictal"),
    *("artifact during seizure", "postictal after seizure", "seizure medication", "muscle spasm"),
    *("Anna Smith", "1", "start", "stop", "event", "button", "unknown", "status", "aura", "absence", "GTCS"),
    "no seizure, then seizure",
]


@pytest.mark.parametrize("kind", SEIZURES)
def test_seizures(kind):
    assert is_seizure(kind) is True
    if kind not in ("seizureA", "focalSeizure"):  # whose words are told apart by their case
        assert is_seizure(f" {kind.upper()} ") is True


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_something_else(kind):
    assert is_seizure(kind) is False


@pytest.mark.parametrize("kind", IN_DOUBT)
def test_what_is_in_doubt(kind):
    assert is_seizure(kind) is None


def test_what_a_study_says_comes_first():
    assert is_seizure("Aura ", seizures=("aura",)) is True
    assert is_seizure("SZ_foc", others=("sz_foc",)) is False
    assert is_seizure("n/a", seizures=("N/A",)) is True
    assert is_seizure("aura or so", seizures=("aura",)) is None


def test_what_is_missing():
    assert [is_missing(kind) for kind in ("", " ", "n/a", "N/A", "None", "0", "sz")] == [True] * 5 + [
        False
    ] * 2


@pytest.mark.parametrize(
    ("kind", "is_seizure"),
    [
        *((kind, True) for kind in ("sz", "SZ_foc_ia", "sz-gen", "seizure", "Seizure", "Seizures", "seiz")),
        *((kind, True) for kind in ("seizure_focal", "focal seizure", "ictal", "Ictal phase", "fnsz")),
        *((kind, False) for kind in ("bckg", "impd", "n/a", "", "interictal", "preictal", "inter-ictal")),
        *((kind, False) for kind in ("no seizure", "non-seizure", "seizure-free", "seizure_like", "post_sz")),
    ],
)
@pytest.mark.parametrize("column", ["eventType", "trial_type"])
def test_bids_names_of_seizures(column, kind, is_seizure):
    text = f"onset\tduration\t{column}\n1.5\t2\t{kind}\n"
    assert bids(text) == [(1.5, 3.5)] * is_seizure


def test_bids_types_that_contradict_each_other_are_refused():
    head = "trial_type\tonset\tduration\teventType\nstimulus\t0\t9\tbckg\n"
    for row in ("seizure\t1\t2\tbckg", "rest\t3\t4\tsz"):
        assert refusal(bids, f"{head}{row}\n") == (
            "eventType and trial_type must agree on whether an event is a seizure, "
            "but those of row 2 do not; correct the table"
        )
    assert bids(f"{head}focal seizure\t3\t4\tsz\nAnna\t8\t4\tsz\n") == [(3.0, 7.0), (8.0, 12.0)]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("value", "seizure"),
        ("description", "seizure of Anna?"),
        ("HED", "Focal-onset-epileptic-seizure"),
        ("HED", "(Sensory-event, Seizure)"),
        ("value", "sz_foc"),
    ],
)
def test_bids_a_row_without_a_type_that_names_a_seizure_is_refused(column, text):
    table = f"onset\tduration\ttrial_type\t{column}\n20\t20\tn/a\t{text}\n"
    assert refusal(bids, table) == (
        "an event that is a seizure must have a type that says so, but row 1 has none "
        "and names a seizure in value, description or HED; write it into eventType"
    )
    assert bids(table, (), ["n/a"]) == []  # the study has said what it means
    assert bids(table, ["n/a"]) == [(20.0, 40.0)]


@pytest.mark.parametrize("text", ["1", "n/a", "", "Anna", "no seizure", "button", "interictal spike"])
def test_bids_a_row_without_a_type_that_names_no_seizure_is_background(text):
    assert bids(f"onset\tduration\ttrial_type\tvalue\n20\t20\tn/a\t{text}\n") == []


def test_bids_quoted_cells_are_read():
    text = '"onset"\t"duration"\t"trial_type"\n"1"\t"2"\t"focal seizure"\n3\t4\tbckg\n'
    assert bids(text) == [(1.0, 3.0)]


def test_bids_a_table_may_have_no_rows():
    assert bids("onset\tduration\ttrial_type\n") == []


def test_bids_trial_type_stands_in_for_a_missing_event_type():
    text = "trial_type\tonset\tduration\teventType\nseizure\t1\t2\tn/a\nn/a\t3\t4\tn/a\n"
    assert bids(text) == [(1.0, 3.0)]


def test_bids_event_types_in_doubt_are_refused_without_a_quote():
    text = "onset\tduration\teventType\n1\t2\tsz\n3\t4\tas told by Anna\n5\t6\tseizure?\n7\t8\tsz\n"
    message = refusal(bids, text)
    assert message == (
        "every event type must be known as a seizure or as something else, but those of rows 2, 3 are not; "
        "list them in data.seizure_types or data.other_types"
    )
    assert bids(text, ["seizure?"], ["AS TOLD BY anna"]) == [(1, 3), (5, 11), (7, 15)]
    many = "onset\tduration\teventType\n" + "1\t2\twhat\n" * 12
    assert "those of rows 1, 2, 3, 4, 5 and 7 more are not" in refusal(bids, many)
    short = "onset\tduration\tother\teventType\n1\t2\tsz\n"  # the type is cut off, or a column is
    assert "that of row 1 is not" in refusal(bids, short)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"seizure_types": ["Aura"], "other_types": ["aura "]}, "an event type is a seizure or is not"),
        ({"other_types": [" "]}, "must not be blank"),
    ],
)
def test_event_types_of_a_study_are_checked(types, message):
    with pytest.raises(ValueError, match=message):
        Eeg(source="eeg", path=".", **types)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("onset\tduration\teventType\nn/a\t5\tsz", "annotation without a start"),
        ("onset\tduration\teventType\n5\tlong\tsz", "must be a number of seconds"),
        ("onset\tduration\n5\t5", "but lack eventType or trial_type"),
        ("5\t5\tsz", "but lack onset, duration, eventType or trial_type"),
        ("# none", "but lack onset, duration, eventType or trial_type"),
    ],
)
def test_bids_refusals(text, message):
    assert message in refusal(bids, text)
