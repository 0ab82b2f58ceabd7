"""Resolve: whose value counts per field, that decisions stand, and that nothing is written when nothing changed."""

import itertools
import json

import pytest

import musicdb
from musicdb import links, truth
from tests.observing import decide, observe, uid


def both(db):
    links.link(db)
    return truth.resolve(db)


def track(db, id=1):
    return db.one("select * from tracks where id = ?", [id])


def sources(db, id=1):
    return json.loads(track(db, id).sources)


def credits(db, id=1):
    sql = "select a.name, c.role from track_artists as c join artists as a on a.id = c.artist_id where c.track_id = ? order by c.position"
    return [tuple(row.values()) for row in db.q(sql, [id])]


def content(db):
    tables = "tracks track_artists track_genres track_labels external_ids artists labels genres release_groups".split()
    tables += ["artist_ids", "release_group_ids"]
    skip = ("updated_at", "created_at", "operation_id")
    return {t: [{k: v for k, v in row.items() if k not in skip} for row in db.q(f"select * from {t}")] for t in tables}


def release(db, platform, external_id, title, **said):
    sql = "insert into platform_releases (platform, external_id, title, said) values (?, ?, ?, ?)"
    db.execute(sql, [platform, external_id, title, json.dumps(said)])


@pytest.fixture
def linked(db):
    """One track that four platforms know, each in its own way; years, tempo and genres disagree."""
    observe(
        db, "local", "a", title="Nightfall (feat. Eve)", duration_ms=200_000, album="Dusk", isrc="USRC17607839",
        said={"year": 2005, "bpm": 128.1, "musical_key": "8A", "genres": ["House", "Deep House"], "label": "Moon", "rating": 3,
              "album_artists": ["Ada"], "ids": {"mb_recording": "m1"}},
    )  # fmt: skip
    observe(db, "rekordbox", "9", artists=["Ada ft. Eve"], duration_ms=200_400, said={"bpm": 128, "rating": 5, "genres": ["house"]})
    observe(
        db,
        "tidal",
        "77",
        artists=["Ada", "Eve"],
        title="Nightfall (feat. Eve)",
        duration_ms=200_000,
        album="Dusk",
        said={"year": 2006, "bpm": 64},
    )
    release(
        db,
        "discogs",
        "r1",
        "Dusk",
        artists=["Ada"],
        year=1997,
        genres=["Electronic"],
        styles=["Deep House"],
        label="Moon Records",
        rating=1,
    )
    observe(db, "discogs", "r1/A1", album="Dusk", release_external_id="r1")
    both(db)
    return db


def test_each_field_comes_from_the_platform_trusted_most_and_says_so(linked):
    row = track(linked)
    assert {k: row[k] for k in ("title", "version", "artist_credit", "year", "bpm", "musical_key", "rating", "duration_ms")} == {
        "title": "Nightfall", "version": None, "artist_credit": "Ada feat. Eve", "year": 1997, "bpm": 128.0, "musical_key": "8A",
        "rating": 5, "duration_ms": 200_000,
    }  # fmt: skip
    whose = sources(linked)
    names = ("title", "year", "bpm", "musical_key", "rating", "duration_ms")
    assert [whose[f] for f in names] == ["tidal", "discogs", "rekordbox", "local", "rekordbox", "local"]
    assert whose["artist_credit"] == whose["artists"] == "tidal"
    assert "release_date" not in whose
    assert row.match_key == "nightfall|ada" and row.title_norm == "nightfall"


def test_a_release_gives_its_year_and_genres_but_not_its_rating(linked):
    genres = linked.execute(
        "select g.name_norm, t.platform, t.weight from track_genres as t join genres as g on g.id = t.genre_id order by 1, 2"
    ).fetchall()
    assert genres == [
        ("deep house", "discogs", 50),
        ("deep house", "local", 100),
        ("electronic", "discogs", 50),
        ("house", "local", 100),
        ("house", "rekordbox", 100),
    ]
    assert linked.execute(
        "select l.name, t.platform from track_labels as t join labels as l on l.id = t.label_id order by 1"
    ).fetchall() == [
        ("Moon", "local"),
        ("Moon Records", "discogs"),
    ]


