"""Events and what was played at them: from Rekordbox history sessions, and by hand. Every change by hand is one operation for `undo`.

A session of Rekordbox's history becomes an event of its name, with the tracks in their order; it follows the plays. Its name, place and
dates are yours to change, and tracks added by hand stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from . import units
from .db import Rows
from .errors import BadInput
from .truth import selecting

if TYPE_CHECKING:
    from .db import Database

FIELDS = ("name", "start_date", "end_date", "location", "description")
SCHEME = "rekordbox_history"
LIST = """
select e.id, e.name, e.start_date, e.end_date, e.location, e.description, count(r.track_id) as tracks,
  (select group_concat(stage, ', ') from (select distinct stage from event_recordings where event_id = e.id and stage <> '' order by stage)) as stages,
  exists (select 1 from external_ids as x where x.entity_type = 'event' and x.entity_id = e.id and x.scheme = 'rekordbox_history') as from_rekordbox
from events as e left join event_recordings as r on r.event_id = e.id
where e.deleted_at is null and (:text is null or e.name like :text or e.location like :text)
group by e.id
order by e.start_date desc, e.id desc
"""
SHOW = """
select stage, position, set_time, track_id, title, version, artist_credit, platform from played_at where event_id = ?
order by stage, position, set_time, track_id
"""
OF_TRACK = """
select event_id, event, start_date, location, stage, position, set_time from played_at where track_id = ? order by start_date, event_id, position
"""
SESSIONS = """
select json_extract(l.context, '$.session') as session, json_extract(l.context, '$.history') as name, l.listened_at, l.utc_offset_min,
  json_extract(l.context, '$.place') as place, k.track_id, l.id
