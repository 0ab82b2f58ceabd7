"""What all screens share: errors that land on a status line, long work off the callback, memory over a re-run cell, escaping.

Widget callbacks run on two threads in JupyterLab, and an error raised in one vanishes. So every callback goes through `guarded`, shared
state is changed under one lock, and whatever takes long runs on a worker thread of the database, with progress and a way to stop.
"""

from __future__ import annotations

import functools
import html
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import resources
from typing import Any

import anywidget
import ipywidgets
import traitlets

from .. import history, queries
from ..errors import MusicdbError
from ..secrets import scrub
from ..web.cells import PLATFORMS as CHIPS

SHOWN = 500  # characters of one value in a list; the details show more
QUIET = {"covers", "at", "cancel", "refresh"}  # messages that are no step of a person's
AT_ONCE = 200  # of what takes a millisecond each: more goes on beside the callback
STEPS = 20_000  # of SQLite's machine, a few milliseconds, between two looks whether Stop was pressed
STEPS_S = 0.15  # least time between two steps of a progress bar
_memory: dict[tuple[str, str, str, str], dict[str, Any]] = {}
_pools: weakref.WeakKeyDictionary[Any, dict[str, ThreadPoolExecutor]] = weakref.WeakKeyDictionary()
_pools_lock = threading.Lock()
# One for all screens: those that follow each other call each other, from several threads and in both directions.
_one_at_a_time = threading.RLock()


def h(value: object) -> str:
    """Text made safe for HTML, quotes included; None is empty. The one way for data into markup (ipywidgets' HTML escapes nothing)."""
    return "" if value is None else html.escape(str(value), quote=True)


