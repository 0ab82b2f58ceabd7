"""What each track is resolved from, as one number: where it is the same as last time, there is nothing to do. Reads only.

Everything that can change a track goes into its number: what is said of it and of its releases, a person's decisions, what was merged
into what, trust, hand edits of artists, albums, labels and genres, and the code that resolves. SQLite glues the words of a track
together, so that looking at all of them costs little more than reading them.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import xxhash

from . import genre_words, merged

if TYPE_CHECKING:
    from ..db import Database

CODE = (
    "truth/alike truth/disagreeing truth/editions truth/entities truth/genre_words truth/joining truth/lenient truth/merged truth/pick truth/releases truth/resolving truth/storing "
    "matching/signs text/__init__ text/versions text/words units"
).split()
NAMES = "artists artist_aliases labels genres release_groups".split()
MASK = 2**63 - 1  # SQLite has no unsigned integers
# By kind: merges of tracks, of which there are many, are not looked at. What bulk changes change of names, they bring to the tracks themselves.
EDITED = "select " + ", ".join(
    [f"(select max(id) from decisions indexed by ix_decisions where entity = '{kind}' and field = 'merged_into')" for kind in merged.KINDS if kind != "track"]
    + [f"(select max(id) from changes where entity = '{table}' and entity_key <> '[]')" for table in NAMES]
)
SAID = """
select k.track_id, group_concat(
  p.platform || '/' || p.external_id || '\n' || p.in_library || (p.missing_since is null) || p.title || '\n' || p.artists || '\n'
  || ifnull(p.album, '') || '\n' || ifnull(p.duration_ms, '') || '\n' || ifnull(p.isrc, '') || ifnull(p.release_date, '') || ifnull(p.said, '')
  || ifnull(r.title || '\n' || ifnull(r.said, ''), ''), '\n')
from track_links as k indexed by ix_link_track
cross join platform_tracks as p on p.id = k.platform_track_id
left join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
where k.status in ('auto', 'confirmed') {only}
group by k.track_id
"""


def of(db: Database, ids: str | None, decided: dict[int, Any], roots: dict[int, int], words: tuple[str, str]) -> dict[int, int]:
    """Return {track: number} for tracks with observations: all, or those of a JSON list of ids.

    decided: per track what a person decided. roots: what merged tracks are now. words: as `genre_words.said` gives them.
    """
    common, digest = fingerprint(db, words), xxhash.xxh3_64_intdigest
    only = "" if ids is None else "and k.track_id in (select value from json_each(?))"
    rows = db.execute(SAID.format(only=only), [] if ids is None else [ids])
    found = {track: (digest(said.encode()) ^ common) & MASK for track, said in rows}
    for track, decisions in decided.items():
        if track in found:
            found[track] ^= digest(repr(sorted(decisions.items())).encode()) & MASK
    for track in roots.keys() & found.keys():  # a merged track that still has observations: links are not up to date
        found[track] ^= roots[track]
    return found


def empty(root: int | None) -> int:
    """The number of a track without observations: of what it was merged into, or of nothing."""
    return -1 if root is None else -1 - root


def fingerprint(db: Database, words: tuple[str, str] | None = None) -> int:
    """What all tracks depend on, as one number. words: genre words other than those that are (`genre_words.said`)."""
    rows: list[Any] = [_code()]
    rows += db.execute("select field, platform, rank from trust order by field, platform").fetchall()
    rows += db.execute("select name, priority from platforms order by name").fetchall()
    rows += words or genre_words.said(db)
    rows += db.execute(EDITED).fetchone()
    return xxhash.xxh3_64_intdigest(msgspec.json.encode(rows))


@cache
def _code() -> int:
    folder = resources.files("musicdb")
    digest = xxhash.xxh3_64()
    for name in CODE:
        digest.update(folder.joinpath(*f"{name}.py".split("/")).read_bytes())
    return digest.intdigest()