from listens as l
join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where l.user_id in (select id from users) and l.platform = 'rekordbox' and json_extract(l.context, '$.session') is not null
order by 1, place, l.listened_at, l.id
"""
CONCERNED = """
select 1 from event_recordings where platform = 'rekordbox' and track_id in (select value from json_each(:ids))
union all
select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id and p.platform = 'rekordbox'
join listens as l on l.platform = p.platform and l.track_external_id = p.external_id and l.duplicate_of_id is null
where k.track_id in (select value from json_each(:ids)) and k.status in ('auto', 'confirmed')
limit 1
"""
# A person took out what was played at a place: it is not put back, whichever track it turns out to be, unless that was undone.
TAKEN_OUT = """
select event, stage, position from (
  select entity_key ->> 0 as event, entity_key ->> 2 as stage, entity_key ->> 3 as position, c.op, o.type, max(c.id)
  from changes as c left join operations as o on o.id = c.operation_id
  where c.entity = 'event_recordings' and c.op in ('insert', 'delete') and c.field = 'platform' and coalesce(c.old, c.new) = 'rekordbox'
  group by 1, 2, 3
) where op = 'delete' and ifnull(type, '') <> 'undo'
"""


@dataclass
class Done:
    """operation: its number for `undo`, None where it was so already; event: id; tracks: how many rows were added or taken out."""

    operation: int | None
    event: int
    tracks: int = 0


# ---------- reading


def list(db: Database, text: str | None = None) -> Rows:
    """Return events, the latest first: id, name, start_date, end_date, location, description, tracks, stages, from_rekordbox."""
    return db.q(LIST, {"text": f"%{text}%" if text else None})


def show(db: Database, event: int) -> Rows:
    """Return what was played at an event in order: stage, position, set_time, track_id, title, version, artist_credit, platform."""
    _known(db, event)
    return db.q(SHOW, [event])


def of_track(db: Database, track: int) -> Rows:
    """Return where a track was played: event_id, event, start_date, location, stage, position, set_time."""
    (track,), _ = selecting.tracks(db, track)
    return db.q(OF_TRACK, [track])


# ---------- by hand


def add(db: Database, name: str, *, by: str | None = None, **fields: Any) -> Done:
    """Add an event. fields: start_date, end_date (ISO), location, description. Raises BadInput."""
    values = _checked({"name": name} | fields)
    with db.operation("add event", actor=by or "me", reason=values["name"]) as op:
        marks = ", ".join("?" * len(values))
        id = db.execute(f"insert into events ({', '.join(values)}) values ({marks})", [*values.values()]).lastrowid
    return Done(op.id, int(id or 0))


def edit(db: Database, event: int, *, by: str | None = None, **fields: Any) -> Done:
    """Change an event: name, start_date, end_date, location, description; None = empty. Raises BadInput."""
    _known(db, event)
    values = _checked(fields)
    if not values:
        raise BadInput(f"name at least one of {', '.join(FIELDS)}")
    now = db.one(f"select {', '.join(FIELDS)} from events where id = ?", [event]) or {}
    if all(now[name] == value for name, value in values.items()):
        return Done(None, event)
    _in_order(values.get("start_date", now["start_date"]), values.get("end_date", now["end_date"]))
    with db.operation("edit event", actor=by or "me", reason=f"{', '.join(values)} of {_name(db, event)}") as op:
        db.execute(f"update events set {', '.join(f'{c} = ?' for c in values)} where id = ?", [*values.values(), event])
    return Done(op.id, event)


def remove(db: Database, event: int, *, by: str | None = None) -> Done:
    """Take an event off the list; what was played at it is kept, so that `undo` brings it back."""
    _known(db, event)
    with db.operation("remove event", actor=by or "me", reason=_name(db, event)) as op:
        db.execute("update events set deleted_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') where id = ?", [event])
    return Done(op.id, event)


def record(
    db: Database, event: int, tracks: int | Iterable[int], *, stage: str = "", set_time: str | None = None, by: str | None = None
) -> Done:
    """Say that these tracks were played (or recorded) at an event, in this order, after what is there on that stage.

    set_time: when the first was played: "23:41", or UTC. A track may be played twice. Raises BadInput for an unknown event or track.
    """
    _known(db, event)
    ids = [tracks] if isinstance(tracks, int) else [*tracks]
    for track in ids:
        if isinstance(track, bool) or not isinstance(track, int) or db.value("select 1 from tracks where id = ?", [track]) is None:
            raise BadInput(f"there is no track {track!r}")
    if not ids:
        raise BadInput("name at least one track")
    last = db.value("select max(position) from event_recordings where event_id = ? and stage = ?", [event, stage]) or 0
    rows = [(event, track, stage, last + n, set_time if n == 1 else None) for n, track in enumerate(ids, 1)]
    with db.operation("record", actor=by or "me", reason=f"{len(ids)} tracks at {_name(db, event)}") as op:
        db.executemany("insert into event_recordings (event_id, track_id, stage, position, set_time) values (?, ?, ?, ?, ?)", rows)
    return Done(op.id, event, len(rows))


def unrecord(db: Database, event: int, track: int, *, stage: str | None = None, position: int | None = None, by: str | None = None) -> Done:
    """Take a track out of an event: everywhere it was played there, or only on a stage or at a place. Raises BadInput where it is not."""
    _known(db, event)
    (track,), _ = selecting.tracks(db, track)
    where = "event_id = :event and (track_id = :track or track_id in (select id from tracks where merged_into_id = :track)) and (:stage is null or stage = :stage) and (:position is null or position = :position)"
    asked = {"event": event, "track": track, "stage": stage, "position": position}
    n = db.value(f"select count(*) from event_recordings where {where}", asked)
    if not n:
        raise BadInput(f"track {track} was not played at {_name(db, event)}{f' on {stage}' if stage else ''}")
    with db.operation("unrecord", actor=by or "me", track_id=track, reason=f"track {track} not at {_name(db, event)}") as op:
        db.execute(f"delete from event_recordings where {where}", asked)
    return Done(op.id, event, n)


def _known(db: Database, event: int) -> None:
    if isinstance(event, bool) or not isinstance(event, int) or db.value("select 1 from events where id = ? and deleted_at is null", [event]) is None:
        raise BadInput(f"there is no event {event!r}; `musicdb events list` shows what there is")


def _name(db: Database, event: int) -> str:
    return db.value("select name from events where id = ?", [event])


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    """The values as they are kept. Pure. Raises BadInput."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in FIELDS:
            raise BadInput(f"an event has no field {name!r}; there are {', '.join(FIELDS)}")
        if value is None and name != "name":
            found[name] = None
        elif name.endswith("_date"):
            date = units.iso_date(value)
            if date is None:
                raise BadInput(f"{name} cannot be {value!r}; it is a date such as 2024-05-12")
            found[name] = date[0]
        elif isinstance(value, str) and value.strip() and "\0" not in value:
            found[name] = value.strip()
        else:
            raise BadInput(f"{name} cannot be {value!r}; it is text that is not blank")
    _in_order(found.get("start_date"), found.get("end_date"))
    return found


