"""Seizures are read from every format of annotation, or refused in one line that quotes no remarks."""

import math

import pytest

from search.data.sources.eeg import annotation_formats, siena_list
from search.data.sources.eeg.annotations import read as read_with_notes
from search.data.sources.eeg.layouts import Found, find
from spaces.eeg import Eeg
from tests.helpers.refusals import refusal

SUMMARY = """\
Data Sampling Rate: 256 Hz

File Name: chb17a_03.edf
File Start Time: 17:20:05
Number of Seizures in File: 0

File Name: chb17a_04.edf
Number of Seizures in File: 1
Seizure Start Time: 417 seconds
Seizure End Time: 532 seconds

File Name: chb02_16+.edf
Number of Seizures in File: 2
Seizure 1 Start Time:             130 seconds
Seizure 1 End Time: 212 seconds
Seizure 2 Start Time: 2972 seconds
Seizure 2 End Time: 3053 seconds
"""

LIST = """\
PN06
Channel 1: Fp1

Seizure n 1:
File name: PNO6-1.edf
Registration start time: 23.50.00
Registration end time:  02.56.19
Seizure start time: 00:05.00
Seizure end time: 00.06.30

Seizure n 2 (in sleep):
File name: PN06-2.edf \n\
Registration start time:1 6.49.25
Registration end time: 19.12.00
Seizure start time: 16.50.25 (CLINICAL ONSET); 16.50.31 (ELECTRIC ONSET)
Seizure end time: 16:51:25 (CLINICAL)

Seizure n 3
File name: PN06-2.edf
Seizure start time: 18.00.00
Seizure end time: 18.01.00
"""

TSV = "# Subject: P_ID64\n# Age: 20\n \n\n1949\t1980\tFIA\tHem:L\n2000.5\t2010\tFA\n"

CSV_BI = """\
# version = csv_v1.0.0
# bname = aa_s001_t000
#
channel,start_time,stop_time,label,confidence
TERM,0.0000,36.8868,bckg,1.0000
TERM,36.8868,183.3055,seiz,1.0000
TERM,183.3055,301.0000,fnsz,1.0000
"""

TSE_BI = "version = tse_v1.0.0\n\n0.0000 36.8868 bckg 1.0000\n36.8868 183.3055 seiz 1.0000\n"

EVENTS = """\
onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration
0.0\t36.0\tbckg\tn/a\tn/a\t2017-01-01 00:00:00\t3600.0
36.5\t10.25\tsz_foc_ia\t1.0\tall\t2017-01-01 00:00:00\t3600.0
50\tn/a\timpd\tn/a\tn/a\t2017-01-01 00:00:00\t3600.0
100\t20\tSZ\tn/a\tn/a\t2017-01-01 00:00:00\t3600.0
"""

WRITTEN = {
    "chbmit": ("chb02_16+.edf", "chb02-summary.txt", SUMMARY, ((130.0, 212.0), (2972.0, 3053.0))),
    "siena": ("PN06-1.edf", "Seizures-list-PN06.txt", LIST, ((900.0, 990.0),)),
    "seizeit": ("P_ID64_r2.edf", "P_ID64_r2_a1.tsv", TSV, ((1949.0, 1980.0), (2000.5, 2010.0))),
    "tuh": ("aa_s001_t000.edf", "aa_s001_t000.csv_bi", CSV_BI, ((36.8868, 183.3055), (183.3055, 301.0))),
    "tuh, old": ("aa_s001_t000.edf", "aa_s001_t000.tse_bi", TSE_BI, ((36.8868, 183.3055),)),
    "bids": ("sub-01_eeg.edf", "sub-01_events.tsv", EVENTS, ((36.5, 46.75), (100.0, 120.0))),
}
"""By layout: EDF file, annotation file, its text, and the seizures in it."""


def written(folder, layout, change=lambda text: text.encode()) -> Found:
    edf, annotations, text, _ = WRITTEN[layout]
    (folder / edf).touch()
    (folder / annotations).write_bytes(change(text))
    return find(folder, Eeg(source="eeg", path="."))[0]


def read(found: Found, duration_s: float | None = None, mend: bool = False):
    config = Eeg(source="eeg", path=".", bad_annotations="mend" if mend else "stop")
    return read_with_notes(found, config, duration_s)[0]


