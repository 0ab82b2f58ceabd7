"""Resolve: one value per field of each track, whose it is, and who is credited. Derived; only differing rows are written.

It reads links, observations, decisions and trust, asks `pick` for every track, and brings tracks, track_artists, track_genres,
track_labels, external_ids, artists, labels, genres and release_groups up to date. Identities are never given anew. A person's rows
(platform `user`) among genres, labels and ids are left alone, but for those that stand for a decision. A track of which nothing
changed since it was resolved (`inputs`, kept in table `resolved`) is not looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from .. import events
from ..cycles import no_cycles
from ..schema import NOW
from . import disagreeing, genre_words, inputs, merged, others, pick, publishing, releases, storing
from .entities import Entities
from .storing import CHILDREN, COLUMNS

if TYPE_CHECKING:
    from ..db import Database, Operation

Progress = Callable[[int, int | None, str], object]
EMPTY = (None,) * (len(COLUMNS) - 1)
GROUP = COLUMNS.index("release_group_id")
NAMES = ("artists", "labels", "genres", "release_groups")
NOTED = 1000  # names made at once, above which it is an import and nobody undoes it
SOME = 0.3  # above this share of changed tracks all are resolved: names are then loaded at once
OBSERVED = """
select k.track_id, p.platform, p.in_library, p.missing_since is not null, p.external_id, p.title, p.artists, p.album, p.duration_ms, p.isrc,
  p.release_date, p.said, r.id, r.said, r.title, p.match_key
