"""One listen at once, plays in bulk, rollups and statistics: each answer is that of counting the plays one by one."""

import json
import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

import musicdb
from musicdb import load
from musicdb.cli import cli
from musicdb.commands.stats import QUESTIONS
from musicdb.errors import BadInput, KnownAlready
from musicdb.listens import rollups, statistics
from musicdb.platforms import _spotify_plays, spotify


def said(at, artist="Wren Ashby", title="Night Ferry", **more):
    return {"listened_at": at, "track_metadata": {"artist_name": artist, "track_name": title, **more}}


def play(at, title="Night Ferry", artist="Wren Ashby", ms=200_000, **more):
    """A line of Spotify's extended history."""
    uri = "spotify:track:" + f"{sum(map(ord, title + artist)):022d}"
    return {
        "ts": at, "username": "someone", "platform": "android", "ms_played": ms, "conn_country": "DE", "master_metadata_track_name": title,
        "master_metadata_album_artist_name": artist, "master_metadata_album_album_name": "Candle Hours", "spotify_track_uri": uri,
        "episode_name": None, "episode_show_name": None, "spotify_episode_uri": None, "reason_start": "trackdone", "reason_end": "trackdone",
        "shuffle": False, "skipped": False, "offline": False, "offline_timestamp": None, "incognito_mode": False, **more,
    }  # fmt: skip


def export(folder, plays, name="Streaming_History_Audio_2020_0.json", **options):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(plays, **options))
    return folder


def times(n, start="2020-01-01T00:00:00", step=500):
    first = datetime.fromisoformat(start)
    return [(first + timedelta(seconds=step * i)).strftime("%Y-%m-%dT%H:%M:%SZ") for i in range(n)]


# ---------- one at once
def test_a_listen_is_written_with_its_track_and_the_same_one_is_refused(db):
    id = musicdb.listens.add(db, said(1_700_000_000), user="Ada")
    row = db.one("select * from listening where id = ?", [id])
    assert (row.listened_at, row.title, row.platform, row.enrich_status) == ("2023-11-14T22:13:20Z", "Night Ferry", "listenbrainz", "unmatched")
    with pytest.raises(KnownAlready, match="is there already, as listen 1") as told:
        musicdb.listens.add(db, said(1_700_000_000), user="ada")
    assert told.value.id == id and db.value("select count(*) from listens_raw") == 1
    assert musicdb.listens.add(db, said(1_700_000_000), user="Bo") != id  # another person
    assert musicdb.listens.add(db, said(1_700_000_000, title="Other"), user="Ada")  # another track in the same second
    assert [tuple(r.values()) for r in db.q("select username, plays from listening_by_user order by 1")] == [("Ada", 2), ("Bo", 1), ("me", 0)]


@pytest.mark.parametrize(
    "payload, why",
    [({}, "track_metadata"), (said(5), "broken clock"), (said(float("nan")), "NaN|nan"), (said(1_700_000_000, artist=""), "without an artist"),
     (said(None), "playing now"), ("x", "object"), (said(1_700_000_000, title="\ud800"), "JSON")],
)  # fmt: skip
def test_what_is_no_listen_is_refused_with_the_reason_and_nothing_is_stored(db, payload, why):
    with pytest.raises(BadInput, match=why):
        musicdb.listens.add(db, payload)
    assert db.value("select count(*) from platform_tracks") == db.value("select count(*) from listens_raw") == 0


def test_a_listen_added_and_imported_later_is_one(db, tmp_path):
    musicdb.listens.add(db, said(1_700_000_000))
    (tmp_path / "a.jsonl").write_text(json.dumps(said(1_700_000_000)) + "\n" + json.dumps(said(1_700_000_300)))
    report = load.run(db, "listenbrainz", tmp_path / "a.jsonl")
    assert (report.listens_new, report.listens_known) == (1, 1)


