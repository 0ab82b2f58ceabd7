"""Decisions as a file: a rebuilt database and another person's get the same links, by ids first, then ISRC and text."""

import json
import random
import shutil

import pytest

import musicdb
from musicdb import demo, history, links, truth
from musicdb.errors import BadInput, UnknownSource
from musicdb.links import matchfile
from tests.observing import observe

LINKED = """
select p.platform || '/' || p.external_id, k.track_id from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.status in ('auto', 'confirmed')
"""


def settle(db):
    links.link(db)
    truth.resolve(db)


def everything(db):
    """The whole database as SQL."""
    return list(db.conn.iterdump())


def together(db):
    """What is one track: a set of sets of observations."""
    found = {}
    for key, track in db.execute(LINKED):
        found.setdefault(track, set()).add(key)
    return {frozenset(keys) for keys in found.values()}


def library(path, observations, shuffled=0):
    """A database of these observations, linked and resolved, in this order or another."""
    observations = list(observations)
    random.Random(shuffled).shuffle(observations) if shuffled else None
    db = musicdb.open(path)
    for platform, external_id, title, artists, more in observations:
        observe(db, platform, external_id, title, artists, **more)
    settle(db)
    return db


MINE = [
    ("tidal", "t1", "Nightfall", ["Ada"], {"duration_ms": 200_000, "isrc": "USRC17607839"}),
    ("local", "f1", "Nightfall", ["Ada"], {"duration_ms": 204_000, "path": "/home/ada/Music/nightfall.mp3", "audio_hash": "h1"}),
    ("spotify", "s1", "Daybreak", ["Bob"], {"duration_ms": 180_000}),
    ("local", "f2", "Daybreak", ["Bob"], {"duration_ms": 186_000, "path": "/home/ada/Music/daybreak.mp3"}),
    ("spotify", "s2", "Evening", ["Cy"], {"duration_ms": 240_000}),
    ("tidal", "t2", "Evening", ["Cy"], {"duration_ms": 240_000}),
    ("rekordbox", "7", "Noon", ["Dee"], {"duration_ms": 300_000}),
    ("spotify", "s3", "High Noon", ["Dee"], {"duration_ms": 300_000}),
]


def link_of(db, key):
    platform, _, external_id = key.partition("/")
    sql = "select k.id from track_links as k join platform_tracks as p on p.id = k.platform_track_id where p.platform = ? and p.external_id = ? and k.status = ?"
    return db.value(sql, [platform, external_id, "candidate"]) or db.value(sql, [platform, external_id, "auto"])


def waiting_of(db, title):
    return next(row.id for row in links.waiting(db, limit=None) if row.their_title == title)


def decided(path):
    """My library with four decisions: accepted, rejected, told apart, merged."""
    db = library(path, MINE)
    links.accept(db, waiting_of(db, "Nightfall"))
    links.reject(db, waiting_of(db, "Daybreak"))
    joined = db.value(
        "select k.id from track_links as k join platform_tracks as p on p.id = k.platform_track_id where p.title = 'Evening' and k.method = 'key'"
    )
    links.new_track(db, joined)
    tracks = dict(db.execute(LINKED))
    links.merge(db, tracks["rekordbox/7"], tracks["spotify/s3"])
    return db


WANTED = {
    frozenset({"tidal/t1", "local/f1"}), frozenset({"spotify/s1"}), frozenset({"local/f2"}), frozenset({"spotify/s2"}), frozenset({"tidal/t2"}),
    frozenset({"rekordbox/7", "spotify/s3"}),
}  # fmt: skip


@pytest.fixture
def mine(tmp_path):
    with decided(tmp_path / "mine.db") as db:
        assert together(db) == WANTED
        yield db


@pytest.fixture
def file(mine, tmp_path):
    matchfile.write(mine, tmp_path / "matches.jsonl")
    return tmp_path / "matches.jsonl"


