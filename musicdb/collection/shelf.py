"""Reading the shelf: copies, sides, lists, releases, prices. Rows of the views, for screens and scripts; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput

if TYPE_CHECKING:
    from ..db import Database

STATUSES = ("owned", "wanted", "for_sale", "sold", "saved")
SHOWN = "copy_key status title artists year label catalogue_number format folder media_condition sleeve_condition".split()
COPIES = """
with these as materialized (
  select * from copies
  where removed_at is null and (:status is null or status = :status) and (:folder is null or folder = :folder) and (:copy is null or copy_key = :copy)
    and (:label is null or label = :label collate nocase)
    and (:text is null or title || ' ' || coalesce(artists, '') || ' ' || coalesce(label, '') || ' ' || coalesce(catalogue_number, '') like :text)
  order by artists collate nocase, year, title, copy_key
  limit :limit offset :offset
)
select c.*, count(p.id) as sides, count(k.track_id) as linked, count(distinct f.track_id) as with_file
from these as c
join platform_releases as r on r.id = c.platform_release_id
left join platform_tracks as p on p.platform = r.platform and p.release_external_id = r.external_id and p.missing_since is null
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
left join (
  select distinct a.track_id from media_files as m join platform_tracks as q on q.id = m.platform_track_id and q.missing_since is null
  join track_links as a on a.platform_track_id = q.id and a.status in ('auto', 'confirmed')
) as f on f.track_id = k.track_id
group by c.copy_key
order by c.artists collate nocase, c.year, c.title, c.copy_key
"""
SIDES = """
select s.platform_track_id, s.external_id, s.position, s.disc_no, s.track_no, s.title, s.artists, s.duration_ms, s.state, s.waiting, s.track_id,
  t.title || coalesce(' (' || t.version || ')', '') as track_title, t.artist_credit as track_artists,
  exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id and p.missing_since is null
    where k.track_id = s.track_id and k.status in ('auto', 'confirmed') and p.platform = 'local') as has_file,
  exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id and p.missing_since is null
    where k.track_id = s.track_id and k.status in ('auto', 'confirmed') and p.platform = 'rekordbox') as in_rekordbox,
  exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id and p.missing_since is null
    join platforms as o on o.name = p.platform and o.kind = 'streaming'
    where k.track_id = s.track_id and k.status in ('auto', 'confirmed')) as on_stream
from record_sides as s left join tracks as t on t.id = s.track_id
where s.platform_release_id = ? and s.missing_since is null
order by s.disc_no, s.track_no, s.platform_track_id
"""
RELEASES = """
select r.id, r.title, (
    select group_concat(name, ', ') from (select a.name from release_artists as x join artists as a on a.id = x.artist_id
      where x.release_id = r.id and x.role = 'primary' order by x.position)) as artists,
  r.release_date, r.country, r.format, r.disambiguation, (
    select group_concat(l.name || iif(x.cat_id = '', '', ' ' || x.cat_id), ', ') from release_labels as x join labels as l on l.id = x.label_id
    where x.release_id = r.id) as labels,
  g.title as album, g.type, r.release_group_id, (select count(*) from release_items as i where i.release_id = r.id) as tracks, r.release_uid
from releases as r left join release_groups as g on g.id = r.release_group_id
where r.deleted_at is null and (:text is null or r.title like :text or artists like :text or labels like :text)
order by artists collate nocase, r.release_date, r.title, r.id
limit :limit offset :offset
"""
ITEMS = """
select i.disc_no, i.track_no, i.position, coalesce(t.merged_into_id, t.id) as track_id, coalesce(m.title, t.title) as title,
  coalesce(m.version, t.version) as version, coalesce(m.artist_credit, t.artist_credit) as artist_credit,
  coalesce(m.duration_ms, t.duration_ms) as duration_ms
