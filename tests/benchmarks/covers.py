"""Cover renditions against naive decoding, against copy + thumbnail, and against the floor of decoding and encoding alone.

Run: python tests/benchmarks/covers.py [--covers 6] [--side 1400 --side 3000] [--rounds 5]. Medians of interleaved runs, one process.
The goals are those of 1400 px, a usual cover; under 1280 px a JPEG cannot be decoded at half its size, so the lead is smaller there.
"""

from __future__ import annotations

import argparse
import io
import math
import random
import statistics
import time

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from musicdb import images

SIDES = sorted(images.SIZES.values(), reverse=True)


def cover(seed: int, side: int) -> bytes:
    """A drawn cover with gradients, edges, text-like detail and film grain: what photographs make hard."""
    rng = random.Random(seed)
    colour = lambda: tuple(rng.randrange(256) for _ in range(3))  # noqa: E731
    picture = Image.composite(
        Image.new("RGB", (side, side), colour()), Image.new("RGB", (side, side), colour()), Image.radial_gradient("L").resize((side, side))
    )
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, r = rng.randrange(side), rng.randrange(side), rng.randrange(side // 40, side // 4)
        draw.ellipse((x - r, y - r, x + r, y + r), outline=colour(), fill=colour() if rng.random() < 0.5 else None, width=4)
    for row in range(12):
        draw.text((side // 20, side // 2 + row * side // 30), "Nightfall (Dub Mix) " * 3, fill="white", font_size=side // 30)
    grain = Image.effect_noise((side, side), 24).convert("RGB")
    picture = Image.blend(picture.filter(ImageFilter.GaussianBlur(1)), grain, 0.08)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def encode(image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=images.QUALITY)
    return out.getvalue()


def ours(data):
    return images.prepare(data)


def naive_images(data):
    for side in SIDES:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        yield image.resize(images.fit(*image.size, side), Image.Resampling.LANCZOS)


def naive(data):
    return [encode(image) for image in naive_images(data)]


def copy_thumbnail(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    out = []
    for side in SIDES:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        out.append(encode(small))
    return out


def draft_copy_thumbnail(data):
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (SIDES[0], SIDES[0]))
    out = []
    for side in SIDES:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        out.append(encode(small))
    return out


def floor_of(blanks):
    def floor(data):
        image = Image.open(io.BytesIO(data))
        image.draft("RGB", (SIDES[0], SIDES[0]))
        image.load()
        return [encode(blank) for blank in blanks[data]]

    return floor


def psnr(a, b) -> float:
    mse = statistics.fmean(ImageStat.Stat(ImageChops.difference(a, b)).sum2) / (a.width * a.height)
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def cascade(data):
    image = images._decode(data)[0]
    for side in SIDES:
        image = images.shrink(image, side)
        yield image


def measure(n: int = 6, side: int = 1400, rounds: int = 5) -> dict[str, float]:
    """Medians in milliseconds a cover, ratios, and the worst PSNR in dB of a size against the naive one (before encoding)."""
    covers = [cover(seed, side) for seed in range(n)]
    blanks = {data: list(naive_images(data)) for data in covers}
    sides = {
        "ours": ours, "naive": naive, "copy_thumbnail": copy_thumbnail, "draft_copy_thumbnail": draft_copy_thumbnail,
        "floor": floor_of(blanks),
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for data in covers:
            for name, make in sides.items():
                start = time.perf_counter()
                make(data)
                times[name].append(time.perf_counter() - start)
    ms = {name: statistics.median(values) * 1000 for name, values in times.items()}
    quality = min(psnr(a, b) for data in covers for a, b in zip(cascade(data), blanks[data], strict=True))
    return ms | {"psnr": quality, "side": side}


def report(m: dict[str, float]) -> str:
    rows = [("ours", "", ""), ("naive", ">= 5", m["naive"] / m["ours"]), ("copy_thumbnail", ">= 2", m["copy_thumbnail"] / m["ours"]),
            ("draft_copy_thumbnail", "", m["draft_copy_thumbnail"] / m["ours"]), ("floor", "<= 3.4", m["ours"] / m["floor"])]  # fmt: skip
    lines = [f"covers of {m['side']:.0f} px     ms a cover   per second    ratio   goal"]
    for name, goal, ratio in rows:
        shown = f"{ratio:8.2f}" if ratio != "" else " " * 8
        lines.append(f"{name:22} {m[name]:10.1f}   {1000 / m[name]:10.1f} {shown}   {goal}")
    lines.append(f"worst PSNR against naive, before encoding: {m['psnr']:.1f} dB (goal >= 40)")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--covers", type=int, default=6)
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for side in given.side or (1400, 3000, 1000):
        print(report(measure(given.covers, side, given.rounds)))
