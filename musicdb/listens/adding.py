"""One listen at once, as a scrobbler sends it: raw, canonical and its track in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput, KnownAlready, PayloadError

if TYPE_CHECKING:
    from ..db import Database

KINDS = {"listenbrainz": "listen", "lastfm": "scrobble", "maloja": "scrobble", "koito": "listen", "spotify": "play"}
THERE = "select id from listens where user_id = ? and platform = ? and listened_at = ? and track_external_id = ?"
SAME = """
select l.id
from listens_raw as r
join listens as l on l.raw_id = r.id
where r.user_id = ? and r.platform = ? and r.listened_at = ? and r.source_item = ?
"""


def add(db: Database, payload: dict[str, Any], *, user: str | None = None, platform: str = "listenbrainz") -> int:
    """Store one listen and return its id in `listens`. Its track is known at once where such a play was linked before.

    payload: as ListenBrainz has it, {"listened_at": seconds since 1970 or ISO text, "track_metadata": {"artist_name", "track_name",
    "release_name", "additional_info": {"duration_ms", "duration_played", "isrc", "recording_mbid", ...}}}; or as another platform of KINDS
    sends a play. user: by name, made when new; the first user without.

    Raises BadInput for what is no listen, KnownAlready (with `.id`) for one that is there.
    """
    from ..load import module  # `load` resolves, and what resolves looks at listens
    from ..load import user as user_id
    from ..load.door import check, encode
    from ..load.observations import Writer

    if platform not in KINDS:
        raise BadInput(f"a listen cannot be told in the way of {platform!r}; there are {', '.join(KINDS)}")
    m, kind = module(platform), KINDS[platform]
    try:
        check(payload)
        sent = encode(payload)
        rows = list(m.rows(kind, payload))
    except PayloadError as error:
        raise BadInput(f"no listen: {error}") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(f"no listen: {ascii(payload)[:120]} cannot be kept as JSON ({error})") from error
    play = next(row for row in rows if row["row"] == "listen")
    tracks = [(row, sent, kind) for row in rows if row["row"] == "track"]
    if not tracks:
        raise BadInput("no listen: it names no track")
    with db.atomic():
        writer = Writer(db, m.PLATFORM, user_id(db, user), m.ROWS_VERSION, short=getattr(m, "SHORT", ()))
        writer.entities("track", tracks)
        writer.listens([(play, sent)])
        key = [writer.user_id, m.PLATFORM, play["listened_at"]]
        there = db.value(SAME, [*key, play.get("source_item") or ""]) or db.value(THERE, [*key, play["track_external_id"]])
        if not writer.counts["listens_new"]:
            said = f"{tracks[0][0]['title']!r} at {play['listened_at']}"
            raise KnownAlready(f"{said} is there already, as listen {there}; the same play is kept once", there)
        return there
