"""Labels of recordings become one name each, and a study's channels are found, derived or refused."""

import numpy as np
import pytest

from search.data.sources.eeg.channels import resolve, standard_channels, standard_name
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.electrodes import ELECTRODES, POSITIONS, spline_weights
from spaces.eeg import MONTAGES
from spaces.errors import RunError

TEN_TWENTY, BANANA = MONTAGES["10-20"], MONTAGES["double_banana"]

NAMES = {
    "Fp1": ["EEG FP1-REF", "EEG Fp1", "FP1", "Fp1-LE", "EEG FP1-A1", "Fp1-M2", "fp1.", "POL Fp1",
            "EEG-Fp1", "Fp1-AvgRef", "Fp1-0", "EEG-Fp1-Ref-1"],
    "Fp2": ["EEG Fp2-(A1+A2)/2", "EEG_FP2-G2"],
    "T3": ["T7", "T3", "EEG T7-AVG", "EEG T3-AR"],
    "T6": ["P8", "EEG T6-REF"],
    "Fz": ["FZ", "EEG Fz", "Fz - Ref"],
    "Fc5": ["EEG Fc5", "FC5"],
    "Ft10": ["FT10"],
    "A1": ["EEG A1-REF", "A1"],
    "Fp1-F7": ["FP1-F7", "EEG FP1-F7", "Fp1 - F7"],
    "T4-T6": ["T8-P8", "EEG T8-P8", "T8-P8-1", "T4-T6"],
    "T5-T3": ["P7-T7"],
}  # fmt: skip

OTHERS = [
    *(
        "EKG",
        "ECG",
        "EKG EKG",
        "EEG EKG1-REF",
        "EMG-REF",
        "SPO2",
        "HR",
        "PHOTIC-REF",
        "IBI",
        "BURSTS",
        "SUPPR",
    ),
    *("MK", "1", "2", "EEG 26-REF", "EEG ROC-REF", "EEG LOC-REF", "LOC-ROC", "EEG C3P-REF", "EEG SP1-REF"),
    *("OorLiTop", "Sph1", "-", ".", "--0", "", "EEG", "T3-T7", "C3-P3-O1", "Fp1-ECG"),
]


@pytest.mark.parametrize(("label", "name"), [(label, name) for name in NAMES for label in NAMES[name]])
def test_label_has_one_name(label, name):
    assert standard_name(label) == name


@pytest.mark.parametrize("label", OTHERS)
def test_other_signals_have_none(label):
    assert standard_name(label) is None


@pytest.mark.parametrize("montage", MONTAGES)
def test_montages_are_spelled_as_standard(montage):
    assert standard_channels(MONTAGES[montage]) == MONTAGES[montage]


def test_every_electrode_is_its_own_name():
    assert all(standard_name(name) == name for name in ELECTRODES)


def test_real_headers_resolve(shared):
    seen = {}
    for path in sorted((shared / "eeg_recordings").rglob("*.edf")):
        labels = open_header(path).labels
        if labels not in seen:
            bipolar = "chbmit" in path.parts
            montage = seen[labels] = resolve(labels, BANANA if bipolar else TEN_TWENTY)
            assert [standard_name(labels[k]) for k in montage.signals] == list(montage.names)
            made = dict(zip(montage.channels, montage.weights.T, strict=True))
            assert all(row[montage.names.index(name)] == 1 and row.sum() == 1 for name, row in made.items())
    assert len(seen) >= 6


def test_first_of_two_equal_labels_counts():
    assert resolve(["T8-P8", "C3", "T8-P8"], ["T4-T6"]).signals == (0,)


def test_channels_come_in_the_studys_order():
    montage = resolve(["EKG", "C3", "Fp1", "Cz"], ["Cz", "C3"])
    assert (montage.channels, montage.signals, montage.names) == (("Cz", "C3"), (1, 3), ("C3", "Cz"))
    assert montage.weights.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("labels", "row"),
    [
        (["Fp1-F7", "Fp1", "F7"], {0: 1}),
        (["F7-Fp1"], {0: -1}),
        (["EEG Fp1-REF", "EEG F7-REF"], {0: 1, 1: -1}),
        (["Fp1-A1", "Fp1-A2", "F7-A2"], {1: 1, 2: -1}),
        (["Fp1-Cz", "F7-Cz"], {0: 1, 1: -1}),
    ],
)
def test_pair_is_read_turned_or_derived(labels, row):
    montage = resolve(labels, ["Fp1-F7"])
    assert dict(zip(montage.signals, montage.weights[:, 0], strict=True)) == row


