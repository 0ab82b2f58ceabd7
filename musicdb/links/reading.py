"""What the matcher reads: which observations have no track or changed, and the observations of tracks that these may be. Reads only.

Everything is read when much is new. Else each new observation asks the indexes for its ids, key, sound, file and words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from .. import text
from ..matching.lookup import near as near_tracks
from ..matching.record import renamed
from ..matching.signs import TRACK_IDS, Seen, bare_id, clean_isrc, folded_path
from . import aliases as other_names

if TYPE_CHECKING:
    from ..db import Database

MAKES_TRACKS = ("files", "dj", "streaming", "collection")
SMALL = 5_000  # observations that are always read whole
SHARE = 100  # fewer than one in so many new: only what they need is read
WAITING = """
select p.id from platform_tracks as p indexed by ix_pt_key
where not exists (select 1 from track_links as k where k.platform_track_id = p.id and k.status in ('auto', 'confirmed'))
"""
TRIED = """
select p.id, p.in_library = 0 or p.missing_since is not null or s.kind not in ('files', 'dj', 'streaming', 'collection'), p.fetched_at
from json_each(?) as j cross join platform_tracks as p on p.id = j.value cross join platforms as s on s.name = p.platform
"""
STAMP = "select max(created_at) from operations where type = 'link' and status = 'completed'"
NEWER = "select p.id, p.fetched_at from platforms as s cross join platform_tracks as p on p.platform = s.name and p.fetched_at > ?"
SAID = """
select max(
  coalesce((select max(decided_at) from decisions where entity in ('link', 'pair')), ''),
  coalesce((select max(decided_at) from decisions indexed by ix_dec_merge where field = 'merged_into'), ''),
  coalesce((select max(created_at) from operations where type in ('alias', 'undo', 'redo')), ''))
"""  # when a person last said something that may lead an observation to a track
SEEN = """
select p.id, p.platform, p.external_id, p.in_library, p.match_key, p.duration_ms, p.isrc, p.album, p.title, p.artists,
  json_extract(p.said, '$.version', '$.ids', '$.path'), f.path, f.audio_hash, k.assigned_track_id, p.missing_since
