"""Carrying out a plan: exactly the approved steps, in a safe order, each with its result; or nothing, where something moved on.

Yours are written in one operation of the log. A target is read, backed up, written step by step, verified; where that fails, the backup is
put back. A run that was cut off is gone on with: what is there now says how far it came.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import BadInput, MusicdbError, StalePlan
from . import agreeing, carrying, owning, reviewing, targets, writing
from .carrying import NOW, Work, mark

if TYPE_CHECKING:
    from ..db import Database, Row

Progress = Callable[[int, int | None, str], object]  # done, total, what
# Plans of other kinds: what carries out one of their steps: "module:function", fn(db, row of plan_operations) -> result.
EXECUTORS: dict[str, str] = {"files": "musicdb.reconciling:execute"}
SHOWN = 5
CHANGED = """
select max(o.result ->> 'operation') from plan_operations as o join plan_lists as l on l.id = o.plan_list_id
where o.plan_id = ? and l.target = 'user' and o.status = 'done'
"""


@dataclass(slots=True)
class Report:
    """What came of a run. operation: that of the log, for your own lists. messages: sentences for people."""

    plan: int
    done: int = 0
    failed: int = 0
    skipped: int = 0
    operation: int | None = None
    messages: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)  # of a dry run: what would be written


def apply(
    db: Database, plan: int | str, *, open_targets: Mapping[str, targets.Target] | None = None, progress: Progress | None = None, dry_run: bool = False,
    by: str | None = None,
) -> Report:  # fmt: skip
    """Carry out the approved steps of a plan. Raises StalePlan where a list moved on since it was made, BadInput where nothing is approved.

    open_targets: targets opened already (they are not closed). dry_run: says what would be written, and writes nothing at all.
    """
    found = reviewing.get(db, plan)
    if found.status in ("undone", "dismissed"):
        raise BadInput(f"plan {found.id} was {found.status}; `musicdb sync --plan` makes a new one")
    waiting = reviewing.operations(db, found.id)
    todo = [op for op in waiting if op.status in ("approved", "running")]
    cut = found.status == "running"  # an earlier run came to no end, though its steps may have
    if not todo and not cut:
        left = sum(op.status == "proposed" for op in waiting)
        raise BadInput(f"plan {found.id} has no approved step" + (f"; {left} wait for you: musicdb sync --approve {found.id}" if left else ""))
    report = Report(int(found.id))
    if executor := EXECUTORS.get(found.kind):
        return _executed(db, report, todo, executor, progress, dry_run)
    every = carrying.read(db, report.plan)
    work = [one for one in every if any(op.status != "done" for op in [*one.heads, *one.coming, *(op for op, _ in one.leaving)])]
    mine, others = [one for one in work if one.row.target == "user"], defaultdict(list)
    for one in work:
        if one.row.target != "user":
            others[one.row.target, one.row.place].append(one)
    opened, to_close = dict(open_targets or {}), []
    try:
        for name, place in others:
            if name not in opened:
                opened[name] = targets.find(db, name, place)
                to_close.append(opened[name])
        live = {name: opened[name].read() for name, _ in others}
        stale = owning.stale(db, mine) + [text for (name, _), lists in others.items() for text in writing.stale(opened[name], live[name], lists)]
        if stale:
            raise StalePlan(f"plan {report.plan} is no longer true: {'; '.join(stale[:SHOWN])}{'; ...' if len(stale) > SHOWN else ''}. Nothing was done; make a new plan")
        if dry_run:
            report.writes = [text for one in work for text in _told(one)]
            return report
        with db.atomic():
            db.execute("update plans set status = 'running' where id = ?", [report.plan])
        tell = progress or (lambda *_: None)
        owning.carry_out(db, report, mine, by, tell)
        for (name, _), lists in others.items():
            writing.Run(db, report, opened[name], live[name], lists, tell).carry_out()
        with db.atomic():
            lists = every if cut else work
            if any(one.row.target != "user" for one in lists):
                with db.operation("agree", reason=f"plan {report.plan}: what both sides have now", mode="batch"):
                    agreeing.note(db, lists)
            if cut and report.operation is None:
                report.operation = db.value(CHANGED, [report.plan])
            state = "failed" if report.failed else "applied"
            db.execute(f"update plans set status = ?, applied_at = {NOW}, operation_id = coalesce(?, operation_id) where id = ?", [state, report.operation, report.plan])
    finally:
        for target in to_close:
            target.close()
    return report


def resume(db: Database, plan: int | str) -> int:
    """Approve the steps that failed or were skipped once more; `apply` then goes on. Returns how many."""
    number = reviewing.get(db, plan).id
    with db.atomic():
        return db.execute("update plan_operations set status = 'approved', error_message = null where plan_id = ? and status in ('failed', 'skipped')", [number]).rowcount


def _told(work: Work) -> list[str]:
    lines = [f"{work.row.target}: {op.action} {work.row.name!r}" for op in work.heads if op.status != "done"]
    return lines + [f"{work.row.target}: {work.row.name!r}: {w.move.op} {w.op.title or w.op.item}" + (f" at {w.move.to + 1}" if w.move.to is not None else "") for w in work.writes()]


def _executed(db: Database, report: Report, todo: list[Row], executor: str, progress: Progress | None, dry_run: bool) -> Report:
    """Plans of other kinds: one call a step."""
    module, _, name = executor.partition(":")
    run = getattr(importlib.import_module(module), name)
    if dry_run:
        report.writes = [f"{op.action} {op.title or op.item}" for op in todo]
        return report
    with db.atomic():
        db.execute("update plans set status = 'running' where id = ?", [report.plan])
    for n, op in enumerate(todo):
        if progress:
            progress(n, len(todo), f"{op.action} {op.title or op.item}")
        mark(db, op.id, "running")
        try:
            mark(db, op.id, "done", run(db, op) or {})
            report.done += 1
        except MusicdbError as e:
            mark(db, op.id, "failed", error=str(e))
            report.failed += 1
            report.messages.append(f"{op.action} {op.title or op.item}: {e}")
    with db.atomic():
        db.execute(f"update plans set status = ?, applied_at = {NOW} where id = ?", ["failed" if report.failed else "applied", report.plan])
    return report


def undo(db: Database, plan: int | str, *, open_targets: Mapping[str, targets.Target] | None = None, by: str | None = None) -> list[str]:
    """Take back what a plan did: your lists through the log, a target from its backup or by inverse steps. Returns sentences."""
    from . import undoing

    return undoing.undo(db, plan, open_targets or {}, by)


__all__ = ["EXECUTORS", "Report", "apply", "mark", "resume", "undo"]
