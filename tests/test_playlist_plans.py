"""Plan, approve, apply: exactly what was approved, or nothing; no list is lost to a failed read, and everything can be taken back."""

import hashlib

import pytest

import musicdb
from musicdb import history, playlists
from musicdb.errors import BadInput, StalePlan
from musicdb.links import link
from musicdb.playlists import agreeing, linking, overview, targets
from musicdb.truth import resolve

from .playlisting import Memory, service


def approved(db, plan):
    playlists.approve(db, plan)
    return plan


@pytest.fixture
def tidal(db):
    """Two lists at Tidal that were taken over."""
    made = service(db, {"House": list("abcdefghijkl"), "Techno": list("mnab")})
    playlists.apply(db, approved(db, playlists.plan(db).id))
    return made


def mine(db, name="House"):
    return "".join((row.title or "?")[-1] for row in playlists.state(db, name))


def song(db, letter):
    return db.value("select id from tracks where title = ?", [f"Song {letter}"])


def changes(db, tidal, *, twice=True, **lists):
    for name, tracks in lists.items():
        tidal.put(name, tracks)
    tidal.read(db)
    link(db)
    resolve(db)
    if twice:
        tidal.read(db)


def told(made):
    return [(op.list.target, op.list.name, op.action, op.title, op.needs) for op in made.operations]


# ---------- taking over, and what follows


def test_new_lists_are_taken_over_whole_and_a_second_plan_has_nothing_to_do(db, tidal):
    assert (mine(db), mine(db, "Techno")) == ("abcdefghijkl", "mnab")
    again = playlists.plan(db)
    assert (again.id, again.operations, again.settled) == (None, [], 2)


def test_folders_come_first_and_lists_lie_in_them(db):
    tidal = service(db, {"House": list("abc")})
    tidal.lists["House"]["parent"] = "F"
    tidal.put("F", [], kind="folder")
    tidal.read(db)
    playlists.apply(db, approved(db, playlists.plan(db).id))
    row = db.one("select p.name, f.name as folder, f.kind from playlists as p join playlists as f on f.id = p.parent_id")
    assert (row.name, row.folder, row.kind) == ("House", "F", "folder")


def test_each_step_says_why(db, tidal):
    changes(db, tidal, House="bacdefghijlx", Techno="mnak")
    made = playlists.plan(db)
    by = {(op.list.name, op.action, op.title): op.reason for op in made.operations}
    assert by["House", "add", "Band - Song x"].startswith("new in Tidal since 20")
    assert by["House", "move", "Band - Song a"] == "moved in Tidal"
    assert by["Techno", "remove", "Band - Song b"].startswith("you removed it in Tidal on 20")
    assert by["Techno", "transfer", "Band - Song k"].startswith("moved from 'House'")
    playlists.apply(db, approved(db, made.id))
    assert (mine(db), mine(db, "Techno")) == ("bacdefghijlx", "mnak")


def test_exactly_the_approved_steps_are_carried_out(db, tidal):
    changes(db, tidal, House="bacdefghijlx")
    made = playlists.plan(db)
    rows = {row.action: row.id for row in playlists.operations(db, made.id)}
    playlists.approve(db, made.id, [rows["add"]])
    report = playlists.apply(db, made.id)
    assert (report.done, mine(db)) == (1, "abcdefghijklx")
    assert {row.action: row.status for row in playlists.operations(db, made.id)} == {"add": "done", "move": "proposed", "remove": "proposed"}


def test_what_was_denied_comes_denied_again_and_nothing_asks_twice(db, tidal):
    changes(db, tidal, House="abcdefghijk")
    made = playlists.plan(db)
    playlists.deny(db, made.id)
    again = playlists.plan(db)
    assert [(op.action, op.status) for op in again.operations] == [("remove", "denied")]
    with pytest.raises(BadInput, match="no approved step"):
        playlists.apply(db, again.id)


def test_what_is_linked_to_no_track_waits_with_the_next_step(db, tidal):
    tidal.put("House", "abcdefghijklz")
    tidal.read(db)
    made = playlists.plan(db)
    assert told(made) == [("user", "House", "add", "Band - Song z", "first")]
    assert "musicdb link" in made.operations[0].hold
    with pytest.raises(BadInput, match="cannot be approved yet"):
        playlists.approve(db, made.id, [row.id for row in playlists.operations(db, made.id)])


# ---------- guards


