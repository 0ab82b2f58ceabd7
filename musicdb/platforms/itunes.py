"""iTunes and Apple Music: the library as XML (iTunes Music Library.xml; Music.app: File > Library > Export Library).

Payload kinds, JSON-able, values of the property list as they are (dates as text, data as base64):

    track     the track's dictionary: {"Track ID", "Persistent ID", "Name", "Location", ...}
    playlist  {"external_id", "parent", "position", "playlist": its dictionary without items, "tracks": [external ids, in order; None where
              something stands that is no music]}; rules of a smart one are "Smart Info" and "Smart Criteria" of the dictionary

external_id is the Persistent ID: Track IDs are given anew at each export. Source: Apple's property list format and exports of iTunes 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BadInput, PayloadError, UnknownSource
from ..shapes import Complete, Note, Refused, Row, Said
from ..units import bpm, integer, iso_date, stars, utc
from . import _xml
from ._library_pages import Pages, guarded, names, plain
from ._places import local_path, name_of

PLATFORM, KIND, ROWS_VERSION = "itunes", "files", 1
PAYLOADS = ("track", "playlist")
CLAIMS = {
    ("track", "file_kind"): "$.Kind",
    ("track", "size_bytes"): "$.Size",
    ("track", "bit_rate"): '$."Bit Rate"',
    ("track", "sample_rate"): '$."Sample Rate"',
    ("track", "skip_count"): '$."Skip Count"',
}
EXPORT = "in Music or iTunes choose File > Library > Export Library and give that XML"
NO_MUSIC = ("Podcast", "Movie", "TV Show", "iTunesU", "Books", "Audiobook")


# ---------- fetch
def fetch(source, known=None, *, account=None, all=False, progress=None, home=None) -> Iterator:
    """Yield pages of tracks and playlists of a library XML, or of the folder it is in; without a source, of the usual folder.

    Podcasts, films and audiobooks are left out, and so are the lists that the program makes itself (all of the library, all music, ...);
    a note says how many. Raises UnknownSource for another kind of file, BadInput for one that is missing, cut off or hostile.
    """
    path = Path(source).expanduser() if source is not None else _found(Path(home) if home else Path.home())
    if path.is_dir():
        path = next((place for name in NAMES if (place := path / name).is_file()), path)
    _xml.checked(path, EXPORT)
    yield from _Reader(path).pages()


NAMES = ("iTunes Music Library.xml", "iTunes Library.xml", "Library.xml")


def _found(home: Path) -> Path:
    places = [home / "Music" / folder / name for folder in ("iTunes", "Music") for name in NAMES]
    if found := next((place for place in places if place.is_file()), None):
        return found
    raise BadInput(f"no iTunes library found in {home / 'Music'}; {EXPORT}: `musicdb import itunes Library.xml`")


class _Reader(Pages):
    """Elements of the property list to pages. Keeps the open track or playlist only, never the tree."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.stack, self.section = path, [], None
        self.ids: dict[int, str | None] = {}  # Track ID -> external id; None: no music
        self.taken: set[str] = set()
        self.items: list[Any] = []  # of the open playlist
        self.places: dict[str | None, int] = {}
        self.counts = {"other": 0, "own": 0, "playlists": 0}
        self.sections: set[str] = set()

    def pages(self) -> Iterator:
        for event, element in _xml.events(self.path, "iTunes", EXPORT):
            if event == "start":
                self._start(element)
            else:
                yield from self._end(element)
        yield from self._finish()

    def _start(self, element) -> None:
        if not self.stack:
            if element.tag != "plist":
                what = {"DJ_PLAYLISTS": "rekordbox", "NML": "traktor"}.get(element.tag)
                hint = f"use `musicdb import {what}`" if what else f"for iTunes: {EXPORT}"
                raise UnknownSource(f"{self.path} is an XML of another kind (<{element.tag[:40]}>); {hint}")
            _xml.whole(self.path, b"</plist", EXPORT)
        self.stack.append(element)

    def _end(self, element) -> Iterator:
        depth, tag = len(self.stack), element.tag
        parent = self.stack[-2] if depth > 1 else None
        if depth == 3 and tag == "key":
            self.section = element.text
            self.sections.add(element.text or "")
        elif depth == 4 and tag == "dict" and self.section == "Tracks":
            yield from self._track(_value(element))
        elif depth == 4 and tag == "dict" and self.section == "Playlists":
            yield from self._playlist(_value(element))
        elif depth == 6 and tag == "dict" and self.section == "Playlists":  # an item: a list may hold all tracks there are
            self.items.append(_value(element).get("Track ID"))
            parent.remove(element)
        self.stack.pop()
        if depth in (3, 4):
            parent.remove(element)

    def _track(self, track: dict) -> Iterator:
        number, own = track.get("Track ID"), plain(track.get("Persistent ID"))
        key = own or (str(number) if number is not None else None)
        if is_no_music(track):
            self.counts["other"] += 1
            key = None
        elif key in self.taken:
            yield Refused("track", f"{key} {track.get('Name', '')}", f"Persistent ID {key} comes twice; the first one is kept", track)
        else:
            self.taken.add(key or "")
            yield from self.keep_track(track)
        if isinstance(number, int):
            self.ids[number] = key

    def _playlist(self, playlist: dict) -> Iterator:
        items, self.items = self.items, []
        playlist.pop("Playlist Items", None)
        if playlist.get("Master") or "Distinguished Kind" in playlist:
            self.counts["own"] += 1
            return
        key = plain(playlist.get("Playlist Persistent ID")) or str(playlist.get("Playlist ID") or playlist.get("Name"))
        parent = plain(playlist.get("Parent Persistent ID"))
        position = self.places[parent] = self.places.get(parent, -1) + 1
        tracks = []
        for place, number in enumerate(items):
            if not isinstance(number, int) or number not in self.ids:
                yield Refused("playlist_item", f"{key} place {place + 1}", f"names a track that is not in the library: {number!r}"[:300])
            else:
                tracks.append(self.ids[number])
        self.counts["playlists"] += 1
        yield from self.keep_playlist({"external_id": key, "parent": parent, "position": position, "playlist": playlist, "tracks": tracks})

    def held(self, node: dict) -> int | None:
        return len(node["tracks"])

    def _finish(self) -> Iterator:
        if "Tracks" not in self.sections:
            raise UnknownSource(f"{self.path} is a property list without tracks: no library; {EXPORT}")
        yield from self.flush_tracks()
        yield Complete("track")
        if "Playlists" in self.sections:
            yield from self.flush_playlists()
            yield Complete("playlist", total=self.counts["playlists"])
        for name, text in (("other", "podcasts, films and the like left out"), ("own", "lists that iTunes makes itself left out")):
            if self.counts[name]:
                yield Note(f"{self.counts[name]:,} {text}")


