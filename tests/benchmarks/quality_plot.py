"""Best so far against time: `python -m tests.benchmarks.quality_plot QUALITY.json OUT.svg`.

One line per search, thin, in the colour of its system: how good its incumbent is on rows no search saw. Time
is logarithmic, so that a distance is a ratio.
"""

import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.quality_scores import Incumbent, Judged

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 190, 34, 44
COLOURS = {"ours": "#c2410c", "ray_tune": "#1d4ed8", "keras_tuner": "#047857", "optuna_alone": "#7e22ce"}
NAMES = {"ours": "headsearch", "ray_tune": "Ray Tune", "keras_tuner": "KerasTuner", "optuna_alone": "Optuna"}
Scale = Callable[[float], float]
TICKS_S = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)


def drawn(found: Sequence[Judged], seconds: float) -> str:
    """Draws searches as one SVG document.

    Args:
        found: the searches; those that finished no epoch have no line.
        seconds: what each was given, the right end of the axis.
    """
    shown = [one for one in found if one.incumbents]
    first_s = min([one.incumbents[0].seconds for one in shown], default=1.0) / 1.3
    low, high = _limits(shown)

    def across(at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(at_s / first_s) / math.log(seconds / first_s)

    def down(quality: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - quality) / (high - low)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#374151">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<clipPath id="c"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath>',
        f'<text x="{LEFT}" y="18">average precision of the best so far, on patients no search saw</text>',
    ]
    for at_s in (tick for tick in TICKS_S if first_s <= tick <= seconds):
        lines.append(_rule(across(at_s), TOP, across(at_s), HEIGHT - BOTTOM))
        lines.append(_text(across(at_s), HEIGHT - BOTTOM + 16, f"{at_s} s", "middle"))
    lines.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "wall time since the launch", "middle"))
    for quality in _ticks(low, high):
        lines.append(_rule(LEFT, down(quality), WIDTH - RIGHT, down(quality)))
        lines.append(_text(LEFT - 6, down(quality) + 4, f"{quality:.3g}", "end"))
    for one in shown:
        steps = _steps(one.incumbents, across, down) + f"H{across(min(seconds, one.wall_s)):.1f}"
        dash = ' stroke-dasharray="5 3"' if one.system.endswith("conv2d") else ""
        lines.append(
            f'<path d="{steps}" fill="none" stroke="{_colour(one.system)}" stroke-width="1.6"{dash} '
            'clip-path="url(#c)"/>'
        )
    lines += _legend(shown)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _limits(shown: Sequence[Judged]) -> tuple[float, float]:
    """Quality at the bottom and the top: all ends are in view, and of the ways there what is near them."""
    ends = [one.incumbents[-1].unseen for one in shown] or [0.0, 1.0]
    least = min(step.unseen for one in shown for step in one.incumbents) if shown else 0.0
    room = max(max(ends) - min(ends), 0.01)
    return max(least, min(ends) - 2 * room) - 0.1 * room, max(ends) + 0.3 * room


def _steps(incumbents: Sequence[Incumbent], across: Scale, down: Scale) -> str:
    first, *later = incumbents
    begun = f"M{across(first.seconds):.1f} {down(first.unseen):.1f}"
    return begun + "".join(f"H{across(one.seconds):.1f}V{down(one.unseen):.1f}" for one in later)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two, four to nine of them."""
    rough = (high - low) / 5
    step = 10 ** math.floor(math.log10(rough))
    step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= rough)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _legend(shown: Sequence[Judged]) -> list[str]:
    """One entry per system, with the median of what its searches ended with, best first."""
    ends: dict[str, list[float]] = {}
    for one in shown:
        ends.setdefault(one.system, []).append(one.incumbents[-1].unseen)
    lines = []
    ordered = sorted(ends, key=lambda system: -statistics.median(ends[system]))
    for number, system in enumerate(ordered):
        x, y = WIDTH - RIGHT + 12, TOP + 14 + 34 * number
        name, _, form = system.partition("-")
        dash = ' stroke-dasharray="5 3"' if form == "conv2d" else ""
        said = f"{NAMES.get(name, name)} {form}".strip()
        lines.append(
            f'<g id="{system}"><line x1="{x}" y1="{y - 4}" x2="{x + 20}" y2="{y - 4}" '
            f'stroke="{_colour(system)}" stroke-width="2"{dash}/>'
            + _text(x + 26, y, said, "start")
            + _text(x + 26, y + 14, f"ends at {statistics.median(ends[system]):.3f}", "start")
            + "</g>"
        )
    return lines


def _colour(system: str) -> str:
    return COLOURS.get(system.partition("-")[0], "#6b7280")


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#e5e7eb"/>'


def _text(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{said}</text>'


def main(source: Path, target: Path) -> None:
    """Draws what `quality` wrote."""
    document = json.loads(source.read_text(encoding="utf-8"))
    found = [Judged.of(one) for one in document["searches"]]
    target.write_text(drawn(found, max(one.wall_s for one in found)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
