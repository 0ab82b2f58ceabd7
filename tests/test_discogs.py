"""Discogs over loopback through the real client, its CSV exports, and real answers of its API."""

from __future__ import annotations

import json
import random

import pytest

import musicdb
from musicdb import load
from musicdb.errors import LoginNeeded, PayloadError, RateLimited, SourceError, Transient, UnknownSource
from musicdb.load.known import Known
from musicdb.platforms import _discogs_api, _discogs_copies, discogs
from musicdb.platforms import _discogs_rows as parts
from musicdb.shapes import Page

TABLES = {  # what a person sees, without row ids and times
    "platform_tracks": "external_id title artists album duration_ms release_date release_external_id in_library kind said metadata missing_since",
    "platform_releases": "external_id title kind said metadata missing_since",
    "collection_items": "instance_id status folder media_condition sleeve_condition rating purchase_price currency notes added_at metadata removed_at",
    "quarantine": "kind item reason resolved_at",
    "observation_changes": "entity external_id",
    "sync_checkpoints": "entity cursor",
}


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """How long the client waited; nobody waits for real."""
    found = []
    monkeypatch.setattr(_discogs_api.net, "pause", found.append)
    return found


@pytest.fixture
def small(replay):
    """An account of eight copies and three wishes, five a page."""
    for name, size in (("collection", 8), ("wants", 3)):
        replay.discogs.lists[name] = replay.discogs.lists[name][:size]
    return replay


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr(_discogs_api, "PAGE", 5)


def run(db, replay, **options):
    options = {"token": replay.discogs.login(), "pictures": 0} | options
    return load.run(db, "discogs", endpoint=replay.endpoint("discogs"), **options)


def content(db):
    found = {}
    for table, columns in TABLES.items():
        columns = ", ".join(f"x.{c} is null" if c in ("missing_since", "removed_at", "resolved_at") else f"x.{c}" for c in columns.split())
        found[table] = sorted(map(repr, db.execute(f"select {columns} from {table} as x")))
    found["sync_checkpoints"] = [one for one in found["sync_checkpoints"] if not one.startswith("(''")]
    return found


def many(replay, name, size):
    """Fill a list with as many items as wanted."""
    first = json.loads(json.dumps(replay.discogs.lists[name][0]))
    items = []
    for n in range(size):
        basic = first["basic_information"] | {"id": 50_000_000 + (n % 980 if name == "collection" else n), "title": f"Record {n}"}
        items.append(
            first | {"id": basic["id"], "basic_information": basic} | ({"instance_id": 800_000_000 + n} if name == "collection" else {})
        )
    replay.discogs.lists[name] = items
    return items


def instances(db, status="owned"):
    sql = "select instance_id from collection_items where status = ? and removed_at is null order by id"
    return [r[0] for r in db.execute(sql, [status])]


# ---------- the account
def test_an_account_comes_whole(db, replay):
    report = run(db, replay)
    there = replay.discogs.lists["collection"]
    assert instances(db) == [str(one["instance_id"]) for one in there]
    assert instances(db, "wanted") == [f"want:kestrel.lodin:{one['id']}" for one in replay.discogs.lists["wants"]]
    assert (report.new, report.changed, report.quarantined) == (226, 0, 0)
    assert db.value("select count(*) from platform_releases where kind = 'release'") == 33 == len(replay.asked("discogs/releases/"))
    row = db.one("select * from collection_items where instance_id = ?", [str(there[0]["instance_id"])])
    assert (row["folder"], row["media_condition"], row["sleeve_condition"], row["rating"]) == ("Dub", "Very Good (VG)", "Generic", 4)
    assert row["added_at"] == "2023-08-27T14:11:20Z" and json.loads(row["metadata"])["item"]["folder_id"] == 3417
    track = db.one("select * from platform_tracks where external_id = '48682529#A1'")
    assert (track["title"], track["artists"], track["duration_ms"], track["in_library"]) == ("Tidewrack", '["Kelp Division"]', 346_000, 1)
    assert db.value("select count(*) from platform_tracks where in_library = 0") == 51
    view = db.one("select * from discogs_releases where discogs_release_id = 48682529 limit 1")
    assert view["discogs_master_id"] == 4868252 and view["country"] and len(json.loads(view["tracklist"])) == 11
    assert not db.q("select 1 from platform_tracks group by external_id having count(*) > 1")
    assert "lowest_price" in {r[0] for r in db.execute("select field from claim_paths where platform = 'discogs'")}


