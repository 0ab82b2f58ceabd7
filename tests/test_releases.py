"""Releases: what observed releases and tagged albums become, in which order, and which are one."""

import json

import pytest

from musicdb import collection, history, links, truth
from tests.discogs_records import import_records, record
from tests.observing import observe


def items(db, release):
    return [(i["disc_no"], i["track_no"], i["position"], i["title"]) for i in collection.items(db, release)]


def tagged(db, n, title, album="Slow Tide", path="/music/Ada/Slow Tide", **said):
    said = {"album": album, "album_artists": ["Ada Quell"], "artists": ["Ada Quell"], "track_no": n} | said
    said = {key: value for key, value in said.items() if value is not None}
    return observe(db, "local", f"{path}/{n}", title, said.pop("artists"), album=album, path=f"{path}/{n} {title}.flac", said=said)


def streamed(db, platform, key, title="Slow Tide", tracks=("Slow Tide A1", "Slow Tide B1"), **said):
    said = {"title": title, "album": title, "artists": ["Ada Quell"], "album_artists": ["Ada Quell"], "album_type": "ep"} | said
    db.execute("insert into platform_releases (platform, external_id, title, said, metadata_hash) values (?, ?, ?, ?, 'h')",
               [platform, key, title, json.dumps(said)])  # fmt: skip
    for n, name in enumerate(tracks, 1):
        observe(db, platform, f"{key}-{n}", name, ["Ada Quell"], album=title, release_external_id=key, duration_ms=300_000, said={"track_no": n})


def resolved(db):
    links.link(db)
    return truth.resolve(db)


def content(db):
    """Everything of releases but times."""
    sql = {
        "releases": "select id, release_uid, origin, release_group_id, title, release_date, country, format, notes, disambiguation, deleted_at is null from releases",
        "release_groups": "select id, title, primary_artist_id, type, year from release_groups",
        "external_ids": "select entity_type, entity_id, scheme, value, platform from external_ids",
    } | {t: f"select * from {t}" for t in ("release_items", "release_artists", "release_labels", "release_links")}
    return {name: sorted(db.execute(query).fetchall(), key=repr) for name, query in sql.items()}


def test_a_record_is_a_release_with_labels_credits_ids_and_sides(db, monkeypatch):
    one = record(
        12, "Slow Tide EP", tracks=("A1", "A2", "B1"), released="1999-05-00", country="UK", notes="Limited to 300.", master_id=77,
        labels=[{"name": "Terrazzo (2)", "catno": "TZC 1"}, {"name": "Low Road", "catno": "LR-09"}],
        extraartists=[{"name": "Bo Finch", "role": "Mastered By, Lacquer Cut By"}],
        identifiers=[{"type": "Barcode", "value": "5 060123 456789"}],
    )  # fmt: skip
    import_records(db, monkeypatch, [one])
    (row,) = collection.releases(db)
    assert (row.title, row.artists, row.release_date, row.country, row.format) == ("Slow Tide EP", "Ada Quell", "1999-05", "UK", "Vinyl")
    assert row.labels == "Terrazzo TZC 1, Low Road LR-09" and (row.album, row.type) == ("Slow Tide EP", "ep")
    assert [i[:3] for i in items(db, row.id)] == [(1, 1, "A1"), (1, 2, "A2"), (1, 3, "B1")]
    roles = db.execute("select a.name, x.role from release_artists as x join artists as a on a.id = x.artist_id order by x.position").fetchall()
    assert roles == [("Ada Quell", "primary"), ("Bo Finch", "mastered by"), ("Bo Finch", "lacquer cut by")]
    ids = db.execute("select entity_type, scheme, value from external_ids where entity_type like 'release%' order by 1, 2").fetchall()
    assert ids == [("release", "barcode", "5060123456789"), ("release", "discogs_release", "12"), ("release_group", "discogs_master", "77")]
    assert db.value("select notes from releases") == "Limited to 300."
    assert db.one("select release_id, status, method from release_links") == {"release_id": row.id, "status": "auto", "method": "new"}


