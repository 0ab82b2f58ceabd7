"""Stored plans: what is in them, and your yes or no to each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from ..errors import BadInput

if TYPE_CHECKING:
    from ..db import Database, Row, Rows

PLANS = """
select p.id, p.kind, p.target, p.status, p.reason, p.created_at, p.applied_at, p.operation_id, p.details,
  count(o.id) as steps, sum(o.status = 'proposed') as proposed, sum(o.status = 'approved') as approved, sum(o.status = 'denied') as denied,
  sum(o.status = 'done') as done, sum(o.status in ('failed', 'skipped')) as failed, sum(o.needs <> '' and o.status = 'proposed') as held
from plans as p join plan_operations as o on o.plan_id = p.id
where {where}
group by p.id
order by p.id desc
"""
OPERATIONS = """
select o.id, l.name as list, coalesce(l.target, p.target) as target, o.action, o.title, o.track_id,
  coalesce((select i.image_id from image_links as i where i.track_id = o.track_id and i.is_selected = 1),
    (select i.image_id from image_links as i join tracks as t on t.release_group_id = i.release_group_id
      where t.id = o.track_id and i.is_selected = 1)) as image_id,
  o.reason, o.hold, o.needs, o.status, o.before, o.after, o.error_message, o.result, o.priority, f.name as from_list, l.playlist_id, o.item, o.nth
from plan_operations as o join plans as p on p.id = o.plan_id left join plan_lists as l on l.id = o.plan_list_id left join plan_lists as f on f.id = o.from_list_id
where o.plan_id = :plan {where}
order by o.priority <= 20 desc, l.target, l.name collate nocase, o.plan_list_id, o.priority, o.id
limit :limit
"""


def plans(db: Database, status: str | None = None) -> Rows:
    """Plans, newest first: id, kind, target, status, created_at, steps, proposed, approved, denied, done, failed, held."""
    return db.q(PLANS.format(where="true" if status is None else "p.status = ?"), [] if status is None else [status])


def get(db: Database, plan: int | str) -> Row:
    """One plan. "last" is the newest. Raises BadInput."""
    if str(plan) == "last":
        plan = db.value("select max(id) from plans") or 0
    found = db.one(PLANS.format(where="p.id = ?"), [int(plan)]) if str(plan).isdigit() else None
    if found is None:
        raise BadInput(f"there is no plan {plan}; `musicdb sync --plan` makes one, `musicdb playlists plans` lists them")
    return found


def operations(db: Database, plan: int | str, *, status: str | None = None, limit: int = 1_000_000) -> Rows:
    """The steps of a plan: id, list, target, action, title, track_id, image_id, reason, hold, needs, status, before, after, ..."""
    number = get(db, plan).id
    return db.q(OPERATIONS.format(where="" if status is None else "and o.status = :status"), {"plan": number, "status": status, "limit": limit})


def approve(db: Database, plan: int | str, ids: Iterable[int] | None = None, *, by: str | None = None) -> int:
    """Approve steps by number; None: all that need no look of their own. Returns how many. Raises BadInput for a step that must wait."""
    if ids is None:
        return _decide(db, plan, "needs = '' and status = 'proposed'", None, "approved", by)
    asked = list(ids)
    sql = "select id, hold from plan_operations where needs = 'first' and id in (select value from json_each(?))"
    if waiting := db.execute(sql, [_json(asked)]).fetchone():
        raise BadInput(f"step {waiting[0]} cannot be approved yet: {waiting[1]}")
    return _decide(db, plan, "status in ('proposed', 'denied', 'approved')", asked, "approved", by)


def deny(db: Database, plan: int | str, ids: Iterable[int] | None = None, *, by: str | None = None) -> int:
    """Deny steps by number; None: all that are not approved. A later plan remembers it. Returns how many."""
    where = "status = 'proposed'" if ids is None else "status in ('proposed', 'approved', 'denied')"
    return _decide(db, plan, where, None if ids is None else list(ids), "denied", by)


def reconsider(db: Database, plan: int | str, ids: Iterable[int]) -> int:
    """Take back an approval or a denial: the steps are proposed again."""
    return _decide(db, plan, "status in ('approved', 'denied', 'proposed')", list(ids), "proposed", None)


def dismiss(db: Database, plan: int | str) -> None:
    """Put a plan away without carrying it out."""
    number = _open(db, plan)
    with db.atomic():
        db.execute("update plans set status = 'dismissed' where id = ?", [number])


def _open(db: Database, plan: int | str) -> int:
    found = get(db, plan)
    if found.status in ("undone", "dismissed"):
        raise BadInput(f"plan {found.id} was {found.status}; `musicdb sync --plan` makes a new one")
    return int(found.id)


def _decide(db: Database, plan: int | str, where: str, ids: list[int] | None, status: str, by: str | None) -> int:
    number = _open(db, plan)
    some = "" if ids is None else "and id in (select value from json_each(:ids))"
    with db.atomic():
        if ids is not None:
            found = {row[0]: row[1] for row in db.execute("select id, status from plan_operations where plan_id = ? and id in (select value from json_each(?))", [number, _json(ids)])}
            for one in ids:
                if one not in found:
                    raise BadInput(f"plan {number} has no step {one}; `musicdb sync --show {number}` lists them")
                if found[one] not in ("proposed", "approved", "denied"):
                    raise BadInput(f"step {one} is {found[one]}: there is nothing to decide any more")
        sql = (
            "update plan_operations set status = :status, decided_by = case when :status = 'proposed' then null else :by end, "
            "decided_at = case when :status = 'proposed' then null else strftime('%Y-%m-%dT%H:%M:%SZ', 'now') end "
            f"where plan_id = :plan and {where} {some}"
        )
        return db.execute(sql, {"status": status, "by": by or "me", "plan": number, "ids": None if ids is None else _json(ids)}).rowcount


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
