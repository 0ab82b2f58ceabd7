"""Rekordbox: its own database (master.db of 6 and 7), and the XML that File > Export Collection in xml format writes.

Both use the same external ids, so that either may be imported after the other. Payloads of the database: see `_rekordbox_db`.

Payload kinds of the XML, JSON-able, every attribute as it was sent (text):

    track     {"attributes": {...}, "tempo": [{...}], "position_mark": [{...}]}
    playlist  {"external_id", "parent", "path": [names of folders], "position", "attributes": {...}, "entries": [keys]}
              "tracks": [TrackID or None] beside it where a key is not the TrackID itself (KeyType 1) or leads nowhere

The XML gives playlists no id: external_id is the path of names ("Sets/Friday"), with "#2" for a second of that name.
Source: rekordbox XML format list (AlphaTheta), and exports of Rekordbox 5, 6 and 7.
"""

from __future__ import annotations

import math
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from ..errors import BadInput, PayloadError, UnknownSource
from ..shapes import Beat, Cue, Row, Said
from ..units import bpm, camelot, integer, iso_date, stars
from . import _rekordbox_db, _rekordbox_xml
from . import _zones as zones
from ._places import local_path
from ._rekordbox_rows import content_rows, dicts, mapping, play_rows, playlist_rows, several, text
from ._rekordbox_xml import EXPORT, MAX_BYTES

PLATFORM, KIND, ROWS_VERSION = "rekordbox", "dj", 1
PAYLOADS = ("track", "playlist", "content", "db_playlist", "play")
CLAIMS = {
    ("track", "file_kind"): "$.attributes.Kind",
    ("track", "size_bytes"): "$.attributes.Size",
    ("track", "bit_rate"): "$.attributes.BitRate",
    ("track", "sample_rate"): "$.attributes.SampleRate",
    ("track", "bit_depth"): "$.content.BitDepth",
    ("track", "mood"): "$.anlz.phrases.mood",  # 1 high, 2 mid, 3 low
}

CUE_TYPES = {0: "memory_cue", 1: "fade_in", 2: "fade_out", 3: "load", 4: "loop"}


class RekordboxTrack(TypedDict, total=False):
    """The stored payload of a track. Values are text, as in the XML; see `rows` for what they mean."""

    attributes: dict[str, str]
    tempo: list[dict[str, str]]  # Inizio (s), Bpm, Metro, Battito
    position_mark: list[dict[str, str]]  # Name, Type, Start (s), End (s), Num, Red, Green, Blue


