"""The input tensor of the seizure CNN: log spectra of one-second EEG windows."""

import numpy as np
from numpy.typing import NDArray

from spaces.errors import RunError

RATES_HZ = (250, 256)
FRAME, HOP = 64, 32
ROWS, FRAMES = FRAME // 2, 9
"""Frequency rows (the DC row is dropped) and time frames of one tensor."""

_CHUNK_ROWS = 256
"""Windows transformed at a time: about 20 MB of frames for 19 channels, instead of all of them at once."""

_SINE = np.sin(np.pi * (np.arange(FRAME) + 0.5) / FRAME)


def spectrogram(windows: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
    """Turns one-second windows into `log10(|STFT| + 1e-6)`, floored at 0, without the DC row.

    Zeros go 32 on each side, then behind up to a multiple of 64; frames of 64 hop by 32 under a sine
    window. Shape and formula are those of Liu, Truong, Nikpour, Zhou, Kavehei (arXiv 2001.06282); frame
    length and centring are inferred from the shape.

    Args:
        windows: `(n, samples, channels)` in microvolts, one second each.
        rate_hz: 250 or 256, which is also the number of samples.

    Returns:
        `(n, 32, 9, channels)`: row r is `(r + 1) * rate_hz / 64` Hz, frame k is centred on sample 32 k.

    Raises:
        RunError: where the shape would not give 33 frequencies by 9 frames of one second.
    """
    if windows.ndim != 3 or rate_hz not in RATES_HZ or windows.shape[1] != rate_hz:
        raise RunError(
            "the seizure CNN's tensor takes (n, samples, channels) of one second at 250 or 256 Hz, "
            f"but got shape {windows.shape} at {rate_hz:g} Hz; resample and cut the windows first"
        )
    n, samples, channels = windows.shape
    # A transform in float32 would be off by 1e-4 in the weakest bins, so the sums are in float64.
    padded = np.zeros((min(n, _CHUNK_ROWS), channels, (FRAMES + 1) * HOP))
    tensor = np.empty((n, ROWS, FRAMES, channels), np.float32)
    for start in range(0, n, _CHUNK_ROWS):
        chunk = windows[start : start + _CHUNK_ROWS]
        padded[: len(chunk), :, HOP : HOP + samples] = chunk.transpose(0, 2, 1)
        frames = np.lib.stride_tricks.sliding_window_view(padded[: len(chunk)], FRAME, axis=2)[:, :, ::HOP]
        magnitude = np.abs(np.fft.rfft(frames * _SINE)[..., 1:])
        tensor[start : start + len(chunk)] = np.log10(magnitude + 1e-6).transpose(0, 3, 2, 1)
    return np.maximum(tensor, np.float32(0), out=tensor)
