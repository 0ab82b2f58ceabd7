"""Pictures that could stand for a track or an album, and a person's choice among them: `images.candidates`, `choose`, `add`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .. import images
from ..db import Row, Rows
from ..errors import BadInput, PayloadError
from ..truth import decisions, deriving, merged
from ..worker import Pool
from . import alike

if TYPE_CHECKING:
    from ..db import Database

CANDIDATES = """
select m.id as image_id, group_concat(distinct l.platform) as platforms, m.width, m.height, max(l.is_selected) as is_selected,
  max(l.track_id is not null) as of_track, m.source_url, l.role, m.dhash, m.tint
from image_links as l
join images as m on m.id = l.image_id
where l.role = 'cover' and l.{column} in (select value from json_each(?))
group by m.id
order by of_track desc, is_selected desc, m.width * m.height desc, m.id
"""
# Pictures of the same observations that are no front cover: backs, labels, inner sleeves. They are shown only where a person takes one.
FURTHER = """
with observed as (
  select p.id, p.platform, p.release_external_id
  from tracks as t
  join track_links as k on k.track_id = t.id and k.status in ('auto', 'confirmed')
  join platform_tracks as p on p.id = k.platform_track_id
  where t.{column} in (select value from json_each(?))
)
select m.id as image_id, group_concat(distinct o.platform) as platforms, m.width, m.height, 0 as is_selected, 0 as of_track, m.source_url,
  min(i.role) as role, m.dhash, m.tint
