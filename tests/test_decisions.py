"""A person's decisions: take, decide, lock, unlock, clear, merge and split; why; what they survive; and clear words for bad input."""

import json
import re

import pytest
from click.testing import CliRunner

import musicdb
from musicdb import history, links, truth
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.truth import merging, resolving
from tests.observing import observe
from tests.resilience import steps
from tests.small import picture
from tests.test_truth import both, content, release, sources, track


@pytest.fixture
def library(db):
    """A track that three platforms know, each with its own year, genres and picture; and another one."""
    one = observe(db, "local", "a", duration_ms=200_000, album="Dusk", said={"year": 2005, "bpm": 128, "genres": ["House"], "label": "Moon"})
    observe(db, "tidal", "77", duration_ms=200_400, album="Dusk (Remastered 2011)", title="NIGHTFALL", said={"year": 2006, "bpm": 64, "genres": ["Dub"]})
    release(db, "discogs", "r1", "Dusk", artists=["Ada"], year=1997, genres=["Electronic"], label="Moon Records", rating=1, tags=["x"], comment="c")
    two = observe(db, "discogs", "r1/A1", album="Dusk", release_external_id="r1", duration_ms=200_000)
    observe(db, "local", "b", title="Daybreak", album="Dawn", said={"year": 1999, "rating": 3})
    for observation, colour in ((one, "red"), (two, "blue")):
        image = musicdb.images.store(db, picture(colour), platform="local")
        db.execute("insert into platform_images (platform_track_id, image_id) values (?, ?)", [observation, image])
    both(db)
    musicdb.images.select(db)
    return db


def cover(db, id=1):
    return db.value("select cover from library where id = ?", [id])


def genres(db, id=1):
    return [r[0] for r in db.execute("select distinct g.name from track_genres as t join genres as g on g.id = t.genre_id where track_id = ? order by 1", [id])]


def test_random_steps_rebuilt_every_25_give_equal_content_and_ids(tmp_path):
    rebuilds, wrong, made = steps.run(tmp_path, 150, seed=3)
    assert (rebuilds, wrong) == (6, []) and len(made) > 15


# ---------- take


def test_a_preview_says_what_would_change_and_writes_nothing(library):
    before, decisions = content(library), library.value("select count(*) from decisions")
    found = truth.take(library, 1, ["year", "genres"], "tidal", preview=True)
    assert found.rows == [
        {"track": 1, "field": "year", "old": 1997, "new": 2006},
        {"track": 1, "field": "genres", "old": ["Dub", "Electronic", "House"], "new": ["Dub"]},
    ]
    assert (found.operation, content(library), library.value("select count(*) from decisions")) == (None, before, decisions)
    assert library.value("select count(*) from operations where type = 'take'") == 0


def test_what_is_taken_is_what_was_previewed_and_one_operation(library):
    previewed = truth.take(library, "all", "year", "tidal", preview=True)
    taken = truth.take(library, "all", "year", "tidal")
    assert taken.rows == previewed.rows == [{"track": 1, "field": "year", "old": 1997, "new": 2006}]
    assert taken.notes == ["tidal says no year of 1 of 2 tracks: left as they are"]
    assert (track(library).year, sources(library)["year"]) == (2006, "tidal")
    assert library.value("select count(*) from decisions where operation_id = ?", [taken.operation]) == 1
    assert truth.take(library, "all", "year", "tidal").operation is None  # it is so already


def test_a_taken_field_follows_its_platform_through_imports_and_when_its_row_is_gone(library):
    truth.take(library, 1, "year", "tidal")
    library.execute("update platform_tracks set said = json_set(said, '$.year', 2010) where platform = 'tidal'")
    both(library)
    assert track(library).year == 2010
    library.execute("update platform_tracks set missing_since = '2026-01-01T00:00:00Z' where platform = 'tidal'")
    both(library)
    assert (track(library).year, sources(library)["year"]) == (2010, "tidal")


def test_tracks_may_be_an_id_a_list_a_query_a_uid_or_all(library):
    uid = library.value("select track_uid from track_ids where id = 2")
    for which in (1, [1], "select 1", uid, "all", "with x(i) as (select 2) select i from x"):
        truth.decide(library, which, "rating", 4)
        assert truth.clear(library, which, "rating").decided >= 1


