"""Pictures: made safe once, kept in four sizes, found by track or album.

`prepare` is pure and can run in a worker process; `insert` and `store` write; `get` reads; `select` chooses. A picture is known by the
SHA-256 of the bytes that came; only our own JPEG renditions of it are stored and served, so that no stranger's bytes reach a browser.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
from dataclasses import dataclass, field

from ..errors import BadInput, PayloadError
from . import alike
from .covers import select

__all__ = [
    "SIZES", "Image", "Prepared", "add", "candidates", "choose", "choose_all", "fill", "find",
    "get", "insert", "poor", "prepare", "renditions", "same", "select", "sha256", "store",
]  # fmt: skip
LATER = {"add": "choosing", "candidates": "choosing", "choose": "choosing", "choose_all": "ruling", "poor": "ruling", "fill": "looks", "same": "looks"}

SIZES = {"thumbnail": 60, "small": 120, "medium": 300, "large": 640}  # longest side in pixels
MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000  # a 516 KB file can declare 177 million
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")  # EPS would start Ghostscript; SVG and HTML are no pictures here
MIME = "image/jpeg"
QUALITY = 85


@dataclass(frozen=True, slots=True)
class Image:
    """One rendition: JPEG bytes, and its width and height in pixels."""

    data: bytes = field(repr=False)
    mime: str
    width: int
    height: int

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: self.data, "text/plain": repr(self)}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture that was decoded without a fault. mime, width, height are the original's; renditions: size name -> Image; how it looks
    (`alike.signature`): dhash, tint.
    """

    sha256: str
    mime: str
    width: int
    height: int
    renditions: dict[str, Image] = field(repr=False)
    dhash: str
    tint: str


def __getattr__(name: str):
    if name in LATER:  # a person's choice leans on decisions, which lean on pictures
        return getattr(importlib.import_module(f".{LATER[name]}", __name__), name)
    raise AttributeError(f"module 'musicdb.images' has no attribute {name!r}")


def sha256(data: bytes) -> str:
    """What a picture is known by."""
    return hashlib.sha256(data).hexdigest()


def prepare(data: bytes) -> Prepared:
    """Decode once, within limits, and encode the four sizes: aspect kept, never enlarged, RGB, alpha on white, upright.

    Raises PayloadError with the reason for bytes that are no JPEG, PNG, WebP or GIF, are broken, or declare more than MAX_PIXELS.
    """
    if not data:
        raise PayloadError("picture is empty (0 bytes)")
    if len(data) > MAX_BYTES:
        raise PayloadError(f"picture of {len(data):,} bytes is over the limit of {MAX_BYTES:,}")
    large, mime, width, height = _decode(data)
    renditions: dict[str, Image] = {}
    image, last = large, None
    for name, side in sorted(SIZES.items(), key=lambda item: -item[1]):
        image = shrink(image, side)
        if last is None or (last.width, last.height) != image.size:
            last = Image(_encode(image), MIME, *image.size)
        renditions[name] = last
    return Prepared(sha256(data), mime, width, height, {name: renditions[name] for name in SIZES}, *alike.signature(renditions["small"].data))


def shrink(image, side: int):
    """A Pillow image whose longest side is at most `side`. Each size is made of the next larger one: 1/4 of the work, 41 dB alike."""
    size = fit(*image.size, side)
    if size == image.size:
        return image
    from PIL import Image as Pillow

    return image.resize(size, Pillow.Resampling.LANCZOS, reducing_gap=2)


