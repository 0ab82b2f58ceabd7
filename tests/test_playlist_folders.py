"""Folders: lists that are put into another one, and folders that get another name, on either side."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from musicdb import history, load, playlists
from musicdb.playlists import editing, linking
from musicdb.targets import rekordbox

from .playlisting import Memory, service
from .resilience import rekordbox_write as kill
from .test_playlist_plans import approved, told
from .test_reconcile import in_playlist, music, track  # noqa: F401  music is a fixture


def tree(db):
    """{your list: the folder it lies in}."""
    return dict(db.execute("select p.name, f.name from playlists as p left join playlists as f on f.id = p.parent_id where p.deleted_at is null").fetchall())


def there(target):
    state = target.read()
    return {one.name: state[one.parent].name if one.parent else None for one in state.values()}


@pytest.fixture
def tidal(db):
    """House in the folder Sets, Techno at the top."""
    made = service(db, {"House": list("abc"), "Techno": list("cd")})
    for name in ("Sets", "Old"):
        made.put(name, [], kind="folder")
    made.lists["House"]["parent"] = "Sets"
    made.read(db)
    playlists.apply(db, approved(db, playlists.plan(db).id))
    return made


@pytest.fixture
def target(db, tidal):
    """What the service has, as a target."""
    made = Memory("tidal", {name: one["tracks"] for name, one in tidal.lists.items()})
    made.state = {id: replace(one, kind=tidal.lists[id].get("kind", "playlist"), parent=tidal.lists[id].get("parent")) for id, one in made.state.items()}
    made.pending = dict(made.state)
    return made


def plan(db, target, **options):
    return playlists.plan(db, to=[target.name], open_targets={target.name: target}, **options)


def carried_out(db, made, target=None):
    return playlists.apply(db, approved(db, made.id), open_targets={target.name: target} if target else None)


def test_folders_that_come_after_what_they_hold_are_made_first(db):
    made = service(db, {"House": list("abc")})
    made.put("Inner", [], kind="folder", parent="Outer")
    made.put("Outer", [], kind="folder")
    made.lists["House"]["parent"] = "Inner"
    made.read(db)
    playlists.apply(db, approved(db, playlists.plan(db, playlists=["tidal/House"]).id))
    assert tree(db) == {"Outer": None, "Inner": "Outer", "House": "Inner"}


def test_a_list_that_was_put_into_another_folder_there_is_put_there_here_too(db, tidal):
    assert tree(db) == {"House": "Sets", "Techno": None, "Sets": None}
    tidal.lists["House"]["parent"] = None
    tidal.lists["Techno"]["parent"] = "Old"  # which is not here yet
    tidal.read(db)
    made = playlists.plan(db)
    assert sorted((op.list.name, op.action) for op in made.operations) == [("House", "place"), ("Old", "folder"), ("Techno", "place")]
    report = carried_out(db, made)
    assert tree(db) == {"House": None, "Techno": "Old", "Sets": None, "Old": None}
    assert playlists.plan(db).operations == []
    history.undo(db, report.operation)
    assert tree(db) == {"House": "Sets", "Techno": None, "Sets": None}


def test_a_folder_that_was_not_approved_leaves_the_list_where_it_is(db, tidal):
    tidal.lists["Techno"]["parent"] = "Old"
    tidal.read(db)
    made = playlists.plan(db)
    ids = [row.id for row in playlists.operations(db, made.id) if row.action == "place"]
    playlists.approve(db, made.id, ids)
    report = playlists.apply(db, made.id)
    assert (report.done, report.failed) == (0, 1) and "approve that step first" in report.messages[0]
    assert tree(db)["Techno"] is None
    assert [op.action for op in playlists.plan(db).operations] == ["place", "folder"], "it is proposed again"


def test_a_list_that_you_put_into_another_folder_goes_there_with_the_folder(db, tidal, target):
    for name in ("House", "Techno", "Sets"):
        linking.direct(db, name, "tidal", "two_way")
    new = db.execute("insert into playlists (name, kind) values ('New', 'folder')").lastrowid
    editing.file(db, "Techno", new)
    editing.file(db, "Sets", new)
    made = plan(db, target)
    assert sorted(told(made)) == [("tidal", "New", "folder", None, ""), ("tidal", "Sets", "place", None, ""), ("tidal", "Techno", "place", None, "")]
    carried_out(db, made, target)
    assert there(target) == {"House": "Sets", "Techno": "New", "Sets": "New", "New": None, "Old": None}
    assert plan(db, target).operations == []
    target.backups = False
    playlists.undo(db, made.id, open_targets={"tidal": target})
    assert there(target) == {"House": "Sets", "Techno": None, "Sets": None, "Old": None}


def test_folders_get_another_name_on_both_sides(db, tidal, target):
    for name in ("House", "Sets"):
        linking.direct(db, name, "tidal", "two_way")
    playlists.rename(db, "Sets", "Parties")
    carried_out(db, plan(db, target), target)
    assert there(target)["House"] == "Parties"
    tidal.lists["Sets"]["name"] = "Raves"
    tidal.read(db)
    carried_out(db, playlists.plan(db))
    assert tree(db)["House"] == "Raves"


def test_put_into_two_folders_is_shown_and_not_guessed(db, tidal, target):
    linking.direct(db, "House", "tidal", "two_way")
    editing.file(db, "House", None)
    tidal.lists["House"]["parent"] = "Old"
    tidal.read(db)
    made = playlists.plan(db, playlists=["House"])
    assert made.operations == [] and "another folder here and there" in made.warnings[0]
    assert tree(db)["House"] is None


def test_a_service_without_folders_is_not_asked_for_them(db):
    service(db, {"House": list("abc")}, "spotify")
    playlists.apply(db, approved(db, playlists.plan(db).id))
    linking.direct(db, "House", "spotify", "two_way")
    folder = db.execute("insert into playlists (name, kind) values ('Sets', 'folder')").lastrowid
    editing.file(db, "House", folder)
    playlists.create(db, "Other")
    editing.file(db, "Other", folder)
    spotify = Memory("spotify", {"House": list("abc")})
    assert [(op.action, op.list.name) for op in plan(db, spotify).operations] == [("create", "Other")]


def test_a_step_that_was_denied_comes_denied_and_another_folder_asks_anew(db, tidal):
    tidal.lists["Techno"]["parent"] = "Sets"
    tidal.read(db)
    playlists.deny(db, playlists.plan(db).id)
    assert [(op.action, op.status) for op in playlists.plan(db).operations] == [("place", "denied")]
    tidal.lists["Techno"]["parent"] = "Old"
    tidal.read(db)
    assert {op.status for op in playlists.plan(db).operations if op.action == "place"} == {"proposed"}


def test_a_rename_that_moved_on_stops_the_plan(db, tidal, target):
    linking.direct(db, "House", "tidal", "two_way")
    playlists.rename(db, "House", "Home")
    made = plan(db, target)
    target.state["House"] = replace(target.state["House"], name="Hut")
    with pytest.raises(playlists.applying.StalePlan, match="renamed to 'Hut'"):
        carried_out(db, made, target)


def test_a_list_that_you_took_away_goes_there_when_said_so_and_comes_back_with_its_tracks(db, tidal, target):
    linking.direct(db, "House", "tidal", "two_way")
    playlists.delete(db, "House")
    made = plan(db, target, playlists=None)
    playlists.approve(db, made.id, [playlists.operations(db, made.id)[0].id])
    assert playlists.apply(db, made.id, open_targets={"tidal": target}).done == 1
    assert "House" not in there(target)
    assert [op for op in plan(db, target).operations if op.action == "delete"] == [], "it is not asked for again"
    target.backups = False
    playlists.undo(db, made.id, open_targets={"tidal": target})
    again = next(one for one in target.read().values() if one.name == "House")
    assert again.items == ("a", "b", "c") and again.parent == "Sets"
    assert db.value("select external_id from playlist_links as l join playlists as p on p.id = l.playlist_id where p.name = 'House'") == again.id


def test_a_run_that_was_cut_off_after_it_took_a_list_away_goes_on(db, tidal, target):
    linking.direct(db, "House", "tidal", "two_way")
    linking.direct(db, "Techno", "tidal", "two_way")
    for name in ("House", "Techno"):
        playlists.delete(db, name)
    made = plan(db, target)
    playlists.approve(db, made.id, [row.id for row in playlists.operations(db, made.id)])
    target.kill_at = 1
    with pytest.raises(KeyboardInterrupt):
        playlists.apply(db, made.id, open_targets={"tidal": target})
    target.kill_at = None
    assert playlists.apply(db, made.id, open_targets={"tidal": target}).failed == 0
    assert there(target) == {"Sets": None, "Old": None}


@pytest.mark.parametrize("name", ["rekordbox", "rekordbox_xml", "m3u", "folder"])
def test_targets_with_folders_follow_yours(db, music, tmp_path, name):  # noqa: F811
    place = {"rekordbox": str(tmp_path / "Pioneer" / "master.db"), "rekordbox_xml": str(tmp_path / "r.xml")}.get(name, str(tmp_path / "Out"))
    opened = {}
    if name == "rekordbox":
        path = kill.make(tmp_path / "Pioneer", False)
        load.run(db, "rekordbox", path, anlz=False)
        db.execute("insert into track_links (platform_track_id, track_id, assigned_track_id, status, method, confidence) select p.id, ?1, ?1, 'auto', 'path', 99 "
                   "from platform_tracks as p where p.platform = 'rekordbox' and p.external_id = '9'", [track(db, "a.wav")])  # fmt: skip
        opened = {"rekordbox": rekordbox.open(db, place, running=kill.nobody)}
    before = name == "rekordbox" and kill.rows(path)
    with contextlib.ExitStack() as stack:
        for one in opened.values():
            stack.callback(one.close)

        def go(expected):
            made = playlists.plan(db, to=[name], places={name: place}, open_targets=opened)
            assert sorted((op.action, op.list.name) for op in made.operations) == sorted(expected)
            playlists.approve(db, made.id)
            report = playlists.apply(db, made.id, open_targets=opened)
            assert (report.failed, report.skipped, report.messages) == (0, 0, [])
            assert playlists.plan(db, to=[name], places={name: place}, open_targets=opened).operations == []
            return made.id

        def now():
            from musicdb.playlists import targets

            target = opened.get(name) or targets.find(db, name, place)
            state = target.read()
            return {one.name: (state[one.parent].name if one.parent else None, len(one.items)) for one in state.values() if one.id in linked()}

        def linked():
            return {row[0] for row in db.execute("select external_id from playlist_links where platform = ?", [name])}

        in_playlist(db, track(db, "a.wav"), name="Night")
        outer = db.execute("insert into playlists (name, kind) values ('Outer', 'folder')").lastrowid
        inner = db.execute("insert into playlists (name, kind, parent_id) values ('In/ner', 'folder', ?)", [outer]).lastrowid
        editing.file(db, "Night", inner)
        first = go([("folder", "Outer"), ("folder", "In/ner"), ("create", "Night")])
        assert now() == {"Outer": (None, 0), "In/ner": ("Outer", 0), "Night": ("In/ner", 1)}
        playlists.rename(db, "In/ner", "Deep")
        other = db.execute("insert into playlists (name, kind) values ('Other', 'folder')").lastrowid
        editing.file(db, "Deep", other)
        second = go([("rename", "In/ner"), ("place", "In/ner"), ("folder", "Other")])
        assert now() == {"Outer": (None, 0), "Other": (None, 0), "Deep": ("Other", 0), "Night": ("Deep", 1)}
        if name == "m3u":
            (file,) = (tmp_path / "Out").rglob("*.m3u8")
            line = next(one for one in file.read_text().splitlines() if not one.startswith("#"))
            assert (file.parent / line).resolve() == (music / "a.wav").resolve(), "its paths lead to the files from its new place"
            assert not (tmp_path / "Out/Outer/In_ner").exists()
        playlists.undo(db, second, open_targets=opened)
        assert now() == {"Outer": (None, 0), "In/ner": ("Outer", 0), "Night": ("In/ner", 1)}
        playlists.undo(db, first, open_targets=opened)
        assert now() == {}
    if before:
        rows = kill.rows(path)
        assert all(rows[table] == before[table] for table in rows if table not in ("agentRegistry",))
