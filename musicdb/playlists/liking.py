"""Likes: what is liked at one service and not at another, as steps of a plan. Nothing is unliked: a like that is missing says nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..listens import metrics
from . import planning, proposing, states
from .proposed import PRIORITY, List, Op, Plan

if TYPE_CHECKING:
    from ..db import Database

LISTS = """
select platform, id, external_id, name from platform_playlists
where kind = 'liked' and missing_since is null and platform in (select name from platforms where kind = 'streaming') and external_id not like 'export:%'
order by platform, id
"""


def refresh(db: Database) -> int:
    """Bring `track_likes` up to date with the lists of liked tracks; a like that was taken back stays as one that is no more. Returns how
    many rows changed."""
    return metrics.collect(db)["likes"]


def likes(db: Database, to: Iterable[str] | None = None, *, dry_run: bool = False) -> Plan:
    """Propose for each service (or those of `to`) what is liked elsewhere and not there. A track that is not known there waits, with the reason.

    A like that was there and was taken back is not proposed again, nor one that you denied.
    """
    if not dry_run:
        refresh(db)
    liked: dict[int, dict[str, str | None]] = {}
    for track, platform, at in db.execute("select track_id, platform, liked_at from liked_tracks"):
        liked.setdefault(track, {})[platform] = at
    uids = states.uids(db, liked)
    made = Plan(None)
    seen: set[str] = set()
    for platform, _, external_id, name in db.execute(LISTS).fetchall():
        if (to is not None and platform not in to) or platform in seen:
            continue
        seen.add(platform)
        taken_back = "select distinct k.track_id from platform_playlist_items as i join platform_playlists as p on p.id = i.platform_playlist_id and p.kind = 'liked' and p.platform = ? " \
                     "join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed') where i.removed_at is not null"  # fmt: skip
        back = {row[0] for row in db.execute(taken_back, [platform])}
        missing = {track: at for track, at in liked.items() if platform not in at and track not in back and track in uids}
        ids = states.at_platform(db, {uids[track] for track in missing}, platform)
        where = List(platform, name, external_id=external_id)
        for track, at in sorted(missing.items(), key=lambda one: (str(max(filter(None, one[1].values()), default="")), one[0])):
            others = ", ".join(proposing.shown(db, one) + (f" since {when[:10]}" if when else "") for one, when in sorted(at.items()))
            op = Op(where, "like", f"liked at {others}", item=ids.get(uids[track]), title=uids[track], track_id=track, priority=PRIORITY["like"])
            if op.item is None:
                op.item, op.needs, op.hold = uids[track], "first", f"no {proposing.shown(db, platform)} track is linked to it yet: find it there (notebook 02-link, Attach)"
            made.operations.append(op)
    titles = states.titles(db, {str(op.title) for op in made.operations})
    for op in made.operations:
        op.title = titles.get(str(op.title), (op.title, None))[0]
    planning.remember(db, made.operations)
    if made.operations and not dry_run:
        made.id = planning.store(db, made.operations, kind="likes")
    return made
