"""Pictures that could stand for a track or an album, and a person's choice among them: `images.candidates`, `images.choose`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput
from ..truth import decisions, deriving, merged

if TYPE_CHECKING:
    from ..db import Database

CANDIDATES = """
select m.id as image_id, group_concat(distinct l.platform) as platforms, m.width, m.height, max(l.is_selected) as is_selected,
  max(l.track_id is not null) as of_track, m.source_url
from image_links as l
join images as m on m.id = l.image_id
where l.role = 'cover' and l.{column} in (select value from json_each(?))
group by m.id
order by of_track desc, is_selected desc, m.width * m.height desc, m.id
"""
INSERT = "insert into decisions (entity, entity_key, field, value, platform, note, decided_by, operation_id) values (?, ?, 'cover', ?, ?, ?, ?, ?)"


def candidates(db: Database, track: int | None = None, album: int | None = None) -> Rows:
    """Pictures that observations brought, or a person chose: image_id, platforms, width, height (of the original, in pixels), shown (1 = it
    stands for it now), of ("track" or "album"), source_url. Those of the track first, then of its album. Raises BadInput without either.
    """
    track, album = _one(db, track, album)
    own = list(db.q(CANDIDATES.format(column="track_id"), [_json([track])])) if track is not None else []
    if track is not None:
        album = db.value("select release_group_id from tracks where id = ?", [track])
    others = list(db.q(CANDIDATES.format(column="release_group_id"), [_json([album])])) if album is not None else []
    chosen = next((row["image_id"] for row in [*own, *others] if row["is_selected"]), None)
    found: dict[int, dict[str, Any]] = {}
    for of, rows in (("track", own), ("album", others)):
        for row in rows:
            if row["image_id"] not in found:
                found[row["image_id"]] = {
                    "image_id": row["image_id"], "platforms": (row["platforms"] or "user").split(","), "width": row["width"], "height": row["height"],
                    "shown": int(row["image_id"] == chosen), "of": of, "source_url": row["source_url"],
                }  # fmt: skip
    columns = ["image_id", "platforms", "width", "height", "shown", "of", "source_url"]
    return Rows([Row(one) for one in found.values()], columns, db)


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
        db.execute(INSERT, ["release_group", uid, value, None if value else platform, note, by or "me", op.id])
        deriving.follow(db, [("release_group", uid, "cover")])
        return op.id


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
