"""Libraries with work left for a person: links that wait, tracks that are there twice."""

from __future__ import annotations

from .small import Small


def reviewable(path, n: int) -> None:
    """n tracks, each with a Spotify track that may be it; every third of those names another version: two groups."""
    small = Small(path)
    with small.db.atomic():
        for k in range(n):
            track = small.track(f"Song {k}", artist_credit="Someone", duration_ms=200_000)
            small.observe(track, title=f"Song {k}", said={"title": f"Song {k}", "artists": ["Someone"], "duration_ms": 200_000})
            more = " (Live)" if k % 3 == 0 else ""
            title = f"Song {k}{more}"
            one = small.observe(None, platform="spotify", title=title, duration_ms=204_000, said={"title": title, "artists": ["Someone"]})
            part = (
                {"part": "version", "sentence": "They name different versions."}
                if more
                else {"part": "key", "sentence": "Title, version and artists are the same."}
            )
            small.insert("track_links", platform_track_id=one, assigned_track_id=track, track_id=track, status="candidate", method="key",
                         confidence=65, evidence=[part])  # fmt: skip
    small.db.close()


def doubled(path, n: int) -> None:
    """n pairs of tracks with the same title, artist and length."""
    small = Small(path)
    with small.db.atomic():
        for k in range(n):
            for copy in range(2):
                key = f"song {k}|someone"
                track = small.track(f"Song {k}", artist_credit="Someone", duration_ms=200_000, match_key=key, title_norm=f"song {k}")
                said = {"title": f"Song {k}", "artists": ["Someone"], "duration_ms": 200_000, "year": 1990 + copy}
                small.observe(track, title=f"Song {k}", artists=["Someone"], duration_ms=200_000, match_key=key, said=said)
    small.db.close()