@pytest.mark.parametrize("size, pages", [(0, 1), (100, 1), (101, 2), (1000, 10)])
def test_lists_of_any_length_are_asked_for_page_by_page(db, replay, size, pages):
    items = many(replay, "collection", size) if size else replay.discogs.lists.update(collection=[]) or []
    many(replay, "wants", 300)
    run(db, replay, details=0, token=replay.discogs.token)
    assert instances(db) == [str(one["instance_id"]) for one in items] and len(instances(db, "wanted")) == 300
    # identity, folders, fields and value are one each: 1,000 and 300 make 17 requests
    assert len(replay.log) == 1 + pages + 3 + (3 if size else 0)


def test_a_second_run_asks_twice_and_changes_nothing(db, small):
    run(db, small)
    before = content(db)
    small.clear()
    report = run(db, small)
    assert len(small.log) == 2 and content(db) == before
    assert (report.new, report.changed, report.vanished) == (0, 0, 0) and "--all" in report.notes[-1]
    assert [r[0] for r in db.execute("select kind from import_batches")].count("details") == 11


def test_numbers_of_the_market_are_kept_and_are_no_change(db, small, monkeypatch):
    from musicdb.demo import discogs_account

    run(db, small)
    key = str(small.discogs.lists["collection"][0]["id"])
    real = discogs_account.release

    def later(vinyl):
        whole = real(vinyl)
        images = [one | {"uri": one["uri"] + "&expires=9"} for one in whole["images"]]
        return whole | {"community": {"have": 99_999}, "lowest_price": 1.5, "date_changed": "2030-01-01T00:00:00-08:00", "images": images}

    monkeypatch.setattr(discogs_account, "release", later)
    before = content(db)
    run(db, small, all=True)
    after = content(db)
    assert after["observation_changes"] == [] and after["collection_items"] == before["collection_items"]
    assert after["platform_tracks"] == before["platform_tracks"]
    release = db.one("select metadata, said from platform_releases where external_id = ?", [key])
    assert json.loads(release["metadata"])["community"]["have"] == 99_999


def test_a_list_never_takes_details_away(db, small):
    run(db, small)
    before = db.q("select external_id, kind, said, metadata from platform_releases order by id")
    for item in small.discogs.lists["collection"]:
        item["basic_information"] = item["basic_information"] | {"title": "short form", "year": 1}
    run(db, small, all=True, details=0)
    assert db.q("select external_id, kind, said, metadata from platform_releases order by id") == before


def test_details_come_as_many_as_wanted_and_go_on_later(db, small):
    assert "9 more have none yet" in run(db, small, details=2).notes[-1]
    kinds = "select kind, count(*) from platform_releases group by kind order by kind"
    assert db.execute(kinds).fetchall() == [("basic", 9), ("release", 2)]
    small.clear()
    run(db, small)
    assert db.execute(kinds).fetchall() == [("release", 11)] and len(small.asked("discogs/releases/")) == 9
    assert content(db)["observation_changes"] == []


def test_what_is_due_or_marked_is_fetched_again(db, small):
    run(db, small)
    wanted = [str(one["id"]) for one in small.discogs.lists["collection"][:3]]
    db.execute("update platform_releases set needs_update = 1 where external_id = ?", [wanted[0]])
    db.execute("update platform_releases set fetched_at = '2020-01-01T00:00:00Z' where external_id = ?", [wanted[1]])
    db.execute("update platform_tracks set needs_update = 1 where external_id = ?", [f"{wanted[2]}#A1"])
    for expected in (wanted, []):
        small.clear()
        run(db, small)
        assert sorted(one.path for one in small.asked("discogs/releases/")) == sorted(f"releases/{key}" for key in expected)


def test_a_record_that_leaves_the_shelf_takes_its_tracks_along_and_brings_them_back(db, small):
    run(db, small)
    sold = small.discogs.lists["collection"].pop(2)
    report = run(db, small)
    tracks = "select count(*), count(missing_since) from platform_tracks where release_external_id = ?"
    total, missing = db.execute(tracks, [str(sold["id"])]).fetchone()
    assert total == missing == report.vanished - 1 and str(sold["instance_id"]) not in instances(db)
    assert db.value("select count(*) from platform_tracks where missing_since is not null") == missing
    small.discogs.lists["collection"].append(sold)
    report = run(db, small)
    assert report.returned == total and str(sold["instance_id"]) in instances(db) and content(db)["observation_changes"] == []


