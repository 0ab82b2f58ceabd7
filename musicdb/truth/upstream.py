"""What platforms say now and said otherwise before: seen field by field, rehearsed without writing, accepted row by row.

An import follows trust by itself; to accept a change is to decide for it: the field then follows that platform.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from .. import load
from ..db import Database, Row, Rows
from ..db import open as open_database
from ..errors import BadInput, PayloadError
from . import decisions, selecting

COLUMNS = ["id", "at", "platform", "external_id", "title", "track_id", "field", "old", "new", "now", "whose"]
CHANGED = """
select c.id, c.at, c.platform, c.external_id, c.old, c.new, p.title, p.kind, k.track_id, t.sources
from observation_changes as c join platform_tracks as p on p.platform = c.platform and p.external_id = c.external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') left join tracks as t on t.id = k.track_id
where c.entity = 'track' and c.accepted_at is null and (:platform is null or c.platform = :platform) and (:ids is null
  or c.id in (select value from json_each(:ids))) and c.id > :after
order by c.id desc limit :limit
"""
SILENT = {"cues", "beat_grid", "ids", "path", "popularity", "play_count", "last_played_at"}  # change by themselves, or no matter of taste


def changes(db: Database, platform: str | None = None, *, ids: Iterable[int] | None = None, after: int = 0, limit: int = 200) -> Rows:
    """Fields that a platform says differently since an earlier import, newest first, not accepted yet.

    Rows: id (of observation_changes, one for all fields of a payload), at, platform, external_id, title, track_id, field, old, new (as the
    platform says), now (the library's value) and whose that is. ids: only these changes; after: only those with a larger id.
    """
    asked = {"platform": platform, "limit": limit, "after": after, "ids": None if ids is None else msgspec.json.encode(list(ids)).decode()}
    found = db.q(CHANGED, asked)
    rows = [
        Row(zip(COLUMNS, (c.id, c.at, c.platform, c.external_id, c.title, c.track_id, name, old, new, None, _whose(c.sources, name))))
        for c in found
        for name, old, new in _fields(c)
    ]
    settled = {"artists": "artist_credit"}
    tracks, names = {r.track_id for r in rows if r.track_id}, {settled.get(r.field, r.field) for r in rows}
    known = decisions.values(db, tracks, sorted(n for n in names if n in decisions.FIELDS)) if tracks else {}
    for row in rows:
        row["now"] = known.get((row.track_id, settled.get(row.field, row.field)))
    return Rows(rows, COLUMNS, db)


def accept(db: Database, ids: int | Sequence[int], *, fields: Sequence[str] | None = None, by: str | None = None) -> int:
    """Let the library follow the platform in the fields that changed (or in `fields` of them); one operation, returns how many values.

    Raises BadInput where a change is not there or already accepted.
    """
    wanted = [ids] if isinstance(ids, int) else list(ids)
    rows = changes(db, ids=wanted, limit=len(wanted))
    if missing := set(wanted) - {r.id for r in rows}:
        raise BadInput(f"there is no change {', '.join(map(str, sorted(missing)))} that waits: it was accepted, or only tells what nobody decides")
    groups: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        if row.track_id and row.field in decisions.FIELDS and (fields is None or row.field in fields):
            groups.setdefault((row.platform, row.field), []).append(row.track_id)
    with db.operation("accept", actor=by, reason="a platform says something new, and it was accepted"):
        for (platform, name), tracks in groups.items():
            decisions.take(db, tracks, [name], platform, by=by)
        sql = "update observation_changes set accepted_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') where id = ?"
        db.executemany(sql, [(id,) for id in wanted])
    return sum(map(len, groups.values()))


def ask_again(db: Database, ids: int | Sequence[int]) -> int:
    """Let changes wait for a person again that `accept` marked as seen; what was decided is taken back by `history.undo`. Returns how many."""
    wanted = [ids] if isinstance(ids, int) else list(ids)
    with db.atomic():
        sql = "update observation_changes set accepted_at = null where accepted_at is not null and id in (select value from json_each(?))"
        return db.execute(sql, [msgspec.json.encode(wanted).decode()]).rowcount


def rehearse(db: Database, platform: str, source: Any = None, **options: Any) -> tuple[load.Report, Rows]:
    """What an import would change, found on a copy that is thrown away: its report, and rows as `changes` gives them."""
    with tempfile.TemporaryDirectory(prefix="musicdb-") as folder:
        path = Path(folder) / "rehearsal.db"
        listens = Path(folder) / "listens.db" if db.diary_path else None
        for name, file in (("main", path), *([(db.diary, listens)] if listens else [])):
            with closing(sqlite3.connect(file)) as copy:
                db.conn.backup(copy, name=name)
        with open_database(path, listens=listens, backup=lambda _: None) as copy:
            newest = copy.value("select max(id) from observation_changes") or 0
            report = load.run(copy, platform, source, **options)
            return report, Rows([Row(r) for r in changes(copy, report.platform, after=newest, limit=1_000_000)], COLUMNS)


def mark_for_update(db: Database, tracks: selecting.Tracks, platform: str | None = None) -> int:
    """Ask for these tracks again at the next import, whatever their age; returns how many observations were marked."""
    ids, _ = selecting.tracks(db, tracks)
    sql = (
        "update platform_tracks set needs_update = 1 where needs_update = 0 and (:platform is null or platform = :platform) and id in "
        "(select platform_track_id from track_links where status in ('auto', 'confirmed') and track_id in (select value from json_each(:ids)))"
    )
    with db.atomic():
        return db.execute(sql, {"platform": platform, "ids": msgspec.json.encode(ids).decode()}).rowcount


def _fields(change: Row) -> Iterator[tuple[str, Any, Any]]:
    module = load.module(change.platform)
    before, after = (_said(module, change.kind, change.external_id, change[which]) for which in ("old", "new"))
    for name in sorted({*before, *after} - SILENT):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _said(module: Any, kind: str, key: str, payload: str | None) -> dict[str, Any]:
    try:
        rows = list(module.rows(kind, msgspec.json.decode(payload or "null")))
    except PayloadError:
        return {}
    return next((dict(r.get("said") or {}) for r in rows if r["row"] == "track" and r["external_id"] == key), {})


def _whose(sources: str | None, name: str) -> str | None:
    return msgspec.json.decode(sources).get(name) if sources else None
