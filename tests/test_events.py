"""Events: from Rekordbox's history, and by hand."""

import json

import pytest

import musicdb
from musicdb import events, history, links, truth
from musicdb.errors import BadInput
from tests.observing import observe


def played(db, session, plays, name="HISTORY 2024-05-11", offset=120):
    """Plays of a session: (external id, UTC)."""
    for place, (track, at) in enumerate(plays, 1):
        raw = db.execute("insert into listens_raw (user_id, platform, source_item, listened_at, ingested_at, payload) values (1, 'rekordbox', ?, ?, ?, '{}')",
                         [track, at, at]).lastrowid  # fmt: skip
        context = json.dumps({"history": name, "place": place, "session": session})
        db.execute("insert into listens (raw_id, user_id, platform, track_external_id, listened_at, utc_offset_min, context) "
                   "values (?, 1, 'rekordbox', ?, ?, ?, ?)", [raw, track, at, offset, context])  # fmt: skip


@pytest.fixture
def night(db):
    """Three tracks and a session that plays them past midnight, one of them twice."""
    for n, name in enumerate(("First", "Second", "Third"), 1):
        observe(db, "rekordbox", f"r{n}", name, ["Ada"], duration_ms=100_000 * n)
    played(db, "7", [("r1", "2024-05-11T21:00:00Z"), ("r2", "2024-05-11T21:55:00Z"), ("r1", "2024-05-11T22:30:00Z")])
    links.link(db)
    truth.resolve(db)
    return db


def shown(db, event=1):
    return [(r.position, r.title, r.set_time, r.platform) for r in events.show(db, event)]


def test_a_session_of_rekordbox_is_an_event_with_its_tracks_in_order(night):
    (event,) = events.list(night)
    assert (event.name, event.start_date, event.end_date, event.tracks, event.from_rekordbox) == ("HISTORY 2024-05-11", "2024-05-11", "2024-05-12", 3, 1)
    assert [s[:2] for s in shown(night)] == [(1, "First"), (2, "Second"), (3, "First")]
    assert shown(night)[1][2:] == ("2024-05-11T21:55:00Z", "rekordbox")
    assert truth.resolve(night).written == 0


def test_an_event_follows_its_plays_and_keeps_the_name_it_was_given(night):
    events.edit(night, 1, name="Night Ferry", location="Pier 4")
    played(night, "7", [("r3", "2024-05-11T23:00:00Z")])
    truth.resolve(night)
    assert events.list(night, "ferry")[0].location == "Pier 4"
    assert {s[1] for s in shown(night)} == {"First", "Second", "Third"}


def test_merged_tracks_are_one_at_an_event_and_come_apart_again(night):
    before = night.execute("select * from event_recordings").fetchall()
    first, second = (night.value("select id from tracks where title = ?", [name]) for name in ("First", "Second"))
    done = links.merge(night, first, second)
    assert [s[1] for s in shown(night)] == ["First", "First", "First"]
    assert [p.position for p in events.of_track(night, first)] == [1, 2, 3]
    history.undo(night, done.operation)
    assert night.execute("select * from event_recordings").fetchall() == before


def test_an_event_by_hand_has_sets_with_times_and_every_step_is_undone(night):
    done = events.add(night, "Harbour Day", start_date="2024-06-01", end_date="2024-06-02", location="Quay")
    first = events.record(night, done.event, [2, 1], stage="Deck", set_time="23:41")
    events.record(night, done.event, 2, stage="Deck")
    events.record(night, done.event, 3, stage="Hold", set_time="01:00")
    found = [(r.stage, r.position, r.track_id, r.set_time) for r in events.show(night, done.event)]
    assert found == [("Deck", 1, 2, "23:41"), ("Deck", 2, 1, None), ("Deck", 3, 2, None), ("Hold", 1, 3, "01:00")]
    assert events.list(night)[0].stages == "Deck, Hold"
    out = events.unrecord(night, done.event, 2, position=3)
    assert out.tracks == 1 and len(events.show(night, done.event)) == 3
    for _ in range(3):
        history.undo(night)
    assert [r.track_id for r in events.show(night, done.event)] == [2, 1] and first.tracks == 2
    history.undo(night)
    history.undo(night, done.operation)
    assert [e.name for e in events.list(night)] == ["HISTORY 2024-05-11"]