# ---------- in bulk
ODD = [
    play("2020-05-01T10:00:00Z"), play("2020-05-01T10:00:00Z", ms=1), play("2020-05-01T10:00:01Z", ms=499), play("2020-05-01T10:00:01Z", ms=500),
    play("2020-05-01 10:00:00"), play("2020-05-01T10:00:00.123Z"), play("2020-02-30T10:00:00Z"), play("2020-05-01T25:00:00Z"), play("1999-05-01T10:00:00Z"),
    play("2006-01-01T00:00:30Z", ms=60_000), play("2020-05-01T10:00:00Z", ms=-1), play("2020-05-01T10:00:00Z", ms=10**12), play("2020-05-01T10:00:00Z", ms=0),
    play("2020-05-01T10:00:00Z", "Ünïcode 東京 \U0001f3b5"), play("2020-05-01T10:00:00Z", "NUL\0 in it"), play("2020-05-01T10:00:00Z", ""),
    play("2020-05-01T10:00:00Z", offline=True, offline_timestamp=1_588_300_000), play("2020-05-01T10:00:00Z", offline=True, offline_timestamp=1_588_300_000_123),
    play("2020-05-01T10:00:00Z", skipped=None), play("2020-05-01T10:00:00Z", skipped=True, reason_end="fwdbtn"), play("2020-05-01T10:00:00Z", shuffle=None, platform=""),
    play("2020-05-01T10:00:00Z", incognito_mode=True), play("2020-05-01T10:00:00Z", spotify_track_uri=None), play("2020-05-01T10:00:00Z", spotify_track_uri="spotify:local:A:B:C:200"),
    play("2020-05-01T10:00:00Z", spotify_track_uri="https://open.spotify.com/track/0123456789"), play("2020-05-01T10:00:00Z", master_metadata_track_name=None),
    play("2020-05-01T10:00:00Z", spotify_track_uri=None, master_metadata_track_name=None, spotify_episode_uri="spotify:episode:1", episode_name="One", episode_show_name="Show"),
    play("2020-05-01T10:00:00Z", spotify_track_uri=None, master_metadata_track_name=None, audiobook_title="Book", audiobook_uri="spotify:show:1", audiobook_chapter_title="One"),
    play("2020-05-01T10:00:00Z", endTime="2020-05-01 10:00", msPlayed=1), play("2020-05-01T10:00:00Z", uri="spotify:track:x"),
]  # fmt: skip


def one_by_one(payload):
    """What `rows` says of a play, as the bulk form has it."""
    row = next(r for r in spotify.rows("play", payload) if r["row"] == "listen")
    return (row["listened_at"], row["source_item"], row.get("track_external_id"), row["ms_played"], None, row["context"])


@pytest.mark.parametrize("ascii", [True, False])
def test_plays_in_bulk_are_what_rows_says_of_each(ascii):
    taken = 0
    for payload in ODD:
        found = _spotify_plays.read(json.dumps([payload], ensure_ascii=ascii).encode())
        if found is None or not found[0]:
            assert found is None or found[1] == [payload]
            continue
        (*values, context, text) = found[0][0]
        assert json.loads(text) == payload
        assert (*values, json.loads(context)) == one_by_one(payload), payload
        taken += 1
    assert taken >= 12


def test_a_page_of_odd_plays_stores_what_the_slow_way_stores(tmp_path):
    plays = [{**p, "ms_played": p["ms_played"]} for p in ODD] + [play(at, f"Song {n % 7}") for n, at in enumerate(times(300))]
    export(tmp_path / "fast", [p for p in plays if "endTime" not in p and "uri" not in p])
    export(tmp_path / "slow", [{**p, "uri": None} for p in plays if "endTime" not in p and "uri" not in p])  # a layout that is read item by item
    found = []
    for way in ("fast", "slow"):
        with musicdb.open(tmp_path / f"{way}.db") as db:
            report = load.run(db, "spotify", tmp_path / way)
            rows = "select listened_at, track_external_id, ms_played, context from listens order by 1, 2"
            tracks = "select external_id, title, artists, said, match_key from platform_tracks order by 1"
            found.append([report.listens_new, report.other_plays, report.quarantined, *(db.execute(q).fetchall() for q in (rows, tracks))])
    assert found[0] == found[1] and found[0][0] > 300