def test_the_cover_is_taken_from_a_platform_and_goes_back(library):
    before = cover(library)
    other = library.value("select image_id from platform_images where image_id <> ?", [before])
    whose = library.value("select p.platform from platform_images as i join platform_tracks as p on p.id = i.platform_track_id where image_id = ?", [other])
    preview = truth.take(library, 1, "cover", whose, preview=True)
    assert (preview.rows[0]["old"], preview.rows[0]["new"], cover(library)) == (before, other, before)
    truth.take(library, 1, "cover", whose)
    assert cover(library) == other
    assert truth.why(library, 1, "cover")[0]["because"] == f"you decided to follow {whose}"
    both(library)
    musicdb.images.select(library)
    assert cover(library) == other
    history.undo(library)
    assert cover(library) == before
    truth.decide(library, 1, "cover", other)
    assert cover(library) == other


# ---------- decide, lock, unlock, clear


def test_a_lock_keeps_the_value_and_says_whose_it_was(library):
    truth.lock(library, 1, ["year", "artists", "genres", "album"], note="as on the sleeve", by="ada")
    library.execute("update platform_tracks set said = json_set(said, '$.year', 1900, '$.artists', json('[\"Zed\"]'), '$.genres', json('[\"Pop\"]'))")
    library.execute("update platform_releases set said = json_set(said, '$.year', 1900)")
    both(library)
    row = track(library)
    assert (row.year, row.artist_credit, genres(library), sources(library)["year"]) == (1997, "Ada", ["Dub", "Electronic", "House"], "discogs")
    why = truth.why(library, 1, "year")[0]
    assert (why["because"], why["decided_by"], why["note"]) == ("ada locked what discogs said", "ada", "as on the sleeve")
    truth.unlock(library, 1, ["year", "artists", "genres"])
    assert (track(library).year, track(library).artist_credit, genres(library)) == (1900, "Zed", ["Electronic", "Pop"])


def test_unlock_goes_back_to_what_was_before_the_lock(library):
    truth.take(library, 1, "year", "tidal")
    truth.lock(library, 1, "year")
    assert truth.lock(library, 1, "year").operation is None
    truth.unlock(library, 1, "year")
    library.execute("update platform_tracks set said = json_set(said, '$.year', 2011) where platform = 'tidal'")
    both(library)
    assert track(library).year == 2011
    assert truth.unlock(library, 1, "year").notes == ["nothing was locked in year"]


def test_clear_leaves_a_field_to_trust_again(library):
    truth.decide(library, [1, 2], "year", 1969)
    assert truth.clear(library, [1, 2], ["year"]).decided == 2
    assert (track(library).year, track(library, 2).year) == (1997, 1999)


def test_of_two_ways_to_name_the_artists_the_later_counts(library):
    library.execute("update tracks set artist_credit = 'Ada & Eve' where id = 1")
    truth.decide(library, 1, "artists", ["Bob"])
    assert track(library).artist_credit == "Bob"
    truth.decide(library, 1, "artist_credit", "Zoe feat. Ada")
    assert track(library).artist_credit == "Zoe feat. Ada"
    truth.clear(library, 1, "artists")
    assert track(library).artist_credit == "Ada"


def test_decided_genres_are_exactly_these_and_leave_no_trace_when_cleared(library):
    library.execute("insert into track_genres (track_id, genre_id, platform) select 1, id, 'user' from genres where name = 'House'")
    before = content(library)
    truth.decide(library, 1, "genres", ["Disco", "Soul"])
    assert genres(library) == ["Disco", "House", "Soul"]  # what was added by hand stays
    both(library)
    truth.rebuild(library)
    assert genres(library) == ["Disco", "House", "Soul"]
    truth.clear(library, 1, "genres")
    assert content(library)["track_genres"] == before["track_genres"]


def test_none_is_a_decision_too(library):
    truth.decide(library, 2, "rating", None, note="a mistake")
    both(library)
    assert (track(library, 2).rating, sources(library, 2)["rating"]) == (None, "user")


