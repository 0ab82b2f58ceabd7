"""Steps with their reasons: of a pair that differs, of lists that are gone, of lists without a counterpart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from . import finding, linking, pairs, states, syncing
from .diffing import numbered
from .proposed import PRIORITY, List, Op, steps
from .targets import FLAT, Listed, State, Target

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
FREE = """
select p.id, p.external_id, p.name, p.kind, p.description, p.parent_external_id, p.position
from platform_playlists as p
where p.platform = ? and p.missing_since is null and p.kind in ('playlist', 'smart', 'folder') {which}
  and not exists (select 1 from playlist_links as l where l.platform = p.platform and l.external_id = p.external_id)
order by p.kind <> 'folder', p.external_id like 'export:%', p.position, p.name collate nocase
"""


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
    ops = _here(pair, name, said, mine) + _there(db, pair, name, mine, said) + _heads(pair, name, warnings)
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


def _here(pair: pairs.Pair, name: str, said: dict[str, Row], mine: dict[str, Row]) -> list[Op]:
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


def _there(db: Database, pair: pairs.Pair, name: str, mine: dict[str, Row], said: dict[str, Row]) -> list[Op]:
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


def _heads(pair: pairs.Pair, name: str, warnings: list[str]) -> list[Op]:
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
            reason = f"it lies in another folder in {name} now" if what == "parent" else f"{what} in {name} is {there!r} now"
            after = {what: want_here} | ({"platform": pair.link.platform, "place": pair.place} if what == "parent" else {})
            ops.append(Op(where, action, reason, before={what: here}, after=after, priority=PRIORITY[action]))
        if want_there != there and (what != "description" or pair.theirs.description is not None or agreed):
            where = List(
                pair.link.platform, pair.theirs.name, pair.there_ids, pair.there_ids, place=pair.place, external_id=pair.link.external_id,
                playlist_id=pair.link.playlist_id, link_id=pair.link.id,
            )  # fmt: skip
            reason = "it lies in another folder here now" if what == "parent" else f"your {what} is {here!r} now"
            before = {what: pair.theirs.parent if what == "parent" else there}
            ops.append(Op(where, action, reason, before=before, after={what: want_there}, priority=PRIORITY[action]))
    return ops


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


def top_down(rows: Iterable[Row], parent: str, id: str) -> list[Row]:
    """Folders before what they hold, else in their order; folders first."""
    rows = list(rows)
    above = {row[id]: row[parent] for row in rows}

    def depth(key: Any) -> int:
        seen: list[Any] = []
        while key in above and key not in seen:
            seen.append(key)
            key = above[key]
        return len(seen)

    return sorted(rows, key=lambda row: (row.kind != "folder", depth(row[id])))


def around(rows: Iterable[Row], asked: Collection[Any], parent: str, id: str) -> set[Any]:
    """The folders that those asked for lie in, up to the top."""
    above, found = {row[id]: row[parent] for row in rows}, set()
    for key in asked:
        while (key := above.get(key)) is not None and key not in found:
            found.add(key)
    return found


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


# ---------- lists that are gone, lists without a counterpart


def of_gone(db: Database, links: Iterable[tuple[Row, Listed | None]], warnings: list[str]) -> list[Op]:
    """A list that vanished there never takes yours along; one that you took away goes there only when you say so twice."""
    ops = []
    for link, there in links:
        name = shown(db, link.platform)
        if not link.is_gone:
            where = List("user", link.name, playlist_id=link.playlist_id, link_id=link.id)
            warnings.append(f"{name} no longer has {link.name_there or link.name!r}; your list {link.name!r} stays as it is")
            op = Op(where, "unlink", f"{name} no longer has this list; yours stays", needs="look", hold="approve it by its number if it should not be looked for any more")
        elif there is not None and link.direction in ("push", "export", "mirror", "two_way"):
            items = list(there.items)
            where = List(link.platform, there.name, items, items, place=link.place, external_id=link.external_id, playlist_id=link.playlist_id, link_id=link.id)
            where.head = {"name": there.name, "description": there.description, "parent_there": there.parent, "kind": there.kind}
            op = Op(where, "delete", f"you took {link.name!r} away here", needs="look", hold=f"takes the whole {there.kind} away at {name}: approve it by its number")
        else:
            continue
        op.priority = PRIORITY[op.action]
        ops.append(op)
    return ops


def taken_over(
    db: Database, platforms: Iterable[str], wanted: Collection[finding.Ref] | None, direction: str, warnings: list[str], needed: Mapping[str, Collection[str]] = {}
) -> list[Op]:  # fmt: skip
    """New lists of platforms, to be yours: folders first. A list whose name you have already is offered to be linked instead. needed: folders
    that other steps put lists into."""
    ops: list[Op] = []
    names = {row[0].casefold(): row[1] for row in db.execute("select name, id from playlists where deleted_at is null and kind = 'playlist'")}
    taken = {(row[0].casefold(), row[1]) for row in db.execute("select p.name, l.platform from playlist_links as l join playlists as p on p.id = l.playlist_id")}
    for platform in platforms:
        free = db.q(FREE.format(which=""), [platform])
        if wanted is not None:
            ids = {ref.id for ref in wanted if ref.platform == platform}
            asked = {row.external_id for row in free if row.id in ids} | set(needed.get(platform, ()))
            folders = around(free, asked, "parent_external_id", "external_id")
            free = [row for row in free if row.external_id in asked or row.external_id in folders]
        free = top_down(free, "parent_external_id", "external_id")
        lists = states.theirs(db, ids=[row.id for row in free])
        keys = states.keys(db, {item for raw in lists.values() for item in raw.ids})
        external, others = states.external(db, keys), states.others(db, platform)
        inside = {row.parent_external_id for row in free} | set(needed.get(platform, ()))
        name = shown(db, platform)
        for row in free:
            if row.kind == "folder" and row.external_id not in inside:
                continue
            raw = lists[row.id]
            there = [keys[item] for item in raw.ids]
            linked = [key for key in there if "/" not in key]
            head = {
                "name": row.name, "description": row.description, "kind": "folder" if row.kind == "folder" else "playlist", "parent": row.parent_external_id,
                "platform": platform, "external_id": row.external_id, "direction": direction, "is_personal": row.id not in others,
            }  # fmt: skip
            where = List("user", row.name, [], linked, head=head)
            where.base = {"base": [], "direction": direction, "conflict": False, "there": numbered(there), "ids": [external[item] for item in raw.ids], "platform": platform}
            held = len(there) - len(linked)
            if row.kind != "folder" and (row.name.casefold(), platform) in taken:
                continue  # an export of the account tells the same list once more
            if row.kind != "folder" and row.name.casefold() in names:
                where.playlist_id = names[row.name.casefold()]
                op = Op(where, "link", f"{name} has a list of that name too", needs="look", hold="links it to yours, so that the next plan compares them: approve it by its number")
            else:
                rest = f"; {held} of its items are linked to no track yet and follow when they are" if held else ""
                what = "folder" if row.kind == "folder" else f"list of {len(there)}"
                op = Op(where, "folder" if row.kind == "folder" else "create", f"new {what} in {name}{rest}", after={"items": len(linked), "of": len(there)})
                if row.kind != "folder":
                    names.setdefault(row.name.casefold(), 0)
                    taken.add((row.name.casefold(), platform))
            if where.playlist_id == 0:  # a name that two platforms have, neither of them here yet: the second waits for the first
                continue
            op.priority = PRIORITY[op.action]
            ops.append(op)
    return ops


OFFERED = """
select p.id, p.name, p.description, p.kind, p.parent_id
from playlists as p
where p.deleted_at is null {which}
  and not exists (select 1 from playlist_links as l where l.playlist_id = p.id and l.platform = ? and l.place in ('', ?))
