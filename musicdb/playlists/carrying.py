"""A stored plan, taken apart for carrying it out: lists with their approved steps, and the writes these are, one after the other; and where each step stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from . import syncing
from .diffing import numbered
from .syncing import Item

if TYPE_CHECKING:
    from ..db import Database, Row

LISTS = "select * from plan_lists where plan_id = ? order by id"
STEPS = "select * from plan_operations where plan_id = ? and status in ('approved', 'running', 'done') order by priority, id"
NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
LOOSE = ("like", "unlike", "tag", "untag", "rate", "cues", "rename", "describe", "place")


@dataclass(slots=True)
class Write:
    """One write on a list: the step it belongs to, what it does, the list before and after it."""

    op: Row
    move: syncing.Move
    before: list[Item]
    after: list[Item]


@dataclass(slots=True)
class Work:
    """A list of a plan with its steps. now: its items as they are, by their identity in the plan."""

    row: Row
    base: dict[str, Any]
    before: list[Item]
    wanted: list[Item]
    heads: list[Row] = field(default_factory=list)  # steps about the list as a whole
    coming: list[Row] = field(default_factory=list)  # steps that add or move
    leaving: list[tuple[Row, Item]] = field(default_factory=list)  # steps that remove, with the item
    now: list[Item] = field(default_factory=list)
    id: str | None = None  # at the target

    @property
    def is_new(self) -> bool:
        return any(op.action in ("create", "folder") for op in self.heads)

    @property
    def is_loose(self) -> bool:
        """Whether its steps hold whatever else the list has: likes, tags, another name."""
        return not (self.coming or self.leaving) and all(op.action in LOOSE for op in self.heads)

    def expected(self) -> list[Item]:
        """The list with the steps that were done in an earlier run."""
        return syncing.steps(self.before, self.wanted, self._todo(done=True))[1]

    def _todo(self, *, done: bool) -> list[tuple[str, Item]]:
        mine = [("move" if op.action == "move" else "add", (op.item, op.nth)) for op in self.coming if (op.status == "done") is done]
        return mine + [("remove", item) for op, item in self.leaving if (op.status == "done") is done]

    def writes(self) -> list[Write]:
        """What is to be written, additions first. Steps that were done are not among it."""
        ops = {("move" if op.action == "move" else "add", (op.item, op.nth)): op for op in self.coming}
        ops |= {("remove", item): op for op, item in self.leaving}
        now = self.expected()
        moves, _ = syncing.steps(now, self.wanted, self._todo(done=False))
        found = []
        for move in moves:
            after = list(now)
            if move.at is not None:
                after.pop(move.at)
            if move.to is not None:
                after.insert(move.to, move.item)
            found.append(Write(ops[move.op, move.item], move, now, after))
            now = after
        return found

    def resumed(self, live: list[str]) -> int | None:
        """How many of `writes` are done already, seen from what is there now (an earlier run was cut off); None: it is another list."""
        writes = self.writes()
        states = [self.expected(), *(write.after for write in writes)]
        cut = any(write.op.status == "running" for write in writes)
        for n, state in enumerate(states if cut else states[:1]):
            if keys(state) == live:
                return n
        return None


def keys(items: list[Item]) -> list[str]:
    """Items without what tells repeats apart."""
    return [str(key) for key, _ in items]


def mark(db: Database, op: int, status: str, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
    """Note where a step stands."""
    ended = f"completed_at = {NOW}" if status in ("done", "failed", "skipped") else f"started_at = {NOW}"
    with db.atomic():
        db.execute(
            f"update plan_operations set status = ?, result = coalesce(?, result), error_message = ?, {ended} where id = ?",
            [status, None if result is None else msgspec.json.encode(result).decode(), error, op],
        )


def read(db: Database, plan: int) -> list[Work]:
    """The lists of a plan that have approved, running or done steps."""
    found: dict[int, Work] = {}
    for row in db.q(LISTS, [plan]):
        base = msgspec.json.decode(row.base) if row.base else {}
        before = [tuple(item) for item in base["now"]] if "now" in base else numbered(msgspec.json.decode(row.before))
        wanted = [tuple(item) for item in base["items"]] if "items" in base else numbered(msgspec.json.decode(row.after))
        found[row.id] = Work(row, base, before, wanted, id=row.external_id)
    for op in db.q(STEPS, [plan]):
        if op.plan_list_id is None:
            continue
        work = found[op.plan_list_id]
        if op.action in ("add", "move", "transfer"):
            work.coming.append(op)
        elif op.action == "remove":
            work.leaving.append((op, (op.item, op.nth)))
        else:
            work.heads.append(op)
        if op.from_list_id is not None:
            found[op.from_list_id].leaving.append((op, (op.item, msgspec.json.decode(op.before or "{}").get("nth", 0))))
    for work in found.values():
        work.now = work.expected()
    return [work for work in found.values() if work.heads or work.coming or work.leaving]
