"""Streaming reader of Rekordbox's XML export: elements to pages. No file of a size that people have fills the memory.

Refuses what Rekordbox does not write: entities (defusedxml), endless elements, endless depth, other formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import BadInput, UnknownSource
from ..shapes import Complete, Refused
from ..units import integer
from ._library_pages import Pages
from ._places import external_id_of
from ._xml import MAX_BYTES, events, whole

__all__ = ["EXPORT", "MAX_BYTES", "external_id_of", "pages"]

EXPORT = "in Rekordbox choose File > Export Collection in xml format and give that file"
MAX_MARKS = 200_000
OTHER_XML = {
    "plist": "an Apple property list, perhaps an iTunes library: use `musicdb import itunes`",
    "NML": "a Traktor collection: use `musicdb import traktor`",
}


def pages(path: Path) -> Iterator:
    """Yield Page, Refused and Complete of an export, a page of tracks at a time; see `rekordbox` for the payloads."""
    reader = _Reader(path)
    for event, element in events(path, "Rekordbox", EXPORT):
        if event == "start":
            reader.start(element)
        else:
            yield from reader.end(element)
    yield from reader.finish()


class _Reader(Pages):
    """Elements of the export to pages. Keeps the open elements only, never the tree."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.root_seen, self.stack = path, False, []
        self.ids: set[str] = set()
        self.by_location: dict[str, str] = {}
        self.tempo: list[dict] = []
        self.marks: list[dict] = []
        self.folders: list[dict] = []  # open NODEs, outermost first
        self.places: dict[str | None, int] = {}  # parent -> number of children so far
        self.lists: dict[str, int] = {}  # external id of a playlist -> entries that count
        self.playlists_seen = False

    def start(self, element) -> None:
        tag = element.tag
        if not self.root_seen:
            self._root(tag)
        self.stack.append(element)
        if tag == "COLLECTION":
            self.total = integer(element.get("Entries"), 0)
        elif tag == "PLAYLISTS":
            self.playlists_seen = True
        elif tag == "NODE" and self.playlists_seen:
            self._open_node(dict(element.attrib))

    def _root(self, tag: str) -> None:
        if tag == "MASTER_PLAYLIST":
            raise UnknownSource(f"{self.path.name}: this is Rekordbox's playlist index; {EXPORT}")
        if tag != "DJ_PLAYLISTS":
            what = OTHER_XML.get(tag, f"an XML of another kind (<{tag[:40]}>)")
            raise UnknownSource(f"{self.path} is {what}; for Rekordbox: {EXPORT}")
        self.root_seen = True
        whole(self.path, b"</DJ_PLAYLISTS", "export it again")

    def end(self, element) -> Iterator:
        tag, parent = element.tag, self.stack[-2].tag if len(self.stack) > 1 else None
        if tag == "TEMPO" and parent == "TRACK":
            self._mark(self.tempo, element)
        elif tag == "POSITION_MARK" and parent == "TRACK":
            self._mark(self.marks, element)
        elif tag == "TRACK" and parent == "COLLECTION":
            yield from self._track(dict(element.attrib))
        elif tag == "TRACK" and parent == "NODE" and self.folders:
            self.folders[-1]["entries"].append(element.get("Key", ""))
        elif tag == "NODE" and self.folders:
            yield from self._close_node()
        self.stack.pop()
        if self.stack:
            self.stack[-1].remove(element)

    def _mark(self, marks: list[dict], element) -> None:
        marks.append(dict(element.attrib))
        if len(marks) > MAX_MARKS:
            raise BadInput(f"{self.path} has a track with more than {MAX_MARKS} marks: not from Rekordbox")

    def _track(self, attributes: dict) -> Iterator:
        item = {"attributes": attributes, "tempo": self.tempo, "position_mark": self.marks}
        self.tempo, self.marks = [], []
        track_id = (attributes.get("TrackID") or "").strip()
        if track_id and track_id in self.ids:
            reason = f"TrackID {track_id} comes twice; the first one is kept"
            yield Refused("track", f"{track_id} {attributes.get('Location', '')}", reason, item)
            return
        self.ids.add(track_id)
        if track_id and (location := attributes.get("Location")):
            self.by_location.setdefault(location, track_id)
        yield from self.keep_track(item)

    def _open_node(self, attributes: dict) -> None:
        if not self.folders and attributes.get("Type") == "0" and attributes.get("Name", "").upper() == "ROOT":
            self.folders.append({"external_id": None, "path": [], "entries": []})
            return
        above = self.folders[-1] if self.folders else {"external_id": None, "path": []}
        parent, name = above["external_id"], attributes.get("Name", "")
        external_id = external_id_of(name, parent, self.lists)
        self.lists[external_id] = 0
        position = self.places.get(parent, 0)
        self.places[parent] = position + 1
        node = {"external_id": external_id, "parent": parent, "path": above["path"], "position": position}
        node |= {"attributes": attributes, "entries": []}
        self.folders.append(node)
        if attributes.get("Type") == "0":  # a folder is stored before what it holds
            self.playlists.append(node)
            self.folders[-1] = {**node, "path": [*above["path"], name], "entries": []}

    def _close_node(self) -> Iterator:
        node = self.folders.pop()
        if node["external_id"] is None or node["attributes"].get("Type") == "0":
            return
        by_location = node["attributes"].get("KeyType") == "1"
        found = [self.by_location.get(key) if by_location else key.strip() for key in node["entries"]]
        tracks = [track if track and track in self.ids else None for track in found]
        for place, (key, track) in enumerate(zip(node["entries"], tracks)):
            if track is None:
                reason = f"names a track that is not in the collection: {key[:200]!r}"
                yield Refused("playlist_item", f"{node['external_id']} place {place + 1}", reason)
        self.lists[node["external_id"]] = len(tracks) - tracks.count(None)
        yield from self.keep_playlist(node if tracks == node["entries"] else {**node, "tracks": tracks})

    def held(self, node: dict) -> int | None:
        return None if node["attributes"].get("Type") == "0" else self.lists[node["external_id"]]

    def finish(self) -> Iterator:
        yield from self.flush_tracks()
        yield Complete("track", total=self.total)
        if self.playlists_seen:
            yield from self.flush_playlists()
            yield Complete("playlist", total=len(self.lists))