def test_decisions_survive_a_rebuild_and_every_import(library):
    truth.decide(library, 1, "title", "Night Fall")
    truth.take(library, 1, ["year", "genres"], "tidal")
    merging.merge(library, 1, 2)
    before = content(library)
    truth.rebuild(library)
    assert content(library) == before
    observe(library, "spotify", "s1", duration_ms=200_000, album="Dusk", said={"year": 1900, "genres": ["Pop"]})
    both(library)
    row = track(library)
    assert (row.title, row.year, genres(library)) == ("Night Fall", 2006, ["Dub"])


def test_only_tracks_of_which_something_changed_are_looked_at(library, monkeypatch):
    for n in range(6):
        observe(library, "local", f"more{n}", title=f"Song {n}")
    both(library)
    looked_at = []
    monkeypatch.setattr(resolving.pick, "pick", lambda *a, pick=resolving.pick.pick: looked_at.append(1) or pick(*a))
    assert (truth.resolve(library).written, looked_at) == (0, [])
    library.execute("update platform_tracks set said = json_set(said, '$.rating', 5) where external_id = 'b'")
    assert (truth.resolve(library).rows, len(looked_at)) == ({"tracks": 1}, 1)
    library.execute("update trust set rank = 0 where field = 'year' and platform = 'tidal'")
    truth.resolve(library)
    assert (track(library).year, len(looked_at)) == (2006, 9)


def test_an_edited_derived_row_is_put_right_by_the_next_resolve(library):
    before = content(library)
    library.execute("delete from track_artists where track_id = 1")
    library.execute("update track_genres set weight = 1 where track_id = 1")
    library.execute("update release_groups set year = 1")
    library.execute("update external_ids set platform = 'spotify' where entity_type = 'track'")
    truth.resolve(library)
    assert content(library) == before


# ---------- merged tracks


def test_a_decision_on_a_merged_track_counts_where_it_is_now_and_says_so(library):
    merging.merge(library, 1, 2)
    done = truth.decide(library, 2, "year", 1950)
    assert done.notes == ["track 2 is part of track 1 now: it counts there"]
    assert (track(library).year, done.rows[0]["track"]) == (1950, 1)
    assert truth.why(library, 2, "year")[0]["because"] == "track 2 is part of track 1 now: it counts there. you decided it"


def test_a_merge_preview_shows_what_is_united_and_where_they_disagree(library):
    library.execute("insert into tags (id, name) values (1, 'deep')")
    library.execute("insert into track_tags (track_id, tag_id) values (2, 1)")
    before = content(library)
    found = merging.merge(library, 1, 2, preview=True)
    assert {r["what"]: (r["1"], r["2"]) for r in found.unites} == {
        "links": (3, 1), "tags": (0, 1), "playlists": (0, 0), "plays": (0, 0), "cues": (0, 0), "rating": (None, 3),
    }  # fmt: skip
    assert {r["field"]: (r["1"], r["2"], r["taken"]) for r in found.conflicts}["year"] == (1997, 1999, 1997)
    assert (found.operation, content(library)) == (None, before)
    merging.merge(library, 1, 2, choose={"year": 2})
    assert (track(library).year, track(library).rating) == (1999, 3)
    assert library.value("select count(*) from track_tags where track_id = 2") == 1  # nothing of a person is moved


def test_a_split_restores_exactly_also_after_an_import(library):
    merging.merge(library, 2, 1)
    observe(library, "spotify", "s1", title="Other", artists=["Bob"])
    both(library)
    merging.split(library, 1)
    assert (track(library).title, track(library).year, track(library, 2).title) == ("NIGHTFALL", 1997, "Daybreak")
    new = merging.split(library, 1, [2]).into
    assert (track(library, new).year, track(library).year, track(library).title) == (2006, 1997, "Nightfall")
    assert (links.link(library).written, truth.resolve(library).written) == (0, 0)


