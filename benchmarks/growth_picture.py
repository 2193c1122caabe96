"""Draws docs/images/growth.svg: the time of each request, at each size of the table."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "growth.svg"
WIDTH, LABELS, BAR, GAP = 800, 250, 8, 10  # pixels
COLOURS = ("#9ecae1", "#4292c6", "#08519c")
FONT = 'font-family="sans-serif" font-size="13" fill="#222"'


def draw(times: Mapping[str, Sequence[float]], sizes: Sequence[int]) -> None:
    """Draw a bar for each time: bars of one request that are as long as each other do not grow.

    :param times: milliseconds by request, one for each size.
    """
    PICTURE.write_text("\n".join(_lines(times, sizes)) + "\n", "utf-8")


def _lines(times: Mapping[str, Sequence[float]], sizes: Sequence[int]) -> list[str]:
    step = len(sizes) * BAR + GAP
    height = (len(times) + 1) * step + 2 * GAP
    scale = (WIDTH - LABELS - 70) / max(max(each) for each in times.values())
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>Milliseconds of each request, in tables of {_and(sizes)} items</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_legend(sizes),
    ]
    for number, (name, each) in enumerate(times.items(), start=1):
        top = GAP + number * step
        lines.append(_text(LABELS - 8, top + step / 2, name, "end"))
        for place, milliseconds in enumerate(each):
            lines.append(_bar(LABELS, top + place * BAR, scale * milliseconds, place))
        lines.append(_text(LABELS + scale * max(each) + 6, top + step / 2, f"{max(each):.0f} ms"))
    return [*lines, "</svg>"]


def _legend(sizes: Sequence[int]) -> list[str]:
    lines = []
    for place, size in enumerate(sizes):
        left = LABELS + 160 * place
        lines += [_bar(left, GAP, 14, place), _text(left + 20, GAP + 9, f"{size:,} items")]
    return lines


def _bar(left: float, top: float, length: float, place: int) -> str:
    colour = COLOURS[place % len(COLOURS)]
    return f'<rect x="{left:.0f}" y="{top:.0f}" width="{length:.1f}" height="{BAR - 1}" fill="{colour}"/>'


def _text(left: float, base: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{left:.0f}" y="{base:.0f}" text-anchor="{anchor}" {FONT}>{escape(text)}</text>'


def _and(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size:,}" for size in sizes)
