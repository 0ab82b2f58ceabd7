"""The part of a plan that is written to a target: backup, lists made, items, lists taken away, verified; each step with its result.

What a service made just before a run was cut off is recognised by the next one: which lists of that name there were is noted before, so
that a new one can only be ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput, MusicdbError
from . import agreeing, owning, targets
from .carrying import Work, keys, mark
from .diffing import numbered

if TYPE_CHECKING:
    from ..db import Database, Row

LINKED = "select external_id from playlist_links where platform = ? and place = ?"


def stale(target: targets.Target, live: targets.State, lists: Sequence[Work]) -> list[str]:
    """Sentences about lists at a target that are not as the plan saw them; else notes in `work.now` what they are."""
    found = []
    for work in lists:
        if work.row.external_id is None:
            continue
        now = live.get(work.row.external_id)
        todo = [op for op in work.heads if op.status != "done"]
        if now is None:
            if not (todo and all(op.action == "delete" for op in todo)):  # what is to go and is gone, is as it was to be
                found.append(f"{target.name} no longer has {work.row.name!r}")
        elif text := owning.renamed(work, now.name):
            found.append(f"{target.name}'s {text}")
        elif work.is_loose:
            work.now = numbered(now.items)
        elif not now.writable and (work.coming or work.leaving):
            found.append(f"{target.name}'s {now.name!r} cannot be written: it is another's, or a smart list")
        elif work.is_new and list(now.items) == keys(work.wanted)[: len(now.items)]:  # made by a run that was cut off, and filled so far
            work.now = list(work.wanted[: len(now.items)])
        elif (done := work.resumed(list(now.items))) is None:
            found.append(f"{target.name}'s {work.row.name!r} changed: {owning.told(keys(work.expected()), list(now.items))}")
        else:
            work.now = [work.expected(), *(write.after for write in work.writes())][done]
    return found


class Run:
    """One target's part. tell(done, total, what)."""

    def __init__(self, db: Database, report: Any, target: targets.Target, live: targets.State, lists: Sequence[Work], tell: Any):
        self.db, self.report, self.target, self.live, self.lists, self.tell = db, report, target, live, lists, tell
        self.steps = [op for work in lists for op in (*work.heads, *work.coming, *(op for op, _ in work.leaving)) if op.status != "done"]
        self.total, self.done = len(self.steps), 0
        self.results: dict[int, dict[str, Any]] = {}
        self.failed: dict[int, str] = {}
        self.stopped: dict[int, str] = {}
        self.made = agreeing.ids(db, target.name, target.place)

    def carry_out(self) -> None:
        """All of it. What fails is told in the report."""
        try:
            backup = self.target.backup()
        except MusicdbError as error:
            for op in self.steps:
                mark(self.db, op.id, "failed", error=str(error))
            self.report.failed += self.total
            self.report.messages.append(f"{self.target.name}: {error}")
            return
        self._keep(backup)
        heads = sorted(((op, work) for work in self.lists for op in work.heads if op.status != "done"), key=lambda one: (one[0].priority, one[0].id))
        for op, work in heads:
            if op.action in ("create", "folder"):
                self._make(work, op)
            elif op.action != "delete":
                self._head(work, op)
        for adding in (True, False):
            for work in self.lists:
                self._items(work, adding)
        # what lies in a folder goes before it
        for op, work in sorted((one for one in heads if one[0].action == "delete"), key=lambda one: (self._kind(one[1]) == "folder", -one[0].id)):
            if self._one(work, op, targets.Step("delete", work.id, before=tuple(keys(work.before)), operation=op.id)):
                work.now = []
        self._finish(backup)

    def _keep(self, backup: targets.Backup) -> None:
        with self.db.atomic():
            self.db.execute("update plans set details = json_insert(coalesce(details, '{}'), '$.backups', json('{}')) where id = ?", [self.report.plan])
            sql = "update plans set details = json_set(coalesce(details, '{}'), '$.backups.' || ?, json(?)) where id = ?"
            self.db.execute(sql, [f'"{self.target.name}"', msgspec.json.encode(backup.details).decode(), self.report.plan])

    def _kind(self, work: Work) -> str:
        now = self.live.get(str(work.id))
        return now.kind if now else ""

    # ---- steps
    def _one(self, work: Work, op: Row, step: targets.Step) -> bool:
        """One write; False where it or one before it failed."""
        if op.id in self.failed or id(work) in self.stopped:
            self.failed.setdefault(op.id, f"skipped: {self.stopped.get(id(work), 'a step before it failed')}")
            return False
        if op.status == "approved":
            mark(self.db, op.id, "running")
        self.tell(self.done, self.total, f"{self.target.name}: {op.action} {op.title or work.row.name}")
        try:
            result = self.target.apply(step)
        except MusicdbError as error:
            self._fail(work, op, str(error))
            return False
        self.results[op.id] = {**self.results.get(op.id, {}), **result}
        whole = step.action != "fill" and op.action in ("create", "folder") and not self.target.atomic  # its tracks follow
        if not self.target.atomic and not whole and not (op.action == "transfer" and step.action == "add"):
            mark(self.db, op.id, "done", self.results[op.id])
        self.done += not whole
        return True

    def _fail(self, work: Work, op: Row, text: str) -> None:
        self.failed[op.id] = text
        self.stopped[id(work)] = f"{op.action} {op.title or work.row.name!r} failed"

    def _head(self, work: Work, op: Row) -> None:
        after = msgspec.json.decode(op.after or "{}") or {}
        parent = after.get("parent")
        if op.action == "place" and parent is not None and parent not in self.made:
            self._fail(work, op, f"its folder is not at {self.target.name}: approve the step that makes it, or deny this one")
            return
        step = targets.Step(
            op.action, work.id, key=op.item, name=after.get("name"), description=after.get("description"), parent=None if parent is None else self.made[parent],
            tag=after.get("tag"), value=after if op.action in ("rate", "cues") else None, before=tuple(keys(work.now)), after=tuple(keys(work.now)), operation=op.id,
        )  # fmt: skip
        self._one(work, op, step)

    def _make(self, work: Work, op: Row) -> None:
        """A list or folder. A service has it before its id is known here: what had that name is noted first, and a run that was cut off
        finds it; then it is filled."""
        head = msgspec.json.decode(work.row.head or "{}") or {}
        name, parent = head.get("name") or work.row.name, self.made.get(head.get("parent"))  # type: ignore[arg-type]
        wanted = tuple(keys(work.wanted))
        step = targets.Step(op.action, None, name=name, description=head.get("description"), parent=parent, after=wanted, operation=op.id)
        if self.target.atomic:
            if self._one(work, op, step):
                work.id = str(self.results[op.id].get("id") or work.id)
                self._known(work)
                work.now = list(work.wanted)
            return
        have = tuple(keys(work.now)) if work.id is not None else ()
        try:
            if work.id is None and op.result:  # an earlier try was cut off, or its answer did not come
                work.id, have = self._adopted(op, name, wanted)
        except BadInput as error:
            self._fail(work, op, str(error))
            return
        if work.id is None:
            same = [one.id for one in self.live.values() if _same(one.name, name)]
            mark(self.db, op.id, "running", {"same": same})
            if not self._one(work, op, replace(step, after=())):
                return
            work.id = str(self.results[op.id]["id"])
        self._known(work)
        agreeing.linked(self.db, self.target, work)
        if op.action == "folder" or have == wanted:
            mark(self.db, op.id, "done", {**self.results.get(op.id, {}), "id": work.id})
            self.results[op.id], self.done = {"id": work.id}, self.done + 1
        elif not self._one(work, op, targets.Step("fill", work.id, before=have, after=wanted, operation=op.id)):
            return
        work.now = list(work.wanted)

    def _known(self, work: Work) -> None:
        if work.row.playlist_id is not None and work.id is not None:
            self.made[work.row.playlist_id] = work.id

    def _adopted(self, op: Row, name: str, wanted: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
        """The list that a run made which was cut off before it could note its id, and what is in it. Raises BadInput where that is not sure."""
        told = msgspec.json.decode(op.result or "{}") or {}
        if told.get("id"):
            now = self.live.get(told["id"])
            return (now.id, now.items) if now else (None, ())
        if "same" not in told:
            return None, ()
        linked = {row[0] for row in self.db.execute(LINKED, [self.target.name, self.target.place])}
        new = [one for one in self.live.values() if _same(one.name, name) and one.id not in told["same"] and one.id not in linked and one.writable]
        if not new:
            return None, ()
        if len(new) == 1 and new[0].items == wanted[: len(new[0].items)]:
            return new[0].id, new[0].items
        text = f"{self.target.name} has {len(new)} lists {name!r} that came since this step was begun, or one with other tracks: take them away there or link one"
        raise BadInput(f"{text} (`musicdb playlists link`), then make a new plan; none was made beside them")

    def _items(self, work: Work, adding: bool) -> None:
        if work.is_new:
            return
        start = work.resumed(keys(work.now)) if work.now != work.expected() else 0
        for write in work.writes()[start or 0 :]:
            if (write.move.op == "remove") is adding:
                continue
            move, before, after = write.move, tuple(keys(write.before)), tuple(keys(write.after))
            if self._one(work, write.op, targets.Step(move.op, work.id, str(move.item[0]), move.at, move.to, before=before, after=after, operation=write.op.id)):
                work.now = write.after

    # ---- the end
    def _finish(self, backup: targets.Backup) -> None:
        target = self.target
        self.tell(self.total, self.total, f"{target.name}: checking")
        gone = {id(work) for work in self.lists if any(op.action == "delete" for op in work.heads)}
        expected = {work.id: keys(work.now) for work in self.lists if work.id is not None and not work.is_loose and id(work) not in gone}
        problems: list[str] = []
        try:
            target.commit()
            problems = target.verify(expected)
        except MusicdbError as error:
            problems = [str(error)]
        if problems:
            self.report.messages += [f"{target.name}: {text}" for text in problems]
            if target.atomic:
                target.restore(backup.details)
                self.report.messages.append(f"{target.name}: the backup was put back")
                self.failed |= {op.id: problems[0] for op in self.steps}
        undone = target.atomic and bool(problems)
        with self.db.atomic():  # a list that was made and is not known as yours would be another's
            self._note()
            for work in () if undone else self.lists:
                if work.is_new and work.id is not None and not any(op.id in self.failed for op in work.heads):
                    agreeing.linked(self.db, target, work)
        if undone:
            for work in self.lists:
                work.now = work.expected()
            return
        target.observe()

    def _note(self) -> None:
        """Each step's end."""
        for op in self.steps:
            if op.id in self.failed:
                skipped = self.failed[op.id].startswith("skipped: ")
                mark(self.db, op.id, "skipped" if skipped else "failed", error=self.failed[op.id])
                self.report.skipped += skipped
                self.report.failed += not skipped
            else:
                if self.target.atomic or op.action == "transfer":
                    mark(self.db, op.id, "done", self.results.get(op.id, {}))
                self.report.done += 1


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()

