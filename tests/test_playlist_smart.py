"""Smart playlists, tags by the names of lists, likes."""

import random

import pytest

from musicdb import history, playlists
from musicdb.errors import BadInput
from musicdb.links import link
from musicdb.playlists import blocks, liking, rules, smart, tagging
from musicdb.truth import resolve

from .playlisting import Memory, Service, service


@pytest.fixture
def tracks(db):
    """Twenty tracks "Song 1" ... "Song 20": bpm 101 ... 120, year 2001 ... 2020; three lists."""
    with db.operation("test", mode="batch"):
        for n in range(1, 21):
            db.execute("insert into track_ids (id, track_uid, created_at) values (?, ?, '2024')", [n, f"{n:016x}"])
            db.execute("insert into tracks (id, title, artist_credit, bpm, year) values (?, ?, ?, ?, ?)", [n, f"Song {n:02}", "Band" if n % 2 else "Choir", 100 + n, 2000 + n])
    playlists.create(db, "House", [3, 1, 2, 3])
    playlists.create(db, "Techno", [2, 9])
    playlists.create(db, "It's", [5])
    return db


def ids(db, line):
    return smart.result(db, blocks.read(line))


@pytest.mark.parametrize(
    ("line", "want"),
    [
        ("playlist House", [3, 1, 2, 3]),
        ("playlist House | dedupe", [3, 1, 2]),
        ("playlist House | sort bpm", [1, 2, 3, 3]),
        ("playlist House | sort bpm desc | first 2", [3, 3]),
        ("playlist House | last 2", [2, 3]),
        ("playlist House | reverse", [3, 2, 1, 3]),
        ("playlist \"It's\"", [5]),
        ("concat House Techno", [3, 1, 2, 3, 2, 9]),
        ("merge House Techno", [3, 1, 2, 9]),
        ("interleave House Techno", [3, 2, 1, 9, 2, 3]),
        ("merge House Techno | not_in Techno", [3, 1]),
        ("library | metric bpm 105 107 | sort bpm", [5, 6, 7]),
        ('library | metric bpm "" 102', [1, 2]),
        ("library | released 2019", [19, 20]),
        ('library | released "" 2002', [1, 2]),
        ("library | released 2004 2005 | sort year desc", [5, 4]),
        ("likes", [7]),
        ("library | not_played 30 | metric plays 1", [11]),
        ("plays", [12, 11]),
        ("library | played 2", [12]),
        ("library | metric popularity 50", [4]),
        ("library | tagged peak", [8]),
    ],
)
def test_each_building_block_is_plain_sql(tracks, line, want):
    db = tracks
    with db.operation("test", mode="batch"):
        db.execute("insert into track_likes (track_id, platform, is_liked, liked_at) values (7, 'user', 1, '2024')")
        db.execute("insert into track_metrics (track_id, platform, metric, collected_at, value) values (4, 'spotify', 'popularity', '2024', 60)")
        db.execute("insert into tags (id, name) values (1, 'peak')")
        db.execute("insert into track_tags (track_id, tag_id) values (8, 1)")
        for n, (track, at) in enumerate([(11, "2020-01-01T00:00:00Z"), (12, "2099-01-01T00:00:00Z"), (12, "2099-01-02T00:00:00Z")], 1):
            db.execute("insert or ignore into platform_tracks (id, platform, external_id, title, match_key) values (?, 'lastfm', ?, 'x', 'x')", [track, str(track)])
            db.execute("insert or ignore into track_links (platform_track_id, track_id, assigned_track_id, status, method, confidence) values (?, ?, ?, 'auto', 'key', 90)", [track] * 3)
            db.execute("insert into listens_raw (id, user_id, platform, listened_at, payload, ingested_at) values (?, 1, 'lastfm', ?, '{}', '2024')", [n, at])
            db.execute("insert into listens (raw_id, user_id, platform, track_external_id, listened_at) values (?, 1, 'lastfm', ?, ?)", [n, str(track), at])
    assert ids(db, line) == want


def test_an_artist_is_found_by_name_and_alias(tracks):
    db = tracks
    with db.operation("test", mode="batch"):
        db.execute("insert into artist_ids (id, artist_uid, created_at) values (1, 'a', '2024')")
        db.execute("insert into artists (id, name, name_norm) values (1, 'Band', 'band')")
        db.execute("insert into track_artists (track_id, artist_id) values (6, 1)")
        db.execute("insert into artist_aliases (artist_id, alias, alias_norm) values (1, 'The Band', 'the band')")
    assert ids(db, "library | by_artist band") == ids(db, "library | by_artist 'The Band'") == [6]


