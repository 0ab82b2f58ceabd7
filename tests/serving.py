"""A small library as Datasette serves it, hostile strings included: fixtures for the tests of pages, guard and sharing."""

import asyncio
import sqlite3

import pytest

from musicdb import images
from musicdb.web import serve
from tests.small import Small

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """`my lib.db`: a name with a space, so that nothing depends on the name."""
    path = tmp_path_factory.mktemp("library") / "my lib.db"
    small = Small(path)
    album = small.album("Nightfall")
    values = {"version": "Dub Mix", "artist_credit": "Kōji Ōno", "bpm": 127.96, "musical_key": "5A", "duration_ms": 431999, "year": 1997}
    a = small.track("Nightfall", album, **values, rating=4, sources={"year": "user", "bpm": "rekordbox"})
    b = small.track(HOSTILE, small.album(HOSTILE), artist_credit=HOSTILE, year=2001, duration_ms=3_725_000)
    observed = small.observe(
        a,
        "local",
        said={"year": 1997, "genres": ["Dub", HOSTILE], "bpm": 128, "duration_ms": 431999, "cover": "embedded", "path": "/home/me/night.flac"},
        isrc="ZZAAA2600001",
    )
    small.image((200, 0, 0), observed)
    other = small.observe(
        a,
        "spotify",
        said={"year": 1999, "title": HOSTILE},
        title=HOSTILE,
        album=HOSTILE,
        artists=[HOSTILE],
        metadata={"name": HOSTILE, "more": list(range(3000))},
    )
    small.observe(b, "rekordbox", said={"year": 2001}, missing_since="2026-05-01T00:00:00Z", isrc="ZZAAA2600001")
    playlist = small.insert("platform_playlists", platform="spotify", external_id="p1", name=HOSTILE)
    small.insert(
        "platform_playlist_items", platform_playlist_id=playlist, position=0, platform_track_id=other, first_seen_at="2026-05-03T12:04:00Z"
    )
    raw = small.insert(
        "listens_raw", user_id=1, platform="spotify", listened_at="2026-05-03T12:04:00Z", payload={}, ingested_at="2026-05-03T12:05:00Z"
    )
    external_id = small.db.value("select external_id from platform_tracks where id = ?", [other])
    small.insert(
        "listens",
        raw_id=raw,
        user_id=1,
        platform="spotify",
        track_external_id=external_id,
        listened_at="2026-05-03T12:04:00Z",
        ms_played=200000,
    )
    small.insert("quarantine", platform="local", kind="file", item=HOSTILE, reason=HOSTILE, at="2026-05-03T12:04:00Z")
    small.insert("artists", id=small.identity("artist"), name=HOSTILE, name_norm="x")
    with small.db.operation("import", platform="spotify"):
        pass
    images.select(small.db)
    small.db.close()
    return path


@pytest.fixture(scope="module")
def get(library):
    served = serve.app(library)
    loop = asyncio.new_event_loop()

    def ask(path, **options):
        method = options.pop("method", "get")
        return loop.run_until_complete(getattr(served.client, method)(path, **options))

    ask.app = served
    yield ask
    for database in served.databases.values():
        database.close()
    served.executor.shutdown()
    loop.close()


@pytest.fixture(scope="module")
def tables(library):
    conn = sqlite3.connect(library)
    names = [row[0] for row in conn.execute("select name from sqlite_master where type in ('table', 'view') order by name")]
    conn.close()
    return names


def lib(path=""):
    return "/my+lib" + path