def test_ids_of_the_recording_are_kept_with_who_says_so(linked):
    rows = linked.execute("select scheme, value, platform from external_ids where entity_type = 'track' order by 1").fetchall()
    assert rows == [
        ("isrc", "USRC17607839", "local"),
        ("mb_recording", "m1", "local"),
        ("rekordbox", "9", "rekordbox"),
        ("tidal", "77", "tidal"),
    ]


def test_names_are_rows_with_recorded_identities(linked):
    assert credits(linked) == [("Ada", "primary"), ("Eve", "featuring")]
    assert linked.value("select join_phrase from track_artists where position = 0") == " feat. "
    for table in ("artist", "label", "genre", "release_group"):
        assert (
            linked.value(f"select count(*) from {table}s")
            == linked.value(f"select count(*) from {table}_ids where length({table}_uid) > 8")
            > 0
        )
    album = linked.one("select title, primary_artist_id, type, year from release_groups")
    assert album == {"title": "Dusk", "primary_artist_id": 1, "type": "album", "year": 1997}


def test_an_artist_of_one_name_gets_its_musicbrainz_id_and_so_does_the_album(db):
    one, other, album = (c * 36 for c in "abc")
    observe(db, "local", "a", artists=["The Larks"], album="Dusk", said={"ids": {"mb_artist": one, "mb_release_group": album}})
    observe(db, "local", "b", title="Duet", artists=["The Larks; Eve"], said={"ids": {"mb_artist": other}})
    both(db)
    rows = db.execute("select entity_type, entity_id, scheme, value from external_ids where entity_type <> 'track' order by 1").fetchall()
    assert rows == [("artist", 1, "mb_artist", one), ("release_group", 1, "mb_release_group", album)]
    assert db.value("select sort_name from artists where id = 1") == "Larks, The"
    assert truth.resolve(db).written == 0


def test_an_unchanged_run_writes_nothing(linked):
    before, changes = content(linked), linked.conn.total_changes
    report = truth.resolve(linked)
    assert (report.written, report.tracks, linked.conn.total_changes) == (0, 1, changes)
    assert content(linked) == before


def test_only_what_differs_is_written(linked):
    observe(linked, "local", "b", title="Daybreak")
    both(linked)
    linked.execute("update platform_tracks set said = json_set(said, '$.rating', 4) where external_id = '9'")
    assert truth.resolve(linked).rows == {"tracks": 1}
    assert track(linked).rating == 4


def test_a_resolve_of_some_tracks_equals_a_full_one(tmp_path):
    found = []
    for part in (None, [2, 3]):
        numbers = itertools.count()
        with musicdb.open(tmp_path / f"{part}.db", uid=lambda numbers=numbers: f"uid-{next(numbers)}") as db:
            for n in range(4):
                observe(
                    db, "local", f"f{n}", title=f"Song {n}", album="Dusk", said={"year": 1990 + n, "genres": ["House"], "label": "Moon"}
                )
            both(db)
            sql = "update platform_tracks set said = json_patch(said, ?) where id in (2, 3)"
            db.execute(sql, [json.dumps({"year": 1980, "genres": ["Dub"], "artists": ["Bob"]})])
            truth.resolve(db, tracks=part)
            assert truth.resolve(db).written == 0
            found.append(content(db))
    assert found[0] == found[1]


def test_the_operation_is_logged_once(linked):
    assert linked.q("select type, status from operations where type = 'resolve'") == [{"type": "resolve", "status": "completed"}]
    assert linked.value("select count(*) from changes where op <> 'batch' and entity in ('tracks', 'artists', 'track_artists')") == 0


# ---------- trust


