"""Which list elsewhere belongs to which of yours, which way it syncs, and what both sides last agreed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from . import editing, finding, states
from .syncing import DIRECTIONS

if TYPE_CHECKING:
    from ..db import Database, Row, Rows

NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
LINKS = """
select l.id, l.playlist_id, p.name, p.kind, p.deleted_at is not null as is_gone, l.platform, l.place, l.external_id, l.platform_playlist_id,
  s.name as name_there, s.missing_since, l.direction, l.is_personal, l.enabled, l.base_snapshot_id, l.last_synced_at
from playlist_links as l join playlists as p on p.id = l.playlist_id left join platform_playlists as s on s.id = l.platform_playlist_id
where {where}
order by p.name collate nocase, l.platform
"""


def links(db: Database, playlist: Any = None) -> Rows:
    """All links, or those of one of your playlists: id, name, platform, external_id, name_there, direction, last_synced_at, ..."""
    if playlist is None:
        return db.q(LINKS.format(where="true"))
    return db.q(LINKS.format(where="l.playlist_id = ?"), [editing.mine(db, playlist).id])


def link(
    db: Database, playlist: Any, theirs: Any, direction: str = "import", *, place: str = "", is_personal: bool = True, by: str | None = None
) -> int:
    """Link one of your playlists to a platform's ("tidal/NAME", or its id there). Returns the link's id.

    direction: import (theirs to yours), push (yours to theirs), mirror (theirs becomes exactly as yours), two_way.
    """
    _direction(direction)
    ref = editing.mine(db, playlist)
    other = finding.find(db, theirs)
    if other.platform == "user":
        raise BadInput(f"{other} is yours as well; a link goes to a platform's list: PLATFORM/NAME")
    external = db.value("select external_id from platform_playlists where id = ?", [other.id])
    with db.operation("playlist", actor=by or "me", reason=f"{ref.name!r} linked to {other}", playlist_id=ref.id):
        return make(db, ref.id, other.platform, external, direction, place=place, is_personal=is_personal)


def make(db: Database, playlist: int, platform: str, external_id: str, direction: str, *, place: str = "", is_personal: bool = True) -> int:
    """The row of a link, inside an operation of the caller. Raises BadInput where either side is linked already."""
    taken = db.one(
        "select p.name, l.external_id from playlist_links as l join playlists as p on p.id = l.playlist_id "
        "where l.platform = ? and l.place = ? and (l.external_id = ? or l.playlist_id = ?)",
        [platform, place, external_id, playlist],
    )
    if taken:
        raise BadInput(f"{taken.name!r} is linked to {platform}'s {taken.external_id} already; `musicdb playlists unlink` takes that away")
    sql = (
        "insert into playlist_links (playlist_id, platform, place, external_id, platform_playlist_id, direction, is_personal) "
        "values (?, ?, ?, ?, (select id from platform_playlists where platform = ? and external_id = ?), ?, ?)"
    )
    return int(db.execute(sql, [playlist, platform, place, external_id, platform, external_id, direction, is_personal]).lastrowid or 0)


def direct(db: Database, playlist: Any, platform: str, direction: str | None = None, *, enabled: bool | None = None, by: str | None = None) -> None:
    """Change which way a link syncs, or pause it (enabled=False)."""
    if direction is not None:
        _direction(direction)
    ref = editing.mine(db, playlist)
    with db.operation("playlist", actor=by or "me", reason=f"{ref.name!r} and {platform}: {direction or ('on' if enabled else 'paused')}", playlist_id=ref.id):
        sql = "update playlist_links set direction = coalesce(?, direction), enabled = coalesce(?, enabled) where playlist_id = ? and platform = ?"
        if not db.execute(sql, [direction, enabled, ref.id, platform]).rowcount:
            raise BadInput(f"{ref.name!r} is not linked to {platform}; `musicdb playlists link` does that")


def unlink(db: Database, playlist: Any, platform: str, *, by: str | None = None) -> int:
    """Take the links to a platform away; both lists stay as they are. Returns how many."""
    ref = editing.mine(db, playlist)
    with db.operation("playlist", actor=by or "me", reason=f"{ref.name!r} unlinked from {platform}", playlist_id=ref.id):
        n = drop(db, "playlist_id = ? and platform = ?", [ref.id, platform])
        if not n:
            raise BadInput(f"{ref.name!r} is not linked to {platform}")
    return n


def drop(db: Database, where: str, params: Sequence[Any]) -> int:
    """Delete links. Inside an operation of the caller."""
    return db.execute(f"delete from playlist_links where {where}", params).rowcount


def _direction(direction: str) -> None:
    if direction not in DIRECTIONS:
        raise BadInput(f"{direction!r} is no direction; there are {', '.join(DIRECTIONS)}")


# ---------- what both sides agreed on


class Base(msgspec.Struct):
    """What both sides agreed on. items (taken apart only where it is needed): a row of `platform_tracks`, or "/ID" of what was never
    imported, or the uid of a track that has no id there; name, description and folder (see `folders`; unset: not known); sig of both sides then;
    clean = nothing was left to do."""

    items: msgspec.Raw
    name: str | None = None
    description: str | None = None
    parent: int | str | msgspec.UnsetType | None = msgspec.UNSET
    sig: str | None = None
    clean: bool = False

    @property
    def list(self) -> list[int | str]:
        return msgspec.json.decode(self.items, type=list[int | str])


def bases(db: Database, links: Iterable[Row]) -> dict[int, Base]:
    """{link id: base}. No base = never synced."""
    read = msgspec.json.Decoder(Base).decode
    asked = {link.base_snapshot_id: link.id for link in links if link.base_snapshot_id is not None}
    sql = "select s.id, s.data from json_each(?) as j cross join snapshots as s on s.id = j.value"
    return {asked[id]: read(data) for id, data in db.execute(sql, [msgspec.json.encode(sorted(asked)).decode()])}


def base_keys(db: Database, platform: str, bases: Mapping[int, Base]) -> dict[int, list[str]]:
    """{link id: keys} of bases: an item there is read through its link of today, a track through its merges."""
    lists = {link: base.list for link, base in bases.items()}
    every = {item for items in lists.values() for item in items}
    named = states.rows_of(db, platform, [item[1:] for item in every if isinstance(item, str) and item.startswith("/")])
    keys = states.keys(db, {item for item in every if isinstance(item, int)} | set(named.values()))
    now = current(db, [item for item in every if isinstance(item, str) and not item.startswith("/")])

    def key(item: int | str) -> str:
        if isinstance(item, int):
            return keys[item]
        if item.startswith("/"):
            return keys.get(named.get(item[1:], 0), f"{platform}{item}")
        return now.get(item, item)

    return {link: [key(item) for item in items] for link, items in lists.items()}


def folders(db: Database) -> dict[tuple[str, str], dict[str, int]]:
    """{(platform, place): {folder there: yours}} of linked folders. Where a list lies is told by yours: its id, None at the top; a folder there that
    is linked to none by its id there, as text."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    sql = "select l.platform, l.place, l.external_id, l.playlist_id from playlist_links as l join playlists as p on p.id = l.playlist_id and p.kind = 'folder'"
    for platform, place, external_id, id in db.execute(sql):
        found.setdefault((platform, place), {})[external_id] = id
    return found


