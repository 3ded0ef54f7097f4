"""The seizure CNN's tensor against a slow, obvious one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from search.data.sources.eeg.stft import spectrogram
from spaces.errors import RunError


def slow_spectrogram(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """One window `(samples, channels)` by sums of the discrete Fourier transform, one frame at a time."""
    samples, channels = window.shape
    length = 32 + samples + 32
    length += -length % 64
    frames = (length - 64) // 32 + 1
    spectrum = np.zeros((33, frames, channels))
    n = np.arange(64)
    for channel in range(channels):
        padded = np.zeros(length)
        padded[32 : 32 + samples] = window[:, channel]
        for frame in range(frames):
            values = padded[32 * frame : 32 * frame + 64] * np.sin(np.pi * (n + 0.5) / 64)
            for k in range(33):
                spectrum[k, frame, channel] = abs(np.sum(values * np.exp(-2j * np.pi * k * n / 64)))
    assert spectrum.shape[:2] == (33, 9)
    logs = np.log10(spectrum + 1e-6)
    logs[logs <= 0] = 0
    return logs[1:]


@pytest.mark.parametrize("rate_hz", [250, 256])
@pytest.mark.parametrize("channels", [1, 19])
def test_equals_the_slow_one(rate_hz: int, channels: int) -> None:
    rng = np.random.default_rng(rate_hz + channels)
    # Amplitudes from far below the floor to saturation, so that both branches of the log are met.
    scale = 10.0 ** rng.uniform(-3, 3, (4, 1, channels))
    windows = (scale * rng.standard_normal((4, rate_hz, channels))).astype(np.float32)
    expected = np.stack([slow_spectrogram(window.astype(np.float64)) for window in windows])
    tensor = spectrogram(windows, rate_hz)
    assert tensor.shape == (4, 32, 9, channels)
    assert tensor.dtype == np.float32
    assert (expected == 0).any()
    np.testing.assert_allclose(tensor, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 600])
def test_rows_do_not_depend_on_their_neighbours(n: int) -> None:
    windows = np.random.default_rng(n).normal(0, 30, (n, 250, 2)).astype(np.float32)
    tensor = spectrogram(windows, 250)
    assert tensor.shape == (n, 32, 9, 2)
    for row in {0, n // 2, n - 1} if n else set():
        np.testing.assert_array_equal(tensor[row], spectrogram(windows[row : row + 1], 250)[0])


def test_a_tone_peaks_in_its_row() -> None:
    time_s = np.arange(256) / 256
    tone = 50 * np.sin(2 * np.pi * 20 * time_s).astype(np.float32)
    tensor = spectrogram(tone[None, :, None], 256)
    assert (tensor[0, :, 1:-1, 0].argmax(axis=0) == 20 // 4 - 1).all()


@pytest.mark.parametrize(
    ("shape", "rate_hz"),
    [((2, 250, 19), 256), ((2, 256, 19), 250), ((2, 512, 19), 512), ((2, 200, 19), 200), ((256, 19), 256)],
)
def test_other_shapes_are_refused(shape: tuple[int, ...], rate_hz: int) -> None:
    with pytest.raises(RunError, match=r"one second at 250 or 256 Hz, but got shape \(.* Hz; resample"):
        spectrogram(np.zeros(shape, np.float32), rate_hz)