def test_what_a_person_took_out_of_a_session_stays_out(night):
    done = events.unrecord(night, 1, 1, position=3)
    truth.resolve(night)
    assert [s[0] for s in shown(night)] == [1, 2]
    history.undo(night, done.operation)
    assert truth.resolve(night).written == 0 and [s[0] for s in shown(night)] == [1, 2, 3]


def test_what_was_taken_out_stays_out_when_its_track_turns_out_to_be_another(night):
    first, second = (night.value("select id from tracks where title = ?", [name]) for name in ("First", "Second"))
    taken = events.unrecord(night, 1, second)
    merged = links.merge(night, first, second)
    assert [s[:2] for s in shown(night)] == [(1, "First"), (3, "First")]
    events.unrecord(night, 1, first, position=3)
    history.undo(night, merged.operation)
    assert [s[:2] for s in shown(night)] == [(1, "First")]
    history.undo(night, taken.operation)
    truth.resolve(night)
    assert [s[:2] for s in shown(night)] == [(1, "First"), (2, "Second")]


def test_a_track_is_found_and_taken_out_by_what_it_is_now_and_by_what_it_was(night):
    first, third = (night.value("select id from tracks where title = ?", [name]) for name in ("First", "Third"))
    events.record(night, 1, third, stage="Hall")
    links.merge(night, first, third)
    assert sorted((p.stage, p.position) for p in events.of_track(night, third)) == [("", 1), ("", 3), ("Hall", 1)]
    assert events.unrecord(night, 1, first, stage="Hall").tracks == 1


def test_an_event_does_not_come_to_end_before_it_begins_and_one_that_was_removed_is_not_edited(night):
    event = events.add(night, "Gig", start_date="2024-05-05").event
    with pytest.raises(BadInput, match="before it begins"):
        events.edit(night, event, end_date="2024-01-01")
    events.edit(night, event, end_date="2024-05-06")
    assert events.edit(night, event, end_date="2024-05-06").operation is None
    events.remove(night, event)
    with pytest.raises(BadInput, match="no event"):
        events.edit(night, event, name="Other")


def test_a_removed_event_is_off_the_list_until_that_is_undone(night):
    done = events.remove(night, 1)
    truth.resolve(night)
    assert not events.list(night) and not events.of_track(night, 1)
    history.undo(night, done.operation)
    assert len(events.list(night)) == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda db: events.show(db, 99), "no event 99"),
        (lambda db: events.record(db, 1, 99), "no track 99"),
        (lambda db: events.record(db, 1, []), "at least one track"),
        (lambda db: events.unrecord(db, 1, 3), "was not played at"),
        (lambda db: events.add(db, " "), "not blank"),
        (lambda db: events.add(db, "x", start_date="soon"), "a date such as"),
        (lambda db: events.add(db, "x", start_date="2024-02-02", end_date="2024-02-01"), "before it begins"),
        (lambda db: events.add(db, "x", place="y"), "no field 'place'"),
        (lambda db: events.edit(db, 1), "at least one of"),
    ],
)
def test_what_cannot_be_is_refused_in_words(night, call, says):
    before = night.execute("select count(*) from operations").fetchone()
    with pytest.raises(BadInput, match=says):
        call(night)
    assert night.execute("select count(*) from operations").fetchone() == before


def test_owners_of_playlists_are_publishers(db):
    for n, owner in enumerate(("Ada", "Ada", None, ""), 1):
        db.execute("insert into platform_playlists (platform, external_id, name, owner, owner_id) values ('spotify', ?, 'x', ?, ?)",
                   [str(n), owner, "ada1" if owner else None])  # fmt: skip
    assert truth.resolve(db).rows == {"publishers": 1} and truth.resolve(db).written == 0
    assert db.execute("select name, platform, handle from publishers").fetchall() == [("Ada", "spotify", "ada1")]


def test_sessions_are_found_where_the_diary_has_a_file_of_its_own(tmp_path):
    with musicdb.open(tmp_path / "music.db", listens=tmp_path / "diary.db") as db:
        observe(db, "rekordbox", "r1", "First", ["Ada"])
        played(db, "7", [("r1", "2024-05-11T21:00:00Z")])
        links.link(db)
        truth.resolve(db)
        assert [e.name for e in events.list(db)] == ["HISTORY 2024-05-11"] and [s[1] for s in shown(db)] == ["First"]
        assert truth.resolve(db).written == 0
