"""The review queue: what waits, in which groups and order; every answer counts at once, is remembered and can be taken back."""

import json
import random

import pytest

import musicdb
from musicdb import history, links, truth
from musicdb.errors import BadInput
from musicdb.links import aliases, grounds, review
from tests.observing import decide, observe, uid

WHOLE = "select * from {} order by 1, 2"


def state(db):
    """All that follows from decisions: links, tracks, credits, ids, albums."""
    tables = ("track_links", "tracks", "track_artists", "external_ids", "image_links", "review_queue")
    found = {table: [dict(row) for row in db.q(WHOLE.format(table))] for table in tables}
    for rows in found.values():
        for row in rows:
            for when in ("created_at", "updated_at"):  # of derived rows: when they were derived last
                row.pop(when, None)
    return found


def settle(db):
    links.link(db)
    truth.resolve(db)


def queue(db, **options):
    return [(row.platform, row.external_id, row.track_id) for row in links.waiting(db, **options)]


def active(db):
    sql = "select p.platform || '/' || p.external_id, k.track_id, k.status from track_links as k join platform_tracks as p on p.id = k.platform_track_id"
    return {key: (track, status) for key, track, status in db.execute(f"{sql} where k.status in ('auto', 'confirmed')")}


def library(db):
    return {row.id: row.title for row in db.q("select id, title from library")}


@pytest.fixture
def two(db):
    """A file and a stream of one title, 4 s apart: two tracks, and a link that waits."""
    observe(db, "tidal", "t", album="Dusk", duration_ms=200_000)
    observe(db, "local", "a", duration_ms=204_000, path="/m/a.mp3")
    settle(db)
    return db


def longer(db, n, title, platform="local", ms=204_000, **more):
    observe(db, "tidal", f"t{n}", title, duration_ms=200_000)
    return observe(db, platform, f"a{n}", title, duration_ms=ms, **more)


# ---------- the queue


def test_a_row_shows_both_sides_and_says_why(two):
    (row,) = links.waiting(two)
    assert (row.platform, row.external_id, row.their_title, row.their_artists) == (
        "tidal",
        "t",
        "Nightfall",
        "Ada",
    ) or row.platform == "local"
    assert row.reason == f"same title and artist, 4 s {'longer' if row.platform == 'local' else 'shorter'}"
    assert (row.our_title, row.our_artists, row.their_title, row.their_artists) == ("Nightfall", "Ada", "Nightfall", "Ada")
    assert {row.our_duration_ms, row.their_duration_ms} == {200_000, 204_000}
    assert "The lengths differ by 4.0 s." in row.signs
    assert row.own_track_id != row.track_id and row.with_others == 0
    assert [*map(dict, links.waiting(two, reason=row.reason))] == [dict(row)] and not links.waiting(two, reason="another")


def test_the_api_shows_what_the_view_holds(two):
    longer(two, 1, "Daybreak")
    settle(two)
    held = {row["id"] for row in two.q("select id from review_queue")}
    assert {row.id for row in links.waiting(two)} == held and len(held) == 2


def test_covers_of_both_sides_are_shown(tmp_path):
    from tests.small import Small

    small = Small(tmp_path / "music.db")
    ours = small.track("Nightfall")
    first = small.observe(ours, "local")
    second = small.observe(None, "spotify", release="r", title="Nightfall")
    red, blue = small.image("red", track=first), small.image("blue", release=small.release("spotify", "r"))
    small.insert(
        "track_links", platform_track_id=second, assigned_track_id=ours, track_id=ours, status="candidate", method="key", confidence=60
    )
    musicdb.images.select(small.db)
    (row,) = links.waiting(small.db)
    assert (row.our_cover, row.their_cover) == (red, blue)
    assert row.reason == "length unknown" and row.signs == []