@pytest.mark.parametrize("kind", ["artist", "release_group", "label", "genre"])
def test_names_are_merged_and_split_like_tracks(library, kind):
    observe(library, "local", "c", title="Noon", artists=["Adah"], album="Dusk II", said={"genres": ["Houses"], "label": "Moone"})
    both(library)
    before = content(library)
    table, name = {"artist": ("artists", "Adah"), "release_group": ("release_groups", "Dusk II"), "label": ("labels", "Moone"), "genre": ("genres", "Houses")}[kind]
    other = library.value(f"select max(id) from {table} where {'title' if kind == 'release_group' else 'name'} = ?", [name])
    merging.merge(library, 1, other, kind=kind)
    both(library)
    assert library.value(f"select merged_into_id from {table} where id = ?", [other]) == 1
    merged = content(library)
    assert merged != before
    truth.rebuild(library)
    assert content(library) == merged
    history.undo(library)
    assert content(library) == before
    history.redo(library)
    merging.split(library, other, kind=kind)
    assert content(library) == before


# ---------- why, claims and conflicts


def test_why_names_value_source_rank_and_what_others_say(library):
    row = truth.why(library, 1, "year")[0]
    assert (row["value"], row["source"], row["rank"], row["others"]) == (1997, "discogs", 1, {"local": [2005], "tidal": [2006]})
    assert row["because"] == "discogs is number 1 in trust for year, the first that says it"
    assert [(one["platform"], one["says"]) for one in row["evidence"]] == [("discogs", 1997), ("local", 2005), ("tidal", 2006)]  # the source's first
    assert all(one["sentences"] for one in row["evidence"])
    assert {r["field"] for r in truth.why(library, 1)} >= {"title", "artists", "album", "year", "bpm", "genres", "label", "cover"}
    truth.take(library, 1, "year", "local", note="the sleeve")
    view = library.one("select * from why where track_id = 1 and field = 'year'")
    assert (view.winner, view.decision, view.followed, view.note, json.loads(view.said_by)["tidal"]) == ("local", "follows", "local", "the sleeve", 2006)


def test_all_that_a_platform_says_is_told_not_one_value_of_it(library):
    observe(library, "tidal", "78", duration_ms=200_100, album="Dusk", said={"year": 2007, "genres": ["dub", "Ambient"]})
    observe(library, "discogs", "r9/B2", duration_ms=200_000, album="Dusk", said={"year": 2001})
    both(library)
    row = truth.why(library, 1, "year")[0]
    assert (row["value"], row["others"]) == (1997, {"local": [2005], "tidal": [2006, 2007], "discogs": [2001]})  # the source's own other word too
    assert {(one["platform"], one["external_id"]) for one in row["evidence"]} >= {("tidal", "77"), ("tidal", "78"), ("local", "a")}
    truth.decide(library, 1, "genres", ["Dub"])
    assert truth.why(library, 1, "genres")[0]["others"] == {"local": ["House"], "discogs": ["Electronic"], "tidal": ["Ambient"]}


def test_the_view_says_what_python_says(library):
    observe(library, "tidal", "78", duration_ms=200_100, album="Dusk", artists=["Ada", "Eve"], said={"year": 2007, "version": "Live", "remixers": ["Eve"]})
    both(library)
    truth.lock(library, 1, "year")
    truth.decide(library, 2, "genres", ["Dub"])
    for one in (1, 2):
        rows = {row["field"]: row for row in truth.why(library, one)}
        view = {row.field: row for row in library.q("select * from why where track_id = ?", [one])}
        assert rows.keys() == view.keys()
        for name, row in rows.items():
            assert (row["source"], row["rank"], row["note"]) == (view[name].winner, view[name].rank, view[name].note), name
            assert row["others"] == {p: sorted(v, key=row["others"].get(p, v).index) for p, v in json.loads(view[name].others).items()}, name
            if name != "version":  # which may stand in a title, where no view sees it
                assert [(e["platform"], e["external_id"]) for e in row["evidence"]] == [(e["platform"], e["external_id"]) for e in json.loads(view[name].evidence)]
    plan = " ".join(row.detail for row in library.q("explain query plan select * from why where track_id = 1"))
    assert "SCAN t " not in plan and "SCAN k" not in plan and "SCAN p" not in plan


def test_what_is_said_of_a_release_as_such_is_no_claim_of_its_tracks(library):
    found = {r[0] for r in library.execute("select field from claims where level = 'release'")}
    assert found == {"year", "genres", "label"}