def test_trust_is_data(linked):
    linked.execute("delete from trust where field = 'year'")
    truth.resolve(linked)
    assert (track(linked).year, sources(linked)["year"]) == (2006, "tidal")  # platforms.priority
    linked.execute("insert into trust (field, platform, rank) values ('year', 'local', 1)")
    truth.resolve(linked)
    assert (track(linked).year, sources(linked)["year"]) == (2005, "local")


def test_a_listen_says_least(db):
    observe(db, "local", "a", duration_ms=200_000, said={"year": 2001})
    observe(db, "tidal", "t", title="NIGHTFALL", artists=["ADA"], in_library=0, album="Dusk", said={"year": 1950})
    both(db)
    assert (track(db).title, track(db).year) == ("Nightfall", 2001)
    assert db.value("select title from release_groups") == "Dusk"


def test_of_two_files_the_one_that_is_there_counts(db):
    for key, year, gone in (("a", 1990, "2026-01-01T00:00:00Z"), ("b", 2000, None)):
        observe(db, "local", key, duration_ms=200_000, album="Dusk", missing_since=gone, said={"year": year})
    links.link(db)
    db.execute("update track_links set track_id = 1, assigned_track_id = 1")
    db.execute("insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) "
               "select 1, 1, 1, 1, 'auto', 'key', 90 where not exists (select 1 from track_links where platform_track_id = 1)")  # fmt: skip
    truth.resolve(db)
    assert track(db).year == 2000


@pytest.mark.parametrize(
    "said", [{"rating": 9}, {"bpm": "fast"}, {"year": 20_000}, {"musical_key": "?"}, {"genres": "House"}, {"duration_ms": -1}]
)
def test_an_impossible_value_counts_as_not_said(db, said):
    observe(db, "local", "a", said=said)
    both(db)
    assert track(db).title == "Nightfall"
    assert not set(said) & set(sources(db))


def test_the_year_follows_from_the_date(db):
    observe(db, "spotify", "a", release_date="1997-05-12")
    both(db)
    assert (track(db).release_date, track(db).year, sources(db)["year"]) == ("1997-05-12", 1997, "spotify")


# ---------- credits


@pytest.mark.parametrize("name", ["AC/DC", "Simon & Garfunkel", "Earth, Wind & Fire"])
def test_one_act_stays_one_artist(db, name):
    observe(db, "local", "a", artists=[name])
    both(db)
    assert credits(db) == [(name, "primary")] and track(db).artist_credit == name


@pytest.mark.parametrize(
    "title, artists, said, expected, shown",
    [
        ("Nightfall", ["Ada feat. Eve"], {}, [("Ada", "primary"), ("Eve", "featuring")], "Ada feat. Eve"),
        ("Nightfall (feat. Eve)", ["Ada", "Eve"], {}, [("Ada", "primary"), ("Eve", "featuring")], "Ada feat. Eve"),
        ("Nightfall", ["Ada", "Bob"], {"featured": ["Eve", "Fay"]},
         [("Ada", "primary"), ("Bob", "primary"), ("Eve", "featuring"), ("Fay", "featuring")], "Ada, Bob feat. Eve, Fay"),
        ("Nightfall (Bob Remix)", ["Ada", "Bob"], {}, [("Ada", "primary"), ("Bob", "remixer")], "Ada"),
        ("Nightfall (Bob Remix)", ["Bob"], {}, [("Bob", "primary")], "Bob"),
        ("Nightfall (Club Mix)", ["Ada"], {"remixers": ["Bob"], "composers": ["Cy"]},
         [("Ada", "primary"), ("Bob", "remixer"), ("Cy", "composer")], "Ada"),
        ("Nightfall", ["Ada vs. Bob"], {}, [("Ada", "primary"), ("Bob", "primary")], "Ada vs. Bob"),
        ("Nightfall", ["Ada (feat. Eve)"], {}, [("Ada", "primary"), ("Eve", "featuring")], "Ada (feat. Eve)"),
        ("Nightfall", ["Ada; Bob"], {}, [("Ada", "primary"), ("Bob", "primary")], "Ada, Bob"),
        ("Nightfall", ["Ada", "ADA"], {}, [("Ada", "primary")], "Ada"),
        ("Nightfall", ["Various Artists"], {}, [], None),
        ("Nightfall", [], {}, [], None),
    ],
)  # fmt: skip
def test_credits(db, title, artists, said, expected, shown):
    observe(db, "local", "a", title=title, artists=artists, said=said)
    both(db)
    assert (credits(db), track(db).artist_credit) == (expected, shown)


