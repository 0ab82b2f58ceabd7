"""A track that is two recordings: its entries are told apart by keys, after a look at what would change, and put together again."""

from __future__ import annotations

import pytest

import musicdb
from musicdb import truth
from musicdb.errors import BadInput
from musicdb.truth import merging

from .small import Small
from .test_widgets import press


@pytest.fixture
def db(tmp_path):
    """One track of which a file and Spotify speak; Spotify means the live recording."""
    small = Small(tmp_path / "music.db")
    track = small.track("Nightfall", artist_credit="Ada")
    for platform, title, year in (("local", "Nightfall", 1997), ("spotify", "Nightfall (Live)", 2004)):
        said = {"title": title, "artists": ["Ada"], "year": year, "duration_ms": 200_000}
        small.observe(track, platform=platform, title=title, artists=["Ada"], duration_ms=200_000, said=said)
    truth.resolve(small.db)
    yield small.db
    small.db.close()


def tracks(db):
    return db.value("select count(*) from library")


def test_entries_leave_by_keys_after_a_preview_that_changes_nothing_and_come_back(db):
    screen = musicdb.TrackSplit(db, 1)
    live = next(card for card in screen.state["cards"] if card["a"]["chips"] == ["spotify"])
    assert [text for text, differs in live["a"]["lines"][0] if differs] == ["(Live)"] or "Live" in str(live["a"]["lines"][0])
    assert screen.state["actions"][2]["off"], "nothing is marked"
    press(screen, "split")
    assert "mark with x" in screen.said and screen.status["level"] == "error" and tracks(db) == 1
    press(screen, "mark", id=live["id"])
    assert screen.state["counts"] == "1 of 2 leave" and musicdb.TrackSplit(db, 1).leaving == {live["id"]}, (
        "a cell that is run again remembers"
    )
    press(screen, "preview")
    told = screen.state["cards"][0]["a"]["lines"]
    assert tracks(db) == 1 and "Nothing was changed" in screen.said
    assert any(line.startswith("year: ") and line.endswith("the new track has 2004") for line in told), told
    press(screen, "split")
    assert tracks(db) == 2 and len(screen.state["cards"]) == 1 and "1 entry has a track of its own" in screen.said
    assert {(row.title, row.year) for row in db.q("select title, year from library")} == {("Nightfall", 1997), ("Nightfall", 2004)}
    press(screen, "undo")
    assert tracks(db) == 1 and len(screen.state["cards"]) == 2 and screen.said.startswith("Taken back")


def test_all_entries_cannot_leave(db):
    screen = musicdb.TrackSplit(db, 1)
    for card in list(screen.state["cards"]):
        press(screen, "mark", id=card["id"])
    assert screen.state["actions"][2]["off"]
    press(screen, "split")
    assert "would change nothing" in screen.said and tracks(db) == 1


def test_a_preview_in_python_writes_no_operation(db):
    before = db.value("select count(*) from operations")
    entry = db.value("select id from platform_tracks where platform = 'spotify'")
    seen = merging.split(db, 1, entry, preview=True)
    assert seen.operation is None and {row.field for row in seen.conflicts} >= {"year"} and tracks(db) == 1
    assert db.value("select count(*) from operations") == before
    with pytest.raises(BadInput):
        merging.split(db, 1, 10**6, preview=True)
