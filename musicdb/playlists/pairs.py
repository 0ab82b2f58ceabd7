"""One of your lists and its counterpart elsewhere, both in the words of tracks: what `planning` merges and `applying` writes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import xxhash

from . import linking, snapshots, states, syncing
from .diffing import numbered
from .targets import Listed, State

if TYPE_CHECKING:
    from ..db import Database, Row


@dataclass(frozen=True, slots=True)
class Live:
    """What a target has now: the platform whose ids its items are, and its lists."""

    platform: str
    state: State


@dataclass(slots=True)
class Pair:
    """here, there, base: keys (track uids; "platform/id" where linked to no track). there_ids: the same items by their ids there.

    witness: what the read before saw there. sig: of both sides, to see that nothing changed since the last sync.
    """

    link: Row
    here: list[str]
    there: list[str]
    there_ids: list[str]
    base: list[str] | None
    witness: list[str] | None
    mine: states.Raw
    theirs: Listed | None
    agreed: linking.Base | None  # with name and description
    sig: str
    platform: str  # whose ids there_ids are
    place: str  # of the target that was read, else of the link
    parents: tuple[int | None, int | str | None] = (None, None)  # folder here and there, see `linking.folders`
    merged: syncing.Merged = field(default_factory=lambda: syncing.Merged([], []))

    def merge(self, *, believe: bool = False, prefer: str | None = None) -> syncing.Merged:
        """What both sides shall be."""
        self.merged = syncing.merge(
            self.base or [], self.here, self.there, self.link.direction, witness=self.witness, believe=believe, prefer=prefer
        )
        return self.merged

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be done on either side."""
        m = self.merged
        return not m.held and not m.conflicts and m.here == m.was_here and m.there == m.was_there


def at(link: Row, live: Mapping[tuple[str, str], Live]) -> tuple[str, str] | None:
    """The opened target that a link leads to. One of the usual place may be in a target that was opened by its path: if its list is there."""
    if (link.platform, link.place) in live:
        return link.platform, link.place
    if link.place == "":
        return next((key for key, now in live.items() if key[0] == link.platform and link.external_id in now.state), None)
    return None


def read(db: Database, links: Iterable[Row], live: Mapping[tuple[str, str], Live]) -> tuple[list[Pair], list[Row], list[tuple[Row, Listed | None]]]:
    """(pairs in which something changed since the last sync, links where nothing did, links whose list is gone here or there, with what is there). live: {(target, place): what it
    has now} of targets that were read just now; others are as the last import saw them."""
    links = list(links)
    mine = states.own(db, {link.playlist_id for link in links})
    observed = states.theirs(db, ids={link.platform_playlist_id for link in links if link.platform_playlist_id is not None})
    for platform in {link.platform for link in links if at(link, live) is None}:
        ids = {link.platform_playlist_id for link in links if link.platform == platform}
        observed |= snapshots.whole(db, {id: raw for id, raw in observed.items() if id in ids}, platform)
    bases = linking.bases(db, links)
    changed: list[tuple[Row, Listed | states.Raw, str]] = []
    same: list[Row] = []
    gone: list[tuple[Row, Listed | None]] = []
    for link in links:
        here = mine[link.playlist_id]
        key = at(link, live)
        if key is not None:
            there: Any = live[key].state.get(link.external_id)
        else:
            there = observed.get(link.platform_playlist_id)
            there = None if there is None or there.is_gone else there
        if there is None or here.is_gone:
            gone.append((link, _listed(db, link, there)))
            continue
        sig = xxhash.xxh3_64_hexdigest(msgspec.json.encode([here.hash, _hash(there), link.direction]))
        base = bases.get(link.id)
        if base is not None and base.clean and base.sig == sig:
            same.append(link)
        else:
            changed.append((link, there, sig))
    return _build(db, changed, mine, bases, live), same, gone


def _listed(db: Database, link: Row, there: Any) -> Listed | None:
    """What is there, by its ids there."""
    if not isinstance(there, states.Raw):
        return there
    external = states.external(db, there.ids)
    return Listed(link.external_id, there.name, there.kind, there.description, None if there.parent is None else str(there.parent), tuple(external[item] for item in there.ids))


def _hash(there: Any) -> str:
    if isinstance(there, states.Raw):
        return there.hash
    return xxhash.xxh3_64_hexdigest(msgspec.json.encode([there.name, there.description, there.parent, there.items]))


