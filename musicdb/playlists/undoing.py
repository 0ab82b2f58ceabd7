"""Taking back what a plan did: your lists through the log, a target from its backup, or by inverse steps where it keeps none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from .. import history
from ..errors import BadInput, StalePlan
from . import carrying, owning, reviewing, targets
from .carrying import Work, keys
from .diffing import diff

if TYPE_CHECKING:
    from ..db import Database


def undo(db: Database, plan: int | str, open_targets: Mapping[str, targets.Target], by: str | None = None) -> list[str]:
    """Take a plan back. Raises StalePlan where a list at a target moved on since; CannotUndo where one of yours did."""
    found = reviewing.get(db, plan)
    if found.status not in ("applied", "failed", "running"):
        raise BadInput(f"plan {found.id} is {found.status}: there is nothing to take back")
    if found.kind == "files":
        from .. import reconciling  # which makes such plans

        return reconciling.restore(db, found.id)
    work = [one for one in carrying.read(db, found.id) if any(op.status == "done" for op in [*one.heads, *one.coming, *(op for op, _ in one.leaving)])]
    others: dict[tuple[str, str], list[Work]] = defaultdict(list)
    for one in work:
        if one.row.target != "user":
            others[one.row.target, one.row.place].append(one)
    backups = (msgspec.json.decode(found.details) if found.details else {}).get("backups", {})
    told, to_close = [], []
    if found.operation_id is not None and others:
        _try(db, found.operation_id)
    try:
        for (name, place), lists in others.items():
            target = open_targets.get(name)
            if target is None:
                target = targets.find(db, name, place)
                to_close.append(target)
            told.append(_target(db, target, lists, backups.get(name, {})))
            target.observe()
        if found.operation_id is not None:
            history.undo(db, found.operation_id, by=by)
            told.append(f"your own lists: operation {found.operation_id} taken back")
        with db.atomic():
            links = [one.row.link_id for one in work if one.row.target != "user" and one.is_new and one.row.link_id is not None]
        for link in links:
            with db.operation("sync", actor=by or "me", reason=f"plan {found.id} taken back"):
                db.execute("delete from playlist_links where id = ?", [link])
        with db.atomic():
            db.execute("update plan_operations set status = 'undone' where plan_id = ? and status = 'done'", [found.id])
            db.execute("update plans set status = 'undone' where id = ?", [found.id])
    finally:
        for target in to_close:
            target.close()
    return told


class _Tried(Exception):
    """Takes back what was only tried."""


def _try(db: Database, operation: int) -> None:
    """Raises CannotUndo where an operation cannot be taken back: before a target is written, not after."""
    with suppress(_Tried), db.atomic():
        history.undo(db, operation)
        raise _Tried


def _target(db: Database, target: targets.Target, lists: list[Work], backup: Mapping[str, object]) -> str:
    live = target.read()
    for work in lists:
        if not work.row.external_id or any(op.action == "delete" for op in work.heads):
            continue  # likes, tags, marks; a list that is gone
        now = live.get(str(work.id or work.row.external_id))
        if now is None:
            raise StalePlan(f"{target.name} no longer has {work.row.name!r}: it cannot be taken back there")
        if not (work.coming or work.leaving or work.is_new):
            continue  # another name or folder: whatever it holds
        if list(now.items) != keys(work.expected() if not work.is_new else work.wanted):
            changed = owning.told(keys(work.expected() if not work.is_new else work.wanted), list(now.items))
            raise StalePlan(f"{target.name}'s {work.row.name!r} changed since ({changed}): it cannot be taken back")
    with suppress(targets.CannotRestore):
        target.restore(backup)
        return f"{target.name}: the backup was put back"
    steps = [(step, work) for work in lists for step in _inverse(work, live)]
    # folders come back before what lay in them, and go after it
    again = sorted((one for one in steps if one[0].action in ("folder", "create")), key=lambda one: (one[0].action != "folder", -one[1].row.id))
    going = sorted((one for one in steps if one[0].action == "delete"), key=lambda one: (live[str(one[0].list_id)].kind == "folder", -one[1].row.id))
    ids: dict[str | None, str] = {}  # of what had to be made anew
    for step, work in [*again, *(one for one in steps if one not in again and one not in going), *going]:
        done = target.apply(replace(step, parent=ids.get(step.parent, step.parent) if step.parent else None))
        if step.action in ("folder", "create"):
            ids[work.row.external_id] = str(done["id"])
    target.commit()
    for old, new in ids.items():
        with db.operation("sync", reason=f"{target.name}: a list that was made anew has another id", mode="batch"):
            db.execute("update playlist_links set external_id = ?, platform_playlist_id = null where platform = ? and external_id = ?", [new, target.name, old])
    touched = [work for work in lists if work.row.external_id and (work.coming or work.leaving) and not work.is_new]
    expected = {str(work.id or work.row.external_id): keys(work.before) for work in touched}
    if problems := target.verify(expected):
        raise StalePlan(f"{target.name}: {problems[0]}")
    return f"{target.name}: {len(steps)} steps taken back one by one"


def _inverse(work: Work, live: targets.State) -> list[targets.Step]:
    """Writes that make a list what it was before the plan."""
    id = str(work.id or work.row.external_id)
    steps: list[targets.Step] = []
    for op in work.heads:
        if op.status != "done":
            continue
        before = msgspec.json.decode(op.before or "{}") or {}
        if op.action in ("create", "folder"):
            return [targets.Step("delete", id, before=live[id].items)]
        if op.action == "delete":
            head = msgspec.json.decode(work.row.head or "{}") or {}
            kind = "folder" if head.get("kind") == "folder" else "create"
            return [targets.Step(kind, None, name=work.row.name, description=head.get("description"), parent=head.get("parent_there"), after=tuple(keys(work.before)))]
        if op.action in ("rename", "describe", "place"):
            steps.append(targets.Step(op.action, id, name=before.get("name"), description=before.get("description"), parent=before.get("parent")))
        elif op.action in ("like", "unlike"):
            steps.append(targets.Step("unlike" if op.action == "like" else "like", id, key=op.item))
        elif op.action in ("tag", "untag"):
            after = msgspec.json.decode(op.after or "{}") or {}
            steps.append(targets.Step("untag" if op.action == "tag" else "tag", id, key=op.item, tag=after.get("tag")))
        elif op.action in ("rate", "cues"):
            steps.append(targets.Step(op.action, id, key=op.item, value=before))
    if not (work.coming or work.leaving):
        return steps
    now = list(live[id].items)
    for change in diff(now, keys(work.before)):
        after = list(now)
        if change.at is not None:
            after.pop(change.at)
        if change.to is not None:
            after.insert(change.to, str(change.key))
        steps.append(targets.Step(change.op, id, str(change.key), change.at, change.to, before=tuple(now), after=tuple(after)))
        now = after
    return steps