def test_a_wish_that_was_bought_is_in_the_library_without_a_request(db, small):
    run(db, small)
    wish = small.discogs.lists["wants"].pop()
    small.discogs.lists["collection"].append(small.discogs.lists["collection"][0] | {
        "id": wish["id"], "instance_id": 1, "basic_information": wish["basic_information"]
    })  # fmt: skip
    tracks = "select min(in_library) from platform_tracks where release_external_id = ?"
    assert db.value(tracks, [str(wish["id"])]) == 0
    small.clear()
    run(db, small, details=0)
    assert db.value(tracks, [str(wish["id"])]) == 1 and not small.asked("discogs/releases/")


def test_two_accounts_keep_apart(db, small):
    run(db, small, account="ada")
    ada = len(instances(db))
    small.discogs.lists["collection"] = [one | {"instance_id": one["instance_id"] + 1} for one in small.discogs.lists["collection"][:2]]
    run(db, small, account="grace", token=small.discogs.login() | {"username": None})
    assert len(instances(db)) == ada + 2 and db.value("select count(*) from platform_tracks where missing_since is not null") == 0


# ---------- stopped and spoiled
def test_stopped_at_any_request_it_goes_on_to_the_same(tmp_path, small, short_pages):
    login = {"token": small.discogs.token}
    with musicdb.open(tmp_path / "whole.db") as db:
        run(db, small, token=login)
        whole = content(db)
    requests = len(small.log)
    assert requests == 1 + 2 + 2 + 1 + 1 + 11
    for n in range(1, requests + 1):
        small.clear()
        small.fault(401, n=n)
        with musicdb.open(tmp_path / f"{n}.db") as db:
            with pytest.raises(LoginNeeded, match="musicdb login discogs"):
                run(db, small, token=login)
            run(db, small, token=login)
            assert content(db) == whole, n
        assert len(small.log) <= requests + n - (n > 6) * (n - 7) + 3


def test_stopped_by_hand_it_keeps_what_it_has(db, small):
    def stop(done, total, what):
        if what == "releases" and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(db, small, progress=stop)
    assert db.value("select count(*) from platform_releases where kind = 'release'") == 4
    small.clear()
    run(db, small)
    assert len(small.asked("discogs/releases/")) == 7


FAULTS = {
    401: LoginNeeded, 403: SourceError, 429: RateLimited, 500: Transient, 503: Transient, "html": Transient, "html200": Transient,
    "empty": Transient, "cut": Transient, "truncated": Transient, "reset": Transient, "stall": Transient, "drip": Transient,
    "huge": Transient, "bomb": Transient, "short": Transient, "text": Transient,
}  # fmt: skip


PLACES = {"list": "collection/folders/0", "details": "discogs/releases/", "wants": "discogs/.*/wants", "fields": "collection/fields"}


@pytest.mark.parametrize("place", PLACES)
def test_no_fault_is_taken_for_the_end_of_a_list(db, small, short_pages, monkeypatch, place):
    run(db, small)
    before = content(db)
    monkeypatch.setattr(_discogs_api, "TIMEOUT", (1.0, 0.15))
    monkeypatch.setattr(_discogs_api, "DEADLINE_S", 0.3)
    monkeypatch.setattr(_discogs_api, "CAP", 1 << 20)
    for kind in FAULTS if place == "list" else (401, 500, "html200", *(["reset"] if place == "details" else [])):
        options = {"mb": 4, "body": '["no", "object"]', "seconds": 1, "pause": 0.1} | ({"retry_after": 4000} if kind == 429 else {})
        small.fault(kind, PLACES[place], n=2 if place == "list" else 1, times=99, **options)
        with monkeypatch.context() as patch, pytest.raises(FAULTS[kind]) as caught:
            if kind in ("stall", "drip"):  # each try takes its whole time
                patch.setattr(_discogs_api.net, "patient", lambda call, **_: call())
            run(db, small, all=True)
        text = str(caught.value)
        assert small.discogs.token not in text and "Discogs" in text and ("stored" in text or "run" in text or kind == 403), kind
        after = content(db)
        for table in ("platform_tracks", "platform_releases", "collection_items", "quarantine", "observation_changes"):
            assert after[table] == before[table], kind
        small.faults.clear()
    run(db, small, all=True)
    assert content(db) == before