def test_a_box_of_thirty_discs_keeps_its_order(db, monkeypatch):
    places = [f"CD{disc}-{n:02}" for disc in range(1, 31) for n in range(1, 13)]
    import_records(db, monkeypatch, [record(30, "Everything", tracks=[(place, f"Part {i:03}") for i, place in enumerate(places)])])
    found = items(db, 1)
    assert [i[2] for i in found] == places and [i[3] for i in found] == [f"Part {i:03}" for i in range(360)]
    assert found[-1][:2] == (30, 12) and db.value("select count(distinct disc_no) from release_items") == 30


def test_sides_beyond_the_alphabet_and_boxes_of_records_keep_their_order(db, monkeypatch):
    places = [f"{side}{n}" for side in [chr(65 + i) for i in range(26)] + [2 * chr(65 + i) for i in range(4)] for n in (1, 2)]
    import_records(db, monkeypatch, [record(31, "Fifteen", tracks=[(p, f"Side {p}") for p in places])])
    assert [i[2] for i in items(db, 1)] == places and items(db, 1)[-1][0] == 15
    import_records(db, monkeypatch, [record(32, "Box", catno="B 1", tracks=[(p, f"Box {p}") for p in ("LP1-A1", "LP1-B1", "LP2-A1", "LP10-B2")])])
    assert [i[:3] for i in items(db, 2)] == [(1, 1, "LP1-A1"), (1, 2, "LP1-B1"), (2, 1, "LP2-A1"), (10, 1, "LP10-B2")]


def test_an_unchanged_run_writes_nothing_and_a_rebuild_gives_the_same(db, monkeypatch):
    streamed(db, "spotify", "s1", barcode="5060123456789", release_date="1999-05-01")
    tagged(db, 1, "Elsewhere", album="Other")
    report = import_records(db, monkeypatch, [record(n, f"Tide {n}", catno=f"TZC {n}") for n in range(1, 6)])
    assert report.rows["releases"] and report.rows["release_items"]
    before = content(db)
    assert truth.resolve(db).written == 0 and content(db) == before
    truth.rebuild(db)
    assert content(db) == before
    assert truth.resolve(db).written == 0


@pytest.mark.parametrize("key", ["barcode", "catno", "id"])
def test_an_exact_key_makes_one_release_of_two_observations(db, monkeypatch, key):
    said = {"barcode": {"barcode": "05060123456789"}, "catno": {"label": "Terrazzo", "catalogue_number": "tzc-1"}, "id": {"ids": {"discogs_release": "12"}}}
    streamed(db, "tidal", "t1", **said[key])
    import_records(db, monkeypatch, [record(12, identifiers=[{"type": "Barcode", "value": "5060123456789"}])])
    assert db.execute("select release_id, method from release_links order by id").fetchall() in ([(1, "new"), (1, key)], [(1, key), (1, "new")])
    assert [i[2] for i in items(db, 1)] == ["A1", "B1"], "the record's own sides, not the stream's numbers"


def test_a_key_that_the_title_contradicts_joins_nothing(db, monkeypatch):
    streamed(db, "tidal", "t1", "Quite Another Thing", ["One", "Two"], barcode="5060123456789")
    import_records(db, monkeypatch, [record(12, identifiers=[{"type": "Barcode", "value": "5060123456789"}])])
    assert db.value("select count(distinct release_id) from release_links") == 2


def test_two_pressings_of_one_platform_stay_two_and_are_told_apart(db, monkeypatch):
    import_records(db, monkeypatch, [record(12), record(13), record(14, catno="TZC 1 R")])
    rows = db.execute("select origin, disambiguation, release_group_id from releases order by id").fetchall()
    assert rows == [("discogs/12", "", 1), ("discogs/13", "TZC 1, discogs/13", 1), ("discogs/14", "TZC 1 R, discogs/14", 1)]


def test_of_pressings_that_are_alike_the_first_goes_by_its_title_whichever_was_looked_at(db, monkeypatch):
    import_records(db, monkeypatch, [record(12), record(13), record(14, catno="TZC 1 R")])
    said = db.value("select said from platform_releases where external_id = '12'")
    words = "select disambiguation from releases where deleted_at is null order by id"
    for country, expected in (("JP", ["", "", "TZC 1 R, discogs/14"]), (None, ["", "TZC 1, discogs/13", "TZC 1 R, discogs/14"])):
        now = json.dumps(json.loads(said) | {"country": country}) if country else said
        db.execute("update platform_releases set said = ?, metadata_hash = ? where external_id = '12'", [now, f"{country}"])
        truth.resolve(db)
        assert [word for (word,) in db.execute(words)] == expected
        before = content(db)
        truth.rebuild(db)
        assert content(db) == before


