"""The loader: what a platform says is stored whole, once, and nothing is lost or deleted."""

import io
import sqlite3
import types

import pytest
from PIL import Image

import musicdb
from musicdb import load
from musicdb.errors import BadInput, PayloadError, Transient
from musicdb.shapes import Complete, Page, Refused

OBSERVED = "platform_tracks platform_releases platform_playlists platform_playlist_items media_files listens_raw listens quarantine".split()


def picture(color):
    out = io.BytesIO()
    Image.new("RGB", (50, 50), color).save(out, "PNG")
    return out.getvalue()


class Fake(types.SimpleNamespace):
    """A platform whose account is a list of pages."""

    PLATFORM, KIND, ROWS_VERSION, PAYLOADS, CLAIMS = "spotify", "streaming", 1, ("track",), {("track", "mood"): "$.mood"}
    pages: list = []

    def fetch(self, source, known, *, account=None, all=False, progress=None):
        for page in self.pages:
            if isinstance(page, Exception):
                raise page
            yield page

    def rows(self, kind, payload):
        if kind == "listen":
            track = {"row": "track", "external_id": payload["track"], "title": payload["track"], "in_library": False, "metadata": {}}
            if payload["track"]:
                yield track
            yield {"row": "listen", "listened_at": payload["at"], "source_item": payload["track"], "track_external_id": payload["track"] or None}
            return
        if kind == "playlist":
            yield {"row": "playlist", "external_id": payload["id"], "name": payload["name"], "metadata": {"name": payload["name"]}}
            for position, track in enumerate(payload["items"]):
                yield {"row": "playlist_item", "playlist_external_id": payload["id"], "position": position, "track_external_id": track}
            return
        if "title" not in payload:
            raise PayloadError("no title")
        said = {"title": payload["title"]} | ({"year": payload["year"]} if "year" in payload else {})
        yield {"row": "track", "external_id": payload["id"], "title": payload["title"], "artists": payload.get("artists", []), "said": said}
        if "cover" in payload:
            yield {"row": "image", "of": "track", "external_id": payload["id"], "role": "cover", "url": payload["cover"]}


@pytest.fixture
def fake(monkeypatch):
    platform = Fake()
    monkeypatch.setattr(load, "module", lambda name: platform)
    return platform


def tracks(*names, **more):
    return Page("track", [{"id": n, "title": f"Title {n}", **more} for n in names])


def run(db, fake, *pages, **options):
    fake.pages = list(pages)
    return load.run(db, "fake", **options)


def content(db):
    """Everything observed, without row ids and times."""
    skip = {"id", "fetched_at", "first_seen_at", "last_scan_at", "last_verified_at", "at", "ingested_at", "import_batch_id"}
    return {t: sorted(str({k: v for k, v in r.items() if k not in skip}) for r in db.q(f"select * from {t}")) for t in OBSERVED}


def test_payload_rows_and_batch_are_stored_together(db, fake):
    report = run(db, fake, Page("track", [{"id": "a", "title": "Über", "artists": ["Bjørk"], "extra": [1, {"deep": None}]}]))
    row = db.one("select title, artists, match_key, said, metadata, in_library, fetched_at is not null as fetched from platform_tracks")
    assert row == {
        "title": "Über", "artists": '["Bjørk"]', "match_key": "uber|bjork", "said": '{"title":"Über"}',
        "metadata": '{"id":"a","title":"Über","artists":["Bjørk"],"extra":[1,{"deep":null}]}', "in_library": 1, "fetched": 1,
    }  # fmt: skip
    assert (report.new, db.value("select changed from import_batches")) == (1, 1)


def test_a_second_run_changes_nothing(db, fake):
    pages = [tracks("a", "b"), Page("playlist", [{"id": "p", "name": "P", "items": ["a", "b", "a"]}]), Complete("track"), Complete("playlist_item", within="p"),
             Page("listen", [{"at": "2020-01-01T00:00:00Z", "track": "a"}])]  # fmt: skip
    first = run(db, fake, *pages)
    before, batches = content(db), db.value("select count(*) from import_batches")
    second = run(db, fake, *pages)
    assert (first.new, first.listens_new, second.new, second.changed, second.listens_new, second.unchanged) == (2, 1, 0, 0, 0, 2)
    assert content(db) == before
    assert db.value("select count(*) from changes where entity not in ('claim_paths')") == 0
    assert db.value("select count(*) from import_batches") == batches
    assert db.value("select count(*) from observation_changes") == 0


def test_a_changed_payload_is_kept_with_old_and_new(db, fake):
    run(db, fake, tracks("a"))
    report = run(db, fake, tracks("a", year=1999))
    row = db.one("select entity, external_id, old, new from observation_changes")
    assert tuple(row.values()) == ("track", "a", '{"id":"a","title":"Title a"}', '{"id":"a","title":"Title a","year":1999}')
    assert (report.changed, db.value("select json_extract(said, '$.year') from platform_tracks")) == (1, 1999)