def test_items_that_are_null_are_refused_and_nothing_is_gone(db, small, short_pages):
    run(db, small)
    small.fault("nulls", "collection/folders/0", n=1)
    report = run(db, small, all=True, details=0)
    assert report.quarantined and any("none was marked as gone" in note for note in report.notes)
    assert len(instances(db)) == 8


def test_a_redirect_to_another_host_is_not_followed(db, small):
    small.fault("redirect", "oauth", to="http://127.0.0.2:9/elsewhere", times=9)
    with pytest.raises(SourceError):
        run(db, small, token=small.discogs.token)


def test_a_list_that_moves_while_it_is_read_comes_whole(db, small, short_pages):
    items = small.discogs.lists["collection"]
    small.fault("act", "collection/folders/0", n=2, do=lambda: items.pop(0))
    run(db, small, details=0)
    there = {str(one["instance_id"]) for one in items}
    assert set(instances(db)) >= there and len(instances(db)) == 8  # the one that left was seen in this run
    run(db, small, details=0)
    assert set(instances(db)) == there
    small.fault("act", "collection/folders/0", n=2, do=lambda: items.__delitem__(slice(2, None)))  # the second page is no more
    run(db, small, details=0, all=True)
    run(db, small, details=0)
    assert instances(db) == [str(one["instance_id"]) for one in items] and len(items) == 2


def test_one_release_that_fails_holds_up_no_other(db, small):
    first, second = (str(one["id"]) for one in small.discogs.lists["collection"][:2])
    small.fault(500, f"discogs/releases/{first}", times=99)
    small.fault(404, f"discogs/releases/{second}", times=99)
    report = run(db, small)
    assert db.value("select count(*) from platform_releases where kind = 'release'") == 9
    assert "1 could not be read" in report.notes[-1]
    assert db.execute("select kind, item from quarantine").fetchall() == [("details", second)]
    small.clear()
    run(db, small)
    assert [one.path for one in small.asked("discogs/releases/")] == [f"releases/{first}"]  # 404 is not asked for again
    small.clear()
    run(db, small, all=True)
    assert db.value("select count(*) from quarantine where resolved_at is null") == 0


def test_it_goes_slower_when_few_requests_are_left(db, small, waits):
    small.discogs.remaining = 5
    run(db, small)
    assert waits and set(waits) == {1.0}


def test_a_wait_is_shown_and_kept(db, small, waits):
    small.fault(429, "wants", retry_after=7)
    shown = []
    run(db, small, progress=lambda done, total, what: shown.append(what))
    assert sum(waits) == 7 and "waiting 7 s for Discogs" in shown


# ---------- pictures
def test_covers_come_with_the_details(db, small):
    report = run(db, small, pictures=1)
    assert report.pictures and db.value("select count(*) from platform_images where role = 'cover' and image_id is null") == 0
    small.clear()
    run(db, small, pictures=1, all=True)
    assert not small.asked("images")


def test_a_cover_that_fails_is_a_note_and_loses_none(db, small):
    small.fault(404, "images", times=99)
    assert "could not be read" in run(db, small, pictures=1).notes[-1]
    assert db.value("select count(*) from platform_releases where kind = 'release'") == 11
    small.clear()
    run(db, small, pictures=1, all=True)
    have = db.q(
        "select platform_release_id, image_id, source_url from platform_images where role = 'cover' and image_id is not null order by 1"
    )
    assert len(have) == 11
    db.execute("update platform_images set source_url = source_url || '&signed=1'")  # the address of then is no longer that of now
    small.fault(404, "images", times=99)
    run(db, small, pictures=1, all=True)
    assert [r["image_id"] for r in db.q("select image_id from platform_images where role = 'cover' order by platform_release_id")] == [
        r["image_id"] for r in have
    ]


