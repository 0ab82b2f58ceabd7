"""The same play as several services tell it: found by `same`, flagged in `listens.duplicate_of_id` with the reason, never deleted.

Only what lies around new listens is looked at. A person's word ("these are two plays") is a decision, which `undo` takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Rows
from ..errors import BadInput
from ..links import aliases
from ..matching import compare
from ..matching.blocking import worth_comparing
from ..matching.record import Record, prepare
from . import rereading, same

if TYPE_CHECKING:
    from ..db import Database

COMPARED = "listens_compared"  # key of `config`: id of the last listen that was looked at
AROUND = 3 * 3600  # seconds on either side of a new listen that are read; what lies in half of that may change
WHOLE = 0.2  # share of new listens from which everything is read
AT_ONCE = 150_000  # plays that are compared at once, so that a million do not fill the memory; cut where nothing was played for long
ALIKE = 35.0  # confidence from which two tracks at the same time are one: the time itself says much
USERS = "select user_id from listens group by user_id having min(platform) <> max(platform) or ?"  # or a person said something
NEW = "select user_id, cast(strftime('%s', listened_at) as integer) from listens where id > ? order by 1, 2"
TIMES = "select cast(strftime('%s', listened_at) as integer) from listens indexed by ix_l_time where user_id = ? order by listened_at"
PLAYS = """
select l.id, l.platform, cast(strftime('%s', l.listened_at) as integer), l.ms_played, p.id, l.duplicate_of_id, l.duplicate_reason
from listens as l indexed by ix_l_time
left join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
where l.user_id = :user
  and l.listened_at between strftime('%Y-%m-%dT%H:%M:%SZ', :since, 'unixepoch') and strftime('%Y-%m-%dT%H:%M:%SZ', :until, 'unixepoch')
"""
SONGS = """
select p.id, k.track_id, p.match_key, p.duration_ms
from json_each(?) as j
cross join platform_tracks as p on p.id = j.value
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
"""
SAID = "select title, artists, album, duration_ms, isrc from platform_tracks where id = ?"
ORDER = "select name, kind = 'history' from platforms order by kind = 'history', priority, name"  # who says how long was played comes first
DECIDED = """
select d.entity_key, d.value from decisions as d
where d.entity = 'plays' and d.field = 'same'
  and d.id = (select max(id) from decisions where entity = 'plays' and entity_key = d.entity_key and field = 'same')
"""
INSERT = "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('plays', ?, 'same', ?, ?, ?, ?)"
KEY = """
select json_array(u.username, l.platform, l.listened_at, l.track_external_id), l.user_id, cast(strftime('%s', l.listened_at) as integer)
from listens as l join users as u on u.id = l.user_id where l.id = ?
"""
BY_KEY = """
select l.id from users as u join listens as l on l.user_id = u.id and l.platform = json_extract(:key, '$[1]')
  and l.listened_at = json_extract(:key, '$[2]') and l.track_external_id = json_extract(:key, '$[3]')
