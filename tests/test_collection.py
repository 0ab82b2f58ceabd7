"""The shelf: copies with what a person says of them, their sides, lists, prices."""

import json

import pytest
from click.testing import CliRunner

from musicdb import collection, history, links, load, truth
from musicdb.cli import cli
from musicdb.errors import BadInput, PayloadError
from musicdb.load.observations import Writer
from musicdb.platforms import discogs
from musicdb.playlists import editing
from tests.discogs_records import copy, import_records, record, want
from tests.observing import observe


@pytest.fixture
def shelf(db, monkeypatch):
    """One record owned twice, one wanted; a file of one side, a stream of the other and of a song that is nowhere else."""
    observe(db, "local", "f1", "Slow Tide A1", ["Ada Quell"], duration_ms=300_000, path="/music/a1.flac")
    for key, name in (("s1", "Slow Tide B1"), ("s2", "Only a Stream")):
        observe(db, "spotify", key, name, ["Ada Quell"], duration_ms=300_000)
    db.execute("insert into platform_playlists (platform, external_id, name) values ('spotify', 'p', 'Evening')")
    db.execute("insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, first_seen_at) "
               "select 1, id, id, '2024' from platform_tracks where platform = 'spotify'")  # fmt: skip
    db.shelf = {
        "records": [record(12), record(13, "Undertow", catno="TZC 2")],
        "copies": [
            copy(12, 501, notes=[(1, "Near Mint (NM or M-)"), (2, "Very Good (VG)"), (3, "gift"), (4, "12,50 €")]),
            copy(12, 502, folder="Doubles", notes=[(1, "Fair (F)")]),
        ],
        "wants": [want(13, "Undertow")],
    }
    import_records(db, monkeypatch, **db.shelf)
    return db


def again(db, monkeypatch, **changed):
    return import_records(db, monkeypatch, **(db.shelf | changed))


def told(db, key="discogs/501"):
    row = collection.copy(db, key)
    return row.media_condition, row.notes, row.status, row.edited


def test_one_release_owned_twice_is_two_copies(shelf):
    rows = collection.copies(shelf)
    assert [(r.copy_key, r.folder, r.media_condition, r.sides, r.with_file) for r in rows] == [
        ("discogs/501", "House", "Near Mint (NM or M-)", 2, 1),
        ("discogs/502", "Doubles", "Fair (F)", 2, 1),
    ]
    assert (rows[0].purchase_price, rows[0].currency, rows[0].notes, rows[0].label, rows[0].format) == (12.5, "EUR", "gift", "Terrazzo", "Vinyl")
    assert rows[0].release_id == rows[1].release_id
    assert [tuple(f.values()) for f in collection.folders(shelf)] == [("Doubles", 1), ("House", 1)]
    assert [r.copy_key for r in collection.copies(shelf, status="wanted")] == ["discogs/want:ada:13"]
    assert len(collection.copies(shelf, status=None)) == 3 and len(collection.copies(shelf, text="tzc 2", status=None)) == 1
    assert [r.copy_key for r in collection.copies(shelf, folder="Doubles")] == ["discogs/502"]
    assert len(collection.copies(shelf, limit=1, offset=1)) == 1 and collection.copies(shelf, label="terrazzo", status="sold") == []


def test_what_a_person_says_of_a_copy_survives_every_import_and_is_undone(shelf, monkeypatch):
    done = collection.edit(shelf, "discogs/501", media_condition="vg+", notes=None)
    assert [tuple(r.values()) for r in done.rows] == [
        ("discogs/501", "media_condition", "Near Mint (NM or M-)", "Very Good Plus (VG+)"),
        ("discogs/501", "notes", "gift", None),
    ]
    again(shelf, monkeypatch, copies=[copy(12, 501, notes=[(1, "Poor (P)"), (3, "other")]), shelf.shelf["copies"][1]])
    assert told(shelf) == ("Very Good Plus (VG+)", None, "owned", ["media_condition", "notes"])
    assert told(shelf, "discogs/502")[0] == "Fair (F)", "the other copy is not touched"
    truth.rebuild(shelf)
    assert told(shelf)[0] == "Very Good Plus (VG+)"
    history.undo(shelf, done.operation)
    assert told(shelf) == ("Poor (P)", "other", "owned", [])
    history.redo(shelf)
    assert told(shelf)[0] == "Very Good Plus (VG+)"


