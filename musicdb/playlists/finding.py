"""Which playlist a person means: yours by name or id, another's as PLATFORM/NAME."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from ..db import Database

OWN = "select id, name, kind from playlists where deleted_at is null and {where} order by id"
THEIRS = "select id, name, kind from platform_playlists where platform = ? and {where} order by missing_since is not null, id"


@dataclass(frozen=True, slots=True)
class Ref:
    """A playlist: platform "user" and a row of `playlists`, or a platform and a row of `platform_playlists`."""

    platform: str
    id: int
    name: str
    kind: str

    def __str__(self) -> str:
        return f"your playlist {self.name!r}" if self.platform == "user" else f"{self.platform}'s playlist {self.name!r}"


def find(db: Database, playlist: Any, *, gone: bool = False) -> Ref:
    """Your playlist by id, uid or name, or PLATFORM/NAME (or its id there); a name that only one platform has is enough. Raises BadInput
    naming those near it, or those that share the name."""
    if isinstance(playlist, Ref):
        return playlist
    if isinstance(playlist, int):
        row = db.one("select id, name, kind from playlists where id = ?" + ("" if gone else " and deleted_at is null"), [playlist])
        if row is None:
            raise BadInput(f"there is no playlist {playlist}; `musicdb status` lists them")
        return Ref("user", *row.values())
    text = str(playlist).strip()
    platform, slash, rest = text.partition("/")
    if slash and db.value("select 1 from platforms where name = ?", [platform]):
        if platform == "user":
            return _own(db, rest)
        for where in ("external_id = ?", "name = ?", "name = ? collate nocase"):
            rows = db.q(THEIRS.format(where=where), [platform, rest])
            if len(rows) == 1 or (rows and where.startswith("external")):
                return Ref(platform, *rows[0].values())
            if rows:
                ids = db.q("select external_id from platform_playlists where platform = ? and name = ?", [platform, rows[0].name])
                raise BadInput(f"{platform} has {len(rows)} playlists named {rest!r}; name one by its id: {', '.join(r.external_id for r in ids)}")
        raise BadInput(f"{platform} has no playlist {rest!r}" + _near(rest, db.execute("select name from platform_playlists where platform = ? and missing_since is null", [platform])))
    return _own(db, text)


def _own(db: Database, text: str) -> Ref:
    for where in ("playlist_uid = ?", "name = ?", "name = ? collate nocase", *(["id = ?"] if text.isdigit() else [])):
        rows = db.q(OWN.format(where=where), [text])
        if len(rows) == 1:
            return Ref("user", *rows[0].values())
        if rows:
            raise BadInput(f"{len(rows)} of your playlists are named {text!r}; name one by its number: {', '.join(str(r.id) for r in rows)}")
    sql = "select platform, id, name, kind from platform_playlists where name = ? collate nocase and missing_since is null"
    rows = db.q(sql, [text])
    if len(rows) == 1:
        return Ref(*rows[0].values())
    if rows:
        raise BadInput(f"{text!r} is not yours, but in {', '.join(r.platform for r in rows)}; say which: {rows[0].platform}/{text}")
    raise BadInput(f"there is no playlist {text!r}" + _near(text, db.execute("select name from playlists where deleted_at is null union select name from platform_playlists")))


def _near(text: str, rows: Iterable[tuple]) -> str:
    from rapidfuzz import process

    near = [name for name, _, _ in process.extract(text, [row[0] for row in rows], limit=3, score_cutoff=60)]
    return f"; did you mean {', '.join(map(repr, near))}?" if near else "; `musicdb status --all` lists them"
