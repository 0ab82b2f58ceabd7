"""All that changed between two states of all lists: lists and items, within a list and between lists. `compare` is pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from . import departures, snapshots, states
from .diffing import diff

if TYPE_CHECKING:
    from ..db import Database


class Listing(NamedTuple):
    """A list in a state: items are keys in order, repeats included."""

    name: str
    items: Sequence[Hashable]
    description: str | None = None
    parent: Hashable = None


class Event(NamedTuple):
    """One change. kind says what:

    list_added, list_removed; list_renamed, list_described, list_filed (old, new); item_added (to), item_removed (at), item_moved (at, to);
    item_moved_to (out of list `other` at `at`, into this one at `to`: one event for both); item_copied (added at `to`, and still in list `other`);
    item_relinked (old key, new key; at, to); item_changed (what is known of it changed; its places did not).
    """

    kind: str
    list: Hashable
    key: Hashable = None
    at: int | None = None
    to: int | None = None
    other: Hashable = None
    old: Any = None
    new: Any = None


def compare(
    before: Mapping[Hashable, Listing], after: Mapping[Hashable, Listing], *, same: Callable[[Hashable, Hashable], bool] | None = None,
    changed: Collection[Hashable] = (),
) -> list[Event]:  # fmt: skip
    """What turned `before` into `after`, lists first. same(old key, new key): whether two keys are one song; changed: keys of which something
    else than their place changed."""
    events: list[Event] = []
    for id in [*before, *(id for id in after if id not in before)]:
        old, new = before.get(id), after.get(id)
        if old is None or new is None:
            events.append(Event("list_added" if old is None else "list_removed", id, old=old and old.name, new=new and new.name))
            continue
        for kind, field in (("list_renamed", "name"), ("list_described", "description"), ("list_filed", "parent")):
            if getattr(old, field) != getattr(new, field):
                events.append(Event(kind, id, old=getattr(old, field), new=getattr(new, field)))
    leaving: dict[Hashable, list[Event]] = defaultdict(list)
    coming: list[Event] = []
    for id, new in after.items():
        old = before.get(id)
        if old is None or list(old.items) == list(new.items):
            continue
        for change in diff(old.items, new.items):
            event = Event(f"item_{'moved' if change.op == 'move' else 'added' if change.op == 'add' else 'removed'}", id, change.key, change.at, change.to)
            if change.op == "remove":
                leaving[change.key].append(event)
            elif change.op == "add":
                coming.append(event)
            else:
                events.append(event)
    where: dict[Hashable, list[Hashable]] = defaultdict(list)
    if coming:
        for id, new in after.items():
            for key in set(new.items):
                where[key].append(id)
    for event in coming:
        events.append(_arrived(event, leaving, where, before, same))
    events += [event for found in leaving.values() for event in found]
    wanted = set(changed)
    events += [Event("item_changed", id, key) for id, new in after.items() if wanted for key in dict.fromkeys(new.items) if key in wanted and id in before and key in before[id].items]
    return events


def _arrived(event: Event, leaving: dict, where: Mapping, before: Mapping, same: Callable[[Hashable, Hashable], bool] | None) -> Event:
    """What an addition is: relinked in its list, moved or copied from another, or new."""
    if same:
        for key, found in leaving.items():
            for gone in found:
                if gone.list == event.list and same(key, event.key):
                    found.remove(gone)
                    return Event("item_relinked", event.list, event.key, gone.at, event.to, old=key, new=event.key)
    for gone in leaving.get(event.key, ()):
        if gone.list != event.list:
            leaving[event.key].remove(gone)
            return Event("item_moved_to", event.list, event.key, gone.at, event.to, other=gone.list)
    others = [id for id in where.get(event.key, ()) if id != event.list and id in before and event.key in before[id].items]
    return event._replace(kind="item_copied", other=others[0]) if others else event


KNOWN = """
select p.id, k.track_id, p.isrc, p.match_key, p.duration_ms from json_each(?) as j cross join platform_tracks as p on p.id = j.value
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
"""
CHANGED = """
select distinct p.id from observation_changes as c join platform_tracks as p on p.platform = c.platform and p.external_id = c.external_id
where c.entity = 'track' and c.platform = ? and c.at > (select created_at from snapshots where id = ?) and c.at <= (select created_at from snapshots where id = ?)
"""


def changes(db: Database, platform: str, before: str | int, after: str | int | None = None) -> list[dict[str, Any]]:
    """What changed in all lists of a platform ("user": yours) between two times; after None: the newest snapshot. Each event as a dict, with
    the names of lists and titles of items. Raises BadInput where nothing is known of then."""
    first, last = snapshots.until(db, platform, before), snapshots.until(db, platform, after)
    ids = [row[0] for row in db.execute("select distinct list_id from playlist_versions where platform = ?", [platform])]
    old, new = ({v.list_id: v for v in snapshots.versions(db, platform, ids, one) if not v.is_gone} for one in (first, last))
    touched = {id for id in {*old, *new} if id not in old or id not in new or old[id] != new[id]}
    items = {item for state in (old, new) for id, v in state.items() if id in touched for item in v.items}
    known: dict[Any, departures.Known] = {}
    other: set[int] = set()
    if platform != "user":
        known = {row[0]: departures.Known(*row[1:], True) for row in db.execute(KNOWN, [msgspec.json.encode(sorted(items)).decode()])}
        top = last if last != snapshots.LAST else db.value("select max(id) from snapshots where platform = ?", [platform])
        other = {row[0] for row in db.execute(CHANGED, [platform, first, top])}
    found = compare(
        {id: Listing(v.name, v.items, v.description, v.parent) for id, v in old.items()}, {id: Listing(v.name, v.items, v.description, v.parent) for id, v in new.items()},
        same=lambda a, b: departures.is_same(known.get(a), known.get(b)), changed=other,
    )  # fmt: skip
    names = {id: v.name for state in (old, new) for id, v in state.items()}
    keys = states.uids(db, {e.key for e in found if isinstance(e.key, int)}) if platform == "user" else {
        id: f"{platform}/{ext}" for id, ext in states.external(db, {e.key for e in found if isinstance(e.key, int)}).items()
    }  # fmt: skip
    titles = states.titles(db, keys.values())
    return [
        {"kind": e.kind, "list": names.get(e.list), "title": titles.get(keys.get(e.key, ""), (None, None))[0] if e.key is not None else None, "at": e.at, "to": e.to,
         "other": names.get(e.other), "old": e.old if isinstance(e.old, str) else None, "new": e.new if isinstance(e.new, str) else None, "list_id": e.list, "key": keys.get(e.key)}
        for e in found
    ]  # fmt: skip
