"""The XML that Rekordbox imports, as a place that playlists are written to: lists in folders, tracks that it has not with cues and beat grid, ratings and
cues by an approved step. What others wrote in the file stays as it stands, byte by byte.

The format gives lists no id: ours carry a comment with theirs, which other programs overlook. Where Rekordbox wrote the file anew (File >
Export Collection), that is gone, and `xml-lists.json` beside the backups says which path was which list; a path that is there twice is nobody's.
A track is known by its place: "local/ID" of your file, else by its TrackID, which is Rekordbox's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, NotLinked, SourceError, Transient
from ..exports import names
from ..exports import rekordbox_xml as writer
from ..platforms import rekordbox as importer
from ..playlists import states
from ..playlists.targets import Backup, CannotRestore, Step
from . import _pair, _xml_library
from ._tree import Kept, Tree, from_the_top
from ._xml_library import Library, Node

THEIRS = "select p.external_id, p.said ->> '$.path' from json_each(?) as j cross join platform_tracks as p on p.platform = 'rekordbox' and p.external_id = j.value"
FILES = "select f.path, 'local/' || p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id"
KEEP = 20  # backups


def open(db: Any, place: str = "", *, backups: Path | None = None, **options: Any) -> RekordboxXml:
    """Open a file (place), which is made by the first write. backups: where to keep them, else beside the musicdb database. Raises BadInput."""
    if not place:
        raise BadInput("which file? For instance: musicdb sync --plan --to rekordbox_xml --place rekordbox_xml=~/Music/rekordbox.xml")
    path = Path(os.path.abspath(Path(place).expanduser()))
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name the file, for instance {path / 'rekordbox.xml'}")
    return RekordboxXml(db, str(path), path, backups or Path(db.path).absolute().parent / "backups")


class RekordboxXml(Tree):
    """A target, see `playlists.targets.Target`. Its tracks go by ids of Rekordbox or, where that has none, of your files (`states.ALSO`)."""

    name = platform = "rekordbox_xml"
    title = "Rekordbox XML"

    def __init__(self, db: Any, place: str, path: Path, backups: Path):
        self.path, self.backups, self.what = path, backups, str(path)
        super().__init__(db, place)

    def _forget(self) -> None:
        super()._forget()
        self.library: Library | None = None
        self.nodes: dict[str, Node] = {}
        self.key_of: dict[str, str] = {}  # TrackID -> key
        self.number_of: dict[str, str] = {}  # key -> TrackID
        self.entries: dict[str, tuple] = {}  # of tracks that the file has not, as far as they were asked for
        self.told: dict[str, dict[str, Any]] = {}  # key -> what is to be said of it: {"rating": stars, "cues": [...]}

    # ---- reading
    def load(self) -> dict[str, Kept]:
        try:
            data = self.path.read_bytes() if self.path.is_file() else _xml_library.EMPTY
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read ({error.strerror or error}): nothing is concluded from that") from error
        if data is _xml_library.EMPTY and (n := self.db.value("select count(*) from playlist_links where platform = ? and place = ?", [self.name, self.place])):
            raise SourceError(f"{self.path} is not there, but {n} of your lists are kept in it: export it from Rekordbox again, or unlink them. Nothing is concluded from that")
        self.library = _xml_library.parse(data, self.path)
        self._keys()
        found: dict[str, Kept] = {}
        top = self.library.root.nodes() if self.library.root else []
        nodes = list(_xml_library.from_the_top(top))
        known = self._known_places([node for node, _ in nodes])
        ids: dict[Node | None, str] = {}
        for node, above in nodes:
            mark = node.mark or known.get(node.place)
            id = mark if mark and mark not in found else node.place
            ids[node] = id
            self.nodes[id] = node
            keys = [self._key(key, node) for key in node.keys]
            found[id] = Kept(id, node.name, "folder" if node.is_folder else "playlist", ids.get(above), keys, id == mark, node)
        return found

    def _known_places(self, nodes: list[Node]) -> dict[str, str]:
        """{place: id of ours}, for a file that another program wrote anew; where it still has our marks, these say it all."""
        if any(node.mark for node in nodes):
            return {}
        twice = {node.place.rpartition("#")[0] for node in nodes if "#" in node.place}
        return {place: id for id, place in self._journal().get("lists", {}).items() if place not in twice and "#" not in place}

    def _keys(self) -> None:
        """What each TRACK is: your file of that place, else its number; a number that is another file's in Rekordbox is of another library."""
        tracks = self.library.tracks
        by_path = {states.slashed(path): key for path, key in self.db.execute(FILES)}
        theirs = dict(self.db.execute(THEIRS, [msgspec.json.encode(list(tracks)).decode()]).fetchall())
        for number, track in tracks.items():
            path = importer.path_of(track.location)
            there = states.slashed(theirs.get(number) or "")
            is_other = path and there and path.rpartition("/")[2].casefold() != there.rpartition("/")[2].casefold()
            key = by_path.get(path or "", f"other/{number}" if is_other else number)
            self.key_of[number] = key
            self.number_of.setdefault(key, number)

    def _key(self, key: str, node: Node) -> str:
        if node.attributes.get("KeyType") == "1":  # by place
            key = self.library.by_location.get(key, key)
        return self.key_of.get(key, key)

    # ---- writing
    def known(self, keys: Sequence[str]) -> None:
        """Raises NotLinked for a track that is neither in the file nor has a place that could be written there."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.number_of and key not in self.entries]
        if missing:
            self.entries |= self._entries(missing)
        if lost := [key for key in missing if key not in self.entries]:
            raise NotLinked(f"{lost[0]} has no file, and {self.path.name} does not know it: `musicdb import files` reads what is there")

    def _entries(self, keys: Sequence[str]) -> dict[str, tuple]:
        """{key: (track, what is said of it, its TrackID, location, further attributes)}."""
        rows = states.rows_of(self.db, self.platform, keys)
        uids = states.keys(self.db, rows.values())
        tracks = states.track_ids(self.db, [uid for uid in uids.values() if "/" not in uid])
        by_key = {key: tracks[uids[row]] for key, row in rows.items() if uids.get(row) in tracks}
        entries, numbers = writer.collected(self.db, set(by_key.values()), writer.Report(self.path))
        found = dict(zip(numbers, entries, strict=True))
        return {key: (track, *found[track]) for key, track in by_key.items() if track in found}

    def apply(self, step: Step) -> dict[str, Any]:
        if step.action not in ("rate", "cues"):
            return super().apply(step)
        self.opened()
        if step.key not in self.number_of:
            raise BadInput(f"{self.path.name} has no track {step.key} any more; make a new plan")
        self.told.setdefault(str(step.key), {}).update(step.value or {})
        return {}

    def changed(self) -> bool:
        return bool(self.told) or super().changed()

    def write(self) -> None:
        library, lists = self.library, self.opened()
        numbers = dict(self.number_of)
        new = self._new_tracks(lists, numbers)
        changed = {library.tracks[numbers[key]].start: self._told(key, numbers[key]) for key in self.told}
        self._arrange(lists, numbers)
        data = _xml_library.render(library, new, changed)
        wanted = {id: (one.name, one.parent, one.items) for id, one in lists.items() if one.ours}
        before = {number: track.location for number, track in library.tracks.items()}
        self._checked(data, wanted, before)
        if _hash(self.path) != hashlib.sha256(library.data).hexdigest() and not (library.data == _xml_library.EMPTY and not self.path.exists()):
            raise Transient(f"{self.path} was changed by another program meanwhile: nothing was written; make a new plan")
        names.replace(self.path, data)
        self._remember(data)

    def _new_tracks(self, lists: Mapping[str, Kept], numbers: dict[str, str]) -> list[str]:
        """Lines of TRACKs that the file has not; their numbers are put into `numbers`."""
        missing = [key for key in dict.fromkeys(key for one in lists.values() if one.ours for key in one.items) if key not in numbers]
        taken, lines = set(self.library.tracks), []
        if unknown := [key for key in missing if key not in self.entries]:
            self.entries |= self._entries(unknown)
        entries = self.entries
        for key in missing:
            if key not in entries:
                continue  # a number that a list of ours names and the collection has not: it stays as it is
            track, said, number, location, more = entries[key]
            number = key if key.isdigit() else number
            free = int(writer.OWN_IDS + track)
            while number in taken:
                number, free = str(free), free + 1
            taken.add(number)
            numbers[key] = number
            lines += writer.track(said, number, location, more)
        return lines

    def _told(self, key: str, number: str) -> bytes:
        value = self.told[key]
        rating = None if "rating" not in value else (value["rating"] or 0) * 51
        cues = None if "cues" not in value else [_xml_library.written(_texts(writer.mark(cue))) for cue in value["cues"] or ()]
        return _xml_library.marked(self.library.data, self.library.tracks[number], rating=rating, cues=cues)

    def _arrange(self, lists: Mapping[str, Kept], numbers: Mapping[str, str]) -> None:
        """Bring the nodes to what the lists say."""
        library = self.library
        if library.root is None:
            library.root = Node({"Type": "0", "Name": "ROOT"})
        for id, node in list(self.nodes.items()):
            old = self.was[id]
            if id not in lists or lists[id].parent != old.parent:
                (self.nodes[old.parent] if old.parent else library.root).inner.remove(node)
        for one in from_the_top(lists):
            node = self.nodes.get(one.id)
            if node is None:
                kind = {"Type": "0"} if one.kind == "folder" else {"Type": "1", "KeyType": "0"}
                node = self.nodes[one.id] = Node({"Name": one.name, **kind}, mark=one.id)
            old = self.was.get(one.id)
            if old is None or old.parent != one.parent:
                (self.nodes[one.parent] if one.parent else library.root).inner.append(node)
            if one.ours:
                node.mark = one.id
                node.attributes["Name"] = one.name
                if one.kind != "folder" and (old is None or old.items != one.items):
                    if node.attributes.get("KeyType") == "1":
                        node.attributes["KeyType"] = "0"
                    node.keys = [numbers.get(key, key) for key in one.items]

    def _checked(self, data: bytes, wanted: Mapping[str, tuple], before: Mapping[str, str]) -> None:
        """Read what was made before it becomes the file: lists as they were to be, no track lost."""
        again = _xml_library.parse(data, self.path)
        found = {node.mark: node for node, _ in _xml_library.from_the_top(again.root.nodes() if again.root else []) if node.mark}
        wrong = [name for id, (name, _, items) in wanted.items() if id not in found or len(found[id].keys) != (0 if found[id].is_folder else len(items))]
        lost = [number for number, location in before.items() if number not in again.tracks or again.tracks[number].location != location]
        if wrong or lost:
            raise SourceError(f"{self.path}: what was made is not as it was to be ({(wrong or lost)[0]!r}): nothing was written")

    # ---- backups
    def backup(self) -> Backup:
        self.opened()
        if not self.path.is_file():
            return Backup({"file": None, "sha256": None})
        to = self.backups / f"rekordbox-xml-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}.xml"
        part = to.with_name(f".{to.name}.part")
        try:
            self.backups.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(self.path, part)
            _pair.flush(part)
            digest = _hash(part)
            if digest != _hash(self.path):
                raise Transient(f"{self.path} was changed while it was copied: nothing was written; make a new plan")
            os.replace(part, to)
        except OSError as error:
            raise SourceError(f"{self.backups}: no backup could be written ({error.strerror or error}); nothing was changed") from error
        finally:
            part.unlink(missing_ok=True)
        for old in sorted(self.backups.glob("rekordbox-xml-*.xml"))[:-KEEP]:
            old.unlink(missing_ok=True)
        return Backup({"file": str(to), "sha256": digest})

    def restore(self, backup: Mapping[str, Any]) -> None:
        """Put a backup back. CannotRestore where another program has written since: then inverse steps are applied."""
        if not backup:
            raise CannotRestore("there is no backup of this write")
        now = _hash(self.path)
        if now == backup["sha256"]:
            return
        if now != self._journal().get("hash"):
            raise CannotRestore(f"{self.path} was written to since: the backup would take that away")
        if backup["file"] is None:
            self.path.unlink(missing_ok=True)
        elif _hash(Path(backup["file"])) != backup["sha256"]:
            raise SourceError(f"{backup['file']} is not as it was backed up; choose an older one")
        else:
            data = Path(backup["file"]).read_bytes()
            names.replace(self.path, data)
            self._remember(data)
        self._forget()

    def _journal(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.backups / "xml-lists.json").read_text("utf-8")).get(str(self.path), {}))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise SourceError(f"{self.backups / 'xml-lists.json'} cannot be read ({error}); move it away if it is damaged") from error

    def _remember(self, data: bytes) -> None:
        """Which path is which list of ours, and what the file is now. The marks in the file count before it."""
        again = _xml_library.parse(data, self.path)
        places = {node.mark: node.place for node, _ in _xml_library.from_the_top(again.root.nodes() if again.root else []) if node.mark}
        path = self.backups / "xml-lists.json"
        try:
            told = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            told = {}
        told[str(self.path)] = {"hash": hashlib.sha256(data).hexdigest(), "lists": places}
        names.replace(path, json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape"))

    # ---- cues and ratings
    def marks(self) -> dict[str, dict[str, Any]]:
        """{key: {"rating": 1 to 5 or None, "cues": [...]}} of the tracks in lists of ours."""
        lists = self.opened()
        keys = {key for one in lists.values() if one.ours for key in one.items if key in self.number_of}
        tracks = {key: self.library.tracks[self.number_of[key]] for key in keys}
        found = {key: _xml_library.cues(self.library.data, track) if track.cues else [] for key, track in tracks.items()}
        return {key: {"rating": importer.stars(track.rating, "rekordbox_xml"), "cues": _cues(found[key])} for key, track in tracks.items()}

    def said(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The same as the library says it."""
        found = {key: entry[1] for key, entry in self._entries(keys).items()}
        return {key: {"rating": one.get("rating"), "cues": _cues(map(_texts, map(writer.mark, one.get("cues", ()))))} for key, one in found.items()}



def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in attributes.items()}


def _cues(marks: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Cues as the importer reads POSITION_MARKs, in order of time."""
    cues = [dict(cue) for mark in marks if (cue := importer._cue(dict(mark)))]
    return sorted(cues, key=lambda cue: (cue["start_ms"], cue["type"], cue.get("num", -1)))


def _hash(path: Path) -> str | None:
    return _pair.sha256(path) if path.is_file() else None
