from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from musicdb import load
from musicdb.errors import BadInput, SourceError, Transient
from musicdb.playlists import diff
from musicdb.playlists.targets import CannotRestore, Step, Target
from musicdb.targets import _pair, rekordbox

from .resilience import rekordbox_write as kill


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def master(request, tmp_path) -> Path:
    return kill.make(tmp_path / "Pioneer", request.param)


@pytest.fixture
def opened(db, master):
    def opener(running=kill.nobody):
        return rekordbox.open(db, str(master), running=running)

    with contextlib.closing(opener()) as target:
        target.again = opener
        yield target


def steps_to(id, before, after):
    now = list(before)
    for change in diff(before, after):
        was = tuple(now)
        if change.at is not None:
            now.pop(change.at)
        if change.to is not None:
            now.insert(change.to, change.key)
        yield Step(change.op, id, change.key, change.at, change.to, before=was, after=tuple(now))


def write(target, *steps):
    details = target.backup().details
    results = [target.apply(step) for step in steps]
    target.commit()
    return details, results


def test_it_is_a_target_and_reads_lists_as_the_importer_names_them(db, master, opened):
    assert isinstance(opened, Target)
    load.run(db, "rekordbox", master, anlz=False)
    state = opened.read()
    assert state.keys() == {row.external_id for row in db.q("select external_id from platform_playlists")}
    assert state["Sets/Friday"].items == ("9", "253529738", "9", "77") and state["Sets/Friday"].parent == "Sets"
    assert not state["Fast ones"].writable and state["Fast ones"].kind == "smart"


def test_adds_moves_and_removes_change_one_list_and_no_other_row(master, opened):
    before = kill.rows(master)
    was = opened.read()["Sets/Friday"].items
    want = ("77", "253529738", "253529738", "9")
    write(opened, *steps_to("Sets/Friday", was, want))
    assert opened.read()["Sets/Friday"].items == want and opened.verify({"Sets/Friday": want}) == []
    now = kill.rows(master)
    assert {name for name in now if now[name] != before[name]} == {"djmdSongPlaylist", "agentRegistry"}
    gone = [row for row in before["djmdSongPlaylist"] if row not in now["djmdSongPlaylist"]]
    assert all("'501'" in row for row in gone), "a place of another list was touched"
    assert list(steps_to("Sets/Friday", opened.read()["Sets/Friday"].items, want)) == [], "a second sync has nothing to do"


def test_a_write_without_steps_leaves_the_very_same_bytes(master, opened):
    before = _pair.Pair(master).hashes()
    write(opened)
    assert _pair.Pair(master).hashes() == before


def test_a_second_list_of_a_name_is_another_list_and_keeps_its_id(db, master, opened):
    _, results = write(opened, Step("create", name="Sets", after=("9",)), Step("create", name="Friday", parent="Sets", after=("9", "9")))
    assert results == [{"id": "Sets#2"}, {"id": "Sets/Friday#3"}]
    opened.observe()
    found = {r.external_id: r.n for r in db.q(
        "select p.external_id, (select count(*) from platform_playlist_items as i where i.platform_playlist_id = p.id and removed_at is null) as n "
        "from platform_playlists as p"
    )}  # fmt: skip
    assert found["Sets#2"] == 1 and found["Sets/Friday#3"] == 2 and found["Sets/Friday"] == 4
    assert opened.read().keys() == found.keys()


def test_folders_renames_places_and_deletes(master, opened):
    write(
        opened, Step("folder", name="New"), Step("create", name="One", parent="New", after=("77",)), Step("rename", "New/One", name="Two"),
        Step("place", "Sets/Friday#2", parent="New"), Step("delete", "Sets/Friday"),
    )  # fmt: skip
    state = opened.read()
    names = {(one.name, state[one.parent].name if one.parent else None) for one in state.values()}
    assert names == {("Sets", None), ("New", None), ("Two", "New"), ("Friday", "New"), ("Fast ones", None)}
    assert (master.parent / _pair.XML).read_text().count("<NODE") == 3  # the one that was there was of the deleted list