def test_a_line_tells_what_it_is_about_in_words_and_ids(mine, file):
    head, *rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert head == {"musicdb": "matches", "version": 1}
    assert {row["decision"] for row in rows} == {"accept", "reject", "merge"}
    accepted = next(row for row in rows if row["decision"] == "accept" and row["observation"]["title"] == "Nightfall")
    sides = [accepted["observation"], accepted["track"]["observations"][0]]
    assert {(one["platform"], one["id"]) for one in sides} == {("tidal", "t1"), ("local", "f1")}
    assert "USRC17607839" in json.dumps(accepted) and {one["duration_ms"] for one in sides} == {200_000, 204_000}


def test_a_file_names_no_folder(file):
    assert "/home" not in file.read_text("utf-8")


@pytest.mark.parametrize("shuffled", range(6))
def test_a_rebuilt_database_gets_the_same_links(file, tmp_path, shuffled):
    with library(tmp_path / "new.db", MINE, shuffled) as db:
        assert together(db) != WANTED
        report = matchfile.read(db, file)
        assert together(db) == WANTED and not report.missing and not report.yours
        assert not links.waiting(db)
        settle(db)
        assert together(db) == WANTED and not links.waiting(db)
        truth.rebuild(db)
        assert together(db) == WANTED


def test_reading_it_again_changes_nothing(mine, file, tmp_path):
    with library(tmp_path / "new.db", MINE, 1) as db:
        first = matchfile.read(db, file)
        assert first.operation and sum(first.decided.values()) >= 4
        for _ in range(2):
            before = everything(db)
            again = matchfile.read(db, file)
            assert (again.operation, again.decided, again.missing, again.yours) == (None, {}, [], []) and everything(db) == before
    before = everything(mine)
    assert matchfile.read(mine, file).operation is None and everything(mine) == before


def test_a_database_that_read_a_file_writes_the_same_decisions(file, tmp_path):
    with library(tmp_path / "new.db", MINE, 2) as db, library(tmp_path / "third.db", MINE, 3) as third:
        matchfile.read(db, file)
        matchfile.write(db, tmp_path / "again.jsonl")
        matchfile.read(third, tmp_path / "again.jsonl")
        assert together(third) == WANTED


def test_reading_is_one_operation_that_is_taken_back_whole(file, tmp_path):
    with library(tmp_path / "new.db", MINE) as db:
        before, waiting = together(db), [row.id for row in links.waiting(db)]
        done = matchfile.read(db, file)
        assert db.value("select count(*) from operations where type = 'import matches'") == 1
        history.undo(db, done.operation)
        assert together(db) == before and [row.id for row in links.waiting(db)] == waiting


THEIRS = [  # another person: other files and another Rekordbox, the same streaming services
    ("tidal", "t1", "Nightfall", ["Ada"], {"duration_ms": 200_000, "isrc": "USRC17607839"}),
    ("local", "x9", "Nightfall", ["Ada"], {"duration_ms": 204_100, "path": "/other/nightfall.mp3"}),
    ("local", "f1", "Something Else", ["Eve"], {"duration_ms": 100_000, "path": "/other/else.mp3"}),
    ("rekordbox", "7", "Not That", ["Eve"], {"duration_ms": 100_000}),
    ("rekordbox", "8", "Noon", ["Dee"], {"duration_ms": 300_500}),
    ("spotify", "s3", "High Noon", ["Dee"], {"duration_ms": 300_000}),
]


def test_another_person_gets_them_by_text_where_ids_mean_nothing(file, tmp_path):
    with library(tmp_path / "theirs.db", THEIRS) as db:
        report = matchfile.read(db, file)
        assert together(db) == {
            frozenset({"tidal/t1", "local/x9"}), frozenset({"local/f1"}), frozenset({"rekordbox/7"}), frozenset({"rekordbox/8", "spotify/s3"}),
        }  # fmt: skip
        assert report.decided == {"accept": 1, "merge": 1} or report.decided == {"accept": 1, "merge": 2}
        assert any("Daybreak" in line for line in report.missing) and any("Evening" in line for line in report.missing)