def current(db: Database, uids: Iterable[str]) -> dict[str, str]:
    """{uid: uid of the track that it is after merges}."""
    ids = states.track_ids(db, uids)
    now = states.uids(db, ids.values())
    return {uid: now[id] for uid, id in ids.items() if id in now}


class Agreed(msgspec.Struct):
    """What the two sides of a link agree on. base: items [[track uid or null, id there or null], ...], name, description, parent, sig, clean. whose:
    the platform whose ids these are."""

    link: int
    platform: str
    base: Mapping[str, Any]
    whose: str


def agree(db: Database, found: Sequence[Agreed]) -> None:
    """Store what links agree on in place of what they agreed on before, inside an operation of the caller."""
    named: dict[str, set[str]] = {}
    for one in found:
        named.setdefault(one.whose, set()).update(ext for _, ext in one.base["items"] if ext is not None)
    rows = {platform: states.rows_of(db, platform, ids) for platform, ids in named.items()}
    links = msgspec.json.encode([one.link for one in found]).decode()
    before = db.execute("select l.base_snapshot_id from json_each(?) as j cross join playlist_links as l on l.id = j.value where l.base_snapshot_id is not null", [links]).fetchall()
    now = []
    for one in found:
        items = [uid if ext is None else rows[one.whose].get(ext, f"/{ext}") for uid, ext in one.base["items"]]
        data = msgspec.json.encode({**one.base, "items": items}).decode()
        sql = "insert into snapshots (platform, scope, operation_id, playlist_count, track_count, data) values (?, 'base', (select operation_id from current_operation), 1, ?, ?)"
        now.append((db.execute(sql, [one.platform, len(items), data]).lastrowid, one.link))
    db.executemany(f"update playlist_links set base_snapshot_id = ?, last_synced_at = {NOW} where id = ?", now)
    db.executemany("delete from snapshots where id = ? and scope = 'base'", before)
