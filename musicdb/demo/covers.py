"""Covers for records that do not exist: gradients, discs, hills, bands and a line of type, drawn with Pillow.

The same arguments give the same picture. Type is set in Pillow's own font, which knows ASCII only: accents are folded, and a
cover whose words cannot be folded carries none.
"""

from __future__ import annotations

import io
import math
import random
import unicodedata

from PIL import Image, ImageDraw, ImageFilter, ImageFont

# From far to near: sky top, sky bottom, three layers, ink.
DUSK = (
    ("#0b1420", "#27455a", "#1b3242", "#3f6d7d", "#d8a25e", "#f1ece2"),
    ("#101014", "#4a4a55", "#2a2a31", "#77777f", "#e04f39", "#f4f2ee"),
    ("#06231f", "#1f5c52", "#123f39", "#4d8f7f", "#efd9a0", "#f3f0e4"),
    ("#1a1030", "#5b3a6e", "#2f1d4a", "#8d5f93", "#f2a65a", "#f7efe6"),
    ("#14171a", "#3d5a6c", "#22323c", "#72a1a8", "#e8e3d3", "#ffffff"),
    ("#20120f", "#7a3b2a", "#40201a", "#b5684a", "#f0cf9a", "#fff6e8"),
)
DAY = (
    ("#f6d8ae", "#e8896a", "#b5544c", "#6d3c4e", "#2b2a3a", "#2b2233"),
    ("#dcebe4", "#8fc0b1", "#5a9185", "#35635f", "#1d3a3e", "#17302f"),
    ("#f4ead5", "#d9b978", "#a3803f", "#5f5a33", "#2f3a2a", "#2b2b1e"),
    ("#e3e6f3", "#a9b1d6", "#6f79b0", "#454c83", "#2a2c55", "#1f2142"),
    ("#fbe9e4", "#f0b5a9", "#c97b7b", "#7f5068", "#43345a", "#382a4a"),
    ("#e9f0d8", "#b9ca86", "#7f9a52", "#4c6b3c", "#2a432f", "#1f3324"),
)


def draw(key: str, title: str, artist: str, *, kind: str = "dub", size: int = 700) -> bytes:
    """A square JPEG of size x size pixels. kind: "dub" (dark) or "folk" (light). key: what the drawing depends on."""
    rng = random.Random(f"cover {key}")
    palette = [_rgb(color) for color in rng.choice(DUSK if kind == "dub" else DAY)]
    side = size * 2  # drawn twice as large, then halved: smooth edges
    image = _gradient(side, palette[0], palette[1], turned=rng.random() < 0.25)
    compositions = (
        (_discs, _bands, _grid, _moon, _rays) if kind == "dub" else (_hills, _moon, _leaves, _discs, _stripes)
    )
    rng.choice(compositions)(image, side, palette, rng)
    image = image.reduce(2)
    image = _grain(image, rng, size)
    _type(image, size, _foldable(title), _foldable(artist), palette[5], rng)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80, optimize=False)
    return out.getvalue()


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _mix(a: tuple, b: tuple, share: float) -> tuple[int, int, int]:
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))