@pytest.mark.parametrize("layout", WRITTEN)
@pytest.mark.parametrize(
    "change",
    [
        str.encode,
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: (text + "\n\n").encode(),
    ],
    ids=["plain", "windows", "old mac", "mark", "blank lines"],
)
def test_every_format(tmp_path, layout, change):
    assert read(written(tmp_path, layout, change)) == WRITTEN[layout][3]


@pytest.mark.parametrize("layout", ["chbmit", "siena", "seizeit", "tuh"])
def test_latin_1_remarks(tmp_path, layout):
    remark = {"siena": "Señal: \x85 n\xb0 1\n", "chbmit": "Señal \x85\n"}.get(layout, "# Señal \x85\n")
    found = written(tmp_path, layout, lambda text: (remark + text).encode("latin-1"))
    assert read(found) == WRITTEN[layout][3]


def test_real_files(shared):
    root = shared / "eeg_recordings"
    seizures = {}
    for layout in ("chbmit", "siena", "seizeit", "tuh"):
        for found in find(root / layout, Eeg(source="eeg", path=".")):
            seizures[found.edf.stem] = read(found)
    assert len(seizures) == 79
    assert seizures["chb05_01"] == seizures["P_ID64_r10"] == seizures["aaaaaool_s001_t000"] == ()
    assert seizures["chb05_06"] == ((417.0, 532.0),)
    assert seizures["PN00-1"] == ((1143.0, 1213.0),)
    assert seizures["PN00-5"] == ((904.0, 971.0),)
    assert seizures["P_ID64_r2"] == ((1949.0, 1980.0),)
    assert seizures["aaaaaool_s004_t002"] == ((224.0071, 258.9804), (408.9508, 430.9425))
    assert sum(len(s) for name, s in seizures.items() if name.startswith("aaaaaool")) == 24


def test_a_real_seizure_without_an_end(shared):
    found = find(shared / "eeg_recordings" / "seizeit", Eeg(source="eeg", path="."))
    assert found[0].name == "P_ID64_r1"
    ((start, end),) = read(found[0])
    assert start == 8971
    assert math.isnan(end)


OPEN = [
    ("chbmit", "212 seconds", " "),
    ("chbmit", "Seizure 1 End Time: 212 seconds\n", ""),
    ("siena", "00.06.30", ""),
    ("siena", "Seizure end time: 00.06.30\n", ""),
    ("seizeit", "1980", "None"),
    ("tuh", "36.8868,183.3055", "36.8868,n/a"),
    ("tuh, old", "36.8868 183.3055", "36.8868 None"),
    ("bids", "36.5\t10.25", "36.5\tn/a"),
]


@pytest.mark.parametrize(("layout", "old", "new"), OPEN)
def test_an_end_that_is_not_known_is_nan_in_every_format(tmp_path, layout, old, new):
    assert old in WRITTEN[layout][2]
    (start, end), *others = read(written(tmp_path, layout, lambda text: text.replace(old, new, 1).encode()))
    (first, _), *rest = WRITTEN[layout][3]
    assert (start, others) == (first, rest)
    assert math.isnan(end)


def test_no_annotation_or_none_that_can_be_read(tmp_path):
    found = written(tmp_path, "chbmit")
    found.annotations.unlink()
    assert refusal(read, found) == "an annotation must be readable, but it gave: No such file or directory"
    found = find(tmp_path, Eeg(source="eeg", path="."))[0]
    assert refusal(read, found) == "no annotation beside it: expected chb02-summary.txt"
    found = written(tmp_path, "chbmit", lambda _: b" \n")
    assert "must say whether there were seizures, but the file is empty" in refusal(read, found)
    found = written(tmp_path, "chbmit", lambda text: text.encode("utf-16"))
    assert "must be text in UTF-8 or Latin-1, but it holds zero bytes" in refusal(read, found)