# ---------- order
def test_any_order_of_pages_gives_the_same(tmp_path, small, short_pages):
    with musicdb.open(tmp_path / "a.db") as db:
        run(db, small)
        whole = content(db)
        pages = []
        known = Known(db, "discogs", 1, "", all=True)
        for page in discogs.fetch(None, known, endpoint=small.endpoint("discogs"), token=small.discogs.login(), pictures=0):
            pages += [page] if isinstance(page, Page) and page.payloads else []
    for seed in range(6):
        rng = random.Random(seed)
        mixed = rng.sample(pages, len(pages)) + rng.choices(pages, k=4)
        with musicdb.open(tmp_path / f"{seed}.db") as db:
            load.Load(db, discogs, None, "", 1).run(iter(mixed), None)
            found = content(db)
            for table in ("platform_tracks", "platform_releases", "collection_items", "observation_changes"):
                assert found[table] == whole[table], (seed, table)


# ---------- the token
def test_the_token_is_in_a_header_alone(tmp_path, small, caplog):
    caplog.set_level("DEBUG")
    with musicdb.open(tmp_path / "m.db") as db:
        run(db, small, pictures=1)
    token = small.discogs.token
    assert all(
        "token" not in one.query and one.headers["authorization"] == f"Discogs token={token}"
        for one in small.asked("discogs/(users|releases)")
    )
    assert not any("authorization" in one.headers for one in small.asked("discogs/images"))
    assert token not in caplog.text and token.encode() not in (tmp_path / "m.db").read_bytes()
    assert b"127.0.0.1" not in (tmp_path / "m.db").read_bytes()  # where the replay listened is no fact of a record


def test_without_a_login_the_command_is_named(db):
    with pytest.raises(LoginNeeded, match="musicdb login discogs --account ada"):
        load.run(db, "discogs", account="ada")


def test_login_asks_for_a_token_and_sees_whose_it_is(replay):
    asked, shown = [], []

    def ask(prompt, secret=False):
        asked.append(secret)
        return f" {replay.discogs.token} \n"

    login = discogs.login(ask, shown.append, endpoint=replay.endpoint("discogs"))
    assert login == replay.discogs.login() | {"endpoint": replay.endpoint("discogs")} and asked == [True]
    assert "settings/developers" in shown[0] and not any(replay.discogs.token in one for one in shown)
    for wrong, words in (("", "no token"), ("not-the-token", "does not accept")):
        with pytest.raises(LoginNeeded, match=words):
            discogs.login(lambda *_, wrong=wrong, **__: wrong, shown.append, endpoint=replay.endpoint("discogs"))


def test_search_gives_hits_and_one_can_be_fetched(db, replay):
    reach = {"endpoint": replay.endpoint("discogs"), "token": replay.discogs.login()}
    hit = discogs.search("kelp tidewrack", **reach)[0]
    assert (
        (hit["title"], hit["artists"], hit["year"]) == ("Tidewrack", ["Kelp Division"], 2011)
        and hit["cover_url"]
        and hit["payload"]["type"]
    )
    assert discogs.search("  ", **reach) == [] and discogs.search("no such record anywhere", **reach) == []
    load.run(db, "discogs", releases=[hit["external_id"]], **reach)
    assert db.value("select count(*) from platform_tracks where release_external_id = ? and in_library = 0", [hit["external_id"]]) == 11
    assert db.value("select count(*) from collection_items") == 0 and db.value("select count(*) from images") == 1


# ---------- CSV
HEAD = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes,Collection Paid\n"
)
LINES = '''\
UNDA014,Kelp Division,Tidewrack,Undertow Archive,"2xLP, Album",4,2011,48682529,Dub,2021-05-01 09:41:36,Very Good Plus (VG+),Generic,"clicks, on A1","€ 1.012,50"
UNDA014,Kelp Division,Tidewrack,Undertow Archive,"2xLP, Album",,2011,48682529,Home,2022-05-01 09:41:36,Mint (M),,,
"QNC 1, QNC 2","Low Pylon (2) & Ada","=Cmd, ""Loud""","Quince, Other","12""",,0,41,Uncategorized,2022-06-01 10:00:00,,,,
'''
WANTS = "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,Notes\nNT 1,波止場ユニット,灯台,Kai,LP,,2019,77,first pressing\n"


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "collection.csv"
    path.write_text(HEAD + LINES, encoding="utf-8")
    return path


