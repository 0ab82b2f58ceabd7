"""Traktor: its collection.nml, and playlists or histories exported as .nml.

Payload kinds, JSON-able, every attribute as it was sent (text):

    track     {"external_id", "entry": {...}, "location": {...}, "album": {...}, "info": {...}, "tempo": {...}, "musical_key": {...},
              "loudness": {...}, "cues": [{...attributes of CUE_V2, "grid": {"BPM"}}]}
    playlist  {"external_id": path of names, "parent", "path": [names], "position", "node": {...}, "playlist": {...}, "query": of a smart
              list, "tracks": [keys, in order]}

A track's external_id is the key that playlists name it by: "Macintosh HD/:Users/:me/:a.mp3". Source: NML version 19 as Traktor Pro 2 to 4
write it: cue types 0 cue, 1 fade in, 2 fade out, 3 load, 4 grid, 5 loop; times in ms; RANKING 0-255; MUSICAL_KEY 0-11 C to B major, 12-23 minor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BadInput, PayloadError, UnknownSource
from ..shapes import Beat, Complete, Cue, Refused, Row, Said
from ..units import bpm, camelot, integer, iso_date, stars
from . import _xml
from ._library_pages import Pages, guarded, names, plain
from ._places import external_id_of, name_of

PLATFORM, KIND, ROWS_VERSION = "traktor", "dj", 1
PAYLOADS = ("track", "playlist")
CLAIMS = {
    ("track", "size_kb"): "$.info.FILESIZE",
    ("track", "bit_rate"): "$.info.BITRATE",
    ("track", "peak_db"): "$.loudness.PEAK_DB",
    ("track", "perceived_db"): "$.loudness.PERCEIVED_DB",
}
WHERE = "it is Documents/Native Instruments/Traktor x.y/collection.nml"
PARTS = {"ALBUM": "album", "INFO": "info", "TEMPO": "tempo", "MUSICAL_KEY": "musical_key", "LOUDNESS": "loudness", "LOCATION": "location"}
CUE_TYPES = {0: "memory_cue", 1: "fade_in", 2: "fade_out", 3: "load", 5: "loop"}
GRID = 4
PITCHES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
BOOT_FOLDERS = ("Users", "Library", "Applications", "System", "private", "opt", "Volumes")  # at the top of a Mac's own disk
MAX_CUES = 20_000


# ---------- fetch
def fetch(source, known=None, *, account=None, all=False, progress=None, home=None) -> Iterator:
    """Yield pages of tracks and playlists of an .nml, or of the folder it is in; without a source, of the newest Traktor's folder.

    What a playlist's own .nml leaves out is not taken for gone: only a whole collection tells that. Raises UnknownSource for another kind
    of file, BadInput for one that is missing, cut off or hostile.
    """
    path = Path(source).expanduser() if source is not None else _found(Path(home) if home else Path.home())
    if path.is_dir() and (path / "collection.nml").is_file():
        path = path / "collection.nml"
    _xml.checked(path, WHERE)
    yield from _Reader(path).pages()


def _found(home: Path) -> Path:
    base = home / "Documents/Native Instruments"
    places = [p for p in base.glob("Traktor*/collection.nml") if p.is_file()]
    if not places:
        raise BadInput(f"no Traktor collection found in {base}: `musicdb import traktor collection.nml`")
    return max(places, key=lambda p: [int(n) for n in re.findall(r"\d+", p.parent.name)])


class _Reader(Pages):
    """Elements of the NML to pages. Keeps the open elements only, never the tree."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.stack, self.whole = path, [], False
        self.keys: set[str] = set()
        self.open: dict[str, Any] = {}  # of the entry that is being read
        self.nodes: list[dict] = []
        self.places: dict[str | None, int] = {}
        self.taken: set[str] = set()

    def pages(self) -> Iterator:
        for event, element in _xml.events(self.path, "Traktor", WHERE):
            if event == "start":
                self._start(element)
            else:
                yield from self._end(element)
        yield from self.flush_tracks()
        if self.whole:
            yield Complete("track", total=self.total)
        yield from self.flush_playlists()
        if self.whole:
            yield Complete("playlist", total=len(self.taken))

    def _start(self, element) -> None:
        tag = element.tag
        if not self.stack:
            if tag != "NML":
                what = {"DJ_PLAYLISTS": "rekordbox", "plist": "itunes"}.get(tag)
                hint = f"use `musicdb import {what}`" if what else f"for Traktor: {WHERE}"
                raise UnknownSource(f"{self.path} is an XML of another kind (<{tag[:40]}>); {hint}")
            _xml.whole(self.path, b"</NML", WHERE)
        self.stack.append(element)
        if tag == "COLLECTION":
            self.total = integer(element.get("ENTRIES"), 0)
        elif tag == "NODE":
            self._open_node(dict(element.attrib))
        elif tag == "PLAYLIST" and self.nodes:
            self.nodes[-1]["playlist"] = dict(element.attrib)

    def _end(self, element) -> Iterator:
        tag, parents = element.tag, [e.tag for e in self.stack[:-1]]
        parent = parents[-1] if parents else None
        if parent == "ENTRY" and tag in PARTS and "COLLECTION" in parents:
            self.open[PARTS[tag]] = dict(element.attrib)
        elif parent == "CUE_V2" and tag == "GRID":
            self.open["grid"] = dict(element.attrib)
        elif parent == "ENTRY" and tag == "CUE_V2":
            grid = self.open.pop("grid", None)
            cues = self.open.setdefault("cues", [])
            cues.append(dict(element.attrib) | ({"grid": grid} if grid else {}))
            if len(cues) > MAX_CUES:
                raise BadInput(f"{self.path} has a track with more than {MAX_CUES} cues: not from Traktor")
        elif tag == "ENTRY" and parent == "COLLECTION":
            yield from self._track(dict(element.attrib))
        elif tag == "PRIMARYKEY" and self.nodes:
            self.nodes[-1]["tracks"].append(element.get("KEY", ""))
        elif tag == "SEARCH_EXPRESSION" and self.nodes:
            self.nodes[-1]["query"] = element.get("QUERY", "")
        elif tag == "NODE" and self.nodes:
            yield from self._close_node()
        self.stack.pop()
        if self.stack:
            self.stack[-1].remove(element)

    def _track(self, entry: dict) -> Iterator:
        item, self.open = {"entry": entry, **self.open}, {}
        place = item.get("location", {})
        key = f"{place.get('VOLUME', '')}{place.get('DIR', '')}{place.get('FILE', '')}"
        item = {"external_id": key, **item}
        if key and key in self.keys:
            yield Refused("track", key, f"{key} comes twice; the first one is kept", item)
            return
        self.keys.add(key)
        yield from self.keep_track(item)

    def _open_node(self, attributes: dict) -> None:
        if not self.nodes and attributes.get("TYPE") == "FOLDER" and attributes.get("NAME") == "$ROOT":
            # a single list, or a history, is exported with a root too: it says nothing of what is gone
            self.whole = self.path.name.lower().startswith("collection")
            self.nodes.append({"external_id": None, "path": [], "tracks": []})
            return
        above = self.nodes[-1] if self.nodes else {"external_id": None, "path": []}
        parent, name = above["external_id"], attributes.get("NAME", "")
        key = external_id_of(name, parent, self.taken)
        self.taken.add(key)
        position = self.places[parent] = self.places.get(parent, -1) + 1
        node = {"external_id": key, "parent": parent, "path": above["path"], "position": position, "node": attributes, "tracks": []}
        self.nodes.append(node)
        if attributes.get("TYPE") == "FOLDER":  # a folder is stored before what it holds
            self.playlists.append(node)
            self.nodes[-1] = {**node, "path": [*above["path"], name], "tracks": []}

    def _close_node(self) -> Iterator:
        node = self.nodes.pop()
        if node["external_id"] is None or node["node"].get("TYPE") == "FOLDER":
            return
        for place, key in enumerate(node["tracks"]):
            if key not in self.keys:
                reason = f"names a track that is not in the collection: {key[:200]!r}"
                yield Refused("playlist_item", f"{node['external_id']} place {place + 1}", reason)
        node["tracks"] = [key for key in node["tracks"] if key in self.keys]
        yield from self.keep_playlist(node)

    def held(self, node: dict) -> int | None:
        return len(node["tracks"]) if node["node"].get("TYPE") == "PLAYLIST" else None


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the TrackRow of a track, or the PlaylistRow of a playlist, folder or smart list and its PlaylistItemRows. Raises PayloadError."""
    payload = guarded(kind, payload, PAYLOADS, "Traktor")
    if kind == "playlist":
        yield from _playlist_rows(payload)
    else:
        yield _track_row(payload)


def _track_row(payload: dict) -> Row:
    entry, info, album = _part(payload, "entry"), _part(payload, "info"), _part(payload, "album")
    path, key = path_of(_part(payload, "location")), plain(payload.get("external_id"))
    title = plain(entry.get("TITLE"))
    name = title or (path and name_of(path))
    if not key:
        raise PayloadError(f"track {name or '(no name)'!r} has no location")
    if not name:
        raise PayloadError(f"track {key} has neither a title nor a file")
    artist, album_title, released = plain(entry.get("ARTIST")), plain(album.get("TITLE")), iso_date(plain(info.get("RELEASE_DATE")))
    seconds = _number(info.get("PLAYTIME_FLOAT")) or _number(info.get("PLAYTIME"))
    said: Said = {
        "title": title,
        "version": plain(info.get("MIX")),
        "artists": [artist] if artist else None,
        "remixers": names(info.get("REMIXER")),
        "composers": names(info.get("PRODUCER")),
        "album": album_title,
        "track_no": integer(album.get("TRACK"), 1, 9999),
        "track_total": integer(album.get("OF_TRACKS"), 1, 9999),
        "duration_ms": round(seconds * 1000) if seconds and 0 < seconds < 7 * 86400 else None,
        "genres": names(info.get("GENRE")),
        "release_date": released and released[0],
        "release_date_precision": released and released[1],
        "bpm": bpm(_part(payload, "tempo").get("BPM")),
        "musical_key": _key(_part(payload, "musical_key").get("VALUE")) or camelot(info.get("KEY")),
        "rating": stars(info.get("RANKING"), "rekordbox_xml"),
        "comment": plain(info.get("COMMENT")),
        "grouping": plain(info.get("RATING")),  # "Comment 2" on its screen
        "label": plain(info.get("LABEL")),
        "catalogue_number": plain(info.get("CATALOG_NO")),
        "play_count": integer(info.get("PLAYCOUNT"), 1),
        "added_at": (day := iso_date(plain(info.get("IMPORT_DATE")))) and day[0],
        "last_played_at": (day := iso_date(plain(info.get("LAST_PLAYED")))) and day[0],
        "path": path,
        "cues": [cue for mark in _dicts(payload.get("cues")) if (cue := _cue(mark))],
        "beat_grid": [beat for mark in _dicts(payload.get("cues")) if (beat := _beat(mark, _part(payload, "tempo")))],
    }
    said = {field: value for field, value in said.items() if value not in (None, [], {})}  # absent = not said
    return {
        "row": "track",
        "external_id": key,
        "title": name,
        "artists": said.get("artists", []),
        "album": album_title,
        "duration_ms": said.get("duration_ms"),
        "release_date": said.get("release_date"),
        "said": said,
    }


def path_of(location: dict) -> str | None:
    """Return the path of a LOCATION, "/" between its parts: "C:/Music/a.mp3", "/Users/me/a.mp3", "/Volumes/USB/a.mp3"; None without a file.

    Folders stand between "/:", a colon in a name as "//". On a Mac the volume tells the disk: its own one is where /Users and the like are.
    """
    volume, folder, file = (plain(location.get(name)) for name in ("VOLUME", "DIR", "FILE"))
    if not file:
        return None
    parts = [part.replace("//", ":") for part in (folder or "").split("/:") if part] + [file.replace("//", ":")]
    if volume and re.fullmatch(r"[A-Za-z]:", volume):
        return "/".join((volume, *parts))
    if volume and volume.startswith("\\\\"):  # a share of Windows
        return "/".join((volume.replace("\\", "/").rstrip("/"), *parts))
    on_disk = not volume or volume == "Macintosh HD" or parts[0] in BOOT_FOLDERS
    return "/" + "/".join(parts if on_disk else ("Volumes", volume, *parts))


def _cue(mark: dict) -> Cue | None:
    kind, start = CUE_TYPES.get(integer(mark.get("TYPE"))), _ms(mark.get("START"))
    if kind is None or start is None:
        return None
    length, num = _ms(mark.get("LEN")), integer(mark.get("HOTCUE"), 0, 99)  # -1: on no pad
    name, color = plain(mark.get("NAME")), plain(mark.get("COLOR"))
    cue: Cue = {
        "type": "hot_cue" if kind == "memory_cue" and num is not None else kind,
        "num": num,
        "start_ms": start,
        "length_ms": length if kind == "loop" and length and length > 0 else None,
        "name": None if name in ("n.n.", "AutoGrid", "Beat Marker") else name,
        "color": color.lower() if color and re.fullmatch(r"#[0-9A-Fa-f]{6}", color) else None,
    }
    return {field: value for field, value in cue.items() if value is not None}


def _beat(mark: dict, tempo: dict) -> Beat | None:
    grid = mark.get("grid")
    start, own = _ms(mark.get("START")), bpm(grid.get("BPM")) if isinstance(grid, dict) else None
    beats = own or bpm(tempo.get("BPM"))
    return {"start_ms": start, "bpm": beats} if integer(mark.get("TYPE")) == GRID and start is not None and beats else None


def _playlist_rows(payload: dict) -> Iterator[Row]:
    node, key = payload.get("node"), plain(payload.get("external_id"))
    if not key or not isinstance(node, dict):
        raise PayloadError("a playlist without external_id or node")
    kind = {"FOLDER": "folder", "SMARTLIST": "smart"}.get(str(node.get("TYPE")), "playlist")
    yield {
        "row": "playlist",
        "external_id": key,
        "name": plain(node.get("NAME")) or "untitled",
        "kind": kind,
        "parent_external_id": plain(payload.get("parent")),
        "position": integer(payload.get("position"), 0),
    }
    tracks = payload.get("tracks")
    known = [track for one in tracks if (track := plain(one))] if kind == "playlist" and isinstance(tracks, list) else ()
    for position, track in enumerate(known):
        yield {"row": "playlist_item", "playlist_external_id": key, "position": position, "track_external_id": track}


def _part(payload: dict, name: str) -> dict:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


def _dicts(value: Any) -> list[dict]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []



def _number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _ms(value: Any) -> float | None:
    ms = _number(value)
    return round(ms, 3) if ms is not None and -1000 <= ms < 7 * 86_400_000 else None  # a grid may begin just before the audio


def _key(value: Any) -> str | None:
    number = integer(value, 0, 23)
    return None if number is None else camelot(PITCHES[number % 12] + ("m" if number > 11 else ""))