where u.username = json_extract(:key, '$[0]')
"""


@dataclass
class Marked:
    """What `mark` did: listens looked at, told again (in all that was looked at), flags that changed."""

    compared: int = 0
    repeated: int = 0
    changed: int = 0


def mark(db: Database, *, all: bool = False, progress: Callable[[int, int | None, str], object] | None = None) -> Marked:
    """Flag listens that tell a play again: around those that are new, or all. Unchanged data writes nothing; progress: (done, total, what)."""
    done = Marked()
    with db.atomic():
        last = 0 if all else int(db.value("select value from config where key = ?", [COMPARED]) or 0)
        newest = db.value("select max(id) from listens") or 0
        if newest <= last and not all:
            return done
        rereading.settle(db, last)
        known = _Known(db)
        whole = all or newest - last > WHOLE * newest
        new: dict[int, list[int]] = {user: [] for (user,) in db.execute(USERS, [bool(known.together)])} if whole else {}
        for user, at in db.execute(NEW, [last]) if not whole else ():
            new.setdefault(user, []).append(at)
        for number, (user, times) in enumerate(new.items()):
            if progress:
                progress(number, len(new), "comparing plays")
            for span in parts(at for (at,) in db.execute(TIMES, [user])) if whole else spans(times):
                _mark(db, user, span, done, known)
        with db.operation("compare listens", mode="batch"):
            db.execute(
                "insert into config (key, value, description) values (?, ?, 'listens up to this id were compared across services') "
                "on conflict (key) do update set value = excluded.value", [COMPARED, str(newest)],
            )  # fmt: skip
    return done


def spans(times: Iterable[int]) -> list[tuple[int, int]]:
    """(from, to) of what lies around these times, in order."""
    out: list[tuple[int, int]] = []
    for at in sorted(times):
        if out and at - AROUND <= out[-1][1]:
            out[-1] = (out[-1][0], at + AROUND)
        else:
            out.append((at - AROUND, at + AROUND))
    return out


def parts(times: Iterable[int]) -> list[tuple[int, int]]:
    """(from, to) that together hold all of these times, in order, some AT_ONCE each: cut where nothing was played for so long that no play reaches
    over it.
    """
    out: list[tuple[int, int]] = []
    first = before = None
    n = 0
    for at in times:
        if first is not None and before is not None and n >= AT_ONCE and at - before > 2 * AROUND:
            out.append((first - AROUND, before + AROUND))
            first, n = None, 0
        first = at if first is None else first
        before, n = at, n + 1
    return out if first is None or before is None else [*out, (first - AROUND, before + AROUND)]


class _Known:
    """What is the same for all plays of a run: services in order, what a person decided, names of artists."""

    def __init__(self, db: Database):
        order = db.execute(ORDER).fetchall()
        self.order = [platform for platform, _ in order]
        self.scrobbles = {platform: bool(history) for platform, history in order}
        self.apart, self.together = _decided(db)  # together: listen -> the one whose word counts
        self.aliases = aliases.known(db) or None


def _mark(db: Database, user: int, span: tuple[int, int], done: Marked, known: _Known) -> None:
    rows = db.execute(PLAYS, {"user": user, "since": span[0], "until": span[1]}).fetchall()
    if len({row[1] for row in rows}) < 2 and not any(row[5] for row in rows) and not known.together:
        done.compared += len(rows)
        return
    songs = _Songs(db, {row[4] for row in rows if row[4] is not None}, known.aliases)
    plays = [
        same.Play(id, platform, at, songs.of.get(track, -id), songs.seconds.get(track), None if ms is None else ms // 1000, known.scrobbles[platform])
        for id, platform, at, ms, track, *_ in rows
    ]
    here = {row[0] for row in rows} if known.together else set()
    said = [(known.together[told], told) for told in sorted(here & known.together.keys())]
    near = [(of, told) for of, told in said if of in here]
    found = {s.id: s for s in same.find(plays, known.order, alike=songs.alike, apart=known.apart, together=near)}
    found |= {told: same.Same(told, of, same.DECIDED) for of, told in said if of not in here}
    done.compared += len(plays)
    done.repeated += len(found)
    low, high = span[0] + AROUND // 2, span[1] - AROUND // 2
    changed = []
    for id, _, at, _, _, of, why in rows:
        now = found.get(id)
        if (now and (now.of, now.reason)) != ((of, why) if of is not None else None) and low <= at <= high:
            changed.append((now and now.of, now and now.reason, id))
    if changed:
        changed.sort(key=lambda row: row[2])  # pages are written once
        with db.operation("compare listens", mode="batch") as op:
            db.executemany("update listens set duplicate_of_id = ?, duplicate_reason = ? where id = ?", changed)
            op.summary("listens", len(changed))
        done.changed += len(changed)


class _Songs:
    """Numbers of songs: observations of one track, or of one key, have one."""

    def __init__(self, db: Database, tracks: set[int], known: Any):
        self.db, self.of, self.seconds, self.aliases = db, {}, {}, known
        self.keys: dict[int, str] = {}
        self.first: dict[int, int] = {}  # song -> an observation
        self.records: dict[int, Record] = {}
        names: dict[Any, int] = {}
        for id, track, key, ms in db.execute(SONGS, [msgspec.json.encode(sorted(tracks)).decode()]):
            usable = key if key and key[0] != "|" and key[-1] != "|" else None
            song = next((names[n] for n in (track, usable) if n is not None and n in names), id)
            for name in (track, usable):
                if name is not None:
                    names.setdefault(name, song)
            self.of[id], self.seconds[id] = song, ms and ms // 1000
            self.first.setdefault(song, id)
            self.keys.setdefault(song, key or "|")

    def alike(self, one: int, other: int) -> bool:
        """Whether two songs at the same time may be one."""
        if one not in self.first or other not in self.first or not worth_comparing(self.keys[one], self.keys[other]):
            return False
        found = compare(self._record(one), self._record(other))
        return found.confidence >= ALIKE and not found.barred

    def _record(self, song: int) -> Record:
        if song not in self.records:
            title, artists, album, ms, isrc = self.db.execute(SAID, [self.first[song]]).fetchone()
            said = {"title": title, "artists": msgspec.json.decode(artists or "[]"), "album": album, "duration_ms": ms, "isrc": isrc}
            self.records[song] = prepare(said, self.aliases)
        return self.records[song]


def _decided(db: Database) -> tuple[set[frozenset[int]], dict[int, int]]:
    """Pairs of ids that a person told apart, and {listen: the one that it tells again}."""
    apart: set[frozenset[int]] = set()
    together: dict[int, int] = {}
    for key, value in db.execute(DECIDED).fetchall():
        of, told = (db.value(BY_KEY, {"key": msgspec.json.encode(one).decode()}) for one in msgspec.json.decode(key))
        if of is not None and told is not None and value == "false":
            apart.add(frozenset((of, told)))
        elif of is not None and told is not None and value is not None:
            together[told] = of
    return apart, together


# ---------- what a person says
def two(db: Database, one: int, other: int, *, note: str | None = None, by: str | None = None) -> int:
    """These two listens are two plays, whatever their times say. Returns the operation for `undo`. Raises BadInput."""
    return _say(db, one, other, "false", note, by)


def one(db: Database, one: int, other: int, *, note: str | None = None, by: str | None = None) -> int:
    """These two listens are one play; the first one's word counts. Returns the operation for `undo`. Raises BadInput."""
    return _say(db, one, other, "true", note, by)