def test_what_is_gone_is_marked_and_what_comes_back_is_unmarked(db, fake):
    run(db, fake, tracks("a", "b"), Complete("track"))
    assert run(db, fake, tracks("a"), Complete("track")).vanished == 1
    assert db.value("select external_id from platform_tracks where missing_since is not null") == "b"
    report = run(db, fake, tracks("a"), Page("track", [], seen=["b"]), Complete("track"))
    assert (report.returned, db.value("select count(*) from platform_tracks where missing_since is not null")) == (1, 0)


@pytest.mark.parametrize("pages, words", [
    ([Complete("track")], "was empty"),
    ([tracks("a"), Complete("track", total=2)], "only 1 of 2"),
], ids=["empty", "short"])
def test_an_empty_or_short_answer_marks_nothing_as_gone(db, fake, pages, words):
    run(db, fake, tracks("a", "b"), Complete("track"))
    report = run(db, fake, *pages)
    assert words in report.notes[0]
    assert db.value("select count(*) from platform_tracks where missing_since is not null") == 0


def test_an_emptied_list_is_believed_when_one_says_so(db, fake):
    run(db, fake, tracks("a"), Complete("track"))
    assert run(db, fake, Complete("track"), all=True).vanished == 1


def test_a_source_that_fails_half_way_keeps_its_pages_and_marks_nothing_as_gone(db, fake):
    run(db, fake, tracks("a", "b"), Complete("track"))
    with pytest.raises(Transient):
        run(db, fake, tracks("c"), Transient("503 from the service; try again later"), Complete("track"))
    assert db.value("select count(*) from platform_tracks where missing_since is null") == 3
    assert db.value("select error_message from operations where status = 'failed'").startswith("Transient: 503")


def test_what_stopped_a_run_is_told_even_where_it_cannot_be_noted(db, fake):
    db.execute("pragma busy_timeout = 10")
    other = sqlite3.connect(db.path, isolation_level=None, check_same_thread=False)

    def locked_and_stopped():
        yield tracks("a")
        other.execute("begin immediate")
        raise KeyboardInterrupt

    fake.fetch = lambda source, known: locked_and_stopped()
    with pytest.raises(KeyboardInterrupt):
        load.run(db, "fake")
    other.close()
    del fake.fetch
    assert run(db, fake, tracks("a"), Complete("track")).unchanged == 1
    assert db.value("select error_message from operations where status = 'failed'") == "interrupted"


def test_a_bad_item_goes_to_quarantine_once_and_the_rest_goes_on(db, fake):
    bad = [{"id": "x"}, {"id": "n", "title": float("nan")}, {"id": "s", "title": "half \ud83d"}, {"id": "big", "title": "t", "n": 1 << 70}, "text"]
    for _ in range(2):
        report = run(db, fake, Page("track", [*bad, {"id": "a", "title": "A"}]), Refused("file", "/music/\udce9.mp3", "cannot be read"))
    found = {r.item: r.reason for r in db.q("select item, reason from quarantine")}
    assert found["x"] == "no title"
    assert "nan" in found["n"] and "surrogate" in found["s"] and "71 bits" in found["big"]
    assert found["/music/\\udce9.mp3"] == "cannot be read"
    assert (len(found), report.quarantined) == (6, 6)
    assert [r.external_id for r in db.q("select external_id from platform_tracks")] == ["a"]


def test_a_row_that_the_tables_refuse_is_set_aside_alone(db, fake):
    """A platform file may be wrong too: a text where a number belongs, a number too large, a missing title."""
    odd = {"wrong": {"duration_ms": "four minutes"}, "large": {"duration_ms": 1 << 65}, "half": {"album": "\udc80"}, "none": {"title": None}}

    def rows(kind, payload):
        yield {"row": "track", "external_id": payload["id"], "title": "T", **odd.get(payload["id"], {})}

    fake.rows = rows
    names = ["a", *odd, "b"]
    for _ in range(2):
        run(db, fake, Page("track", [{"id": n} for n in names]))
        assert [r.external_id for r in db.q("select external_id from platform_tracks order by 1")] == ["a", "b"]
        assert {r.item for r in db.q("select item from quarantine")} == set(odd)
    assert db.value("select count(*) from import_batches where changed > 0") == 1


def test_quarantine_is_settled_when_the_item_can_be_read(db, fake):
    run(db, fake, Page("track", [{"id": "x"}]))
    run(db, fake, Page("track", [{"id": "x", "title": "X"}]))
    assert db.value("select resolved_at is not null from quarantine") == 1
    run(db, fake, Page("track", [{"id": "x"}]))
    assert db.value("select count(*) from quarantine where resolved_at is null") == 1