def _value(element) -> Any:
    """A property list's element as plain data."""
    match element.tag:
        case "dict":
            keys = [child.text or "" for child in element if child.tag == "key"]
            return dict(zip(keys, (_value(child) for child in element if child.tag != "key")))
        case "array":
            return [_value(child) for child in element]
        case "true" | "false":
            return element.tag == "true"
        case "integer":
            try:
                return int(element.text or "")
            except ValueError:
                return element.text
        case "data":
            return "".join((element.text or "").split())
        case _:
            return element.text or ""


def is_no_music(track: dict) -> bool:
    """Whether it is a podcast, a film, a book; a music video is music."""
    return any(track.get(name) is True for name in NO_MUSIC) or (track.get("Has Video") is True and track.get("Music Video") is not True)


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the TrackRow of a track, or the PlaylistRow of a playlist and its PlaylistItemRows. Raises PayloadError.

    A rating that iTunes computed from the album's is nobody's and left out.
    """
    payload = guarded(kind, payload, PAYLOADS, "iTunes")
    if kind == "playlist":
        yield from _playlist_rows(payload)
    else:
        yield _track_row(payload)


def _track_row(t: dict) -> Row:
    path, title = local_path(t.get("Location")), plain(t.get("Name"))
    number = t.get("Track ID")
    key = plain(t.get("Persistent ID")) or (str(number) if type(number) is int else plain(number))
    name = title or (path and name_of(path))
    if not key:
        raise PayloadError(f"track {name or '(no name)'!r} has no Persistent ID and no Track ID")
    if not name:
        raise PayloadError(f"track {key} has neither a name nor a location")
    artist, album, released = plain(t.get("Artist")), plain(t.get("Album")), iso_date(_day(t.get("Release Date")))
    said: Said = {
        "title": title,
        "artists": [artist] if artist else None,
        "composers": names(t.get("Composer")),
        "album": album,
        "album_artists": names(t.get("Album Artist")),
        "album_type": "compilation" if t.get("Compilation") is True else None,
        "track_no": integer(t.get("Track Number"), 1, 9999),
        "disc_no": integer(t.get("Disc Number"), 1, 9999),
        "track_total": integer(t.get("Track Count"), 1, 9999),
        "duration_ms": integer(t.get("Total Time"), 1, 7 * 86_400_000),
        "genres": names(t.get("Genre")),
        "year": integer(t.get("Year"), 1000, 2999),
        "release_date": released and released[0],
        "release_date_precision": released and released[1],
        "bpm": bpm(t.get("BPM")),
        "rating": None if t.get("Rating Computed") is True else stars(t.get("Rating"), "100"),
        "comment": plain(t.get("Comments")),
        "grouping": plain(t.get("Grouping")),
        "explicit": True if t.get("Explicit") is True else None,
        "liked": True if t.get("Loved") is True or t.get("Favorited") is True else None,
        "play_count": integer(t.get("Play Count"), 1),
        "added_at": utc(plain(t.get("Date Added"))),
        "last_played_at": utc(plain(t.get("Play Date UTC"))),
        "path": path,
    }
    said = {field: value for field, value in said.items() if value is not None}
    return {
        "row": "track",
        "external_id": key,
        "title": name,
        "artists": said.get("artists", []),
        "album": album,
        "duration_ms": said.get("duration_ms"),
        "release_date": said.get("release_date"),
        "said": said,
    }


def _playlist_rows(payload: dict) -> Iterator[Row]:
    playlist, key = payload.get("playlist"), plain(payload.get("external_id"))
    if not key or not isinstance(playlist, dict):
        raise PayloadError("a playlist without external_id or dictionary")
    yield {
        "row": "playlist",
        "external_id": key,
        "name": plain(playlist.get("Name")) or "untitled",
        "kind": "folder" if playlist.get("Folder") is True else "smart" if "Smart Info" in playlist else "playlist",
        "description": plain(playlist.get("Description")),
        "parent_external_id": plain(payload.get("parent")),
        "position": integer(payload.get("position"), 0),
    }
    tracks = payload.get("tracks")
    if playlist.get("Folder") is True:
        return  # what a folder lists is what its lists hold
    for position, track in enumerate(tracks if isinstance(tracks, list) else ()):
        yield {"row": "playlist_item", "playlist_external_id": key, "position": position, "track_external_id": plain(track)}



def _day(value: Any) -> str | None:
    text = plain(value)
    return text and text[:10]  # the time of day is always noon
