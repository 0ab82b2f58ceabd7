from __future__ import annotations

import os
from pathlib import Path

import pytest

from musicdb import history, playlists
from musicdb.errors import BadInput, MusicdbError, SourceError
from musicdb.history import CannotUndo
from musicdb.playlists import applying, diff
from musicdb.playlists.targets import Step, Target
from musicdb.targets import folder, m3u

from .test_reconcile import in_playlist, music, scan, sound, track  # noqa: F401  music is a fixture


@pytest.fixture(params=[m3u, folder], ids=["m3u", "folder"])
def target(request, db, music, tmp_path):  # noqa: F811
    return request.param.open(db, str(tmp_path / "Out"))


@pytest.fixture
def keys(db, music):  # noqa: F811
    return [
        row.external_id
        for row in db.q(
            "select p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id order by f.path"
        )
    ]


def write(target, *steps):
    details = target.backup().details
    results = [target.apply(step) for step in steps]
    target.commit()
    return details, results


def change(target, id, want):
    now = list(target.read()[id].items)
    steps = []
    for one in diff(now, want):
        before = tuple(now)
        if one.at is not None:
            now.pop(one.at)
        if one.to is not None:
            now.insert(one.to, one.key)
        steps.append(Step(one.op, id, one.key, one.at, one.to, before=before, after=tuple(now)))
    return write(target, *steps)


def everything(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_lists_keep_order_repeats_and_folders(target, keys):
    assert isinstance(target, Target) and target.read() == {}
    a, b, c, d = keys
    target.backup()
    made = target.apply(Step("folder", name="Sets"))
    one = target.apply(Step("create", name="Friday/Night", parent=made["id"], after=(a, b, a)))
    target.commit()
    state = target.read()
    assert state[one["id"]].items == (a, b, a) and state[one["id"]].parent == made["id"]
    assert (state[made["id"]].name, state[one["id"]].name) == ("Sets", "Friday/Night")
    change(target, one["id"], [c, a, a, d, b])
    assert target.verify({one["id"]: [c, a, a, d, b]}) == []
    assert not [name for name in everything(target.root) if name.endswith(".part")]
    before = everything(target.root)
    write(target)
    assert everything(target.root) == before, "a second sync changes nothing"


def test_a_rename_keeps_the_list_and_a_backup_brings_all_back(target, keys):
    _, [one] = write(target, Step("create", name="Friday", after=tuple(keys)))
    before = everything(target.root)
    details, _ = write(
        target, Step("rename", one["id"], name="Saturday"), Step("folder", name="Sets"), Step("create", name="x", after=(keys[0],))
    )
    assert target.read()[one["id"]].name == "Saturday"
    target.restore(details)
    assert everything(target.root) == before and not (target.root / "Sets").exists()


def test_files_of_others_stay(target, keys):
    target.root.mkdir()
    (target.root / "Friday.m3u8").write_text("mine.mp3\n")
    _, [one] = write(target, Step("create", name="Friday", after=tuple(keys[:2])))
    if target.name == "folder":
        (target.root / "Friday" / "02 notes.txt").write_text("mine")
    write(target, Step("delete", one["id"]))
    left = everything(target.root)
    assert left.pop("Friday.m3u8") == b"mine.mp3\n"
    assert left == ({"Friday/02 notes.txt": b"mine"} if target.name == "folder" else {})


def test_another_program_s_list_is_read_and_never_written(db, music, tmp_path, keys):  # noqa: F811
    (tmp_path / "Out").mkdir()
    (tmp_path / "Out/theirs.m3u").write_text(f"{music / 'a.wav'}\nhttp://radio.example/x\n")
    target = m3u.open(db, str(tmp_path / "Out"))
    (one,) = target.read().values()
    assert one.items == (keys[0], "http://radio.example/x") and not one.writable
    with pytest.raises(BadInput, match="another's"):
        target.apply(Step("add", one.id, keys[1], to=0, before=one.items, after=(keys[1], *one.items)))


def test_what_cannot_be_is_said(target, keys):
    _, [one] = write(target, Step("create", name="Friday", after=tuple(keys)))
    for step, words in (
        (Step("add", one["id"], "nope", to=0, before=tuple(keys), after=("nope", *keys)), "no file nope"),
        (Step("remove", one["id"], keys[0], at=0, before=("else",), after=()), "changed since"),
        (Step("like", one["id"], keys[0]), "knows no"),
        (Step("rename", "gone", name="x"), "any more"),
        (Step("create", name="x", parent="dir:none"), "no folder"),
    ):
        with pytest.raises(MusicdbError, match=words):
            target.apply(step)
    with pytest.raises(BadInput, match="which folder"):
        type(target)(target.db, "")


@pytest.mark.parametrize("mode, inodes", [("link", 1), ("copy", 2), ("symlink", 1)])
def test_a_folder_holds_links_or_copies_in_order(db, music, tmp_path, keys, mode, inodes):  # noqa: F811
    target = folder.open(db, f"{mode}:{tmp_path / 'Out'}")
    write(target, Step("create", name="Friday", after=(keys[1], keys[0])))
    place = tmp_path / "Out/Friday"
    assert sorted(p.name for p in place.glob("*.wav")) == ["01 b.wav", "02 a.wav"]
    assert len({os.stat(place / "02 a.wav").st_ino, os.stat(music / "a.wav").st_ino}) == inodes
    assert (place / "02 a.wav").read_bytes() == (music / "a.wav").read_bytes()


def as_on_a_stick(monkeypatch):
    """Capital letters tell no files apart, as on FAT: a file of such a name is the one that is there."""

    def there(path):
        path = Path(path)
        names = os.listdir(path.parent) if path.parent.is_dir() else []
        return path.with_name(next((one for one in names if one.casefold() == path.name.casefold()), path.name))

    def folding(real):
        return lambda *paths, **options: real(*(paths if options.get("dir_fd") else map(there, paths)), **options)

    for module, name in ((os, "replace"), (os, "rename"), (os, "unlink"), (os.path, "lexists")):
        monkeypatch.setattr(module, name, folding(getattr(module, name)))


def test_a_title_in_other_capitals_keeps_its_file_on_a_stick(db, music, tmp_path, keys, monkeypatch):  # noqa: F811
    opened = folder.open(db, str(tmp_path / "Out"))
    _, [one] = write(opened, Step("create", name="Set", after=tuple(keys[:2])))
    with db.atomic():
        db.execute("update platform_tracks set title = upper(title), artists = upper(artists) where external_id = ?", [keys[0]])
    with monkeypatch.context() as patched:
        as_on_a_stick(patched)
        change(opened, one["id"], keys[:3])
    assert len([path for path in (tmp_path / "Out" / "Set").iterdir() if not path.name.startswith(".")]) == 3


def test_a_name_that_is_there_with_its_accents_apart_is_taken(db, music, tmp_path, keys):  # noqa: F811
    """macOS knows one file by both ways of writing it: a list of ours must not replace one of another's."""
    opened = m3u.open(db, str(tmp_path / "Out"))
    opened.root.mkdir()
    (opened.root / "Cafe\u0301.m3u8").write_text("#EXTM3U\n", "utf-8")
    write(opened, Step("create", name="Caf\u00e9", after=tuple(keys[:1])))
    assert sorted(os.listdir(opened.root)) == ["Cafe\u0301.m3u8", "Caf\u00e9 (2).m3u8"]


def test_where_links_are_not_allowed_it_copies(db, music, tmp_path, keys, monkeypatch):  # noqa: F811
    def refused(*_, **__):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "symlink", refused)
    for mode in ("link", "symlink"):
        target = folder.open(db, f"{mode}:{tmp_path / mode}")
        write(target, Step("create", name="Friday", after=(keys[0],)))
        assert (tmp_path / mode / "Friday/01 a.wav").read_bytes() == (music / "a.wav").read_bytes()