def _build(db: Database, changed: list[tuple[Any, Any, str]], mine: Mapping[int, states.Raw], bases: Mapping[int, Any], live: Mapping[tuple[str, str], Live]) -> list[Pair]:
    where = {link.id: at(link, live) for link, _, _ in changed}
    whose = {link.id: live[key].platform if (key := where[link.id]) else link.platform for link, _, _ in changed}
    uids = states.uids(db, {item for link, _, _ in changed for item in mine[link.playlist_id].ids})
    observed = {item for _, there, _ in changed if isinstance(there, states.Raw) for item in there.ids}
    named: dict[str, set[str]] = {}
    for link, there, _ in changed:
        if isinstance(there, Listed):
            named.setdefault(whose[link.id], set()).update(there.items)
    rows = {platform: states.rows_of(db, platform, ids) for platform, ids in named.items()}
    keys = states.keys(db, observed | {id for found in rows.values() for id in found.values()})
    external = states.external(db, observed)
    witnesses = _witnesses(db, changed)
    witness_keys = states.keys(db, {item for items in witnesses.values() for item in items})
    base_keys: dict[int, list[str]] = {}
    for platform in set(whose.values()):
        base_keys |= linking.base_keys(db, platform, {link.id: bases[link.id] for link, _, _ in changed if whose[link.id] == platform and link.id in bases})
    folders = linking.folders(db)
    pairs = []
    for link, there, sig in changed:
        here = [uids[item] for item in mine[link.playlist_id].ids if item in uids]
        if isinstance(there, states.Raw):
            ids = [external[item] for item in there.ids]
            there_keys = [keys[item] for item in there.ids]
            listed = Listed(link.external_id, there.name, there.kind, there.description, there.parent, tuple(ids))  # type: ignore[arg-type]
        else:
            ids, listed, platform = list(there.items), there, whose[link.id]
            there_keys = [keys.get(rows[platform].get(ext, 0), f"{platform}/{ext}") for ext in ids]
        base = base_keys.get(link.id)
        witness = None if base is None else [witness_keys[item] for item in witnesses[link.id]] if link.id in witnesses else base
        place = (where[link.id] or ("", link.place))[1]
        own = mine[link.playlist_id].parent
        if (agreed := bases.get(link.id)) is not None and isinstance(agreed.parent, str):  # a folder that has become one of yours since
            agreed.parent = known_folder(folders, link.platform, place, agreed.parent)
        parents = (None if own is None else int(own), known_folder(folders, link.platform, place, listed.parent))
        pairs.append(Pair(link, here, there_keys, ids, base, witness, mine[link.playlist_id], listed, bases.get(link.id), sig, whose[link.id], place, parents))
    return pairs


def known_folder(folders: Mapping[tuple[str, str], Mapping[str, int]], platform: str, place: str, parent: str | None) -> int | str | None:
    """A folder there as yours, see `linking.folders`."""
    if parent is None:
        return None
    for key in ((platform, place), (platform, "")):
        if parent in folders.get(key, {}):
            return folders[key][parent]
    return str(parent)


def _witnesses(db: Database, changed: Iterable[tuple[Any, Any, str]]) -> dict[int, list[int]]:
    """{link: what another read saw there}: of the last import, the one before it; of a target read just now, the last import."""
    found: dict[int, list[int]] = {}
    by_platform: dict[str, list[Any]] = {}
    for link, there, _ in changed:
        if link.direction in ("import", "two_way") and link.platform_playlist_id is not None:
            if isinstance(there, Listed):
                last = states.theirs(db, ids=[link.platform_playlist_id]).get(link.platform_playlist_id)
                if last is not None:
                    found[link.id] = last.ids
            else:
                by_platform.setdefault(link.platform, []).append(link)
    for platform, asked in by_platform.items():
        seen = snapshots.believed(db, platform, [link.platform_playlist_id for link in asked])
        found |= {link.id: seen[link.platform_playlist_id] for link in asked if link.platform_playlist_id in seen}
    return found


def base(pair: Pair, here: Collection[syncing.Item], there: Collection[syncing.Item], *, clean: bool, sig: str | None = None) -> dict[str, Any]:
    """What is agreed on when the sides are these: the JSON of a base."""
    old = pair.agreed
    before = {} if old is None else {"name": old.name, "description": old.description, "parent": old.parent}
    rest = heads(before, heads_here(pair), heads_there(pair)) | {"clean": clean, "sig": sig or pair.sig}
    known = dict(zip(pair.merged.was_there, pair.there_ids, strict=True))
    return agreed(pair.base or [], list(here), list(there), pair.link.direction, known, bool(pair.merged.conflicts), rest)


def heads_here(pair: Pair) -> dict[str, Any]:
    """Name, description and folder of yours."""
    return {"name": pair.mine.name, "description": pair.mine.description or None, "parent": pair.parents[0]}


def heads_there(pair: Pair) -> dict[str, Any]:
    """Name, description and folder of theirs."""
    there = pair.theirs
    return {"name": there.name if there else None, "description": (there.description or None) if there else None, "parent": pair.parents[1]}


def heads(old: Mapping[str, Any], here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """What is agreed on: what both have, else what was agreed on before, so that it is proposed again; the first time what is there."""
    found = {}
    for what in ("name", "description", "parent"):
        known = what in old and old[what] is not msgspec.UNSET
        found[what] = here[what] if here[what] == there[what] else old[what] if known else there[what]
    return found


def agreed(
    old: list[str], here: list[syncing.Item], there: list[syncing.Item], direction: str, ids: Mapping[syncing.Item, str], conflict: bool, rest: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON of a base: items as [track uid or null, id there or null]."""
    keys = numbered(syncing.next_base(old, here, there, direction, conflict=conflict))
    return {"items": [[None if "/" in str(item[0]) else item[0], _ext(item, ids)] for item in keys], **rest}


def _ext(item: syncing.Item, ids: Mapping[syncing.Item, str]) -> str | None:
    if item in ids:
        return ids[item]
    key = str(item[0])
    return key.partition("/")[2] if "/" in key else None