def test_a_field_that_is_cleared_follows_the_platform_again(shelf):
    collection.edit(shelf, ["discogs/501", "discogs/502"], folder="Loft", rating=4)
    assert collection.edit(shelf, "discogs/501", folder="Loft").operation is None
    collection.clear(shelf, ["discogs/501", "discogs/502"], "folder")
    rows = collection.copies(shelf)
    assert [(r.folder, r.rating, r.edited) for r in rows] == [("House", 4, ["rating"]), ("Doubles", 4, ["rating"])]
    collection.clear(shelf, "discogs/501")
    assert collection.copy(shelf, "discogs/501").edited == []


def test_a_sold_copy_is_off_the_shelf_and_stays_known(shelf, monkeypatch):
    collection.sell(shelf, "discogs/501", 30, date="2024-05-01")
    assert [r.copy_key for r in collection.copies(shelf)] == ["discogs/502"]
    again(shelf, monkeypatch, copies=[shelf.shelf["copies"][1]])  # and taken out of the collection at Discogs
    sold = collection.copies(shelf, status="sold")[0]
    assert (sold.copy_key, sold.sold_price, sold.sold_date) == ("discogs/501", 30, "2024-05-01")
    collection.sell(shelf, "discogs/502")
    assert {r.on_record for r in collection.owned(shelf)} == {0}


def test_a_copy_by_hand_is_on_the_shelf_until_it_is_undone_or_removed(shelf, monkeypatch):
    done = collection.add(shelf, "discogs/12", media_condition="M", purchase_price=8, currency="gbp")
    (key,) = done.copies
    again(shelf, monkeypatch)
    row = collection.copy(shelf, key)
    assert (row.platform, row.status, row.media_condition, row.title, row.sides) == ("user", "owned", "Mint (M)", "Slow Tide", 2)
    assert len(collection.copies(shelf)) == 3
    collection.remove(shelf, key)
    assert len(collection.copies(shelf)) == 2
    history.undo(shelf)
    history.undo(shelf, done.operation)
    assert len(collection.copies(shelf)) == 2
    (wish,) = collection.wish(shelf, "discogs/12").copies
    assert collection.copy(shelf, wish).status == "wanted"


def test_a_copy_by_hand_was_put_there_on_its_day_whatever_is_said_of_it_later(shelf):
    done = collection.add(shelf, "discogs/12", purchase_price=8)
    with shelf.operation("test"):
        shelf.execute("update decisions set decided_at = '2020-05-01T10:00:00Z' where operation_id = ?", [done.operation])
    collection.edit(shelf, done.copies[0], notes="warped")
    assert collection.copy(shelf, done.copies[0]).added_at == "2020-05-01T10:00:00Z"
    assert {row.day for row in shelf.q("select day from copy_prices where copy_key = ?", [done.copies[0]])} == {"2020-05-01"}


def test_a_side_is_linked_to_a_file_and_taken_apart_again(shelf):
    (side,) = [s for s in collection.sides(shelf, "discogs/501") if s.position == "B1"]
    assert [(s.position, s.has_file, s.on_stream) for s in collection.sides(shelf, "discogs/501")] == [("A1", 1, 0), ("B1", 0, 1)]
    observe(shelf, "local", "f2", "Slow Tide, Part Two", ["Ada Quell"], duration_ms=301_000, path="/music/b1.flac")
    links.link(shelf)
    truth.resolve(shelf)
    track = shelf.value("select id from tracks where title like '%Part Two'")
    done = collection.link_side(shelf, "12#B1", track)
    row = collection.sides(shelf, "discogs/502")[1]
    assert (row.track_id, row.state, row.has_file) == (track, "linked", 1)
    assert [i["track_id"] for i in collection.items(shelf, 1)][1] == track, "the release follows"
    links.link(shelf)
    assert collection.sides(shelf, "discogs/501")[1].track_id == track, "no later run takes it back"
    history.undo(shelf, done.operation)
    assert collection.sides(shelf, "discogs/501")[1].track_id == side.track_id
    collection.link_side(shelf, side.platform_track_id, track)
    collection.unlink_side(shelf, "discogs/12#B1")
    assert collection.sides(shelf, "discogs/501")[1].track_id != track


