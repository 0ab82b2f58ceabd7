"""Maloja: its JSON export (maloja_export_*.json). No account.

Payload kinds: "scrobble", as exported: {"time", "track": {"artists", "title", "album": {"artists", "albumtitle"} or null, "length": s},
"duration": seconds listened or null, "origin"}; and "track", what a scrobble says of its track (see _listens.Heard).
Source: github.com/krateng/maloja, proccontrol/tasks/export.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import BadInput, PayloadError
from ..shapes import Row
from . import _history_files as files
from . import _listens as listens

PLATFORM, KIND, ROWS_VERSION = "maloja", "history", 1
PAYLOADS = ("scrobble", "track")
CLAIMS: dict[tuple[str, str], str] = {}
WANTED = "give the file that `maloja export` or Maloja's admin page wrote: maloja_export_*.json"


def fetch(source: Any, known: Any = None, *, account: str | None = None, all: bool = False, progress: Any = None) -> Iterator:
    """Yield the scrobbles of an export (a file, or a folder or zip of them). Raises UnknownSource, or BadInput for a damaged file."""
    if source is None:
        raise BadInput(f"which file? {WANTED}")
    yield from files.plays(source, "maloja", "scrobble", ("scrobbles", "list"), WANTED)


def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the TrackRow and the ListenRow of a scrobble. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    if kind == "track":
        yield listens.stored_track(payload)
        return
    if kind != "scrobble":
        raise PayloadError(f"no such payload kind of Maloja: {kind!r}")
    when, precision = listens.moment(payload.get("time"))
    sent = payload.get("track")
    sent = sent if isinstance(sent, dict) else payload  # before version 3 a scrobble was flat
    track, play = _track([sent.get(name) for name in ("title", "artists", "album", "length")])
    yield {**track}
    context = {"origin": listens.text(payload.get("origin")), "precision": precision}
    yield {
        "row": "listen",
        "listened_at": when,
        "source_item": play,
        "track_external_id": track["external_id"],
        "ms_played": listens.milliseconds(payload.get("duration"), 1000),
        "context": {name: value for name, value in context.items() if value} or None,
    }


def _said(words: list) -> tuple[Row, str]:
    """The row of the track and the id of its plays."""
    title, artists, album, length = words
    named = album if isinstance(album, dict) else {"albumtitle": album}
    h = listens.heard(
        title=title,
        artists=listens.texts(artists),
        album=listens.text(named.get("albumtitle")) or listens.text(named.get("name")),
        album_artists=listens.texts(named.get("artists")),
        duration_ms=listens.milliseconds(length, 1000),
    )
    return listens.track_row(h), listens.play_id("\x1e".join(h["artists"]), h["title"])


_track = listens.remembered(_said)