def short(value: object, limit: int = SHOWN) -> str:
    """A value as one line of at most `limit` characters."""
    line = "" if value is None else " ".join(str(value)[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


class Stopped(MusicdbError):
    """The person pressed Stop."""


def remembered(db: Any, kind: str, name: str) -> dict[str, Any]:
    """What a screen of this kind and name over this database left behind in this kernel: a cell that is run again goes on from there.

    Another library that was put in its place begins anew: its operations of the same numbers are others, and `u` would take those back.
    """
    return _memory.setdefault((str(db.path), queries.born(db), kind, name), {})


def pool(db: Any, name: str) -> ThreadPoolExecutor:
    """One worker thread per database and name ("work", "quick"), so that there is one more connection, not one a click."""
    with _pools_lock:
        pools = _pools.setdefault(db, {})
        if name not in pools:
            pools[name] = ThreadPoolExecutor(1, thread_name_prefix=f"musicdb-{name}")
        return pools[name]


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """A callback whose errors are said on the status line of its screen, one callback at a time."""

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kw: Any) -> Any:
        with self.lock:
            try:
                return method(self, *args, **kw)
            except Exception as error:  # a callback has no caller that could see it: the status line is where a person looks
                self.fail(error)
        return None

    return run


class Talk:
    """Status line, guarded callbacks and background work. `self.line` is the widget with a `status` trait."""

    db: Any
    line: Any

    def listen(self, db: Any, name: str) -> None:
        """Set up: the database, the lock, the memory."""
        self.db = db
        self.lock = _one_at_a_time
        self.last_error: BaseException | None = None
        self.running: Future | None = None
        self._stop = threading.Event()
        self.memory = remembered(db, type(self).__name__, name)

    @property
    def said(self) -> str:
        """What the status line says."""
        return str(self.line.status.get("text", ""))

    def say(self, text: str, level: str = "") -> None:
        """Put a sentence on the status line. level: "", "good" or "error"."""
        self.line.status = {"text": short(scrub(text), 400), "level": level}

    def fail(self, error: BaseException) -> None:
        """Say what went wrong; `last_error` keeps it for those who want the traceback."""
        self.last_error = error
        known = isinstance(error, MusicdbError)
        self.say(str(error) if known else f"This did not work, and nothing was changed: {type(error).__name__}: {error}", "error")

    def work(self, what: str, job: Callable[[Callable[..., None]], Any], then: Callable[[Any], object] | None = None) -> Future | None:
        """Run job(progress) on the worker thread, with a bar and Stop; then(result) afterwards, under the lock.

        progress raises Stopped once the person pressed Stop, and so does SQLite at its next step where a job tells no progress: the
        library function ends and its transaction is rolled back.
        """
        if self.running is not None and not self.running.done():
            self.say(f"Still busy: {self.line.status.get('what', 'working')}. Stop it first, or wait.", "error")
            return None
        self._stop.clear()
        last, ended = [0.0], []  # ended: it was told to stop

        def progress(done: int, total: int | None = None, step: str = "") -> None:
            if self._stop.is_set():
                ended.append(True)
                raise Stopped(f"Stopped: {what}. What was done before is kept, the rest was not begun.")
            now = time.monotonic()
            if now - last[0] >= STEPS_S:
                last[0] = now
                of = f" of {total:,}" if total else ""
                self.line.status = {
                    "text": f"{what}: {short(step, 60)} {done:,}{of}",
                    "busy": True,
                    "done": done,
                    "total": total,
                    "what": what,
                }

        def interrupts() -> bool:
            if not self._stop.is_set() or ended:  # once: what is rolled back and written down afterwards goes through
                return False
            ended.append(True)
            return True

        def run() -> Any:
            try:
                conn = self.db.conn
                conn.set_progress_handler(interrupts, STEPS)
                try:
                    result = job(progress)
                finally:
                    conn.set_progress_handler(None, STEPS)
            except Exception as error:  # on a thread of its own nobody else would hear of it
                with self.lock:  # what is said while a message is answered may never be sent
                    if isinstance(error, Stopped):
                        self.say(str(error))
                    elif ended:
                        self.say(f"Stopped: {what}. What was done before is kept, the rest was not begun.")
                    else:
                        self.fail(error)
                return None
            with self.lock:
                try:
                    self.line.status = {}
                    if then:
                        then(result)
                except Exception as error:  # as above
                    self.fail(error)
            return result

        self.line.status = {"text": f"{what} …", "busy": True, "what": what}
        self.running = self.submit(run)
        return self.running

    def soon(self, n: int, what: str, job: Callable[[], Any], then: Callable[[Any], object]) -> None:
        """Do something to n things and then(result): at once for few, beside the callback, with Stop, for many."""
        if n <= AT_ONCE and (self.running is None or self.running.done()):
            then(job())
        else:
            self.work(what, lambda progress: job(), then)

    def submit(self, run: Callable[[], Any]) -> Future:
        """Start what `work` made of a job: one after the other, on the worker thread of the database."""
        return pool(self.db, "work").submit(run)

    def cancel(self) -> None:
        """Ask the running work to stop at its next step."""
        self._stop.set()

    def wait(self, timeout_s: float = 60.0) -> Any:
        """Wait for the running work, for scripts and tests; returns its result."""
        return self.running.result(timeout_s) if self.running else None


def _source(*names: str) -> str:
    return "\n".join((resources.files(__package__) / "js" / name).read_text("utf-8") for name in names)


class View(anywidget.AnyWidget):
    """One browser view: a layout (grid, cards, matrix, details, login, status), what it shows, and the status line below."""

    _esm = _source("common.js", "grid.js", "cards.js", "matrix.js", "details.js", "login.js", "render.js")
    _css = _source("view.css")
    kind = traitlets.Unicode("status").tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True)  # number of the last message from the browser that was dealt with


