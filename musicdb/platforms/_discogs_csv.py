"""The CSV files that Discogs makes of a collection or a wantlist (discogs.com > Collection > Export), read without an account."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import PayloadError, UnknownSource
from ..shapes import CollectionItemRow, ReleaseRow, Row
from ..units import integer, iso_date, stars
from . import _discogs_rows as parts
from ._discogs_copies import own_fields

WANTED = (
    "on discogs.com open Dashboard > Export Data, choose Collection or Wantlist, and give the .csv file that it makes; "
    "or read the account itself: `musicdb login discogs`, then `musicdb import discogs`"
)
CAP = 256 << 20  # bytes: a million records
RELEASE = ("Catalog#", "Artist", "Title", "Label", "Format", "Released", "release_id")
# Names that every export has; all others that begin with "Collection " are a person's own fields.
_KNOWN = frozenset((*RELEASE, "Rating", "CollectionFolder", "Date Added", "Notes"))
_SUFFIX = re.compile(r"\s\(\d{1,5}\)(?=$|[\s,;&/*])")


def read(path: Path) -> tuple[list[dict[str, str]], str]:
    """Return (lines, "owned" or "wanted") of an export. Raises UnknownSource saying what the file is not."""
    text = _text(path)
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t", key=head.count)  # a spreadsheet may have saved it again
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="more", strict=False)
    try:
        names = [str(name).strip() for name in reader.fieldnames or []]
        if not {"release_id", "Artist", "Title"} <= set(names):
            raise UnknownSource(f"{path.name} has no columns release_id, Artist and Title, so it is no Discogs export: {WANTED}")
        reader.fieldnames = names
        lines = [{k: v for k, v in line.items() if v not in (None, "")} for line in reader]
    except csv.Error as error:
        raise UnknownSource(f"{path.name} is no readable CSV (line {reader.line_num}: {error}): {WANTED}") from None
    owned = any(name == "CollectionFolder" or name.startswith("Collection ") for name in names)
    return lines, "owned" if owned else "wanted"


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise UnknownSource(f"{path} is a folder: {WANTED}")
        if path.stat().st_size > CAP:
            raise UnknownSource(f"{path.name} is larger than {CAP >> 20} MB, which no export of a collection is: {WANTED}")
        data = path.read_bytes()
    except OSError as error:
        raise UnknownSource(f"{path}: {error.strerror or type(error).__name__}") from None
    start = data[:600].lstrip(b"\xef\xbb\xbf \r\n")
    if b"<DJ_PLAYLISTS" in start:
        raise UnknownSource(f"{path.name} is a Rekordbox collection: musicdb import rekordbox {path}")
    if start[:1] == b"<" or start[:2] == b"\x1f\x8b":
        raise UnknownSource(f"{path.name} looks like a Discogs data dump, which is of all records there are, not of yours: {WANTED}")
    if start[:4] == b"PK\x03\x04":
        raise UnknownSource(f"{path.name} is a zip: unpack it and give the .csv file in it; {WANTED}")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:4096]:
        raise UnknownSource(f"{path.name} is no text: {WANTED}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what Excel makes of it


def payloads(lines: list[dict[str, str]], status: str, account: str, have: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Yield a payload of kind "csv" a line. have: release -> copies that the account itself told of: those are known better.

    The n-th copy of a release is the n-th by the date on which it was added, so a newer export in another order says the same.
    """
    order = sorted(range(len(lines)), key=lambda i: (str(lines[i].get("Date Added", "")), i))
    counts: dict[str, int] = {}
    places: dict[int, int] = {}
    for i in order:
        key = parts.number(lines[i].get("release_id")) or ""
        places[i] = counts[key] = counts.get(key, 0) + 1
    for i, line in enumerate(lines):
        key = parts.number(line.get("release_id"))
        if key is None or places[i] > have.get(key, 0):
            yield {"external_id": key or f"line {i + 2}", "status": status, "account": account, "copy": places[i], "line": line}


def rows(p: dict) -> Iterator[Row]:
    """Yield the release and the copy of a line."""
    line, status = p.get("line"), p.get("status")
    key = parts.number(line.get("release_id")) if isinstance(line, dict) else None
    if key is None or status not in ("owned", "wanted"):
        raise PayloadError("a line without release_id")
    yield release({k: line[k] for k in RELEASE if k in line}, key)
    own = {k.removeprefix("Collection "): v for k, v in line.items() if k not in _KNOWN and k.startswith("Collection ") and parts.plain(v)}
    date = iso_date(line.get("Date Added"))
    copy = integer(p.get("copy"), 1) or 1
    name = f"export:{parts.plain(p.get('account')) or ''}:{'want:' if status == 'wanted' else ''}{key}"
    row: CollectionItemRow = {
        "row": "collection_item",
        "release_external_id": key,
        "instance_id": name + (f"#{copy}" if copy > 1 else ""),
        "status": status,
        "folder": parts.plain(line.get("CollectionFolder")),
        "rating": stars(line.get("Rating"), "5"),
        "notes": parts.plain(line.get("Notes")),
        "added_at": date and date[0],  # the export does not say in which time zone its clock was
        "metadata": line,
    }
    yield row | own_fields(own)


def release(line: dict, key: str | None = None) -> ReleaseRow:
    """Return what a line says of the release: {Artist, Title, Label, Catalog#, Format, Released, release_id}."""
    key, title = key or parts.number(line.get("release_id")), parts.plain(line.get("Title"))
    if key is None or title is None:
        raise PayloadError("a line without release_id or title")
    artist = _SUFFIX.sub("", parts.plain(line.get("Artist")) or "")
    artist = parts.artist_name(artist)
    label, number = _first(line.get("Label"), line.get("Catalog#"))
    date = iso_date(line.get("Released"))
    formats = [one for part in (parts.plain(line.get("Format")) or "").split(",") if (one := re.sub(r"^\d+x", "", part.strip()))]
    return {
        "row": "release",
        "external_id": key,
        "title": title,
        "kind": "csv_release",
        "metadata": line,
        "said": parts.said(
            title=title,
            album=title,
            artists=[artist] if artist else None,
            album_artists=[artist] if artist else None,
            album_type=next((_TYPES[word] for word in formats if word in _TYPES), None),
            label=parts.artist_name(label) if label and not label.startswith("Not On Label") else None,
            catalogue_number=number if number and number.lower() != "none" else None,
            year=int(date[0][:4]) if date else None,
            release_date=date and date[0],
            release_date_precision=date and date[1],
            formats=list(dict.fromkeys(formats)),
            ids={"discogs_release": key},
        ),
    }


_TYPES = {
    "Comp": "compilation",
    "Mixed": "dj_mix",
    "EP": "ep",
    "MiniAlbum": "ep",
    "Maxi": "single",
    "Single": "single",
    "Album": "album",
    "LP": "album",
}


def _first(labels: Any, numbers: Any) -> tuple[str | None, str | None]:
    """The first label and its number: "A, B" with "1, 2" are two of each; "A, B" with "1" is one label with a comma."""
    labels, numbers = parts.plain(labels), parts.plain(numbers)
    if labels and numbers and labels.count(", ") == numbers.count(", "):
        return labels.split(", ")[0], numbers.split(", ")[0]
    return labels, numbers