def test_the_most_valuable_come_first(db):
    for n, title in enumerate(("Plain", "Listed", "Played", "Owned"), 1):
        longer(db, n, title, platform="spotify", path="/m/owned.mp3" if title == "Owned" else None)
    db.execute("insert into platform_playlists (platform, external_id, name) values ('spotify', 'l', 'L')")
    for position, title in enumerate(["Listed", "Listed", "Played"]):
        one = db.value("select id from platform_tracks where platform = 'spotify' and title = ?", [title])
        db.execute(
            "insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, first_seen_at) values (1, ?, ?, '')",
            [position, one],
        )
    for n in range(9):
        at = f"2026-01-01T00:00:0{n}Z"
        db.execute(
            "insert into listens_raw (user_id, platform, listened_at, ingested_at, payload) values (1, 'spotify', ?, ?, '{}')", [at, at]
        )
        db.execute(
            "insert into listens (raw_id, user_id, platform, track_external_id, listened_at) values (last_insert_rowid(), 1, 'spotify', 'a3', ?)",
            [at],
        )
    settle(db)
    rows = links.waiting(db, platform="spotify") or links.waiting(db)
    assert [row.their_title for row in rows] == ["Owned", "Played", "Listed", "Plain"]
    assert [(row.plays, row.playlists, row.owned) for row in rows] == [(0, 0, 1), (9, 1, 0), (0, 2, 0), (0, 0, 0)]
    assert [row.their_title for row in links.waiting(db, limit=2, offset=1)] == ["Played", "Listed"]


def test_links_of_one_reason_are_a_group_that_one_decision_answers(db):
    for n in range(5):
        longer(db, n, f"Song {'abcde'[n]}")
    observe(db, "spotify", "i1", "Quite Another", ["Bob"], isrc="USRC17607839", duration_ms=100_000)
    observe(db, "local", "i2", "Something Else", ["Cy"], isrc="USRC17607839", duration_ms=100_000)
    settle(db)
    found = {group.reason: group for group in links.groups(db)}
    assert {reason: group.waiting for reason, group in found.items()} == {"same title and artist, 4 s longer": 5, "only ISRC agrees": 1}
    group = found["same title and artist, 4 s longer"]
    assert (group.same, group.against) == (["title", "artist"], ["4 s longer"]) and len(group.links) == 5
    done = links.accept(db, group.links)
    assert done.decided == 5 and [group.reason for group in links.groups(db)] == ["only ISRC agrees"]
    assert len(library(db)) == 7
    assert db.value("select count(*) from operations where type = 'accept'") == 1
    history.undo(db, done.operation)
    assert len(links.waiting(db)) == 6 and len(library(db)) == 12


def test_an_unknown_platform_or_link_is_named(two):
    with pytest.raises(BadInput, match=r"no platform 'tidall'; there are .*tidal"):
        links.waiting(two, platform="tidall")
    for answer in (links.accept, links.reject, links.new_track, links.later):
        with pytest.raises(BadInput, match="no link 999"):
            answer(two, 999)
        with pytest.raises(BadInput, match="no link is named"):
            answer(two, [])


# ---------- reasons


@pytest.mark.parametrize(
    "evidence, gap, label",
    [
        ([("isrc", "Both carry the same ISRC."), ("title", "The titles differ.")], 0, "only ISRC agrees"),
        ([("isrc", "Both carry the same ISRC."), ("title", 'The titles differ: "a", "b".'), ("artists", 'The artists differ: "c"; "d".')], 0, "only ISRC agrees"),
        ([("key", "Title, version and artists are the same.")], 4_400, "same title and artist, 4 s longer"),
        ([("key", "Title, version and artists are the same.")], -9_000, "same title and artist, 9 s shorter"),
        ([("title", "The titles are the same."), ("artists", "The artists are the same.")], 12_000, "same title and artist, 10 to 30 s longer"),
        ([("title", "The titles are the same."), ("artists", "The artists are the same.")], None, "same title and artist, length unknown"),
        ([("title", "The titles are the same."), ("artists", 'They share an artist: "a"; "a, b".')], 0, "same title, artists in part the same"),
        ([("title", 'The titles are nearly the same: "a differ", "b".'), ("album", "The albums are the same.")], 0, "same album, title nearly the same"),
        ([("version", 'One side says more about the version: "live album", "plain".'), ("title", "The titles are the same.")], 0, "same title, one names a version"),
        ([("version", 'Both name the same version: "live".'), ("title", "The titles are the same.")], 0, "same title and version"),
        ([("key", "Title, version and artists are the same."), ("twice", "This platform has another track of that name on another release.")], 0,
         "same title and artist, twice on one platform"),
        ([("title", "The titles are the same."), ("artists", "The artists are the same."), ("album", 'The albums differ: "a", "b".')], 0,
         "same title and artist, other album"),
        ([("title", "The titles are the same."), ("album", 'The albums differ: "a", "b".')], 5_000, "same title, 5 s longer"),
        ([("moon_phase", "The moon was full.")], 0, "same moon phase"),
        ([], 0, "no reason is given"),
    ],
)  # fmt: skip
def test_reasons_in_words(evidence, gap, label):
    assert grounds.reason([{"part": part, "sentence": sentence} for part, sentence in evidence], gap).label == label