def test_conflicts_are_material_and_ranked(library):
    found = library.q("select field, how, weight, winner, n_values from conflicts where track_id = 1")
    assert [(r.field, r.how) for r in found] == [("year", "differs"), ("label", "differs"), ("bpm", "half or double")]
    assert (found[0].winner, found[0].n_values) == ("discogs", 3)
    truth.decide(library, 1, "year", 1997)
    assert library.value("select weight from conflicts where field = 'year'") == 0


# ---------- bad input


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda db: truth.decide(db, 99, "year", 1990), "there is no track 99"),
        (lambda db: truth.decide(db, [1, 98, 99], "year", 1990), "there is no track 98, 99"),
        (lambda db: truth.decide(db, "nonsense", "year", 1990), "'nonsense' is no track; give an id"),
        (lambda db: truth.decide(db, "select title from tracks", "year", 1990), "first column of the query must be track ids"),
        (lambda db: truth.decide(db, "with x as (select 1) delete from tracks", "year", 1990), "does not work .*readonly"),
        (lambda db: truth.decide(db, 1, "colour", "red"), "there is no field 'colour'; there are title"),
        (lambda db: truth.decide(db, 1, "year", 20_000), "year cannot be 20000; it is a whole number from 1000 to 2999"),
        (lambda db: truth.decide(db, 1, "rating", "five"), "rating cannot be 'five'"),
        (lambda db: truth.decide(db, 1, "genres", [1, 2]), "genres cannot be"),
        (lambda db: truth.decide(db, 1, "title", "  "), "title cannot be"),
        (lambda db: truth.decide(db, 1, "cover", 77), "there is no picture 77"),
        (lambda db: truth.take(db, 1, "year", "napster"), "there is no platform 'napster'; there are tidal"),
        (lambda db: truth.take(db, 1, "year", "user"), "there is no platform 'user'"),
        (lambda db: truth.take(db, 1, [], "tidal"), "name at least one field"),
        (lambda db: truth.why(db, 1, "colour"), "there is no field 'colour'"),
        (lambda db: truth.why(db, 99), "there is no track 99"),
        (lambda db: merging.merge(db, 1, [1]), "nothing to merge"),
        (lambda db: merging.merge(db, 1, 99), "there is no track 99"),
        (lambda db: merging.merge(db, 1, 2, kind="band"), "there is no kind 'band'"),
        (lambda db: merging.merge(db, 1, 2, choose={"year": 3}), "choose year of one of the tracks 1, 2"),
        (lambda db: merging.split(db, 1), "was never merged"),
        (lambda db: merging.split(db, 1, [99]), "observation 99 is not of track 1"),
        (lambda db: merging.split(db, 2, [4]), "would change nothing"),
    ],
)
def test_bad_input_is_refused_with_clear_words_and_changes_nothing(library, call, says):
    before = content(library), library.value("select count(*) from decisions"), library.value("select count(*) from operations")
    with pytest.raises(BadInput, match=says):
        call(library)
    assert (content(library), library.value("select count(*) from decisions"), library.value("select count(*) from operations")) == before


# ---------- the commands


def test_the_commands_take_say_why_undo_and_redo(library):
    def run(*args, code=0):
        result = CliRunner().invoke(cli, [*args, "--db", str(library.path)], prog_name="musicdb")
        assert result.exit_code == code, result.output
        return result.output

    preview = run("take", "year", "--from", "tidal", "--preview")
    assert re.search(r"1\s+year\s+1997\s+2006", preview) and "1 values would be taken" in preview
    assert "1 of them changed" in run("take", "year", "--from", "tidal", "--where", "title like 'night%'")
    said = run("why", "nightfall", "year")
    assert "year: 2006  (tidal)" in said and "you decided to follow tidal" in said and "discogs 1997" in said
    shown = json.loads(run("log", "--json"))
    assert (shown[0]["type"], shown[0]["what"]) == ("take", "year of Ada - NIGHTFALL from tidal")
    assert "taken back (1 decisions)" in run("undo")
    assert json.loads(run("why", "1", "year", "--json"))[0]["value"] == 1997
    assert "done again" in run("redo")
    assert "rebuilt: 2 tracks" in run("rebuild")
    assert track(library).year == 2006
    assert "there is no operation 999" in run("undo", "999", code=2)
    assert "no track is called" in run("why", "zzz", code=2)
    assert "does not work" in run("take", "year", "--from", "tidal", "--where", "no such column = 1", code=2)
    assert "there is no platform" in run("take", "year", "--from", "napster", code=2)