def test_a_source_that_is_gone_fails_and_says_so(db, music, tmp_path, keys):  # noqa: F811
    (music / "a.wav").unlink()
    with pytest.raises(SourceError, match="reconcile"):
        write(folder.open(db, str(tmp_path / "Out")), Step("create", name="Friday", after=(keys[0],)))


@pytest.mark.parametrize("name", ["m3u", "folder"])
def test_your_lists_are_planned_approved_written_and_taken_back(db, music, tmp_path, name):  # noqa: F811
    in_playlist(db, track(db, "b.wav"), track(db, "a.wav"), track(db, "b.wav"))
    places = {name: str(tmp_path / "Out")}
    made = playlists.plan(db, to=[name], places=places)
    playlists.approve(db, made.id)
    assert applying.apply(db, made.id).failed == 0
    again = playlists.plan(db, to=[name], places=places)
    assert again.operations == [], "a second sync has nothing to do"
    assert [(link.platform, link.tracks) for link in playlists.inspect(db, "Friday")["links"]] == [(name, 3)]
    files = everything(tmp_path / "Out")
    assert ("Friday.m3u8" in files) if name == "m3u" else ({"Friday/01 b.wav", "Friday/02 a.wav", "Friday/03 b.wav"} <= files.keys())
    playlists.undo(db, made.id)
    assert everything(tmp_path / "Out") == {}


def test_a_plan_whose_part_on_your_lists_cannot_be_taken_back_is_not_taken_back_by_halves(db, music, tmp_path):  # noqa: F811
    in_playlist(db, track(db, "b.wav"), track(db, "a.wav"))
    places = {"m3u": str(tmp_path / "Out")}

    def synced():
        made = playlists.plan(db, to=["m3u"], places=places)
        playlists.approve(db, made.id)
        assert applying.apply(db, made.id).failed == 0
        return made.id

    synced()
    with db.atomic():
        db.execute("update playlist_links set direction = 'two_way'")
    with (tmp_path / "Out" / "Friday.m3u8").open("a", encoding="utf-8") as file:
        file.write("../Music/c.wav\n")
    playlists.add(db, "Friday", [track(db, "a.wav")])
    plan = synced()
    before = everything(tmp_path / "Out")
    playlists.remove(db, "Friday", [2])
    with pytest.raises(CannotUndo, match="take that back first"):
        playlists.undo(db, plan)
    assert everything(tmp_path / "Out") == before
    history.undo(db)
    playlists.undo(db, plan)
    assert everything(tmp_path / "Out") != before and len(playlists.inspect(db, "Friday")["links"]) == 1


def test_names_lead_nowhere_else(target, keys):
    write(target, Step("create", name="../../evil", after=(keys[0],)), Step("folder", name=".."), Step("create", name="..", after=()))
    assert (
        all(not name.startswith("..") for name in everything(target.root.parent)) and not (target.root.parent.parent / "evil.m3u8").exists()
    )
    assert sound and scan


@pytest.mark.parametrize("name", ["m3u", "folder", "rekordbox_xml"])
def test_a_place_is_one_however_it_is_spelled(db, music, tmp_path, monkeypatch, name):  # noqa: F811
    in_playlist(db, track(db, "a.wav"))
    made = playlists.plan(db, to=[name], places={name: str(tmp_path / "Out")})
    playlists.approve(db, made.id)
    applying.apply(db, made.id)
    monkeypatch.chdir(tmp_path)
    for spelled in ("Out", f"{tmp_path}/Out/", f"{tmp_path}/Music/../Out"):
        assert playlists.plan(db, to=[name], places={name: spelled}).operations == []