def test_a_csv_needs_no_account(db, export, tmp_path):
    report = load.run(db, "discogs", export)
    assert instances(db) == ["export::48682529", "export::48682529#2", "export::41"] and report.quarantined == 0
    row = db.one("select * from collection_items where id = 1")
    assert (row["folder"], row["media_condition"], row["notes"], row["rating"]) == ("Dub", "Very Good Plus (VG+)", "clicks, on A1", 4)
    assert (row["purchase_price"], row["currency"], row["added_at"]) == (1012.5, "EUR", "2021-05-01")
    said = json.loads(db.value("select said from platform_releases where external_id = '41'"))
    assert (said["artists"], said["label"], said["catalogue_number"], "year" in said) == (["Low Pylon & Ada"], "Quince", "QNC 1", False)
    before = content(db)
    lines = LINES.splitlines(keepends=True)
    export.write_text("\ufeff" + HEAD + "".join(reversed(lines)), encoding="utf-8")
    load.run(db, "discogs", export)
    assert content(db) == before
    export.write_text(HEAD + "".join(lines[:2]), encoding="utf-8")
    assert load.run(db, "discogs", export).vanished == 1 and len(instances(db)) == 2
    export.write_text(HEAD, encoding="utf-8")
    assert "nothing was marked as gone" in load.run(db, "discogs", export).notes[0] and len(instances(db)) == 2
    (tmp_path / "wants.csv").write_text(WANTS, encoding="utf-8")
    load.run(db, "discogs", tmp_path / "wants.csv")
    assert instances(db, "wanted") == ["export::want:77"] and len(instances(db)) == 2
    assert db.value("select notes from collection_items where status = 'wanted'") == "first pressing"


def test_the_account_takes_over_the_copies_of_its_export_and_leaves_the_rest(db, export, replay):
    load.run(db, "discogs", export)
    report = run(db, replay)
    assert [one for one in instances(db) if one.startswith("export:")] == ["export::41"] and report.vanished == 0
    assert db.value("select kind from platform_releases where external_id = '48682529'") == "release"
    before = content(db)
    report = load.run(db, "discogs", export)  # the same export once more adds no copy and takes none away
    assert content(db)["collection_items"] == before["collection_items"] and report.vanished == 0
    assert content(db)["platform_releases"] == before["platform_releases"]


def test_a_damaged_line_is_set_aside(db, export):
    export.write_text(HEAD + LINES + "X,Y,No number,Z,LP,,1999,none,,,,,,\nX,Y,,Z,LP,,1999,78,,,,,,\n", encoding="utf-8")
    report = load.run(db, "discogs", export)
    assert report.quarantined == 2 and len(instances(db)) == 3
    assert {r[0] for r in db.execute("select item from quarantine")} == {"line 5", "78"}


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("a.csv", b"title,artist\nx,y\n", "no columns release_id"),
        ("a.xml", b"<?xml version='1.0'?><releases></releases>", "data dump"),
        ("discogs_20200806_artists.xml.gz", b"\x1f\x8b\x08\0\0", "data dump"),
        ("rekordbox.xml", b"<?xml version='1.0'?>\n<DJ_PLAYLISTS Version='1'>", "musicdb import rekordbox"),
        ("a.zip", b"PK\x03\x04", "unpack it"),
        ("a.csv", b"\x00\x01\x02\x03", "no text"),
        ("a.csv", b"", "no columns"),
    ],
)
def test_a_file_that_is_no_export_is_refused_by_name(db, tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnknownSource, match=words) as caught:
        load.run(db, "discogs", tmp_path / name)
    assert name in str(caught.value)
    with pytest.raises(UnknownSource):
        load.run(db, "discogs", tmp_path)


# ---------- rows
@pytest.mark.parametrize(
    "name, plain",
    [
        ("Low Pylon (2)", "Low Pylon"),
        ("Persuader, The", "The Persuader"),
        ("Ada*", "Ada"),
        ("Sunn O)))", "Sunn O)))"),
        ("(2)", "(2)"),
        ("808 State", "808 State"),
    ],
)
def test_names_lose_what_discogs_added(name, plain):
    assert parts.artist_name(name) == plain


@pytest.mark.parametrize(
    "text, expected",
    [("12,50 €", (12.5, "EUR")), ("$10", (10.0, "USD")), ("1.250,00 EUR", (1250.0, "EUR")), ("£1,250", (1250.0, "GBP")), ("1,250.5 NOK", (1250.5, "NOK")),
     ("gift", (None, None)), ("7", (7.0, None)), ("9" * 40, (None, None))],
)  # fmt: skip
def test_a_price_is_read_in_any_notation(text, expected):
    assert _discogs_copies.price(text) == expected


