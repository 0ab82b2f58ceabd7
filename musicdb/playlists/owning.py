"""The part of a plan that changes your own lists: one operation of the log, which `musicdb undo` takes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput, StalePlan
from . import agreeing, editing, linking, pairs, rules, snapshots, states
from .carrying import NOW, Work, keys, mark
from .diffing import diff

if TYPE_CHECKING:
    from ..db import Database, Row

DONE = "select exists (select 1 from json_each(?) as j cross join plan_operations as o on o.id = j.value where o.status = 'done')"


def stale(db: Database, lists: Sequence[Work]) -> list[str]:
    """Sentences about your lists that are not as they were when the plan was made."""
    ids = {work.row.playlist_id for work in lists if work.row.playlist_id is not None}
    raws = states.own(db, ids)
    uids = states.uids(db, {item for raw in raws.values() for item in raw.ids})
    now_of = linking.current(db, {str(key) for work in lists for key, _ in work.now if "/" not in str(key)})
    found = []
    for work in lists:
        if work.row.playlist_id is None:
            continue
        raw = raws.get(work.row.playlist_id)
        if raw is not None and (text := renamed(work, raw.name)):
            found.append(f"your list {text}")
        if not (work.coming or work.leaving):
            continue
        if raw is None or raw.is_gone:
            found.append(f"your list {work.row.name!r} is gone")
            continue
        live, known = [uids[item] for item in raw.ids if item in uids], [now_of.get(key, key) for key in keys(work.now)]
        if live != known:
            found.append(f"your list {work.row.name!r} changed: {told(known, live)}")
    return found


def renamed(work: Work, name: str) -> str | None:
    """A sentence where a list that is to be renamed has another name by now than the plan saw, and than it shall have."""
    for op in work.heads:
        if op.action == "rename" and op.status != "done":
            before, after = (msgspec.json.decode(one or "{}") for one in (op.before, op.after))
            if name not in (before.get("name"), after.get("name")):
                return f"{before.get('name')!r} was renamed to {name!r} meanwhile"
    return None


def told(before: Sequence[str], after: Sequence[str]) -> str:
    """What changed, counted: "2 items added, 1 removed"."""
    words = {"add": "added", "remove": "removed", "move": "moved"}
    changes = [change.op for change in diff(before, after)]
    return ", ".join(f"{changes.count(op)} {word}" for op, word in words.items() if op in changes) or "its items are the same"


def carry_out(db: Database, report: Any, lists: Sequence[Work], by: str | None, tell: Any) -> None:
    """All approved steps on your own lists, or none of them."""
    ops = {op.id: op for work in lists for op in (*work.heads, *work.coming, *(op for op, _ in work.leaving)) if op.status != "done"}
    if not ops:
        return
    with db.operation("sync", actor=by or "me", reason=f"plan {report.plan}: {len(ops):,} steps on your lists") as operation:
        report.operation = operation.id
        # looked at again, now that nobody else can write: another run may have carried out the same plan meanwhile
        if db.value(DONE, [msgspec.json.encode(list(ops)).decode()]):
            raise StalePlan(f"plan {report.plan} was carried out by another run meanwhile; `musicdb sync --show {report.plan}` says how far")
        if moved := stale(db, lists):
            raise StalePlan(f"plan {report.plan} is no longer true: {'; '.join(moved[:5])}. Nothing was done to your lists; make a new plan")
        heads = [(op, work) for work in lists for op in work.heads if op.status != "done"]
        ordered = sorted(heads, key=lambda one: (one[0].priority, one[0].id))  # folders before what is put into them
        for op, work in ordered:
            if op.action == "folder":
                _make(db, [work], by)
        _make(db, [work for op, work in ordered if op.action == "create"], by)
        for op, work in ordered:
            if problem := _head(db, work, op):
                mark(db, op.id, "failed", error=problem)
                report.messages.append(problem)
                report.failed += 1
                del ops[op.id]
        rules.follow(db, [work.row.playlist_id for op, work in heads if op.action in ("create", "rename")])
        for n, work in enumerate(lists):
            tell(n, len(lists), f"your list {work.row.name!r}")
            if work.row.playlist_id is None and work.id is None:
                continue
            if work.coming or work.leaving:
                writes = work.writes()
                if writes:
                    work.now = writes[-1].after
                    editing.put(db, int(work.row.playlist_id), work.now, now=writes[0].before, noted=False, by=by)
        snapshots.take(db, "user", scope="sync", only={work.row.playlist_id for work in lists if work.row.playlist_id is not None})
        done = msgspec.json.encode({"operation": operation.id}).decode()
        db.executemany(f"update plan_operations set status = 'done', result = ?, error_message = null, completed_at = {NOW} where id = ?", [(done, op) for op in ops])
        with db.operation("agree", mode="batch"):  # it follows from the rest: no undo has to put it back
            agreeing.note(db, lists)
        operation.details = {"plan": report.plan, "steps": len(ops)}
    report.done += len(ops)


def _make(db: Database, lists: Sequence[Work], by: str | None) -> None:
    """Lists and folders that are new, with all that is in them."""
    sql = "select l.playlist_id from playlist_links as l where l.platform = ? and l.external_id = ?"
    new = []
    for work in lists:
        head = msgspec.json.decode(work.row.head or "{}") or {}
        parent = None if head.get("parent") is None else db.value(sql, [head.get("platform"), head["parent"]])
        new.append((head["name"], head.get("description"), head["kind"], parent, keys(work.wanted)))
    for work, id in zip(lists, editing.made(db, new, by=by), strict=True):
        work.row["playlist_id"], work.id, work.now = id, str(id), list(work.wanted)
        db.execute("update plan_lists set playlist_id = ? where id = ?", [id, work.row.id])
        _link(db, work)  # what lies in a folder finds it by that


def _link(db: Database, work: Work) -> None:
    head = msgspec.json.decode(work.row.head or "{}") or {}
    if work.row.link_id is None and "external_id" in head:
        link = linking.make(
            db, int(work.row.playlist_id), head["platform"], head["external_id"], head["direction"], place=work.row.place, is_personal=head.get("is_personal", True)
        )  # fmt: skip
        work.row["link_id"] = link
        db.execute("update plan_lists set link_id = ? where id = ?", [link, work.row.id])


def _head(db: Database, work: Work, op: Row) -> str | None:
    """Carry out a step about a list as a whole; a sentence where it cannot be."""
    after = msgspec.json.decode(op.after or "{}") or {}
    id = work.row.playlist_id
    if op.action == "link":
        try:
            _link(db, work)
        except BadInput as error:  # it is linked to another one still
            return str(error)
    elif op.action == "rename":
        db.execute("update playlists set name = ? where id = ?", [after["name"], id])
    elif op.action == "describe":
        db.execute("update playlists set description = ? where id = ?", [after["description"], id])
    elif op.action == "place":
        parent = after["parent"]
        if isinstance(parent, str):  # theirs, which became yours just now
            parent = pairs.known_folder(linking.folders(db), after["platform"], after.get("place", ""), parent)
        if isinstance(parent, str) or parent in _below(db, id):
            return f"{work.row.name!r} stays where it is: " + ("its folder is not yours yet: approve that step first" if isinstance(parent, str) else "a folder cannot lie in itself")
        db.execute("update playlists set parent_id = ? where id = ?", [parent, id])
    elif op.action == "unlink":
        linking.drop(db, "id = ?", [work.row.link_id])
    return None


def _below(db: Database, id: int | None) -> set[int]:
    """A folder and all that lies in it."""
    sql = "with recursive b(id) as (select ? union select p.id from playlists as p join b on p.parent_id = b.id) select id from b"
    return {row[0] for row in db.execute(sql, [id])}
