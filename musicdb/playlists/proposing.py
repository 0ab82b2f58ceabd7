"""Steps with their reasons: of a pair that differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from . import linking, pairs, states, syncing
from .diffing import numbered
from .proposed import PRIORITY, List, Op, steps
from .targets import FLAT

if TYPE_CHECKING:
    from ..db import Database, Row

WHY_HELD = {
    "once": "missing at {name} for the first time: after the next import that misses it too, it counts",
    "collapsed": "most of the list is missing {side} at once, which looks like a failed read: nothing is concluded (--believe says that it is true)",
}
# What the platform says of each item that is or was in a list: when it came, when and how it went.
SAID = """
select i.platform_track_id, max(coalesce(i.added_at, i.first_seen_at)) as came, max(i.removed_at) as went, i.gone_reason as why
from platform_playlist_items as i where i.platform_playlist_id = ? group by i.platform_track_id
"""
MINE = "select coalesce(track_id, -release_id) as item, max(added_at) as came, max(deleted_at) as went from playlist_items where playlist_id = ? group by 1"
def streaming(db: Database) -> list[str]:
    """Streaming services that have playlists here, most trusted first."""
    sql = "select name from platforms as s where kind = 'streaming' and exists (select 1 from platform_playlists where platform = s.name) order by priority"
    return [row[0] for row in db.execute(sql)]


def shown(db: Database, platform: str) -> str:
    """A platform's name for people."""
    return str(db.value("select title from platforms where name = ?", [platform]) or platform)


# ---------- a pair


def of_pair(db: Database, pair: pairs.Pair, warnings: list[str]) -> list[Op]:
    """The steps that bring both sides of a pair to what was merged; what is not believed or not possible yet is among them, held back."""
    link, merged = pair.link, pair.merged
    name = shown(db, link.platform)
    for _, text in merged.conflicts:
        warnings.append(f"{link.name!r} and {name}: {text}; nothing is moved (--prefer here or --prefer there settles it)")
    for side in ("here", "there"):
        if any(h.why == "collapsed" and h.side == side for h in merged.held):
            n = sum(h.why == "collapsed" for h in merged.held)
            warnings.append(f"{link.name!r}: {n} of {len(pair.base or [])} items are missing {'at ' + name if side == 'there' else 'here'} at once; nothing is concluded")
    same = merged.here == merged.was_here and merged.there == merged.was_there
    said, mine = ({}, {}) if same else (_said(db, pair), _mine(db, pair))
    ops = _here(pair, name, said) + _there(db, pair, name, mine) + _heads(db, pair, name, warnings)
    before = _base_of(pair)
    lists: dict[str, List] = {}
    for op in ops:
        if op.list is not None:  # a rename and an addition are of one list
            op.list = lists.setdefault(op.list.target, op.list)
    for one in lists.values():
        one.base = {**before, **(one.base or {})}
    return ops


def _base_of(pair: pairs.Pair) -> dict[str, Any]:
    """What `applying` needs to note afterwards what was agreed on."""
    return {
        "base": pair.base or [], "direction": pair.link.direction, "conflict": bool(pair.merged.conflicts), "here": pair.merged.was_here, "there": pair.merged.was_there,
        "ids": pair.there_ids, "platform": pair.link.platform, "whose": pair.platform,
        "collapsed": any(h.why == "collapsed" for h in pair.merged.held), "there_head": pairs.heads_there(pair),
    }  # fmt: skip


def _here(pair: pairs.Pair, name: str, said: dict[str, Row]) -> list[Op]:
    before, wanted = pair.merged.was_here, pair.merged.here
    blocked = [i for i in wanted if "/" in str(i[0]) and i not in set(before)]
    after = [i for i in wanted if i not in set(blocked)]
    where = List("user", pair.link.name, pair.here, [str(k) for k, _ in after], playlist_id=pair.link.playlist_id, link_id=pair.link.id)
    where.base = {"items": after, "now": before}
    ops = steps(where, before, after)
    for op in ops:
        row = said.get(str(op.item))
        if op.action == "add":
            op.reason = f"new in {name}" + _since(row and row.came)
        elif op.action == "move":
            op.reason = f"moved in {name}"
        else:
            why = row.why if row else None
            op.reason = {"service": f"{name} dropped it", "owner": f"its owner removed it in {name}", "relinked": f"{name} gave it another id"}.get(why or "", f"you removed it in {name}") + _on(row and row.went)
            if why in ("service", "relinked"):
                op.needs, op.hold = "look", f"{op.reason}: it stays yours unless you approve this by its number"
    for key, n in blocked:
        ops.append(_blocked(where, "add", str(key), n, f"new in {name}", f"it is linked to no track yet: `musicdb link`, then `musicdb review --platform {pair.platform}`"))
    for held in pair.merged.held:
        if held.side == "there" and held.why == "once" and held.item in set(before):
            ops.append(_blocked(where, "remove", str(held.item[0]), held.item[1], f"no longer in {name}", WHY_HELD["once"].format(name=name)))
    return ops