def test_proposals_for_a_side_are_the_tracks_most_like_it(db, monkeypatch):
    observe(db, "local", "f1", "Slow Tides", ["Ada Quell"], album="Other", duration_ms=304_000, path="/music/a1.flac")
    observe(db, "local", "f2", "Something Else", ["Bo Finch"], duration_ms=100_000, path="/music/x.flac")
    import_records(db, monkeypatch, [record(12, tracks=[("A1", "Slow Tide")])], [copy(12, 501)])
    found = collection.candidates(db, "12#A1")
    assert [(f.title, f.has_file) for f in found] == [("Slow Tides", 1)] and found[0].signs and 20 <= found[0].confidence < 100


def test_what_is_in_a_list_of_your_own_is_to_be_bought_and_a_list_that_is_gone_counts_no_more(shelf):
    shelf.execute("update platform_playlists set missing_since = '2024-01-01T00:00:00Z'")
    assert [r.in_playlists for r in collection.rip_list(shelf)] == [0] and collection.buy_list(shelf) == []
    track = shelf.value("select id from tracks where title = 'Only a Stream'")
    mine = editing.create(shelf, "Friday", [track, track])
    assert [(r.title, r.in_playlists) for r in collection.buy_list(shelf)] == [("Only a Stream", 1)]
    editing.delete(shelf, mine)
    assert collection.buy_list(shelf) == []


def test_the_lists_say_what_to_rip_buy_and_dig(shelf):
    assert [(r.title, r.sides, r.in_playlists) for r in collection.rip_list(shelf)] == [("Slow Tide B1", "B1 TZC 1", 1)]
    assert [(r.title, r.in_playlists) for r in collection.buy_list(shelf)] == [("Only a Stream", 1)]
    dig = collection.dig_list(shelf)
    assert [(r.title, r.tracks_on_it, r.with_file) for r in dig] == [("Undertow", 2, 0)]
    where = {r.title: (r.has_file, r.on_record, r.on_stream, r.sides) for r in collection.owned(shelf)}
    assert where["Slow Tide A1"] == (1, 1, 0, "A1 TZC 1") and where["Only a Stream"] == (0, 0, 1, None)