def test_a_longer_export_brings_exactly_the_new_plays_and_an_unchanged_one_is_not_decoded(db, tmp_path, monkeypatch):
    plays = [play(at, f"Song {n % 40}") for n, at in enumerate(times(9000))]
    first, second = export(tmp_path / "v1", plays[:7000]), export(tmp_path / "v2", plays)
    assert load.run(db, "spotify", first).listens_new == 7000
    before = db.execute("select id, payload, listened_at from listens_raw order by id").fetchall()
    report = load.run(db, "spotify", second)
    assert (report.listens_new, report.listens_known, report.new, report.changed) == (2000, 7000, 0, 0)
    assert db.execute("select id, payload, listened_at from listens_raw order by id limit 7000").fetchall() == before
    monkeypatch.setattr(_spotify_plays, "read", lambda text: pytest.fail("decoded again"))
    report = load.run(db, "spotify", second)
    assert (report.listens_new, report.listens_known) == (0, 9000)
    monkeypatch.undo()
    assert load.run(db, "spotify", second, user="Bo").listens_new == 9000  # another person's listening
    assert load.run(db, "spotify", second, all=True).listens_known == 9000


def test_a_page_with_a_refused_play_is_read_again_and_refused_again(db, tmp_path):
    source = export(tmp_path / "e", [play("2020-05-01T10:00:00Z"), play("1999-05-01T10:00:00Z")])
    for n in (1, 0):
        report = load.run(db, "spotify", source)
        assert (report.listens_new, report.quarantined) == (n, 1)


def test_a_long_import_makes_its_index_again_and_so_does_opening_after_a_kill(tmp_path, monkeypatch):
    from musicdb.load.plays import Relief

    monkeypatch.setattr(Relief, "BULK", 1000)
    source = export(tmp_path / "e", [play(at) for at in times(9000)])
    there = "select count(*) from sqlite_master where name = 'ix_l_track'"
    with musicdb.open(tmp_path / "a.db") as db:
        load.run(db, "spotify", source)
        assert db.value(there) == 1
    with musicdb.open(tmp_path / "b.db") as db:
        monkeypatch.setattr(Relief, "end", lambda self: None)  # as where the process was killed
        load.run(db, "spotify", source)
        assert db.value(there) == 0
    with musicdb.open(tmp_path / "b.db") as db:
        assert db.value(there) == 1 and db.value("select count(*) from listens") == 9000


# ---------- rollups and statistics
def library(db, rng):
    """Six artists of ours and twelve tracks, some with two artists; who hears what is linked to them at random."""
    with db.operation("test", mode="batch"):
        for a in range(1, 7):
            db.execute("insert into artist_ids (artist_uid) values (?)", [f"a{a}"])
            db.execute("insert into artists (id, name, name_norm) values (?, ?, ?)", [a, f"Artist {a}", f"artist {a}"])
        for t in range(1, 13):
            db.execute("insert into track_ids (track_uid) values (?)", [f"t{t}"])
            db.execute("insert into tracks (id, title, artist_credit) values (?, ?, 'x')", [t, f"Track {t}"])
            for position, a in enumerate(rng.sample(range(1, 7), rng.choice([1, 1, 2]))):
                db.execute("insert into track_artists (track_id, artist_id, position) values (?, ?, ?)", [t, a, position])


def link(db, observation, track):
    with db.operation("link", mode="batch"):
        db.execute("delete from track_links where platform_track_id = ?", [observation])
        if track:
            db.execute("insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) "
                       "values (?, ?, ?, ?, 'auto', 'id', 100)", [observation, track, track, track])  # fmt: skip


STEPS = "add add add flag flag unflag link link unlink credit delete refresh".split()


def step(db, rng, at):
    what = rng.choice(STEPS)
    listens = [r[0] for r in db.execute("select id from listens")]
    if what == "add" or not listens:
        for _ in range(rng.randrange(1, 30)):
            when = at + timedelta(seconds=rng.randrange(400 * 86400))
            musicdb.listens.add(db, said(int(when.timestamp()), artist=f"Artist {rng.randrange(1, 9)}", title=f"Song {rng.randrange(9)}",
                                         additional_info={"duration_played": rng.randrange(20, 300)}), user=rng.choice(["Ada", "Bo"]))  # fmt: skip
    elif what == "flag":
        db.execute("update listens set duplicate_of_id = ? where id = ?", [rng.choice(listens), rng.choice(listens)])
    elif what == "unflag":
        db.execute("update listens set duplicate_of_id = null where id = ?", [rng.choice(listens)])
    elif what == "delete":  # the newest: SQLite gives its id again
        db.execute("update listens set duplicate_of_id = null where duplicate_of_id = (select max(id) from listens)")
        db.execute("delete from listens where id = (select max(id) from listens)")
    elif what in ("link", "unlink"):
        observation = rng.choice([r[0] for r in db.execute("select id from platform_tracks")])
        link(db, observation, rng.randrange(1, 13) if what == "link" else None)
    elif what == "credit":
        with db.operation("resolve", mode="batch"):
            db.execute("update or ignore track_artists set artist_id = ? where track_id = ?", [rng.randrange(1, 7), rng.randrange(1, 13)])
    else:
        rollups.refresh(db, all=rng.random() < 0.2)


