"""Tracks and playlists of a library that another program wrote to one file, as pages. Shared by the XML of Rekordbox, iTunes and Traktor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import PayloadError
from ..shapes import Complete, Page

TRACKS_A_PAGE, PLAYLISTS_A_PAGE = 1000, 50


class Pages:
    """Collects tracks and playlists; tracks are on their way before a list that names them. total: tracks, as the file announces them."""

    total: int | None = None

    def __init__(self) -> None:
        self.tracks: list[dict] = []
        self.playlists: list[dict] = []

    def keep_track(self, item: dict) -> Iterator:
        self.tracks.append(item)
        if len(self.tracks) >= TRACKS_A_PAGE:
            yield from self.flush_tracks()

    def keep_playlist(self, node: dict) -> Iterator:
        self.playlists.append(node)
        if len(self.playlists) >= PLAYLISTS_A_PAGE:
            yield from self.flush_playlists()

    def flush_tracks(self) -> Iterator:
        page, self.tracks = self.tracks, []
        if page:
            yield Page("track", page, total=self.total)

    def flush_playlists(self) -> Iterator:
        yield from self.flush_tracks()
        page, self.playlists = self.playlists, []
        if page:
            yield Page("playlist", page)
        for node in page:
            if (total := self.held(node)) is not None:
                yield Complete("playlist_item", within=node["external_id"], total=total)

    def held(self, node: dict) -> int | None:
        """How many places a playlist has; None for a folder."""
        raise NotImplementedError


def guarded(kind: str, payload: Any, kinds: tuple[str, ...], program: str) -> dict:
    """The payload. Raises PayloadError for what is none of these kinds, or no object."""
    if kind not in kinds or not isinstance(payload, dict):
        raise PayloadError(f"no payload of kind {kind!r} of {program}: {type(payload).__name__}")
    return payload


def plain(value: Any) -> str | None:
    """A text without NULs and blanks around it; None for what is none."""
    return value.replace("\0", "").strip() or None if isinstance(value, str) else None


def names(value: Any) -> list[str] | None:
    """A credit as it is written, as a list of one name."""
    return [text] if (text := plain(value)) else None