@pytest.mark.parametrize("evidence", [None, "", "null", "3", "{", "[3, null, []]", '[{"sentence": 3}]', '{"part": "x"}'])
def test_reasons_of_odd_evidence_do_not_stop_the_queue(evidence):
    assert grounds.reason(evidence, 0).label == "no reason is given"


# ---------- answers


def test_accepting_counts_at_once_and_is_taken_back_by_undo(two):
    before, (row,) = state(two), links.waiting(two)
    done = links.accept(two, row.id)
    assert active(two) == {"tidal/t": (row.track_id, active(two)["tidal/t"][1]), "local/a": (row.track_id, active(two)["local/a"][1])}
    assert active(two)[f"{row.platform}/{row.external_id}"] == (row.track_id, "confirmed")
    assert library(two) == {row.track_id: "Nightfall"} and not links.waiting(two)
    assert two.value("select duration_ms from tracks where id = ?", [row.track_id]) == 204_000  # trust: the file knows best
    assert row.track_id in done.tracks
    history.undo(two, done.operation)
    assert state(two) == before
    history.redo(two)
    assert library(two) == {row.track_id: "Nightfall"}


def test_an_answer_is_one_operation_of_decisions(two):
    (row,) = links.waiting(two)
    done = links.accept(two, row, by="ada", note="heard both")
    operation = two.one("select type, actor, status, reason from operations where id = ?", [done.operation])
    assert (operation.type, operation.actor, operation.status) == (
        "accept",
        "ada",
        "completed",
    ) and f"is track {row.track_id}" in operation.reason
    found = two.q(
        "select entity, entity_key, field, value, decided_by, note from decisions where operation_id = ? and entity = 'link'",
        [done.operation],
    )
    assert [*map(dict, found)] == [{"entity": "link", "entity_key": f"{row.platform}/{row.external_id}", "field": "track",
        "value": json.dumps(uid(two, row.track_id)), "decided_by": "ada", "note": "heard both"}]  # fmt: skip
    assert not two.q("select * from changes where op <> 'batch'")


def test_accepting_twice_does_nothing_the_second_time(two):
    (row,) = links.waiting(two)
    links.accept(two, row.id)
    operations = two.value("select count(*) from operations")
    assert links.accept(two, row.id).operation is None
    assert two.value("select count(*) from operations") == operations


def test_what_a_person_has_on_the_emptied_track_stays(two):
    (row,) = links.waiting(two)
    two.execute("insert into tags (name) values ('warm')")
    two.execute("insert into track_tags (track_id, tag_id) values (?, 1)", [row.own_track_id])
    links.accept(two, row.id)
    assert two.value("select merged_into_id from tracks where id = ?", [row.own_track_id]) == row.track_id
    links.reject(two, row.id)
    assert two.value("select merged_into_id from tracks where id = ?", [row.own_track_id]) is None
    assert active(two)[f"{row.platform}/{row.external_id}"] == (row.own_track_id, "auto")
    assert len(library(two)) == 2


def test_the_rest_of_a_track_stays_unless_it_is_taken_along(two):
    (row,) = links.waiting(two)
    observe(two, "rekordbox", "r", said={"path": "/m/a.mp3"} if row.platform == "local" else {}, album="Dusk",
            duration_ms=204_000 if row.platform == "local" else 200_000)  # fmt: skip
    settle(two)
    (row,) = [one for one in links.waiting(two) if one.platform == row.platform]
    assert row.with_others == 1
    done = links.accept(two, row.id)
    assert "keeps 1 other observations" in done.notes[0] and len(library(two)) == 2
    history.undo(two, done.operation)
    links.accept(two, row.id, whole=True)
    assert library(two) == {row.track_id: "Nightfall"} and {track for track, _ in active(two).values()} == {row.track_id}