def naive(db, since, until, user):
    """Plays counted one by one: {artist: plays}, {title: plays}, {(month, artist): plays}."""
    artists, tracks, months = Counter(), Counter(), Counter()
    credited = {}
    for track, artist in db.execute("select track_id, name from track_artists join artists on artists.id = artist_id where role = 'primary'"):
        credited.setdefault(track, set()).add(artist)
    sql = ("select l.listened_at, p.id, k.track_id, p.artists, coalesce(t.title, p.title) from listens as l join users as u on u.id = l.user_id "
           "join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id left join track_links as k "
           "on k.platform_track_id = p.id left join tracks as t on t.id = k.track_id where l.duplicate_of_id is null and (? is null or u.username = ?)")  # fmt: skip
    for at, observation, track, said_artists, _ in db.execute(sql, [user, user]):
        if since <= at < until:
            tracks[track or f"p{observation}"] += 1
            for name in credited.get(track) or {json.loads(said_artists)[0]}:
                artists[name] += 1
                months[at[:7], name] += 1
    return artists, tracks, months


@pytest.mark.parametrize("seed", range(6))
def test_statistics_are_those_of_counting_every_play_whatever_was_done_to_the_diary(tmp_path, seed):
    rng = random.Random(seed)
    with musicdb.open(tmp_path / "m.db") as db:
        library(db, rng)
        for _ in range(40):
            step(db, rng, datetime(2023, 1, 1))
            sql = "select platform, track_external_id, {} as month, user_id, {} from {} group by 1, 2, 3, 4 order by 1, 2, 3, 4"
            stored = db.execute(sql.format("month", "sum(plays), sum(ms_played), min(first_at), max(last_at)", "listening_by_month")).fetchall()
            plays = db.execute(sql.format("substr(listened_at, 1, 7)", "count(*), sum(coalesce(ms_played, 0)), min(listened_at), max(listened_at)",
                                          "listens where duplicate_of_id is null")).fetchall()  # fmt: skip
            assert stored == plays  # also before anybody made the rollups again
            sql = "select platform, track_external_id, user_id, {} from {} group by 1, 2, 3 order by 1, 2, 3"
            stored = db.execute(sql.format("sum(plays), sum(ms_played), min(first_at), max(last_at)", "listening_by_track")).fetchall()
            assert stored == db.execute(sql.format("count(*), sum(coalesce(ms_played, 0)), min(listened_at), max(listened_at)",
                                                   "listens where duplicate_of_id is null")).fetchall()  # fmt: skip
            hours = db.execute("select day, hour, sum(plays) from listening_by_hour group by 1, 2 order by 1, 2").fetchall()
            assert hours == db.execute("select substr(listened_at, 1, 10), cast(substr(listened_at, 12, 2) as int), count(*) from listens "
                                       "where duplicate_of_id is null group by 1, 2 order by 1, 2").fetchall()  # fmt: skip
            since, until = sorted(rng.sample(["2023", "2023-04", "2023-04-17", "2023-08-01", "2023-09-03T12:00:00Z", "2023-10", "2023-10-20", "2024"], 2))
            user = rng.choice([None, "Ada"]) if db.value("select 1 from users where username = 'Ada'") else None
            artists, tracks, months = naive(db, since, until, user)
            got = statistics.top(db, "artists", since=since, until=until, user=user, limit=1000)
            assert {r.artist: r.plays for r in got} == artists
            got = statistics.top(db, "tracks", since=since, until=until, user=user, limit=1000)
            assert Counter(r.plays for r in got) == Counter(tracks.values())
            assert {r.track_id: r.plays for r in got if r.track_id} == {t: n for t, n in tracks.items() if isinstance(t, int)}
            _, _, months = naive(db, "0", "9", user)
            got = statistics.top_artists_by(db, user=user, limit=1000)
            assert {(r.period, r.artist): r.plays for r in got} == months


