"""Koito: its JSON export (koito_export_*.json, version 1). No account.

Payload kinds: "listen", as exported: {"listened_at", "client", "track": {"mbid", "duration": s, "aliases"}, "album": {"mbid", "aliases",
"various_artists"}, "artists": [{"mbid", "is_primary", "aliases"}]}, aliases being [{"alias", "source", "is_primary"}]; and "track", what a
listen says of its track (see _listens.Heard). Source: github.com/gabehf/koito, internal/export/export.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import BadInput, PayloadError
from ..shapes import Row
from . import _history_files as files
from . import _listens as listens

PLATFORM, KIND, ROWS_VERSION = "koito", "history", 1
PAYLOADS = ("listen", "track")
CLAIMS: dict[tuple[str, str], str] = {}
WANTED = "give the file that Koito wrote under Settings > Export: koito_export_*.json"


def fetch(source: Any, known: Any = None, *, account: str | None = None, all: bool = False, progress: Any = None) -> Iterator:
    """Yield the listens of an export (a file, or a folder or zip of them). Raises UnknownSource, or BadInput for a damaged file."""
    if source is None:
        raise BadInput(f"which file? {WANTED}")
    yield from files.plays(source, "koito", "listen", ("listens",), WANTED)


def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the TrackRow and the ListenRow of a listen. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    if kind == "track":
        yield listens.stored_track(payload)
        return
    if kind != "listen":
        raise PayloadError(f"no such payload kind of Koito: {kind!r}")
    when, precision = listens.moment(payload.get("listened_at"))
    track, play = _track([payload.get(name) for name in ("track", "album", "artists")])
    yield {**track}
    context = {"client": listens.text(payload.get("client")), "precision": precision}
    yield {
        "row": "listen",
        "listened_at": when,
        "source_item": play,
        "track_external_id": track["external_id"],
        "context": {name: value for name, value in context.items() if value} or None,
    }


def _said(parts: list) -> tuple[Row, str]:
    """The row of the track and the id of its plays.."""
    sent, album, artists = _dict(parts[0]), _dict(parts[1]), parts[2] if isinstance(parts[2], list) else []
    people = sorted((one for one in artists if isinstance(one, dict)), key=lambda one: one.get("is_primary") is not True)
    named = [(name, one) for one in people if (name := _alias(one))]
    h = listens.heard(
        title=_alias(sent),
        artists=[name for name, _ in named],
        album=_alias(album),
        album_artists=["Various Artists"] if album.get("various_artists") is True and _alias(album) else [],
        duration_ms=listens.milliseconds(sent.get("duration"), 1000),
        mb_recording=listens.mbid(sent.get("mbid")),
        mb_release=listens.mbid(album.get("mbid")),
        mb_artist=listens.mbid(named[0][1].get("mbid")) if len(named) == 1 else None,
    )
    return listens.track_row(h), listens.play_id("\x1e".join(h["artists"]), h["title"])


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _alias(named: dict) -> str | None:
    """The primary name, else the canonical one, else the first."""
    found = named.get("aliases")
    found = [one for one in found if isinstance(one, dict) and listens.text(one.get("alias"))] if isinstance(found, list) else []
    found.sort(key=lambda one: (one.get("is_primary") is not True, one.get("source") != "Canonical"))
    return listens.text(found[0]["alias"]) if found else None


_track = listens.remembered(_said)
