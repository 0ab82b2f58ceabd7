"""Playlists as they are now: yours, and what platforms say, as rows of ids; and which track each id is.

A list is read as one text of row ids ("12,7,12"), so that 1,000 lists of 200 tracks cost a query and no list is taken apart that has not
changed. Yours hold `track_ids.id` (a release: its id, negative), a platform's hold `platform_tracks.id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import xxhash

from ..truth import merged

if TYPE_CHECKING:
    from ..db import Database

# The index named here is read in the order of places, and one list at a time: group_concat alone promises no order.
OWN = """
select p.id, p.name, p.description, p.kind, p.parent_id, p.deleted_at is not null, coalesce((select group_concat(item) from (
  select coalesce(i.track_id, -i.release_id) as item from playlist_items as i indexed by ux_pitem
  where i.deleted_at is null and i.playlist_id = p.id order by i.sort_key)), '')
from playlists as p {which}
"""
THEIRS = """
select p.id, p.name, p.description, p.kind, p.parent_external_id, p.missing_since is not null, coalesce((select group_concat(item) from (
  select i.platform_track_id as item from platform_playlist_items as i indexed by ux_ppi
  where i.removed_at is null and i.platform_playlist_id = p.id order by i.position)), '')
from platform_playlists as p where {which}
"""
# The track of each observation, after merges: what `track_links` says, and `resolve` has made a row for.
LINKED = """
select k.platform_track_id, i.track_uid
from json_each(?) as j cross join track_links as k on k.platform_track_id = j.value and k.status in ('auto', 'confirmed')
join tracks as t on t.id = k.track_id join track_ids as i on i.id = t.id
"""


@dataclass(slots=True)
class Raw:
    """A list as read: items is the text of row ids in order."""

    id: int
    name: str
    description: str | None
    kind: str
    parent: str | int | None
    is_gone: bool
    items: str

    @property
    def ids(self) -> list[int]:
        """The items taken apart."""
        return [int(one) for one in self.items.split(",")] if self.items else []

    @property
    def n(self) -> int:
        return self.items.count(",") + 1 if self.items else 0

    @property
    def hash(self) -> str:
        """Equal = the same list, name, description, folder and items."""
        return xxhash.xxh3_64_hexdigest(msgspec.json.encode([self.name, self.description, self.kind, self.parent, self.is_gone, self.items]))


def own(db: Database, ids: Iterable[int] | None = None) -> dict[int, Raw]:
    """{playlists.id: list} of yours, removed ones too; all, or these."""
    if ids is None:
        return _lists(db.execute(OWN.format(which="")))
    return _lists(db.execute(OWN.format(which="where p.id in (select value from json_each(?))"), [_json(sorted(ids))]))


def theirs(db: Database, platform: str | None = None, ids: Iterable[int] | None = None) -> dict[int, Raw]:
    """{platform_playlists.id: list} as the last import saw them, missing ones too; of a platform, or these."""
    if ids is None:
        return _lists(db.execute(THEIRS.format(which="p.platform = ?"), [platform]))
    return _lists(db.execute(THEIRS.format(which="p.id in (select value from json_each(?))"), [_json(sorted(ids))]))


def _lists(rows: Iterable[tuple]) -> dict[int, Raw]:
    return {row[0]: Raw(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6]) for row in rows}


# Whose most lists are, is you; a list that a service fills by itself is nobody's work.
OTHERS = """
with owners as (
  select account, coalesce(owner_id, owner) as who, count(*) as n from platform_playlists
  where platform = :platform and kind = 'playlist' and coalesce(owner_id, owner) is not null group by 1, 2
), you as (select account, who, max(n) as n from owners group by account)
select p.id from platform_playlists as p left join you as y on y.account = p.account
where p.platform = :platform and p.collaborative is not 1
  and ((coalesce(p.owner_id, p.owner) is not null and coalesce(p.owner_id, p.owner) is not y.who)
    or (p.kind = 'smart' and (select kind from platforms where name = p.platform) = 'streaming'))