def test_a_spelling_that_differs_is_kept_as_credited(db):
    observe(db, "local", "a", artists=["Björk"])
    observe(db, "local", "b", title="Other", artists=["BJORK"])
    both(db)
    assert db.execute("select artist_id, credited_as from track_artists order by track_id").fetchall() == [(1, None), (1, "BJORK")]


def test_an_alias_leads_to_its_artist_and_a_merged_artist_to_the_one_it_is(db):
    observe(db, "local", "a", artists=["Prince"])
    observe(db, "local", "b", title="Other", artists=["Prinz"])
    both(db)
    db.execute("insert into artist_aliases (artist_id, alias, alias_norm) values (1, 'TAFKAP', 'tafkap')")
    db.execute("update artists set merged_into_id = 1 where id = 2")
    observe(db, "local", "c", title="Third", artists=["TAFKAP"])
    both(db)
    assert db.execute("select artist_id from track_artists order by track_id").fetchall() == [(1,), (1,), (1,)]
    assert truth.resolve(db).written == 0


def test_the_version_is_a_column_of_its_own(db):
    observe(db, "local", "a", title="Nightfall (Dub Mix)")
    observe(db, "tidal", "t", title="Daybreak", said={"version": "Live"})
    both(db)
    assert db.execute("select title, version, match_key from tracks order by title desc").fetchall() == [
        ("Nightfall", "Dub Mix", "nightfall dub mix|ada"),
        ("Daybreak", "Live", "daybreak live|ada"),
    ]


# ---------- albums


def albums(db):
    sql = "select g.title, a.name, g.type from release_groups as g left join artists as a on a.id = g.primary_artist_id order by 1, 2, 3"
    return db.execute(sql).fetchall()


def test_an_album_of_various_artists_is_one(db):
    for n in range(3):
        observe(
            db, "local", str(n), title=f"Song {n}", artists=[f"Artist {n}"], album="Best Of", said={"album_artists": ["Various Artists"]}
        )
    both(db)
    assert albums(db) == [("Best Of", None, "compilation")]


def test_editions_and_discs_are_one_album_and_two_artists_two(db):
    for n, title in enumerate(["Dusk", "DUSK (Deluxe Edition)", "Dusk (Disc 2)", "Dusk [2011 Remaster]"]):
        observe(db, "local", str(n), title=f"Song {n}", album=title)
    observe(db, "local", "x", title="Song X", artists=["Bob"], album="Dusk")
    observe(db, "local", "y", title="Song Y", artists=["Ada feat. Bob"], album="Dusk", said={"album_artists": ["Ada"]})
    observe(db, "local", "z", title="Song Z", album="Dusk - EP")
    observe(db, "local", "l", title="Song L", album="Dusk (Live)")
    both(db)
    assert albums(db) == [("Dusk", "Ada", "album"), ("Dusk", "Ada", "ep"), ("Dusk", "Bob", "album"), ("Dusk (Live)", "Ada", "album")]


# ---------- decisions


def test_a_fixed_value_stands_until_it_is_cleared(linked):
    decide(linked, "track", uid(linked, 1), "year", 1969)
    decide(linked, "track", uid(linked, 1), "bpm", None)  # cleared before anything was set
    truth.resolve(linked)
    assert (track(linked).year, sources(linked)["year"], track(linked).bpm) == (1969, "user", 128.0)
    decide(linked, "track", uid(linked, 1), "year", None)
    truth.resolve(linked)
    assert (track(linked).year, sources(linked)["year"]) == (1997, "discogs")