def heard(db, *times, title="Night Ferry", artist="Wren Ashby", seconds=200):
    for at in times:
        musicdb.listens.add(db, said(at, artist, title, additional_info={"duration_played": seconds}))


def test_streaks_hours_sessions_and_what_followed(db):
    for day in (1, 2, 3, 7, 8):
        heard(db, f"2024-05-{day:02d}T20:00:00Z")
        heard(db, f"2024-05-{day:02d}T20:04:00Z", title="Second")
    assert [tuple(r.values()) for r in statistics.streaks(db)] == [(3, "2024-05-01", "2024-05-03", 6), (2, "2024-05-07", "2024-05-08", 4)]
    monday = statistics.hours(db, utc_offset=120)
    assert {(r.weekday, r.hour) for r in monday} == {(2, 22), (3, 22), (4, 22), (1, 22)} and sum(r.plays for r in monday) == 10
    assert [(r.first_at[:10], r.plays, r.minutes) for r in statistics.sessions(db, limit=2)] == [("2024-05-08", 2, 7), ("2024-05-07", 2, 7)]
    assert [(r.title, r.then_title, r.times) for r in statistics.followed(db)] == [("Night Ferry", "Second", 5)]
    assert [tuple(r.values())[:2] for r in statistics.plays_by(db, "day")] == [(f"2024-05-0{d}", 2) for d in (1, 2, 3, 7, 8)]


def test_discoveries_forgotten_favourites_and_owning(db):
    heard(db, *range(1_600_000_000, 1_600_000_000 + 12 * 1000, 1000), title="Old love")
    heard(db, *range(1_700_000_000, 1_700_000_000 + 3 * 1000, 1000), title="New", artist="Quill")
    assert [r.artist for r in statistics.discoveries(db, since="2023")] == ["Quill"]
    assert [(r.title, r.plays) for r in statistics.forgotten(db)] == [("Old love", 12)]
    assert [tuple(r.values())[:3] for r in statistics.owned(db)] == [("not owned", 2, 15)]
    assert [(r.title, r.plays) for r in db.q("select * from listened_not_owned order by plays desc")] == [("Old love", 12), ("New", 3)]


def test_what_is_skipped_most(db, tmp_path):
    plays = [play(at, "Skipped" if n % 2 else "Heard", skipped=bool(n % 2)) for n, at in enumerate(times(20))]
    load.run(db, "spotify", export(tmp_path / "e", plays))
    assert [(r.title, r.plays, r.skips, r.percent) for r in statistics.skips(db)] == [("Skipped", 10, 10, 100.0)]


@pytest.mark.parametrize("bad", [{"since": "May"}, {"until": "2024-5"}, {"user": "nobody"}])
def test_a_period_or_user_that_means_nothing_is_refused(db, bad):
    with pytest.raises(BadInput):
        statistics.top(db, **bad)
    with pytest.raises(BadInput, match="there are tracks"):
        statistics.top(db, "labels")


# ---------- numbers and likes
def test_numbers_become_a_series_and_likes_keep_that_they_were_taken_back(db):
    with db.operation("test", mode="batch"):
        db.execute("insert into track_ids (track_uid) values ('t1')")
        db.execute("insert into tracks (id, title) values (1, 'Night Ferry')")
        db.execute("insert into platform_tracks (platform, external_id, title, match_key, said, fetched_at) values "
                   "('spotify', 's1', 'Night Ferry', 'k', '{\"popularity\": 40}', '2024-01-01T00:00:00Z')")  # fmt: skip
        db.execute("insert into platform_playlists (platform, external_id, name, kind) values ('spotify', 'liked', 'Liked Songs', 'liked')")
        db.execute("insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, added_at, first_seen_at) "
                   "values (1, 0, 1, '2023-05-01T00:00:00Z', '2024-01-01T00:00:00Z')")  # fmt: skip
    link(db, 1, 1)
    from musicdb.listens import metrics

    assert metrics.collect(db) == {"metrics": 1, "likes": 1} and metrics.collect(db) == {"metrics": 0, "likes": 0}
    db.execute("update platform_tracks set said = '{\"popularity\": 55}', fetched_at = '2024-02-01T00:00:00Z'")
    db.execute("update platform_playlist_items set removed_at = '2024-02-01T00:00:00Z'")
    assert metrics.collect(db) == {"metrics": 1, "likes": 1}
    series = db.q("select collected_at, value, change from metrics_over_time order by 1")
    assert [tuple(r.values()) for r in series] == [("2024-01-01T00:00:00Z", 40.0, None), ("2024-02-01T00:00:00Z", 55.0, 15.0)]
    like = db.one("select is_liked, liked_at, title from latest_likes")
    assert tuple(like.values()) == (0, "2023-05-01T00:00:00Z", "Night Ferry")