def fit(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height within a square of `side`, never larger than they were, never under 1."""
    longest = max(width, height)
    if longest <= side:
        return width, height
    return max(1, round(width * side / longest)), max(1, round(height * side / longest))


def _decode(data: bytes):
    """(RGB Pillow image of at least the largest size, if the original has it; mime; width; height)."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        image = Pillow.open(io.BytesIO(data), formats=FORMATS)
    except Pillow.UnidentifiedImageError:
        raise PayloadError(f"no JPEG, PNG, WebP or GIF picture: {_looks_like(data)}") from None
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise PayloadError(f"picture declares more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # decoders of hostile bytes raise anything: struct.error, IndexError, MemoryError, ...
        raise PayloadError(f"picture cannot be opened: {type(error).__name__}: {error}") from error
    with image:
        width, height = image.size
        # Our own check: Pillow's limit is a global of the process, and a notebook may need it as it is.
        if width * height > MAX_PIXELS:
            raise PayloadError(f"picture of {width} x {height} is over the limit of {MAX_PIXELS:,} pixels")
        mime = Pillow.MIME.get(image.format, MIME)
        try:
            image.draft(None, fit(width, height, SIZES["large"]))  # JPEG only: decodes at 1/2, 1/4 or 1/8
            image.load()  # verify() calls a truncated JPEG good; only decoding finds it
            rgb = to_rgb(image)
            turned = ImageOps.exif_transpose(rgb) if image.getexif().get(0x0112, 1) != 1 else rgb
        except Exception as error:
            raise PayloadError(f"picture is broken: {type(error).__name__}: {error}") from error
    if turned.width != rgb.width:
        width, height = height, width
    return turned, mime, width, height


def to_rgb(image):
    """An RGB copy: 16-bit greys scaled (a plain convert clips them to white), alpha and transparent colours put on white."""
    from PIL import Image as Pillow

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return image.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        flat = Pillow.new("RGBA", rgba.size, "white")
        flat.alpha_composite(rgba)
        return flat.convert("RGB")
    return image.convert("RGB")


def _encode(image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _looks_like(data: bytes) -> str:
    head = data[:512].lstrip().lower()
    for start, name in ((b"<!doctype html", "an HTML page"), (b"<html", "an HTML page"), (b"<svg", "an SVG drawing"),
                        (b"<?xml", "XML or SVG"), (b"%!ps", "an EPS file"), (b"%pdf", "a PDF"), (b"{", "JSON")):
        if head.startswith(start):
            return name
    return f"starts with {data[:8].hex(' ')}"


def find(db, digest: str) -> int | None:
    """The id of the stored picture with this SHA-256, or None."""
    return db.value("select id from images where sha256 = ?", (digest,))


def insert(db, prepared: Prepared, platform: str | None = None, source_url: str | None = None) -> int:
    """Store a prepared picture once; returns its id, also when it was there already."""
    with db.atomic():
        image_id = find(db, prepared.sha256)
        if image_id is not None:
            return image_id
        image_id = db.execute(
            "insert into images(sha256, platform, source_url, mime_type, width, height, dhash, tint, created_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
            (prepared.sha256, platform, source_url, prepared.mime, prepared.width, prepared.height, prepared.dhash, prepared.tint),
        ).lastrowid
        db.executemany(
            "insert into image_renditions(image_id, size, mime_type, width, height, data) values (?, ?, ?, ?, ?, ?)",
            [(image_id, size, r.mime, r.width, r.height, r.data) for size, r in prepared.renditions.items()],
        )
    return image_id


def store(db, data: bytes, *, platform: str | None = None, source_url: str | None = None) -> int:
    """The id of the picture with these bytes; decoded and stored only if it is new. Raises PayloadError as `prepare`."""
    image_id = find(db, sha256(data)) if data else None
    return image_id if image_id is not None else insert(db, prepare(data), platform, source_url)


OF_TRACK = """
select r.data, r.mime_type, r.width, r.height
from tracks as b
join tracks as t on t.id = coalesce(b.merged_into_id, b.id)
join image_links as l on l.is_selected = 1 and l.track_id = t.id
join image_renditions as r on r.image_id = l.image_id and r.size = :size
where b.id = :id
"""

OF_TRACKS_ALBUM = """
select r.data, r.mime_type, r.width, r.height
from tracks as b
join tracks as t on t.id = coalesce(b.merged_into_id, b.id)
join image_links as l on l.is_selected = 1 and l.release_group_id = t.release_group_id
join image_renditions as r on r.image_id = l.image_id and r.size = :size
where b.id = :id
"""

OF_ALBUM = """
select r.data, r.mime_type, r.width, r.height
from release_groups as b
join image_links as l on l.is_selected = 1 and l.release_group_id = coalesce(b.merged_into_id, b.id)
join image_renditions as r on r.image_id = l.image_id and r.size = :size
where b.id = :id
"""


SEVERAL = "select image_id, data from image_renditions where size = ? and image_id in (select value from json_each(?))"


def renditions(db, image_ids, size: str = "thumbnail") -> dict[int, bytes]:
    """{image id: JPEG bytes} of those of these pictures that are there; size as for `get`."""
    if size not in SIZES:
        raise BadInput(f"no picture size {size!r}; choose one of {', '.join(SIZES)}")
    return dict(db.execute(SEVERAL, (size, json.dumps(list(image_ids)))).fetchall())


def get(db, track: int | None = None, album: int | None = None, size: str = "medium") -> Image | None:
    """The chosen picture of a track (its album's, where it has none of its own) or of an album (a release group's id); None without one.

    size: thumbnail, small, medium or large. A merged track or album shows the picture of what it was merged into.
    """
    if size not in SIZES:
        raise BadInput(f"no picture size {size!r}; choose one of {', '.join(SIZES)}")
    if (track is None) == (album is None):
        raise BadInput("pass either track= or album=")
    asked = ((OF_TRACK, track), (OF_TRACKS_ALBUM, track)) if album is None else ((OF_ALBUM, album),)
    for sql, key in asked:
        row = db.execute(sql, {"id": key, "size": size}).fetchone()
        if row is not None:
            return Image(*tuple(row))
    return None
