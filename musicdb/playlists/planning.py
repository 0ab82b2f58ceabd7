"""What a sync would do, as steps with reasons: stored, shown, approved row by row; nothing is written anywhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from . import finding, linking, offering, pairs, proposing, targets
from .proposed import PRIORITY, Op, Plan

if TYPE_CHECKING:
    from ..db import Database, Row

CAP = 10  # removals from one list in one plan that need no second look, or
SHARE = 5  # a fifth of it
CAP_ALL = 100  # and of all lists together


def plan(
    db: Database, *, to: Iterable[str] = (), from_: Iterable[str] | None = None, playlists: Iterable[Any] | None = None,
    places: Mapping[str, str] | None = None, open_targets: Mapping[str, targets.Target] | None = None, direction: str | None = None,
    believe: Iterable[Any] = (), prefer: str | None = None, dry_run: bool = False,
) -> Plan:  # fmt: skip
    """Compare your playlists with their counterparts and say what to do.

    to: targets ("rekordbox", ...) that are read now and to which playlists of yours without a counterpart are offered. from_: platforms whose
    playlists without a counterpart are offered to be taken over (None: every streaming service, where nothing is said in `to`). playlists:
    only these. places: {target: its place}. open_targets: targets opened already. direction: of links that the plan makes (import, push).
    believe: lists whose collapsed read is true. prefer: "here" or "there" settles conflicts of order. dry_run: nothing is stored at all.
    """
    opened = dict(open_targets or {})
    mine_to_close = []
    for name in to:
        if name not in opened:
            opened[name] = targets.find(db, name, (places or {}).get(name, ""))
            mine_to_close.append(opened[name])
    try:
        live = {(t.name, t.place): pairs.Live(t.platform, t.read()) for t in opened.values()}
    finally:
        for target in mine_to_close:
            target.close()
    wanted = None if playlists is None else [finding.find(db, one) for one in playlists]
    trusted = [finding.find(db, one) for one in believe]
    sources = list(from_) if from_ is not None else [] if opened else proposing.streaming(db)
    made = Plan(None)
    links = [link for link in linking.links(db) if link.enabled and _is_wanted(link, wanted) and (not opened or pairs.at(link, live) or link.platform in sources)]
    changed, same, gone = pairs.read(db, links, live)
    made.settled = len(same)
    settled = []
    for pair in changed:
        pair.merge(believe=any(_is_ref(pair.link, ref) for ref in trusted), prefer=prefer)
        ops = proposing.of_pair(db, pair, made.warnings)
        made.operations += ops
        if not ops and pair.is_settled:
            settled.append(pair)
    made.settled += len(settled)
    made.operations += offering.of_gone(db, gone, made.warnings)
    theirs, mine = proposing.needed(made.operations)
    made.operations += offering.taken_over(db, sources, wanted, direction or "import", theirs)
    for target in opened.values():
        made.operations += offering.offered(db, target, live[target.name, target.place].state, wanted, direction or "push", mine.get((target.name, target.place), ()))
    proposing.placed(db, made.operations)
    _transfers(made.operations)
    cap(made.operations)
    proposing.titled(db, made.operations)
    remember(db, made.operations)
    if not dry_run:
        with db.operation("plan", reason=f"{len(made.operations):,} steps proposed", mode="batch"):
            linking.agree(db, [linking.Agreed(p.link.id, p.link.platform, pairs.base(p, p.merged.here, p.merged.there, clean=True), p.platform) for p in settled])
            if made.operations:
                _superseded(db, made.operations)
                made.id = store(db, made.operations, warnings=made.warnings)
    return made


def _superseded(db: Database, ops: Iterable[Op]) -> None:
    """A plan of the same targets in which nothing was decided yet makes room for the new one."""
    target = ", ".join(sorted({op.list.target for op in ops if op.list}))
    db.execute(
        "update plans set status = 'dismissed' where kind = 'sync' and status = 'proposed' and target = ? "
        "and not exists (select 1 from plan_operations as o where o.plan_id = plans.id and o.decided_at is not null)",
        [target],
    )


def _is_wanted(link: Row, wanted: list[finding.Ref] | None) -> bool:
    return wanted is None or any(_is_ref(link, ref) for ref in wanted)


def _is_ref(link: Row, ref: finding.Ref) -> bool:
    return (ref.platform == "user" and ref.id == link.playlist_id) or (ref.platform == link.platform and ref.id == link.platform_playlist_id)


def _transfers(ops: list[Op]) -> None:
    """What leaves one list and comes into another at the same place is one step: in there first, out here then."""
    leaving: dict[tuple[str, str, str], list[Op]] = defaultdict(list)
    for op in ops:
        if op.action == "remove" and op.list and not op.needs:
            leaving[op.list.target, op.list.place, str(op.item)].append(op)
    for op in [op for op in ops if op.action == "add" and op.list and not op.needs]:
        found = leaving.get((op.list.target, op.list.place, str(op.item)))
        if found:
            out = found.pop(0)
            op.action, op.priority, op.from_list = "transfer", PRIORITY["transfer"], out.list
            op.before = {**(out.before or {}), "nth": out.nth, "list": out.list.name if out.list else None}
            op.reason = f"moved from {out.list.name!r}: {out.reason}; {op.reason}" if out.list else op.reason
            ops.remove(out)


def cap(ops: Collection[Op]) -> None:
    """Many removals at once want a second look."""
    leaving: dict[int, list[Op]] = defaultdict(list)
    for op in ops:
        if op.action in ("remove", "unlike", "untag") and op.list:
            leaving[id(op.list)].append(op)
    everything = sum(map(len, leaving.values())) > CAP_ALL
    for found in leaving.values():
        n, of = len(found), max(len(found[0].list.before), 1) if found[0].list else 1
        if everything or n > max(CAP, of // SHARE):
            for op in found:
                if not op.needs:
                    op.needs, op.hold = "look", f"{n} of {of} items would go at once: look at them, then approve them by number"


def remember(db: Database, ops: Iterable[Op]) -> None:
    """What you denied, and is proposed again because nothing changed, comes denied."""
    sql = """
    select l.target, l.place, coalesce(l.external_id, 'own:' || l.playlist_id, json_extract(l.head, '$.external_id')), o.action, o.item, o.nth,
      case when o.action in ('rename', 'describe', 'place', 'rate', 'cues') then o.after end, o.decided_at, o.status
    from plan_operations as o join plan_lists as l on l.id = o.plan_list_id where o.status in ('denied', 'done') and o.action in ('add', 'remove', 'move', 'rename', 'describe', 'place', 'folder', 'create', 'like', 'rate', 'cues')
    order by o.id
    """
    last = {row[:7]: row[7:] for row in db.execute(sql)}
    for op in ops:
        if op.list is None:
            continue
        of = f"own:{op.list.playlist_id}" if op.list.playlist_id is not None else op.list.head.get("external_id")
        key = (op.list.target, op.list.place, op.list.external_id or of, op.action, op.item, op.nth, _json(op.after) if op.action in ("rename", "describe", "place", "rate", "cues") else None)
        at, status = last.get(key, (None, None))
        if status == "denied":
            op.status, op.reason = "denied", f"{op.reason} (you denied it on {str(at)[:10]})"


def store(
    db: Database, ops: Sequence[Op] | Sequence[Mapping[str, Any]], *, kind: str = "sync", target: str | None = None, reason: str | None = None,
    warnings: Sequence[str] = (), details: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Store a plan; returns its id. ops may be dicts of columns of `plan_operations` (action and reason at least) for plans of other kinds."""
    steps = [one if isinstance(one, Op) else Op(list=None, **one) for one in ops]
    if not steps:
        raise BadInput("a plan without steps is none")
    where = target or ", ".join(sorted({op.list.target for op in steps if op.list}))
    with db.atomic():
        extra = {**(details or {}), "warnings": list(warnings)}
        cursor = db.execute("insert into plans (kind, target, reason, details) values (?, ?, ?, ?)", [kind, where, reason, _json(extra)])
        number = int(cursor.lastrowid or 0)
        ids: dict[int, int] = {}
        for one in (one for op in steps for one in (op.list, op.from_list) if one is not None):
            if id(one) not in ids:
                columns = [number, one.target, one.place, one.external_id, one.playlist_id, one.link_id, one.name, _json(one.before), _json(one.after), _json(one.head)]
                marks = "(plan_id, target, place, external_id, playlist_id, link_id, name, before, after, head, base) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                ids[id(one)] = int(db.execute(f"insert into plan_lists {marks}", [*columns, _json(one.base)]).lastrowid or 0)
        names = "plan_id plan_list_id from_list_id priority action item nth track_id title before after reason hold needs status".split()
        db.executemany(
            f"insert into plan_operations ({', '.join(names)}) values ({', '.join('?' * len(names))})",
            [
                (number, op.list and ids[id(op.list)], op.from_list and ids[id(op.from_list)], op.priority or PRIORITY.get(op.action, 50), op.action, op.item, op.nth,
                 op.track_id, op.title, _json(op.before), _json(op.after), op.reason, op.hold, op.needs, op.status)
                for op in sorted(steps, key=lambda op: op.priority or PRIORITY.get(op.action, 50))
            ],
        )  # fmt: skip
    return number


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()

