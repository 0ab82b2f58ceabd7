"""Screens that reach out or hand over: what platforms changed, searching one, playlists, the shelf. By clicks, against the recorded accounts."""

from __future__ import annotations

import shutil

import pytest

import musicdb
from musicdb import demo, images, load, playlists, secrets, truth
from musicdb.errors import BadInput
from musicdb.playlists import linking, reviewing

from .playlisting import Memory, service
from .small import picture
from .test_load import Fake, run, tracks
from .test_widgets import eventually, press


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return demo.run(tmp_path_factory.mktemp("demo") / "lib").inputs.database


@pytest.fixture
def music(library, tmp_path):
    shutil.copy(library, tmp_path / "music.db")
    with musicdb.open(tmp_path / "music.db") as db:
        yield db


# ---------- what platforms say differently


def test_changes_are_followed_or_kept_row_by_row_and_taken_back(db, monkeypatch):
    platform = Fake()
    monkeypatch.setattr(load, "module", lambda name: platform)
    run(db, platform, tracks("a", "b", "c", year=1997))
    musicdb.links.link(db)
    truth.resolve(db)
    id_of = {title: id for id, title in db.execute("select id, title from tracks")}
    for title in id_of:
        truth.decide(db, id_of[title], "year", 1996)
    run(db, platform, tracks("a", "b", "c", year=1999))
    truth.resolve(db)
    screen = musicdb.UpstreamChanges(db)

    def year(of):
        return db.value("select year from tracks where id = ?", [id_of[of]])

    def card(of):
        return next((one["id"] for one in screen.state["cards"] if of in one["a"]["lines"][0]), None)

    assert len(screen.state["cards"]) == 3 and "3 waiting" in screen.state["heading"]
    marked = [text for text, differs in screen.state["cards"][0]["a"]["lines"][1] if differs]
    assert marked == ["1997", "1999"], "what differs is marked in both"
    assert {one["b"]["lines"][0] for one in screen.state["cards"]} == {f"unknown - Title {one}" for one in "abc"}, "your track beside it"
    assert [one["a"]["cover"] for one in screen.state["cards"]] == [None] * 3
    small = db.value("select p.id from platform_tracks as p where p.title = 'Title a'")
    red = images.store(db, picture("red"), platform="local")
    db.execute("insert into platform_images (platform_track_id, image_id, role, position) values (?, ?, 'cover', 0)", [small, red])
    press(screen, "refresh")
    assert next(one for one in screen.state["cards"] if one["id"] == card("Title a"))["a"]["cover"] == red, (
        "and what the platform shows of it"
    )
    press(screen, "accept", id=card("Title a"))
    press(screen, "keep", id=card("Title b"))
    assert [year(f"Title {one}") for one in "abc"] == [1999, 1996, 1996]
    assert [card(f"Title {one}") is None for one in "abc"] == [True, True, False]
    for _ in range(2):
        press(screen, "undo")
        assert screen.said.startswith("Taken back"), screen.said
    assert [year(f"Title {one}") for one in "abc"] == [1996, 1996, 1996] and len(screen.state["cards"]) == 3
    assert screen.last_error is None


# ---------- searching a platform


@pytest.mark.parametrize("platform", ["spotify", "tidal", "discogs"])
def test_a_platform_is_searched_and_a_hit_attached_with_its_cover(db, replay, platform, monkeypatch):
    id = db.execute("insert into track_ids (track_uid) values ('mine')").lastrowid
    db.execute("insert into tracks (id, title, artist_credit) values (?, 'Outer Reservoir', 'Low Pylon')", [id])
    screen = musicdb.PlatformSearch(db, id, platform=platform, pictures=replay.pictures())
    assert screen.text.value == "Low Pylon Outer Reservoir"
    screen.go.click()
    screen.wait(20)
    assert "nobody is logged in" in screen.said and screen.line.status["level"] == "error"
    secrets.set(platform, "", replay.accounts[platform].login() | {"endpoint": replay.endpoint(platform)})
    screen.text.value = "Outer Reservoir" if platform != "discogs" else "Transformer Hum"
    screen.go.click()
    screen.wait(20)
    cards = screen.hits.state["cards"]
    assert cards and "found" in screen.said
    sent, numbers = {}, [card["a"]["cover"] for card in cards]
    monkeypatch.setattr(screen.hits, "send", lambda content, buffers: sent.update(zip(content["ids"], buffers)))
    press(screen.hits, "covers", ids=[*numbers, -999], size="thumbnail")
    eventually(lambda: set(sent) == {*numbers, -999}, 20)
    assert all(number < 0 and sent[number][:2] == b"\xff\xd8" for number in numbers) and sent[-999] == b"", (
        "a number without a picture is answered too"
    )
    assert db.value("select count(*) from images") == 0, "what is only looked at is not kept"
    press(screen.hits, "attach", id=cards[0]["id"])
    screen.wait(30)
    linked = "select count(*) from track_links where track_id = ? and status = 'confirmed'"
    assert db.value(linked, [id]) == 1 and images.get(db, track=id, size="thumbnail").width == 60, screen.said
    press(screen.hits, "undo")
    assert db.value(linked, [id]) == 0 and screen.said == "Taken back."