def test_tags_make_a_release_in_the_order_of_their_numbers(db):
    for n, name in ((2, "Second"), (1, "First"), (3, "Third")):
        tagged(db, n, name, catalogue_number="TZC 1", label="Terrazzo", year=1999)
    tagged(db, 9, "Unnumbered", track_no=None)
    tagged(db, 1, "On the second disc", path="/music/Ada/Slow Tide/CD2", disc_no=2)
    resolved(db)
    (row,) = collection.releases(db)
    assert (row.title, row.format, row.labels, row.release_date) == ("Slow Tide", "File", "Terrazzo TZC 1", "1999")
    assert [i[3] for i in items(db, row.id)] == ["First", "Second", "Third", "Unnumbered", "On the second disc"]


def test_a_compilation_without_album_artist_is_one_release_by_its_folder(db):
    for n, who in enumerate(("Ada Quell", "Bo Finch", "Cy Marl"), 1):
        tagged(db, n, f"Song {n}", "Summer", f"/music/Summer/CD{n}", album_artists=None, artists=[who], disc_no=n)
    tagged(db, 1, "Unrelated", "Summer", "/music/Dee/Summer", album_artists=None, artists=["Dee"])
    resolved(db)
    rows = {tuple(i[3] for i in items(db, r.id)): (r.type, r.artists) for r in collection.releases(db)}
    assert rows[("Song 1", "Song 2", "Song 3")] == ("compilation", None) and len(rows) == 2


def test_files_with_the_number_of_a_record_are_that_release(db, monkeypatch):
    import_records(db, monkeypatch, [record(12, tracks=[("A1", "First"), ("B1", "Second")])])
    for n, name in ((1, "First"), (2, "Second")):
        tagged(db, n, name, catalogue_number="TZC1", label="Terrazzo")
    resolved(db)
    assert db.value("select count(*) from releases") == 1 and [i[2] for i in items(db, 1)] == ["A1", "B1"]


def test_a_record_joins_the_release_that_the_files_made(db, monkeypatch):
    for n, name in ((1, "First"), (2, "Second")):
        tagged(db, n, name, catalogue_number="TZC1", label="Terrazzo")
    resolved(db)
    import_records(db, monkeypatch, [record(12, tracks=[("A1", "First"), ("B1", "Second")])])
    (row,) = db.q("select id, origin, format from releases")
    assert (row.id, row.format) == (1, "Vinyl") and [i[2] for i in items(db, 1)] == ["A1", "B1"]


def test_a_release_that_nothing_says_any_more_goes_and_comes_back_as_itself(db):
    first = tagged(db, 1, "First")
    resolved(db)
    uid = db.value("select release_uid from releases")
    db.execute("update platform_tracks set album = 'Renamed', said = json_set(said, '$.album', 'Renamed') where id = ?", [first])
    resolved(db)
    assert [r.title for r in collection.releases(db)] == ["Renamed"] and db.value("select count(*) from release_items") == 1
    db.execute("update platform_tracks set album = 'Slow Tide', said = json_set(said, '$.album', 'Slow Tide') where id = ?", [first])
    resolved(db)
    assert [r.release_uid for r in collection.releases(db)] == [uid]


@pytest.mark.parametrize("kind", "album single ep compilation live mixtape dj_mix remix other".split())
def test_albums_are_of_nine_types(db, kind):
    streamed(db, "spotify", "s1", album_type=kind)
    resolved(db)
    assert [r.type for r in collection.releases(db)] == [kind]