"""


def others(db: Database, platform: str) -> set[int]:
    """Lists of a platform (rows of `platform_playlists`) that are not your own: followed ones, and those that the service fills. What a link
    says of its list goes before."""
    said = dict(db.execute("select platform_playlist_id, is_personal from playlist_links where platform = ? and platform_playlist_id is not null", [platform]).fetchall())
    found = {row[0] for row in db.execute(OTHERS, {"platform": platform})}
    return {id for id in found if not said.get(id)} | {id for id, mine in said.items() if not mine}


def uids(db: Database, tracks: Iterable[int]) -> dict[int, str]:
    """{track id: uid of the track that it is after merges}; a release (negative id) is "release/ID"."""
    asked = set(tracks)
    positive = [one for one in asked if one > 0]
    roots = merged.roots(db, positive)
    wanted = {one: roots.get(one, one) for one in positive}
    sql = "select i.id, i.track_uid from json_each(?) as j cross join track_ids as i on i.id = j.value"
    found = dict(db.execute(sql, [_json(sorted(set(wanted.values())))]).fetchall())
    return {one: found[root] for one, root in wanted.items() if root in found} | {one: f"release/{-one}" for one in asked if one < 0}


def keys(db: Database, observed: Iterable[int]) -> dict[int, str]:
    """{platform_tracks.id: uid of its track, or "platform/external id" where it is linked to none}."""
    asked = _json(sorted(set(observed)))
    found = dict(db.execute(LINKED, [asked]).fetchall())
    sql = "select p.id, p.platform || '/' || p.external_id from json_each(?) as j cross join platform_tracks as p on p.id = j.value"
    missing = [one for one in msgspec.json.decode(asked) if one not in found]
    return found | dict(db.execute(sql, [_json(missing)]).fetchall())


def external(db: Database, observed: Iterable[int]) -> dict[int, str]:
    """{platform_tracks.id: external id}."""
    sql = "select p.id, p.external_id from json_each(?) as j cross join platform_tracks as p on p.id = j.value"
    return dict(db.execute(sql, [_json(sorted(set(observed)))]).fetchall())


# A place whose tracks go by the ids of other platforms: by those of your files as "local/ID", else by the first one's. What the first one has
# stands for the file that is there.
ALSO = {"rekordbox_xml": ("rekordbox", "local")}


PATHS = "select f.path, p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id and p.platform = ?"
SAID_PATHS = "select p.external_id, p.said ->> '$.path' from json_each(?1) as j cross join platform_tracks as p on p.platform = ?2 and p.external_id = j.value"


def slashed(path: str) -> str:
    """A path with "/" between its parts, on whichever system it was written."""
    return path.replace("\\", "/") if path[1:2] == ":" or path.startswith("\\\\") else path


def rows_of(db: Database, platform: str, ids: Iterable[str]) -> dict[str, int]:
    """{external id: platform_tracks.id} of those that were imported."""
    if platform in ALSO:
        first, second = ALSO[platform]
        head, asked = f"{second}/", set(ids)
        theirs = {one for one in asked if one.startswith(head)}
        found = rows_of(db, second, [one.removeprefix(head) for one in theirs])
        return rows_of(db, first, asked - theirs) | {head + key: row for key, row in found.items()}
    sql = "select p.external_id, p.id from json_each(?) as j cross join platform_tracks as p on p.platform = ? and p.external_id = j.value"
    return dict(db.execute(sql, [_json(sorted(set(ids))), platform]).fetchall())


def track_ids(db: Database, uids: Iterable[str]) -> dict[str, int]:
    """{track uid: id}; "release/ID" is -ID."""
    asked = set(uids)
    sql = "select i.track_uid, i.id from json_each(?) as j cross join track_ids as i on i.track_uid = j.value"
    releases = {one: -int(one[8:]) for one in asked if one.startswith("release/")}
    return dict(db.execute(sql, [_json(sorted(asked - set(releases)))]).fetchall()) | releases


# What a track is called at a platform: never one that is missing there where another is not; what a person linked first.
AT = """
select i.track_uid, p.external_id
from json_each(?) as j cross join track_ids as i on i.track_uid = j.value
join track_links as k on k.track_id = i.id and k.status in ('auto', 'confirmed')
join platform_tracks as p on p.id = k.platform_track_id and p.platform = ?
order by p.missing_since is null, p.in_library, k.status = 'confirmed', k.confidence, p.id desc
"""


def at_platform(db: Database, uids: Iterable[str], platform: str) -> dict[str, str]:
    """{track uid: its external id at a platform}, for those that have one."""
    if platform in ALSO:
        first, second = ALSO[platform]
        asked = set(uids)
        theirs = at_platform(db, asked, first)
        files = {slashed(path): key for path, key in db.execute(PATHS, [second])}
        paths = dict(db.execute(SAID_PATHS, [_json(sorted(theirs.values())), first]).fetchall())
        at = {uid: files.get(slashed(paths.get(key) or "")) for uid, key in theirs.items()}
        theirs = {uid: f"{second}/{at[uid]}" if at[uid] else key for uid, key in theirs.items()}
        return {uid: f"{second}/{key}" for uid, key in at_platform(db, asked, second).items()} | theirs
    return dict(db.execute(AT, [_json(sorted(set(uids))), platform]).fetchall())


TITLES = """
select i.track_uid, coalesce(t.artist_credit || ' - ', '') || coalesce(t.title, '?') || coalesce(' (' || t.version || ')', ''), i.id
from json_each(?) as j cross join track_ids as i on i.track_uid = j.value left join tracks as t on t.id = i.id
"""
TITLES_THERE = """
select p.platform || '/' || p.external_id, coalesce((select group_concat(value, ', ') from json_each(p.artists)) || ' - ', '') || p.title, null
from json_each(?) as j
cross join platform_tracks as p on p.platform = substr(j.value, 1, instr(j.value, '/') - 1) and p.external_id = substr(j.value, instr(j.value, '/') + 1)
"""


def titles(db: Database, keys: Iterable[str]) -> dict[str, tuple[str, int | None]]:
    """{key: ("Artist - Title", track id or None)} of uids and of "platform/external id"."""
    asked = sorted(set(keys))
    found = {key: (title, id) for key, title, id in db.execute(TITLES, [_json([k for k in asked if "/" not in k])])}
    found |= {key: (title, id) for key, title, id in db.execute(TITLES_THERE, [_json([k for k in asked if "/" in k])])}
    return found


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