from track_links as k
cross join platform_tracks as p on p.id = k.platform_track_id
left join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
where k.status in ('auto', 'confirmed') {only}
order by k.track_id, p.id
"""
DECIDED = """
select i.id, d.field, d.value, d.platform
from decisions as d
join track_ids as i on i.track_uid = d.entity_key
where d.id in (select max(id) from decisions where entity = 'track' and field not in ('merged_into', 'cover') {only} group by entity_key, field)
order by d.id
"""
OF_THESE = "and entity_key in (select track_uid from track_ids where id in (select value from json_each(?)))"


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
    with db.atomic(), no_cycles():
        asked = None if tracks is None else {int(track) for track in tracks}
        work = _Work(db, asked, progress)
        if asked is None:
            changed = work.changed()
            if len(changed) <= SOME * len(work.inputs):
                work = work.some(changed)
        report = work.run()
        seen = None if work.only is None else work.fresh
        for written in (releases.derive(db, seen, stale=asked is None), events.derive(db, seen if asked is not None else None), publishing.derive(db, asked)):
            report.rows |= {table: n + report.rows.get(table, 0) for table, n in written.items()}
        return report


class _Work:
    """One run: what is, what should be, and the difference."""

    def __init__(self, db: Database, asked: set[int] | None, progress: Progress | None):
        self.db, self.progress = db, progress
        self.roots = merged.roots(db, asked)
        self.only: str | None = None  # JSON list of the ids
        self.tracks: dict[int, tuple] = {}  # id -> values of COLUMNS
        self.fresh: set[int] = set()  # those that were not resolved from this before
        if asked is not None:
            now = asked | {self.roots[t] for t in asked if t in self.roots}
            now |= {t for t, root in self.roots.items() if root in now}
            self.only = _json(sorted(now))
        self.decided = self._decisions()
        said = genre_words.said(db)
        self.words = genre_words.of(*said)
        self.inputs = inputs.of(db, self.only, self.decided, self.roots, said)
        self.total = len(self.inputs)
        self.report = Report(tracks=self.total)

    def changed(self) -> list[int]:
        """Of all tracks those whose inputs are not what they were resolved from."""
        have = [track for (track,) in self.db.execute("select id from tracks")]
        want = {track: inputs.empty(self.roots.get(track)) for track in have} | self.inputs
        stored = dict(self.db.execute("select track_id, inputs from resolved").fetchall())
        return [track for track, number in want.items() if stored.get(track) != number]

    def some(self, changed: list[int]) -> _Work:
        """The same run for these tracks only; what was read already stays."""
        if changed:
            want = set(changed)
            want |= {t for t, root in self.roots.items() if root in want}
            self.only = _json(sorted(want))
            self.inputs = {track: number for track, number in self.inputs.items() if track in want}
        else:
            self.only, self.inputs = "[]", {}
        return self

    def _rows(self, sql: str, column: str, glue: str = "and") -> Any:
        """Rows of a query whose {only} limits it to the tracks asked for."""
        if self.only is None:
            return self.db.execute(sql.format(only=""))
        return self.db.execute(sql.format(only=f"{glue} {column} in (select value from json_each(?))"), [self.only])

    def run(self) -> Report:
        if self.progress:
            self.progress(0, self.total, "resolving")
        if self.only != "[]":
            self.prepare()
            self.compute()
            self.write()
        if self.progress:
            self.progress(self.total, self.total, "resolving")
        return self.report

    # ---- what should be

    def prepare(self, like: _Work | None = None) -> None:
        """Names and albums (those of another run, where there is one), and room for what is found."""
        made = {table: Entities(self.db, table, shown_by=self.only) for table in NAMES} if like is None else {}
        self.entities: dict[str, Entities] = like.entities if like else made
        self.tracks = {}
        self.children: dict[str, list[tuple]] = {table: [] for table in CHILDREN}
        self.others: dict[others.Key, str] = {}  # -> platform: ids of artists and albums

    def compute(self) -> None:
        orders = pick.Orders(dict(self.db.execute("select name, priority from platforms").fetchall()), self._trust())
        skipped = self.total - len(self.inputs)
        for done, (track, observed) in enumerate(self._observed(), 1):
            if self.progress and done % 1000 == 0:
                self.progress(skipped + done, self.total, "resolving")
            self._take(track, pick.pick(observed, orders, self.decided.get(track)))
            self.children["disagreements"] += disagreeing.rows(track, observed)

    def _trust(self) -> dict[str, dict[str, int]]:
        trust: dict[str, dict[str, int]] = {}
        for name, platform, rank in self.db.execute("select field, platform, rank from trust"):
            trust.setdefault(name, {})[platform] = rank
        return trust

    def _decisions(self) -> dict[int, dict[str, pick.Decision]]:
        """track -> field -> what a person decided. A merged-away track's decision holds for the root unless the root has its own."""
        own: dict[int, dict[str, pick.Decision]] = {}
        lent: dict[int, dict[str, pick.Decision]] = {}
        only, asked = ("", []) if self.only is None else (OF_THESE, [self.only])
        for track, name, value, platform in self.db.execute(DECIDED.format(only=only), asked):
            root = self.roots.get(track, track)
            into = own if root == track else lent
            if value is not None:
                into.setdefault(root, {})[name] = pick.Decision(True, msgspec.json.decode(value), platform)
            elif platform is not None:
                into.setdefault(root, {})[name] = pick.Decision(False, platform=platform)
        return {track: lent.get(track, {}) | own.get(track, {}) for track in own.keys() | lent.keys()}

    def _observed(self) -> Iterator[tuple[int, list[pick.Observed]]]:
        releases: dict[int, pick.Said] = {}
        decode, Observed = pick.decode, pick.Observed
        for track, rows in groupby(self._rows(OBSERVED, "k.track_id"), key=lambda row: row[0]):
            observed = []
            for row in rows:
                of_release = pick.NOTHING
                if (release := row[12]) is not None and (of_release := releases.get(release)) is None:
                    of_release = releases[release] = decode(row[13])
                observed.append(Observed(row[1], row[2] == 1, row[3] == 1, *row[4:11], decode(row[11]), of_release, row[14], row[15]))
            yield track, observed

    def _take(self, track: int, picked: pick.Picked) -> None:
        artists, labels_known, genres, groups = [self.entities[table] for table in NAMES]
        names: dict[tuple[int, str], tuple] = {}
        for position, credit in enumerate(picked.credits):
            artist = artists.get(credit.name)
            if artist is None:
                continue
            as_written = credit.name if artists.name.get(artist) != credit.name else None
            names.setdefault((artist, credit.role), (track, artist, credit.role, position, as_written, credit.join_phrase))
        self.children["track_artists"] += names.values()
        group = None
        if picked.album:
            title, by, kind = picked.album
            group = groups.get(title, artist=artists.get(by) if by else None, type=kind)
        weights: dict[tuple[int, str], int] = {}
        for (name, platform), weight in sorted(picked.genres.items()):
            for genre in genre_words.known(self.words, genres, name, platform == "user"):
                weights[genre, platform] = max(weight, weights.get((genre, platform), 0))
        self.children["track_genres"] += [(track, *key, weight) for key, weight in weights.items()]
        labels = {(track, labels_known.get(name), platform) for name, platform in sorted(picked.labels)}
        self.children["track_labels"] += [row for row in labels if row[1] is not None]
        self.children["external_ids"] += [(track, scheme, value, platform) for (scheme, value), platform in picked.ids.items()]
        for (name, value), platform in picked.artist_ids.items():
            if any(credit.name == name for credit in picked.credits) and (artist := artists.get(name)) is not None:
                self.others.setdefault(("artist", artist, "mb_artist", value), platform)
        for value, platform in picked.album_ids.items() if group else ():
            self.others.setdefault(("release_group", group, "mb_release_group", value), platform)
        columns = picked.columns | {
            "release_group_id": group,
            "sources": msgspec.json.encode(picked.sources).decode(),
            "merged_into_id": None,
        }
        self.tracks[track] = tuple([columns[name] for name in COLUMNS])

    def _said_nowhere(self, keys: list[others.Key]) -> list[others.Key]:
        """Of these ids of artists and albums those that none of their other tracks says either."""
        elsewhere = others.elsewhere(self.db, keys, self.tracks)
        if elsewhere:
            more = _Work(self.db, elsewhere, None)
            more.prepare(self)
            more.compute()
            keys = [key for key in keys if key not in more.others]
        return keys

    # ---- the difference

    def write(self) -> None:
        db, report = self.db, self.report
        have = {row[0]: row[1:] for row in self._rows(f"select id, {', '.join(COLUMNS)} from tracks {{only}}", "id", "where")}
        for track in have.keys() - self.tracks.keys():  # all its observations moved away, or it was merged
            root = self.roots.get(track)
            self.tracks[track] = (*EMPTY, root if root in have or root in self.tracks else None)
            self.inputs[track] = inputs.empty(root)
        insert = [(track, *row) for track, row in sorted(self.tracks.items()) if track not in have]
        update = [(track, have[track], row) for track, row in sorted(self.tracks.items()) if track in have and have[track] != row]
        children = {table: storing.difference(db, table, rows, self._stored(table)) for table, rows in self.children.items()}
        before = {row[GROUP] for row in have.values()}
        touched = before.union(row[GROUP] for row in self.tracks.values()) - {None}
        credited = None if self.only is None else {row[1] for row in (*self.children["track_artists"], *children["track_artists"][0])}
        gone, new = others.difference(db, self.others, credited, touched)
        if gone and self.only is not None:
            gone = self._said_nowhere(gone)
        if insert or update or gone or new or self.entities["genres"].fresh or any(rows[0] or rows[1] for rows in children.values()):
            n = len(insert) + len(update) + sum(len(old) + len(fresh) for old, fresh in children.values())
            with db.operation("resolve", mode="batch") as op, storing.bulk(db, n):
                for entities in self.entities.values():
                    report.rows[entities.table] = entities.write(op.id)
                storing.insert(db, insert)
                storing.update(db, "tracks", COLUMNS, update)
                report.rows["tracks"] = len(insert) + len(update)
                self._note_made(op, [row[0] for row in insert])
                for table, (old, fresh) in children.items():
                    report.rows[table] = len(old) + len(fresh)
                    storing.replace(db, table, old, fresh)
                others.write(db, gone, new)
                report.rows["external_ids"] += len(gone) + len(new)
                report.rows["genres"] += genre_words.tree(db)
                report.rows = {table: n for table, n in report.rows.items() if n}
                for table, n in report.rows.items():
                    op.summary(table, n)
                op.details = {"tracks": report.tracks, "rows": report.rows}
                self._years(touched)
        else:
            self._years(touched)
            if genre_words.is_other_tree(db):
                with db.operation("resolve", mode="batch"):
                    report.rows["genres"] = genre_words.tree(db)
        self._remember()

    def _stored(self, table: str) -> Any:
        """Rows of a table of CHILDREN as they are now."""
        columns, tracks_only = CHILDREN[table], "entity_type = 'track'" if table == "external_ids" else "1"
        return self._rows(f"select {', '.join(columns)} from {table} where {tracks_only} {{only}}", columns[0])

    def _years(self, groups: set[int]) -> None:
        """Bring the years of albums up to date (of these, or of all where all tracks were looked at)."""
        only, asked = ("", []) if self.only is None else ("where g.id in (select value from json_each(?))", [_json(sorted(groups))])
        rows = self.db.execute(releases.YEARS.format(only=only), asked).fetchall()
        if rows:
            with self.db.operation("resolve", mode="batch") as op:
                self.db.executemany(f"update release_groups set year = ?, updated_at = {NOW} where id = ?", rows)
                op.summary("release_groups", len(rows), "year")
            self.report.rows["release_groups"] = self.report.rows.get("release_groups", 0) + len(rows)

    def _note_made(self, op: Operation, tracks: list[int]) -> None:
        """Note which names, albums and tracks the operation needed: where it is undone and nothing uses them any more, they go."""
        made = {table: [row[0] for row in entities.fresh] for table, entities in self.entities.items()} | {"tracks": tracks}
        for table, ids in made.items():
            if 0 < len(ids) <= NOTED:
                op.summary(table, _json(ids), "made")

    def _remember(self) -> None:
        """Note of what each track was resolved, where that is new."""
        stored = dict(self._rows("select track_id, inputs from resolved {only}", "track_id", "where").fetchall())
        new = [(track, self.inputs[track]) for track in self.tracks if stored.get(track) != self.inputs[track]]
        self.fresh = {track for track, _ in new}
        self.db.executemany(
            "insert into resolved (track_id, inputs) values (?, ?) on conflict (track_id) do update set inputs = excluded.inputs", new
        )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