@pytest.mark.parametrize("left", ["", "abc"])
def test_an_empty_or_collapsed_read_removes_nothing(db, tidal, left):
    changes(db, tidal, House=left)
    made = playlists.plan(db)
    assert made.operations == []
    assert "nothing is concluded" in made.warnings[0]
    assert mine(db) == "abcdefghijkl"
    believed = playlists.plan(db, believe=["House"])
    assert {op.action for op in believed.operations} == {"remove"}


def test_what_is_missing_once_is_not_removed(db, tidal):
    changes(db, tidal, twice=False, House="abcdefghijk")
    made = playlists.plan(db)
    assert told(made) == [("user", "House", "remove", "Band - Song l", "first")]
    tidal.read(db)
    assert told(playlists.plan(db)) == [("user", "House", "remove", "Band - Song l", "")]


def test_many_removals_want_a_second_look(db):
    tidal = service(db, {"House": [f"{n:03}" for n in range(60)]})
    playlists.apply(db, approved(db, playlists.plan(db).id))
    changes(db, tidal, House=[f"{n:03}" for n in range(40)])
    made = playlists.plan(db)
    assert {op.needs for op in made.operations} == {"look"} and len(made.operations) == 20
    assert playlists.approve(db, made.id) == 0
    assert playlists.approve(db, made.id, [playlists.operations(db, made.id)[0].id]) == 1


def test_a_list_that_vanishes_upstream_takes_nothing_along(db, tidal):
    del tidal.lists["House"]
    tidal.read(db)
    tidal.read(db)
    made = playlists.plan(db)
    assert told(made) == [("user", "House", "unlink", None, "look")]
    assert "stays as it is" in made.warnings[0]
    assert mine(db) == "abcdefghijkl"


def test_what_the_service_dropped_stays_yours_unless_you_say_so(db, tidal):
    for name in ("House", "Techno"):
        tidal.put(name, [t for t in tidal.lists[name]["tracks"] if t != "a"])
    changes(db, tidal)
    made = playlists.plan(db)
    assert {(op.action, op.needs) for op in made.operations} == {("remove", "look")}
    assert "dropped it" in made.operations[0].reason


def test_a_list_that_an_import_left_half_written_is_read_as_it_was(db, tidal):
    before = db.value("select count(*) from platform_playlist_items where removed_at is null")
    db.execute("update platform_playlist_items set removed_at = '2026', position = position + 900 where position > 5 and removed_at is null")
    assert db.value("select count(*) from platform_playlist_items where removed_at is null") < before
    assert playlists.plan(db).operations == []


def test_both_sides_reordered_is_shown_and_not_guessed(db, tidal):
    linking.direct(db, "House", "tidal", "two_way")
    playlists.move(db, "House", 0, 5)
    changes(db, tidal, House="lbcdefghijka")
    made = playlists.plan(db)
    assert "both sides were reordered" in made.warnings[0] and not made.operations
    assert playlists.plan(db, prefer="there").operations


def test_a_stale_plan_stops_and_says_what_changed(db, tidal):
    changes(db, tidal, House="abcdefghijk")
    made = approved(db, playlists.plan(db).id)
    playlists.add(db, "House", [song(db, "m")])
    with pytest.raises(StalePlan, match=r"your list 'House' changed: 1 added"):
        playlists.apply(db, made)
    assert mine(db) == "abcdefghijklm"


def test_a_dry_run_writes_nothing_at_all(db, tidal, tmp_path):
    changes(db, tidal, House="bacdefghijlx", New="ab")
    made = approved(db, playlists.plan(db).id)
    path = db.path
    db.close()

    def state():
        return [(f.name, f.stat().st_mtime_ns, hashlib.sha256(f.read_bytes()).hexdigest()) for f in sorted(path.parent.glob("music.db*"))]

    before = state()
    with musicdb.open(path) as again:
        playlists.plan(again, dry_run=True)
        overview.check(again)
        overview.status(again)
        assert playlists.apply(again, made, dry_run=True).writes
        assert again.conn.total_changes == 0
    assert state() == before


# ---------- undo


def test_one_undo_takes_the_plan_back_here(db, tidal):
    changes(db, tidal, House="bacdefghijlx", Techno="mnak")
    made = approved(db, playlists.plan(db).id)
    report = playlists.apply(db, made)
    history.undo(db, report.operation)
    assert (mine(db), mine(db, "Techno")) == ("abcdefghijkl", "mnab")


def test_undo_of_a_take_over_leaves_no_list_and_no_link(db):
    service(db, {"House": list("abc")})
    made = approved(db, playlists.plan(db).id)
    playlists.apply(db, made)
    playlists.plan(db)
    playlists.undo(db, made)
    assert db.value("select count(*) from playlists where deleted_at is null") == db.value("select count(*) from playlist_links") == 0
    history.redo(db)
    assert [row.title for row in playlists.state(db, "House")] == ["Song a", "Song b", "Song c"]


