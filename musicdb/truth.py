"""The truth: one value per field of each track, whose it is, and who is credited. Derived; only differing rows are written.

`resolve` reads links, observations, decisions and trust, asks `pick` for every track, and brings tracks, track_artists, track_genres,
track_labels, external_ids, artists, labels, genres and release_groups up to date. Identities are never given anew. A person's rows
(platform `user`) among genres, labels and ids are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from . import merged, pick
from .entities import Entities

if TYPE_CHECKING:
    from .db import Database

Progress = Callable[[int, int | None, str], object]
COLUMNS = (
    "title version artist_credit title_norm match_key duration_ms release_date year bpm musical_key rating "
    "release_group_id sources merged_into_id"
).split()
CHILDREN = {  # table: its columns; those of the row's key first
    "track_artists": ("track_id", "artist_id", "role", "position", "credited_as", "join_phrase"),
    "track_genres": ("track_id", "genre_id", "platform", "weight"),
    "track_labels": ("track_id", "label_id", "platform"),
    "external_ids": ("entity_id", "scheme", "value", "platform"),
}
KEYS = {"track_artists": 4, "track_genres": 3, "track_labels": 3, "external_ids": 3}
OBSERVED = """
select k.track_id, p.platform, p.in_library, p.missing_since is not null, p.external_id, p.title, p.artists, p.album, p.duration_ms, p.isrc,
  p.release_date, p.said, r.id, r.said, r.title
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
left join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
where k.status in ('auto', 'confirmed') {only}
order by k.track_id, p.id
"""
DECIDED = """
select i.id, d.id, d.field, d.value, d.platform
from decisions as d
join track_ids as i on i.track_uid = d.entity_key
where d.id in (select max(id) from decisions where entity = 'track' and field <> 'merged_into' group by entity_key, field)
order by d.id
"""
# The year of an album is that of its tracks: the first, but for a compilation the last.
YEARS = """
update release_groups set year = y.year, updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
from (
  select t.release_group_id as id, case g.type when 'compilation' then max(t.year) else min(t.year) end as year
  from tracks as t join release_groups as g on g.id = t.release_group_id
  where t.merged_into_id is null and t.deleted_at is null and t.title is not null {only}
  group by t.release_group_id
) as y
where release_groups.id = y.id and release_groups.year is not y.year
"""


@dataclass(slots=True)
class Report:
    """What `resolve` did: tracks looked at; rows written, per table."""

    tracks: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """Rows inserted, changed or deleted."""
        return sum(self.rows.values())


def resolve(db: Database, tracks: Iterable[int] | None = None, progress: Progress | None = None) -> Report:
    """Bring the truth up to date: of all tracks, or of these ids (and of what they were merged into).

    Per field: a person's decision, then the platform trusted most (`trust`, then `platforms.priority`), then the oldest observation.
    Unchanged data writes nothing. progress: called with (done, total, what).
    """
    with db.atomic():
        work = _Work(db, tracks, progress)
        work.compute()
        return work.write()


class _Work:
    """One run: what is, what should be, and the difference."""

    def __init__(self, db: Database, tracks: Iterable[int] | None, progress: Progress | None):
        self.db, self.progress = db, progress
        asked = None if tracks is None else {int(track) for track in tracks}
        self.roots = merged.roots(db, asked)
        self.only: list[int] | None = None
        if asked is not None:
            now = asked | {self.roots[t] for t in asked if t in self.roots}
            self.only = sorted(now | {t for t, root in self.roots.items() if root in now})
        every = self.only is None
        self.artists = Entities(db, "artists", everything=every)
        self.labels = Entities(db, "labels", everything=every)
        self.genres = Entities(db, "genres", everything=every)
        self.groups = Entities(db, "release_groups", everything=every)
        self.tracks: dict[int, tuple] = {}  # id -> values of COLUMNS
        self.children: dict[str, list[tuple]] = {table: [] for table in CHILDREN}
        self.others: dict[tuple, str] = {}  # (entity type, id, scheme, value) -> platform: ids of artists and albums

    def _rows(self, sql: str, column: str, glue: str = "and") -> Any:
        """Rows of a query whose {only} limits it to the tracks asked for."""
        if self.only is None:
            return self.db.execute(sql.format(only=""))
        only = f"{glue} {column} in (select value from json_each(?))"
        return self.db.execute(sql.format(only=only), [msgspec.json.encode(self.only).decode()])

    # ---- what should be

    def compute(self) -> None:
        db = self.db
        orders = pick.Orders(dict(db.execute("select name, priority from platforms").fetchall()), self._trust())
        decided = self._decisions()
        total = len(self.only) if self.only is not None else db.value("select count(distinct track_id) from track_links")
        for done, (track, observed) in enumerate(self._observed()):
            if self.progress and done % 1000 == 0:
                self.progress(done, total, "resolving")
            self._take(track, pick.pick(observed, orders, decided.get(track)))
        if self.progress:
            self.progress(total, total, "resolving")

    def _trust(self) -> dict[str, dict[str, int]]:
        trust: dict[str, dict[str, int]] = {}
        for name, platform, rank in self.db.execute("select field, platform, rank from trust"):
            trust.setdefault(name, {})[platform] = rank
        return trust

    def _decisions(self) -> dict[int, dict[str, pick.Decision]]:
        """track -> field -> what a person decided. A merged-away track's decision holds for the root unless the root has its own."""
        own: dict[int, dict[str, pick.Decision]] = {}
        lent: dict[int, dict[str, pick.Decision]] = {}
        for track, _, name, value, platform in self.db.execute(DECIDED):
            root = self.roots.get(track, track)
            into = own if root == track else lent
            if value is not None:
                into.setdefault(root, {})[name] = pick.Decision(True, msgspec.json.decode(value))
            elif platform is not None:
                into.setdefault(root, {})[name] = pick.Decision(False, platform=platform)
        return {track: lent.get(track, {}) | own.get(track, {}) for track in own.keys() | lent.keys()}

    def _observed(self) -> Iterator[tuple[int, list[pick.Observed]]]:
        releases: dict[int, pick.Said] = {}
        for track, rows in groupby(self._rows(OBSERVED, "k.track_id"), key=lambda row: row[0]):
            observed = []
            for row in rows:
                (_, platform, in_library, missing, key, title, artists, album, duration, isrc, date, said, release, its_said, its_title) = (
                    row
                )
                of_release = pick.NOTHING
                if release is not None:
                    if release not in releases:
                        releases[release] = pick.decode(its_said)
                    of_release = releases[release]
                columns = (platform, bool(in_library), bool(missing), key, title, artists, album, duration, isrc, date)
                observed.append(pick.Observed(*columns, pick.decode(said), of_release, its_title))
            yield track, observed

    def _take(self, track: int, picked: pick.Picked) -> None:
        names: dict[tuple[int, str], tuple] = {}
        first = None
        for position, credit in enumerate(picked.credits):
            artist = self.artists.get(credit.name)
            if artist is None:
                continue
            first = artist if first is None else first
            as_written = credit.name if self.artists.name.get(artist) != credit.name else None
            names.setdefault((artist, credit.role), (track, artist, credit.role, position, as_written, credit.join_phrase))
        self.children["track_artists"] += names.values()
        group = None
        if picked.album:
            title, by, kind = picked.album
            group = self.groups.get(title, artist=self.artists.get(by) if by else None, type=kind)
        weights: dict[tuple[int, str], int] = {}
        for (name, platform), weight in sorted(picked.genres.items()):
            if (genre := self.genres.get(name)) is not None:
                weights[genre, platform] = max(weight, weights.get((genre, platform), 0))
        self.children["track_genres"] += [(track, *key, weight) for key, weight in weights.items()]
        labels = [(track, self.labels.get(name), platform) for name, platform in sorted(picked.labels)]
        self.children["track_labels"] += [row for row in labels if row[1] is not None]
        self.children["external_ids"] += [(track, scheme, value, platform) for (scheme, value), platform in picked.ids.items()]
        for (name, value), platform in picked.artist_ids.items():
            if (artist := self.artists.get(name)) is not None:
                self.others.setdefault(("artist", artist, "mb_artist", value), platform)
        for value, platform in picked.album_ids.items() if group else ():
            self.others.setdefault(("release_group", group, "mb_release_group", value), platform)
        columns = picked.columns | {
            "release_group_id": group,
            "sources": msgspec.json.encode(picked.sources).decode(),
            "merged_into_id": None,
        }
        self.tracks[track] = tuple([columns[name] for name in COLUMNS])

    # ---- the difference

    def write(self) -> Report:
        db, report = self.db, Report(tracks=len(self.tracks))
        have = {row[0]: row[1:] for row in self._rows(f"select id, {', '.join(COLUMNS)} from tracks {{only}}", "id", "where")}
        empty = (None,) * (len(COLUMNS) - 1)
        for track in have.keys() - self.tracks.keys():  # all its observations moved away, or it was merged
            root = self.roots.get(track)
            self.tracks[track] = (*empty, root if root in have or root in self.tracks else None)
        insert = [(track, *row) for track, row in sorted(self.tracks.items()) if track not in have]
        update = [(*row, track) for track, row in sorted(self.tracks.items()) if track in have and have[track] != row]
        children = {table: self._difference(table) for table in CHILDREN}
        others = self._new_others()
        if not (insert or update or others or any(gone or new for gone, new in children.values())):
            return report
        with db.operation("resolve", mode="batch") as op:
            for entities in (self.artists, self.labels, self.genres, self.groups):
                report.rows[entities.table] = entities.write(op.id)
            db.executemany(f"insert into tracks (id, {', '.join(COLUMNS)}) values (?{', ?' * len(COLUMNS)})", insert)
            sets = ", ".join(f"{name} = ?" for name in COLUMNS)
            db.executemany(f"update tracks set {sets}, updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') where id = ?", update)
            report.rows["tracks"] = len(insert) + len(update)
            for table, (gone, new) in children.items():
                report.rows[table] = len(gone) + len(new)
                self._replace(table, gone, new)
            db.executemany("insert into external_ids (entity_type, entity_id, scheme, value, platform) values (?, ?, ?, ?, ?)", others)
            report.rows["external_ids"] += len(others)
            group = COLUMNS.index("release_group_id")
            touched = {row[group] for row in (*have.values(), *(row[1:] for row in insert), *update)} - {None}
            only = "" if self.only is None else "and t.release_group_id in (select value from json_each(?))"
            params = [] if self.only is None else [msgspec.json.encode(sorted(touched)).decode()]
            report.rows["release_groups"] += db.execute(YEARS.format(only=only), params).rowcount
            report.rows = {table: n for table, n in report.rows.items() if n}
            for table, n in report.rows.items():
                op.summary(table, n)
            op.details = {"tracks": report.tracks, "rows": report.rows}
        return report

    def _new_others(self) -> list[tuple]:
        """Ids of artists and albums that are not known yet; they are only added, because other tracks may say them too."""
        known = "select 1 from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?"
        return [(*key, platform) for key, platform in self.others.items() if self.db.value(known, key) is None]

    def _difference(self, table: str) -> tuple[list[tuple], list[tuple]]:
        """Rows to delete and to insert. What a person added stays, and what a person has is not added again."""
        columns = CHILDREN[table]
        tracks_only = "entity_type = 'track'" if table == "external_ids" else "1"
        sql = f"select {', '.join(columns)} from {table} where {tracks_only} {{only}}"
        have, kept = set(), set()
        authored = columns.index("platform") if "platform" in columns else None
        for row in self._rows(sql, columns[0]):
            if authored is not None and row[authored] in (None, "user"):
                kept.add(row[: KEYS[table]])
            else:
                have.add(row)
        want = {row for row in self.children[table] if row[: KEYS[table]] not in kept} if kept else set(self.children[table])
        n = KEYS[table]
        return sorted(have - want, key=lambda row: row[:n]), sorted(want - have, key=lambda row: row[:n])

    def _replace(self, table: str, gone: list[tuple], new: list[tuple]) -> None:
        columns, n = CHILDREN[table], KEYS[table]
        where = " and ".join(f"{name} = ?" for name in columns[:n])
        extra = " and entity_type = 'track'" if table == "external_ids" else ""
        self.db.executemany(f"delete from {table} where {where}{extra}", [row[:n] for row in gone])
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        if table == "external_ids":
            names, marks = f"{names}, entity_type", f"{marks}, 'track'"
        self.db.executemany(f"insert into {table} ({names}) values ({marks})", new)