@pytest.mark.parametrize(
    "step, words",
    [
        (Step("delete", "Sets"), "still holds"),
        (Step("add", "Fast ones", "9", to=0), "fills itself"),
        (Step("add", "Sets/Friday", "404", to=0), "no track 404"),
        (Step("add", "nowhere", "9", to=0), "no list 'nowhere'"),
        (Step("remove", "Sets/Friday", "9", at=1), "does not hold"),
        (Step("create", name=" "), "needs a name"),
        (Step("create", name="x", parent="Sets/Friday"), "no folder"),
        (Step("place", "Sets", parent="Sets"), "in itself"),
        (Step("tag", key="9", tag="Mood: Dark"), "no MyTag group 'Mood'"),
        (Step("like", "Sets/Friday", "9"), "knows no 'like'"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_changes(master, opened, step, words):
    before = _pair.Pair(master).hashes()
    opened.backup()
    with pytest.raises(BadInput, match=words):
        opened.apply(step)
    opened.commit()
    assert _pair.Pair(master).hashes() == before


def test_my_tags_are_given_made_and_taken(db, master, opened):
    def tags():
        load.run(db, "rekordbox", master, anlz=False)
        return {r.external_id: r.tags for r in db.q("select external_id, said ->> 'tags' as tags from platform_tracks")}

    write(
        opened,
        Step("tag", key="9", tag="Genre: Deep"),
        Step("tag", key="9", tag="Genre: Nautical"),
        Step("untag", key="253529738", tag="Situation: Warm up"),
    )
    assert tags()["9"] == '["Genre: Deep","Genre: Nautical"]' and tags()["253529738"] == '["Genre: Deep"]'
    before = _pair.Pair(master).hashes()
    write(opened, Step("tag", key="9", tag="Genre: Deep"), Step("untag", key="253529738", tag="Situation: Warm up"))
    assert _pair.Pair(master).hashes() == before, "a second time nothing is written"


def test_the_backup_is_put_back_whole_and_not_over_what_rekordbox_wrote_since(master, opened):
    before = _pair.Pair(master).hashes()
    details, _ = write(opened, Step("create", name="x", after=("9",)))
    opened.restore(details)
    assert _pair.Pair(master).hashes() == before
    details, _ = write(opened, Step("create", name="y", after=("9",)))
    with contextlib.closing(kill.connect(master)) as conn:
        conn.execute("update djmdContent set DJPlayCount = '8'")
    with pytest.raises(CannotRestore):
        opened.restore(details)
    for path in Path(details["folder"]).glob("*.db"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SourceError, match="not as it was backed up"):
        opened.restore(details)


@pytest.mark.parametrize("look", [0, 1, 2])
def test_rekordbox_that_runs_or_is_started_meanwhile_leaves_the_old_files(master, opened, look):
    before = _pair.Pair(master).hashes()
    answers = iter([None] * (1 + look) + ["rekordbox"] * 9)
    target = opened.again(lambda: next(answers))
    with pytest.raises(Transient, match="rekordbox"):
        write(target, Step("create", name="x", after=("9",)))
    assert _pair.Pair(master).hashes() == before and {p.name for p in master.parent.iterdir()} == {"master.db", _pair.XML}


def test_the_players_own_processes_are_known(monkeypatch):
    import psutil

    class Process:
        def __init__(self, name):
            self.info = {"name": name}

    for name in ("rekordbox", "rekordboxAgent", "rekordbox.exe", "rekordboxAgent.exe", "rekordbox 7"):
        monkeypatch.setattr(psutil, "process_iter", lambda _, name=name: [Process(None), Process("python"), Process(name)])
        assert _pair.running() == name
    monkeypatch.setattr(psutil, "process_iter", lambda _: [Process("python")])
    assert _pair.running() is None


def test_a_hostile_or_damaged_playlist_index_stops_the_write(master, opened):
    for text in ('<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;">]><MASTER_PLAYLIST>&d;</MASTER_PLAYLIST>', "<MASTER_PLAYLIST>"):
        (master.parent / _pair.XML).write_text(text)
        before = _pair.Pair(master).hashes()
        with pytest.raises(SourceError, match="damaged"):
            write(opened, Step("create", name="x", after=("9",)))
        assert _pair.Pair(master).hashes() == before


def test_what_is_no_database_of_rekordbox_is_told(db, tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        rekordbox.open(db, str(tmp_path / "none.db"))
    (tmp_path / "master.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises((BadInput, SourceError)):
        rekordbox.open(db, str(tmp_path), running=kill.nobody).read()


def test_killed_at_some_moments_it_is_old_or_new(tmp_path):
    # the 200 of the checklist: python -m tests.resilience.rekordbox_write
    counts = kill.run(2, 5, folder=tmp_path)
    assert sum(counts.values()) == 2


def test_the_public_databases_are_written_and_restored(db, real_data, tmp_path):
    for name, encrypted in (("master_unlocked.db", False), ("master_locked.db", True)):
        path = kill.make(tmp_path / name / "Pioneer", encrypted, real_data / "rekordbox/pyrekordbox/testdata/rekordbox 6" / name)
        before = _pair.Pair(path).hashes()
        with contextlib.closing(rekordbox.open(db, str(path), running=kill.nobody)) as target:
            have = kill.tracks(path)
            details, _ = write(target, Step("create", name="Ours", after=(*have, have[0])))
            assert target.read()["Ours"].items == (*have, have[0])
            target.restore(details)
        assert _pair.Pair(path).hashes() == before
