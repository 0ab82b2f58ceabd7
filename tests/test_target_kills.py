"""A run that is cut off at any moment: what is there is old or new, never between, and the next run finishes; no list is made twice.

Every call that changes a disk, and every request that writes, is a moment: cut before it and after it. A cut is what a kill leaves: nothing
that comes after it in the program happens any more, no clean-up either. Every seventh moment is tried here; MUSICDB_EVERY=1 tries them all.
With real kills: python -m tests.resilience.targets_write.
"""

from __future__ import annotations

import contextlib
import os
import shutil

import pytest

import musicdb
from musicdb import links, load, playlists, truth
from musicdb.demo.replay import Replay
from musicdb.playlists import editing, targets

from .test_reconcile import in_playlist, music, track  # noqa: F401  music is a fixture
from .test_target_files import everything

EVERY = int(os.environ.get("MUSICDB_EVERY", "7"))
CALLS = ("rename", "replace", "unlink", "rmdir", "mkdir", "link", "symlink", "fsync")


class Cut(BaseException):
    """The program ends here."""


class Cutting:
    """Counts calls below a folder; at the n-th one, and at all that follow, the program has ended. after: that one is done still."""

    def __init__(self, monkeypatch, at: int | None = None, after: bool = False):
        self.n, self.at, self.after, self.dead = 0, at, after, False
        for name in CALLS:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, real):
        def call(*args, **more):
            if self.dead:
                raise Cut
            self.n += 1
            if self.n - 1 == self.at:
                self.dead = True
                if self.after:
                    real(*args, **more)
                raise Cut
            return real(*args, **more)

        return call


def read(db, name, place):
    """{name of list: (folder, items)} of ours."""
    state = targets.find(db, name, place).read()
    return {one.name: (state[one.parent].name if one.parent else None, one.items) for one in state.values() if one.writable}


def files(place):
    """What is on the disk, without names that are drawn by lot."""
    return {path: data for path, data in everything(place).items()} if place.is_dir() else place.read_bytes()


@pytest.mark.parametrize("name", ["m3u", "folder", "rekordbox_xml"])
def test_a_write_to_files_that_is_cut_off_anywhere_is_old_or_new_and_is_finished(db, music, tmp_path, monkeypatch, name):  # noqa: F811
    out = tmp_path / ("Out" if name != "rekordbox_xml" else "r.xml")
    place = str(out)
    a, b, c, d = (track(db, f"{x}.wav") for x in "abcd")
    sets = db.execute("insert into playlists (name, kind) values ('Sets', 'folder')").lastrowid
    for one, items in (("Night", (a, b, a)), ("Day", (c, d)), ("Gone", (a,))):
        in_playlist(db, *items, name=one)
    editing.file(db, "Night", sets)
    playlists.approve(db, (made := playlists.plan(db, to=[name], places={name: place})).id)
    playlists.apply(db, made.id)
    playlists.remove(db, "Night", [0])
    playlists.add(db, "Night", [d, c], at=0)
    playlists.rename(db, "Sets", "Parties")
    editing.file(db, "Day", sets)
    playlists.rename(db, "Day", "Noon")
    playlists.delete(db, "Gone")
    in_playlist(db, d, b, name="New")
    made = playlists.plan(db, to=[name], places={name: place})
    assert {op.action for op in made.operations} >= {"rename", "place", "delete", "create", "add", "remove"}
    playlists.approve(db, made.id, [row.id for row in playlists.operations(db, made.id)])
    old = read(db, name, place)
    db.close()
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copyfile(db.path, kept / "music.db")
    (shutil.copytree if out.is_dir() else shutil.copyfile)(out, kept / out.name)

    def start():
        for path in tmp_path.glob("music.db*"):
            path.unlink()
        shutil.copyfile(kept / "music.db", db.path)
        shutil.rmtree(out) if out.is_dir() else out.unlink()
        (shutil.copytree if (kept / out.name).is_dir() else shutil.copyfile)(kept / out.name, out)

    def run(at=None, after=False):
        with monkeypatch.context() as patched:
            cutting = Cutting(patched, at, after)
            with musicdb.open(db.path) as again, contextlib.suppress(Cut):
                cutting.report = playlists.apply(again, made.id)
        return cutting

    start()
    whole = run()
    assert whole.report.failed == 0
    with musicdb.open(db.path) as again:
        new = read(again, name, place)
        assert new["Noon"][0] == "Parties" and new.keys() == {"Parties", "Night", "Noon", "New"}
    want, seen = files(out), set()
    for at in {*range(0, whole.n, EVERY), whole.n - 1}:
        for after in (False, True) if at == whole.n - 1 else (bool(at % 2),):  # after one is before the next
            start()
            run(at, after)
            with musicdb.open(db.path) as again:
                now = read(again, name, place)
                assert now in (old, new), f"cut {'after' if after else 'before'} call {at}: between"
                seen.add(now == new)
                if again.value("select status from plans where id = ?", [made.id]) != "applied":
                    report = playlists.apply(again, made.id)
                    assert report.failed == 0, f"cut at {at}: {report.messages}"
                assert read(again, name, place) == new
                assert playlists.plan(again, to=[name], places={name: place}).operations == []
            assert files(out) == want, f"cut {'after' if after else 'before'} call {at}: other files than of a run that was not cut off"
    assert seen == {False, True}


@pytest.fixture
def library(tmp_path):
    """A database with both accounts, and what is to be written to each: a list of 60, a folder, changes of a list that is there."""
    path = tmp_path / "kept.db"
    with Replay() as replay, musicdb.open(path) as db:
        for name in ("tidal", "spotify"):
            load.run(db, name, None, token=getattr(replay, name).login(), endpoint=replay.endpoint(name))
        links.link(db)
        truth.resolve(db)
        playlists.apply(db, (playlists.approve(db, (made := playlists.plan(db, playlists=["tidal/Loose ends", "spotify/Ferry crew"])).id), made.id)[1])
    return path


