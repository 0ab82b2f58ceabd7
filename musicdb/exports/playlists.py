"""Playlists between databases: one JSON document, tracks told by their uid, ids at streaming services, ISRC, title and artists.

It holds no path of a file and no listening. A track is believed by its uid only where title and artists agree too: two libraries may have
given it twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .. import text
from ..errors import BadInput, UnknownSource
from ..matching.signs import SAME_MS, clean_isrc
from .lists import listings, named
from .names import replace

if TYPE_CHECKING:
    from ..db import Database

VERSION = 1
MAX_BYTES = 256 << 20


class Track(msgspec.Struct, omit_defaults=True):
    """A track as it is told; title with its version, milliseconds."""

    uid: str
    title: str = ""
    artist: str = ""
    duration_ms: int | None = None
    isrcs: list[str] = []
    ids: dict[str, list[str]] = {}  # streaming service -> ids there

    def __str__(self) -> str:
        return f'"{self.title}" ({self.artist})'


class Playlist(msgspec.Struct, omit_defaults=True):
    """A playlist or folder; parent: uid of its folder; items: places in `tracks` of the document, repeats included."""

    uid: str
    name: str
    kind: str = "playlist"
    description: str | None = None
    parent: str | None = None
    items: list[int] = []


class Document(msgspec.Struct):
    """The file."""

    musicdb: str
    version: int
    tracks: list[Track] = []
    playlists: list[Playlist] = []


@dataclass
class Report:
    """What `read` did, in counts of playlists and folders; missing: sentences of places whose track is not here."""

    operation: int | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    places: int = 0
    missing: list[str] = field(default_factory=list)


IDS = """
select k.track_id, p.platform, p.external_id, p.isrc
from json_each(:tracks) as j cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id
cross join platforms as s on s.name = p.platform
where s.kind = 'streaming' or p.isrc is not null
order by p.id
"""


# ---------- out
def write(db: Database, path: Path, names: Collection[str] | None = None, *, of: str | None = None) -> int:
    """Write playlists (by name, None for all; of: those of a platform) to a file; return how many. It is there whole or not at all."""
    document = told(db, names, of=of)
    replace(path.expanduser(), msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    return len(document.playlists)


def told(db: Database, names: Collection[str] | None = None, *, of: str | None = None) -> Document:
    """Return playlists as a document."""
    found = listings(db, names, of)
    uids = {one.id: one.uid for one in found}
    tracks = list(dict.fromkeys(track for one in found for track in one.items))
    rows = named(db, tracks)
    tracks = [track for track in tracks if track in rows]  # of what was linked and not yet resolved nothing is known
    place = {track: n for n, track in enumerate(tracks)}
    isrcs, ids = defaultdict(list), defaultdict(lambda: defaultdict(list))
    streaming = {row.name for row in db.q("select name from platforms where kind = 'streaming'")}
    for track, platform, external_id, isrc in db.execute(IDS, {"tracks": msgspec.json.encode(tracks).decode()}):
        if platform in streaming:
            ids[track][platform].append(external_id)
        if (isrc := clean_isrc(isrc)) and isrc not in isrcs[track]:
            isrcs[track].append(isrc)
    return Document(
        "playlists",
        VERSION,
        [
            Track(r.track_uid, text.full_title(r.title or "", r.version), r.artist_credit or "", r.duration_ms, isrcs[t], {k: v for k, v in ids[t].items()})
            for t in tracks
            for r in (rows[t],)
        ],
        [
            Playlist(
                one.uid, one.name, "folder" if one.kind == "folder" else "playlist", one.description,
                uids.get(one.parent), [place[t] for t in one.items if t in place],
            )
            for one in found
        ],
    )  # fmt: skip


# ---------- in
def read(db: Database, source: Path, *, by: str = "me") -> Report:
    """Take over the playlists of a file as one operation: what is new is made, what is here is brought to the state of the file.

    Places whose track is not here are named in the report and left out; nothing else of a playlist is lost by that: where one is here
    already, tracks of it that the file does not tell are taken out (undo brings them back). Raises BadInput, UnknownSource.
    """
    document, report = _opened(source), Report()
    tracks = [_found(db, one) for one in document.tracks]
    ids: dict[str, int] = {}
    with db.atomic():
        with db.operation("import playlists", actor=by, reason=f"playlists from {source.name}") as op:
            for place, one in enumerate(_folders_first(document.playlists)):
                _take(db, one, ids, tracks, document, report, place)
            op.details = {"new": report.new, "changed": report.changed, "missing": len(report.missing)}
            report.operation = op.id if report.new or report.changed else None
        if report.operation is None:
            db.execute("delete from operations where id = ?", [op.id])  # nothing was done: nothing to undo
    return report


def _opened(source: Path) -> Document:
    try:
        if source.stat().st_size > MAX_BYTES:
            raise BadInput(f"{source} has more than {MAX_BYTES >> 20} MiB")
        raw = source.read_bytes()
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror or error}") from error
    try:
        head = msgspec.json.decode(raw)
        if not isinstance(head, dict) or head.get("musicdb") != "playlists":
            raise UnknownSource(f"{source} holds no playlists of musicdb; `musicdb export playlists FILE` writes such a file")
        if head.get("version") != VERSION:
            raise UnknownSource(f"{source} was written by a newer musicdb (version {head.get('version')}); upgrade musicdb")
        document = msgspec.convert(head, Document)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadInput(f"{source} is damaged or none of ours: {error}; nothing was taken from it") from error
    if wrong := next((one for one in document.playlists if any(not 0 <= n < len(document.tracks) for n in one.items)), None):
        raise BadInput(f"{source}: playlist {wrong.name!r} names a track that the file does not have; nothing was taken from it")
    return document


def _folders_first(lists: list[Playlist]) -> Iterable[Playlist]:
    by_uid, done = {one.uid: one for one in lists}, {}

    def add(one: Playlist, depth: int = 0) -> None:
        if one.uid not in done and depth < 100:  # a folder in itself ends somewhere
            if one.parent in by_uid:
                add(by_uid[one.parent], depth + 1)
            done[one.uid] = one

    for one in lists:
        add(one)
    return done.values()


HERE = "select id, name, description, parent_id, kind, deleted_at from playlists where playlist_uid = ?"
ITEMS = """
select i.id, coalesce(t.merged_into_id, i.track_id) from playlist_items as i left join tracks as t on t.id = i.track_id
where i.playlist_id = ? and i.deleted_at is null order by i.sort_key
"""
NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"


def _take(
    db: Database, one: Playlist, ids: dict[str, int], tracks: list[int | None], document: Document, report: Report, place: int
) -> None:
    parent = ids.get(one.parent or "")
    items = [tracks[n] for n in one.items]
    report.missing += [f"{document.tracks[n]} in {one.name!r}" for n in one.items if tracks[n] is None]
    wanted = [track for track in items if track is not None]
    report.places += len(wanted)
    here = db.one(HERE, [one.uid])
    kind = "folder" if one.kind == "folder" else "playlist"
    if here is None:
        sql = "insert into playlists (playlist_uid, name, kind, description, parent_id, sort_key) values (?, ?, ?, ?, ?, ?)"
        cursor = db.execute(sql, [one.uid, one.name, kind, one.description, parent, f"{place:08d}"])
        id, changed, now = int(cursor.lastrowid or 0), True, []
        report.new += 1
    else:
        id, now = here.id, [tuple(row) for row in db.execute(ITEMS, [here.id])]
        head = (one.name, one.description, parent, None) != (here.name, here.description, here.parent_id, here.deleted_at)
        if head:  # one that was deleted here comes back
            sql = f"update playlists set name = ?, description = ?, parent_id = ?, deleted_at = null, updated_at = {NOW} where id = ?"
            db.execute(sql, [one.name, one.description, parent, id])
        changed = [track for _, track in now] != wanted and kind != "folder"
        report.changed += head or changed
        report.unchanged += not (head or changed)
    ids[one.uid] = id
    if changed and kind != "folder":
        _put(db, id, now, wanted)


def _put(db: Database, playlist: int, now: list[tuple[int, int | None]], wanted: list[int]) -> None:
    """Bring a playlist to these tracks: rows of tracks that stay keep their id, and so when they were added."""
    free = defaultdict(list)
    for id, track in now:
        free[track].append(id)
    kept = [(n, free[track].pop(0) if free[track] else None, track) for n, track in enumerate(wanted)]
    stay = {id for _, id, _ in kept if id}
    gone = [(id,) for id, _ in now if id not in stay]
    db.executemany(f"update playlist_items set deleted_at = {NOW} where id = ?", gone)
    # two rows may not have one key at any moment: first out of the way
    db.executemany("update playlist_items set sort_key = '~' || sort_key where id = ?", [(id,) for id in stay])
    db.executemany("update playlist_items set sort_key = ? where id = ?", [(f"{n:08d}", id) for n, id, _ in kept if id])
    db.executemany(
        f"insert into playlist_items (playlist_id, sort_key, track_id, added_at, added_by) values (?, ?, ?, {NOW}, 'import')",
        [(playlist, f"{n:08d}", track) for n, id, track in kept if not id],
    )


BY_UID = "select coalesce(t.merged_into_id, t.id) as id, t.match_key from track_ids as i join tracks as t on t.id = i.id where i.track_uid = ?"
BY_ID = """
select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.platform = ? and p.external_id = ?
"""
BY_KEY = "select id, duration_ms from tracks where match_key = ? and deleted_at is null and merged_into_id is null"
HAS_ISRC = """
select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = ? and k.status in ('auto', 'confirmed') and p.isrc = ?
"""


def _found(db: Database, told: Track) -> int | None:
    """The track here that is told of, or None where there is none or not clearly one."""
    key = text.match_key(told.title, told.artist)
    own = db.one(BY_UID, [told.uid])
    if own and own.match_key == key:
        return own.id
    for platform, ids in told.ids.items():
        for external_id in ids:
            if (track := db.value(BY_ID, [platform, external_id])) is not None:
                return track
    if key.startswith("|") or key.endswith("|"):
        return None
    rows = db.execute(BY_KEY, [key]).fetchall()
    isrcs = [isrc for one in told.isrcs if (isrc := clean_isrc(one))]
    near = [id for id, ms in rows if ms and told.duration_ms and abs(ms - told.duration_ms) <= SAME_MS]
    best = [id for id, _ in rows if any(db.value(HAS_ISRC, [id, isrc]) for isrc in isrcs)] or near
    return best[0] if len(best) == 1 else None
