"""Recordings come as the same microvolts however they are cut; of bad ones the person is never told."""

import datetime
import itertools
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from edfio import Edf, EdfAnnotation, EdfSignal, Patient, Recording
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from search.data.sources.eeg.edf import blocks
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.filters import ANTI_ALIASING, kernel, ratio
from spaces.eeg import Eeg
from spaces.errors import RunError

PERSONAL = ("Mustermann", "Erika", "PIN0815", "1950", "Charite", "Unfall")
RANGE = (-3276.8, 3276.7)


def config(**changes) -> Eeg:
    return Eeg(**{"source": "eeg", "path": ".", "channels": ("Fp1", "F7"), **changes})


def signal(values, rate_hz: float, label: str, unit: str = "uV", physical_range=RANGE) -> EdfSignal:
    return EdfSignal(
        values,
        rate_hz,
        label=label,
        physical_dimension=unit,
        physical_range=physical_range,
        transducer_type="cap of Erika",
        prefiltering="as Mustermann wished",
    )


def save(path: Path, *signals: EdfSignal, **changes) -> Path:
    """A recording of one planted person."""
    Edf(
        signals,
        patient=Patient(
            code="PIN0815", sex="F", birthdate=datetime.date(1950, 2, 3), name="Erika_Mustermann"
        ),
        recording=Recording(startdate=datetime.date(2001, 2, 3), hospital_administration_code="Charite"),
        annotations=[EdfAnnotation(0, None, "Unfall")],
        **changes,
    ).write(path)
    return path


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=50, size=count)


def two(folder: Path, rate_hz: float = 512, seconds: int = 20, **changes) -> Path:
    labels = ("EEG Fp1-REF", "EEG F7-REF")
    made = (
        signal(noise(round(seconds * rate_hz), k), rate_hz, label, **changes)
        for k, label in enumerate(labels)
    )
    return save(folder / "two.edf", *made)


def whole(path: Path, study: Eeg, block_s: float = 600.0) -> np.ndarray:
    return np.concatenate([block for _, block in blocks(path, study, block_s)])


def digitised(values) -> np.ndarray:
    """What 16 bits make of values in RANGE."""
    return np.round(np.asarray(values) * 10) / 10