def test_the_page_of_a_track_shows_what_was_taken_also_where_it_is_united_and_what_was_decided(library):
    from musicdb import queries

    truth.take(library, 1, "year", "tidal")
    truth.decide(library, 1, "artist_credit", "Ada & Eve")
    found = {one["name"]: one for one in queries.track(library, 1)["fields"]}
    assert found["genres"]["value"] == "Dub, Electronic, House" and found["genres"]["others"] == []
    assert found["label"]["value"] == "Moon, Moon Records" and found["artists"]["value"] == "Ada & Eve"
    assert {name for name, one in found.items() if one["decided"]} == {"year", "artists"}
    assert "styles" not in found and "artist_credit" not in found


def test_values_are_set_locked_and_left_to_trust_again_by_command(library):
    def run(*args, code=0):
        result = CliRunner().invoke(cli, [*args, "--db", str(library.path)], prog_name="musicdb")
        assert result.exit_code == code, result.output
        return result.output

    assert "1 would be decided" in run("set", "year", "1980", "--where", "id = 1", "--preview") and track(library).year == 1997
    assert "1 of them changed" in run("set", "year", "1980", "--where", "id = 1", "--note", "sleeve") and track(library).year == 1980
    run("set", "genres", "Dub; Ambient", "--where", "1")
    assert genres(library) == ["Ambient", "Dub"]
    run("set", "artists", "Ada; Eve", "--where", "id = 1")
    assert track(library).artist_credit == "Ada, Eve"
    run("set", "comment", "", "--where", "id = 1")
    run("set", "bpm", "99.5", "--where", "id = 1")
    run("set", "duration_ms", "201000", "--where", "id = 1")
    run("set", "cover", str(cover(library)), "--where", "id = 1")
    assert (track(library).bpm, track(library).duration_ms) == (99.5, 201_000)
    run("clear", "year", "genres", "artists", "bpm", "duration_ms", "cover", "--where", "1")
    assert track(library).year == 1997
    run("lock", "year", "cover", "--where", "id = 1")
    assert sources(library)["year"] == "discogs" and "you locked" in run("why", "1", "year") and "you locked" in run("why", "1", "cover")
    assert "1 of them changed" not in run("unlock", "year", "--where", "id = 1")
    assert "year cannot be 'soon'" in run("set", "year", "soon", "--where", "1", code=2)
    assert "there is no field 'colour'" in run("set", "colour", "red", "--where", "1", code=2)
    assert "Missing option '--where'" in run("lock", "year", code=2)


def test_tags_are_put_on_a_selection_by_command(library):
    def run(*args, code=0):
        result = CliRunner().invoke(cli, ["tags", *args, "--db", str(library.path)], prog_name="musicdb")
        assert result.exit_code == code, result.output
        return result.output

    assert "no tags yet" in run("list")
    assert "on 2 more tracks" in run("add", "Energy: peak", "--where", "1") and "it is so already" in run("add", "energy/Peak", "--where", "1")
    assert "Energy: peak" in run("show", "1") and "Energy" in run("list")
    assert "it is so already" in run("add", "energy/Peak", "--where", "\nselect\n  id from library")
    assert "off 1 tracks" in run("remove", "energy: peak", "--where", "id = 2") and "it has no tags" in run("show", "2")
    assert "is Mood: high now" in run("rename", "Energy: peak", "Mood: high") and "Mood: high" in run("show", "1")
    assert "did you mean Mood: high" in run("drop", "Mood: hig", code=2)
    assert "no tag any more" in run("drop", "Mood: high") and "no tags yet" in run("list")
    history.undo(library)
    assert "Mood: high" in run("show", "1")
    assert "a tag needs a name" in run("add", " ", "--where", "1", code=2)