def payload(metadata: str | bytes) -> RekordboxTrack:
    """Return the stored payload (`platform_tracks.metadata`) with all three parts; PayloadError where it is none."""
    try:
        found = msgspec.json.decode(metadata)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PayloadError(f"Rekordbox metadata is no JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("attributes"), dict):
        raise PayloadError("Rekordbox metadata has no attributes")
    return {"tempo": [], "position_mark": [], **found}


# ---------- fetch
def fetch(
    source, known=None, *, account=None, all=False, progress=None, home=None, key=None, share=None, anlz=True, utc_offset=None,
    time_zone=None, plays_only=False,
) -> Iterator:  # fmt: skip
    """Yield pages of tracks, playlists and plays of a master.db (or the folder it is in), or of an exported XML.

    Without a source, of the master.db in the standard folders; home: another home folder than that of this process. For a database
    only: key, share, anlz, plays_only, see `_rekordbox_db.pages`; time_zone ("Europe/Berlin") or utc_offset (minutes) of times that name no zone, kept
    for the next import. Raises UnknownSource for another kind of file, BadInput for one that is missing, cut off or hostile, Transient for
    a database that is being written.
    """
    path = Path(source).expanduser() if source is not None else _found(Path(home) if home else Path.home())
    path = path / "master.db" if _is_folder_with_database(path) else path
    if _is_database(path):
        yield from _rekordbox_db.pages(path, known, key=key or "", share=share, anlz=anlz, zone=zones.zone(time_zone, utc_offset), plays_only=plays_only)
    elif given := [name for name, v in {"key": key, "share": share, "utc_offset": utc_offset, "time_zone": time_zone, "plays_only": plays_only or None}.items() if v is not None]:
        raise BadInput(f"{path} is an XML export: {', '.join(given)} is for the database only")
    else:
        yield from _rekordbox_xml.pages(path)


def database_places(home: Path) -> list[Path]:
    """Return where Rekordbox 6 and 7 keep master.db on macOS and Windows; first what Rekordbox's own options say."""
    roots = [home / "Library/Pioneer", home / "Library/Application Support/Pioneer", home / "AppData/Roaming/Pioneer"]
    if sys.platform == "win32":
        import platformdirs  # knows a profile folder that was moved

        roots.append(platformdirs.user_data_path("Pioneer", False, roaming=True))
    places = [found for root in roots if (found := _chosen_place(root / "rekordboxAgent/storage/options.json"))]
    return list(dict.fromkeys(places + [root / "rekordbox/master.db" for root in roots]))


def _chosen_place(options: Path) -> Path | None:
    try:
        if options.stat().st_size > 1 << 20:
            return None
        pairs = msgspec.json.decode(options.read_bytes())["options"]
        # the other options hold credentials: not ours to read
        return next((Path(p[1]) for p in pairs if p[0] == "db-path" and p[1]), None)
    except (OSError, msgspec.DecodeError, UnicodeError, RecursionError, LookupError, TypeError):
        return None  # no such file, or not the one that we know


def _found(home: Path) -> Path:
    places = database_places(home)
    if found := next((place for place in places if place.is_file()), None):
        return found
    looked = ", ".join(str(place) for place in places)
    raise BadInput(f"no Rekordbox database found (looked for {looked}); {EXPORT}: `musicdb import rekordbox FILE.xml`")


def _is_folder_with_database(path: Path) -> bool:
    try:
        return path.is_dir() and (path / "master.db").is_file()
    except (OSError, ValueError):
        return False


OTHERS = {  # by ending
    ".pdb": "the library of a USB stick or SD card",
    ".edb": "the database of Rekordbox 5 or older",
}


def _is_database(path: Path) -> bool:
    """Look at a file before it is opened: True for a database, False for what may be an XML; else UnknownSource or BadInput."""
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise BadInput(f"{path} is a folder without a master.db; {EXPORT}")
        if not stat.S_ISREG(info.st_mode):
            raise BadInput(f"{path} is no regular file; {EXPORT}")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist; {EXPORT}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    if not info.st_size:
        raise UnknownSource(f"{path} is empty; {EXPORT}")
    if what := OTHERS.get(path.suffix.lower()):
        raise UnknownSource(f"{path} is {what}, which musicdb does not read: give it Rekordbox's master.db, or {EXPORT}")
    if path.name.lower() == "exportlibrary.db":
        raise UnknownSource(
            f"{path} is the OneLibrary of a USB stick, which musicdb does not read: give it Rekordbox's master.db, or {EXPORT}"
        )
    if head.startswith(b"SQLite format 3\0") or path.suffix.lower() == ".db":
        return True
    if info.st_size > MAX_BYTES:
        raise BadInput(f"{path} has {info.st_size >> 20} MiB; more than {MAX_BYTES >> 20} MiB are not read")
    return False


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield one TrackRow per track; a PlaylistRow and its PlaylistItemRows per playlist; a ListenRow per play. Raises PayloadError."""
    if kind not in PAYLOADS:
        raise PayloadError(f"no such payload kind of Rekordbox: {kind!r}")
    payload = mapping(payload, kind)
    if kind in _OF_DATABASE:
        yield from _OF_DATABASE[kind](payload)
    elif kind == "track":
        yield _track_row(mapping(payload.get("attributes"), "attributes of a track"), payload)
    else:
        yield from _playlist_rows(payload)


_OF_DATABASE = {"content": content_rows, "db_playlist": playlist_rows, "play": play_rows}


def _track_row(a: dict, payload: dict) -> Row:
    track_id, path = text(a.get("TrackID")), path_of(a.get("Location"))
    title = text(a.get("Name"))
    name = title or (path and Path(path.replace("\\", "/")).stem)
    if not track_id:
        raise PayloadError(f"track {name or '(no name)'!r} has no TrackID")
    if not name:
        raise PayloadError(f"track {track_id} has neither a name nor a location")
    total_s = integer(a.get("TotalTime"), 1, 7 * 86400)
    added = iso_date(a.get("DateAdded"))
    artist, album = text(a.get("Artist")), text(a.get("Album"))
    said: Said = {
        "title": title,
        "version": text(a.get("Mix")),
        "artists": [artist] if artist else None,
        "remixers": several(a.get("Remixer")),
        "composers": several(a.get("Composer")),
        "album": album,
        "genres": several(a.get("Genre")),
        "year": integer(a.get("Year"), 1000, 2999),
        "bpm": bpm(a.get("AverageBpm")),
        "musical_key": camelot(a.get("Tonality")),
        "rating": stars(a.get("Rating"), "rekordbox_xml"),
        "comment": text(a.get("Comments")),
        "grouping": text(a.get("Grouping")),
        "label": text(a.get("Label")),
        "play_count": integer(a.get("PlayCount"), 1),
        "added_at": added and added[0],
        "color": _hex(a.get("Colour")),
        "track_no": integer(a.get("TrackNumber"), 1, 9999),
        "disc_no": integer(a.get("DiscNumber"), 1, 9999),
        "duration_ms": total_s and total_s * 1000,
        "path": path,
        "ids": stream_id(a.get("Location")),
        "cues": [cue for mark in dicts(payload.get("position_mark")) if (cue := _cue(mark))],
        "beat_grid": [beat for mark in dicts(payload.get("tempo")) if (beat := _beat(mark))],
    }
    said = {field: value for field, value in said.items() if value not in (None, [], {})}  # absent = not said
    return {
        "row": "track",
        "external_id": track_id,
        "title": name,
        "artists": said.get("artists", []),
        "album": album,
        "duration_ms": said.get("duration_ms"),
        "said": said,
    }


def path_of(location: Any) -> str | None:
    """Return the path in a Location, "/" between its parts ("C:/Music/a.mp3", "/Users/me/a.mp3"); None for a stream.

    Rekordbox writes file://localhost/C:/..., file://localhost/Users/...; other programs leave out or double the slash.
    """
    return None if stream_id(location) else local_path(location)


def stream_id(location: Any) -> dict[str, str] | None:
    """Return {"tidal": "123"} for a track that is streamed: file://localhosttidal:tracks:123; None for a file."""
    if not isinstance(location, str):
        return None
    found = re.fullmatch(r"(?i)file://localhost/?([a-z]{2,20}):tracks?:([\w.-]{1,64})", location)
    return {found[1].lower(): found[2]} if found else None


def _hex(value: Any) -> str | None:
    found = re.fullmatch(r"(?:0x|#)([0-9A-Fa-f]{6})", value.strip()) if isinstance(value, str) else None
    return f"#{found[1].lower()}" if found else None


def _ms(value: Any) -> float | None:
    try:
        ms = round(float(value.replace(",", ".")) * 1000, 3)
    except (AttributeError, ValueError, OverflowError):
        return None
    return ms if math.isfinite(ms) and -1000 <= ms < 7 * 86_400_000 else None  # a grid may begin just before the audio


def _cue(mark: dict) -> Cue | None:
    kind, start = CUE_TYPES.get(integer(mark.get("Type"))), _ms(mark.get("Start"))
    if kind is None or start is None:
        return None
    end, num = _ms(mark.get("End")), integer(mark.get("Num"), 0, 99)  # -1: on no pad
    if kind == "memory_cue" and num is not None:
        kind = "hot_cue"
    rgb = [integer(mark.get(part), 0, 255) for part in ("Red", "Green", "Blue")]
    cue: Cue = {
        "type": kind,
        "num": num,
        "start_ms": start,
        "length_ms": round(end - start, 3) if kind == "loop" and end is not None and end > start else None,
        "name": text(mark.get("Name")),
        "color": None if None in rgb else "#{:02x}{:02x}{:02x}".format(*rgb),
    }
    return {field: value for field, value in cue.items() if value is not None}


def _beat(mark: dict) -> Beat | None:
    start, tempo = _ms(mark.get("Inizio")), bpm(mark.get("Bpm"))
    if start is None or tempo is None:
        return None
    meter, place = text(mark.get("Metro")), integer(mark.get("Battito"), 1, 64)
    return {"start_ms": start, "bpm": tempo} | ({"meter": meter} if meter else {}) | ({"beat": place} if place else {})


def _playlist_rows(payload: dict) -> Iterator[Row]:
    attributes = mapping(payload.get("attributes"), "attributes of a playlist")
    external_id = text(payload.get("external_id"))
    if not external_id:
        raise PayloadError("a playlist without external_id")
    yield {
        "row": "playlist",
        "external_id": external_id,
        "name": text(attributes.get("Name")) or "untitled",
        "kind": "folder" if attributes.get("Type") == "0" else "playlist",
        "parent_external_id": text(payload.get("parent")),
        "position": integer(payload.get("position"), 0),
    }
    tracks = payload.get("tracks", payload.get("entries"))
    known = [track for key in tracks if (track := text(key))] if isinstance(tracks, list) else ()
    for position, track in enumerate(known):
        item = {"playlist_external_id": external_id, "position": position, "track_external_id": track}
        yield {"row": "playlist_item", **item}