def _say(db: Database, one: int, other: int, value: str, note: str | None, by: str | None) -> int:
    rows = [db.execute(KEY, [id]).fetchone() for id in (one, other)]
    if one == other or None in rows:
        raise BadInput(f"there are no two listens {one} and {other}; `musicdb listens same` shows their numbers")
    if rows[0][1] != rows[1][1]:
        raise BadInput(f"listens {one} and {other} are of two people; no play is both of theirs")
    keys = [row[0] for row in rows] if value == "true" else sorted(row[0] for row in rows)
    key = f"[{','.join(keys)}]"
    turned = f"[{','.join(reversed(keys))}]"
    if db.value("select 1 from decisions where entity = 'plays' and entity_key = ?", [turned]):
        key = turned  # one question has one key
    what = "two plays" if value == "false" else "one play"
    with db.operation("plays", mode="batch", actor=by or "me", reason=f"listens {one} and {other} are {what}") as op:
        db.execute(INSERT, [key, value, note, by or "me", op.id])
        follow(db, [key])
        return op.id


def follow(db: Database, keys: Iterable[str]) -> None:
    """Bring the flags up to date of the listens that decisions with these keys are about."""
    known = _Known(db)
    for key in keys:
        around: dict[int, list[int]] = {}
        for part in msgspec.json.decode(key):
            id = db.value(BY_KEY, {"key": msgspec.json.encode(part).decode()})
            if row := db.execute(KEY, [id]).fetchone():
                around.setdefault(row[1], []).append(row[2])
        for user, times in around.items():
            for span in spans(times):
                _mark(db, user, span, Marked(), known)


REPEATED = """
select l.id, l.listened_at, l.platform, p.title, p.artists, o.id as of_id, o.platform as of_platform, o.listened_at as of_listened_at,
  l.duplicate_reason as reason
from listens as l
join listens as o on o.id = l.duplicate_of_id
left join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
where l.duplicate_of_id is not null
order by l.listened_at desc, l.id limit ?
"""


def repeated(db: Database, *, limit: int = 50) -> Rows:
    """Listens that tell a play again, the latest first: id, listened_at, platform, title, artists, of_id, of_platform, of_listened_at, reason."""
    return db.q(REPEATED, [limit])