class Board(Talk, View):
    """A screen that is one browser view. A message {do: name, ...} calls the method do_name(...)."""

    LAYOUT = "cards"

    def __init__(self, db: Any, *, name: str = "", **traits: Any):
        super().__init__(kind=self.LAYOUT, **traits)
        self.line = self
        self.followers: list[Callable[[], object]] | None = None  # that heard something while a message is answered
        self.listen(db, name)
        self.on_msg(self._received)

    def _received(self, _: object, content: dict[str, Any], buffers: list[Any]) -> None:
        if content.get("do") == "cancel":  # at once: who holds the lock may wait for the very work that is to end
            self.cancel()
            return
        with self.lock:
            self.followers = []
            with self.hold_sync():  # what the screen shows, says and has seen: one message
                self.press(content, buffers)
                if "n" in content:
                    self.seen = int(content["n"])
            followers, self.followers = self.followers, None
        for callback in followers or ():  # the key is answered: now the screens below
            callback()

    @guarded
    def press(self, content: dict[str, Any], buffers: list[Any] | None = None) -> None:
        """Do what a message from the browser asks; a test calls it in place of a click."""
        asked = {key: value for key, value in content.items() if key not in ("do", "n")}
        method = getattr(self, f"do_{content.get('do')}", None)
        if method is None:
            raise MusicdbError(f"this screen does not know {content.get('do')!r}; run the cell again after an upgrade")
        if content["do"] not in QUIET and self.status.get("text") and not self.status.get("busy"):
            self.status = {}  # what was said about the step before
        if buffers:
            asked["data"] = bytes(buffers[0])
        method(**asked)

    def do_cancel(self) -> None:
        """Stop the running work."""
        self.cancel()

    def do_covers(self, ids: list[int], size: str = "thumbnail") -> None:
        """Send pictures by id, in one message, from a thread of their own: no key waits for a picture."""
        pool(self.db, "quick").submit(self._send_covers, [int(one) for one in ids][:500], str(size))

    def _send_covers(self, ids: list[int], size: str) -> None:
        try:
            from ..images import renditions

            found = renditions(self.db, ids, size)
            self.send({"do": "covers", "ids": ids, "size": size}, [found.get(one, b"") for one in ids])
        except Exception as error:  # on a thread of its own nobody else would hear of it
            self.fail(error)


class Steps(Board):
    """A Board that keeps what was done in it: `u` takes the last step back, also after its cell was run again. It has a `do_refresh`."""

    def __init__(self, db: Any, *, name: str = "", **traits: Any):
        super().__init__(db, name=name, **traits)
        self.done: list[int] = self.memory.setdefault("done", [])

    def do_undo(self) -> None:
        if not self.done:
            self.say("Nothing to take back here; HistoryPanel shows everything.")
            return
        history.undo(self.db, self.done[-1])
        self.done.pop()
        self._changed()
        self.say("Taken back.", "good")

    def _did(self, operation: int | None, text: str) -> None:
        """A step was done, or (None) it was so already: show it, say it."""
        if operation is not None:
            self.done.append(operation)
        self._changed()
        self.say(f"{text} u takes it back." if operation is not None else "That is so already.", "good")

    def _changed(self) -> None:
        self.do_refresh()  # type: ignore[attr-defined]


class Form(Talk, ipywidgets.VBox):
    """A screen made of form fields, with the status line below them."""

    def __init__(self, db: Any, children: list[Any], *, name: str = ""):
        self.line = View(kind="status")
        super().__init__([*children, self.line])
        self.add_class("mdb-screen")
        self.listen(db, name)
        self.line.on_msg(self._received)

    def _received(self, _: object, content: dict[str, Any], buffers: list[Any]) -> None:
        if content.get("do") == "cancel":
            self.cancel()


def tracks_of(what: Any) -> list[int]:
    """Track ids of what a screen was given: an id, several, or a Grid (its selection, else the row it is at)."""
    if what is None:
        return []
    if isinstance(what, int):
        return [what]
    chosen = getattr(what, "chosen", None)
    return list(chosen()) if callable(chosen) else [int(one) for one in what]


def follow(what: Any, callback: Callable[[], object]) -> None:
    """Call back whenever the selection of a Grid changes, after it answered the browser; nothing to follow elsewhere."""

    def heard(_: object) -> None:
        if what.followers is None:
            callback()
        elif callback not in what.followers:
            what.followers.append(callback)

    if hasattr(what, "chosen"):
        what.observe(heard, names=["selected", "current"])


LABELS = dict(CHIPS)