@pytest.mark.parametrize(
    "text, ms", [("5:24", 324_000), ("1:02:03", 3_723_000), ("", None), ("0:00", None), ("5.24", None), ("?", None), (None, None)]
)
def test_a_duration_is_milliseconds_or_absent(text, ms):
    assert parts._milliseconds(text) == ms


def lines(*places, **more):
    tracklist = [{"type_": "track", "title": f"T{n}", "position": place} for n, place in enumerate(places)]
    return [one["external_id"] for one in parts.tracks({"id": 9, "title": "x", "tracklist": tracklist} | more, "9")]


def test_every_track_has_an_id_of_its_own():
    assert lines("A1", "A2", "B") == ["9#A1", "9#A2", "9#B"]
    assert lines("1", "2", "1", "") == ["9#1", "9#2", "9#1~2", "9#no 4"]
    assert lines("", "") == ["9#no 1", "9#no 2"]


def test_discs_are_told_by_the_position():
    found = parts.tracks({"title": "x", "tracklist": [{"title": "t", "position": p} for p in ("A1", "B2", "C1", "D")]}, "9")
    assert [(one["disc_no"], one["track_no"]) for one in found] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    found = parts.tracks({"title": "x", "tracklist": [{"title": "t", "position": p} for p in ("1-1", "1-2", "2-1", "CD3-7")]}, "9")
    assert [(one["disc_no"], one["track_no"]) for one in found] == [(1, 1), (1, 2), (2, 1), (3, 1)]


def test_an_index_with_a_place_is_a_track_and_one_without_gives_its_parts():
    part = [{"title": "a", "position": "11.a"}, {"title": "b", "position": "11.b"}]
    whole = {"type_": "index", "title": "Suite", "position": "11", "duration": "9:00", "sub_tracks": part}
    assert [one["line"]["title"] for one in parts.tracks({"tracklist": [whole]}, "9")] == ["Suite"]
    assert [one["line"]["title"] for one in parts.tracks({"tracklist": [whole | {"position": "", "duration": ""}]}, "9")] == ["a", "b"]


def test_a_credit_for_some_positions_is_of_those_tracks():
    extra = [{"name": "Ada (3)", "role": "Remix [Dub], Producer", "tracks": "A2 to B1, C1"}]
    release = {"title": "x", "extraartists": extra, "tracklist": [{"title": "t", "position": p} for p in ("A1", "A2", "B1", "B2", "C1")]}
    found = [parts.track(one, True)["said"].get("remixers") for one in parts.tracks(release, "9")]
    assert found == [None, ["Ada"], ["Ada"], None, ["Ada"]]


# ---------- the real world
def test_real_answers_of_the_api_parse(real_data, db):
    files = sorted((real_data / "discogs").rglob("releases/*"))
    releases = [json.loads(p.read_text("utf-8")) for p in files if p.is_file() and "versions" not in p.name]
    assert len(releases) >= 7
    for one in releases:
        found = list(discogs.rows("details", {"status": "owned", "release": one}))
        tracks = [row for row in found if row["row"] == "track"]
        lines = [line for line in one["tracklist"] if line.get("type_", "track") == "track"]
        assert len(tracks) == len(lines) == len({row["external_id"] for row in tracks}), one["id"]
    pages = [json.loads(p.read_text("utf-8")) for p in (real_data / "discogs").rglob("*.json") if "users" in p.parts and "page=" in p.name]
    copies = [item for page in pages for item in page.get("releases", [])]
    wants = [item for page in pages for item in page.get("wants", [])]
    assert (len(copies), len(wants)) == (3, 3)
    rows = [row for item in copies for row in discogs.rows("collection_item", {"item": item})]
    rows += [row for item in wants for row in discogs.rows("want", {"item": item, "username": "example"})]
    assert [row["row"] for row in rows].count("collection_item") == 6
    with pytest.raises(PayloadError):
        list(discogs.rows("release", {}))


def test_real_data_dumps_are_refused_by_name(real_data, db):
    for path in (p for p in (real_data / "discogs" / "discogs-xml2db").rglob("*.xml*") if p.is_file()):
        with pytest.raises(UnknownSource, match="data dump"):
            load.run(db, "discogs", path)
