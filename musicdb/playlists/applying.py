"""Carrying out a plan: exactly the approved steps, in a safe order, each with its result; or nothing, where something moved on.

Yours are written in one operation of the log. A target is read, backed up, written step by step, verified; where that fails, the backup is
put back. A run that was cut off is gone on with: what is there now says how far it came.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput, MusicdbError, StalePlan
from . import agreeing, carrying, owning, reviewing, targets
from .carrying import Work, keys
from .diffing import diff

if TYPE_CHECKING:
    from ..db import Database, Row

Progress = Callable[[int, int | None, str], object]  # done, total, what
NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
# Plans of other kinds: what carries out one of their steps: "module:function", fn(db, row of plan_operations) -> result.
EXECUTORS: dict[str, str] = {"files": "musicdb.reconciling:execute"}
SHOWN = 5


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
    if not todo:
        left = sum(op.status == "proposed" for op in waiting)
        raise BadInput(f"plan {found.id} has no approved step" + (f"; {left} wait for you: musicdb sync --approve {found.id}" if left else ""))
    report = Report(int(found.id))
    if executor := EXECUTORS.get(found.kind):
        return _executed(db, report, todo, executor, progress, dry_run)
    work = [one for one in carrying.read(db, report.plan) if any(op.status != "done" for op in [*one.heads, *one.coming, *(op for op, _ in one.leaving)])]
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
        stale = owning.stale(db, mine) + [text for (name, _), lists in others.items() for text in _stale(db, opened[name], live[name], lists)]
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
            _target(db, report, opened[name], lists, tell)
        with db.atomic():
            if others:
                with db.operation("agree", reason=f"plan {report.plan}: what both sides have now", mode="batch"):
                    agreeing.note(db, work)
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


def mark(db: Database, op: int, status: str, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
    """Note where a step stands."""
    ended = f"completed_at = {NOW}" if status in ("done", "failed", "skipped") else f"started_at = {NOW}"
    with db.atomic():
        db.execute(
            f"update plan_operations set status = ?, result = coalesce(?, result), error_message = ?, {ended} where id = ?",
            [status, None if result is None else msgspec.json.encode(result).decode(), error, op],
        )


def _told(work: Work) -> list[str]:
    lines = [f"{work.row.target}: {op.action} {work.row.name!r}" for op in work.heads if op.status != "done"]
    return lines + [f"{work.row.target}: {work.row.name!r}: {w.move.op} {w.op.title or w.op.item}" + (f" at {w.move.to + 1}" if w.move.to is not None else "") for w in work.writes()]


def _stale(db: Database, target: targets.Target, live: targets.State, lists: list[Work]) -> list[str]:
    found = []
    for work in lists:
        if work.row.external_id is None:
            continue
        now = live.get(work.row.external_id)
        if now is not None and work.is_loose:
            work.now = carrying.numbered(now.items)
        elif now is None:
            found.append(f"{target.name} no longer has {work.row.name!r}")
        elif not now.writable and (work.coming or work.leaving):
            found.append(f"{target.name}'s {now.name!r} cannot be written: it is another's, or a smart list")
        elif (done := work.resumed(list(now.items))) is None:
            found.append(f"{target.name}'s {work.row.name!r} changed: {owning.told(keys(work.expected()), list(now.items))}")
        else:
            work.now = [work.expected(), *(write.after for write in work.writes())][done]
    return found


def _target(db: Database, report: Report, target: targets.Target, lists: list[Work], tell: Progress) -> None:
    """All of one target: backup, writes, commit, verify."""
    steps = [op for work in lists for op in (*work.heads, *work.coming, *(op for op, _ in work.leaving)) if op.status != "done"]
    total, done, results = len(steps), 0, {}
    failed: dict[int, str] = {}
    try:
        backup = target.backup()
    except MusicdbError as e:
        for op in steps:
            mark(db, op.id, "failed", error=str(e))
        report.failed += total
        report.messages.append(f"{target.name}: {e}")
        return
    with db.atomic():
        sql = "update plans set details = json_set(coalesce(details, '{}'), '$.backups.' || ?, json(?)) where id = ?"
        db.execute("update plans set details = json_insert(coalesce(details, '{}'), '$.backups', json('{}')) where id = ?", [report.plan])
        db.execute(sql, [f'"{target.name}"', msgspec.json.encode(backup.details).decode(), report.plan])

    def one(work: Work, op: Row, step: targets.Step) -> bool:
        nonlocal done
        if op.id in failed or id(work) in stopped:
            failed.setdefault(op.id, f"skipped: {stopped.get(id(work), 'a step before it failed')}")
            return False
        if op.status == "approved":
            mark(db, op.id, "running")
        tell(done, total, f"{target.name}: {op.action} {op.title or work.row.name}")
        try:
            result = target.apply(step)
        except MusicdbError as e:
            failed[op.id] = str(e)
            stopped[id(work)] = f"{op.action} {op.title or work.row.name!r} failed"
            return False
        results[op.id] = {**results.get(op.id, {}), **result}
        if step.action == "create" or step.action == "folder":
            work.id = str(result.get("id") or work.id)
        if not target.atomic and not (op.action == "transfer" and step.action == "add"):
            mark(db, op.id, "done", results[op.id])
        done += 1
        return True

    stopped: dict[int, str] = {}
    made = agreeing.ids(db, target.name, target.place)
    for work in sorted(lists, key=lambda w: min((op.priority for op in w.heads), default=100)):
        for op in [op for op in work.heads if op.status != "done" and op.action not in ("delete",)]:
            step = _head_step(work, op, made)
            if one(work, op, step):
                if work.is_new:
                    work.now = list(work.wanted)
                    if work.row.playlist_id is not None and work.id is not None:
                        made[work.row.playlist_id] = work.id
                        if not target.atomic:  # where the run is cut off now, the list is known to be ours
                            agreeing.linked(db, target, work)
    for adding in (True, False):
        for work in lists:
            if work.is_new:
                continue
            start = work.resumed(keys(work.now)) if work.now != work.expected() else 0
            for write in work.writes()[start or 0 :]:
                if (write.move.op == "remove") is adding:
                    continue
                step = targets.Step(
                    write.move.op, work.id, str(write.move.item[0]), write.move.at, write.move.to, before=tuple(keys(write.before)), after=tuple(keys(write.after)), operation=write.op.id
                )  # fmt: skip
                if one(work, write.op, step):
                    work.now = write.after
    for work in lists:
        for op in [op for op in work.heads if op.status != "done" and op.action == "delete"]:
            if one(work, op, targets.Step("delete", work.id, before=tuple(keys(work.before)), operation=op.id)):
                work.now = []
    tell(total, total, f"{target.name}: checking")
    expected = {work.id: keys(work.now) for work in lists if work.id is not None and not work.is_loose and not any(op.action == "delete" for op in work.heads)}
    problems: list[str] = []
    try:
        target.commit()
        problems = target.verify(expected)
    except MusicdbError as e:
        problems = [str(e)]
    if problems:
        report.messages += [f"{target.name}: {text}" for text in problems]
        if target.atomic:
            target.restore(backup.details)
            report.messages.append(f"{target.name}: the backup was put back")
            failed |= {op.id: problems[0] for op in steps}
    for op in steps:
        if op.id in failed:
            skipped = failed[op.id].startswith("skipped: ")
            mark(db, op.id, "skipped" if skipped else "failed", error=failed[op.id])
            report.skipped += skipped
            report.failed += not skipped
        else:
            if target.atomic or op.action == "transfer":
                mark(db, op.id, "done", results.get(op.id, {}))
            report.done += 1
    if target.atomic and problems:
        for work in lists:
            work.now = work.expected()
    else:
        for work in lists:
            if work.is_new and work.id is not None and not any(op.id in failed for op in work.heads):
                agreeing.linked(db, target, work)
        target.observe()


def _head_step(work: Work, op: Row, made: Mapping[int, str]) -> targets.Step:
    """The write of a step about a list as a whole."""
    head = msgspec.json.decode(work.row.head or "{}") or {}
    after = msgspec.json.decode(op.after or "{}") or {}
    if op.action in ("create", "folder"):
        parent = made.get(head.get("parent"))  # type: ignore[arg-type]
        return targets.Step(op.action, None, name=head.get("name") or work.row.name, description=head.get("description"), parent=parent, after=tuple(keys(work.wanted)), operation=op.id)
    return targets.Step(
        op.action, work.id, key=op.item, name=after.get("name"), description=after.get("description"), parent=after.get("parent"), tag=after.get("tag"),
        before=tuple(keys(work.now)), after=tuple(keys(work.now)), operation=op.id,
    )  # fmt: skip


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


__all__ = ["EXECUTORS", "Report", "apply", "diff", "mark", "resume", "undo"]