def test_a_sample_is_the_same_for_the_same_seed_and_spread_over_all(tracks):
    assert ids(tracks, "library | sample 5 3") == ids(tracks, "library | sample 5 3")
    drawn = [tuple(ids(tracks, f"library | sample 5 {seed}")) for seed in range(200)]
    assert len(set(drawn)) > 150
    counts = [sum(n in one for one in drawn) for n in range(1, 21)]
    assert min(counts) > 15 and max(counts) < 110


@pytest.mark.parametrize(
    ("line", "text"),
    [("wish", "is no source"), ("library | wish", "is no step"), ("library | first x", "no whole number"), ("library | metric bpm low", "is no number"), ("library |", "two bars"),
     ("library | sort bpm up", "asc or desc"), ("library | first", "does not take 0"), ("concat", "at least one"), ("playlist 'x", "cannot be read")],
)  # fmt: skip
def test_a_wrong_word_is_named(line, text):
    with pytest.raises(BadInput, match=text):
        blocks.read(line)


def test_hostile_names_are_only_names(tracks):
    rng = random.Random(1)
    for _ in range(200):
        name = "".join(rng.choice("';\"-()\\%|x\0é") for _ in range(6))
        assert smart.result(tracks, f"select track_id from ({blocks.not_in(blocks.playlist(name), name)})") == []
    assert tracks.value("select count(*) from playlists") == 3


def test_a_smart_playlist_follows_its_query_and_writes_only_what_differs(tracks):
    db = tracks
    made = smart.create(db, "Fast", "select id from tracks where bpm > 118 order by bpm")
    assert [row.track_id for row in playlists.state(db, "Fast")] == [19, 20]
    assert made.operation
    assert smart.refresh(db)[0].changes == []
    db.execute("update tracks set bpm = 150 where id = 1")
    before = db.value("select max(id) from playlist_items")
    assert len(smart.refresh(db, "Fast", dry_run=True)[0].changes) == 1
    assert [row.track_id for row in playlists.state(db, "Fast")] == [19, 20]
    done = smart.refresh(db, "Fast")[0]
    assert [row.track_id for row in playlists.state(db, "Fast")] == [19, 20, 1]
    assert db.value("select max(id) from playlist_items") == before + 1
    history.undo(db, done.operation)
    assert [row.track_id for row in playlists.state(db, "Fast")] == [19, 20]


@pytest.mark.parametrize(("query", "text"), [("delete from tracks", "readonly"), ("select title from tracks", "must be track ids"), ("select 999", "is no track"), ("selec", "does not work")])
def test_a_query_that_is_none_makes_no_playlist(tracks, query, text):
    with pytest.raises(BadInput, match=text):
        smart.create(tracks, "Bad", query)
    assert tracks.value("select count(*) from playlists where name = 'Bad'") == 0


def test_a_smart_playlist_is_not_edited_by_hand(tracks):
    smart.create(tracks, "Fast", "select 1")
    with pytest.raises(BadInput, match="its query says"):
        playlists.add(tracks, "Fast", [2])


# ---------- rules


@pytest.mark.parametrize(
    ("name", "rule", "matches"),
    [
        ("House 👍🏽", "👍", True), ("House 👍", "👍🏿", True), ("Love ❤️‍🔥", "❤️", False), ("Love ❤️", "❤", True), ("Italo 🇮🇹", "🇮🇹", True), ("🇮🇹🇩🇪", "🇩🇪", True), ("🇮🇹", "🇮", False),
        ("Warehouse", "house", False), ("Deep HOUSE mix", "house", True), ("Deep-House", "deep house", True), ("Deep tech house", "deep house", False), ("Straße", "STRASSE", True), ("3️⃣ songs", "3️⃣", True),
    ],
)  # fmt: skip
def test_a_rule_matches_whole_words_and_emojis_whatever_their_skin_tone(name, rule, matches):
    assert bool(rules.matching(name, [rules.fold(rule)])) is matches


def given(db, track):
    sql = "select g.grp || ':' || g.name from track_mytags as m join tags as g on g.id = m.tag_id where m.track_id = ? order by 1"
    return [row[0] for row in db.execute(sql, [track])]


def test_a_track_has_the_union_of_what_its_lists_give(tracks):
    db = tracks
    rules.add(db, "house", "Genre: House")
    rules.add(db, "🔥", "Energy: high")
    playlists.rename(db, "Techno", "Techno house 🔥")
    assert given(db, 2) == ["Energy:high", "Genre:House"]
    assert given(db, 1) == ["Genre:House"]
    playlists.delete(db, "House")
    assert given(db, 2) == ["Energy:high", "Genre:House"]  # the other list still gives it
    assert given(db, 1) == []
    history.undo(db)
    assert given(db, 1) == ["Genre:House"]
    rules.drop(db, "house")
    assert (given(db, 1), given(db, 2)) == ([], ["Energy:high"])
    history.undo(db)
    assert given(db, 1) == ["Genre:House"]