def test_nothing_is_taken_along_to_a_track_that_it_was_told_apart_from(two):
    (row,) = links.waiting(two)
    observe(two, "lastfm", "l", in_library=0, album="Dusk" if row.platform == "tidal" else None)
    one = two.value("select id from platform_tracks where platform = 'lastfm'")
    values = [one, row.own_track_id, row.own_track_id, row.own_track_id]
    two.execute("insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) "
                "values (?, ?, ?, ?, 'auto', 'key', 90)", values)  # fmt: skip
    decide(two, "link", "lastfm/l", f"not:{uid(two, row.track_id)}", 1)
    done = links.accept(two, row.id, whole=True)
    assert "told apart" in done.notes[0] and active(two)["lastfm/l"] == (row.own_track_id, "auto")


def test_a_rejected_link_is_never_proposed_again(two):
    before, (row,) = state(two), links.waiting(two)
    done = links.reject(two, row.id)
    assert not links.waiting(two) and len(library(two)) == 2
    assert two.value("select status from track_links where id = ?", [row.id]) == "rejected"
    settle(two)
    truth.rebuild(two)
    settle(two)
    assert not links.waiting(two)
    history.undo(two, done.operation)
    assert state(two)["review_queue"] == before["review_queue"] and state(two)["track_links"] == before["track_links"]


def test_rejecting_a_link_that_the_matcher_made_gives_a_track_of_its_own(db):
    observe(db, "tidal", "t", duration_ms=200_000)
    observe(db, "local", "a", duration_ms=200_000)
    settle(db)
    before, (link, track) = state(db), db.execute("select id, track_id from track_links where method = 'key'").fetchone()
    done = links.reject(db, link)
    assert len(library(db)) == 2 and len({one for one, _ in active(db).values()}) == 2
    again = links.link(db)
    assert again.written == 0 and again.new_tracks == 0
    history.undo(db, done.operation)
    after = state(db)
    assert (after["track_links"], after["external_ids"]) == (before["track_links"], before["external_ids"])
    assert library(db) == {track: "Nightfall"}


def test_a_listen_that_is_rejected_has_no_track(db):
    observe(db, "local", "a", duration_ms=200_000)
    observe(db, "lastfm", "l", in_library=0)
    settle(db)
    link = db.value("select k.id from track_links as k join platform_tracks as p on p.id = k.platform_track_id where p.platform = 'lastfm'")
    links.reject(db, link)
    assert "lastfm/l" not in active(db) and len(library(db)) == 1
    assert links.link(db).linked == {}


def test_rejecting_holds_for_what_the_track_was_merged_into(two):
    (row,) = links.waiting(two)
    observe(two, "spotify", "o", "Far Away", ["Zoe"], duration_ms=90_000)
    settle(two)
    other = active(two)["spotify/o"][0]
    links.merge(two, other, row.track_id)
    (row,) = links.waiting(two)
    assert row.track_id == other
    links.reject(two, row.id)
    fields = {f for (f,) in two.execute("select field from decisions where entity = 'link'")}
    assert f"not:{uid(two, other)}" in fields and len(fields) == 2
    links.split(two, other)
    assert not links.waiting(two)


def test_who_merges_what_was_told_apart_takes_that_back_and_a_split_brings_it_again(two):
    (row,) = links.waiting(two)
    key, before = f"{row.platform}/{row.external_id}", active(two)
    links.reject(two, row.id)
    apart = two.value("select count(*) from decisions where field like 'not:%'")
    done = links.merge(two, row.track_id, row.own_track_id)
    assert done.notes == [f"{key} was told apart from track {row.track_id}: that holds no longer"]
    assert {track for track, _ in active(two).values()} == {row.track_id} and links.link(two).written == 0
    links.split(two, row.own_track_id)
    assert active(two) == before and not links.waiting(two) and links.link(two).written == 0
    history.undo(two)
    assert {track for track, _ in active(two).values()} == {row.track_id}
    history.undo(two, done.operation)
    assert active(two) == before and not links.waiting(two)
    assert two.value("select count(*) from decisions where field like 'not:%'") > apart


def test_a_track_of_its_own_is_kept_against_the_candidates(two):
    before, (row,) = state(two), links.waiting(two)
    done = links.new_track(two, row.id)
    assert active(two)[f"{row.platform}/{row.external_id}"] == (row.own_track_id, "confirmed")
    assert not links.waiting(two) and len(library(two)) == 2
    assert links.link(two).written == 0
    history.undo(two, done.operation)
    assert state(two) == before


