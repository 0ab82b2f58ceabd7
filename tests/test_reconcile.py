from __future__ import annotations

import json
import os
import sys
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner

from musicdb import links, load, playlists, truth
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.playlists import applying
from musicdb.reconciling import downloads, execute, find, plan, restore


def sound(path, tone=1, frames=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes((n * tone) % 251 for n in range(frames * 2)))
    return path


def scan(db, folder, **options):
    load.run(db, "files", [folder], **options)
    links.link(db)
    truth.resolve(db)


@pytest.fixture
def music(db, tmp_path):
    folder = tmp_path / "Music"
    for n, name in enumerate(("a", "b", "c", "d"), 1):
        sound(folder / f"{name}.wav", n)
    scan(db, folder, verify=True)
    return folder


def track(db, name):
    sql = "select k.track_id from media_files as f join track_links as k on k.platform_track_id = f.platform_track_id and k.status in ('auto', 'confirmed') where f.path like ?"
    return db.value(sql, [f"%/{name}"])


def in_playlist(db, *tracks, name="Friday"):
    with db.operation("test"):
        id = db.execute("insert into playlists (name) values (?)", [name]).lastrowid
        for n, one in enumerate(tracks):
            db.execute("insert into playlist_items (playlist_id, sort_key, track_id) values (?, ?, ?)", [id, f"{n:04d}", one])
    return id


def kinds(db):
    return sorted((one.kind, os.path.basename(one.path)) for one in find(db).findings)


def approve_all(db, number):
    ids = [op.id for op in playlists.operations(db, number)]
    playlists.approve(db, number, ids)
    return applying.apply(db, number)


def test_a_file_that_was_read_for_what_it_holds_is_there_whatever_it_is_called(db, music):
    sound(music / "no ending", 12, 4000)
    load.run(db, "files", [music])
    assert not find(db).findings
    (music / "no ending").unlink()
    assert kinds(db) == [("missing", "no ending")]


def test_without_any_playlist_no_file_is_called_orphaned(db, music):
    found = find(db)
    assert not found.findings and "no playlist is known yet" in " ".join(found.notes)
    in_playlist(db, track(db, "a.wav"))
    found = find(db)
    assert {one.kind for one in found.findings} == {"orphaned"} and not found.notes


def test_each_difference_is_told_apart(db, music):
    in_playlist(db, track(db, "a.wav"), track(db, "b.wav"), track(db, "c.wav"))
    (music / "a.wav").unlink()
    (music / "sub").mkdir()
    (music / "b.wav").rename(music / "sub/b.wav")
    sound(music / "c.wav", 9, 4000)
    sound(music / "new.wav", 11)
    assert kinds(db) == [("changed", "c.wav"), ("missing", "a.wav"), ("moved", "b.wav"), ("orphaned", "d.wav"), ("unknown", "new.wav")]


def test_a_scan_by_plan_settles_what_moved_changed_and_is_new(db, music):
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abcd"))
    (music / "b.wav").rename(music / "moved.wav")
    sound(music / "new.wav", 11)
    number = plan(db, find(db).findings)
    assert [(op.action, op.reason) for op in playlists.operations(db, number)] == [("scan", f"1 unknown, 1 moved below {music}")]
    report = approve_all(db, number)
    assert report.done == 1 and kinds(db) == [("orphaned", "new.wav")]
    assert track(db, "moved.wav") and db.value("select count(*) from platform_tracks where missing_since is not null") == 0


def test_a_folder_that_is_away_proves_nothing(db, music):
    music.rename(music.with_name("away"))
    found = find(db)
    assert found.findings == [] and "is the drive connected" in found.notes[0]


def test_what_no_playlist_uses_goes_to_the_trash_only_when_approved_and_comes_back(db, music):
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abc"))
    number = plan(db, find(db).findings)
    playlists.approve(db, number)
    with pytest.raises(BadInput, match="no approved"):
        applying.apply(db, number)
    assert (music / "d.wav").exists(), "trash is approved by its number only"
    report = approve_all(db, number)
    assert report.done == 1 and not (music / "d.wav").exists()
    assert db.value(
        "select p.missing_since is not null from media_files as f join platform_tracks as p on p.id = f.platform_track_id where f.path like '%/d.wav'"
    )
    assert [p.name for p in (music / ".musicdb-trash").rglob("*.wav")] == ["d.wav"] and kinds(db) == []
    playlists.undo(db, number)
    assert (music / "d.wav").exists() and kinds(db) == [("orphaned", "d.wav")]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names of files are text there")
def test_a_file_whose_name_is_no_text_comes_back_from_the_trash_too(db, music):
    name = os.fsencode(music) + b"/no\xfftext.wav"
    os.rename(music / "d.wav", name)
    scan(db, music)
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abc"))
    number = plan(db, find(db).findings)
    assert approve_all(db, number).done == 1 and not os.path.exists(name)
    playlists.undo(db, number)
    assert os.path.exists(name)


