"""M3U and M3U8: lists of files, one a line. A file, or a folder of such files, whose folders become playlist folders.

Payload kinds, JSON-able:

    track  {"external_id": path or URL, "path" or "url", "extinf": text after #EXTINF:, "tags": {"EXTALB": ..., ...}}
    place  the same without extinf and tags: it says less, and never replaces a track that a list described
    list   {"external_id": path of the list, "name", "parent": folder or None, "tracks": [external ids], "lines": directives of the list itself}
    folder {"external_id": path of the folder, "name", "parent"}

A track's external_id is the absolute path that its line leads to, seen from the folder of the list: one file is one track in all lists.
Source: Winamp's M3U and the de facto extensions (#EXTINF:seconds,Artist - Title; #PLAYLIST, #EXTALB, #EXTART, #EXTGENRE, #EXTENC).
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import BadInput, PayloadError, UnknownSource
from ..shapes import Complete, Note, Page, Refused, Row, Said
from ..units import integer
from ._library_pages import guarded
from ._places import is_absolute, local_path, name_of

PLATFORM, KIND, ROWS_VERSION = "m3u", "files", 1
PAYLOADS = ("track", "place", "list", "folder")
SHORT = ("place",)

ENDINGS = (".m3u", ".m3u8")
MAX_BYTES = 64 << 20
MAX_LISTS = 20_000
TRACKS_A_PAGE = 2000
ABOUT_A_TRACK = ("EXTALB", "EXTART", "EXTGENRE")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


# ---------- fetch
def fetch(source, known=None, *, account=None, all=False, progress=None) -> Iterator:
    """Yield the tracks and places of an .m3u or .m3u8 file, or of all below a folder, with those folders.

    Lines are paths (absolute, or relative to the list), file URLs or web addresses. UTF-8, UTF-16 with a mark, else Windows-1252. A list
    that cannot be read is refused, the others go on; given alone it raises UnknownSource (no list) or BadInput (missing, too big).
    """
    if source is None:
        raise BadInput("which list? For instance: musicdb import m3u ~/Music/Friday.m3u8, or a folder of them")
    path = Path(os.path.abspath(Path(source).expanduser()))
    if not path.is_dir():
        parents = known.folders() if known else {}
        yield from _Reader().pages([(path, parents.get(_text(path)))])
        return
    lists, folders = _below(path)
    if not lists:
        yield Note(f"no .m3u or .m3u8 in {path}: is it the right folder?")
        return
    yield Page("folder", folders)
    yield from _Reader(refuse=True).pages(lists)


def _below(root: Path) -> tuple[list[tuple[Path, str | None]], list[dict]]:
    """Lists below a folder with the folder each is in, and the folders that hold any, outermost first. The root itself is none."""
    lists, used = [], set()
    for here, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = Path(here)
        for name in sorted(files):
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                lists.append((place / name, None if place == root else _text(place)))
                used.update(p for p in (place, *place.parents) if p != root and p.is_relative_to(root))
        if len(lists) > MAX_LISTS:
            raise BadInput(f"{root} holds more than {MAX_LISTS} lists; import a part of it at a time")
    kept = [{"external_id": _text(p), "name": p.name, "parent": None if p.parent == root else _text(p.parent)} for p in sorted(used)]
    return lists, kept


def _text(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class _Reader:
    """Lists to pages: all tracks of a list come before the list."""

    def __init__(self, refuse: bool = False):
        self.refuse, self.missing, self.places = refuse, 0, 0

    def pages(self, lists: list[tuple[Path, str | None]]) -> Iterator:
        for path, parent in lists:
            try:
                text = read(path)
            except (UnknownSource, BadInput) as error:
                if not self.refuse:
                    raise
                yield Refused("list", _text(path), str(error))
                continue
            yield from self._list(path, parent, text)
        if self.missing:
            yield Note(f"{self.missing:,} of {self.places:,} places name files that are not on this computer")

    def _list(self, path: Path, parent: str | None, text: str) -> Iterator:
        entries, lines = parse(text)
        found = {}
        for entry in entries:
            if "url" not in entry:
                entry["path"], there = resolved(entry["path"], path.parent)
                self.places += 1
                self.missing += not there
            entry["external_id"] = entry.get("url") or entry["path"]
            found.setdefault(entry["external_id"], entry)
        for kind in ("track", "place"):
            of_kind = [entry for entry in found.values() if ("track" if entry.keys() & {"extinf", "tags"} else "place") == kind]
            for start in range(0, len(of_kind), TRACKS_A_PAGE):
                yield Page(kind, of_kind[start : start + TRACKS_A_PAGE])
        name = next((line[10:].strip() for line in lines if line.upper().startswith("#PLAYLIST:")), "") or path.stem
        tracks = [entry["external_id"] for entry in entries]
        yield Page("list", [{"external_id": _text(path), "name": name, "parent": parent, "tracks": tracks, "lines": lines}])
        yield Complete("playlist_item", within=_text(path), total=len(tracks))


def read(path: Path) -> str:
    """Return the text of a list. Raises BadInput (missing, no file, too big) or UnknownSource (no list of files)."""
    try:
        if not path.is_file():
            raise BadInput(f"{path} is no file" if path.exists() else f"{path} does not exist; check the spelling")
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} has {path.stat().st_size >> 20} MiB; a list has at most {MAX_BYTES >> 20}")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    text = decoded(data)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    named = path.suffix.lower() in ENDINGS or first.startswith("#EXTM3U")  # any text could be a list of files: it must say so
    if "\0" in text or first.startswith(("<", "{", "[playlist]")) or not named:
        raise UnknownSource(f"{path} is no M3U list; of iTunes use `musicdb import itunes`, of Traktor `musicdb import traktor`")
    if re.search(r"^#EXT-X-", text, re.M):
        raise UnknownSource(f"{path} describes the parts of one stream (HLS): it is no list of music")
    return text


def decoded(data: bytes) -> str:
    """Return the text: UTF-16 or UTF-8 by its mark, UTF-8 where it is that, else Windows-1252, which every byte belongs to."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # of the five bytes that Windows-1252 leaves out, latin-1 knows what they are
        table = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 256)}
        return data.decode("latin-1").translate(table)