def _gradient(side: int, a: tuple, b: tuple, *, turned: bool) -> Image.Image:
    ramp = Image.linear_gradient("L")
    if turned:
        ramp = ramp.rotate(90)
    return Image.composite(
        Image.new("RGB", (side, side), b), Image.new("RGB", (side, side), a), ramp.resize((side, side))
    )


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, fill: tuple) -> None:
    pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def _discs(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    x, y = side * rng.uniform(0.3, 0.7), side * rng.uniform(0.35, 0.6)
    rings = rng.randint(5, 11)
    for ring in range(rings):
        share = ring / rings
        _disc(pen, x, y, side * 0.46 * (1 - share), _mix(palette[2 + ring % 2], palette[4], share * share))
    _disc(pen, x + side * rng.uniform(-0.2, 0.2), y, side * 0.05, palette[4])


def _bands(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    y, share = side * rng.uniform(0.12, 0.3), 0.0
    while y < side:
        height = side * rng.uniform(0.008, 0.06)
        fill = palette[4] if rng.random() < 0.12 else _mix(palette[2], palette[3], share)
        left = side * rng.choice((0, 0, 0.1, 0.35))
        pen.rectangle((left, y, side * rng.choice((1, 1, 0.9, 0.6)), y + height), fill=fill)
        y += height + side * rng.uniform(0.01, 0.05)
        share = min(1, share + 0.08)
    image.paste(image.filter(ImageFilter.BoxBlur(side // 200)))


def _grid(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    count = rng.choice((6, 8, 12))
    step = side / (count + 2)
    bend = rng.uniform(0.5, 2.5)
    for row in range(count):
        for column in range(count):
            wave = math.sin(row / count * math.pi * bend) * math.cos(column / count * math.pi * bend)
            fill = palette[4] if rng.random() < 0.04 else _mix(palette[2], palette[3], (wave + 1) / 2)
            _disc(pen, (column + 1.5) * step, (row + 1.5) * step, step * (0.12 + 0.33 * abs(wave)), fill)


def _moon(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    x, y, r = side * rng.uniform(0.3, 0.7), side * rng.uniform(0.25, 0.4), side * rng.uniform(0.1, 0.2)
    for halo in range(6, 0, -1):
        _disc(pen, x, y, r * (1 + halo * 0.12), _mix(palette[1], palette[4], 0.12 * (7 - halo) / 2))
    _disc(pen, x, y, r, palette[4] if sum(palette[4]) > 330 else palette[0])
    sea = side * rng.uniform(0.6, 0.72)
    pen.rectangle((0, sea, side, side), fill=palette[2])
    for _ in range(46):
        wave_y = sea + (side - sea) * rng.random() ** 1.5
        half = side * rng.uniform(0.01, 0.09)
        wave_x = x + side * rng.uniform(-0.25, 0.25) * (wave_y - sea) / (side - sea) * 2
        pen.rounded_rectangle((wave_x - half, wave_y, wave_x + half, wave_y + side * 0.005), side * 0.003, palette[3])


def _rays(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    x, y = side * rng.uniform(0.2, 0.8), side * rng.uniform(0.55, 0.8)
    count, turn = rng.choice((18, 24, 36)), rng.random()
    for ray in range(count):
        box = (x - side * 1.5, y - side * 1.5, x + side * 1.5, y + side * 1.5)
        start = 360 / count * (ray + turn)
        pen.pieslice(box, start, start + 180 / count, fill=_mix(palette[2], palette[3], ray / count))
    _disc(pen, x, y, side * 0.12, palette[4])
    _disc(pen, x, y, side * 0.085, palette[0])


def _hills(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    _disc(pen, side * rng.uniform(0.2, 0.8), side * rng.uniform(0.22, 0.4), side * rng.uniform(0.06, 0.12), palette[0])
    for layer in range(5):
        base, a, b, shift = 0.45 + layer * 0.11, rng.uniform(1, 2.2), rng.uniform(3, 6), rng.uniform(0, 6)
        points = [(0, side)]
        for step in range(0, 101, 2):
            t = step / 100
            height = 0.05 * math.sin(a * math.pi * t + shift) + 0.02 * math.sin(b * math.pi * t + 2 * shift)
            points.append((t * side, side * (base + height)))
        pen.polygon([*points, (side, side)], fill=_mix(palette[1], palette[4], (layer + 1) / 5))


def _leaves(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    x = side * rng.uniform(0.4, 0.6)
    pen.line((x, side * 0.12, x, side * 0.88), fill=palette[3], width=side // 120)
    for pair in range(9):
        y, length = side * (0.2 + pair * 0.068), side * (0.12 + 0.16 * math.sin(math.pi * (pair + 1) / 10))
        for way in (-1, 1):
            tip = (x + way * length, y - length * 0.45)
            middle = (x + way * length * 0.45, y - length * 0.02)
            upper = (x + way * length * 0.5, y - length * 0.48)
            pen.polygon(((x, y), middle, tip, upper), fill=_mix(palette[2], palette[4], rng.random() * 0.8))


def _stripes(image, side, palette, rng):
    pen = ImageDraw.Draw(image)
    x, y = side * rng.uniform(0.35, 0.65), side * rng.uniform(0.95, 1.1)
    arcs = rng.randint(5, 8)
    for arc in range(arcs):
        _disc(pen, x, y, side * (0.82 - arc * 0.68 / arcs), palette[1 + arc % 4])
    _disc(pen, side * rng.uniform(0.15, 0.85), side * 0.16, side * 0.05, palette[3])


def _grain(image: Image.Image, rng: random.Random, size: int) -> Image.Image:
    tile = Image.frombytes("L", (64, 64), rng.randbytes(64 * 64)).point(lambda value: 120 + value // 16)
    noise = Image.new("L", (size, size))
    for x in range(0, size, 64):
        for y in range(0, size, 64):
            noise.paste(tile, (x, y))
    return Image.blend(image, Image.merge("RGB", (noise,) * 3), 0.06)


def _foldable(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.translate(str.maketrans("øØłŁđĐ’", "oOlLdD'")))
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    return folded if folded.isascii() else ""


def _type(image: Image.Image, size: int, title: str, artist: str, ink: tuple, rng: random.Random) -> None:
    pen = ImageDraw.Draw(image)
    margin = round(size * 0.07)
    y = margin if rng.random() < 0.6 else round(size * 0.84)
    behind = image.crop((margin, y, size // 2, y + size // 10)).convert("L").resize((1, 1)).getpixel((0, 0))
    if abs(behind - sum(ink) / 3) < 110:
        ink = (250, 246, 238) if behind < 128 else (22, 22, 30)
    for text, height, gap in ((title, 0.055, 0.07), (artist.upper(), 0.026, 0.0)):
        if not text:
            continue
        font = ImageFont.load_default(size=round(size * height))
        while pen.textlength(text, font=font) > size - 2 * margin:
            text = text[:-2].rstrip() + "…" if len(text) > 60 else text
            font = font.font_variant(size=font.size * 0.9)
        pen.text((margin, y), text.replace("…", "..."), fill=ink, font=font)
        y += round(size * gap)