from release_items as i join tracks as t on t.id = i.track_id left join tracks as m on m.id = t.merged_into_id
where i.release_id = ?
order by i.disc_no, i.track_no, i.track_id
"""


def copies(
    db: Database, *, status: str | None = "owned", folder: str | None = None, label: str | None = None, text: str | None = None,
    limit: int | None = None, offset: int = 0,
) -> Rows:  # fmt: skip
    """Return copies by artist and year: columns of the view `copies` (edited: list of the fields you decided), and sides, linked (sides
    that are tracks), with_file (sides whose track is a file too).

    status: one of STATUSES, None = all. text: in title, artists, label or catalogue number. Raises BadInput for an unknown status.
    """
    if status is not None and status not in STATUSES:
        raise BadInput(f"there is no status {status!r}; there are {', '.join(STATUSES)}")
    return _copies(db, status=status, folder=folder, label=label, text=text, limit=limit, offset=offset)


def copy(db: Database, key: str | int) -> Row:
    """Return one copy, by its key ("discogs/12345") or its id in collection_items; also one that is gone there. Raises BadInput."""
    (name,) = keys(db, key)
    found = _copies(db, copy=name)
    if not found:  # gone at the platform
        return _with_list(db.one("select *, 0 as sides, 0 as linked, 0 as with_file from copies where copy_key = ?", [name]))
    return found[0]


def _copies(db: Database, **asked: Any) -> Rows:
    given = dict.fromkeys(("status", "folder", "label", "text", "copy")) | {"limit": None, "offset": 0} | asked
    given["limit"] = -1 if given["limit"] is None else given["limit"]
    given["text"] = f"%{given['text']}%" if given["text"] else None
    rows = db.q(COPIES, given)
    rows[:] = [_with_list(row) for row in rows]
    rows.columns = [*SHOWN, "sides", "linked", "with_file"]
    return rows


def _with_list(row: Row | None) -> Row:
    assert row is not None
    row["edited"] = sorted({name.partition(":")[0] for name in msgspec.json.decode(row["edited"] or "[]")})
    return row


def keys(db: Database, asked: Any) -> list[str]:
    """Return the keys of copies: of keys, ids of collection_items, or rows of `copies`, one or many. Raises BadInput for what is none."""
    many = asked if isinstance(asked, (list, tuple, set)) else [asked]
    found = []
    for one in many:
        name = one.get("copy_key") if isinstance(one, dict) else one
        if isinstance(name, int) or (isinstance(name, str) and name.isdecimal()):
            key = db.value("select platform || '/' || instance_id from collection_items where id = ?", [int(name)])
        else:
            key = db.value("select copy_key from copies where copy_key = ?", [name])
        if key is None:
            raise BadInput(f"there is no copy {name!r}; `musicdb collection list` shows what there is, with the key of each")
        found.append(key)
    if not found:
        raise BadInput("no copy is named; `musicdb collection list` shows what there is, with the key of each")
    return list(dict.fromkeys(found))


def folders(db: Database, status: str | None = "owned") -> Rows:
    """Return folder and copies, by name."""
    sql = """
    select folder, count(*) as copies from copies where removed_at is null and folder is not null and (:status is null or status = :status)
    group by folder order by folder collate nocase
    """
    return db.q(sql, {"status": status})


def sides(db: Database, key: str | int) -> Rows:
    """Return the tracks of a copy's release in their order: platform_track_id, external_id, position ("A1"), disc_no, track_no, title, artists,
    duration_ms, state (linked, auto, waiting, none), waiting, track_id, track_title, track_artists, has_file, in_rekordbox, on_stream.

    Raises BadInput for an unknown copy.
    """
    (name,) = keys(db, key)
    return db.q(SIDES, [db.value("select platform_release_id from copies where copy_key = ?", [name])])


def owned(db: Database, track: int | None = None) -> Rows:
    """Return where each track is, or one: rows of the view owned_everywhere."""
    return db.q("select * from owned_everywhere") if track is None else db.q("select * from owned_everywhere where track_id = ?", [track])


def rip_list(db: Database, limit: int | None = None) -> Rows:
    """Return what is on a record that you own and is no file."""
    return db.q("select * from rip_list limit ?", [-1 if limit is None else limit])


def buy_list(db: Database, limit: int | None = None) -> Rows:
    """Return what you like, have in playlists or want, and own in no form."""
    return db.q("select * from buy_list limit ?", [-1 if limit is None else limit])


def dig_list(db: Database, limit: int | None = None) -> Rows:
    """Return the records that you want and do not own."""
    return db.q("select * from dig_list limit ?", [-1 if limit is None else limit])


def prices(db: Database, key: str | int | None = None) -> Rows:
    """Return every known price of a copy, or of all: copy_key, title, artists, day, price, currency, what (paid, sold, value, asked)."""
    name = None if key is None else keys(db, key)[0]
    return db.q("select * from copy_prices where :copy is null or copy_key = :copy order by day, copy_key, what", {"copy": name})


def value(db: Database) -> Rows:
    """Return the shelf's value month by month, where prices are known: month, currency, copies_owned, paid, worth, sold."""
    return db.q("select * from shelf_value")


def estimates(db: Database) -> Rows:
    """Return what platforms thought the whole collection worth, by day: day, platform, account, minimum, median, maximum, currency."""
    return db.q("select day, platform, account, minimum, median, maximum, currency from collection_values order by day, platform, account")


def releases(db: Database, text: str | None = None, *, limit: int | None = None, offset: int = 0) -> Rows:
    """Return editions: id, title, artists, release_date, country, format, disambiguation, labels with numbers, album, type, tracks."""
    return db.q(RELEASES, {"text": f"%{text}%" if text else None, "limit": -1 if limit is None else limit, "offset": offset})


def items(db: Database, release: int) -> Rows:
    """Return a release's tracks in order: disc_no, track_no, position, track_id, title, version, artist_credit, duration_ms."""
    if db.value("select 1 from releases where id = ?", [release]) is None:
        raise BadInput(f"there is no release {release}; `musicdb collection releases` lists them")
    return db.q(ITEMS, [release])
