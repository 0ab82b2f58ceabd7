"""Releases that may be one with another: what waits for a person, and the answers. Each answer is one operation that `undo` takes back.

A candidate has a level. "release": the observed release may be that very pressing. "release group": both may be the same album, but another
pressing of it; accepting it unites the albums and leaves the pressings as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput
from ..links import releases as near
from ..links.review import Reviewed
from ..truth import merging
from . import linking

if TYPE_CHECKING:
    from ..db import Database

LEVELS = ("release", "release group")
SHOWN = "link level confidence observed artists title formats date release their_formats their_date origin".split()
WAITING = """
select l.id as link, case when l.release_id is null then 'release group' else 'release' end as level, l.confidence,
  r.platform || '/' || r.external_id as observed, r.title,
  (select group_concat(value, ', ') from json_each(coalesce(json_extract(r.said, '$.album_artists'), json_extract(r.said, '$.artists'), '[]'))) as artists,
  (select group_concat(value, ', ') from json_each(coalesce(json_extract(r.said, '$.formats'), '[]'))) as formats,
  coalesce(json_extract(r.said, '$.release_date'), json_extract(r.said, '$.year')) as date, json_extract(r.said, '$.label') as label,
  json_extract(r.said, '$.catalogue_number') as catalogue_number, now.release_id as own_release_id, mine.release_group_id as own_group_id,
  l.release_id, coalesce(l.release_group_id, e.release_group_id) as release_group_id, coalesce(e.title, g.title) as release, e.origin,
  e.format as their_formats, e.release_date, coalesce(e.release_date, g.year) as their_date, e.format,
  (select group_concat(b.name || coalesce(' ' || nullif(x.cat_id, ''), ''), ', ') from release_labels as x join labels as b on b.id = x.label_id
   where x.release_id = l.release_id) as their_labels,
  a.name as their_artist,
  (select image_id from platform_images where platform_release_id = r.id and image_id is not null order by position limit 1) as cover,
  (select image_id from image_links where release_group_id = g.id order by is_selected desc, id limit 1) as their_cover, l.evidence
from release_links as l
join platform_releases as r on r.id = l.platform_release_id
left join release_links as now on now.platform_release_id = r.id and now.status in ('auto', 'confirmed')
left join releases as mine on mine.id = now.release_id
left join releases as e on e.id = l.release_id
left join release_groups as g on g.id = coalesce(l.release_group_id, e.release_group_id)
left join artists as a on a.id = g.primary_artist_id
where l.status = 'candidate' and e.deleted_at is null and (l.release_id is null or l.release_id is not now.release_id)
  and (:link is null or l.id = :link) and (:level is null or (l.release_id is null) = (:level = 'release group'))
  and (:observed is null or r.id = :observed or l.release_id = :release or (l.release_id is null and l.release_group_id = :album))
  and not exists (select 1 from decisions as d where d.entity = 'release_link' and d.entity_key = r.platform || '/' || r.external_id
    and d.field = 'not:' || e.release_uid and d.value is not null and d.id = (
      select max(id) from decisions where entity = d.entity and entity_key = d.entity_key and field = d.field))
order by l.confidence desc, l.id
limit :limit
"""
OF_COPY = """
select c.platform_release_id, l.release_id, e.release_group_id from copies as c
left join release_links as l on l.platform_release_id = c.platform_release_id and l.status in ('auto', 'confirmed')
left join releases as e on e.id = l.release_id
where c.copy_key = ?
"""


def release_candidates(db: Database, *, level: str | None = None, copy: str | None = None, limit: int | None = None) -> Rows:
    """Return releases that may be one with another, the likeliest first: link (its number), level (of LEVELS), confidence, observed
    ("platform/id") with title, artists, formats, date, label, catalogue_number, and what it may be: release_id (None at the level of albums),
    release_group_id, release (its title), origin, release_date, format, their_labels, their_artist; cover, their_cover (ids of images); signs (sentences).

    copy: key of a copy, only what concerns its record. Raises BadInput.
    """
    if level is not None and level not in LEVELS:
        raise BadInput(f"there is no level {level!r}; there are {', '.join(LEVELS)}")
    asked: dict[str, Any] = dict.fromkeys(("link", "observed", "release", "album")) | {"level": level, "limit": -1 if limit is None else limit}
    if copy is not None:
        found = db.execute(OF_COPY, [copy]).fetchone()
        if found is None:
            raise BadInput(f"there is no copy {copy!r}; `musicdb collection list` shows what there is, with the key of each")
        asked |= dict(zip(("observed", "release", "album"), found))
    return _read(db, asked)


def release_candidate(db: Database, link: int) -> Row:
    """Return one of `release_candidates` by its number: why they may be one is in `signs`. Raises BadInput for what does not wait."""
    rows = _read(db, dict.fromkeys(("observed", "release", "album", "level")) | {"link": link, "limit": 1})
    if not rows:
        raise BadInput(f"no release waits under {link!r}; `musicdb collection matches` lists what does")
    return rows[0]


def accept_release(db: Database, link: int, *, note: str | None = None, by: str | None = None) -> Reviewed:
    """They are one: that very pressing, or (level release group) editions of one album. Raises BadInput for what does not wait."""
    one = release_candidate(db, link)
    if one.level == "release":
        return linking.same_release(db, one.observed, one.release_id, note=note, by=by)
    done = merging.merge(db, one.release_group_id, one.own_group_id, kind="release_group", note=note, by=by)
    return Reviewed(done.operation, 1, [], done.notes)


def reject_release(db: Database, link: int, *, note: str | None = None, by: str | None = None) -> Reviewed:
    """They are not: it is proposed no more. Raises BadInput for what does not wait."""
    release_candidate(db, link)
    return Reviewed(near.reject(db, link, note=note, by=by), 1, [])


def _read(db: Database, asked: dict[str, Any]) -> Rows:
    rows = db.q(WAITING, asked)
    for row in rows:
        row["signs"] = [one["sentence"] for one in msgspec.json.decode(row.pop("evidence") or "[]")]
    rows.columns = SHOWN
    return rows
