"""After a plan was carried out: what both sides agree on now, and which list there belongs to which of yours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from . import linking, pairs
from .carrying import Work
from .diffing import numbered
from .syncing import Item

if TYPE_CHECKING:
    from ..db import Database
    from .targets import Target


def ids(db: Database, target: str, place: str) -> dict[int, str]:
    """{your playlist or folder: its id at a target}."""
    return dict(db.execute("select playlist_id, external_id from playlist_links where platform = ? and place = ?", [target, place]).fetchall())


def linked(db: Database, target: Target, work: Work) -> None:
    """Note that a list made there is the counterpart of yours: it is known by its id, never by its name."""
    if work.row.link_id is not None or work.row.playlist_id is None or work.id is None:
        return
    head = msgspec.json.decode(work.row.head or "{}") or {}
    with db.operation("sync", reason=f"{work.row.name!r} was made at {target.name}", playlist_id=work.row.playlist_id):
        work.row["link_id"] = linking.make(db, work.row.playlist_id, target.name, work.id, head.get("direction") or "push", place=target.place)
        db.execute("update plan_lists set link_id = ?, external_id = ? where id = ?", [work.row.link_id, work.id, work.row.id])


def note(db: Database, lists: Sequence[Work]) -> None:
    """Store the base of every link that the plan touched, inside a transaction of the caller. Not where a read had collapsed."""
    by_link: dict[int, list[Work]] = {}
    for work in lists:
        if work.row.link_id is not None and db.value("select 1 from playlist_links where id = ?", [work.row.link_id]):
            by_link.setdefault(work.row.link_id, []).append(work)
    found: list[linking.Agreed] = []
    folders = linking.folders(db)
    for link, works in by_link.items():
        base = works[0].base
        if not base or base.get("collapsed") or "direction" not in base:
            continue
        here, there = _items(base.get("here")), _items(base.get("there"))
        known = dict(zip(there, base.get("ids", ()), strict=False))
        for work in works:
            if work.row.target == "user":
                here = work.now if (work.coming or work.leaving or work.is_new) else here
            else:
                to_key = {item: key for item, key in zip(_items(work.base.get("items")), _items(work.base.get("keys")), strict=False)}
                to_key |= dict(zip(numbered(base.get("ids", ())), _items(base.get("there")), strict=False))
                if work.coming or work.leaving or work.is_new:
                    there = [to_key[item] for item in work.now if item in to_key]
                known |= {key: str(item[0]) for item, key in to_key.items()}
        old = db.value("select s.data from playlist_links as l join snapshots as s on s.id = l.base_snapshot_id where l.id = ?", [link])
        heads = pairs.heads(msgspec.json.decode(old) if old else {}, *_heads(db, link, works, folders))
        agreed = pairs.agreed(base.get("base") or [], here, there, base["direction"], known, bool(base.get("conflict")), {**heads, "clean": False, "sig": None})
        found.append(linking.Agreed(link, base["platform"], agreed, base.get("whose") or base["platform"]))
    linking.agree(db, found)


def _heads(db: Database, link: int, works: Sequence[Work], folders: Mapping[tuple[str, str], Mapping[str, int]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Name, description and folder of yours now; of theirs as the plan saw it and its steps left it."""
    row = db.one("select l.platform, l.place, p.name, p.description, p.parent_id as parent from playlist_links as l join playlists as p on p.id = l.playlist_id where l.id = ?", [link])
    here = {"name": row.name, "description": row.description or None, "parent": row.parent}
    there = dict(works[0].base.get("there_head") or {})
    for work in works:
        head = msgspec.json.decode(work.row.head or "{}") or {}
        if work.is_new and work.row.target == "user":  # taken over: theirs is what it was made from
            there = {key: head.get(key) for key in ("name", "description", "parent")}
        elif work.is_new:
            made = head.get("parent") in folders.get((row.platform, row.place), {}).values()
            there = {"name": head.get("name"), "description": head.get("description"), "parent": head.get("parent") if made else None}
        done = "select action, after from plan_operations where plan_list_id = ? and status = 'done' and action in ('rename', 'describe', 'place') order by id"
        for action, after in () if work.row.target == "user" else db.execute(done, [work.row.id]).fetchall():
            what = {"rename": "name", "describe": "description", "place": "parent"}[action]
            there[what] = (msgspec.json.decode(after or "{}") or {}).get(what)
    if isinstance(there.get("parent"), str):
        there["parent"] = pairs.known_folder(folders, row.platform, row.place, there["parent"])
    return here, {"name": None, "description": None, "parent": None} | there


def _items(value: Any) -> list[Item]:
    return [(key, n) for key, n in value or ()]