def test_chbmit_says_when_there_were_none():
    assert annotation_formats.chbmit(SUMMARY, "chb17a_03") == []
    assert annotation_formats.chbmit(SUMMARY, "chb17a_04") == [(417.0, 532.0)]
    message = refusal(annotation_formats.chbmit, SUMMARY, "chb17a_05")
    assert message == "no annotation: the summary does not mention it"
    assert annotation_formats.chbmit(SUMMARY + SUMMARY, "chb17a_04") == [(417.0, 532.0)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("File: 1", "File: 2", "it counts 2 and lists start, end"),
        (
            "Seizure End Time: 532 seconds",
            "Seizure End Time: 532\nSeizure End Time: 9",
            "lists start, end, end",
        ),
        ("Number of Seizures in File: 1", "", "it counts none and lists start, end"),
        ("Seizure Start Time: 417 seconds\n", "", "it counts 1 and lists end"),
        ("417", "soon", "the start of a seizure must be a number of seconds, but one is none"),
        ("417", "", "annotation without a start: a seizure needs both"),
        ("532", "inf", "the end of a seizure must be a number of seconds"),
        ("chb02_16+", "chb17a_04", "must list a recording once, but it lists it with different seizures"),
    ],
)
def test_chbmit_refusals(old, new, message):
    assert old in SUMMARY
    assert message in refusal(annotation_formats.chbmit, SUMMARY.replace(old, new, 1), "chb17a_04")


def test_siena_typos_are_read():
    assert siena_list.seizures(LIST, "PN06-1") == [(900.0, 990.0)]  # over midnight
    assert siena_list.seizures(LIST, "PN06-2") == [(66.0, 120.0), (4235.0, 4295.0)]
    assert siena_list.registration(LIST, "PN06-1") == (85800, 11179)
    assert siena_list.registration(LIST.replace("Registration end", "Until"), "PN06-2") == (60565, None)


@pytest.mark.parametrize("name", ["PN01.edf", "PN01-.edf", "PNO1-1.edf", "pn01-1", "PN 01-1.edf"])
def test_siena_one_recording_named_before_its_seizures(name):
    text = (
        f"File name: {name}\nRegistration start time: 19.00.44\nRegistration end time: 08.29.41\n\n"
        "Seizure n 1\nStart time: 21:51:02\nEnd time: 21:51:56\n\n"
        "Seizure n 2\nStart time: 07:53:17\nEnd time: 07:54:31\n"
    )
    assert siena_list.seizures(text, "PN01-1") == [(10218.0, 10272.0), (46353.0, 46427.0)]
    assert "does not name it" in refusal(siena_list.seizures, text, "PN01-2")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PNO6-1", "PN06-4", "no annotation: the list of seizures does not name it"),
        ("PN06-2", "PN06", "a list must name files such as PN00-1.edf, but line 12 has another name"),
        (
            "File name: PN06-2.edf \n",
            "",
            "every listed seizure must name its file, but that of line 11 does not",
        ),
        ("Registration start time: 23.50.00\n", "", "must give the registration start time of a recording"),
        ("Seizure start time: 00:05.00\n", "", "needs a start, but that of line 4 has none"),
        ("00.06.30", "00.06", "the end must be one time of day such as 19.58.36, but line 9 has 0"),
        ("00.06.30", "00.06.30 opure 00.06.10", "such as 19.58.36, but line 9 has 2"),
        ("00.06.30", "00.66.30", "must be a time of day, but line 9 has 00.66.30"),
        ("\n\nSeizure n 2", "\nSeizure start time: 01.00.00\n\nSeizure n 2", "but line 10 repeats"),
        ("Seizure n 2 (in sleep):", "Sezure n 2", "but line 12 repeats"),
        ("PN06-2", "PN06-1", "must have one registration start time, but the list gives 2"),
        (
            "Seizure n 3\nFile name: PN06-2",
            "Sezure n 3\nFile name: PNO6-1",  # its seizure would be lost without a word
            "but line 19 repeats",
        ),
    ],
)
def test_siena_refusals(old, new, message):
    assert old in LIST
    assert message in refusal(siena_list.seizures, LIST.replace(old, new, 1), "PN06-1")


def test_siena_a_bad_seizure_of_another_recording_does_no_harm():
    assert siena_list.seizures(LIST.replace("18.01.00", "soon"), "PN06-1") == [(900.0, 990.0)]


def clocked(found: Found, clock: bytes) -> Found:
    """The recording with an EDF header that says no more than when it began."""
    found.edf.write_bytes(b"0".ljust(176) + clock.ljust(8) + b" " * 72)
    return found


