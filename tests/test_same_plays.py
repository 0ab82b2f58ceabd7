"""Which listens of several services are one play: pure on labelled diaries, and as flags that stay, follow decisions and cost little."""

import random
from itertools import combinations

import pytest

import musicdb
from musicdb import history, text
from musicdb.listens import flagging, same
from musicdb.matching import compare

from .plays import Habits, diary

ORDER = ["spotify", "listenbrainz", "lastfm"]
START, HALF, END = ("start",), ("half",), ("end",)


def habits(spotify=START, lastfm=START, listenbrainz=START, **more):
    return Habits(stamps=(("spotify", spotify), ("lastfm", lastfm), ("listenbrainz", listenbrainz)), **more)


def found_in(rows):
    """Pairs of row numbers that are said to be one play."""
    songs, records, plays = {}, [], []
    for n, t in enumerate(rows):
        song = songs.setdefault(text.match_key(t.title, t.artist), len(songs))
        if song == len(records):
            records.append({"title": t.title, "artist": t.artist, "duration_ms": t.length and t.length * 1000})
        plays.append(same.Play(n, t.platform, t.at, song, t.length, t.played, t.platform != "spotify"))
    told = same.find(plays, ORDER, alike=lambda a, b: compare(records[a], records[b]).confidence >= flagging.ALIKE)
    groups = {n: [n] for n in range(len(rows))}
    for s in told:
        groups[s.of].append(s.id)
    return {tuple(sorted(pair)) for group in groups.values() for pair in combinations(group, 2)}


def true_in(rows):
    plays = {}
    for n, t in enumerate(rows):
        plays.setdefault(t.play, []).append(n)
    return {pair for group in plays.values() for pair in combinations(group, 2)}


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("how", [
    habits(), habits(lastfm=HALF), habits(listenbrainz=END), habits(lastfm=HALF, listenbrainz=END), habits(lastfm=("start", "half")),
    habits(ahead=(("lastfm", 95),)), habits(ahead=(("lastfm", -95), ("listenbrainz", 40))), habits(repeats=0.4), habits(jitter=25), habits(skips=0.4),
], ids="start half end half+end mixed ahead behind repeats jitter skips".split())  # fmt: skip
def test_plays_of_three_services_are_told_from_repeats_and_skips(how, seed):
    rows = diary(2500, how, seed)
    found, true = found_in(rows), true_in(rows)
    assert len(true) > 3000
    assert len(found & true) / len(found) >= 0.99
    assert len(found & true) / len(true) >= 0.97


def test_a_services_own_plays_are_never_one_whatever_their_times():
    rows = diary(600, habits(repeats=0.6))
    assert all(rows[a].platform != rows[b].platform for a, b in found_in(rows))
    twice = [same.Play(1, "lastfm", 1000, 1, 200), same.Play(2, "lastfm", 1000, 1, 200), same.Play(3, "lastfm", 1001, 1, 200)]
    assert same.find(twice, ORDER) == []


def test_three_in_a_row_go_with_three_in_a_row_in_order():
    one = [same.Play(n, "spotify", 1000 + 200 * n, 1, 200, 200) for n in range(3)]
    starts = [same.Play(10 + n, "lastfm", 1002 + 200 * n, 1, 200, None, True) for n in range(3)]
    assert [(s.id, s.of) for s in same.find([*one, *starts], ORDER)] == [(10, 0), (11, 1), (12, 2)]


def test_a_short_skip_is_no_scrobble():
    skip, full = same.Play(1, "spotify", 1000, 1, 200, 12), same.Play(2, "spotify", 1012, 1, 200, 200)
    scrobble = same.Play(3, "lastfm", 1004, 1, 200, None, True)
    assert [(s.id, s.of) for s in same.find([skip, full, scrobble], ORDER)] == [(3, 2)]
    assert same.find([skip, scrobble], ORDER) == []


def test_hours_apart_are_two_plays():
    assert same.find([same.Play(1, "spotify", 1000, 1, 200, 200), same.Play(2, "lastfm", 9000, 1, 200)], ORDER) == []


# ---------- in the database
PLAYS = [("spotify", "s1", "Copper Rain", "Ada Lumen", "2024-05-01T10:00:00Z", 200_000),
         ("lastfm", "l1", "Copper Rain", "Ada Lumen", "2024-05-01T10:00:04Z", None),
         ("listenbrainz", "b1", "Copper Rain (feat. Bo)", "Ada Lumen", "2024-05-01T10:01:41Z", None),
         ("lastfm", "l2", "Silver Snow", "Ada Lumen", "2024-05-01T10:04:00Z", None)]  # fmt: skip


def listen(db, platform, key, title, artist, at, ms, user=1):
    """A listen with its track, stored as an import would; returns its id."""
    with db.atomic():
        db.execute(
            "insert or ignore into platform_tracks (platform, external_id, title, artists, duration_ms, match_key, in_library, said, metadata) "
            "values (?, ?, ?, json_array(?), 200000, ?, 0, '{}', '{}')", [platform, key, title, artist, text.match_key(title, artist)],
        )  # fmt: skip
        raw = db.execute(
            "insert into listens_raw (user_id, platform, source_item, listened_at, ingested_at, payload) values (?, ?, ?, ?, ?, '{}')", [user, platform, key, at, at]
        ).lastrowid
        sql = "insert into listens (raw_id, user_id, platform, track_external_id, listened_at, ms_played) values (?, ?, ?, ?, ?, ?)"
        return db.execute(sql, [raw, user, platform, key, at, ms]).lastrowid


