"""Tags at a target (MyTags of Rekordbox): what your lists give, as steps of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .. import tags
from . import planning, rules, states
from .proposed import PRIORITY, List, Op, Plan

if TYPE_CHECKING:
    from ..db import Database

WANTED = """
select distinct p.external_id, g.grp, g.name, i.track_uid
from track_mytags as m join tags as g on g.id = m.tag_id and g.deleted_at is null
join track_links as k on k.track_id = m.track_id and k.status in ('auto', 'confirmed')
join platform_tracks as p on p.id = k.platform_track_id and p.platform = ? and p.missing_since is null
join track_ids as i on i.id = m.track_id
"""
THERE = "select p.external_id, j.value from platform_tracks as p, json_each(p.said, '$.tags') as j where p.platform = ? and p.missing_since is null"
PUT = """
select o.item, json_extract(o.after, '$.tag'), o.action from plan_operations as o join plan_lists as l on l.id = o.plan_list_id
where l.target = ? and l.place = ? and o.status = 'done' and o.action in ('tag', 'untag') order by o.id
"""


def plan(db: Database, target: str = "rekordbox", *, place: str = "", dry_run: bool = False) -> Plan:
    """Steps that give the target's tracks the tags that your lists give them. Only tags that musicdb put there are taken away again."""
    if not dry_run:
        rules.follow(db)
    wanted = {(ext, tags.shown(grp, name)): uid for ext, grp, name, uid in db.execute(WANTED, [target])}
    there = {(ext, tag) for ext, tag in db.execute(THERE, [target])}
    put: dict[tuple[str, str], bool] = {(ext, tag): action == "tag" for ext, tag, action in db.execute(PUT, [target, place])}
    ours = {key for key, is_on in put.items() if is_on}
    where = List(target, "MyTags", place=place)
    made = Plan(None, settled=len(wanted.keys() & (there | ours)))
    for (ext, tag), uid in sorted(wanted.items()):
        if (ext, tag) not in there and (ext, tag) not in ours:
            made.operations.append(Op(where, "tag", f"a list of yours, or you, gives it {tag!r}", item=ext, title=uid, after={"tag": tag}, priority=PRIORITY["tag"]))
    gone = sorted(ours - wanted.keys())
    for n, (ext, tag) in enumerate(gone):
        made.operations.append(Op(where, "untag", f"no list of yours gives it {tag!r} any more", item=ext, nth=n, title=f"{target}/{ext}", after={"tag": tag}, priority=PRIORITY["untag"]))
    _name(db, made.operations)
    if made.operations and not dry_run:
        made.id = planning.store(db, made.operations, kind="tags", target=target)
    return made


def _name(db: Database, ops: Iterable[Op]) -> None:
    ops = list(ops)
    titles: Mapping[str, Any] = states.titles(db, {str(op.title) for op in ops})
    for op in ops:
        op.title, op.track_id = titles.get(str(op.title), (op.title, None))