from {these}
left join media_files as f on f.platform_track_id = p.id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
"""
SOME = "json_each(?) as j cross join platform_tracks as p on p.id = j.value"
NOTHING = "[null,null,null]"
APART = """
select a.id, b.id from decisions as d
join track_ids as a on a.track_uid = substr(d.entity_key, 1, instr(d.entity_key, ' ') - 1)
join track_ids as b on b.track_uid = substr(d.entity_key, instr(d.entity_key, ' ') + 1)
where d.id in (select max(id) from decisions where entity = 'pair' and field = 'same' group by entity_key) and d.value = 'false'
"""
OF_TRACKS = """
select k.platform_track_id from json_each(?) as j
cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
"""
UNRESOLVED = """
select distinct k.track_id from track_links as k indexed by ix_link_track
where k.status in ('auto', 'confirmed') and not exists (select 1 from resolved as r where r.track_id = k.track_id)
"""
TRACK_OF = "select k.track_id from track_links as k where k.status in ('auto', 'confirmed') and k.platform_track_id = "
BY_KEY = "select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') where p.match_key = ?"
BY_MARK = "select entity_id from external_ids where scheme = ? and value = ? and entity_type = 'track'"
BY_SOUND = "select k.track_id from media_files as f join track_links as k on k.platform_track_id = f.platform_track_id and k.status in ('auto', 'confirmed') where f.audio_hash = ?"
PATHS = """
select p.id, json_extract(p.said, '$.path') from platforms as s cross join platform_tracks as p on p.platform = s.name
where s.kind in ('dj', 'files') and s.name <> 'local' and json_extract(p.said, '$.path') is not null
"""


class Reader:
    """What there is to do and to read. new: observations without a track to look at; old: those that found nothing before; changed:
    linked ones that were imported again since the last run; whole: whether everything is to be read.
    """

    def __init__(self, db: Database):
        self.db = db
        self.stamp = db.value(STAMP)
        waiting = [id for (id,) in db.execute(WAITING)]
        self.newest = ""
        self.new, self.old, self.changed = set(waiting), set(), set()
        if self.stamp is None:
            self.whole = True
        else:
            newer = dict(db.execute(NEWER, [self.stamp]).fetchall())
            self.newest = max(newer.values(), default="")
            self.changed = set(newer).difference(waiting)
            said = db.value(SAID) if waiting else ""
            self.newest = max(said, self.newest)
            if waiting and said <= self.stamp:
                tried = db.execute(TRIED, [_json(waiting)])
                self.old = {id for id, never_makes, fetched in tried if never_makes and fetched is not None and fetched < self.stamp}
                self.new -= self.old
            total = db.value("select max(id) from platform_tracks") or 0
            self.whole = bool(self.nothing) or total <= SMALL or SHARE * (len(self.new) + len(self.changed)) > total
            if not self.whole:
                self.unresolved = {track for (track,) in db.execute(UNRESOLVED)}
                self.whole = SHARE * len(self.unresolved) > total

    @property
    def nothing(self) -> bool:
        """Whether nothing is new since the last run."""
        return not (self.new or self.changed)

    @cached_property
    def aliases(self) -> other_names.Known | None:
        """Other names, None where there are none."""
        return other_names.known(self.db) or None

    @cached_property
    def platforms(self) -> dict[str, tuple[str, int]]:
        """name -> (kind, priority)"""
        return {name: (kind, priority) for name, kind, priority in self.db.execute("select name, kind, priority from platforms")}

    @cached_property
    def paths(self) -> list[tuple[int, str, str]]:
        """(observation, path, the same without case) of every file."""
        return [(one, path, folded_path(path)) for one, path in self.db.execute("select platform_track_id, path from media_files")]

    @cached_property
    def twice(self) -> set[str]:
        """Paths without case that several files have: a file system that tells cases apart, so only the exact name counts."""
        return {folded for folded, n in Counter(folded for _, _, folded in self.paths).items() if n > 1}

    def all(self) -> list[Seen]:
        """Every observation; those that say most come first, so what is matched does not depend on which platform came first."""
        return self._ordered(self.db.execute(SEEN.format(these="platform_tracks as p")))

    def some(self, ids: Collection[int]) -> list[Seen]:
        """These observations, in the order of `all`."""
        return self._ordered(self.db.execute(SEEN.format(these=SOME), [_json(sorted(ids))])) if ids else []

    def of_track(self, track: int) -> list[Seen]:
        """Observations that the matcher or a person gave to a track, by id."""
        sql = "select platform_track_id from track_links where assigned_track_id = ? and status in ('auto', 'confirmed') order by 1"
        return sorted(self.some([id for (id,) in self.db.execute(sql, [track])]), key=lambda one: one.id)

    def near(self, ones: list[Seen], aliases: other_names.Known | None) -> list[Seen]:
        """All observations of the tracks that these may be."""
        tracks = set(self.unresolved)
        for one in ones:
            tracks.update(self._marked(one))
            tracks.update(near_tracks(self.db, one.record(aliases)))
        tracks |= self._same_file(ones)
        ids = {id for (id,) in self.db.execute(OF_TRACKS, [_json(sorted(tracks - {None}))])}
        return [one for one in self.some(ids) if one.track is not None]

    def _marked(self, one: Seen) -> Iterator[int]:
        asks: list[tuple[str, list]] = [(BY_KEY, [one.key])]
        asks += [(BY_MARK, [*mark]) for mark in one.ids]
        if one.isrc:
            asks.append((BY_MARK, ["isrc", one.isrc]))
        if one.audio:
            asks.append((BY_SOUND, [one.audio]))
        if one.track is not None:
            asks.append((TRACK_OF + "?", [one.id]))
        for sql, values in asks:
            for (track,) in self.db.execute(sql, values):
                yield track

    def _same_file(self, ones: Iterable[Seen]) -> set[int]:
        wanted = {one.folded or folded_path(one.path) for one in ones if one.path}
        if not wanted:
            return set()
        found = {one for one, _, folded in self.paths if folded in wanted}
        found.update(one for one, path in self.db.execute(PATHS) if isinstance(path, str) and folded_path(path) in wanted)
        return {track for one in sorted(found) for (track,) in self.db.execute(TRACK_OF + "?", [one])}

    def _ordered(self, rows: Iterable[tuple]) -> list[Seen]:
        platforms, aliases = self.platforms, self.aliases
        found = []
        for row in rows:
            one = self._seen(row, platforms[row[1]][0])
            if aliases:
                _rename(one, aliases)
            found.append(one)
        if any(one.path for one in found):
            for one in found:
                if one.folded in self.twice:
                    one.folded = None
        found.sort(key=lambda one: (not one.in_library, one.duration_ms is None, platforms[one.platform][1], one.id))
        return found

    @staticmethod
    def _seen(row: tuple, kind: str) -> Seen:
        key, platform, external_id, in_library, match_key, duration, isrc, album, title, artists, more, path, audio, track, missing = row
        version, named = None, {}
        if more is not None and more != NOTHING:
            version, named, said_path = msgspec.json.decode(more)
            named = named if isinstance(named, dict) else {}
            path = path or (said_path if isinstance(said_path, str) else None)
        marks = [(s, bare_id(v)) for s, v in named.items() if s in TRACK_IDS and isinstance(v, str) and v.strip()] if named else []
        if platform in TRACK_IDS and (platform, bare := bare_id(external_id)) not in marks:
            marks.append((platform, bare))
        isrc = clean_isrc(isrc or named.get("isrc"))
        if isinstance(version, str):
            title = text.full_title(title, version)
        makes = bool(in_library) and kind in MAKES_TRACKS and missing is None
        folded = folded_path(path) if path else None
        return Seen(
            key, platform, external_id, bool(in_library), match_key, duration, isrc, album, title, marks, path, folded, audio, artists, track, makes
        )


def told_apart(db: Database) -> list[tuple[int, int]]:
    """Pairs of tracks, as they were named then, of which a person said that they are two recordings."""
    return db.execute(APART).fetchall()


def _rename(one: Seen, aliases: other_names.Known) -> None:
    """Give it the key that it has under the names that its own stand for."""
    names = tuple(n for n in msgspec.json.decode(one.artists or "[]") if isinstance(n, str))
    title, said = renamed(one.title, names, aliases)
    if (title, said) != (one.title, names):
        one.key = text.match_key(title, said)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