# ---------- targets


def target(tidal, **options):
    return Memory("tidal", {name: one["tracks"] for name, one in tidal.lists.items()}, **options)


def pushing(db, tidal):
    linking.direct(db, "House", "tidal", "two_way")
    playlists.move(db, "House", 0, 3)
    playlists.remove(db, "House", [10])
    playlists.add(db, "House", [song(db, "n"), song(db, "m")], at=2)


def test_yours_is_written_there_by_few_steps_and_verified(db, tidal):
    pushing(db, tidal)
    there = target(tidal)
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert "".join(there.state["House"].items) == mine(db) == "bcnmdaefghijl"
    assert [step.action for step in there.steps] == ["add", "add", "move", "remove"]
    assert (report.done, report.failed, there.observed) == (4, 0, 1)
    assert playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).operations == []


def test_a_track_that_the_target_has_not_waits(db, tidal):
    db.execute("insert into track_ids (track_uid, created_at) values ('feedfeedfeedfeed', '2024')")
    db.execute("insert into tracks (id, title) select id, 'White label' from track_ids where track_uid = 'feedfeedfeedfeed'")
    linking.direct(db, "House", "tidal", "push")
    playlists.add(db, "House", [db.value("select id from track_ids where track_uid = 'feedfeedfeedfeed'")])
    made = playlists.plan(db, to=["tidal"], open_targets={"tidal": target(tidal)}, playlists=["House"])
    assert [(op.action, op.needs) for op in made.operations] == [("add", "first")]
    assert "no Tidal track is linked to it" in made.operations[0].hold


def test_a_step_that_fails_stops_its_list_and_a_resume_goes_on(db, tidal):
    pushing(db, tidal)
    there = target(tidal)
    there.fails = {"m"}
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert (report.done, report.failed, report.skipped) == (1, 1, 2)
    there.fails = set()
    playlists.resume(db, made)
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert (report.done, report.failed) == (3, 0)
    assert "".join(there.state["House"].items) == mine(db)


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("at", range(4))
def test_a_run_that_is_cut_off_anywhere_goes_on_to_the_same_end(db, tidal, at, atomic):
    pushing(db, tidal)
    there = target(tidal, atomic=atomic)
    there.kill_at = at
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)
    with pytest.raises(KeyboardInterrupt):
        playlists.apply(db, made, open_targets={"tidal": there})
    there.kill_at = None
    there.close()
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert "".join(there.state["House"].items) == mine(db)
    assert report.failed == 0
    assert {row.status for row in playlists.operations(db, made)} == {"done"}


@pytest.mark.parametrize("atomic", [False, True])
def test_a_run_that_is_cut_off_after_its_last_step_is_brought_to_its_end(db, tidal, atomic, monkeypatch):
    pushing(db, tidal)
    there = target(tidal, atomic=atomic)
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)

    def cut(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(agreeing, "note", cut)
        playlists.apply(db, made, open_targets={"tidal": there})
    assert {row.status for row in playlists.operations(db, made)} == {"done"}
    base = "select max(base_snapshot_id) from playlist_links where playlist_id = (select id from playlists where name = 'House')"
    before, written = db.value(base), list(there.state["House"].items)
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert (report.done, report.failed, there.state["House"].items) == (0, 0, tuple(written))
    assert db.value("select status from plans where id = ?", [made]) == "applied" and db.value(base) != before
    with pytest.raises(BadInput, match="no approved step"):
        playlists.apply(db, made, open_targets={"tidal": there})


def test_what_does_not_verify_is_put_back(db, tidal):
    pushing(db, tidal)
    there = target(tidal, atomic=True)
    there.spoils = True
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)
    report = playlists.apply(db, made, open_targets={"tidal": there})
    assert there.restored == 1
    assert "".join(there.state["House"].items) == "abcdefghijkl"
    assert (report.done, report.failed) == (0, 4)


def test_a_target_that_moved_on_is_not_written(db, tidal):
    pushing(db, tidal)
    there = target(tidal)
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)
    there.state["House"] = targets.Listed("House", "House", items=tuple("abcdefghijklq"))
    with pytest.raises(StalePlan, match="tidal's 'House' changed: 1 added"):
        playlists.apply(db, made, open_targets={"tidal": there})
    assert there.steps == []