# ---------- playlists


def lists(db):
    return db.value("select count(*) from playlists where deleted_at is null")


def test_a_plan_is_approved_row_by_row_done_exactly_so_and_taken_back(music):
    screen = musicdb.PlaylistSync(music)
    assert "Press g" in screen.state["empty"] and screen.state["cards"] == []
    press(screen, "compare")
    screen.wait(30)
    cards = screen.state["cards"]
    assert len(cards) == len(playlists.operations(music, "last")) > 10 and lists(music) == 0, "comparing changes nothing"
    assert all(card["signs"] for card in cards), "every step says why"
    yes, no = cards[4]["id"], cards[5]["id"]
    press(screen, "approve", id=yes)
    assert screen.state["focus"] == no, "on to the next"
    press(screen, "deny", id=no)
    assert screen.state["heading"] == f"1 of {len(cards)} approved"
    press(screen, "undo")
    assert [op.status for op in playlists.operations(music, screen.plan) if op.id == no] == ["proposed"]
    press(screen, "approve_all")
    press(screen, "deny", id=no)
    press(screen, "apply")
    report = screen.wait(60)
    assert (report.done, report.failed) == (len(cards) - 1, 0) and lists(music) == report.done
    denied = next(op for op in playlists.operations(music, screen.plan) if op.id == no)
    assert denied.status == "denied" and not music.value("select 1 from playlists where name = ?", [denied.list])
    assert "u takes them back" in screen.said
    press(screen, "undo")
    screen.wait(60)
    assert lists(music) == 0 and screen.status["level"] == "good", screen.said


def test_the_history_lists_runs_and_takes_one_back(music):
    screen = musicdb.PlaylistSync(music)
    press(screen, "compare")
    screen.wait(30)
    press(screen, "approve_all")
    press(screen, "apply")
    screen.wait(60)
    again = musicdb.PlaylistSync(music, name="another")
    press(again, "filter", name="history")
    [run] = again.state["cards"]
    assert "steps done" in run["a"]["lines"][0] and run["actions"][0]["label"] == "take it back"
    press(again, "undo", id=run["id"])
    again.wait(60)
    assert lists(music) == 0
    press(again, "refresh")
    assert again.state["cards"][0]["actions"] == [] and reviewing.plans(music)[0].status == "undone"


def test_nothing_approved_does_nothing_and_a_list_that_moved_on_stops_the_plan(music):
    screen = musicdb.PlaylistSync(music)
    press(screen, "compare")
    screen.wait(30)
    press(screen, "apply")
    screen.wait(30)
    assert screen.status["level"] == "error" and "no approved step" in screen.said and lists(music) == 0
    press(screen, "approve", id=10**9)
    assert screen.status["level"] == "error" and isinstance(screen.last_error, BadInput)


def test_a_filter_shows_one_list_and_the_rest_is_kept(music):
    screen = musicdb.PlaylistSync(music)
    press(screen, "compare")
    screen.wait(30)
    name = screen.state["filters"][0]["name"]
    press(screen, "filter", name=name)
    assert 0 < len(screen.state["cards"]) < 24 and screen.state["filters"][0]["on"]
    press(screen, "filter", name=name)
    assert len(screen.state["cards"]) == 24


def test_what_is_written_elsewhere_is_backed_up_told_step_by_step_and_given_back(db):
    tidal = service(db, {"House": list("abcdefgh")})
    first = musicdb.PlaylistSync(db)
    press(first, "compare")
    first.wait(30)
    press(first, "approve_all")
    press(first, "apply")
    first.wait(30)
    linking.direct(db, "House", "tidal", "two_way")
    playlists.move(db, "House", 0, 3)
    playlists.remove(db, "House", [7])
    there = Memory("tidal", {name: one["tracks"] for name, one in tidal.lists.items()})
    before = {id: one.items for id, one in there.state.items()}
    screen = musicdb.PlaylistSync(db, to=["tidal"], open_targets={"tidal": there})
    press(screen, "compare")
    screen.wait(30)
    told = {card["a"]["lines"][0][1][0].partition(":")[0]: card for card in screen.state["cards"]}
    assert set(told) == {"move", "remove"} and all(card["a"]["chips"] == ["tidal"] and card["signs"] for card in told.values())
    assert [text for text, differs in told["move"]["a"]["lines"][0] if differs] == ["4"], "from where and to where, counted as people do"
    press(screen, "deny", id=told["remove"]["id"])
    press(screen, "approve", id=told["move"]["id"])
    press(screen, "apply")
    assert screen.wait(30).done == 1, screen.said
    assert sorted(there.state["House"].items) == sorted(before["House"]) and there.state["House"].items != before["House"], (
        "only what was approved"
    )
    press(screen, "undo")
    screen.wait(30)
    assert there.state["House"].items == before["House"], screen.said