def test_a_listen_can_be_given_a_track_of_its_own(db):
    observe(db, "spotify", "s1", duration_ms=200_000, album="Dusk")
    observe(db, "spotify", "s2", duration_ms=200_000, album="Dawn")
    observe(db, "lastfm", "l", in_library=0)
    settle(db)
    rows = [row for row in links.waiting(db) if row.platform == "lastfm"]
    assert len(rows) == 2 and rows[0].own_track_id is None
    done = links.new_track(db, [row.id for row in rows])
    track, status = active(db)["lastfm/l"]
    assert status == "confirmed" and library(db)[track] == "Nightfall" and len(library(db)) == 3
    assert not [row for row in links.waiting(db) if row.platform == "lastfm"]
    history.undo(db, done.operation)
    assert "lastfm/l" not in active(db) and len(library(db)) == 2
    assert len([row for row in links.waiting(db) if row.platform == "lastfm"]) == 2


def test_one_answer_settles_all_candidates_of_an_observation(db):
    observe(db, "spotify", "s1", duration_ms=200_000, album="Dusk")
    observe(db, "spotify", "s2", duration_ms=200_000, album="Dawn")
    observe(db, "lastfm", "l", in_library=0)
    settle(db)
    rows = [row for row in links.waiting(db) if row.platform == "lastfm"]
    done = links.accept(db, rows)
    assert done.decided == 1 and "left out" in done.notes[0]
    assert not [row for row in links.waiting(db) if row.platform == "lastfm"]


def test_what_is_put_off_is_shown_when_asked_for(two):
    (row,) = links.waiting(two)
    done = links.later(two, row.id)
    assert not links.waiting(two) and not links.groups(two) and two.value("select count(*) from review_queue") == 0
    assert queue(two, later=True) == [(row.platform, row.external_id, row.track_id)] and links.groups(two, later=True)[0].waiting == 1
    assert links.link(two).written == 0 and not links.waiting(two)
    history.undo(two, done.operation)
    assert len(links.waiting(two)) == 1
    links.later(two, row.id)
    links.accept(two, links.waiting(two, later=True))
    assert len(library(two)) == 1 and not links.waiting(two, later=True)


def test_a_link_between_what_is_one_track_by_now_does_not_wait(two):
    (row,) = links.waiting(two)
    links.merge(two, row.track_id, row.own_track_id)
    assert not links.waiting(two)
    links.split(two, row.track_id)
    assert len(links.waiting(two)) == 1


def test_a_mind_can_be_changed(two):
    (row,) = links.waiting(two)
    links.reject(two, row.id)
    links.accept(two, row.id)
    assert library(two) == {row.track_id: "Nightfall"}
    links.reject(two, row.id)
    assert len(library(two)) == 2
    links.new_track(two, row.id)
    assert len(library(two)) == 2
    assert links.link(two).written == 0


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_answered_is_undone_exactly_and_survives_a_rebuild(db, seed):
    rng = random.Random(seed)
    for n in range(50):
        observe(db, rng.choice(["local", "spotify", "tidal", "rekordbox", "lastfm"]), str(n), rng.choice(["Night", "Day", "Dawn"]),
                rng.choice([["Ada"], ["Bob"]]), duration_ms=rng.choice([None, 200_000, 204_000, 208_000]), in_library=int(rng.random() < 0.8),
                album=rng.choice([None, "Dusk", "Dawn"]), isrc=rng.choice([None, "USRC17607839"]))  # fmt: skip
    settle(db)
    for _ in range(6):
        if not (rows := links.waiting(db, limit=None)):
            break
        before = state(db)
        answer = rng.choice([links.accept, links.reject, links.new_track, links.later])
        done = answer(db, rng.sample(rows, min(len(rows), rng.choice([1, 3, 10]))))
        after = state(db)
        history.undo(db, done.operation)
        again = state(db)
        assert (again["review_queue"], visible(again)) == (before["review_queue"], visible(before)), answer.__name__
        history.redo(db)
        assert visible(state(db)) == visible(after)
        truth.rebuild(db)
        assert visible(state(db)) == visible(after)
        settle(db)
        answered = {row.id for row in links.waiting(db, limit=None)}
        assert not answered & {row["id"] for row in before["review_queue"]} - {row["id"] for row in after["review_queue"]}


