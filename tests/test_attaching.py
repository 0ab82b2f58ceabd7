"""Searching a platform and attaching one hit, through the real clients over loopback: payload, link and cover; undone as one step."""

import pytest

from musicdb import history, images, load, truth
from musicdb.errors import BadInput, NotLinked
from musicdb.links import attaching


@pytest.fixture
def track(db):
    """A track that nobody but you knows of."""
    id = db.execute("insert into track_ids (track_uid) values ('mine')").lastrowid
    db.execute("insert into tracks (id, title, artist_credit) values (?, 'Outer Reservoir', 'Low Pylon')", [id])
    return id


def options(replay, platform):
    return {"endpoint": replay.endpoint(platform), "token": getattr(replay, platform).login()}


@pytest.mark.parametrize("platform", ["spotify", "tidal", "discogs"])
def test_a_hit_is_found_attached_with_its_cover_and_taken_back(db, replay, track, platform):
    hits = attaching.search(platform, "Outer Reservoir" if platform != "discogs" else "Transformer Hum", **options(replay, platform))
    assert hits and {"external_id", "title", "artists", "cover_url"} <= set(hits[0])
    done = attaching.attach(db, platform, hits[0]["external_id"], track, pictures=replay.pictures(), **options(replay, platform))
    assert (done.title, done.notes) == ("Outer Reservoir", [])
    links = "select p.platform, k.status from track_links as k join platform_tracks as p on p.id = k.platform_track_id where k.track_id = ?"
    assert {"platform": platform, "status": "confirmed"} in db.q(links, [track])
    assert db.value("select metadata from platform_tracks where platform = ?", [platform])
    assert images.get(db, track=track, size="thumbnail").width == 60
    truth.resolve(db)
    history.undo(db, done.operation)
    assert not [row for row in db.q(links, [track]) if row.status == "confirmed"]


def test_a_cover_that_cannot_be_had_is_a_note(db, replay, track):
    [hit, *_] = attaching.search("spotify", "Outer Reservoir", **options(replay, "spotify"))
    replay.fault(404, "images", times=99)
    done = attaching.attach(db, "spotify", hit["external_id"], track, pictures=replay.pictures(), **options(replay, "spotify"))
    assert "no picture" in done.notes[0]
    assert db.value("select count(*) from track_links where track_id = ? and status = 'confirmed'", [track]) == 1


def test_a_release_on_which_nothing_is_like_the_track_is_refused(db, replay, track):
    db.execute("update tracks set title = 'Something Else Entirely', artist_credit = 'Nobody' where id = ?", [track])
    [hit, *_] = attaching.search("discogs", "Transformer Hum", **options(replay, "discogs"))
    with pytest.raises(NotLinked, match="choose another"):
        attaching.attach(db, "discogs", hit["external_id"], track, pictures=replay.pictures(), **options(replay, "discogs"))


def test_what_cannot_be_searched_says_what_can(db, track):
    with pytest.raises(BadInput, match="discogs, spotify, tidal"):
        attaching.search("files", "x")
    with pytest.raises(BadInput, match="no track 99"):
        attaching.attach(db, "spotify", "x", 99)
    assert set(attaching.searchable()) <= set(load.available())