def test_plays_that_a_newer_export_no_longer_has_are_marked_and_never_deleted(db, tmp_path):
    plays = [play(at, f"Song {n % 40}") for n, at in enumerate(times(3000, step=600))]
    load.run(db, "spotify", export(tmp_path / "v1", plays))
    gone = {1000, 1500, 1501}
    longer = [p for n, p in enumerate(plays) if n not in gone] + [play(at, "New") for at in times(400, "2020-02-01T00:00:00", 600)]
    report = load.run(db, "spotify", export(tmp_path / "v2", longer))
    assert (report.listens_new, report.vanished) == (400, 3) and db.value("select count(*) from listens") == 3400
    marked = db.q("select listened_at from listens where missing_since is not null order by 1")
    assert [r.listened_at for r in marked] == sorted(r["listened_at"] for n in gone for r in spotify.rows("play", plays[n]) if r["row"] == "listen")
    assert statistics.plays_by(db, "year")[0].plays + statistics.plays_by(db, "year")[-1].plays >= 3400  # heard all the same
    report = load.run(db, "spotify", tmp_path / "v2")
    assert (report.vanished, report.returned, report.listens_new) == (0, 0, 0)
    back = export(tmp_path / "v3", plays + longer[-400:])
    assert load.run(db, "spotify", back).returned == 3 and not db.value("select 1 from listens where missing_since is not null")


def test_another_accounts_export_or_one_in_no_order_marks_nothing(db, tmp_path):
    load.run(db, "spotify", export(tmp_path / "mine", [play(at, f"Song {n % 9}") for n, at in enumerate(times(800, step=600))]))
    load.run(db, "spotify", export(tmp_path / "other", [play(at, f"Else {n % 9}") for n, at in enumerate(times(800, "2020-01-01T00:04:00", 600))]))
    shuffled = [play(at, f"Song {n % 9}") for n, at in enumerate(times(800, step=600)) if n % 10]
    random.Random(1).shuffle(shuffled)
    load.run(db, "spotify", export(tmp_path / "old", shuffled))
    assert db.value("select count(*) from listens") == 1600 and not db.value("select 1 from listens where missing_since is not null")


# What each public file holds, by importer: plays, refused. Files of other things are refused as a whole, with the reason.
REAL = {
    "scrobbles/koito/listenbrainz_shoko1_123456789.zip": ("listenbrainz", 19), "scrobbles/koito/maloja_import_test.json": ("maloja", 38),
    "scrobbles/listenbrainz/lastfm_loved_tracks_1.json": ("lastfm", 0), "scrobbles/listenbrainz/librefm.csv": ("lastfm", 3),
    "scrobbles/listenbrainz/librefm_no_album_column.csv": ("lastfm", 2), "scrobbles/listenbrainz/librefm_with_comments.csv": ("lastfm", 3),
    "scrobbles/listenbrainz/listenbrainz_listens.jsonl": ("listenbrainz", 2), "scrobbles/listenbrainz/maloja.json": ("maloja", 2),
    "scrobbles/listenbrainz/valid_import.json": ("listenbrainz", 2), "spotify/listenbrainz/spotify_skipped_tracks.json": ("spotify", 13),
    "spotify/listenbrainz/spotify_streaming_2023.json": ("spotify", 5), "spotify/listenbrainz/spotify_streaming_endsong_0.json": ("spotify", 5),
}  # fmt: skip