from observed as o
left join platform_releases as r on r.platform = o.platform and r.external_id = o.release_external_id
join platform_images as i on (i.platform_track_id = o.id or i.platform_release_id = r.id) and i.role <> 'cover'
join images as m on m.id = i.image_id
group by m.id
order by min(i.position), m.id
"""
INSERT = "insert into decisions (entity, entity_key, field, value, platform, note, decided_by, operation_id) values (?, ?, ?, ?, ?, ?, ?, ?)"
COLUMNS = "image_id platforms width height shown of role same_as source_url".split()
PREPARE = "musicdb.images.prepare"


def candidates(db: Database, track: int | None = None, album: int | None = None) -> Rows:
    """Pictures that observations brought, or a person chose: image_id, platforms, width, height (of the original, in pixels), shown (1 = it
    stands for it now), of ("track" or "album"), role (cover, secondary, ...), same_as (the first of these that looks the same, or None),
    source_url. Those of the track first, then of its album, then what is no front cover. Raises BadInput without either.
    """
    track, album = _one(db, track, album)
    parts = []
    if track is not None:
        parts += [("track", CANDIDATES.format(column="track_id"), track)]
        further = ("track", FURTHER.format(column="id"), track)
        album = db.value("select release_group_id from tracks where id = ?", [track])
    else:
        further = ("album", FURTHER.format(column="release_group_id"), album)
    if album is not None:
        parts += [("album", CANDIDATES.format(column="release_group_id"), album)]
    read = [(of, row) for of, sql, id in [*parts, further] for row in db.q(sql, [_json([id])])]
    chosen = next((row["image_id"] for _, row in read if row["is_selected"]), None)
    rows: dict[int, tuple[str, Row]] = {}
    for of, row in read:
        rows.setdefault(row["image_id"], (of, row))
    same = alike.first_alike((id, alike.Look.of(row["dhash"], row["tint"], row["width"], row["height"])) for id, (_, row) in rows.items())
    found = [
        Row(zip(COLUMNS, [id, (row["platforms"] or "user").split(","), row["width"], row["height"], int(id == chosen), of, row["role"],
                          same.get(id), row["source_url"]]))
        for id, (of, row) in rows.items()
    ]  # fmt: skip
    return Rows(found, COLUMNS, db)


def choose(
    db: Database, track: int | None = None, album: int | None = None, image: int | str | None = None, *,
    platform: str | None = None, note: str | None = None, by: str | None = None,
) -> int | None:  # fmt: skip
    """This picture stands for the track or album from now on. image: its id or SHA-256; else platform: whose picture to follow; neither:
    the rules choose again. Returns the operation for `undo`, None where it was so already. Raises BadInput for an unknown picture.
    """
    track, album = _one(db, track, album)
    if track is not None:
        if image is not None:
            return decisions.decide(db, track, "cover", image, note=note, by=by).operation
        done = (
            decisions.take(db, track, "cover", platform, note=note, by=by)
            if platform
            else decisions.clear(db, track, "cover", note=note, by=by)
        )
        return done.operation
    value = None
    if image is not None:
        value = db.value("select sha256 from images where sha256 = :asked or id = :asked", {"asked": image})
        if value is None:
            raise BadInput(f"there is no picture {image!r}; see the table images")
        value = _json(value)
    elif platform:
        decisions.check_platform(db, platform)
    uid, title = db.execute(
        "select i.release_group_uid, g.title from release_group_ids as i join release_groups as g on g.id = i.id where i.id = ?", [album]
    ).fetchone()
    before = db.execute(
        "select value, platform from decisions where entity = 'release_group' and entity_key = ? and field = 'cover' order by id desc limit 1",
        [uid],
    ).fetchone()
    if (before or (None, None)) == (value, None if value else platform):
        return None
    with db.operation("decide", mode="batch", actor=by or "me", reason=f"cover of {title}") as op:
        db.execute(INSERT, ["release_group", uid, "cover", value, None if value else platform, note, by or "me", op.id])
        deriving.follow(db, [("release_group", uid, "cover")])
        return op.id


def add(
    db: Database, track: int | None = None, album: int | None = None, picture: str | Path | bytes = b"", *, show: bool = False,
    note: str | None = None, by: str | None = None,
) -> tuple[int, int | None]:  # fmt: skip
    """A picture of your own to choose from: a file, or its bytes. Returns (image id, operation for `undo` or None where it was so already).

    It is decoded in a worker process within limits and stored in four sizes. show: choose it as well. Raises BadInput for a file that
    cannot be read, and for what is no JPEG, PNG, WebP or GIF.
    """
    track, album = _one(db, track, album)
    data, name = _bytes(picture)
    sha = images.sha256(data)
    image_id = images.find(db, sha)
    prepared = None
    if image_id is None:
        try:
            with Pool([PREPARE], workers=1) as pool:
                prepared = pool.call(PREPARE, data, returns=images.Prepared)
        except PayloadError as error:
            raise BadInput(f"{name}: {error}") from error
    kind, id = ("track", track) if track is not None else ("release_group", album)
    uid = db.value(f"select {kind}_uid from {kind}_ids where id = ?", [id])
    latest = "select value from decisions where entity = ? and entity_key = ? and field = ? order by id desc limit 1"
    wanted = {f"picture:{sha}": "1"} | ({"cover": _json(sha)} if show else {})
    new = {field: value for field, value in wanted.items() if db.value(latest, [kind, uid, field]) != value}
    if not new and image_id is not None:
        return image_id, None
    with db.operation("picture", mode="batch", actor=by or "me", reason=f"{name} {'chosen' if show else 'to choose from'}") as op:
        if prepared is not None:
            image_id = images.insert(db, prepared, "user")
        db.executemany(INSERT, [(kind, uid, field, value, None, note, by or "me", op.id) for field, value in new.items()])
        deriving.follow(db, [(kind, uid, field) for field in new])
    assert image_id is not None
    return image_id, op.id


def _bytes(picture: str | Path | bytes) -> tuple[bytes, str]:
    """(content, name for people). A device or pipe is not opened: reading it might never end."""
    if isinstance(picture, bytes):
        return picture, "the picture"
    path = Path(picture).expanduser()
    if not path.is_file():
        raise BadInput(f"there is no file {path}")
    try:
        if path.stat().st_size > images.MAX_BYTES:
            raise BadInput(f"{path} has {path.stat().st_size:,} bytes; a picture may have {images.MAX_BYTES:,}")
        return path.read_bytes(), path.name
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error


def _one(db: Database, track: int | None, album: int | None) -> tuple[int | None, int | None]:
    """The track or album as it is now, after merges."""
    if (track is None) == (album is None):
        raise BadInput("pass either track= or album=")
    kind, one = ("track", track) if track is not None else ("release_group", album)
    if db.value(f"select 1 from {merged.KINDS[kind]} where id = ?", [one]) is None:
        raise BadInput(f"there is no {'track' if kind == 'track' else 'album'} {one}")
    now = merged.roots(db, [one], kind).get(one, one)
    return (now, None) if kind == "track" else (None, now)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
