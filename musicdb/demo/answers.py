"""Which song each file, track and stream of the demo really is: what linking is measured against."""

from __future__ import annotations

from . import discogs_account, tidal_account, views


def truth() -> dict[tuple[str, str], str]:
    """(platform, item) -> key of the song: item is the path below Music/, Rekordbox's TrackID, Spotify's URI, Tidal's id, or
    Discogs' release and position ("12345#A1")."""
    out = {("local", file.path): file.song for file in views.files()}
    out |= {("rekordbox", str(track.track_id)): track.song for track in views.dj_tracks()}
    out |= {("spotify", stream.uri): stream.song for stream in views.streams()}
    out |= {("tidal", str(track.id)): track.song for track in tidal_account.tidal_tracks()}
    out |= {("discogs", item): song for vinyl in discogs_account.vinyls().values() for item, song in vinyl.items().items()}
    return out
