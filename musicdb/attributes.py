"""Any further facts of tracks: a key and a value, each with who says so, and which of them counts. Each change is one operation for undo.

What platforms say beside the fields of a track (Spotify's danceability, a file's bit rate; table `claim_paths` adds more) is here without
being stored again. What counts, of a track and key: a locked fact, then yours, then by `trust` for the key, then by platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from . import units
from .db import Row, Rows
from .errors import BadInput
from .schema import NOW
from .truth import decisions, selecting

if TYPE_CHECKING:
    from .db import Database

LONGEST = 200  # characters of a key
KEYS = """
select key, count(distinct track_id) as tracks, group_concat(distinct platform) as platforms, max(locked) as locked
from attributes
where key = :key or :key is null
group by key
order by key
"""
WINNERS = "select track_id as track, key, value, platform, locked from attribute_winners where track_id = :track and (:key is null or key = :key) order by key"
SAID = "select key, platform, value, locked, level from attributes where track_id = :track and (:key is null or key = :key) order by key, platform, level"
FAMILY = """
with family as (
  select value as id from json_each(:tracks)
  union select t.id from tracks as t where t.merged_into_id in (select value from json_each(:tracks))
)
"""
PUT = f"""
insert into track_attributes (track_id, key, platform, value, locked, updated_at)
select value, :key, :platform, :value, :locked, {NOW} from json_each(:tracks) where true
on conflict (track_id, key, platform) do update set value = excluded.value, locked = max(locked, excluded.locked), updated_at = excluded.updated_at
where value is not excluded.value or locked < excluded.locked
"""
OTHER = """
select count(*) from json_each(:tracks) as j
where not exists (select 1 from track_attributes as a where a.track_id = j.value and a.key = :key and a.platform = :platform and a.value = :value and a.locked >= :locked)
"""


def keys(db: Database, key: str | None = None) -> Rows:
    """Which facts there are: key, tracks (how many have it), platforms (who says it), locked (1 = somewhere)."""
    return db.q(KEYS, {"key": key})


def of(db: Database, track: selecting.Tracks, key: str | None = None) -> Rows:
    """The facts of one track that count: track, key, value, platform, locked, others (platform -> list of what it says else). Raises BadInput."""
    params = {"track": _one(db, track), "key": key}
    said: dict[str, dict[str, list[Any]]] = {}
    for row in db.q(SAID, params):
        values = said.setdefault(row["key"], {}).setdefault(row["platform"], [])
        values += [row["value"]] if row["value"] not in values else []
    found = []
    for row in db.q(WINNERS, params):
        others = {name: rest for name, values in said.get(row["key"], {}).items() if (rest := [v for v in values if str(v) != str(row["value"])])}
        found.append(Row(**row, others=others))
    return Rows(found, ["track", "key", "value", "platform", "locked", "others"], db)


def said(db: Database, track: selecting.Tracks, key: str | None = None) -> Rows:
    """All that is said of one track: key, platform, value, locked, level ("set" = stored, else of which payload). Raises BadInput."""
    return db.q(SAID, {"track": _one(db, track), "key": key})


def put(
    db: Database, tracks: selecting.Tracks, key: str, value: Any, *, platform: str = "user", lock: bool = False, by: str | None = None
) -> tuple[int | None, int]:
    """Set a fact of tracks. value: text, or what is written as one. lock: it wins, whoever says otherwise. What was locked stays so.

    Returns (operation for `undo`, or None where it was so already; how many tracks changed). Raises BadInput for an unknown track or
    platform, and for a key that is a field of tracks: those are decided.
    """
    key, value = _key(key), _value(key, value)
    if platform != "user":
        decisions.check_platform(db, platform)
    ids = selecting.present(db, tracks)
    params = {"tracks": _json(ids), "key": key, "platform": platform, "value": value, "locked": int(lock)}
    with db.atomic():
        n = db.value(OTHER, params)
        if not n:
            return None, 0
        with db.operation("attribute", actor=by or "me", reason=f"{key} = {value} on {n:,} tracks") as op:
            if lock:
                _free(db, ids, key)
            db.execute(PUT, params)
            return op.id, n


def remove(db: Database, tracks: selecting.Tracks, key: str, *, platform: str = "user", by: str | None = None) -> tuple[int | None, int]:
    """Take a stored fact back; what platforms say of it counts again. Returns as `put`."""
    ids, _ = selecting.tracks(db, tracks)
    params = {"tracks": _json(ids), "key": key, "platform": platform}
    where = "key = :key and platform = :platform and track_id in family"
    with db.atomic():
        n = db.value(f"{FAMILY} select count(distinct track_id) from track_attributes where {where}", params)
        if not n:
            return None, 0
        with db.operation("attribute", actor=by or "me", reason=f"{key} taken off {n:,} tracks") as op:
            db.execute(f"{FAMILY} delete from track_attributes where {where}", params)
            return op.id, n


def held(db: Database, tracks: selecting.Tracks, key: str, value: Any) -> int:
    """How many of these tracks a lock holds at another value of this fact."""
    ids, _ = selecting.tracks(db, tracks)
    rows = db.q("select value from attribute_winners where track_id in (select value from json_each(?)) and key = ? and locked = 1", [_json(ids), _key(key)])
    return sum(str(row["value"]) != _value(key, value) for row in rows)


def lock(db: Database, tracks: selecting.Tracks, key: str, *, by: str | None = None) -> tuple[int | None, int]:
    """Keep the value that counts now, whatever is said later. Tracks without the fact are left alone. Returns as `put`."""
    ids, _ = selecting.tracks(db, tracks)
    sql = "select track_id, platform, value from attribute_winners where track_id in (select value from json_each(?)) and key = ? and locked = 0"
    with db.atomic():
        rows = db.execute(sql, [_json(ids), key]).fetchall()
        if not rows:
            return None, 0
        with db.operation("attribute", actor=by or "me", reason=f"{key} locked on {len(rows):,} tracks") as op:
            for track, platform, value in rows:
                db.execute(PUT, {"tracks": _json([track]), "key": key, "platform": platform, "value": str(value), "locked": 1})
            return op.id, len(rows)


def unlock(db: Database, tracks: selecting.Tracks, key: str, *, by: str | None = None) -> tuple[int | None, int]:
    """Take locks back: what is said counts again. A value that you set stays set. Returns as `put`."""
    ids, _ = selecting.tracks(db, tracks)
    with db.atomic():
        n = db.value(f"{FAMILY} select count(distinct track_id) from track_attributes where key = :key and locked = 1 and track_id in family",
                     {"tracks": _json(ids), "key": key})  # fmt: skip
        if not n:
            return None, 0
        with db.operation("attribute", actor=by or "me", reason=f"{key} unlocked on {n:,} tracks") as op:
            _free(db, ids, key)
            return op.id, n


def prefer(db: Database, key: str, platforms: Sequence[str], *, by: str | None = None) -> int | None:
    """Whose word counts for a key, the most trusted first; none = the general order of platforms. Returns the operation, or None where it was
    so already. Raises BadInput for an unknown platform.
    """
    key, names = _key(key), list(dict.fromkeys(platforms))
    for platform in names:
        decisions.check_platform(db, platform)
    with db.atomic():
        if [row[0] for row in db.execute("select platform from trust where field = ? order by rank", [key])] == names:
            return None
        with db.operation("trust", actor=by or "me", reason=f"{key}: {', '.join(names) or 'the general order'}") as op:
            db.execute("delete from trust where field = ?", [key])
            db.executemany("insert into trust (field, platform, rank) values (?, ?, ?)", [(key, name, n) for n, name in enumerate(names, 1)])
            return op.id


def _free(db: Database, ids: list[int], key: str) -> None:
    """Take locks off. A row that only kept what its platform says itself goes: else it would hide what that says later."""
    params = {"tracks": _json(ids), "key": key}
    locked = "key = :key and locked = 1 and track_id in family"
    db.execute(
        f"""{FAMILY} delete from track_attributes where {locked} and platform <> 'user' and exists (
          select 1 from attributes as a join tracks as t on a.track_id = coalesce(t.merged_into_id, t.id)
          where t.id = track_attributes.track_id and a.key = :key and a.platform = track_attributes.platform
          and a.level <> 'set')""",
        params,
    )
    db.execute(f"{FAMILY} update track_attributes set locked = 0 where {locked}", params)


def _one(db: Database, track: selecting.Tracks) -> int:
    ids, _ = selecting.tracks(db, track)
    if len(ids) != 1:
        raise BadInput(f"that is asked of one track at a time; {track!r} means {len(ids)}")
    return ids[0]


def _key(key: str) -> str:
    """The key as it is stored. Raises BadInput."""
    text = " ".join(key.split()) if isinstance(key, str) else ""
    if not text or len(text) > LONGEST or not units.is_storable(text):
        raise BadInput(f"{key!r} is no name of a fact: it is text of 1 to {LONGEST} characters")
    if text in decisions.FIELDS:
        raise BadInput(f"{text} is a field of a track: decide it (musicdb set {text} VALUE, or truth.decide)")
    return text


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, str | int | float) or not str(value).strip() or not units.is_storable(str(value)):
        raise BadInput(f"{key} cannot be {value!r}: a fact is text or a number; `remove` takes it back")
    return str(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