def test_a_step_that_fails_is_told_and_the_others_are_done(db):
    tidal = service(db, {"House": list("abc"), "Techno": list("de")})
    first = musicdb.PlaylistSync(db)
    press(first, "compare")
    first.wait(30)
    press(first, "approve_all")
    press(first, "apply")
    first.wait(30)
    for name in ("House", "Techno"):
        linking.direct(db, name, "tidal", "two_way")
        playlists.remove(db, name, [0])
    there = Memory("tidal", {name: one["tracks"] for name, one in tidal.lists.items()})
    there.fails = {"a"}
    screen = musicdb.PlaylistSync(db, to=["tidal"], open_targets={"tidal": there})
    press(screen, "compare")
    screen.wait(30)
    press(screen, "approve_all")
    press(screen, "apply")
    report = screen.wait(30)
    assert report.failed == 1 and screen.status["level"] == "error" and "1 failed" in screen.said
    [card] = [card for card in screen.state["cards"] if card["tone"] == "warn"]
    assert any("is refused" in sign for sign, _ in card["signs"]), card


def test_comparing_again_replaces_a_plan_that_nobody_looked_at(music):
    screen = musicdb.PlaylistSync(music)
    for _ in range(2):
        press(screen, "compare")
        screen.wait(30)
    assert [plan.status for plan in reviewing.plans(music)] == ["proposed", "dismissed"]


# ---------- the shelf


def test_the_shelf_opens_a_record_and_what_is_written_of_it_stays(music):
    shelf = musicdb.Shelf(music)
    owned = music.value("select count(*) from copies where status = 'owned' and removed_at is null")
    assert len(shelf.state["cards"]) == owned > 10 and shelf.state["layout"] == "tiles"
    assert all(card["a"]["cover"] for card in shelf.state["cards"][:3])
    key = shelf.state["cards"][0]["id"]
    press(shelf, "open", id=key)
    head, *sides = (one for one in shelf.state["cards"] if not str(one["id"]).startswith("release/"))
    assert head["fields"][0]["label"] == "Record" and len(sides) == music.value(
        "select count(*) from record_sides as s join copies as c using (platform_release_id) where c.copy_key = ? and s.missing_since is null",
        [key],
    )
    was = head["fields"][0]["value"]
    press(shelf, "edit", id=key, field="media_condition", value="VG+")
    press(shelf, "edit", id=key, field="notes", value="<b>sleeve split</b>")
    row = music.one("select media_condition, notes from copies where copy_key = ?", [key])
    assert (row.media_condition, row.notes) == ("Very Good Plus (VG+)", "<b>sleeve split</b>")
    press(shelf, "edit", id=key, field="rating", value="nine")
    assert shelf.status["level"] == "error"
    press(shelf, "undo")
    press(shelf, "undo")
    assert shelf.state["cards"][0]["fields"][0]["value"] == was
    assert musicdb.Shelf(music).record == key, "a cell that is run again shows the record that was open"
    press(shelf, "back")
    assert shelf.state["layout"] == "tiles"


def test_a_side_is_taken_off_a_wrong_track_and_linked_to_another_by_key(music):
    shelf = musicdb.Shelf(music)
    press(shelf, "open", id=next(card["id"] for card in shelf.state["cards"] if "of" in str(card["a"]["meta"])))
    side = next(card for card in shelf.state["cards"] if "b" in card)
    track = "select track_id from track_links where platform_track_id = ? and status in ('auto', 'confirmed')"
    before = music.value(track, [side["id"]])
    press(shelf, "unlink", id=side["id"])
    assert music.value(track, [side["id"]]) != before
    press(shelf, "find", id=side["id"])
    found = [card["id"] for card in shelf.state["cards"]]
    assert "Which track is" in shelf.state["heading"] and before in found, (shelf.said, found)
    press(shelf, "link", id=before)
    assert music.value(track, [side["id"]]) == before and "Linked" in shelf.said
    press(shelf, "undo")
    press(shelf, "undo")
    assert music.value(track, [side["id"]]) == before


def test_the_shelf_searches_and_shows_wishes(music):
    shelf = musicdb.Shelf(music)
    word = music.value("select artists from copies where status = 'owned' limit 1")
    press(shelf, "search", text=word)
    assert shelf.state["cards"] and all(word in str(card) for card in shelf.state["cards"])
    press(shelf, "filter", name="wanted")
    press(shelf, "search", text="")
    assert len(shelf.state["cards"]) == music.value("select count(*) from copies where status = 'wanted' and removed_at is null")
    press(shelf, "search", text="no such record")
    assert "Nothing matches" in shelf.state["empty"]
    eventually(lambda: shelf.last_error is None)