def test_what_is_not_here_is_kept_and_found_later(file, tmp_path):
    with musicdb.open(tmp_path / "empty.db") as db:
        report = matchfile.read(db, file)
        assert report.operation is None and report.decided == {}
        kept = db.value("select count(*) from quarantine where kind = 'match' and resolved_at is null")
        assert kept == len(report.missing) >= 4
        before = everything(db)
        assert matchfile.read(db, file).missing == report.missing and everything(db) == before
        for platform, external_id, title, artists, more in MINE:
            observe(db, platform, external_id, title, artists, **more)
        settle(db)
        matchfile.read(db)
        assert together(db) == WANTED
        assert db.value("select count(*) from quarantine where resolved_at is null") == 0


def test_a_decision_that_was_made_here_stands(file, tmp_path):
    with library(tmp_path / "new.db", MINE) as db:
        links.reject(db, waiting_of(db, "Nightfall"))
        before = {keys for keys in together(db) if "tidal/t1" in keys or "local/f1" in keys}
        report = matchfile.read(db, file)
        assert len(before) == 2 and before <= together(db)
        assert any("Nightfall" in line for line in report.yours)


def test_two_that_could_be_meant_are_left_to_a_person(mine, tmp_path):
    matchfile.write(mine, tmp_path / "m.jsonl")
    twice = [("local", f"y{n}", "Nightfall", ["Ada"], {"duration_ms": 204_000, "path": f"/y/{n}.mp3", "album": f"A{n}"}) for n in range(2)]
    with library(tmp_path / "twice.db", [MINE[0], *twice]) as db:
        before = together(db)
        report = matchfile.read(db, tmp_path / "m.jsonl")
        assert together(db) == before and any("could be it" in line for line in report.missing)


def test_an_isrc_alone_is_not_believed(mine, tmp_path):
    matchfile.write(mine, tmp_path / "m.jsonl")
    other = [("tidal", "zz", "Quite Another", ["Zoe"], {"duration_ms": 200_000, "isrc": "USRC17607839"}), MINE[1]]
    with library(tmp_path / "other.db", other) as db:
        before = together(db)
        matchfile.read(db, tmp_path / "m.jsonl")
        assert together(db) == before


def test_a_split_is_told_as_what_it_became(tmp_path):
    three = [(p, p[0], "Nightfall", ["Ada"], {"duration_ms": 200_000}) for p in ("local", "tidal", "spotify", "rekordbox")]
    with library(tmp_path / "a.db", three) as db, library(tmp_path / "b.db", three, 3) as other:
        ids = dict(db.execute("select platform, id from platform_tracks"))
        links.split(db, next(iter(dict(db.execute(LINKED)).values())), [ids["tidal"], ids["spotify"]])
        matchfile.write(db, tmp_path / "m.jsonl")
        matchfile.read(other, tmp_path / "m.jsonl")
        assert together(other) == together(db) == {frozenset({"local/l", "rekordbox/r"}), frozenset({"tidal/t", "spotify/s"})}
        assert matchfile.read(other, tmp_path / "m.jsonl").operation is None


# ---------- files that are none