@pytest.mark.parametrize("backups", [True, False])
def test_undo_restores_the_target_from_its_backup_or_by_inverse_steps(db, tidal, backups):
    pushing(db, tidal)
    there = target(tidal, backups=backups)
    made = approved(db, playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).id)
    playlists.apply(db, made, open_targets={"tidal": there})
    playlists.undo(db, made, open_targets={"tidal": there})
    assert "".join(there.state["House"].items) == "abcdefghijkl"
    assert playlists.plans(db)[0].status == "undone"


def test_a_list_is_made_once_at_a_target_and_known_by_its_id(db, tidal):
    db.execute("insert into platform_tracks (platform, external_id, title, match_key) select 'rekordbox', 'r' || external_id, title, match_key from platform_tracks")
    db.execute("insert into track_links (platform_track_id, track_id, assigned_track_id, status, method, confidence) select r.id, k.track_id, k.track_id, 'auto', 'key', 99 "
               "from platform_tracks as r join platform_tracks as t on t.platform = 'tidal' and 'r' || t.external_id = r.external_id join track_links as k on k.platform_track_id = t.id "
               "where r.platform = 'rekordbox'")  # fmt: skip
    there = Memory("rekordbox", {"Techno": ["other"]})
    made = playlists.plan(db, to=["rekordbox"], open_targets={"rekordbox": there})
    assert told(made) == [("rekordbox", "House", "create", None, ""), ("rekordbox", "Techno", "create", None, "look")]
    playlists.apply(db, approved(db, made.id), open_targets={"rekordbox": there})
    new = next(id for id in there.state if id.startswith("made"))
    assert there.state[new].items == tuple(f"r{x}" for x in "abcdefghijkl")
    there.state[new] = targets.Listed(new, "Another name", items=there.state[new].items)
    again = playlists.plan(db, to=["rekordbox"], open_targets={"rekordbox": there}, playlists=["House"])
    assert [op for op in again.operations if op.action == "create"] == []
    assert db.value("select external_id from playlist_links where platform = 'rekordbox'") == new


def test_deleting_yours_deletes_there_only_when_said_twice(db, tidal):
    linking.direct(db, "House", "tidal", "two_way")
    playlists.delete(db, "House")
    there = target(tidal)
    made = playlists.plan(db, to=["tidal"], open_targets={"tidal": there})
    assert told(made) == [("tidal", "House", "delete", None, "look")]
    assert playlists.approve(db, made.id) == 0


def test_a_random_week_of_two_way_sync_ends_with_both_sides_equal(db, tidal):
    import random

    rng = random.Random(4)
    linking.direct(db, "House", "tidal", "two_way")
    there = target(tidal)
    for _ in range(12):
        for _ in range(rng.randrange(3)):
            n = len(playlists.state(db, "House"))
            (playlists.add(db, "House", [song(db, rng.choice("abcmn"))], at=rng.randrange(n)) if rng.random() < 0.6 else playlists.remove(db, "House", [rng.randrange(n)]))
        remote = list(there.state["House"].items)
        if rng.random() < 0.7:
            remote.insert(rng.randrange(len(remote)), rng.choice("abcmn"))
        changes(db, tidal, House=remote)
        there.state["House"] = there.pending["House"] = targets.Listed("House", "House", items=tuple(remote))
        made = playlists.plan(db, to=["tidal"], open_targets={"tidal": there}, prefer="here")
        if made.id:
            playlists.approve(db, made.id)
            playlists.apply(db, made.id, open_targets={"tidal": there})
        assert "".join(there.state["House"].items) == mine(db)
        changes(db, tidal, House=there.state["House"].items)
        assert playlists.plan(db, to=["tidal"], open_targets={"tidal": there}).operations == []


def test_a_list_whose_name_you_have_is_offered_to_be_linked_and_then_united(db, tidal):
    spotify = service(db, {"House": list("abz")}, "spotify")
    made = playlists.plan(db)
    assert told(made) == [("user", "House", "link", None, "look")]
    playlists.approve(db, made.id, [playlists.operations(db, made.id)[0].id])
    playlists.apply(db, made.id)
    again = playlists.plan(db)
    assert [(op.action, op.title) for op in again.operations] == [("add", "Band - Song z")]
    playlists.apply(db, approved(db, again.id))
    assert sorted(mine(db)) == sorted("abcdefghijklz")
    assert playlists.plan(db).operations == []
    spotify.put("House", list("bz"))
    for _ in range(2):
        spotify.read(db)
    assert told(playlists.plan(db)) == [("user", "House", "remove", "Band - Song a", "")]
