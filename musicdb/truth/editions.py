"""What a release is, from what was said of it: one edition with artists, labels, ids and tracks in order. Pure: imports text and units.

Sources are heard in order, the most trusted first. Columns come from the first that says them; tracks whole from the first that has any,
because two services number the same record differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import xxhash

from .. import text, units
from .lenient import reader
from .pick import TYPES

# Words for what a record is made of, in Discogs' long and short forms, as said in `formats`; the first group that is there names it.
MEDIA = (
    ("Vinyl", ("vinyl", "lp", '12"', '10"', '7"', "lathe cut", "acetate", "flexi-disc", "shellac")),
    ("CD", ("cd", "cdr", "sacd", "hdcd", "cd+g", "enhanced", "minidisc")),
    ("Cassette", ("cassette", "cass", "dat", "reel-to-reel", "8-track cartridge")),
    ("DVD", ("dvd", "dvdr", "blu-ray", "bluray", "vhs")),
    ("Box Set", ("box set", "box")),
    ("File", ("file", "mp3", "flac", "wav", "aac", "aiff", "memory stick")),
)
_DISC = re.compile(r"[\s,\-(\[]*\b(?:cd|disc|disk|dvd)\s*[-_ ]?\d{1,2}[)\]]?$", re.I)  # "Box, CD 3"; a volume is another album


class Said(msgspec.Struct, frozen=True, gc=False):
    """The fields of `said` that make a release."""

    title: str | None = None
    album: str | None = None
    artists: list[str] | None = None
    album_artists: list[str] | None = None
    album_type: str | None = None
    label: str | None = None
    catalogue_number: str | None = None
    labels: list[dict[str, str]] | None = None
    credits: list[dict[str, str]] | None = None
    notes: str | None = None
    release_date: str | None = None
    year: int | None = None
    country: str | None = None
    formats: list[str] | None = None
    barcode: str | None = None
    track_no: int | None = None
    disc_no: int | None = None
    position: str | None = None
    ids: dict[str, Any] | None = None


decode = reader(Said)
OF_FILES = [n for n in Said.__struct_fields__ if n not in ("artists", "title", "ids", "credits", "labels", "track_no", "disc_no", "position", "notes")]
NOTHING = decode(None)


class Item(NamedTuple):
    """A track's place: disc and number from 1 (None = not said), as printed, the track."""

    disc_no: int | None
    track_no: int | None
    position: str | None
    track: int
    order: str  # where no number is said


@dataclass(slots=True)
class Source:
    """Who says something of the release: platform, the id there, its kind ("streaming", ...), what it says, its tracks."""

    platform: str
    key: str
    kind: str
    said: Said
    title: str
    items: list[Item] = field(default_factory=list)
    sent: str = "{}"  # all that it says, as stored


@dataclass(slots=True)
class Edition:
    """A release as it should be. artists: (name, role); labels: (name, number, role); ids: (scheme, value) -> platform; items: rows of
    release_items without the release. album: title that its editions share, album artist (None = various), type.
    """

    columns: dict[str, Any]
    album: tuple[str, str | None, str]
    artists: list[tuple[str, str]]
    labels: list[tuple[str, str, str | None]]
    ids: dict[tuple[str, str], str]
    album_ids: dict[tuple[str, str], str]
    items: list[tuple[int, int, str | None, int]]


def edition(sources: list[Source]) -> Edition:
    """Put together what the sources (at least one, the most trusted first) say."""
    title = next((t for s in sources if (t := (s.said.title or s.title).strip())), sources[0].title)
    artists, credits = _artists(sources)
    date = next((d for s in sources if (d := units.iso_date(s.said.release_date or s.said.year))), None)
    ids, album_ids = _ids(sources)
    columns = {
        "title": title,
        "title_norm": text.norm(title) or title.casefold(),
        "release_date": date and date[0],
        "country": _first(sources, "country"),
        "format": next((m for s in sources if (m := medium(s))), None),
        "notes": _first(sources, "notes"),
    }
    return Edition(columns, _album(sources, title, artists), [*artists, *credits], _labels(sources), ids, album_ids, _items(sources))


def medium(source: Source) -> str | None:
    """What it is on: Vinyl, CD, ...; two joined by " + "; File for files, Stream for a streaming service. None where nothing is said."""
    words = [w.strip().lower() for w in source.said.formats or ()]
    found = [name for name, known in MEDIA if any(re.sub(r"^\d+x", "", w) in known for w in words)]
    if len(found) > 1 and "Box Set" in found:
        found.remove("Box Set")
    if found:
        return " + ".join(found[:2])
    return {"streaming": "Stream", "files": "File"}.get(source.kind)


def _first(sources: Iterable[Source], name: str) -> Any:
    return next((v for s in sources if (v := getattr(s.said, name)) and str(v).strip()), None)