def test_double_banana_from_electrodes():
    montage = resolve([f"EEG {name}-REF" for name in TEN_TWENTY], BANANA)
    assert np.allclose(montage.weights.sum(axis=0), 0)
    assert (np.abs(montage.weights).sum(axis=0) == 2).all()


TCP = MONTAGES["tcp_ar"]
EARS = ["T4", "T4-A2", "A1-T3", "Fp1-M1"]


def row(labels, name) -> dict[int, float]:
    """How one wanted channel is made of labels."""
    montage = resolve(labels, [name])
    return dict(zip(montage.signals, montage.weights[:, 0], strict=True))


def test_a_wanted_ear_is_one_end_of_a_pair():
    assert standard_channels(EARS) == tuple(EARS)
    assert standard_channels(standard_channels(["T8-A2", "EEG FP1-REF"])) == ("T4-A2", "Fp1")
    with pytest.raises(RunError, match='"T4-A2" and "T8-A2" are both T4-A2'):
        standard_channels(["T4-A2", "T8-A2"])
    assert standard_name("EEG T4-A2") == "T4"  # of a file, an ear is the reference


@pytest.mark.parametrize(
    ("labels", "name", "made"),
    [
        (["EEG T4-REF", "EEG T4-A2"], "T4-A2", {1: 1}),
        (["EEG T8-A2"], "T4-A2", {0: 1}),
        (["EEG A2-T4"], "T4-A2", {0: -1}),
        (["EEG T3-A1"], "A1-T3", {0: -1}),
        (["EEG T4-REF", "EEG A2-REF"], "T4-A2", {0: 1, 1: -1}),
        (["EEG T4-A1", "EEG A2-A1"], "T4-A2", {0: 1, 1: -1}),
        (["EEG T4-A2"], "T4", {0: 1}),
        (["EEG A1-A2"], "A1-A2", {0: 1}),
    ],
)
def test_pairs_with_an_ear_are_read_turned_or_derived(labels, name, made):
    assert row(labels, name) == made


@pytest.mark.parametrize(
    "labels", [["T4-REF"], ["T4-A1"], ["T4-M2"], ["T4-REF", "A2-LE"], ["T4-A1", "A2-REF"]]
)
@pytest.mark.parametrize(
    ("missing", "rule"), [("stop", "every channel"), ("interpolate", "may be|cannot be")]
)
def test_an_electrode_alone_is_no_pair_with_an_ear(labels, missing, rule):
    with pytest.raises(RunError, match=f"{rule}.*A2 is missing"):
        resolve(labels, ["T4-A2"], missing)


def test_an_electrode_and_its_pair_are_two_channels():
    montage = resolve(["T4-REF", "A2-REF"], ["T4", "T4-A2"])
    assert montage.channels == ("T4", "T4-A2")
    assert montage.weights.tolist() == [[1, 1], [0, -1]]
    assert resolve(["T4-REF", "T4-A2"], ["T4", "T4-A2"]).names == ("T4", "T4-A2")


def test_tcp_montage_of_real_files(shared):
    folder = shared / "eeg_recordings" / "tuh"
    headers = {open_header(path).labels for path in folder.rglob("*.edf")}
    assert len(headers) >= 4
    for labels in headers:
        montage = resolve(labels, TCP)
        assert len(set(montage.channels)) == 22
        assert montage.notes == ()
        for name, weights in zip(TCP, montage.weights.T, strict=True):
            first, second = name.split("-")
            assert {montage.names[k]: w for k, w in enumerate(weights) if w} == {first: 1, second: -1}


def test_one_reference_for_all_comes_before_the_first_label():
    labels = ["T4-A1", "T4-REF", "F3-A2", "F4-A1", "F3-REF"]
    montage = resolve(labels, ["T4", "F3"])
    assert (montage.signals, montage.notes) == ((1, 4), ())
    montage = resolve(["Fp1-A1", "F7-A1", "Fp1", "F7"], ["Fp1", "F7"])
    assert (montage.signals, montage.notes) == ((0, 1), ())  # of two that have both, the first