def test_a_followed_platform_is_followed_also_when_it_changes_its_word(linked):
    sql = "insert into decisions (entity, entity_key, field, platform, decided_by) values ('track', ?, 'year', 'tidal', 'me')"
    linked.execute(sql, [uid(linked, 1)])
    truth.resolve(linked)
    assert (track(linked).year, sources(linked)["year"]) == (2006, "tidal")
    linked.execute("update platform_tracks set said = json_set(said, '$.year', 2010) where platform = 'tidal'")
    truth.resolve(linked, tracks=[1])
    assert track(linked).year == 2010


def test_an_edit_in_the_table_is_kept_by_the_next_resolve(linked):
    linked.execute("update tracks set title = 'Night Fall', artist_credit = 'Ada & Eve', rating = null where id = 1")
    truth.resolve(linked)
    row = track(linked)
    assert (row.title, row.artist_credit, row.rating, sources(linked)["title"]) == ("Night Fall", "Ada & Eve", None, "user")
    assert row.title_norm == "night fall"
    assert truth.resolve(linked).written == 0


def test_a_decision_that_cannot_be_is_none(linked):
    decide(linked, "track", uid(linked, 1), "rating", 11)
    truth.resolve(linked)
    assert track(linked).rating == 5


def test_a_persons_genres_and_ids_are_left_alone(linked):
    linked.execute("insert into track_genres (track_id, genre_id, platform) values (1, 1, 'user')")
    linked.execute("insert into external_ids (entity_type, entity_id, scheme, value, platform) values ('track', 1, 'mine', 'x', 'user')")
    assert truth.resolve(linked).written == 0
    assert linked.value("select count(*) from track_genres where platform = 'user'") == 1


# ---------- merges and tracks that lost their observations


def test_a_merged_track_points_to_the_one_it_is_and_comes_back(linked):
    observe(linked, "local", "b", title="Daybreak", said={"year": 1999})
    both(linked)
    before = content(linked)
    decide(linked, "track", uid(linked, 2), "merged_into", uid(linked, 1))
    both(linked)
    assert (track(linked, 2).merged_into_id, track(linked, 2).title, credits(linked, 2)) == (1, None, [])
    assert track(linked, 1).title == "Nightfall"
    assert linked.value("select count(*) from library") == 1
    decide(linked, "track", uid(linked, 2), "merged_into", None)
    both(linked)
    assert content(linked) == before


def test_a_decision_on_a_merged_track_holds_for_the_root_unless_it_has_its_own(linked):
    observe(linked, "local", "b", title="Daybreak")
    both(linked)
    decide(linked, "track", uid(linked, 2), "year", 1970)
    decide(linked, "track", uid(linked, 2), "rating", 1)
    decide(linked, "track", uid(linked, 1), "rating", 2)
    decide(linked, "track", uid(linked, 2), "merged_into", uid(linked, 1))
    both(linked)
    assert (track(linked).year, track(linked).rating) == (1970, 2)


def test_a_track_whose_observations_moved_away_keeps_its_row_without_a_title(linked):
    observe(linked, "local", "b", title="Daybreak")
    both(linked)
    decide(linked, "link", "local/b", "track", uid(linked, 1))
    both(linked)
    assert (track(linked, 2).title, track(linked, 2).sources, track(linked, 2).merged_into_id) == (None, None, None)
    assert credits(linked, 2) == []


def test_a_rebuild_gives_equal_content_and_ids(linked):
    before = content(linked)
    with linked.operation("rebuild", mode="batch"):
        for table in "release_files release_items release_artists release_labels release_links releases".split():
            linked.execute(f"delete from {table}")
        for table in "track_artists track_genres track_labels external_ids tracks release_groups labels genres artists".split():
            linked.execute(f"delete from {table}")
    truth.resolve(linked)
    assert content(linked) == before


def test_progress_tells_how_far_it_is(linked):
    told = []
    truth.resolve(linked, progress=lambda *what: told.append(what))
    assert told == [(0, 1, "resolving"), (1, 1, "resolving")]