def test_every_public_history_imports_whole_and_anything_else_says_what_it_is_not(tmp_path, real_data):
    for n, file in enumerate(sorted(p for part in ("scrobbles", "spotify") for p in (real_data / part).rglob("*") if p.is_file())):
        name, plays = REAL.get(str(file.relative_to(real_data)), ("spotify", None))
        with musicdb.open(tmp_path / f"{n}.db") as db:
            if plays is None:
                with pytest.raises(BadInput, match=r"no file of|holds nothing"):
                    load.run(db, name, file)
                continue
            for new in (plays, 0):
                report = load.run(db, name, file)
                assert (report.listens_new, report.quarantined) == (new, 0), file


def liked(db, *songs):
    """An import of a service's liked list: (track, day)."""
    from musicdb.load.observations import Writer

    writer = Writer(db, "spotify", 1, 1)
    with db.atomic():
        db.execute("insert into platform_playlists (platform, external_id, name, kind) values ('spotify', 'liked', 'Liked Songs', 'liked') on conflict do nothing")
        for key in {key for key, _ in songs}:
            db.execute("insert into platform_tracks (platform, external_id, title, match_key) values ('spotify', ?, ?, ?) on conflict do nothing", [key, key, key])
        writer.items([
            {"row": "playlist_item", "playlist_external_id": "liked", "position": n, "track_external_id": key, "added_at": at}
            for n, (key, at) in enumerate(songs)
        ])  # fmt: skip
        db.execute("update platform_playlist_items set removed_at = '2024-06-01T00:00:00Z' where removed_at is null and position >= ?", [len(songs)])


def test_each_like_has_the_times_it_was_given_and_taken_back(db):
    from musicdb.listens import metrics

    liked(db, ("a", "2023-01-01T00:00:00Z"), ("b", "2023-02-01T00:00:00Z"))
    with db.operation("test", mode="batch"):
        db.execute("insert into track_ids (id, track_uid) values (1, 't1'), (2, 't2')")
        db.execute("insert into tracks (id, title) values (1, 'A'), (2, 'B')")
    for key, track in (("a", 1), ("b", 2)):
        link(db, db.value("select id from platform_tracks where external_id = ?", [key]), track)
    liked(db, ("a", "2023-01-01T00:00:00Z"))  # b was taken back
    liked(db, ("b", "2024-07-01T00:00:00Z"), ("a", "2024-08-01T00:00:00Z"))  # b is liked again; a meanwhile was not
    assert [tuple(r.values())[5:] for r in sorted(metrics.likes(db, 2), key=lambda r: r.liked_at)] == [
        ("2023-02-01T00:00:00Z", "2024-06-01T00:00:00Z", "you"), ("2024-07-01T00:00:00Z", None, None),
    ]  # fmt: skip
    assert [tuple(r.values())[5:] for r in sorted(metrics.likes(db, 1), key=lambda r: r.liked_at)] == [
        ("2023-01-01T00:00:00Z", "2024-08-01T00:00:00Z", "you"), ("2024-08-01T00:00:00Z", None, None),
    ]  # fmt: skip
    assert [tuple(r.values()) for r in metrics.likes_by(db, "year")] == [("2023", "spotify", 2, 0, 2), ("2024", "spotify", 2, 2, 2)]
    metrics.collect(db)
    assert db.execute("select track_id, is_liked, liked_at from track_likes order by 1").fetchall() == [(1, 1, "2024-08-01T00:00:00Z"), (2, 1, "2024-07-01T00:00:00Z")]
    assert metrics.collect(db) == {"metrics": 0, "likes": 0}
    with pytest.raises(BadInput):
        metrics.likes_by(db, "hour")
    with pytest.raises(BadInput):
        metrics.numbers(db, metric="beauty")