def _there(db: Database, pair: pairs.Pair, name: str, mine: dict[str, Row]) -> list[Op]:
    before, wanted = pair.merged.was_there, pair.merged.there
    if wanted == before:
        return []
    new = [i for i in wanted if i not in set(before)]
    ids = states.at_platform(db, [str(k) for k, _ in new], pair.platform)
    blocked = [i for i in new if i[0] not in ids]
    after = [i for i in wanted if i not in set(blocked)]
    own_ids = dict(zip(before, numbered(pair.there_ids), strict=True))
    there_after = _named(after, own_ids, ids)
    where = List(
        pair.link.platform, pair.theirs.name if pair.theirs else pair.link.name, pair.there_ids, [key for key, _ in there_after], place=pair.place,
        external_id=pair.link.external_id, playlist_id=pair.link.playlist_id, link_id=pair.link.id,
    )  # fmt: skip
    where.head = {"version": pair.theirs.version if pair.theirs else None}
    where.base = {"items": there_after, "keys": after}
    key_of = dict(zip(there_after, after, strict=True)) | {ext: key for key, ext in own_ids.items()}
    ops = steps(where, numbered(pair.there_ids), there_after)
    for op in ops:
        key = str(key_of[str(op.item), op.nth][0])
        row = mine.get(key)
        op.title = key
        op.reason = {
            "add": "new in your list" + _since(row and row.came), "move": "moved in your list",
            "remove": "you removed it from your list" + _on(row and row.went) if row else "not in your list" + (f", which {name} mirrors" if pair.link.direction == "mirror" else ""),
        }[op.action]  # fmt: skip
    for key, n in blocked:
        what = "it is a release, which no playlist there can hold" if str(key).startswith("release/") else f"no {name} track is linked to it yet: find it there (notebook 02-link, Attach), or import it"
        ops.append(_blocked(where, "add", str(key), n, "new in your list", what))
    return ops


def _named(items: Sequence[syncing.Item], own: dict[syncing.Item, syncing.Item], ids: dict[str, str]) -> list[syncing.Item]:
    """Items by their ids there; what is new is numbered behind those of the same id."""
    count: Counter = Counter(key for key, _ in own.values())
    found = []
    for item in items:
        if item in own:
            found.append(own[item])
        else:
            ext = ids[str(item[0])]
            found.append((ext, count[ext]))
            count[ext] += 1
    return found


def _heads(db: Database, pair: pairs.Pair, name: str, warnings: list[str]) -> list[Op]:
    """Another name, description or folder, on the side that has the old one."""
    ops: list[Op] = []
    if pair.theirs is None or pair.agreed is None:
        return ops
    here_now, there_now = pairs.heads_here(pair), pairs.heads_there(pair)
    for what, action in (("name", "rename"), ("description", "describe"), ("parent", "place")):
        here, there, agreed = here_now[what], there_now[what], getattr(pair.agreed, what)
        if agreed is msgspec.UNSET or (what == "parent" and pair.link.platform in FLAT):
            continue
        want_here, want_there, conflict = syncing.value(agreed or None, here, there, pair.link.direction)
        if conflict:
            words = "put into another folder here and there" if what == "parent" else f"its {what} is {here!r} here and {there!r} at {name}"
            warnings.append(f"{pair.link.name!r}: {words}; neither is changed")
        if want_here != here:
            where = List("user", pair.link.name, pair.here, pair.here, playlist_id=pair.link.playlist_id, link_id=pair.link.id)
            reason = f"it lies {_in(db, pair, there)} in {name} now" if what == "parent" else f"{what} in {name} is {there!r} now"
            after = {what: want_here} | ({"platform": pair.link.platform, "place": pair.place} if what == "parent" else {})
            ops.append(Op(where, action, reason, before={what: here}, after=after, priority=PRIORITY[action]))
        if want_there != there and (what != "description" or pair.theirs.description is not None or agreed):
            where = List(
                pair.link.platform, pair.theirs.name, pair.there_ids, pair.there_ids, place=pair.place, external_id=pair.link.external_id,
                playlist_id=pair.link.playlist_id, link_id=pair.link.id,
            )  # fmt: skip
            reason = f"it lies {_in(db, pair, here)} here now" if what == "parent" else f"your {what} is {here!r} now"
            before = {what: pair.theirs.parent if what == "parent" else there}
            ops.append(Op(where, action, reason, before=before, after={what: want_there}, priority=PRIORITY[action]))
    return ops


