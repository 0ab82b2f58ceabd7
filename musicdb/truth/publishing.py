"""Publishers: the owners of playlists that platforms tell of, each once per platform. Part of `resolve`; those made by hand stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..db import Database

NEW = """
select p.platform, coalesce(p.owner_id, p.owner) as handle, max(coalesce(p.owner, p.owner_id)) as name
from platform_playlists as p
where coalesce(p.owner_id, p.owner, '') <> ''
  and not exists (select 1 from publishers as o where o.platform = p.platform and o.handle = coalesce(p.owner_id, p.owner))
group by 1, 2
order by 1, 2
"""
OWNED = """
select (select o.id from publishers as o where o.platform = p.platform and o.handle = coalesce(p.owner_id, p.owner)) as publisher, l.playlist_id
from playlist_links as l
join playlists as y on y.id = l.playlist_id and y.owner_publisher_id is null
join platform_playlists as p on p.id = l.platform_playlist_id
where coalesce(p.owner_id, p.owner, '') <> ''
group by l.playlist_id
"""


def derive(db: Database, tracks: Iterable[int] | None = None) -> dict[str, int]:
    """Make a publisher of every owner of a playlist, and note whose your linked playlists are; return rows written. tracks: nothing to do."""
    if tracks is not None:
        return {}
    new, owned = db.execute(NEW).fetchall(), []
    if new or db.value(f"select 1 from ({OWNED}) where publisher is not null"):
        with db.operation("releases", mode="batch") as op:
            db.executemany("insert into publishers (platform, handle, name) values (?, ?, ?)", new)
            owned = [row for row in db.execute(OWNED).fetchall() if row[0] is not None]
            db.executemany("update playlists set owner_publisher_id = ? where id = ?", owned)
            op.summary("publishers", len(new))
    return {name: n for name, n in (("publishers", len(new)), ("playlists", len(owned))) if n}