def test_value_over_time_holds_what_is_known(shelf, monkeypatch):
    shelf.execute("update collection_items set purchase_date = '2023-01-15' where instance_id = '501'")
    collection.edit(shelf, "discogs/502", purchase_price="20", currency="EUR", purchase_date="2023-03")
    shelf.execute("insert into decisions (entity, entity_key, field, value, decided_by) values ('copy', 'discogs/501', 'value:2023-06-30', '40', 'me')")
    collection.sell(shelf, "discogs/502", 25, date="2023-09-01")
    rows = [(r.month, r.currency, r.copies_owned, r.paid, r.worth, r.sold) for r in collection.value(shelf)]
    assert rows == [
        ("2023-01", "EUR", 1, 12.5, 12.5, 0), ("2023-03", "EUR", 2, 32.5, 32.5, 0),
        ("2023-06", "EUR", 2, 32.5, 60, 0), ("2023-09", "EUR", 1, 12.5, 40, 25),
    ]  # fmt: skip
    assert [(p.what, p.price) for p in collection.prices(shelf, "discogs/502")] == [("paid", 20), ("sold", 25)]
    done = collection.edit(shelf, "discogs/501", value=55)
    assert collection.copy(shelf, "discogs/501").worth == 55
    history.undo(shelf, done.operation)
    assert collection.copy(shelf, "discogs/501").worth == 40


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda db: collection.copies(db, status="lost"), "no status 'lost'"),
        (lambda db: collection.copy(db, "discogs/1"), "no copy 'discogs/1'"),
        (lambda db: collection.edit(db, [], notes="x"), "no copy is named"),
        (lambda db: collection.edit(db, "discogs/501"), "at least one of"),
        (lambda db: collection.edit(db, "discogs/501", colour="red"), "no field 'colour'"),
        (lambda db: collection.edit(db, "discogs/501", media_condition="great"), "one of Mint"),
        (lambda db: collection.edit(db, "discogs/501", rating=6), "from 1 to 5"),
        (lambda db: collection.edit(db, "discogs/501", purchase_price="much"), "an amount such as"),
        (lambda db: collection.edit(db, "discogs/501", purchase_price=float("nan")), "an amount such as"),
        (lambda db: collection.edit(db, "discogs/501", currency="euro"), "three letters"),
        (lambda db: collection.edit(db, "discogs/501", purchase_date="soon"), "a date such as"),
        (lambda db: collection.edit(db, "discogs/501", notes="a\0b"), "it is text"),
        (lambda db: collection.add(db, "discogs/999"), "no release 'discogs/999'"),
        (lambda db: collection.remove(db, "discogs/501"), "take it out there"),
        (lambda db: collection.link_side(db, "12#Z9", 1), "no side '12#Z9'"),
        (lambda db: collection.link_side(db, "12#A1", 999), "no track 999"),
        (lambda db: collection.items(db, 99), "no release 99"),
        (lambda db: collection.identify(db, "song", 1, "x", "y"), "no kind 'song'"),
        (lambda db: collection.identify(db, "track", 999, "x", "y"), "no track 999"),
        (lambda db: collection.publisher(db, "", "youtube"), "a name and a platform"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_leaves_no_trace(shelf, call, says):
    before = shelf.value("select count(*) from operations")
    with pytest.raises(BadInput, match=says):
        call(shelf)
    assert shelf.value("select count(*) from operations") == before


def test_publishers_of_any_platform_and_ids_of_any_scheme_are_noted_by_hand(shelf):
    one = collection.publisher(shelf, "Ada's Channel", "YouTube", "@ada")
    assert collection.publisher(shelf, "Ada", "youtube", "@ada") == one and collection.publisher(shelf, "Ada", "soundcloud") != one
    done = collection.publish(shelf, 1, one)
    collection.identify(shelf, "publisher", one, "youtube", "UC123")
    collection.identify(shelf, "release", 1, "Bandcamp", "slow-tide")
    assert collection.identify(shelf, "release", 1, "bandcamp", "slow-tide") is None and collection.publish(shelf, 1, one) is None
    truth.rebuild(shelf)
    ids = shelf.execute("select entity_type, scheme, value from external_ids where platform = 'user' order by 1").fetchall()
    assert ids == [("publisher", "youtube", "UC123"), ("release", "bandcamp", "slow-tide")]
    with pytest.raises(BadInput, match="discogs says"):
        collection.forget(shelf, "release", 1, "discogs_release", "12")
    collection.forget(shelf, "release", 1, "bandcamp", "slow-tide")
    history.undo(shelf)
    history.undo(shelf, done)
    assert shelf.value("select count(*) from release_publishers") == 0 and shelf.value("select 1 from external_ids where scheme = 'bandcamp'")


def test_real_answers_become_copies_and_wishes(db, monkeypatch, real_data):
    pages = [json.loads(p.read_text("utf-8")) for p in (real_data / "discogs").rglob("*.json") if "users" in p.parts and "page=" in p.name]
    copies = [{"item": item, "folder": "All", "external_id": str(item["id"])} for page in pages for item in page.get("releases", [])]
    wants = [{"item": item, "username": "example", "external_id": str(item["id"])} for page in pages for item in page.get("wants", [])]
    import_records(db, monkeypatch, [], copies, wants)
    assert (len(collection.copies(db)), len(collection.copies(db, status="wanted"))) == (3, 3)
    known = {item["basic_information"]["id"] for page in pages for item in (*page.get("releases", []), *page.get("wants", []))}
    assert len(collection.releases(db)) == len(known) and truth.resolve(db).written == 0


def test_the_export_of_a_collection_makes_copies_too(db, tmp_path):
    path = tmp_path / "collection.csv"
    path.write_text("Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,Collection Media Condition\n"
                    'TZC 1,Ada Quell,Slow Tide,Terrazzo,"12"", EP",,1999,12,House,2020-01-02 03:04:05,Mint (M)\n'
                    'TZC 1,Ada Quell,Slow Tide,Terrazzo,"12"", EP",,1999,12,House,2021-01-02 03:04:05,Fair (F)\n')  # fmt: skip
    load.run(db, "discogs", path)
    truth.resolve(db)
    assert [r.media_condition for r in collection.copies(db)] == ["Mint (M)", "Fair (F)"]
    assert [(r.title, r.labels, r.format, r.tracks) for r in collection.releases(db)] == [("Slow Tide", "Terrazzo TZC 1", "Vinyl", 0)]


def test_what_was_said_of_a_copy_of_the_export_holds_for_the_accounts_own(db, monkeypatch, tmp_path):
    path = tmp_path / "collection.csv"
    head = "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,Collection Media Condition\n"
    line = 'TZC 1,Ada Quell,Slow Tide,Terrazzo,"12"", EP",,1999,12,House,{},{}\n'
    path.write_text(head + line.format("2020-01-02 03:04:05", "Mint (M)") + line.format("2021-01-02 03:04:05", "Fair (F)"))
    load.run(db, "discogs", path)
    keys = [r.copy_key for r in collection.copies(db)]
    collection.edit(db, keys[1], notes="the worn one", value=5)
    import_records(db, monkeypatch, [record(12)], [copy(12, 501), copy(12, 502)])
    assert [(r.copy_key, r.notes, r.worth) for r in collection.copies(db)] == [("discogs/501", None, None), ("discogs/502", "the worn one", 5)]
    collection.edit(db, "discogs/502", notes="replaced")
    assert collection.copy(db, "discogs/502").notes == "replaced" and collection.prices(db, "discogs/502")[0].price == 5
    collection.clear(db, "discogs/502")
    assert collection.copy(db, "discogs/502").edited == [] and collection.copy(db, "discogs/502").notes is None


@pytest.fixture
def at_the_prompt(shelf, monkeypatch):
    """Run a command on this shelf; return (exit code, what it said)."""

    def run(*words):
        done = CliRunner().invoke(cli, [*words, "--db", str(shelf.path)])
        return done.exit_code, done.output

    return run


def test_the_shelf_at_the_prompt(shelf, at_the_prompt):
    assert at_the_prompt("collection", "list")[1].splitlines()[-1] == "2 copies"
    code, said = at_the_prompt("collection", "edit", "discogs/501", "--set", "media_condition=vg", "--set", "notes=", "--clear", "folder")
    assert code == 0 and "Very Good (VG)" in said and "musicdb undo" in said
    code, said = at_the_prompt("collection", "show", "discogs/501")
    assert "media condition: Very Good (VG) (you)" in said and "12#A1" in said and "file" in said
    assert at_the_prompt("collection", "rip")[1].splitlines()[-1] == "1 on a record of yours and not as a file"
    assert [row["title"] for row in json.loads(at_the_prompt("collection", "dig", "--json")[1])] == ["Undertow"]
    assert "Only a Stream" in at_the_prompt("collection", "buy")[1]
    assert "12.5" in at_the_prompt("collection", "value")[1] and "Slow Tide" in at_the_prompt("collection", "releases", "tide")[1]
    code, said = at_the_prompt("collection", "add", "discogs/12", "--wanted", "--json")
    key = json.loads(said)["copies"][0]
    assert at_the_prompt("collection", "sell", "discogs/502", "--price", "9")[0] == 0
    assert at_the_prompt("collection", "remove", key)[0] == 0 and len(collection.copies(shelf, status=None)) == 3
    track = shelf.value("select track_id from record_sides where external_id = '12#A1'")
    assert at_the_prompt("collection", "link", "12#B1", str(track))[0] == 0
    assert collection.sides(shelf, "discogs/501")[1].track_id == track
    for words in (["list", "--status", "x"], ["show", "nothing"], ["edit", "discogs/501"], ["edit", "discogs/501", "--set", "x"], ["link", "9#A1"]):
        code, said = at_the_prompt("collection", *words)
        assert code == 2 and "Traceback" not in said, words


def test_events_at_the_prompt(shelf, at_the_prompt):
    assert "no events" in at_the_prompt("events", "list")[1]
    assert at_the_prompt("events", "add", "Harbour Day", "--date", "2024-06-01")[0] == 0
    assert at_the_prompt("events", "play", "1", "2", "1", "--stage", "Deck", "--at", "23:41")[0] == 0
    assert at_the_prompt("events", "edit", "1", "--location", "Quay")[0] == 0
    assert "Quay" in at_the_prompt("events", "list", "harbour")[1]
    assert [row["track_id"] for row in json.loads(at_the_prompt("events", "show", "1", "--json")[1])] == [2, 1]
    assert at_the_prompt("events", "play", "1", "1", "--not")[0] == 0 and "Deck" in at_the_prompt("events", "show", "1")[1]
    assert at_the_prompt("events", "remove", "1")[0] == 0 and "no events" in at_the_prompt("events", "list")[1]
    assert at_the_prompt("undo")[0] == 0 and "Harbour Day" in at_the_prompt("events", "list")[1]
    assert at_the_prompt("events", "show", "9")[0] == 2 and at_the_prompt("events", "add", "x", "--date", "soon")[0] == 2


def test_publishers_and_ids_from_the_command_line(shelf):
    def said(*words):
        result = CliRunner().invoke(cli, ["--db", str(shelf.path), *words, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    one = said("publishers", "add", "Night Tapes", "--platform", "YouTube", "--handle", "@tapes", "--id", "youtube_channel=UC9")["publisher"]
    assert said("publishers", "add", "Night Tapes", "--platform", "youtube", "--handle", "@tapes")["publisher"] == one
    playlist = shelf.execute("insert into playlists (name) values ('Late')").lastrowid
    assert len(said("publishers", "publish", str(one), "--release", "1", "--playlist", str(playlist))["operations"]) == 2
    (row,) = said("publishers", "list", "tapes")
    assert (row["id"], row["releases"], row["playlists"], row["ids"]) == (one, 1, 1, "youtube_channel=UC9")
    assert said("publishers", "publish", str(one), "--release", "1")["operations"] == []
    said("publishers", "publish", str(one), "--release", "1", "--playlist", str(playlist), "--not")
    assert (said("publishers", "list")[0]["releases"], said("publishers", "list")[0]["playlists"]) == (0, 0)
    said("undo")
    assert said("publishers", "list")[0]["playlists"] == 1
    said("ids", "add", "release", "1", "my-shelf", "box 3")
    assert said("ids", "find", "box 3") == [{"kind": "release", "id": 1, "scheme": "my-shelf", "platform": "user"}]
    assert {"scheme": "my-shelf", "value": "box 3", "platform": "user"} in said("ids", "list", "release", "1")
    said("ids", "remove", "release", "1", "my-shelf", "box 3")
    assert said("ids", "find", "box 3", "--scheme", "my-shelf") == []
    assert CliRunner().invoke(cli, ["--db", str(shelf.path), "ids", "add", "release", "999", "a", "b"]).exit_code == 2


def test_what_discogs_thinks_all_of_it_worth_is_kept_day_by_day(shelf, at_the_prompt):
    for day, median in (("2024-05-12", "€292.00"), ("2024-06-12", "€1,301.50"), ("2024-06-12", "€1,300.00")):
        (row,) = discogs.rows("value", {"external_id": day, "value": {"minimum": "€148.50", "median": median, "maximum": None}})
        with shelf.atomic():
            Writer(shelf, "discogs", 1, 1).values([row])
    assert [tuple(row.values()) for row in collection.estimates(shelf)] == [
        ("2024-05-12", "discogs", "", 148.5, 292.0, None, "EUR"), ("2024-06-12", "discogs", "", 148.5, 1300.0, None, "EUR"),
    ]  # fmt: skip
    assert "discogs on 2024-06-12: 1300.0 EUR for all of it" in at_the_prompt("collection", "value")[1]
    for wrong in ({"value": {}}, {"external_id": "2024", "value": {"median": "€3"}}, {"external_id": "2024-05-12", "value": {"median": "much"}}):
        with pytest.raises(PayloadError):
            list(discogs.rows("value", wrong))