def test_what_comes_back_from_the_trash_is_known_though_another_cannot(db, music):
    in_playlist(db, *(track(db, f"{name}.wav") for name in "ab"))
    number = plan(db, find(db).findings)
    assert approve_all(db, number).done == 2
    (music / "d.wav").write_bytes(b"another")
    with pytest.raises(BadInput, match="is there again"):
        playlists.undo(db, number)
    assert (music / "c.wav").exists()
    assert db.value("select p.missing_since from media_files as f join platform_tracks as p on p.id = f.platform_track_id where f.path like '%/c.wav'") is None


def test_a_file_that_a_playlist_took_meanwhile_or_that_changed_stays(db, music):
    in_playlist(db, track(db, "a.wav"), track(db, "b.wav"))
    number = plan(db, find(db).findings)
    in_playlist(db, track(db, "c.wav"), name="Later")
    sound(music / "d.wav", 77)
    report = approve_all(db, number)
    assert report.done == 0 and report.failed == 2 and (music / "c.wav").exists() and (music / "d.wav").exists()
    errors = {op.error_message.partition(": ")[2] or op.error_message for op in playlists.operations(db, number)}
    assert any("uses it now" in e for e in errors) and any("changed since" in e for e in errors)


def test_files_that_may_be_copies_are_offered_to_be_read_whole_and_then_told_apart(db, tmp_path):
    music = tmp_path / "Plain"
    for name in ("a", "b"):
        sound(music / f"{name}.wav", 3, 200_000)
    with open(sound(music / "c.wav", 3, 200_000), "r+b") as file:  # the same but for a place between the two windows
        file.seek(120_000)
        file.write(b"another drop")
    sound(music / "d.wav", 5)
    scan(db, music)
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abcd"))
    db.execute("update media_files set audio_hash = null, file_hash = null")
    assert kinds(db) == [("unverified", "a.wav"), ("unverified", "b.wav"), ("unverified", "c.wav")]
    number = plan(db, find(db).findings)
    assert [op.action for op in playlists.operations(db, number)] == ["verify"]
    assert playlists.approve(db, number) == 1 and applying.apply(db, number).done == 1
    assert kinds(db) == [("duplicate", "b.wav")]


def test_every_kind_has_an_action_that_a_plan_carries_out(db, music):
    from musicdb import reconciling

    carried = {"scan", "verify", "download", "trash"}
    assert {action for action, _ in reconciling.KINDS.values()} == carried
    for action in carried:
        assert f'"{action}"' in Path(reconciling.__file__).read_text("utf-8").partition("def execute")[2]


def test_the_same_sound_twice_leaves_one(db, music):
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abcd"))
    sound(music / "z copy of a.wav", 1)
    scan(db, music, verify=True)
    number = plan(db, [one for one in find(db).findings if one.kind == "duplicate"])
    (op,) = playlists.operations(db, number)
    assert op.action == "trash" and op.item.endswith("z copy of a.wav") and "very same" in op.reason
    os.rename(music / "a.wav", music.parent / "elsewhere.wav")
    assert approve_all(db, number).failed == 1 and (music / "z copy of a.wav").exists(), "the other copy is gone: this one stays"


def test_restoring_overwrites_nothing(db, music):
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abc"))
    number = plan(db, find(db).findings)
    approve_all(db, number)
    sound(music / "d.wav", 5)
    with pytest.raises(BadInput, match="is there again"):
        restore(db, number)


# ---------- downloads
GETTER = """
import pathlib, sys, wave, time
folder, title, log = sys.argv[1:4]
pathlib.Path(log).open("a").write(title + "\\n")
if title.startswith("fail"): sys.exit("cannot find it")
if title.startswith("slow"): time.sleep(30)
if title.startswith("empty"): sys.exit(0)
with wave.open(folder + "/whatever it is called.wav", "wb") as out:
    out.setnchannels(1); out.setsampwidth(2); out.setframerate(8000); out.writeframes(bytes(len(title) * 2000))
"""


@pytest.fixture
def getter(db, tmp_path):
    (tmp_path / "getter.py").write_text(GETTER)
    log = tmp_path / "log.txt"

    def configure(*command, convert=None, timeout=20):
        command = command or (sys.executable, str(tmp_path / "getter.py"), "{folder}", "{title}", str(log))
        with db.operation("config"):
            for key, value in {
                "download_command": json.dumps(command), "download_folder": str(tmp_path / "In"), "download_timeout": str(timeout),
                **({"convert_command": json.dumps(convert)} if convert else {}),
            }.items():  # fmt: skip
                db.execute(
                    "insert into config (key, value) values (?, ?) on conflict (key) do update set value = excluded.value", [key, value]
                )

    configure.asked = lambda: log.read_text().splitlines() if log.exists() else []
    configure()
    return configure


def wish(db, title, n):
    """A track known from Spotify only."""
    from musicdb.text import match_key

    id = db.execute(
        "insert into platform_tracks (platform, external_id, title, artists, match_key, kind, said, metadata) values ('spotify', ?, ?, '[\"Ines Holt\"]', ?, 'track', ?, '{}')",
        [f"sp{n}", title, match_key(title, ["Ines Holt"]), json.dumps({"title": title, "artists": ["Ines Holt"]})],
    ).lastrowid
    links.link(db)
    truth.resolve(db)
    return db.value("select track_id from track_links where platform_track_id = ?", [id])