def world(db, name):
    """The plan of a service: its number."""
    sql = "select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') where p.platform = ? order by p.id"
    tracks = list(dict.fromkeys(row[0] for row in db.execute(sql, [name])))
    mine = {"tidal": "Loose ends", "spotify": "Ferry crew"}[name]
    playlists.linking.direct(db, mine, name, "two_way")
    n = len(playlists.state(db, mine))
    playlists.move(db, mine, 0, 3)
    playlists.remove(db, mine, [n - 1])
    playlists.add(db, mine, tracks[:1], at=1)
    folder = db.execute("insert into playlists (name, kind) values ('Made here', 'folder')").lastrowid
    for title, items in (("Sixty", tracks[:60]), ("Nothing yet", [])):
        playlists.create(db, title)
        playlists.add(db, title, items)
        editing.file(db, title, folder)


@pytest.mark.parametrize("name", ["tidal", "spotify"])
def test_a_write_to_a_service_that_is_cut_off_anywhere_is_gone_on_with_and_makes_no_list_twice(library, tmp_path, monkeypatch, name):
    import requests

    real = requests.Session.send
    lists = ["Sixty", "Nothing yet", {"tidal": "Loose ends", "spotify": "Ferry crew"}[name]]

    def once(number, at, after=False):
        """One world: a run that is cut at its at-th write, then another run. Returns how many writes the first one did."""
        path = tmp_path / f"{number}.db"
        shutil.copyfile(library, path)
        writes = []

        def counted(session, request, **more):
            if request.method == "GET" or "oauth2" in request.url:
                return real(session, request, **more)
            writes.append(request.url)
            if len(writes) - 1 == at:
                if after:
                    real(session, request, **more)
                raise Cut
            return real(session, request, **more)

        with Replay() as replay, musicdb.open(path) as db:
            world(db, name)

            def opened():
                return targets.find(db, name, token=getattr(replay, name).login(), endpoint=replay.endpoint(name))

            with contextlib.closing(opened()) as target:
                made = playlists.plan(db, to=[name], playlists=lists, open_targets={name: target})
                playlists.approve(db, made.id)
                monkeypatch.setattr(requests.Session, "send", counted)
                with contextlib.suppress(Cut):
                    playlists.apply(db, made.id, open_targets={name: target})
                monkeypatch.setattr(requests.Session, "send", real)
            first = len(writes)
            with contextlib.closing(opened()) as target:
                if db.value("select status from plans where id = ?", [made.id]) != "applied":
                    report = playlists.apply(db, made.id, open_targets={name: target})
                    assert (report.failed, report.skipped) == (0, 0), report.messages
                state = target.read()
                names = [one.name for one in state.values()]
                assert [names.count(one) for one in ("Sixty", "Nothing yet")] == [1, 1], f"cut at write {at}: a list was made twice"
                assert names.count("Made here") == (name == "tidal"), f"cut at write {at}"
                assert all(len(one.items) == 60 for one in state.values() if one.name == "Sixty")
                assert playlists.plan(db, to=[name], playlists=lists, open_targets={name: target}).operations == []
        return first

    total = once("whole", None)
    assert total >= 6
    for at in {*range(0, total, EVERY), total - 1}:
        once(f"{at}", at)
        once(f"{at} done", at, after=True)


def test_an_answer_that_did_not_come_is_not_asked_for_again_by_a_second_list(library, tmp_path, monkeypatch):
    import requests

    real = requests.Session.send

    def lost(session, request, **more):
        answer = real(session, request, **more)
        if "create-playlist" in request.url:
            raise requests.ConnectionError("the line broke")
        return answer

    with Replay() as replay, musicdb.open(library) as db:
        world(db, "tidal")

        def opened():
            return targets.find(db, "tidal", token=replay.tidal.login(), endpoint=replay.endpoint("tidal"))

        with contextlib.closing(opened()) as target:
            made = playlists.plan(db, to=["tidal"], playlists=["Sixty"], open_targets={"tidal": target})
            playlists.approve(db, made.id)
            monkeypatch.setattr(requests.Session, "send", lost)
            assert playlists.apply(db, made.id, open_targets={"tidal": target}).failed == 1
            monkeypatch.setattr(requests.Session, "send", real)
        playlists.resume(db, made.id)
        with contextlib.closing(opened()) as target:
            assert playlists.apply(db, made.id, open_targets={"tidal": target}).failed == 0
            assert [len(one.items) for one in target.read().values() if one.name == "Sixty"] == [60]


def test_a_list_of_that_name_with_other_tracks_is_nobody_s_and_none_is_made_beside_it(library):
    with Replay() as replay, musicdb.open(library) as db:
        world(db, "tidal")
        with contextlib.closing(targets.find(db, "tidal", token=replay.tidal.login(), endpoint=replay.endpoint("tidal"))) as target:
            made = playlists.plan(db, to=["tidal"], playlists=["Sixty"], open_targets={"tidal": target})
            playlists.approve(db, made.id)
            step = db.value("select id from plan_operations where action = 'create' and plan_id = ?", [made.id])
            with db.atomic():
                db.execute("update plan_operations set status = 'running', result = '{\"same\": []}' where id = ?", [step])
            items = next(one.items for one in target.read().values() if one.name == "Loose ends")
            target.apply(targets.Step("create", name="Sixty", after=items))
            report = playlists.apply(db, made.id, open_targets={"tidal": target})
            assert report.failed == 1
            assert "none was made beside" in db.value("select error_message from plan_operations where id = ?", [step])
            assert [one.name for one in target.read().values()].count("Sixty") == 1