def _in_order(start: str | None, end: str | None) -> None:
    if start and end and end < start:
        raise BadInput(f"an event cannot end on {end}, before it begins on {start}")


# ---------- from Rekordbox


def derive(db: Database, tracks: Iterable[int] | None = None) -> dict[str, int]:
    """Bring the events of Rekordbox's history sessions up to date: all, or only where one of these tracks was played; return rows written."""
    if tracks is not None and db.value(CONCERNED, {"ids": msgspec.json.encode(sorted(tracks)).decode()}) is None:
        return {}
    sessions: dict[str, dict[str, Any]] = {}
    found = db.execute(SESSIONS).fetchall()
    newest = {(row[0], row[4], row[5]): row[6] for row in sorted(found, key=lambda row: row[6])}  # one place, read in another time zone since
    for session, name, at, offset, place, track, listen in found:
        if place is not None and newest[session, place, track] != listen:
            continue
        one = sessions.setdefault(str(session), {"name": name or f"Rekordbox session {session}", "days": [], "rows": []})
        one["days"].append(db.value("select date(?, ? || ' minutes')", [at, offset or 0]))
        if track is not None:
            one["rows"].append((track, "", place or len(one["rows"]) + 1, at, "rekordbox"))
    events = dict(db.execute("select value, entity_id from external_ids where entity_type = 'event' and scheme = ?", [SCHEME]).fetchall())
    taken_out = set(db.execute(TAKEN_OUT)) if sessions else set()
    have: dict[int, set[tuple]] = {}
    theirs = "select event_id, track_id, stage, position, set_time, platform from event_recordings"
    by_hand: set[tuple] = set()
    for event, *row in db.execute(theirs):
        if row[4] == "rekordbox":
            have.setdefault(event, set()).add(tuple(row))
        else:
            by_hand.add((event, *row[:3]))
    made = {s: one for s, one in sessions.items() if s not in events}
    want: dict[int, set[tuple]] = {}
    for session, event in events.items():
        rows = sessions.get(session, {}).get("rows", ())
        want[event] = {r for r in rows if (event, *r[1:3]) not in taken_out and (event, *r[:3]) not in by_hand}
    old = [(event, *row[:3]) for event, rows in have.items() for row in sorted(rows - want.get(event, set()))]
    new = [(event, *row) for event, rows in want.items() for row in sorted(rows - have.get(event, set()))]
    if not (made or old or new):
        return {}
    with db.operation("releases", mode="batch") as op:
        for session, one in made.items():
            days = sorted(one["days"])
            sql = "insert into events (name, start_date, end_date) values (?, ?, ?)"
            event = int(db.execute(sql, [one["name"], days[0], days[-1]]).lastrowid or 0)
            db.execute("insert into external_ids (entity_type, entity_id, scheme, value, platform) values ('event', ?, ?, ?, 'rekordbox')",
                       [event, SCHEME, session])  # fmt: skip
            new += [(event, *row) for row in sorted(set(one["rows"]))]
        db.executemany("delete from event_recordings where event_id = ? and track_id = ? and stage = ? and position = ?", old)
        sql = "insert into event_recordings (event_id, track_id, stage, position, set_time, platform) values (?, ?, ?, ?, ?, ?)"
        db.executemany(sql, new)
        op.summary("event_recordings", len(old) + len(new))
    return {name: n for name, n in (("events", len(made)), ("event_recordings", len(old) + len(new))) if n}

