"""Steps about whole lists: what is gone here or there, and lists without a counterpart, to be taken over or made there. Folders come first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import finding, states
from .diffing import numbered
from .proposed import PRIORITY, List, Op
from .proposing import shown
from .targets import FLAT, Listed, State, Target

if TYPE_CHECKING:
    from ..db import Database, Row

FREE = """
select p.id, p.external_id, p.name, p.kind, p.description, p.parent_external_id, p.position
from platform_playlists as p
where p.platform = ? and p.missing_since is null and p.kind in ('playlist', 'smart', 'folder') {which}
  and not exists (select 1 from playlist_links as l where l.platform = p.platform and l.external_id = p.external_id)
order by p.kind <> 'folder', p.external_id like 'export:%', p.position, p.name collate nocase
"""


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
    db: Database, platforms: Iterable[str], wanted: Collection[finding.Ref] | None, direction: str, needed: Mapping[str, Collection[str]] = {}
) -> list[Op]:  # fmt: skip
    """New lists of platforms, to be yours: folders first. A list whose name you have already is offered to be linked instead. needed: folders
    that other steps put lists into."""
    ops: list[Op] = []
    names = {row[0].casefold(): row[1] for row in db.execute("select name, id from playlists where deleted_at is null and kind = 'playlist'")}
    taken = {(row[0].casefold(), row[1]) for row in db.execute("select p.name, l.platform from playlist_links as l join playlists as p on p.id = l.playlist_id "
        "left join platform_playlists as s on s.id = l.platform_playlist_id where s.missing_since is null")}  # fmt: skip
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
