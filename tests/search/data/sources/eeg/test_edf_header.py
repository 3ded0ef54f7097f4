"""Damaged headers are refused in one line that says nothing of the person; the person is not kept."""

import traceback

import pytest

from search.data.sources.eeg.edf_header import open_header
from spaces.errors import RunError
from tests.search.data.sources.eeg.test_edf import PERSONAL, config, two, whole


def patched(at: int, value: bytes):
    def patch(content: bytes) -> bytes:
        return content[:at] + value + content[at + len(value) :]

    return patch


SIGNALS = 3  # two and the annotations


def per_signal(offset: int, size: int, value: str, number: int = 0):
    return patched(256 + offset * SIGNALS + number * size, value.encode().ljust(size))


DAMAGED = {
    "text": (lambda c: b"Erika Mustermann, 1950, PIN0815\n" * 40, "must be EDF or BDF files, but this one"),
    "empty": (lambda c: b"", "must be EDF or BDF files"),
    "bdf, with samples of 16 bits": (patched(0, b"\xffBIOSEMI"), "truncated: it holds 13 of 20 s"),
    "no times": (
        lambda c: patched(192, b"EDF+D")(c).replace(b"+0\x14", b"Unfall"[:3]),
        "records of a discontinuous recording .EDF.D, BDF.D. must say when they begin",
    ),
    "cut in the data": (lambda c: c[: 1024 + (len(c) - 1024) * 3 // 4 + 7], "truncated: it holds 15 of 20 s"),
    "no data": (lambda c: c[:1024], "truncated: it holds 0 of 20 s"),
    "cut in the header": (lambda c: c[:700], "truncated: it holds 700 of 1024 bytes of its header"),
    "cut in the person": (lambda c: c[:100], "truncated: it holds 100 of at least 512 bytes"),
    "longer": (lambda c: c + c[1024:], "says 20 s and holds 40 s"),
    "unclosed": (patched(236, b"-1      "), "must hold data records, .* counts -1 .*never closed"),
    "no records": (patched(236, b"0       "), "must hold data records, but the header counts 0"),
    "records": (patched(236, b"many    "), "the number of data records is damaged"),
    "record's length": (patched(244, b"1/0     "), "the duration of a data record is damaged"),
    "record of 0 s": (patched(244, b"0       "), "the duration of a data record is damaged"),
    "signals": (patched(252, b"????"), "the number of signals is damaged"),
    "header's size": (patched(184, b"512     "), "the size of the header is damaged"),
    "samples": (per_signal(216, 8, "Erika"), "the number of samples in a record is damaged"),
    "shifted": (lambda c: c[:8] + b"Mustermann" + c[8:], "damaged"),
    "physical range": (per_signal(104, 8, "Erika"), "a physical and a digital range .* but Fp1 has none"),
    "nan range": (per_signal(112, 8, "nan", 1), "a physical and a digital range .* but F7 has none"),
    "infinite range": (per_signal(112, 8, "inf", 1), "a physical and a digital range .* but F7 has none"),
    "underscore in a range": (per_signal(112, 8, "3_276"), "a physical and a digital .* but Fp1 has none"),
    "fraction in a digital range": (per_signal(128, 8, "32767.5"), "a digital range .* but Fp1 has none"),
    "comma in a range": (
        per_signal(104, 8, "-3276,8"),
        "numbers in a header must have a decimal point, but a range of Fp1 has a decimal comma",
    ),
    "comma in a digital range": (per_signal(128, 8, "32767,0", 1), "a range of F7 has a decimal comma"),
    "comma in a record's length": (
        patched(244, b"1,0     "),
        "must have a decimal point, but the duration of a data record has a decimal comma",
    ),
    "underscore in the records": (patched(236, b"2_0     "), "the number of data records is damaged"),
    "exponent in the records": (patched(236, b"2e1     "), "the number of data records is damaged"),
    "underscore in a length": (patched(244, b"0_1     "), "the duration of a data record is damaged"),
    "ratio as a record's length": (patched(244, b"2/2     "), "the duration of a data record is damaged"),
    "nan as a record's length": (patched(244, b"nan     "), "the duration of a data record is damaged"),
    "digits of another script": (
        per_signal(216, 4, "\u0665"),
        "the number of samples in a record is damaged",
    ),
    "empty range": (per_signal(104, 8, "3276.7"), "a physical and a digital range .* but Fp1 has none"),
    "digital range": (per_signal(120, 8, "32767"), "a physical and a digital range .* but Fp1 has none"),
    "no unit": (per_signal(96, 8, ""), "must be in uV, mV, V or nV, but Fp1 has no unit"),
    "unit": (per_signal(96, 8, "bpm"), 'must be in uV, mV, V or nV, but Fp1 has "bpm"'),
    "person in the unit": (per_signal(96, 8, "Erika"), "in uV, mV, V or nV, but Fp1 has another unit"),
    "label": (per_signal(0, 16, "Erika Mustermann"), "but Fp1 is missing .the file has F7."),
    "rate": (per_signal(216, 8, "513"), "truncated"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_bad_file_is_one_line_without_the_person(tmp_path, case):
    damage, message = DAMAGED[case]
    path = two(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=message) as refused:
        whole(path, config())
    shown = "".join(traceback.format_exception(refused.value))
    assert "\n" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert not [word for word in PERSONAL if word in shown]


def test_missing_file_is_refused_without_its_path(tmp_path):
    with pytest.raises(RunError, match="must be readable files, but this one gave: No such file") as refused:
        open_header(tmp_path / "Mustermann.edf")
    assert "Mustermann" not in "".join(traceback.format_exception(refused.value)).replace(
        'Mustermann.edf")', ""
    )


def test_person_is_not_kept(tmp_path):
    path = two(tmp_path)
    assert all(word.encode() in path.read_bytes() for word in PERSONAL)
    header = open_header(path)
    held = repr(header)
    assert not [word for word in (*PERSONAL, "2001", "03.02.01") if word in held]