def _artists(sources: list[Source]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(artists with roles, other credits), each name and role once."""
    names = next((n for s in sources if (n := s.said.album_artists or s.said.artists)), [])
    main = [(c.name, c.role) for n in names if not text.is_nobody(n) for c in text.split_credit(n) if text.norm(c.name)]
    extra = [(c["name"], c["role"]) for s in sources for c in s.said.credits or () if c.get("name") and c.get("role")]
    return list(dict.fromkeys(main)), [c for c in dict.fromkeys(extra) if not text.is_nobody(c[0]) and text.norm(c[0])]


def _album(sources: list[Source], title: str, artists: list[tuple[str, str]]) -> tuple[str, str | None, str]:
    base, kind = text.split_album(title)
    kind = kind or next((t for s in sources if (t := s.said.album_type) in TYPES), None)
    primary = next((name for name, role in artists if role == "primary"), None)
    return base or title, primary, kind or ("album" if primary else "compilation")


def _labels(sources: list[Source]) -> list[tuple[str, str, str | None]]:
    """Each label and number once; who is trusted less adds labels that nobody named, and numbers where none was."""
    found: dict[tuple[str, str], tuple[str, str, str | None]] = {}
    for s in sources:
        before = {name for name, number in found}
        listed = [(one.get("name"), one.get("catalogue_number"), one.get("role")) for one in s.said.labels or ()]
        for name, number, role in listed or [(s.said.label, s.said.catalogue_number, None)]:
            norm = text.norm(name) if isinstance(name, str) else ""
            if norm and norm not in before:
                key = (norm, number_norm(number))
                found.setdefault(key, (name.strip(), (number or "").strip(), role))
    return list(found.values())


def number_norm(number: str | None) -> str:
    """A catalogue number to compare: "QNC 006" -> "qnc006"."""
    return re.sub(r"[\W_]", "", number or "").casefold()


def barcode(value: str | None) -> str | None:
    """A barcode to compare: digits only, without the zeros that make a UPC an EAN. None for what is too short to be one."""
    digits = re.sub(r"\D", "", value or "").lstrip("0")
    return digits if len(digits) >= 8 else None


def _ids(sources: list[Source]) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    """(scheme, value) -> platform of the release, and of its album."""
    ids: dict[tuple[str, str], str] = {}
    album: dict[tuple[str, str], str] = {}
    for s in sources:
        for key in keys(s):
            ids.setdefault(key, s.platform)
        for scheme in ("discogs_master", "mb_release_group"):
            if isinstance(value := (s.said.ids or {}).get(scheme), str) and value:
                album.setdefault((scheme, value), s.platform)
    return ids, album


def keys(source: Source) -> Iterator[tuple[str, str]]:
    """Yield (scheme, value) of every id of the release itself that a source says."""
    ids = source.said.ids or {}
    schemes = {"discogs": "discogs_release", "local": None}
    own = schemes.get(source.platform, source.platform)
    if own and not source.key.startswith("export:"):
        yield own, source.key
    for scheme in ("discogs_release", "mb_release"):
        if isinstance(value := ids.get(scheme), str) and value.strip() and (scheme, value) != (own, source.key):
            yield scheme, value.strip()
    if code := barcode(source.said.barcode):
        yield "barcode", code


def _items(sources: list[Source]) -> list[tuple[int, int, str | None, int]]:
    """(disc, number, as printed, track) in order, of the first source that has tracks; those without a number come after the others."""
    items = next((s.items for s in sources if s.items), [])
    ordered = sorted(items, key=lambda i: (i.disc_no or 1, i.track_no is None, i.track_no or 0, i.order))
    last: dict[int, int] = {}
    found: dict[tuple[int, int, int], tuple[int, int, str | None, int]] = {}
    for i in ordered:
        disc = i.disc_no or 1
        number = i.track_no if i.track_no is not None else last.get(disc, 0) + 1
        last[disc] = max(number, last.get(disc, 0))
        found.setdefault((i.track, disc, number), (disc, number, i.position, i.track))
    return list(found.values())


def shelf_of_tags(said: Said, album: str, folder: str) -> str:
    """Which release a file belongs to, as a key: by its MusicBrainz release, else by artist and album; without an album artist by its folder,
    where that is called like the album: on a compilation each file has another artist.
    """
    if isinstance(release := (said.ids or {}).get("mb_release"), str) and len(release) == 36:
        return f"mb/{release}"
    title = _shared(album)
    if not said.album_artists:
        parts = re.split(r"[/\\]", folder)
        while parts and (not parts[-1] or _DISC.fullmatch(parts[-1])):
            parts.pop()
        if parts and title in text.norm(parts[-1]):
            return f"folder/{xxhash.xxh3_64_hexdigest('/'.join(parts).encode('utf-8', 'surrogatepass'))}/{title}"  # a library is shared without its paths
    names = [c.name for n in said.album_artists or (said.artists or ())[:1] if not text.is_nobody(n) for c in text.split_credit(n)]
    return f"tags/{text.norm(' '.join(names if said.album_artists else names[:1]))}/{title}"


@lru_cache(4096)
def _shared(album: str) -> str:
    """The album's title to compare, without the number of a disc."""
    return text.norm(_DISC.sub("", album)) or text.norm(album) or album.casefold()


def of_tags(key: str, files: list[tuple[Said, str, Item]]) -> Source:
    """The source that the tags of a release's files make together: what the first that says something says; the artist of half of them."""
    merged: dict[str, Any] = {}
    for name in OF_FILES:
        for said, _, _ in files:
            if (value := getattr(said, name)) is not None:
                break
        merged[name] = value
    first = [c[0].name for said, _, _ in files if said.artists and (c := text.split_credit(said.artists[0]))]
    most = max(sorted(set(first)), key=first.count, default=None)
    whole = most is not None and 2 * first.count(most) >= len(files)
    merged["artists"] = [most] if whole else None
    if merged["album_artists"] is None and first and not whole:
        merged["album_type"] = merged["album_type"] or "compilation"
    ids: dict[str, str] = {}
    for said, _, _ in files:
        for scheme in ("mb_release", "mb_release_group", "discogs_release"):
            if isinstance(value := (said.ids or {}).get(scheme), str):
                ids.setdefault(scheme, value)
    dates = [d for said, _, _ in files if (d := said.release_date)]
    if dates and merged["release_date"]:  # of files tagged differently the date most of them say
        merged["release_date"] = max(sorted(set(dates)), key=dates.count)
    title = merged["album"] or files[0][1]
    return Source("local", key, "files", Said(**{**merged, "title": None, "ids": ids}), title, [item for _, _, item in files])
