"""Releases: which edition each observed release and each album of tagged files is, and what that makes of it. Part of `resolve`.

An observed release keeps the release that it was given (`release_links`), as tracks do; a new one joins an edition only by an exact key
(barcode, label with catalogue number, an id) that the title does not contradict, or by what a person said. Two releases of one platform
are never one, but for a streaming service that lists one barcode twice. Only rows that differ are written; what a person wrote into
these tables stays.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec

from .. import schema, text
from ..schema import NOW
from . import alike, byhand, editions, entities, joining, storing
from .alike import COLUMNS, WORD
from .editions import Edition, Item, Source
from .entities import Entities

if TYPE_CHECKING:
    from ..db import Database

CHILDREN = {  # table: its columns without the release, and how many of them are its key
    "release_artists": (("artist_id", "role", "position"), 3),
    "release_labels": (("label_id", "cat_id", "role"), 2),
    "release_items": (("disc_no", "track_no", "position", "track_id"), 4),
}
NOTED = 1000  # names made at once, above which it is an import and nobody undoes it
BULK = 20_000  # rows from which on the triggers, which would only find that a batch is not logged, are taken off
OBSERVED = """
select r.id, r.platform, r.external_id, r.title, r.said, r.metadata_hash, p.kind
from platform_releases as r
join platforms as p on p.name = r.platform
{only}
order by p.priority, r.id
"""
SIDES = """
select r.id, k.track_id, p.said, p.external_id
from platform_releases as r
cross join platform_tracks as p on p.platform = r.platform and p.release_external_id = r.external_id
cross join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where k.track_id is not null {only}
order by p.id
"""
FILES = """
select p.id, k.track_id, p.said, p.album, p.external_id, f.path
from {these} platform_tracks as p {on}
cross join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
left join media_files as f on f.platform_track_id = p.id
where p.platform = 'local' and p.missing_since is null and p.album is not null and k.track_id is not null
order by p.id
"""
NEAR = """
select p.id from json_each(:tracks) as j
cross join track_links as k on k.track_id = j.value
cross join platform_tracks as p on p.id = k.platform_track_id and p.platform = 'local'
union select platform_track_id from release_files where release_id in (select value from json_each(:releases))
union select platform_track_id from release_files where album_key in (select value from json_each(:keys))
"""
FILED = "select platform_track_id, album_key, release_id from release_files"
LINKED = "select platform_release_id from release_links where status in ('auto', 'confirmed') and release_id in (select value from json_each(?))"
OF_TRACKS = """
select distinct r.id
from track_links as k
cross join platform_tracks as p on p.id = k.platform_track_id
cross join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
where k.track_id in (select value from json_each(?)) and k.status in ('auto', 'confirmed')
"""
STALE = """
select r.id from platform_releases as r
left join release_links as l on l.platform_release_id = r.id and l.status in ('auto', 'confirmed')
where l.id is null or l.metadata_hash is not r.metadata_hash
"""
OF_NAMES = {
    "artist": """
      select release_id from release_artists where artist_id in (select value from json_each(:ids))
      union select r.id from release_groups as g join releases as r on r.release_group_id = g.id
      where g.primary_artist_id in (select value from json_each(:ids))
    """,
    "label": "select release_id from release_labels where label_id in (select value from json_each(:ids))",
    "release_group": "select id from releases where release_group_id in (select value from json_each(:ids))",
}
GROUPS = "select id, release_group_id from tracks where release_group_id is not null and id in (select value from json_each(?))"
ALBUMS = """
select g.id, g.title_norm, ifnull(a.merged_into_id, a.id)
from release_groups as g
left join artists as a on a.id = g.primary_artist_id
where g.id in (select value from json_each(?))
"""
# The year of an album is that of its tracks: the first, but for a compilation the last; without a track of ours that of its first edition.
YEARS = """
select y.year, y.id
from (
  select g.id, g.year as now, coalesce((
    select case g.type when 'compilation' then max(t.year) else min(t.year) end
    from tracks as t
    where t.release_group_id = g.id and t.merged_into_id is null and t.deleted_at is null and t.title is not null
  ), (
    select min(cast(substr(r.release_date, 1, 4) as int)) from releases as r
    where r.release_group_id = g.id and r.deleted_at is null and r.release_date is not null
  )) as year
  from release_groups as g
  {only}
) as y
where y.year is not y.now
"""


def derive(
    db: Database, tracks: Iterable[int] | None = None, *, stale: bool = True, observed: Iterable[int] = (), names: tuple[str, Iterable[int]] | None = None
) -> dict[str, int]:  # fmt: skip
    """Bring releases up to date: all, or those that these tracks are or were on; return rows written, per table.

    stale: with tracks also those whose observation is new or changed. observed: also these rows of platform_releases. names: (kind, ids) of
    artists, labels or albums whose releases are looked at too. To be called after the tracks are resolved.
    """
    with db.atomic():
        work = _Work(db, None if tracks is None else set(tracks), stale, set(observed), names)
        work.run()
        if not work.everything and (more := alike.unsettled(db, work.shown)):  # a name went to, or came from, one that was not looked at
            again = _Work(db, set(), False, set(), None, more)
            again.run()
            work.written += again.written
    return {table: n for table, n in work.written.items() if n}


class _Work:
    """One run: which releases are touched, what they should be, and the difference."""

    def __init__(
        self, db: Database, tracks: set[int] | None, stale: bool, observed: set[int], names: tuple[str, Iterable[int]] | None,
        touched: Iterable[int] = (),
    ):  # fmt: skip
        self.db, self.everything = db, tracks is None
        self.tracks, self.touched = tracks or set(), set(touched)  # touched: releases to look at
        self.shown: set[int | None] = set()  # albums that they are or were of
        self.observed = observed  # ids of platform_releases
        self.sources: dict[int, list[Source]] = defaultdict(list)  # by release
        self.written: Counter[str] = Counter()
        self.read: set[int] = set()  # files
        if self.everything:
            self.touched = {id for (id,) in db.execute("select id from releases where origin is not null")}
            return
        self.observed |= self._ids(OF_TRACKS, self.tracks) if self.tracks else set()
        if stale:
            self.observed |= {id for (id,) in db.execute(STALE)}
        if self.tracks:
            self.touched |= self._ids("select release_id from release_items where track_id in (select value from json_each(?))", self.tracks)
        if names and names[0] in OF_NAMES:
            self.touched |= {id for (id,) in db.execute(OF_NAMES[names[0]], {"ids": _json(names[1])})}

    def _ids(self, sql: str, ids: Iterable[int]) -> set[int]:
        return {id for (id,) in self.db.execute(sql, [_json(ids)])}

    def run(self) -> None:
        if not (self.everything or self.tracks or self.touched or self.observed):
            return
        self.join = joining.Joining(self.db)
        self._gather()
        if self.sources or self.touched or self.join.changed:
            self._difference()

    # ---- who says something of which release

    def _gather(self) -> None:
        known: dict[int, Source] = {}  # by id of platform_releases
        self.albums: dict[str, dict[int, tuple]] = defaultdict(dict)  # key of an album -> file -> what it says
        self.filed: dict[int, tuple[str, int]] = {}  # file -> key and release, as stored
        of_album: dict[str, int | None] = {}
        while True:
            while self._observe(known) | self._read_files():
                pass
            undecided = [key for key in self.albums if key not in of_album]
            for key in undecided:
                stored = min((r for file in self.albums[key] if file in self.filed and (r := self.filed[file][1])), default=None)
                of_album[key] = release = self.join.tagged(self._of_tags(key), stored)
                self.touched.add(release)
            if self.everything or not undecided:
                break
        self._sides(known)
        for id, source in known.items():
            if (release := self.join.release_of(id)) in self.touched:
                self.sources[release].append(source)
        self.files = {(file, key, of_album[key]) for key, files in self.albums.items() for file in files}
        for key in self.albums:
            self.sources[of_album[key]].append(self._of_tags(key))
        ranks = dict(self.db.execute("select platform, rank from trust where field = 'label'").fetchall())
        priority = dict(self.db.execute("select name, priority from platforms").fetchall())
        for sources in self.sources.values():
            sources.sort(key=lambda s: (ranks.get(s.platform, 100), priority.get(s.platform, 1000), s.key))

    def _observe(self, known: dict[int, Source]) -> bool:
        """Read observed releases that are touched and not known yet, and give each its release; whether there were any."""
        if self.everything:
            if known:
                return False
            rows = self.db.execute(OBSERVED.format(only="")).fetchall()
        else:
            new = (self.observed | self._ids(LINKED, self.touched)) - known.keys()
            rows = self.db.execute(OBSERVED.format(only="where r.id in (select value from json_each(?))"), [_json(new)]).fetchall() if new else []
        self.join.load({row[0] for row in rows})
        for id, platform, key, title, said, metadata_hash, kind in rows:
            known[id] = Source(platform, key, kind, editions.decode(said), title, sent=said or "{}")
            self.touched |= self.join.observed(id, known[id], metadata_hash)
        return bool(rows)

    def _read_files(self) -> bool:
        """Read tagged files that are touched and not read yet: of the tracks, of touched releases, of albums that are looked at."""
        if self.everything:
            if self.read:
                return False
            self.read.add(0)
            these, on, asked = "", "", []
            self.filed = {file: (key, release) for file, key, release in self.db.execute(FILED)}
        else:
            near = {"tracks": _json(self.tracks), "releases": _json(self.touched), "keys": msgspec.json.encode(list(self.albums)).decode()}
            new = {id for (id,) in self.db.execute(NEAR, near)} - self.read
            self.read |= new
            these, on, asked = "json_each(?) as j cross join", "on p.id = j.value", [_json(new)]
            stored = self.db.execute(f"{FILED} where platform_track_id in (select value from json_each(?))", asked).fetchall() if new else []
            for file, key, release in stored:
                self.filed[file] = key, release
                self.touched.add(release)
            if not new:
                return False
        for file, track, said, album, key, path in self.db.execute(FILES.format(these=these, on=on), asked):
            one = editions.decode(said)
            folder = (path or "").rpartition("/" if "/" in (path or "") else "\\")[0]
            place = Item(one.disc_no, one.track_no, one.position, track, f"{one.title or ''}\0{key}")
            self.albums[editions.shelf_of_tags(one, album, folder)][file] = one, album, place
        return True

    def _of_tags(self, key: str) -> Source:
        return editions.of_tags(key, [said for _, said in sorted(self.albums[key].items())])

    def _sides(self, known: dict[int, Source]) -> None:
        only, params = ("", []) if self.everything else ("and r.id in (select value from json_each(?))", [_json(known)])
        for id, track, said, key in self.db.execute(SIDES.format(only=only), params):
            if (source := known.get(id)) is not None:
                one = editions.decode(said)
                source.items.append(Item(one.disc_no, one.track_no, one.position, track, key))

    # ---- the difference

    def _difference(self) -> None:
        db = self.db
        by_hand = self._ids("select id from releases where origin is null and id in (select value from json_each(?))", self.touched | self.sources.keys())
        self.touched -= by_hand  # what a person made is left as it is
        found = {release: editions.edition(sources) for release, sources in self.sources.items() if release not in by_hand}
        gone = self.touched - found.keys()
        # What a run makes is known before it is written, so that an unchanged one is no operation at all.
        here = None if self.everything else _json(self.touched | found.keys())
        self.entities = {t: Entities(db, t, shown_by=here, shown=entities.OF_RELEASES) for t in ("artists", "labels", "release_groups")}
        rows, children, ids, albums = self._wanted(found)
        hand = byhand.edits(db)
        have = self._have("select id, " + ", ".join(COLUMNS) + ", deleted_at from releases where {}", "id")
        stored = {row[0]: row[1:] for row in have}
        for release, values in rows.items():  # cells that a person wrote stay
            if release in stored:
                rows[release] = tuple([stored[release][i] if (release, c) in hand.cells else v for i, (c, v) in enumerate(zip(COLUMNS, values))])
        alike.tell_apart(db, rows, None if self.everything else rows.keys() | self.touched, lambda r: self.join.word_for(r, self.sources[r]))
        self.shown = {values[0] for values in (*rows.values(), *stored.values())}
        insert = [(r, self.join.made[r], *rows[r]) for r in sorted(rows) if r not in stored]
        update = [r for r in sorted(rows) if r in stored and (stored[r][:-1] != rows[r] or self._is_gone(r, stored, hand))]
        delete = [r for r in sorted(gone) if r in stored and stored[r][-1] is None]
        changes = {t: self._rows_of(t, wanted, hand) for t, wanted in children.items()}
        new_ids, old_ids = self._ids_of("release", ids, self.touched | found.keys())
        more, less = self._ids_of("release_group", albums, {group for group, *_ in albums}, ("discogs_master",))
        unfiled = [(file,) for file, stored_as in self.filed.items() if (file, *stored_as) not in self.files]
        filed = sorted(row for row in self.files if self.filed.get(row[0]) != row[1:])
        if not (insert or update or delete or self.join.changed or unfiled or filed or new_ids or old_ids or more or any(a or b for a, b in changes.values())):
            self._years(self.shown)
            return
        n = len(insert) + len(update) + len(new_ids) + sum(len(a) + len(b) for a, b in changes.values())
        quick = schema.without_triggers(db.conn, (*CHILDREN, "releases", "external_ids")) if n > BULK else nullcontext()
        with db.operation("releases", mode="batch") as op, quick:
            for table, names in self.entities.items():
                self.written[table] += names.write(op.id)
                if 0 < len(names.fresh) <= NOTED:
                    op.summary(table, _json(row[0] for row in names.fresh), "made")
            wanted = {alike.key(row[2:]) for row in insert} | {alike.key(rows[r]) for r in update if alike.key(rows[r]) != alike.key(stored[r]) or stored[r][-1]}
            aside = {r for r in update if alike.key(stored[r]) in wanted}  # of which another takes the place: out of its way first
            db.executemany("update releases set disambiguation = '~' || id where id = ?", [(r,) for r in aside])
            marks = ", ".join("?" * (len(COLUMNS) + 4))
            insert = [(id, uid, origin, *values) for id, (uid, origin), *values in insert]
            db.executemany(f"update releases set deleted_at = {NOW}, updated_at = {NOW} where id = ?", [(r,) for r in delete])
            db.executemany(f"insert into releases (id, release_uid, origin, {', '.join(COLUMNS)}, updated_at) values ({marks[:-3]}, {NOW})", insert)
            now = {r: (*stored[r][:WORD], "~" if r in aside else stored[r][WORD], stored[r][-1]) for r in update}
            after = {r: (*rows[r], stored[r][-1] if (r, "deleted_at") in hand.cells else None) for r in update}
            storing.update(db, "releases", (*COLUMNS, "deleted_at"), [(r, now[r], after[r]) for r in update])
            self.written["releases"] += len(insert) + len(update) + len(delete)
            for table, (old, new) in changes.items():
                self._replace(table, old, new)
            drop = "delete from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?"
            db.executemany(drop, old_ids + less)
            add = "insert or ignore into external_ids (entity_type, entity_id, scheme, value, platform) values (?, ?, ?, ?, ?)"
            db.executemany(add, new_ids + more)
            self.written["external_ids"] += len(new_ids) + len(old_ids) + len(more) + len(less)
            self.written["release_links"] += self.join.write()
            db.executemany("delete from release_files where platform_track_id = ?", unfiled)
            db.executemany("insert into release_files (platform_track_id, album_key, release_id) values (?, ?, ?)", filed)
            self.written["release_files"] += len(filed) + len({row[0] for row in unfiled} - {row[0] for row in filed})
            for table, n in self.written.items():
                if n:
                    op.summary(table, n)
            self._years(self.shown)

    def _is_gone(self, release: int, stored: dict[int, tuple], hand: byhand.Edits) -> bool:
        return stored[release][-1] is not None and (release, "deleted_at") not in hand.cells

    def _wanted(self, found: dict[int, Edition]) -> tuple[dict[int, tuple], dict[str, set[tuple]], dict[tuple, str], dict[tuple, str]]:
        artists, labels, groups = self.entities["artists"], self.entities["labels"], self.entities["release_groups"]
        shown = dict(self.db.execute(GROUPS, [_json(item[3] for one in found.values() for item in one.items)]).fetchall())
        known = {id: rest for id, *rest in self.db.execute(ALBUMS, [_json(set(shown.values()))])}
        rows: dict[int, tuple] = {}
        children: dict[str, set[tuple]] = {table: set() for table in CHILDREN}
        ids: dict[tuple, str] = {}
        albums: dict[tuple, str] = {}
        for release, one in sorted(found.items()):
            title, by, kind = one.album
            artist, norm = artists.get(by) if by else None, text.norm(title)
            near = Counter(group for item in one.items if (group := shown.get(item[3])) and known.get(group) == [norm, artist])
            group = near.most_common(1)[0][0] if near else groups.get(title, artist=artist, type=kind)
            rows[release] = tuple([group if c == "release_group_id" else one.columns.get(c, "") for c in COLUMNS])
            for position, (name, role) in enumerate(one.artists):
                if (artist := artists.get(name)) is not None:
                    children["release_artists"].add((release, artist, role, position))
            for name, number, role in one.labels:
                if (label := labels.get(name)) is not None:
                    children["release_labels"].add((release, label, number, role))
            children["release_items"] |= {(release, *item) for item in one.items}
            ids |= {(release, *key): platform for key, platform in one.ids.items()}
            if group is not None:
                for key, platform in one.album_ids.items():
                    albums.setdefault((group, *key), platform)
        return rows, children, ids, albums

    # ---- rows of a table

    def _have(self, sql: str, column: str) -> list[tuple]:
        if self.everything:
            return self.db.execute(sql.format("1")).fetchall()
        asked = [_json(self.touched | self.sources.keys())]
        return self.db.execute(sql.format(f"{column} in (select value from json_each(?))"), asked).fetchall()

    def _rows_of(self, table: str, wanted: set[tuple], hand: byhand.Edits) -> tuple[list[tuple], list[tuple]]:
        """Rows to delete and to insert."""
        columns, n = CHILDREN[table]
        have = set(self._have(f"select release_id, {', '.join(columns)} from {table} where {{}}", "release_id"))
        added, removed = hand.rows(table)
        if added or removed:
            keep = {row for row in have if byhand.key(table, row) in added}
            kept = {row[: n + 1] for row in keep}
            wanted = {row for row in wanted if row[: n + 1] not in kept and byhand.key(table, row) not in removed}
            have -= keep
        if n < len(columns):  # one row a key, whatever else is said
            wanted = set({row[: n + 1]: row for row in sorted(wanted, key=repr, reverse=True)}.values())
        return sorted(have - wanted, key=repr), sorted(wanted - have, key=repr)

    def _replace(self, table: str, old: list[tuple], new: list[tuple]) -> None:
        columns, n = CHILDREN[table]
        names = ("release_id", *columns)
        where = " and ".join(f"{c} is ?" for c in names[: n + 1])
        self.db.executemany(f"delete from {table} where {where}", [row[: n + 1] for row in old])
        self.db.executemany(f"insert into {table} ({', '.join(names)}) values ({', '.join('?' * len(names))})", new)
        self.written[table] += len(old) + len(new)

    def _ids_of(self, kind: str, wanted: dict[tuple, str], of: Iterable[int], schemes: tuple[str, ...] = ()) -> tuple[list[tuple], list[tuple]]:
        """(rows to insert, keys to delete) of external_ids. schemes: only these; what a person added stays."""
        sql = "select entity_id, scheme, value, platform from external_ids where entity_type = ?"
        if self.everything:
            stored = self.db.execute(sql, [kind]).fetchall()
        else:
            stored = self.db.execute(f"{sql} and entity_id in (select value from json_each(?))", [kind, _json(of)]).fetchall()
        stored = [row for row in stored if not schemes or row[1] in schemes]
        mine = {row[:3] for row in stored if row[3] in (None, "user")}
        have = {row[:3] for row in stored} - mine
        wanted = {key: platform for key, platform in wanted.items() if (not schemes or key[1] in schemes) and key not in mine}
        new = [(kind, *key, platform) for key, platform in sorted(wanted.items()) if key not in have]
        return new, [(kind, *key) for key in sorted(have - wanted.keys())]

    def _years(self, groups: set[int | None]) -> None:
        """Albums without a track of ours have the year of their first edition."""
        only = YEARS.format(only="where g.id in (select value from json_each(?))")
        rows = self.db.execute(only, [_json(g for g in groups if g is not None)]).fetchall()
        if rows:
            with self.db.operation("releases", mode="batch"):
                self.db.executemany(f"update release_groups set year = ?, updated_at = {NOW} where id = ?", rows)
            self.written["release_groups"] += len(rows)


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