def test_a_download_is_read_linked_and_never_made_twice(db, getter, tmp_path):
    tracks = [wish(db, title, n) for n, title in enumerate(("Slow Ferry $(touch x)", "fail it", "Night; Bus"))]
    in_playlist(db, *tracks, tracks[0])
    done = downloads.run(db, "Friday")
    assert [one.status for one in done] == ["done", "failed", "done"] and "cannot find it" in done[1].error
    assert sorted(p.name for p in (tmp_path / "In").iterdir()) == ["Ines Holt - Night; Bus.wav", "Ines Holt - Slow Ferry $(touch x).wav"]
    assert not list(tmp_path.rglob("x")), "nothing of a title is run by a shell"
    assert db.value("select count(*) from track_links where track_id = ? and status = 'confirmed'", [tracks[0]]) == 1
    assert db.value("select count(*) from media_files where download_status = 'done'") == 2
    again = downloads.run(db, "Friday")
    assert [(one.track, one.status) for one in again] == [(tracks[1], "skipped")] and len(getter.asked()) == 3
    assert downloads.one(db, tracks[0]).status == "skipped" and len(getter.asked()) == 3
    assert [one.status for one in downloads.run(db, "Friday", again=True)] == ["failed"] and len(getter.asked()) == 4


def test_a_track_that_another_run_fetches_is_left_to_it(db, getter):
    one = wish(db, "Slow Ferry", 1)
    with db.atomic():
        db.execute(
            "insert into operations (type, status, track_id, started_at) values ('download', 'running', ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
            [one],
        )
    assert downloads.one(db, one).error == "it is being downloaded by another run"
    with db.atomic():
        db.execute("update operations set started_at = '2020-01-01T00:00:00Z' where type = 'download'")
    assert downloads.one(db, one).status == "done", "a run that died long ago holds nothing back"


@pytest.mark.parametrize(
    "title, words", [("slow one", "took longer than 1 s"), ("empty hands", "no audio files"), ("fail", "ended with 1: cannot find it")]
)
def test_a_failing_command_is_told_and_leaves_nothing(db, getter, tmp_path, title, words):
    getter(timeout=1)
    done = downloads.one(db, wish(db, title, 1))
    assert done.status == "failed" and words in done.error
    assert not list((tmp_path / "In").iterdir())
    assert db.value("select error_message from operations where type = 'download'") == done.error


def test_what_is_converted_is_linked_to_its_original(db, getter, tmp_path):
    copy = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2] + '/converted.wav')"
    getter(convert=[sys.executable, "-c", copy, "{source}", "{folder}"])
    one = wish(db, "Slow Ferry", 1)
    assert downloads.one(db, one).status == "done"
    found = db.q(
        "select f.path from media_files as f join track_links as k on k.platform_track_id = f.platform_track_id where k.track_id = ? and k.status = 'confirmed'",
        [one],
    )
    assert sorted(os.path.basename(row.path) for row in found) == ["Ines Holt - Slow Ferry (2).wav", "Ines Holt - Slow Ferry.wav"]


@pytest.mark.parametrize(
    "command, words",
    [(["x", "{nope}"], "nope"), (["/no/such/program", "{folder}"], "cannot be run"), (["x", "{tidal}"], "tidal of it is not known")],
)
def test_a_wrong_command_names_what_is_wrong(db, getter, command, words):
    getter(*command)
    one = wish(db, "Slow Ferry", 1)
    if words == "nope":
        with pytest.raises(BadInput, match="nope"):
            downloads.one(db, one)
    else:
        assert words in downloads.one(db, one).error


def test_a_missing_file_of_a_playlist_is_fetched_by_plan(db, music, getter):
    in_playlist(db, *(track(db, f"{name}.wav") for name in "abcd"))
    (music / "a.wav").unlink()
    number = plan(db, find(db).findings)
    assert [op.action for op in playlists.operations(db, number)] == ["download"]
    assert approve_all(db, number).done == 1 and getter.asked() == ["a"]


def test_an_unknown_step_is_refused(db):
    with pytest.raises(BadInput, match="knows no"):
        execute(db, type("Op", (), {"action": "burn"})())


def test_the_commands_say_what_they_did(db, music, getter):
    (music / "a.wav").unlink()
    in_playlist(db, wish(db, "Slow Ferry", 1))
    path = str(db.path)

    def run(*words, code=0):
        result = CliRunner().invoke(cli, ["--db", path, *words])
        assert result.exit_code == code, result.output
        return result.output

    assert "1 missing" in run("reconcile") and "3 orphaned" in run("reconcile")
    assert json.loads(run("reconcile", "--json", "--kind", "orphaned"))["counts"]["orphaned"] == 3
    assert "musicdb sync --approve 1" in run("reconcile", "--plan", "--kind", "orphaned")
    assert "no kind 'x'" in run("reconcile", "--kind", "x", code=2)
    assert "1 tracks have no file" in run("download", "--playlist", "Friday", "--check")
    assert "1 done" in run("download", "--playlist", "Friday")
    assert "every track has a file" in run("download", "--playlist", "Friday")