def test_merged_albums_artists_and_labels_hold_for_records_without_a_track_of_ours(db, monkeypatch):
    import_records(db, monkeypatch, [record(12, label="Terrazo"), record(13, "Other", label="Terrazzo", catno="X 1")], status="wanted")
    assert db.value("select count(*) from tracks") == 0
    before = content(db)
    labels = dict(db.execute("select name, id from labels").fetchall())
    albums = dict(db.execute("select title, id from release_groups").fetchall())
    one = links.merge(db, labels["Terrazzo"], labels["Terrazo"], kind="label")
    two = links.merge(db, albums["Other"], albums["Slow Tide"], kind="release_group")
    assert {r.labels for r in collection.releases(db)} == {"Terrazzo TZC 1", "Terrazzo X 1"}
    assert {r.album for r in collection.releases(db)} == {"Other"}
    truth.rebuild(db)
    assert {r.album for r in collection.releases(db)} == {"Other"}
    history.undo(db, two.operation)
    history.undo(db, one.operation)
    assert content(db) == before


def test_what_a_person_wrote_into_a_release_stays_until_it_is_undone(db, monkeypatch):
    import_records(db, monkeypatch, [record(12)])
    db.execute("update releases set country = 'France' where id = 1")
    label = db.value("select id from labels")
    db.execute("insert into release_labels (release_id, label_id, cat_id) values (1, ?, 'BY HAND')", [label])
    import_records(db, monkeypatch, [record(12, country="UK", tracks=("A1", "B1", "B2"))])
    truth.rebuild(db)
    assert db.value("select country from releases") == "France" and len(items(db, 1)) == 3
    assert {c for (c,) in db.execute("select cat_id from release_labels")} == {"TZC 1", "BY HAND"}
    history.undo(db)
    history.undo(db)
    truth.rebuild(db)
    assert db.value("select country from releases") == "UK" and db.value("select count(*) from release_labels") == 1


def test_a_release_made_by_hand_is_left_alone(db, monkeypatch):
    db.execute("insert into releases (title, title_norm) values ('Acetate', 'acetate')")
    import_records(db, monkeypatch, [record(12)])
    truth.rebuild(db)
    assert db.value("select deleted_at from releases where title = 'Acetate'") is None
    assert truth.resolve(db).written == 0


def test_a_person_says_that_two_are_one_release_and_takes_it_back(db, monkeypatch):
    streamed(db, "spotify", "s1")
    import_records(db, monkeypatch, [record(12)])
    before = content(db)
    one = db.value("select release_id from release_links as l join platform_releases as r on r.id = l.platform_release_id where r.platform = 'discogs'")
    done = collection.same_release(db, "spotify/s1", one)
    assert {r for (r,) in db.execute("select release_id from release_links")} == {one} and len(collection.releases(db)) == 1
    assert truth.resolve(db).written == 0
    history.undo(db, done.operation)
    assert {k: v for k, v in content(db).items() if k != "release_links"} == {k: v for k, v in before.items() if k != "release_links"}


def test_real_answers_become_releases_and_items(db, monkeypatch, real_data):
    files = sorted((real_data / "discogs").rglob("releases/*"))
    found = [json.loads(p.read_text("utf-8")) for p in files if p.is_file() and "versions" not in p.name]
    found = list({one["id"]: one for one in found}.values())
    import_records(db, monkeypatch, found)
    lines = sum(line.get("type_", "track") == "track" and bool(line["title"]) for one in found for line in one["tracklist"])
    assert db.value("select count(*) from releases") == len(found) and db.value("select count(*) from release_items") == lines
    assert truth.resolve(db).written == 0


def test_what_may_be_one_release_waits_for_a_person(db):
    for platform in ("tidal", "spotify"):
        streamed(db, platform, platform[0], "Undertow", ["One", "Two"], release_date="1999-05-01", track_total=2, year=1999)
    resolved(db)
    (row,) = collection.release_candidates(db)
    assert row.observed == "spotify/s" and row.signs and 0 < row.confidence < 95 and len(collection.releases(db)) == 2
    truth.rebuild(db)
    assert truth.resolve(db).written == 0 and len(collection.release_candidates(db)) == 1
    done = collection.same_release(db, row.observed, row.release_id)
    assert len(collection.releases(db)) == 1 and not collection.release_candidates(db)
    history.undo(db, done.operation)
    assert len(collection.releases(db)) == 2 and len(collection.release_candidates(db)) == 1
    collection.apart_release(db, row.observed, row.release_id)
    assert not collection.release_candidates(db) and len(collection.releases(db)) == 2