def test_a_playlist_keeps_repeats_and_a_row_follows_its_track(db, fake):
    def items():
        sql = "select t.external_id, i.id from platform_playlist_items i join platform_tracks t on t.id = i.platform_track_id"
        return {p: (t, i) for p, (t, i) in enumerate(db.execute(f"{sql} where removed_at is null order by position"))}

    def again(*names):
        run(db, fake, tracks("a", "b", "c"), Page("playlist", [{"id": "p", "name": "P", "items": list(names)}]), Complete("playlist_item", within="p"))
        return items()

    first = again("a", "b", "a")
    assert [t for t, _ in first.values()] == ["a", "b", "a"]
    second = again("c", "a", "b", "a")
    assert [t for t, _ in second.values()] == ["c", "a", "b", "a"]
    assert {i for _, i in first.values()} < {i for _, i in second.values()}
    third = again("b")
    assert [t for t, _ in third.values()] == ["b"]
    assert third[0][1] == second[2][1]
    assert db.value("select count(*) from platform_playlist_items where removed_at is not null") == 3


def test_an_item_of_a_track_that_was_not_sent_is_kept_aside(db, fake):
    run(db, fake, tracks("a"), Page("playlist", [{"id": "p", "name": "P", "items": ["a", "ghost"]}]))
    assert db.one("select kind, item from quarantine") == {"kind": "playlist_item", "item": "p #1"}
    assert db.value("select count(*) from platform_playlist_items") == 1
    run(db, fake, tracks("a", "b"), Page("playlist", [{"id": "p", "name": "P", "items": ["a", "b"]}]))
    assert db.value("select count(*) from quarantine where resolved_at is null") == 0, "its track has come: that is settled"


def test_a_play_never_overwrites_what_the_library_says(db, fake):
    listen = Page("listen", [{"at": "2020-01-01T00:00:00Z", "track": "a"}, {"at": "2020-01-01T00:00:00Z", "track": "b"}])
    run(db, fake, tracks("a"), listen)
    assert db.q("select title, in_library from platform_tracks order by id") == [{"title": "Title a", "in_library": 1}, {"title": "b", "in_library": 0}]
    run(db, fake, tracks("a", "b"), listen)
    assert db.q("select title, in_library from platform_tracks order by id")[1] == {"title": "Title b", "in_library": 1}
    assert db.value("select count(*) from listens") == 2


def test_what_is_no_music_is_kept_raw_only(db, fake):
    report = run(db, fake, Page("listen", [{"at": "2020-01-01T00:00:00Z", "track": ""}]))
    assert [db.value(f"select count(*) from {t}") for t in ("listens_raw", "listens", "platform_tracks")] == [1, 0, 0]
    assert report.other_plays == 1


def test_pictures_are_stored_once_and_a_bad_one_is_no_failure(db, fake):
    page = tracks("a", "b", "c", cover="embedded")
    page.images = {"a": picture("red"), "b": picture("red"), "c": b"<svg/>"}
    report = run(db, fake, page)
    assert (db.value("select count(*) from images"), db.value("select count(*) from platform_images where image_id = 1")) == (1, 2)
    assert db.value("select kind from quarantine") == "image"
    assert report.new == 3


def test_claim_paths_of_a_platform_become_claims(db, fake):
    run(db, fake, tracks("a", mood="calm"))
    assert db.one("select platform, level, field, path from claim_paths") == {"platform": "spotify", "level": "track", "field": "mood", "path": "$.mood"}


def test_newer_code_derives_the_rows_again_without_fetching(db, fake):
    run(db, fake, tracks("a", year=1999))
    db.execute("update platform_tracks set said = '{}', match_key = ''")
    fake.ROWS_VERSION = 2
    run(db, fake)
    assert db.one("select json_extract(said, '$.year') as year, match_key, rows_version from platform_tracks") == {"year": 1999, "match_key": "title a|", "rows_version": 2}
    assert db.value("select count(*) from observation_changes") == 0


def test_columns_hold_no_nul_and_the_payload_does(db, fake):
    run(db, fake, Page("track", [{"id": "a", "title": "A\0B"}]))
    assert db.one("select title, length(title) as n, metadata from platform_tracks") == {"title": "AB", "n": 2, "metadata": '{"id":"a","title":"A\\u0000B"}'}


def test_the_first_row_of_an_id_in_a_run_counts(db, fake):
    for _ in range(2):
        report = run(db, fake, tracks("a"), tracks("a", year=2000))
    assert report.changed == 0
    assert db.value("select count(*) from observation_changes") == 0


def test_an_unknown_platform_names_those_there_are(db):
    with pytest.raises(BadInput, match=r"'napster'; there are .*rekordbox"):
        musicdb.load.run(db, "napster")


def test_an_unknown_option_is_refused(db, fake):
    with pytest.raises(BadInput, match="no option 'speed'"):
        run(db, fake, speed=11)