def test_siena_the_headers_clock_agrees_with_the_list(tmp_path):
    found = clocked(written(tmp_path, "siena"), b"23.49.01")
    for mend in (False, True):
        assert read(found, 11160.0, mend) == ((900.0, 990.0),)
        message = refusal(read, clocked(found, b"23.48.59"), 11160.0, mend)
        assert message == (
            "the registration start must agree with the clock in the EDF header to 60 s, "
            "but it does not; correct the list"
        )
        assert "clock" in refusal(read, clocked(found, b"11.50.00"), 11160.0, mend)
        for unknown in (b"00.00.00", b"", b"soon", b"99.99.99"):
            assert read(clocked(found, unknown), 11160.0, mend) == ((900.0, 990.0),)
        clocked(found, b"23.50.00")
    midnight = written(tmp_path, "siena", lambda text: text.replace("23.50.00", "23.59.30").encode())
    assert read(clocked(midnight, b"00.00.10"), 10609.0) == ((330.0, 420.0),)


def test_siena_mending_tolerates_a_cut_signal_alone_and_says_so(tmp_path):
    found = written(tmp_path, "siena")
    mend = Eeg(source="eeg", path=".", bad_annotations="mend")
    assert read_with_notes(found, mend, 11160.0) == (((900.0, 990.0),), ())
    assert read_with_notes(found, mend, 379.0) == (
        ((900.0, 990.0),),
        ("the signal is 379 s of the 11179 s listed; its start is taken for the registration's",),
    )
    assert read_with_notes(clocked(found, b"23.50.10"), mend, 379.0)[1] == (
        "the signal is 379 s of the 11179 s listed; it starts with the registration",
    )
    message = refusal(read, found, 11300.0, True)
    assert "by them it lasts 11179 s, and it is 11300 s long" in message


def test_real_siena_excerpts_start_with_the_registration(shared):
    mend = Eeg(source="eeg", path=".", bad_annotations="mend")
    for found in find(shared / "eeg_recordings" / "siena", mend):
        (note,) = read_with_notes(found, mend, 2.0)[1]
        assert note.endswith("s listed; it starts with the registration")


def test_siena_registration_times_agree_with_the_signal(tmp_path):
    found = written(tmp_path, "siena")
    message = refusal(read, found, 379.0)
    assert message == (
        "registration times must agree with the signal to 60 s, but by them it lasts 11179 s, "
        "and it is 379 s long; correct the list"
    )
    assert read(found, 11160.0) == ((900.0, 990.0),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5\tsoon\tFIA", "the end of a seizure must be a number of seconds, but one is none"),
        ("None\t5", "annotation without a start"),
        ("Anna Smith\t5", "the start of a seizure must be a number of seconds, but one is none"),
    ],
)
def test_seizeit_refusals_quote_no_text(text, message):
    given_message = refusal(annotation_formats.seizeit, "# Age: 20\n" + text)
    assert message in given_message
    assert "Anna" not in given_message


def test_seizeit_without_seizures():
    assert annotation_formats.seizeit("# Source: SeizeIt1\n# Age: 20\n \n\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CSV_BI.replace("fnsz", "sezi"), "absz atsz bckg"),
        (CSV_BI.replace(",fnsz,1.0000", ""), "but that of row 3 is not"),
        (CSV_BI[: CSV_BI.index("TERM")], "must have at least one row, but it has none"),
        (CSV_BI.replace("channel,", "c,"), "must begin with its columns"),
        ("# nothing", "must begin with its columns"),
        (TSE_BI.replace("183.3055", "n"), "the end of a seizure must be a number of seconds"),
    ],
)
def test_tuh_refusals(text, message):
    assert message in refusal(annotation_formats.tuh, text)


def test_tuh_background_and_non_epileptic_seizures_are_none():
    assert annotation_formats.tuh(CSV_BI.replace("seiz", "nesz").replace("fnsz", "bckg")) == []


def test_a_study_names_event_types_of_its_own(tmp_path):
    found = written(tmp_path, "bids", lambda text: text.replace("SZ\t", "Aura\t").encode())
    assert "that of row 4 is not" in refusal(read, found)
    for named, seizures in (("seizure_types", 2), ("other_types", 1)):
        config = Eeg(source="eeg", path=".", **{named: "aura"})
        assert len(read_with_notes(found, config)[0]) == seizures