@pytest.mark.parametrize(
    "content, error, says",
    [
        (b"hello", UnknownSource, "no file of matches"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", UnknownSource, "no file of matches"),
        (b'{"decision": "accept"}', UnknownSource, "no file of matches"),
        (b'[{"musicdb": "matches"}]', UnknownSource, "no file of matches"),
        (b'{"musicdb": "matches", "version": 2}', UnknownSource, "newer musicdb"),
        (b'{"musicdb": "matches", "version": 1}\n{"decision": "acc', BadInput, ":2: .*nothing was taken"),
        (b'{"musicdb": "matches", "version": 1}\n\n{"decision": "drop", "track": {"uid": "x"}}', BadInput, ":3: .*drop"),
        (b'{"musicdb": "matches", "version": 1}\n{"decision": "accept", "track": {"uid": "x"}}', BadInput, "lacks its observation"),
        (b'{"musicdb": "matches", "version": 1}\n{"decision": "merge", "track": {"uid": "x"}}', BadInput, "lacks its into"),
        (b'{"musicdb": "matches", "version": 1}\n{"decision": "merge", "track": 3}', BadInput, ":2:"),
        (b'{"musicdb": "matches", "version": 1}\n{"decision": "accept", "track": {"uid": 3}}', BadInput, ":2:"),
        (b'{"musicdb": "matches", "version": 1}\r\n{"decision": "accept", "track": {"uid": "\xff"}}', BadInput, ":2:"),
    ],
)
def test_a_file_that_is_none_is_named_and_takes_nothing(mine, tmp_path, content, error, says):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    before = mine.conn.total_changes
    with pytest.raises(error, match=says):
        matchfile.read(mine, path)
    assert mine.conn.total_changes == before


def test_an_empty_file_has_nothing_to_take(mine, tmp_path):
    (tmp_path / "empty.jsonl").write_bytes(b"\n\n")
    assert matchfile.read(mine, tmp_path / "empty.jsonl") == matchfile.Report()


def test_hostile_text_is_only_text(mine, tmp_path):
    line = {"decision": "accept", "observation": {"platform": "'; drop table tracks", "id": "\u0000", "title": "x" * 100_000, "artist": "\u202e",
            "duration_ms": -(10**18)}, "track": {"uid": "' or 1=1", "isrcs": ["", "\n"], "observations": [{"platform": "", "id": ""}]}, "by": "<script>"}  # fmt: skip
    path = tmp_path / "odd.jsonl"
    path.write_text('{"musicdb": "matches", "version": 1}\n' + json.dumps(line), "utf-8")
    report = matchfile.read(mine, path)
    assert report.decided == {} and len(report.missing) == 1 and together(mine) == WANTED


def test_a_file_with_a_byte_order_mark_and_other_line_ends_is_read(file, tmp_path):
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    with library(tmp_path / "new.db", MINE, 4) as db:
        matchfile.read(db, path)
        assert together(db) == WANTED


def test_a_folder_that_is_not_there_is_named(mine, tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        matchfile.write(mine, tmp_path / "no" / "m.jsonl")
    with pytest.raises(BadInput, match="cannot be read"):
        matchfile.read(mine, tmp_path / "none.jsonl")


# ---------- the demo


@pytest.fixture(scope="session")
def demos(tmp_path_factory):
    """The demo twice: one to decide in, one as it comes, whose files have other ids, as in another folder."""
    first = demo.run(tmp_path_factory.mktemp("decided")).inputs.database
    second = shutil.copy(first, tmp_path_factory.mktemp("plain") / "music.db")
    with musicdb.open(second) as db:
        db.execute("update platform_tracks set external_id = 'elsewhere-' || external_id where platform = 'local'")
        db.execute("update track_ids set origin = replace(origin, 'local/', 'local/elsewhere-'), track_uid = 'elsewhere-' || track_uid")
        settle(db)
    return first, second


def portable(db):
    """Groups of observations, files by name instead of by an id that depends on the folder."""
    name = dict(
        db.execute("select 'local/' || p.external_id, f.path from media_files as f join platform_tracks as p on p.id = f.platform_track_id")
    )
    return {frozenset(name.get(key, key) for key in keys) for keys in together(db)}


def test_what_was_decided_in_the_demo_goes_into_another_demo(demos, tmp_path):
    with musicdb.open(demos[0]) as db, musicdb.open(demos[1]) as other:
        assert portable(db) == portable(other)
        before = portable(other)
        rng = random.Random(7)
        for group in links.groups(db):
            rng.choice([links.accept, links.reject, links.new_track])(db, group.links)
        joined = [id for (id,) in db.execute("select id from track_links where status = 'auto' and method in ('key', 'isrc') order by id")]
        links.reject(db, rng.sample(joined, 20))
        links.new_track(db, rng.sample(joined, 5))
        settle(db)
        tracks = sorted(set(dict(db.execute(LINKED)).values()))
        for one, into in zip(tracks[5:50:10], tracks[6:50:10]):
            links.merge(db, into, one)
        assert portable(db) != before
        matchfile.write(db, tmp_path / "demo.jsonl")
        report = matchfile.read(other, tmp_path / "demo.jsonl")
        settle(other)
        assert not report.missing and not report.yours and not links.waiting(other)
        assert portable(db) == portable(other)
        assert matchfile.read(other, tmp_path / "demo.jsonl").operation is None
        history.undo(other, report.operation)
        assert portable(other) == before