def visible(found):
    """Tracks that are shown, and the links that count."""
    tracks = [{k: v for k, v in row.items() if k != "created_at"} for row in found["tracks"] if row["title"] is not None]
    return tracks, sorted(
        (row["platform_track_id"], row["track_id"]) for row in found["track_links"] if row["status"] in ("auto", "confirmed")
    )


def test_a_decision_written_by_hand_is_read_like_an_answer(two):
    (row,) = links.waiting(two)
    decide(two, "link", f"{row.platform}/{row.external_id}", f"not:{uid(two, row.track_id)}", 1)
    links.link(two)
    assert not links.waiting(two)


def test_the_answers_are_on_links(db):
    assert {"waiting", "groups", "accept", "reject", "new_track", "later", "merge", "split"} <= set(dir(links))
    assert links.accept is review.accept
    with pytest.raises(AttributeError, match="no attribute 'acept'"):
        links.acept  # noqa: B018


# ---------- aliases


@pytest.fixture
def bjork(db):
    """Two names of one artist, one title in two languages."""
    observe(db, "local", "a", "Hunter", ["Björk"], duration_ms=200_000, isrc="USRC17607839")
    observe(db, "tidal", "t", "Hunter", ["Björk Guðmundsdóttir"], duration_ms=206_000, isrc="USRC17607839")
    observe(db, "spotify", "s", "Jägerin", ["Björk"], duration_ms=200_500, isrc="USRC17607839")
    settle(db)
    return db


def candidate(db, one, track):
    """A link between an observation and a track that waits, whatever the matcher thought."""
    sql = "insert into track_links (platform_track_id, assigned_track_id, track_id, status, method, confidence) values (?, ?, ?, 'candidate', 'isrc', 50)"
    have = db.value("select id from track_links where platform_track_id = ? and assigned_track_id = ?", [one, track])
    return have or db.execute(sql, [one, track, track]).lastrowid


def ones(db):
    sql = "select p.platform, p.id, k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status = 'auto'"
    return {platform: (one, track) for platform, one, track in db.execute(sql)}


def test_another_name_is_suggested_and_kept(bjork):
    found = ones(bjork)
    link = candidate(bjork, found["tidal"][0], found["local"][1])
    suggested = aliases.suggest_aliases(bjork, link)
    artist = bjork.value("select id from artists where name = 'Björk'")
    assert [*map(dict, suggested)] == [
        {"kind": "artist", "entity_id": artist, "name": "Björk", "alias": "Björk Guðmundsdóttir", "platform": "tidal"}
    ]
    done = aliases.keep_alias(bjork, "artist", artist, "Björk Guðmundsdóttir", platform="tidal")
    assert aliases.known(bjork).artists == {"bjork gudmundsdottir": "bjork"}
    assert not aliases.suggest_aliases(bjork, link)
    assert aliases.keep_alias(bjork, "artist", artist, "BJÖRK GUÐMUNDSDÓTTIR").operation is None
    history.undo(bjork, done.operation)
    assert not aliases.known(bjork) and aliases.suggest_aliases(bjork, link)


def test_another_title_is_suggested_and_kept(bjork):
    found = ones(bjork)
    link, track = candidate(bjork, found["spotify"][0], found["local"][1]), found["local"][1]
    (row,) = aliases.suggest_aliases(bjork, link)
    assert (row.kind, row.entity_id, row.name, row.alias) == ("title", track, "Hunter", "Jägerin")
    aliases.keep_alias(bjork, row.kind, row.entity_id, row.alias)
    assert aliases.known(bjork).titles == {"jagerin|bjork": "hunter|bjork"}


@pytest.mark.parametrize(
    "title, artists",
    [("Hunter", ["björk"]), ("Hunter", ["Björk", "Tricky"]), ("Hunter (Live)", ["Björk"]), ("Hunter", ["Various Artists"]), ("Hunter", [])],
)
def test_what_is_no_other_name_is_not_suggested(bjork, title, artists):
    one = observe(bjork, "discogs", "d", title, artists)
    assert not aliases.suggest_aliases(bjork, candidate(bjork, one, ones(bjork)["local"][1]))