order by p.kind <> 'folder', p.sort_key, p.id
"""


def offered(db: Database, target: Target, there: State, wanted: Collection[finding.Ref] | None, direction: str, needed: Collection[int] = ()) -> list[Op]:
    """Your lists that the target has not, to be made there. A list there of the same name is another's until you link it. needed: folders that
    other steps put lists into."""
    free = [row for row in db.q(OFFERED.format(which=""), [target.name, target.place]) if row.kind != "folder" or target.name not in FLAT]
    if wanted is not None:
        asked = {ref.id for ref in wanted if ref.platform == "user"} | set(needed)
        folders = around(free, asked, "parent_id", "id")
        free = [row for row in free if row.id in asked or row.id in folders]
    free = top_down(free, "parent_id", "id")
    inside = {row.parent_id for row in free} | set(needed)
    lists = states.own(db, [row.id for row in free])
    uids = states.uids(db, {item for raw in lists.values() for item in raw.ids})
    ids = states.at_platform(db, uids.values(), target.platform)
    names = {one.name.casefold() for one in there.values()}
    ops, title = [], shown(db, target.name)
    for row in free:
        if row.kind == "folder" and row.id not in inside:
            continue
        here = [uids[item] for item in lists[row.id].ids if item in uids]
        able = [key for key in here if key in ids]
        head = {"name": row.name, "description": row.description, "kind": "folder" if row.kind == "folder" else "playlist", "parent": row.parent_id, "direction": direction}
        where = List(target.name, row.name, [], [ids[key] for key in able], place=target.place, playlist_id=row.id, head=head)
        kept = [item for item in numbered(here) if item[0] in ids]
        where.base = {"base": [], "direction": direction, "conflict": False, "here": numbered(here), "items": numbered(where.after), "keys": kept, "platform": target.name, "whose": target.platform}
        action = "folder" if row.kind == "folder" else "create"
        missing = len(here) - len(able)
        rest = f"; {missing} of {len(here)} tracks are not at {title} and are left out" if missing else ""
        kind = {"smart": "smart playlist"}.get(row.kind, row.kind)
        op = Op(where, action, f"your {kind} is not at {title} yet{rest}", after={"items": len(able), "of": len(here)}, priority=PRIORITY[action])
        if row.name.casefold() in names:
            op.needs, op.hold = "look", f"{title} has a list of that name, which is not linked to yours: `musicdb playlists link` it, or approve this by its number for a second one"
        ops.append(op)
    return ops


def titled(db: Database, ops: Iterable[Op]) -> None:
    """What each step is about, as "Artist - Title"; the key is in `title` where the item is another's id."""
    ops = [op for op in ops if op.item is not None]
    titles = states.titles(db, {op.title or str(op.item) for op in ops})
    for op in ops:
        op.title, op.track_id = titles.get(op.title or str(op.item), (op.title or op.item, None))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