def parse(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return (entries, directives of the list itself). An entry has "path" or "url", and what its #EXTINF and tags said.

    An #EXTINF that no path follows is dropped: it names nothing.
    """
    entries, lines, extinf, tags = [], [], None, {}
    for raw in re.split(r"\r\n?|\n", text):  # the name of a file may hold what Python, too, takes for the end of a line
        line = raw.strip()
        word, _, rest = line[1:].partition(":") if line.startswith("#") else ("", "", "")
        if not line:
            continue
        if not line.startswith("#"):
            entry: dict[str, Any] = {"url" if _URL.match(line) and local_path(line) is None else "path": local_path(line) or line}
            entry |= ({"extinf": extinf} if extinf is not None else {}) | ({"tags": tags} if tags else {})
            entries.append(entry)
            extinf, tags = None, {}
        elif word.upper() == "EXTINF":
            extinf = rest.strip()
        elif word.upper() in ABOUT_A_TRACK:
            tags[word.upper()] = rest.strip()
        elif word.upper() != "EXTM3U":
            lines.append(line[:2000])
    return entries, lines


def resolved(place: str, folder: Path) -> tuple[str, bool]:
    """Return (absolute path that a line leads to, whether a file is there). Lists of Windows are read elsewhere, and percent signs undone."""
    best = None
    place = place.replace("\0", "")
    if is_absolute(place) and not place.startswith("/"):
        place = place.replace("\\", "/")  # a drive or share of Windows: one way of writing it
    for candidate in dict.fromkeys((place, place.replace("\\", "/"), unquote(place), unquote(place).replace("\\", "/"))):
        path = candidate if is_absolute(candidate) else os.path.normpath(os.path.join(folder, candidate))
        try:
            if os.path.isfile(path):
                return _text(Path(path)), True
        except (OSError, ValueError):
            continue
        if best is None or ("/" not in place and candidate == place.replace("\\", "/")):
            best = path  # "..\Music\a.mp3" is a path of Windows; "AC\DC.mp3" might be a name, but then the file would be there
    return (best or place).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), False


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the TrackRow of a place, or the PlaylistRow of a list or folder and its PlaylistItemRows. Raises PayloadError.

    What is streamed from the web is no track of the library: it may be a radio station.
    """
    payload = guarded(kind, payload, PAYLOADS, "M3U")
    external_id = _said(payload.get("external_id"))
    if not external_id:
        raise PayloadError(f"a {kind} without external_id")
    if kind in ("list", "folder"):
        yield {
            "row": "playlist",
            "external_id": external_id,
            "name": _said(payload.get("name")) or name_of(external_id),
            "kind": "folder" if kind == "folder" else "playlist",
            "parent_external_id": _said(payload.get("parent")),
        }
        tracks = payload.get("tracks")
        for position, track in enumerate(tracks if isinstance(tracks, list) else ()):
            if key := _said(track):
                yield {"row": "playlist_item", "playlist_external_id": external_id, "position": position, "track_external_id": key}
        return
    yield _track(external_id, payload)


def _track(external_id: str, payload: dict) -> Row:
    seconds, artist, title = extinf(payload.get("extinf"))
    tags = payload.get("tags") if isinstance(payload.get("tags"), dict) else {}
    path, url = _said(payload.get("path")), _said(payload.get("url"))
    artist, genre = artist or _said(tags.get("EXTART")), _said(tags.get("EXTGENRE"))
    name = title or name_of(path or _last(url or external_id)) or external_id
    said: Said = {
        "title": title,
        "artists": [artist] if artist else None,
        "album": _said(tags.get("EXTALB")),
        "genres": [genre] if genre else None,
        "duration_ms": seconds and seconds * 1000,
        "path": path,
    }
    said = {field: value for field, value in said.items() if value}
    row: Row = {
        "row": "track",
        "external_id": external_id,
        "title": name,
        "artists": said.get("artists", []),
        "album": said.get("album"),
        "duration_ms": said.get("duration_ms"),
        "uri": url,
        "said": said,
    }
    return row if path else row | {"in_library": False}


def _last(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is no address
        return url
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc or url


def extinf(value: Any) -> tuple[int | None, str | None, str | None]:
    """Return (seconds, artist, title) of "372,Marisol Ek - Slow Ferry"; attributes before the comma are left out.

    Without " - " it is all title. -1 and 0 seconds are unknown.
    """
    if not isinstance(value, str):
        return None, None, None
    found = re.match(r'\s*(-?\d+(?:\.\d+)?)?((?:\s+[\w-]+=(?:"[^"]*"|[^\s,]*))*)\s*,(.*)', value, re.S)
    length, text = (found[1], found[3]) if found else (None, value)
    seconds = integer(round(float(length)), 1, 7 * 86400) if length and len(length) < 12 else None
    artist, dash, title = text.partition(" - ")
    return (seconds, _said(artist), _said(title)) if dash and artist.strip() and title.strip() else (seconds, None, _said(text))


def _said(value: Any) -> str | None:
    return value.replace("\0", "").strip() or None if isinstance(value, str) else None