def test_a_live_version_under_another_title_is_no_alias(bjork):
    one = observe(bjork, "discogs", "d", "Jägerin (Live)", ["Björk"])
    assert not aliases.suggest_aliases(bjork, candidate(bjork, one, ones(bjork)["local"][1]))


def test_an_alias_of_two_artists_is_not_used(bjork):
    for name in ("Ada", "Bob"):
        observe(bjork, "local", name, "Song of " + name, [name])
    settle(bjork)
    ids = [bjork.value("select id from artists where name = ?", [name]) for name in ("Ada", "Bob")]
    aliases.keep_alias(bjork, "artist", ids[0], "The Twin")
    done = aliases.keep_alias(bjork, "artist", ids[1], "The Twin")
    assert "other artists have this alias" in done.notes[0] and aliases.known(bjork).artists == {}
    assert "is called" in aliases.keep_alias(bjork, "artist", ids[0], "Bob").notes[0]


def test_an_alias_leads_a_new_credit_to_the_artist(bjork):
    artist = bjork.value("select id from artists where name = 'Björk'")
    aliases.keep_alias(bjork, "artist", artist, "Bjoerk G.")
    observe(bjork, "local", "new", "Pluto", ["Bjoerk G."])
    settle(bjork)
    assert bjork.value("select count(*) from track_artists where artist_id = ? and credited_as = 'Bjoerk G.'", [artist]) == 1


@pytest.mark.parametrize(
    "kind, id, alias, says",
    [
        ("label", 1, "x", "no alias of"),
        ("artist", 99, "x", "no artist 99"),
        ("title", True, "x", "no track True"),
        ("artist", 1, " ", "no name"),
    ],
)
def test_an_alias_that_cannot_be_is_named(bjork, kind, id, alias, says):
    with pytest.raises(BadInput, match=says):
        aliases.keep_alias(bjork, kind, id, alias)
    with pytest.raises(BadInput, match="is the name itself"):
        aliases.keep_alias(bjork, "artist", bjork.value("select id from artists where name = 'Björk'"), "BJORK")
    with pytest.raises(BadInput, match="no link 999"):
        aliases.suggest_aliases(bjork, 999)


# ---------- commands


def run(path, *words):
    from click.testing import CliRunner

    from musicdb.cli import cli

    result = CliRunner().invoke(cli, [*words, "--db", str(path)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_lists_what_waits(two):
    code, out, _ = run(two.path, "review")
    assert code == 0 and "same title and artist, 4 s" in out and "Ada - Nightfall" in out and "1 links waiting" in out
    code, out, _ = run(two.path, "review", "--json")
    found = json.loads(out)
    assert (found["waiting"], found["groups"][0]["waiting"], found["links"][0]["their_title"]) == (1, 1, "Nightfall")
    assert (
        run(two.path, "review", "--reason", "no such")[1]
        == "no links are waiting for the reason 'no such'; without --reason all groups are shown\n"
    )
    code, _, err = run(two.path, "review", "--platform", "tidall")
    assert code == 2 and "there is no platform 'tidall'" in err
    links.later(two, found["links"][0]["id"])
    assert "no links are waiting" in run(two.path, "review")[1] and "1 links put off" in run(two.path, "review", "--later")[1]


def test_the_commands_carry_decisions_to_another_database(two, tmp_path):
    links.accept(two, links.waiting(two))
    file = tmp_path / "m.jsonl"
    code, out, _ = run(two.path, "export", "matches", str(file))
    assert code == 0 and "1 decisions" in out
    assert run(two.path, "export", "matches")[1].encode() == file.read_bytes()
    other = tmp_path / "other.db"
    with musicdb.open(other):
        pass
    code, out, _ = run(other, "import", "matches", str(file))
    assert code == 0 and "matches: nothing new" in out and "not here, kept for later" in out
    with musicdb.open(other) as db:
        observe(db, "tidal", "t", album="Dusk", duration_ms=200_000)
        observe(db, "local", "a", duration_ms=204_000, path="/m/a.mp3")
        settle(db)
    assert "matches: 1 accept" in run(other, "import", "matches")[1]
    assert json.loads(run(other, "import", "matches", str(file), "--json")[1])["unchanged"] == 1
    file.write_text("no", "utf-8")
    code, _, err = run(other, "import", "matches", str(file))
    assert code == 2 and "no file of matches" in err
