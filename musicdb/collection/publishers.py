"""Publishers (people, channels and pages that publish music) and ids of any scheme, by hand. Each call is one operation for `undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput
from ..shapes import title

if TYPE_CHECKING:
    from ..db import Database, Rows

TABLES = {
    "artist": "artists", "track": "tracks", "release": "releases", "release_group": "release_groups", "publisher": "publishers", "event": "events",
    "playlist": "playlists", "genre": "genres", "label": "labels",
}  # fmt: skip
LISTED = """
select p.id, p.name, p.platform, p.handle, (select count(*) from release_publishers where publisher_id = p.id) as releases,
  (select count(*) from playlists where owner_publisher_id = p.id and deleted_at is null) as playlists,
  (select count(*) from platform_playlists where platform = p.platform and coalesce(owner_id, owner) = p.handle and missing_since is null) as listed,
  (select group_concat(scheme || '=' || value, ', ') from external_ids where entity_type = 'publisher' and entity_id = p.id) as ids
from publishers as p
where p.deleted_at is null and (:text is null or p.name like :text or p.handle like :text or p.platform like :text)
order by p.name collate nocase, p.id
"""


def publisher(db: Database, name: str, platform: str, handle: str | None = None, *, by: str | None = None) -> int:
    """Return the id of a publisher, who is added where this is a new one: a YouTube channel, a SoundCloud or Bandcamp page, ...

    platform: any name; one that is new is added. handle: name there. Raises BadInput.
    """
    name, platform = name.strip(), platform.strip().lower()
    if not name or not platform:
        raise BadInput("a publisher has a name and a platform, such as youtube, soundcloud or bandcamp")
    same = "handle = :handle" if handle else "handle is null and name = :name"
    found = db.value(f"select id from publishers where platform = :platform and {same}", {"platform": platform, "handle": handle, "name": name})
    if found is not None:
        return found
    with db.operation("add publisher", actor=by or "me", reason=f"{name} ({platform})"):
        # a platform that nothing imports: its row is only a name to hang publishers on
        db.execute("insert or ignore into platforms (name, title, kind) values (?, ?, 'streaming')", [platform, title(platform)])
        row = db.execute("insert into publishers (name, platform, handle) values (?, ?, ?)", [name, platform, handle])
    return int(row.lastrowid or 0)


def publish(db: Database, release: int, publisher: int, *, by: str | None = None) -> int | None:
    """Say that a publisher published a release; return the operation, None where that is known."""
    _known(db, "release", release)
    _known(db, "publisher", publisher)
    if db.value("select 1 from release_publishers where release_id = ? and publisher_id = ?", [release, publisher]):
        return None
    with db.operation("publish", actor=by or "me", reason=f"publisher {publisher} of release {release}") as op:
        db.execute("insert into release_publishers (release_id, publisher_id) values (?, ?)", [release, publisher])
    return op.id


def unpublish(db: Database, release: int, publisher: int, *, by: str | None = None) -> int | None:
    """Take `publish` back; return the operation, None where it was not so."""
    if not db.value("select 1 from release_publishers where release_id = ? and publisher_id = ?", [release, publisher]):
        return None
    with db.operation("publish", actor=by or "me", reason=f"publisher {publisher} not of release {release}") as op:
        db.execute("delete from release_publishers where release_id = ? and publisher_id = ?", [release, publisher])
    return op.id


def own(db: Database, playlist: int, publisher: int | None, *, by: str | None = None) -> int | None:
    """Say whose a playlist of yours is; None: nobody's. Return the operation, None where it is so already."""
    _known(db, "playlist", playlist)
    if publisher is not None:
        _known(db, "publisher", publisher)
    if db.value("select owner_publisher_id from playlists where id = ?", [playlist]) == publisher:
        return None
    with db.operation("publish", actor=by or "me", playlist_id=playlist, reason=f"playlist {playlist} is of publisher {publisher or 'nobody'}") as op:
        db.execute("update playlists set owner_publisher_id = ? where id = ?", [publisher, playlist])
    return op.id


def publishers(db: Database, text: str | None = None) -> Rows:
    """Return publishers by name: id, name, platform, handle, releases, playlists (yours), listed (lists of theirs that were imported), ids."""
    return db.q(LISTED, {"text": f"%{text}%" if text else None})


def ids(db: Database, entity: str, id: int) -> Rows:
    """Return ids elsewhere of one thing: scheme, value, platform (who says so). Raises BadInput."""
    _known(db, entity, id)
    return db.q("select scheme, value, platform from external_ids where entity_type = ? and entity_id = ? order by scheme, value", [entity, id])


def identified(db: Database, value: str, scheme: str | None = None) -> Rows:
    """Return what has an id: kind, id, scheme, platform (who says so)."""
    sql = "select entity_type as kind, entity_id as id, scheme, platform from external_ids where value = :value and (:scheme is null or scheme = :scheme) order by 1, 2"
    if scheme is None:  # the index begins with the scheme
        sql = sql.replace("where value = :value", "where scheme in (select distinct scheme from external_ids) and value = :value")
    return db.q(sql, {"value": value.strip(), "scheme": scheme and scheme.strip().lower()})


def identify(db: Database, entity: str, id: int, scheme: str, value: str, *, by: str | None = None) -> int | None:
    """Note an id of anything elsewhere, of any scheme: identify(db, "publisher", 3, "youtube", "UC..."); return the operation, None if known.

    entity: artist, track, release, release_group, publisher, event, playlist, genre or label. Raises BadInput.
    """
    _known(db, entity, id)
    scheme, value = scheme.strip().lower(), value.strip()
    if not scheme or not value:
        raise BadInput("an id has a scheme (youtube, mb_release, isni, ...) and a value")
    key = [entity, id, scheme, value]
    if db.value("select 1 from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?", key):
        return None
    with db.operation("identify", actor=by or "me", reason=f"{scheme} {value} of {entity} {id}") as op:
        db.execute("insert into external_ids (entity_type, entity_id, scheme, value, platform) values (?, ?, ?, ?, 'user')", key)
    return op.id


def forget(db: Database, entity: str, id: int, scheme: str, value: str, *, by: str | None = None) -> int:
    """Take an id that was noted by hand back; return the operation. Raises BadInput for one that is not there, or that a platform says."""
    key = [entity, id, scheme.strip().lower(), value.strip()]
    whose = db.execute("select platform from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?", key).fetchone()
    if whose is None:
        raise BadInput(f"{entity} {id} has no id {scheme} {value}")
    if whose[0] not in (None, "user"):
        raise BadInput(f"{whose[0]} says that {entity} {id} is {scheme} {value}: it would come again at the next resolve")
    with db.operation("forget id", actor=by or "me", reason=f"{scheme} {value} of {entity} {id}") as op:
        db.execute("delete from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?", key)
    return op.id


def _known(db: Database, entity: str, id: int) -> None:
    if entity not in TABLES:
        raise BadInput(f"there is no kind {entity!r}; there are {', '.join(TABLES)}")
    if isinstance(id, bool) or not isinstance(id, int) or db.value(f"select 1 from {TABLES[entity]} where id = ?", [id]) is None:
        raise BadInput(f"there is no {entity} {id!r}")