def test_the_newest_sessions_are_those_of_all_and_what_followed_one_track_is_part_of_all(db, tmp_path, monkeypatch):
    pick = random.Random(3)
    at, plays = datetime(2020, 1, 1), []
    for _ in range(600):
        at += timedelta(seconds=pick.choice((200, 210, 220, 230, 7200)))
        plays.append(play(at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"Song {pick.randrange(6)}"))
    for user in ("me", "Ada"):
        load.run(db, "spotify", export(tmp_path / user, plays if user == "me" else plays[::3]), user=user)
    whole = [tuple(row.values()) for row in statistics.sessions(db, limit=1000)]
    monkeypatch.setattr("musicdb.listens.sequences.BACK", 1)
    assert len(whole) > 100 and [tuple(row.values()) for row in statistics.sessions(db, limit=5)] == whole[:5]
    assert [tuple(row.values()) for row in statistics.sessions(db, limit=5, user="Ada")] == [row for row in whole if row[0] == 2][:5]
    with db.operation("test", mode="batch"):
        db.execute("insert into track_ids (id, track_uid) values (1, 't1')")
        db.execute("insert into tracks (id, title) values (1, 'Song 2')")
    link(db, db.value("select id from platform_tracks where title = 'Song 2'"), 1)
    every = {(row.track_id, row.then_title, row.times) for row in statistics.followed(db, least=1, limit=100)}
    of_one = {(row.track_id, row.then_title, row.times) for row in statistics.followed(db, 1, least=1)}
    assert of_one == {row for row in every if row[0] == 1} and len(of_one) == 5
    within = {"since": "2020-01-03", "until": "2020-01-09", "user": "me", "platform": "spotify"}
    every = {(row.track_id, row.then_title, row.times) for row in statistics.followed(db, least=1, limit=100, **within)}
    assert {(row.track_id, row.then_title, row.times) for row in statistics.followed(db, 1, least=1, **within)} == {row for row in every if row[0] == 1}


def test_any_period_of_a_track_is_what_its_plays_say(db, tmp_path):
    """Totals, whole months with and without edges, of one year and of many: against a plain count."""
    pick = random.Random(4)
    plays = [play((datetime(2010, 1, 1) + timedelta(hours=pick.randrange(24 * 365 * 6))).strftime("%Y-%m-%dT%H:%M:%SZ"), f"Song {pick.randrange(9)}", skipped=n % 5 == 0)
             for n in range(1500)]  # fmt: skip
    load.run(db, "spotify", export(tmp_path / "a", plays))
    for since, until in ((None, None), ("2011", "2012"), ("2011", "2015"), ("2011-03-14", "2011-03-20"), ("2011-03-14", "2015-08-03"), ("2010-12-31T12:00:00Z", None), (None, "2013-02")):
        sql = "select p.title, count(*) from listens as l join platform_tracks as p on p.external_id = l.track_external_id where l.listened_at >= ? and l.listened_at < ? group by 1"
        plain = dict(db.execute(sql, [since or "0", until or "9"]).fetchall())
        assert {row.title: row.plays for row in statistics.top(db, "tracks", since=since, until=until)} == plain, (since, until)
        assert sum(row.plays for row in statistics.owned(db, since=since, until=until)) == sum(plain.values())


def test_every_question_is_asked_from_the_command_line(db, tmp_path):
    load.run(db, "spotify", export(tmp_path / "e", [play(at, f"Song {n % 3}", skipped=n % 2 == 0) for n, at in enumerate(times(60))]))
    answers = {}
    for name, asked in QUESTIONS.items():
        for what in ["artists", "tracks"] if asked.what else [None]:
            words = ["--db", str(db.path), "stats", name, *([what] if what else []), "--json"]
            done = CliRunner().invoke(cli, words, catch_exceptions=False)
            assert done.exit_code == 0, (words, done.output)
            answers[name, what] = json.loads(done.output)
    assert answers["top", "tracks"][0]["plays"] == 20 and sum(row["plays"] for row in answers["plays", None]) == 60
    assert answers["skips", None][0]["skips"] > 0 and answers["followed", None][0]["times"] == 20
    plain = CliRunner().invoke(cli, ["--db", str(db.path), "stats", "owned"])
    assert "not owned" in plain.output and CliRunner().invoke(cli, ["--db", str(db.path), "stats", "top", "labels"]).exit_code == 2


@pytest.mark.parametrize("since", ["2024-13", "2024-00-01", "2024-05-32", "2024-05-12T29:61", "May"])
def test_a_period_that_is_no_time_is_refused_and_not_an_empty_answer(db, since):
    with pytest.raises(BadInput, match="is no time; use 2024"):
        statistics.top(db, since=since)
