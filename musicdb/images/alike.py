"""Pictures that are nearly the same: another size, another encoder, a little cropped. `signature`, `alike` and `groups` are pure.

A picture's signature is made of its small rendition, so it does not matter when it was made: a difference hash (64 bits: whether each
of 8 x 8 places is brighter than its left neighbour) for the drawing, the mean colour of nine parts for its colours, and its shape. Of the
covers of the demo the same ones differ in at most 2 bits after another download, 9 after a crop of 1 %; of different ones that agree in
7 bits or less none has all its colours within 25 of 255. A series of sleeves that differ in a small word is one picture to it: what it
finds is for a person to look at, and nothing is ever put together because of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from ..errors import PayloadError

BITS = 7  # of 64 that may differ: with four bands one of them differs in at most one bit (7 < 4 x 2), which is what makes it quick
TINT = 20  # of 255 that a part may be lighter, darker or of another colour
SHAPE = 0.1  # of width to height
BRIGHTER = 1  # levels of grey that are no difference: a plain surface has noise
BANDS = 4
WIDE = 64 // BANDS
CROWD = 100  # looked at for each: a library of plain colours stays quick


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture looks: dhash as a number, tint as 27 bytes, width to height."""

    dhash: int
    tint: bytes
    shape: float

    @classmethod
    def of(cls, dhash: str | None, tint: str | None, width: int | None, height: int | None) -> Look | None:
        """Of the columns of `images`; None where it has no signature, or one that nobody can read."""
        if not dhash or not tint:
            return None
        try:
            look = cls(int(dhash, 16), bytes.fromhex(tint), (width or 1) / (height or 1))
        except ValueError:
            return None
        return look if len(look.tint) == 27 and 0 <= look.dhash < 1 << 64 else None


def signature(jpeg: bytes) -> tuple[str, str]:
    """(dhash as 16 hex digits, tint as 54) of a small rendition. Runs in the worker. Raises PayloadError for what is no picture."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            rgb = image.convert("RGB")
    except Exception as error:
        raise PayloadError(f"rendition is broken: {type(error).__name__}: {error}") from error
    grey = rgb.convert("L").resize((9, 8), Pillow.Resampling.BOX).tobytes()
    bits = 0
    for at in (9 * y + x for y in range(8) for x in range(8)):
        bits = bits << 1 | (grey[at + 1] > grey[at] + BRIGHTER)
    return f"{bits:016x}", rgb.resize((3, 3), Pillow.Resampling.BOX).tobytes().hex()


def alike(one: Look | None, other: Look | None) -> bool:
    """Whether two pictures look the same."""
    if one is None or other is None:
        return False
    return (
        (one.dhash ^ other.dhash).bit_count() <= BITS
        and abs(one.shape / other.shape - 1) <= SHAPE
        and not any(a - b > TINT or b - a > TINT for a, b in zip(one.tint, other.tint, strict=True))
    )


def first_alike(looks: Iterable[tuple[int, Look | None]]) -> dict[int, int]:
    """{picture: the first before it that looks the same} of a few pictures in an order; those without one are left out."""
    seen: list[tuple[int, Look]] = []
    found: dict[int, int] = {}
    for id, look in looks:
        twin = next((first for first, other in seen if alike(look, other)), None)
        if twin is not None:
            found[id] = twin
        elif look is not None:
            seen.append((id, look))
    return found


def groups(looks: Mapping[int, Look]) -> dict[int, list[int]]:
    """{picture: others that look the same}, of many. The first of each group in the order of `looks` stands for it: all are like that one.

    Bands make it quick: of two hashes that differ in 7 bits, one of four bands differs in one bit at most, so only pictures are compared
    that share such a band. 100,000 pictures take some seconds.
    """
    near = [0, *(1 << bit for bit in range(WIDE))]
    bands: list[dict[int, list[tuple[int, int]]]] = [{} for _ in range(BANDS)]
    found: dict[int, list[int]] = {}
    for id, look in looks.items():
        parts = [look.dhash >> WIDE * band & (1 << WIDE) - 1 for band in range(BANDS)]
        there = chain.from_iterable(band[part ^ flip] for band, part in zip(bands, parts, strict=True) for flip in near if part ^ flip in band)
        dhash = look.dhash
        for other, its in islice(there, CROWD):
            if (dhash ^ its).bit_count() <= BITS and alike(look, looks[other]):
                found.setdefault(other, []).append(id)
                break
        else:
            for band, part in zip(bands, parts, strict=True):
                band.setdefault(part, []).append((id, dhash))
    return found