@pytest.fixture
def db(tmp_path):
    with musicdb.open(tmp_path / "music.db") as db:
        db.execute("insert into users (username) values ('you')")
        for play in PLAYS:
            listen(db, *play)
        yield db


def flags(db):
    return dict(db.execute("select id, duplicate_of_id from listens where duplicate_of_id is not null").fetchall())


def test_one_play_of_three_services_is_kept_three_times_and_counted_once(db):
    assert flagging.mark(db).changed == 2
    assert flags(db) == {2: 1, 3: 1}
    assert db.value("select count(*) from listens") == 4 and db.value("select count(*) from listening") == 2
    reasons = [row.reason for row in flagging.repeated(db)]
    assert reasons == ["the play that spotify has, told 101 s after the start, about its half", "the play that spotify has, told 4 s after the start"]


def test_unchanged_data_writes_nothing(db):
    flagging.mark(db)
    before = db.conn.total_changes
    assert flagging.mark(db).compared == 0
    assert db.conn.total_changes == before
    assert flagging.mark(db, all=True).changed == 0


def test_a_listen_that_comes_later_is_compared_with_those_around_it(db):
    for n in range(40):
        listen(db, "lastfm", f"x{n}", f"Song {n}", "Ada Lumen", f"2023-01-{n % 28 + 1:02}T10:00:00Z", None)
    flagging.mark(db)
    new = listen(db, "spotify", "s2", "Silver Snow", "Ada Lumen", "2024-05-01T10:03:58Z", 190_000)
    done = flagging.mark(db)
    assert flags(db) == {2: 1, 3: 1, 4: new}
    assert done.changed == 1 and done.compared < 10


def test_people_are_never_mixed(db):
    listen(db, "spotify", "s2", "Silver Snow", "Ada Lumen", "2024-05-01T10:04:00Z", 190_000, user=2)
    flagging.mark(db)
    assert 4 not in flags(db) and set(flags(db)) == {2, 3}


def test_two_plays_stay_two_whatever_is_imported_until_it_is_undone(db):
    flagging.mark(db)
    operation = flagging.two(db, 1, 2)
    assert 2 not in flags(db)
    assert flagging.mark(db, all=True).changed == 0 and 2 not in flags(db)
    listen(db, "lastfm", "l9", "Other", "Ada Lumen", "2024-05-01T10:20:00Z", None)
    flagging.mark(db)
    assert 2 not in flags(db)
    history.undo(db, operation)
    assert flags(db)[2] == 1
    history.redo(db)
    assert 2 not in flags(db)


def test_one_play_can_be_said_of_what_no_rule_sees(db):
    late = listen(db, "listenbrainz", "b7", "Silver Snow", "Ada Lumen", "2024-05-01T11:04:00Z", None)
    flagging.mark(db)
    assert late not in flags(db)
    operation = flagging.one(db, 4, late)
    assert flags(db)[late] == 4
    history.undo(db, operation)
    assert late not in flags(db)


def test_what_is_no_listen_or_of_two_people_is_refused(db):
    other = listen(db, "spotify", "s2", "Silver Snow", "Ada Lumen", "2024-05-01T10:04:00Z", 190_000, user=2)
    with pytest.raises(musicdb.errors.BadInput, match="no two listens"):
        flagging.two(db, 1, 99)
    with pytest.raises(musicdb.errors.BadInput, match="two people"):
        flagging.two(db, 1, other)


def test_years_are_compared_in_parts_that_no_play_reaches_over(db, monkeypatch):
    """As a whole and cut at long pauses: the same flags, and no more plays than the day holds at once."""
    pick = random.Random(2)
    for day in range(60):
        for n in range(pick.randrange(2, 7)):
            at = f"2025-{1 + day // 28:02}-{1 + day % 28:02}T{18 + n // 3:02}:{5 + n % 3 * 15:02}"
            listen(db, "spotify", f"p{n}", f"Song {n}", "Ada Lumen", f"{at}:00Z", 190_000)
            listen(db, "lastfm", f"q{n}", f"Song {n}", "Ada Lumen", f"{at}:04Z", None)
    whole = flagging.mark(db, all=True)
    flagged = flags(db)
    db.execute("update listens set duplicate_of_id = null, duplicate_reason = null")
    monkeypatch.setattr(flagging, "AT_ONCE", 1)
    sizes = []
    find = same.find
    monkeypatch.setattr(same, "find", lambda plays, *args, **more: sizes.append(len(plays)) or find(plays, *args, **more))
    cut = flagging.mark(db, all=True)
    assert flags(db) == flagged and len(flagged) > 120 and len(sizes) > 50 and max(sizes) <= 16
    assert (cut.repeated, whole.repeated) == (len(flagged), len(flagged))
    assert flagging.parts([]) == [] and flagging.parts([5]) == [(5 - flagging.AROUND, 5 + flagging.AROUND)]