def test_a_tag_that_you_gave_a_list_stays_whatever_its_name(tracks):
    db = tracks
    rules.add(db, "house", "Genre: House")
    db.execute("insert into tags (id, name) values (99, 'mine')")
    db.execute("insert into playlist_tags (playlist_id, tag_id, origin) values (1, 99, 'user')")
    playlists.rename(db, "House", "Something")
    assert given(db, 1) == [":mine"]


def test_tags_go_to_a_target_by_a_plan_and_only_ours_come_off_again(tracks):
    db = tracks
    with db.operation("test", mode="batch"):
        for n in (1, 2, 3):
            db.execute("insert into platform_tracks (id, platform, external_id, title, match_key, said) values (?, 'rekordbox', ?, 'x', 'x', ?)", [n, f"r{n}", '{"tags": ["Genre: House", "Own: hers"]}' if n == 2 else "{}"])
            db.execute("insert into track_links (platform_track_id, track_id, assigned_track_id, status, method, confidence) values (?, ?, ?, 'auto', 'path', 100)", [n, n, n])
    rules.add(db, "house", "Genre: House")
    made = tagging.plan(db)
    assert [(op.action, op.item, op.after) for op in made.operations] == [("tag", "r1", {"tag": "Genre: House"}), ("tag", "r3", {"tag": "Genre: House"})]
    playlists.approve(db, made.id)

    class Tags(Memory):
        def apply(self, step):
            self.steps.append(step)
            return {}

    there = Tags("rekordbox")
    assert playlists.apply(db, made.id, open_targets={"rekordbox": there}).done == 2
    assert [(s.action, s.key, s.tag) for s in there.steps] == [("tag", "r1", "Genre: House"), ("tag", "r3", "Genre: House")]
    assert tagging.plan(db).operations == []
    rules.drop(db, "house")
    assert [(op.action, op.item) for op in tagging.plan(db).operations] == [("untag", "r1"), ("untag", "r3")]  # not r2's, which was there before


# ---------- likes


def test_what_is_liked_at_one_service_is_proposed_at_the_other_and_nothing_is_unliked(db):
    tidal = Service("tidal")
    tidal.put("liked", ["a", "b"], kind="liked")
    tidal.put("House", ["a", "b", "c", "d"])
    spotify = Service("spotify")
    spotify.put("liked", ["c"], kind="liked")
    spotify.put("House", ["a", "c"])
    for one in (tidal, spotify):
        one.read(db)
    link(db)
    resolve(db)
    made = playlists.likes(db)
    assert sorted((op.list.target, op.title, op.action, op.needs) for op in made.operations) == [
        ("spotify", "Band - Song a", "like", ""), ("spotify", "Band - Song b", "like", "first"), ("tidal", "Band - Song c", "like", ""),
    ]  # fmt: skip
    assert {row.platform: row.n for row in db.q("select platform, count(*) as n from track_likes where is_liked = 1 group by platform")} == {"tidal": 2, "spotify": 1}
    playlists.approve(db, made.id)
    there = {name: Likes(name, {"liked": service_.lists["liked"]["tracks"]}) for name, service_ in (("tidal", tidal), ("spotify", spotify))}
    assert playlists.apply(db, made.id, open_targets=there).done == 2
    assert [(s.action, s.key, s.list_id) for s in there["spotify"].steps] == [("like", "a", "liked")]
    tidal.put("liked", ["a"], kind="liked")  # b is liked no more
    tidal.read(db)
    liking.refresh(db)
    assert db.value("select is_liked from track_likes where platform = 'tidal' and track_id = (select id from tracks where title = 'Song b')") == 0
    assert "Band - Song b" not in [op.title for op in playlists.likes(db).operations]


class Likes(Memory):
    def apply(self, step):
        self.steps.append(step)
        return {}


def test_a_like_that_was_taken_back_is_not_put_again(db):
    tidal = service(db, {"House": ["a"]})
    tidal.put("liked", ["a"], kind="liked")
    tidal.read(db)
    spotify = service(db, {"x": ["a"]}, "spotify")
    spotify.put("liked", ["a"], kind="liked")
    spotify.read(db)
    spotify.put("liked", [], kind="liked")
    spotify.read(db)
    assert playlists.likes(db).operations == []