def test_mixed_references_are_told():
    montage = resolve(["F3-A2", "F4-A1", "C3-A2"], ["F4", "F3", "C3"])
    assert montage.signals == (0, 1, 2)
    assert montage.notes == (
        "no single reference has all electrodes of the study: F4 against A1; F3, C3 against A2",
    )
    assert resolve(["F3-A2", "F4"], ["F3", "F4"]).notes == (
        "no single reference has all electrodes of the study: F3 against A2; F4 against one without a name",
    )
    assert resolve(["F3-A2", "F4-A1"], ["F3-A2", "F4-A1"]).notes == ()  # wanted so


def test_what_the_most_common_reference_lacks_comes_from_the_next():
    labels = ["O1-LE", "F4-A1", "F3-A2", "C4-A1", "C3-A2", "P3-A2", "O2-A1", "O1-A1"]
    montage = resolve(labels, ["F4", "C4", "F3", "C3", "O1", "O2", "P3"])
    assert 0 not in montage.signals
    assert montage.notes[0].endswith(": F4, C4, O1, O2 against A1; F3, C3, P3 against A2")


REFUSED = {
    "unknown": (["Fp1"], ["Fpp1"], "stop", r'channels must be 10-20.*but got "Fpp1"; did you mean Fp1\?'),
    "unknown pair": (["Fp1"], ["Fp1-Ff7"], "stop", r"did you mean Fp1-F7\?"),
    "montage": (["Fp1"], ["double banana"], "stop", r"did you mean double_banana\?"),
    "twice": (["T3"], ["T3", "T7"], "stop", '"T3" and "T7" are both T3'),
    "missing": (["Fp1", "EKG"], ["Fp1", "F7"], "stop", r"but F7 is missing \(the file has Fp1\)"),
    "nothing": (["EKG"], ["Fp1"], "stop", "no EEG signal that is known"),
    "references": (["Fp1-A1", "F7-A2"], ["Fp1-F7"], "stop", "Fp1-F7 is missing"),
    "bipolar": (
        BANANA,
        ["Fp1", "Cz"],
        "stop",
        "cannot be had from bipolar recordings, but Fp1, Cz are wanted",
    ),
    "hint": (BANANA, ["Fp1"], "interpolate", "write channels: double_banana"),
    "few pairs": (["Fp1-F7", "F7-T3"], ["Fp1"], "stop", r"write channels: \[Fp1-F7, F7-T3\]"),
    "pairs": (BANANA[1:], BANANA, "interpolate", "only electrodes of one reference can be interpolated"),
    "too many": (
        TEN_TWENTY[5:],
        TEN_TWENTY,
        "interpolate",
        "at most 4 of 19 .* Fp1, F3, C3, P3, O1 are missing",
    ),
    "no place": (
        TEN_TWENTY,
        (*TEN_TWENTY, "A1"),
        "interpolate",
        "ears, mastoids and cheeks .* A1 is missing",
    ),
}
"""Labels, wanted channels, what to do with missing ones, and the message."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_refused(case):
    labels, wanted, missing, message = REFUSED[case]
    with pytest.raises(RunError, match=message) as refused:
        resolve(labels, wanted, missing)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "wanted", "hint"),
    [
        (TEN_TWENTY[1:], TEN_TWENTY, "write missing_channels: interpolate, or channels: [those"),
        (TEN_TWENTY[5:], TEN_TWENTY, "write channels: [those that all files have]"),  # too many
        (BANANA[1:], BANANA, "write channels: [those that all files have]"),  # nothing but pairs
        (TEN_TWENTY, (*TEN_TWENTY, "A1"), "write channels: [those that all files have]"),  # off the scalp
    ],
)
def test_interpolation_is_proposed_only_where_it_can_help(labels, wanted, hint):
    with pytest.raises(RunError, match="every channel of the study") as refused:
        resolve(labels, wanted)
    assert f"; {hint}" in str(refused.value)


def test_unknown_labels_never_stand_in_an_error():
    with pytest.raises(RunError) as refused:
        resolve(["Jane Doe", "Fp1"], ["F7"])
    assert "Jane" not in str(refused.value)


def test_missing_electrodes_are_interpolated():
    lost = ("T5", "Cz", "Fp2", "P4")
    labels = [f"EEG {name}-REF" for name in TEN_TWENTY if name not in lost]
    montage = resolve(labels, TEN_TWENTY, "interpolate")
    assert set(montage.interpolated) == set(lost)
    # A field that changes slowly over the head comes back; one that is equal everywhere stays exactly so.
    field = np.array([POSITIONS[name] @ (1, 2, 3) for name in TEN_TWENTY])
    held = np.array([POSITIONS[name] @ (1, 2, 3) for name in montage.names])
    np.testing.assert_allclose(held @ montage.weights, field, atol=0.25)
    np.testing.assert_allclose(montage.weights.sum(axis=0), 1, atol=1e-12)
    exact = [k for k, name in enumerate(TEN_TWENTY) if name not in lost]
    np.testing.assert_array_equal((held @ montage.weights)[exact], field[exact])


def test_interpolation_in_pairs_is_the_difference_of_electrodes():
    labels = [name for name in TEN_TWENTY if name != "T5"]
    single = resolve(labels, TEN_TWENTY, "interpolate")
    pairs = resolve(labels, BANANA, "interpolate")
    assert pairs.interpolated == ("T5",)
    rng = np.random.default_rng(0)
    held = dict(zip(labels, rng.normal(size=len(labels)), strict=True))
    of = dict(zip(single.channels, [held[n] for n in single.names] @ single.weights, strict=True))
    made = np.array([held[n] for n in pairs.names]) @ pairs.weights
    np.testing.assert_allclose(
        made, [of[first] - of[second] for first, second in (p.split("-") for p in BANANA)]
    )


def test_nothing_missing_is_nothing_interpolated():
    montage = resolve(TEN_TWENTY, TEN_TWENTY, "interpolate")
    assert (montage.interpolated, montage.weights.tolist()) == ((), np.eye(19).tolist())


def test_positions_follow_the_ten_ten_system():
    assert len(POSITIONS) == 81
    for name, at in POSITIONS.items():
        assert np.linalg.norm(at) == pytest.approx(1), name
        digits = "".join(c for c in name if c.isdigit())
        assert np.sign(np.round(at[0], 9)) == (0 if not digits else -1 if int(digits) % 2 else 1), name
    assert POSITIONS["T3"] == pytest.approx([-1, 0, 0])
    assert POSITIONS["Fz"] == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert POSITIONS["F7"][1] > 0 > POSITIONS["T5"][1]
    assert POSITIONS["T4"] @ POSITIONS["C4"] == pytest.approx(np.cos(np.pi / 4))


def test_spline_passes_through_what_is_there():
    weights = spline_weights(TEN_TWENTY, ("Cz", "T5"))
    expected = np.array([[float(name == other) for other in ("Cz", "T5")] for name in TEN_TWENTY])
    np.testing.assert_allclose(weights, expected, atol=1e-9)


def test_spline_leans_on_neighbours_and_does_not_amplify_noise():
    for lost in TEN_TWENTY:
        present = [name for name in TEN_TWENTY if name != lost]
        weights = spline_weights(present, [lost])[:, 0]
        nearest = max(present, key=lambda name: POSITIONS[name] @ POSITIONS[lost])
        assert weights[present.index(nearest)] > 0.15
        assert np.linalg.norm(weights) < 1


def test_an_electrode_that_stands_twice_is_told():
    found = resolve(["EEG Fp1-0", "Fp1-1", "C3", "T8-P8-0", "T8-P8-1"], ["Fp1", "C3", "T8-P8"])
    assert found.signals == (0, 2, 3)
    assert found.notes == ("more than one signal is called Fp1: the first of each is read",)
    assert found.twins == ((0, 1), (3, 4))


def test_a_study_says_which_of_several_is_read():
    labels = ["EEG Fp1-0", "Fp1-1", "C3", "T8-P8-0", "T8-P8-1", "T8-P8-2"]
    found = resolve(labels, ["Fp1", "C3", "T8-P8"], "stop", {"FP1": 2, "T4-T6": 3, "C3": 5})
    assert found.signals == (1, 2, 5)
    assert (found.twins, found.notes) == ((), ())
    with pytest.raises(RunError, match=r"counts the signals of one name from 1, but got 3 for Fp1, of which"):
        resolve(labels, ["Fp1"], "stop", {"Fp1": 3})
    with pytest.raises(RunError, match='but got "Fpp1"'):
        resolve(labels, ["Fp1"], "stop", {"Fpp1": 1})