def test_real_recordings_are_read(shared):
    for folder, channels in (
        ("chbmit", "double_banana"),
        ("siena", "10-20"),
        ("seizeit", "10-20"),
        ("tuh", "10-20"),
    ):
        paths = sorted((shared / "eeg_recordings" / folder).rglob("*.edf"))
        for path in paths[:: max(1, len(paths) // 8)]:
            # The excerpts are of noise, so the two T8-P8 of CHB-MIT differ as those of the data set do not.
            study = config(channels=channels, repeated_channels={"T8-P8": 1})
            block = whole(path, study)
            assert block.shape == (512, len(study.channels))
            assert (block.dtype, block.flags.c_contiguous) == (np.float32, True)
            assert np.isfinite(block).all()


def test_header_holds_technical_facts(tmp_path):
    path = save(tmp_path / "a.edf", signal(noise(1000), 250, "Fp1"), signal(noise(400), 100, "SPO2", "%"))
    header = open_header(path)
    assert header.labels == ("Fp1", "SPO2")
    assert [(one.rate_hz, one.dimension) for one in header.signals] == [(250, "uV"), (100, "%")]
    assert (header.duration_s, header.samples(256), header.records) == (4, 1024, 4)


def test_blocks_keep_order_and_length(tmp_path):
    path = two(tmp_path, seconds=10)
    lengths = [len(block) for _, block in blocks(path, config(), block_s=3)]
    assert lengths == [768, 768, 768, 256]


def test_length_is_rounded_down(tmp_path):
    path = save(tmp_path / "a.edf", signal(noise(333), 100, "Fp1"), data_record_duration=0.37)
    assert open_header(path).samples(256) == 852  # 3.33 s * 256 Hz = 852.48
    assert len(whole(path, config(channels=["Fp1"]))) == 852


@pytest.mark.parametrize("rate_hz", [512, 250])
def test_sine_keeps_amplitude_and_phase(tmp_path, rate_hz):
    t, new = np.arange(30 * rate_hz) / rate_hz, np.arange(30 * 256) / 256
    path = save(tmp_path / "a.edf", signal(1000 * np.sin(2 * np.pi * 10 * t + 0.3), rate_hz, "Fp1"))
    got = whole(path, config(channels=["Fp1"]), block_s=7)[:, 0] / 1000
    inner = slice(256, -256)
    np.testing.assert_allclose(got[inner], np.sin(2 * np.pi * 10 * new + 0.3)[inner], atol=1e-3)


@pytest.mark.parametrize(
    ("rate_hz", "up", "down"),
    [(512, 1, 2), (250, 128, 125), (200, 32, 25), (199.8, 1280, 999), (1000, 32, 125), (174, 128, 87)],
)
@pytest.mark.parametrize("block_s", [0.01, 7, 600])
def test_pieces_equal_the_whole_signal_resampled(tmp_path, rate_hz, up, down, block_s):
    seconds = 5 if block_s < 1 else 20
    values = digitised(noise(round(seconds * rate_hz)) + 300)
    path = save(tmp_path / "a.edf", signal(values, rate_hz, "Fp1"))
    got = whole(path, config(channels=["Fp1"]), block_s)[:, 0]
    expected = resample_poly(values, up, down, window=ANTI_ALIASING, padtype="edge")[: seconds * 256]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


@settings(deadline=None, max_examples=15)
@given(
    block_s=st.floats(0.05, 30),
    rate_hz=st.sampled_from([250, 256, 512]),
    bandpass=st.sampled_from([None, (0.5, 60.0), (3.0, 100.0)]),
    notch=st.sampled_from([None, 50.0]),
)
def test_cuts_make_no_difference(tmp_path_factory, block_s, rate_hz, bandpass, notch):
    path = two(tmp_path_factory.mktemp("cut"), rate_hz, seconds=21)
    study = config(bandpass_hz=bandpass, notch_hz=notch)
    once = whole(path, study)
    assert len(once) == 21 * 256
    np.testing.assert_allclose(whole(path, study, block_s), once, atol=1e-5 * np.abs(once).max())


@pytest.mark.parametrize("block_s", [7, 600])
def test_same_rate_without_filter_is_exact(tmp_path, block_s):
    path = two(tmp_path, rate_hz=256)
    expected = np.stack([digitised(noise(20 * 256, k)) for k in (0, 1)], axis=1)
    np.testing.assert_allclose(whole(path, config(), block_s), expected, atol=1e-4)
    turned = whole(path, config(channels=["F7", "Fp1"]), block_s)
    np.testing.assert_array_equal(turned[:, ::-1], whole(path, config()))


def test_pair_is_the_difference(tmp_path):
    path = two(tmp_path)
    electrodes = whole(path, config())
    pair = whole(path, config(channels=["Fp1-F7"]))
    np.testing.assert_allclose(pair[:, 0], electrodes[:, 0] - electrodes[:, 1], atol=1e-4)


def test_channels_of_different_rates_are_resampled_each(tmp_path):
    sine = np.sin(2 * np.pi * 7 * np.arange(20 * 500) / 500) * 1000
    rates = {"Fp1": 500, "F7": 250, "F3": 100}
    signals = [signal(sine[:: 500 // rate], rate, name) for name, rate in rates.items()]
    path = save(tmp_path / "a.edf", *signals, data_record_duration=0.02)
    got = whole(path, config(channels=tuple(rates)), block_s=3)[300:-300]
    np.testing.assert_allclose(got[:, 1:], got[:, [0, 0]], atol=1)


@pytest.mark.parametrize(
    ("unit", "microvolts"), [("uV", 1), ("UV", 1), ("mV", 1e3), ("V", 1e6), ("nV", 1e-3), ("\xb5V", 1)]
)
def test_units_become_microvolts(tmp_path, unit, microvolts):
    path = two(tmp_path, rate_hz=256, unit=unit if unit.isascii() else "QV")
    if not unit.isascii():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"QV      ", b"\xb5V      "))
    expected = microvolts * digitised(noise(20 * 256))
    np.testing.assert_allclose(whole(path, config())[:, 0], expected, rtol=1e-5, atol=1e-4 * microvolts)


def test_inverted_range_turns_the_signal(tmp_path):
    values = np.arange(-256, 256, dtype=np.int16)
    made = EdfSignal.from_digital(
        values, 256, label="Fp1", physical_dimension="uV", physical_range=(32768, -32767)
    )
    got = whole(save(tmp_path / "a.edf", made), config(channels=["Fp1"]))
    np.testing.assert_allclose(got[:, 0], -values, atol=1e-3)


def gain(path: Path, study: Eeg) -> float:
    """Amplitude that is left of a sine of 1000 microvolts, and in phase with it."""
    got = whole(path, study, block_s=11)[:, 0]
    inner = slice(len(got) // 3, -len(got) // 3)
    t = np.arange(len(got)) / 256
    frequency = float(path.stem)
    wave = np.exp(-2j * np.pi * frequency * t)[inner]
    return float(2 * np.abs((got[inner] * wave).mean()) / 1000)


def sine(folder: Path, frequency: float, seconds: int = 60) -> Path:
    t = np.arange(seconds * 256) / 256
    return save(folder / f"{frequency:g}.edf", signal(1000 * np.cos(2 * np.pi * frequency * t), 256, "Fp1"))


@pytest.mark.parametrize(
    ("filters", "kept", "removed"),
    [
        ({"bandpass_hz": (1, 40)}, (1, 2, 10, 25, 40), (50, 60, 100)),
        ({"bandpass_hz": (8, 12)}, (8, 10, 12), (1, 6, 15, 50)),
        ({"notch_hz": 50}, (1, 40, 48.5, 51.5, 100), (49.5, 50, 50.5)),
        ({"bandpass_hz": (1, 100), "notch_hz": 60}, (1, 30, 58.5, 61.5, 100), (60, 126)),
    ],
)
def test_filters_keep_and_remove_as_stated(tmp_path, filters, kept, removed):
    study = config(channels=["Fp1"], **filters)
    for frequency in kept:
        assert gain(sine(tmp_path, frequency), study) == pytest.approx(1, abs=0.006), frequency
    for frequency in removed:
        assert gain(sine(tmp_path, frequency), study) < 0.005, frequency


def test_filter_shifts_nothing_and_lets_no_offset_ring(tmp_path):
    taps = kernel(config(bandpass_hz=(1, 40), notch_hz=50))
    assert taps.size % 2 == 1
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-15)
    t = np.arange(20 * 256) / 256
    path = save(tmp_path / "a.edf", signal(3000 + np.sin(2 * np.pi * 10 * t), 256, "Fp1"))
    got = whole(path, config(channels=["Fp1"], bandpass_hz=(1, 40)))[:, 0]
    assert np.abs(got).max() < 1.5
    np.testing.assert_allclose(got[512:-512], np.sin(2 * np.pi * 10 * t)[512:-512], atol=0.1)


def test_ratio_is_exact_or_within_its_bound():
    assert ratio(Fraction("199.8"), 256, Fraction(86400)) == (1280, 999)
    assert ratio(Fraction("173.61"), 256, Fraction(86400)) == (25600, 17361)
    odd = Fraction(256) / Fraction("0.999937")
    up, down = ratio(odd, 256, Fraction(600))
    assert max(up, down) <= 50_000
    assert abs(Fraction(up, down) / (256 / odd) - 1) * 600 <= 0.1
    with pytest.raises(RunError, match=r"sampling rates must be a ratio of 256 Hz with terms up to 50000"):
        ratio(Fraction(256) / Fraction("1.0000101"), 256, Fraction(86400))


def test_part_of_a_recording_may_be_flat(tmp_path):
    values = noise(20 * 256)
    values[: 15 * 256] = 0
    path = save(tmp_path / "a.edf", signal(values, 256, "Fp1"))
    assert len(whole(path, config(channels=["Fp1"]), block_s=2)) == 20 * 256


def test_flat_channel_is_named(tmp_path):
    flat, moving = np.full(20 * 256, 100.0), noise(20 * 256)
    path = save(tmp_path / "a.edf", signal(moving, 256, "Fp1"), signal(flat, 256, "EEG F7-REF"))
    for filters in ({}, {"bandpass_hz": (1, 40)}):
        reader = blocks(path, config(**filters), block_s=6)
        assert [len(block) for _, block in itertools.islice(reader, 4)] == [1536, 1536, 1536, 512]
        with pytest.raises(RunError, match="channel F7 is flat over the whole recording"):
            next(reader)


def test_bridged_electrodes_are_a_flat_pair(tmp_path):
    path = save(tmp_path / "a.edf", signal(noise(5120), 256, "Fp1"), signal(noise(5120), 256, "F7"))
    for filters in ({}, {"bandpass_hz": (1, 40)}):
        with pytest.raises(RunError, match="channel Fp1-F7 is flat over the whole recording"):
            whole(path, config(channels=["Fp1-F7"], **filters), block_s=3)


def twice(folder: Path, second: EdfSignal, first="EEG T8-P8-0", **changes) -> Path:
    """A recording whose second signal has the name of the first one, which is noise, too."""
    return save(folder / "a.edf", signal(noise(5120), 256, first), second, **changes)


@pytest.mark.parametrize("block_s", [3, 600])
@pytest.mark.parametrize(("first", "second"), [("EEG T8-P8-0", "T8-P8-1"), ("Fp1", "EEG Fp1"), ("T7", "T3")])
def test_two_of_one_name_must_be_the_same(tmp_path, block_s, first, second):
    name = {"T8-P8-1": "T4-T6", "EEG Fp1": "Fp1", "T3": "T3"}[second]
    study = config(channels=[name])
    values = noise(5120)
    once = whole(twice(tmp_path, signal(values, 256, second), first), study, block_s)
    np.testing.assert_array_equal(once[:, 0], digitised(values).astype(np.float32))
    values[11 * 256 + 128] += 0.11
    path = twice(tmp_path, signal(values, 256, second), first)
    with pytest.raises(RunError) as error:
        whole(path, study, block_s)
    assert str(error.value) == (
        f"signals of one name must be the same, but those called {name} differ from 11.5 s on; say which is "
        f"read, counted from 1, as data.repeated_channels: {{{name}: 1}}, or rename one"
    )
    for number, expected in ((1, noise(5120)), (2, values)):
        got = whole(path, config(channels=[name], repeated_channels={second: number}), block_s)
        np.testing.assert_allclose(got[:, 0], digitised(expected), atol=1e-4)


def test_a_pair_made_of_electrodes_is_compared_too(tmp_path):
    path = save(
        tmp_path / "a.edf",
        *(signal(noise(512, k), 256, name) for k, name in enumerate(("Fp1", "F7", "F7-1"))),
    )
    with pytest.raises(RunError, match="those called F7 differ from 0 s on"):
        whole(path, config(channels=["Fp1-F7"]))
    assert whole(path, config(channels=["Fp1"])).shape == (512, 1)  # nothing is made of F7


def test_a_copy_of_another_range_is_the_same_to_a_digit(tmp_path):
    study = config(channels=["T8-P8"])
    assert len(whole(twice(tmp_path, signal(noise(5120), 256, "T8-P8", physical_range=(-1000, 1000))), study))
    path = twice(tmp_path, signal(noise(5120) + 1, 256, "T8-P8", physical_range=(-1000, 1000)))
    with pytest.raises(RunError, match="those called T4-T6 differ from 0 s on"):
        whole(path, study)


@pytest.mark.parametrize(
    "second", [signal(noise(2560), 128, "T8-P8"), signal(noise(5120), 256, "T8-P8", "degC")]
)
def test_another_rate_or_unit_makes_another_signal(tmp_path, second):
    path = twice(tmp_path, second)
    with pytest.raises(RunError, match="those called T4-T6 differ"):
        whole(path, config(channels=["T8-P8"]))
    assert len(whole(path, config(channels=["T8-P8"], repeated_channels={"T4-T6": 1}))) == 5120


def test_absent_electrode_is_interpolated_only_on_request(tmp_path):
    names = ("Fp1", "F3", "C3", "P3", "Fz", "Cz", "Pz", "F4")
    path = save(tmp_path / "a.edf", *(signal(noise(5120, k), 256, name) for k, name in enumerate(names)))
    with pytest.raises(RunError, match="but C4 is missing"):
        whole(path, config(channels=[*names, "C4"]))
    got = whole(path, config(channels=[*names, "C4"], missing_channels="interpolate"))
    assert (got.shape, bool(got[:, -1].std() > 1)) == ((5120, 9), True)


def test_file_that_shrinks_while_it_is_read(tmp_path):
    path = two(tmp_path, seconds=60)
    reader = blocks(path, config(), block_s=2)
    next(reader)
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(RunError, match="became shorter while it was read"):
        list(reader)


def test_memory_does_not_grow_with_the_recording(tmp_path):
    peaks = []
    for seconds in (60, 600):
        path = two(tmp_path, rate_hz=256, seconds=seconds)
        tracemalloc.start()
        for _block in blocks(path, config(bandpass_hz=(1, 40)), block_s=10):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_notch_must_leave_room():
    with pytest.raises(RunError, match=r"notch_hz must lie in \[2, 126\], but got 127"):
        kernel(config(notch_hz=127))
