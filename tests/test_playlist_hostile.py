"""What a person, a service or another program may do to lose a list; and that none is lost."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading

import pytest

import musicdb
from musicdb import playlists
from musicdb.errors import BadInput, LoginNeeded, MusicdbError, SourceError
from musicdb.playlists import linking, targets

from .playlisting import Memory, service
from .test_playlist_plans import approved, changes, mine, song
from .test_reconcile import in_playlist, music, track  # noqa: F401  music is a fixture


@pytest.fixture
def tidal(db):
    """House in a folder, Techno at the top; both yours too, synced both ways."""
    made = service(db, {"House": list("abcdefghijkl"), "Techno": list("mnab")})
    made.put("Sets", [], kind="folder")
    made.lists["House"]["parent"] = "Sets"
    made.read(db)
    playlists.apply(db, approved(db, playlists.plan(db).id))
    for name in ("House", "Techno", "Sets"):
        linking.direct(db, name, "tidal", "two_way")
    return made


def yours(db):
    return {row[0]: mine(db, row[0]) for row in db.execute("select name from playlists where deleted_at is null and kind = 'playlist' order by 1").fetchall()}


def everything_that_needs_no_look(db, made):
    if made.id and playlists.approve(db, made.id):
        playlists.apply(db, made.id)


WAS = {"House": "abcdefghijkl", "Techno": "mnab"}


def test_a_folder_that_was_deleted_upstream_with_all_in_it_takes_nothing_along(db, tidal):
    del tidal.lists["Sets"], tidal.lists["House"]
    for _ in range(3):
        tidal.read(db)
    made = playlists.plan(db)
    assert {(op.action, op.needs) for op in made.operations} == {("unlink", "look")} and len(made.warnings) == 2
    everything_that_needs_no_look(db, made)
    assert yours(db) == WAS


def test_a_folder_that_was_deleted_upstream_leaves_its_lists_yours(db, tidal):
    del tidal.lists["Sets"]
    tidal.lists["House"]["parent"] = None
    tidal.read(db)
    tidal.read(db)
    made = playlists.plan(db)
    assert {(op.list.name, op.action, op.needs) for op in made.operations} == {("House", "place", ""), ("Sets", "unlink", "look")}
    everything_that_needs_no_look(db, made)
    assert yours(db) == WAS and db.value("select count(*) from playlists where kind = 'folder' and deleted_at is null") == 1


def test_an_account_that_reads_empty_takes_nothing_along(db, tidal):
    tidal.lists.clear()
    for _ in range(3):
        tidal.read(db)
    made = playlists.plan(db)
    everything_that_needs_no_look(db, made)
    assert yours(db) == WAS and {op.action for op in made.operations} <= {"unlink"}


def test_a_target_that_reads_empty_takes_nothing_along(db, tidal):
    made = playlists.plan(db, to=["tidal"], open_targets={"tidal": Memory("tidal", {})})
    assert {op.action for op in made.operations} == {"unlink"}
    assert playlists.approve(db, made.id) == 0 and yours(db) == WAS


def test_another_name_on_both_sides_is_shown_and_both_stay(db, tidal):
    playlists.rename(db, "House", "Home")
    tidal.lists["House"]["name"] = "Hut"
    tidal.read(db)
    made = playlists.plan(db)
    assert made.operations == [] and "'Home' here and 'Hut'" in made.warnings[0]
    assert db.value("select count(*) from playlists where name = 'Home'") == 1


def test_names_that_are_exchanged_upstream_do_not_exchange_the_lists(db, tidal):
    tidal.lists["House"]["name"], tidal.lists["Techno"]["name"] = "Techno", "House"
    tidal.read(db)
    everything_that_needs_no_look(db, playlists.plan(db))
    assert yours(db) == {"Techno": WAS["House"], "House": WAS["Techno"]}, "a list is known by its id"
    assert playlists.plan(db).operations == []


def test_a_list_that_is_deleted_and_made_anew_upstream_is_another_list(db, tidal):
    del tidal.lists["House"]
    tidal.read(db)
    tidal.put("House again", ["a"])
    tidal.lists["House again"]["name"] = "House"
    tidal.read(db)
    made = playlists.plan(db)
    everything_that_needs_no_look(db, made)
    assert yours(db) == WAS and {(op.action, op.needs) for op in made.operations if op.list.name == "House"} == {("unlink", "look"), ("link", "look")}


def test_both_sides_take_out_what_the_other_moved(db, tidal):
    there = Memory("tidal", {name: one["tracks"] for name, one in tidal.lists.items()})
    playlists.remove(db, "House", [0])
    playlists.move(db, "House", 10, 0)
    changes(db, tidal, House="bcdefghijkal")
    there.state["House"] = there.pending["House"] = targets.Listed("House", "House", items=tuple("bcdefghijkal"))
    for _ in range(2):
        made = playlists.plan(db, to=["tidal"], open_targets={"tidal": there}, playlists=["House"])
        if made.id:
            playlists.approve(db, made.id)
            playlists.apply(db, made.id, open_targets={"tidal": there})
    assert sorted(mine(db)) == sorted("bcdefghijkl") == sorted(there.state["House"].items)


def test_a_database_that_another_program_locks_stops_the_run_and_nothing_is_done_twice(db, tidal, monkeypatch):
    playlists.add(db, "House", [song(db, "m")])
    there = Memory("tidal", {name: one["tracks"] for name, one in tidal.lists.items()})
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}, playlists=["House"]).id)
    db.execute("pragma busy_timeout = 50")
    held, real = [], there.apply

    def applied(step):
        result = real(step)
        other = sqlite3.connect(db.path, isolation_level=None, check_same_thread=False)
        other.execute("begin immediate")
        held.append(other)
        return result

    there.apply = applied
    with pytest.raises(MusicdbError, match="another program"):
        playlists.apply(db, made, open_targets={"tidal": there})
    there.apply = real
    held[0].close()
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert report.failed == 0 and "".join(there.state["House"].items) == "abcdefghijklm" == mine(db)


def test_two_runs_of_one_plan_at_once_write_it_once(db, tidal):
    changes(db, tidal, House="abcdefghijklx")
    made = approved(db, playlists.plan(db).id)
    ended = []

    def run():
        with musicdb.open(db.path) as again:
            try:
                ended.append(playlists.apply(again, made).done)
            except MusicdbError as error:
                ended.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert mine(db) == "abcdefghijklx", ended


def test_rights_that_were_taken_away_stop_the_list_and_say_what_to_do(replay, db, monkeypatch):
    import spotipy

    def refused(*_, **__):
        raise spotipy.SpotifyException(403, -1, "Insufficient client scope")

    with contextlib.closing(targets.find(db, "spotify", token=replay.spotify.login(), endpoint=replay.endpoint("spotify"))) as target:
        one = max((o for o in target.read().values() if o.writable and o.kind == "playlist"), key=lambda o: len(o.items))
        monkeypatch.setattr(target.api.client, "_internal_call", refused)
        with pytest.raises(LoginNeeded, match=r"musicdb login spotify --write"):
            target.send("PUT", f"playlists/{one.id}", "the playlist", {"name": "x"})


@pytest.mark.parametrize("name", ["m3u", "folder"])
def test_what_a_person_does_in_the_folder_by_hand_loses_no_list(db, music, tmp_path, name):  # noqa: F811
    a, b, c = (track(db, f"{x}.wav") for x in "abc")
    for title, items in (("Night", (a, b)), ("Day", (c,))):
        in_playlist(db, *items, name=title)
    out = tmp_path / "Out"
    places = {name: str(out)}

    def plan():
        return playlists.plan(db, to=[name], places=places)

    playlists.apply(db, approved(db, plan().id))
    night = out / ("Night.m3u8" if name == "m3u" else "Night")
    copy = out / ("A Night.m3u8" if name == "m3u" else "A Night")
    (shutil.copytree if night.is_dir() else shutil.copyfile)(night, copy)
    assert plan().operations == [], "a copy that somebody made is theirs, also where its name comes first"
    playlists.add(db, "Night", [c])
    playlists.apply(db, approved(db, plan().id))
    assert len(targets.find(db, name, str(out)).read()) == 3 and copy.exists()
    for one in (night, copy):  # without the first one the copy is the list: somebody gave it another name
        assert len(playlists.state(db, "Night")) == 3 and plan().operations == []
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    made = plan()
    assert [(op.action, op.needs) for op in made.operations] == [("unlink", "look")] and len(playlists.state(db, "Night")) == 3
    out.rename(tmp_path / "away")
    with pytest.raises(SourceError, match="plugged in"):
        plan()


def test_a_folder_here_is_not_deleted_with_its_lists(db, tidal):
    with pytest.raises(BadInput, match="still holds 'House'"):
        playlists.delete(db, "Sets")
