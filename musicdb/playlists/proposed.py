"""The rows of a plan before they are stored: lists, steps, and how a step comes out of two states of a list. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .diffing import diff
from .syncing import Item

PRIORITY = {
    "folder": 10, "create": 20, "link": 25, "rename": 30, "describe": 30, "place": 35, "add": 40, "transfer": 45, "move": 50, "remove": 60, "delete": 80, "unlink": 22,
    "like": 40, "unlike": 60, "tag": 40, "untag": 60, "rate": 40, "cues": 40,
}  # fmt: skip


@dataclass(slots=True)
class List:
    """A list that the plan touches. before, after: keys there (yours: track uids), with repeats."""

    target: str
    name: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    place: str = ""
    external_id: str | None = None
    playlist_id: int | None = None
    link_id: int | None = None
    head: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] | None = None


@dataclass(slots=True)
class Op:
    """One step of a plan, as the columns of `plan_operations`."""

    list: List | None
    action: str
    reason: str
    item: str | None = None
    nth: int = 0
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    title: str | None = None
    track_id: int | None = None
    from_list: List | None = None
    hold: str | None = None
    needs: str = ""
    status: str = "proposed"
    priority: int = 0


@dataclass(slots=True)
class Plan:
    """A plan as made: id (None for a dry run), its steps, warnings, and what is as it should be (names of lists)."""

    id: int | None
    operations: list[Op] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settled: int = 0

    def __len__(self) -> int:
        return len(self.operations)


def steps(where: List, before: Sequence[Item], after: Sequence[Item]) -> list[Op]:
    """One Op without a reason for each step from `before` to `after`."""
    ops: list[Op] = []
    if before == after:
        return ops
    for change in diff(before, after):
        key, n = change.key  # type: ignore[misc]
        op = Op(where, change.op, "", item=str(key), nth=n, priority=PRIORITY[change.op])
        if change.op != "add":
            op.before = {"at": list(before).index(change.key)}
        if change.op != "remove":
            op.after = {"to": list(after).index(change.key)}
        ops.append(op)
    return ops