def _in(db: Database, pair: pairs.Pair, folder: int | str | None) -> str:
    if folder is None:
        return "in no folder"
    if isinstance(folder, int):
        return f"in {db.value('select name from playlists where id = ?', [folder])!r}"
    name = db.value("select name from platform_playlists where platform = ? and external_id = ?", [pair.link.platform, folder])
    return f"in {name or folder!r}"


def needed(ops: Iterable[Op]) -> tuple[dict[str, set[str]], dict[tuple[str, str], set[int]]]:
    """Folders that steps put lists into: {platform: theirs that are not yours yet}, {(target, place): yours, by id}."""
    theirs: dict[str, set[str]] = {}
    mine: dict[tuple[str, str], set[int]] = {}
    for op in ops:
        parent = (op.after or {}).get("parent")
        if op.action == "place" and op.list is not None and parent is not None:
            if op.list.target == "user" and isinstance(parent, str):
                theirs.setdefault(op.after["platform"], set()).add(parent)  # type: ignore[index]
            elif op.list.target != "user":
                mine.setdefault((op.list.target, op.list.place), set()).add(parent)
    return theirs, mine


def placed(db: Database, ops: Sequence[Op]) -> None:
    """Hold back what is put into a folder that is neither there nor made by these steps."""
    made = {(op.list.target, op.list.place, op.list.playlist_id if op.list.target != "user" else op.list.head.get("external_id")) for op in ops if op.action == "folder" and op.list}
    folders = linking.folders(db)
    for op in ops:
        parent = (op.after or {}).get("parent")
        if op.action != "place" or op.list is None or parent is None:
            continue
        if op.list.target == "user":
            missing = isinstance(parent, str) and ("user", "", parent) not in made
        else:
            missing = parent not in folders.get((op.list.target, op.list.place), {}).values() and (op.list.target, op.list.place, parent) not in made
        if missing:
            where = op.after["platform"] if op.list.target == "user" else op.list.target  # type: ignore[index]
            way = f"--from {where}" if op.list.target == "user" else f"--to {where}"
            op.needs, op.hold = "first", f"its folder is not {'yours' if op.list.target == 'user' else 'there'} yet: `musicdb sync --plan {way}` offers it"


def _blocked(where: List, action: str, item: str, nth: int, reason: str, hold: str) -> Op:
    return Op(where, action, reason, item=item, nth=nth, hold=hold, needs="first", priority=PRIORITY[action], title=item)


def _since(at: str | None) -> str:
    return f" since {at[:10]}" if at else ""


def _on(at: str | None) -> str:
    return f" on {at[:10]}" if at else ""


def _said(db: Database, pair: pairs.Pair) -> dict[str, Row]:
    """{key: when it came and went there}."""
    if pair.link.platform_playlist_id is None:
        return {}
    rows = {row.platform_track_id: row for row in db.q(SAID, [pair.link.platform_playlist_id])}
    keys = states.keys(db, rows)
    return {keys[id]: row for id, row in rows.items() if id in keys}


def _mine(db: Database, pair: pairs.Pair) -> dict[str, Row]:
    rows = {row.item: row for row in db.q(MINE, [pair.link.playlist_id])}
    uids = states.uids(db, rows)
    return {uids[id]: row for id, row in rows.items() if id in uids}


def titled(db: Database, ops: Iterable[Op]) -> None:
    """What each step is about, as "Artist - Title"; the key is in `title` where the item is another's id."""
    ops = [op for op in ops if op.item is not None]
    titles = states.titles(db, {op.title or str(op.item) for op in ops})
    for op in ops:
        op.title, op.track_id = titles.get(op.title or str(op.item), (op.title or op.item, None))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
