"""Ratings and cues for a Rekordbox XML, as steps of a plan: what the library says of the tracks in your lists there, and the file does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import planning, states, targets
from .proposed import PRIORITY, List, Op, Plan

if TYPE_CHECKING:
    from ..db import Database


def marks(db: Database, place: str, *, target: Any = None, dry_run: bool = False) -> Plan:
    """Steps that give the tracks of your lists in a Rekordbox XML (place: its path) the rating and cues that the library has. Cues that the file
    has already are replaced only by a step that you approve by its number; nothing is ever taken away. target: opened already."""
    opened = target or targets.find(db, "rekordbox_xml", place)
    try:
        there = opened.marks()
        said = opened.said(list(there))
    finally:
        if target is None:
            opened.close()
    rows = states.rows_of(db, opened.platform, there)
    uids = states.keys(db, rows.values())
    where = List(opened.name, "Ratings and cues", place=opened.place)
    made = Plan(None)
    for key in sorted(said):
        has, wanted = there[key], said[key]
        title = uids.get(rows.get(key, 0), key)
        for what, action in (("rating", "rate"), ("cues", "cues")):
            if not wanted[what] or wanted[what] == has[what]:
                made.settled += bool(wanted[what])
                continue
            op = Op(where, action, "", item=key, title=title, before={what: has[what]}, after={what: wanted[what]}, priority=PRIORITY[action])
            if what == "rating":
                op.reason = f"the library says {wanted[what]} of 5, the file {has[what] or 'nothing'}"
            else:
                op.reason = f"the library has {len(wanted[what])} cues, the file {len(has[what])}" + (" others" if has[what] else "")
                if has[what]:
                    op.needs, op.hold = "look", f"{op.reason}: theirs would be replaced; approve it by its number"
            made.operations.append(op)
    titles = states.titles(db, {str(op.title) for op in made.operations})
    for op in made.operations:
        op.title, op.track_id = titles.get(str(op.title), (op.title, None))
    planning.remember(db, made.operations)
    if made.operations and not dry_run:
        made.id = planning.store(db, made.operations, kind="marks", target=opened.name)
    return made
