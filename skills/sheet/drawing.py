"""Draws bars and lines as SVG."""

import math
from xml.sax.saxutils import escape

MOST_ROWS, MOST_SERIES = 200, 8
WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 46, 78
# Told apart by most people who cannot see all colours.
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#555555"]
LONGEST = 24


def chart(labels: list[str], series: list[tuple[str, list[float | None]]], lines: bool, title: str) -> str:
    """An SVG image of the series, with a row for each label."""
    numbers = [number for _, values in series for number in values if number is not None]
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    step = _step(high - low)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    if low == high:
        high = low + step
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    slot = inner_width / max(len(labels), 1)

    def x(row: float) -> float:
        return LEFT + row * slot

    def y(number: float) -> float:
        return TOP + (high - number) / (high - low) * inner_height

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{_text(title or 'Chart', 200)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    if title:
        parts.append(f'<text x="{LEFT}" y="20" font-size="16" font-weight="bold">{_text(title, 80)}</text>')
    for at in range(round((high - low) / step) + 1):
        tick = low + at * step
        parts.append(
            f'<line x1="{LEFT}" y1="{_n(y(tick))}" x2="{WIDTH - RIGHT}" y2="{_n(y(tick))}" stroke="#dddddd"/>'
            f'<text x="{LEFT - 8}" y="{_n(y(tick) + 4)}" text-anchor="end">{_tick(tick, step)}</text>'
        )
    # As many labels as fit beside each other.
    every = max(1, math.ceil(len(labels) * 16 / inner_width))
    for row in range(0, len(labels), every):
        at, below = _n(x(row + 0.5)), HEIGHT - BOTTOM + 14
        parts.append(
            f'<text x="{at}" y="{below}" text-anchor="end" transform="rotate(-35 {at} {below})">'
            f"{_text(labels[row], LONGEST)}</text>"
        )
    for index, (name, values) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        draw = _line if lines else _bars
        parts.append(f'<g fill="{colour}" stroke="{colour}">')
        parts.extend(draw(values, index, len(series), x, y))
        parts.append("</g>")
        left = LEFT + index * (inner_width / len(series))
        parts.append(
            f'<rect x="{_n(left)}" y="{TOP - 17}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{_n(left + 14)}" y="{TOP - 8}">{_text(name, LONGEST)}</text>'
        )
    parts.append(f'<line x1="{LEFT}" y1="{_n(y(0))}" x2="{WIDTH - RIGHT}" y2="{_n(y(0))}" stroke="#333333"/>')
    parts.append("</svg>")
    return "\n".join(parts)


def _bars(values, index, count, x, y):
    width = 0.8 / count
    for row, value in enumerate(values):
        if value is not None:
            left, right = x(row + 0.1 + index * width), x(row + 0.1 + (index + 1) * width)
            top, bottom = y(max(value, 0)), y(min(value, 0))
            yield (
                f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(max(right - left, 0.5))}" '
                f'height="{_n(bottom - top)}" stroke="none"/>'
            )


def _line(values, _index, _count, x, y):
    run: list[str] = []
    for row, value in [*enumerate(values), (len(values), None)]:
        if value is not None:
            at = f"{_n(x(row + 0.5))},{_n(y(value))}"
            run.append(at)
            yield f'<circle cx="{at.split(",")[0]}" cy="{at.split(",")[1]}" r="2.5" stroke="none"/>'
        elif run:
            yield f'<polyline points="{" ".join(run)}" fill="none" stroke-width="2"/>'
            run = []


def _step(span: float) -> float:
    """A round distance between ticks, for at most 8 of them."""
    if span <= 0:
        return 1.0
    rough = span / 7
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)


def _tick(number: float, step: float) -> str:
    digits = max(0, 1 - math.floor(math.log10(step))) if step < 10 else 0
    text = f"{number:,.{min(digits, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")


def _text(text: str, most: int) -> str:
    """A text as XML may have it."""
    text = "".join(letter if letter >= " " and letter not in "\ufffe\uffff" else " " for letter in text)
    return escape(text if len(text) <= most else f"{text[: most - 1]}…")
