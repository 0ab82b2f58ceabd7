"""Screens when something ends: work that is stopped, a database that is closed."""

from __future__ import annotations

import inspect
import threading
import time

import pytest

import musicdb
from musicdb import load, truth, widgets
from musicdb.widgets.base import Board

from .reviewable import reviewable
from .test_widgets import eventually


@pytest.fixture
def music(tmp_path):
    reviewable(tmp_path / "music.db", 12)
    with musicdb.open(tmp_path / "music.db") as db:
        yield db


def test_work_that_tells_no_progress_is_stopped_too_and_changes_nothing(music):
    panel, begun = musicdb.ImportPanel(music), threading.Event()

    def job(progress):
        with music.operation("slow"):
            music.execute("update tracks set comment = 'stopped' where id = 1")
            begun.set()
            return music.value(
                "with recursive c(n) as (select 1 union all select n + 1 from c where n < 10000000000) select count(*) from c"
            )

    panel.work("count to ten milliards", job)
    assert begun.wait(5)
    panel._received(None, {"do": "cancel"}, [])
    panel.wait(10)
    assert panel.said.startswith("Stopped: count") and panel.last_error is None
    assert music.value("select count(*) from tracks where comment = 'stopped'") == 0
    panel.work("count", lambda progress: music.value("select 3"), lambda found: panel.say(f"{found}"))
    panel.wait(10)
    eventually(lambda: panel.said == "3")


def test_an_import_that_is_stopped_ends_in_the_log_and_leaves_every_index(music, tmp_path):
    """What it does on its way out (to make an index again, to note its end) takes SQLite long enough to be asked whether Stop was pressed."""
    file = tmp_path / "scrobbles.csv"
    file.write_text("".join(f'"{1600000000 + n * 300}","A{n % 90}","Album","T{n % 900}"\n' for n in range(30_000)), "utf-8")
    panel, indexes = musicdb.ImportPanel(music), "select count(*) from sqlite_master where type = 'index'"
    before = music.value(indexes)

    def job(progress):
        def tell(done, total, what):
            if music.value(indexes) < before:
                panel.cancel()
            progress(done, total, what)

        return load.run(music, "lastfm", file, progress=tell)

    panel.work("import lastfm", job)
    panel.wait(30)
    assert panel.said.startswith("Stopped: import") and music.value(indexes) == before
    assert music.one("select status, error_message like 'Stopped%' as said from operations where type = 'import' order by id desc") == {"status": "failed", "said": 1}


def test_screens_that_follow_each_other_from_two_threads_do_not_wait_for_each_other(music):
    grid = musicdb.Grid(music)
    editor = musicdb.TruthEditor(music, grid)

    def called_from(one, other):  # a job of `one` has ended, or its list was settled: it tells `other`
        with one.lock:
            time.sleep(0.1)
            other.refresh()

    threads = [threading.Thread(target=called_from, args=pair, daemon=True) for pair in ((grid, editor), (editor, grid))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_what_ended_work_says_is_not_said_while_a_message_is_answered(music):
    """ipywidgets may lose what is set from another thread while it collects an answer: the bar would stay for ever."""
    panel = musicdb.ImportPanel(music)
    with panel.lock:
        panel.work("fail", lambda progress: music.value("no sql"))
        with pytest.raises(TimeoutError):
            panel.wait(0.3)
        assert panel.said == "fail …"
    panel.wait(10)
    assert panel.said.startswith("This did not work")


def test_stop_does_not_wait_for_what_waits_for_the_work_that_it_stops(music):
    panel, board = musicdb.ImportPanel(music), musicdb.PlaylistSync(music)
    for screen, begun in ((panel, threading.Event()), (board, threading.Event())):

        def job(progress, begun=begun):
            begun.set()
            while True:
                progress(0)
                time.sleep(0.01)

        screen.work("work", job)
        assert begun.wait(5)
        with screen.lock:
            pressed = threading.Thread(target=screen._received, args=(None, {"do": "cancel"}, []), daemon=True)
            pressed.start()
            pressed.join(5)
            assert not pressed.is_alive()
        screen.wait(5)
        assert screen.said.startswith("Stopped")


def test_a_screen_takes_back_nothing_in_a_library_that_was_put_in_the_place_of_another(tmp_path):
    path = tmp_path / "music.db"
    reviewable(path, 12)
    with musicdb.open(path) as db:
        musicdb.Tagger(db, 1).add("peak")
        assert len(musicdb.Tagger(db, 1).done) == 1, "the cell was run again"
    path.unlink()
    reviewable(path, 12)
    with musicdb.open(path) as db:
        truth.decide(db, 2, "year", 1988)
        tagger = musicdb.Tagger(db, 1)
        tagger.undo()
        assert tagger.said == "Nothing to take back here." and db.value("select year from tracks where id = 2") == 1988


@pytest.mark.parametrize("name", widgets.SCREENS)
def test_whatever_is_pressed_when_the_database_is_gone_is_said_on_the_status_line(music, name):
    """Every button and every message of every screen: none raises, none is silent."""
    screen = getattr(musicdb, name)(
        music, *([1] if name in ("TrackDetails", "TruthEditor", "ImagePicker", "Tagger", "PlatformSearch") else [])
    )
    args = {"id": 1, "ids": [1], "field": "year", "platform": "spotify", "text": "5", "name": "year", "value": "5", "on": True, "offset": 0}
    eventually(lambda: not isinstance(screen, Board) or screen.state)
    music.close()
    boards = [screen, *getattr(screen, "children", ())]
    said = 0
    for board in (one for one in boards if isinstance(one, Board)):
        for do in (one for one in dir(board) if one.startswith("do_") and one not in ("do_cancel", "do_covers")):
            wanted = inspect.signature(getattr(board, do)).parameters
            board.press({"do": do[3:], **{key: args.get(key, "x") for key in wanted}})
            said += board.last_error is not None
    if hasattr(screen, "refresh"):  # as the list does that it follows
        screen.refresh()
        eventually(lambda: screen.last_error is not None)
        said += 1
    for button in _buttons(screen):
        screen.line.status = {}
        button.click()
        eventually(lambda: screen.said)
    assert said or not isinstance(screen, Board), "something of it needs the database"


def _buttons(screen):
    for one in getattr(screen, "children", ()):
        if type(one).__name__ == "Button" and not one.disabled:
            yield one
        elif not isinstance(one, Board):
            yield from _buttons(one)
