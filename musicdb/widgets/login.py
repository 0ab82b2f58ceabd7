"""Logging in from a notebook: what the platform wants step by step, a field for what it asks, who is logged in, and out again.

What a person types comes as a message, never as a trait: it is in no widget's state, so neither in a saved notebook nor in a checkpoint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from .. import logins, secrets
from ..errors import LoginNeeded
from ..shapes import title
from .base import LABELS, Board, Stopped, short

PATIENCE_S = 900.0  # how long a step waits for a person
LOOK_S = 0.1


class Login(Board):
    """Your accounts at the platforms. "log in" leads through it; the login is kept outside the database and this notebook.

    endpoints: {platform: address} in place of the platforms' own, for a replay server. then: called with a platform once one is logged in.
    """

    LAYOUT = "login"

    def __init__(self, db: Any, *, endpoints: Mapping[str, str] | None = None, then: Callable[[str], object] | None = None, name: str = ""):
        super().__init__(db, name=name)
        self.endpoints, self.then = dict(endpoints or {}), then
        self.answer: tuple[int, str] | None = None
        self.step: dict[str, Any] | None = None
        self.changed = threading.Condition(self.lock)
        self.wanted = self.memory.get("wanted")
        self.memory.pop("stop", lambda: None)()  # a login that this cell began before it was run again
        self.press({"do": "refresh"})

    def want(self, platform: str) -> None:
        """Point at a platform that wants a login."""
        self.wanted = self.memory["wanted"] = platform
        self._show()

    # ---- what the browser may ask

    def do_refresh(self) -> None:
        self._show()

    def do_log_in(self, platform: str, account: str = "", write: bool = False) -> None:
        """Begin the login of a platform, on a thread of its own. write: it may write what is approved, where that is a choice."""
        account = str(account).strip()
        if self.running is not None and not self.running.done():
            self.say("A login is going on: finish or cancel it first.", "error")
            return
        self.step = {"platform": platform, "title": title(platform), "account": account, "lines": [], "n": 0, "prompt": None}
        self.memory["stop"] = self.cancel
        self._show()
        self.work(f"log in to {title(platform)}", lambda progress: self._log_in(platform, account, bool(write), progress), self._came)

    def do_answer(self, number: int, text: str) -> None:
        """What the person typed, for the question of this number."""
        if self.step and self.step.get("secret"):
            secrets.remember(text.strip())
        self.answer = (int(number), str(text))
        self.changed.notify_all()

    def do_log_out(self, platform: str, account: str = "") -> None:
        said = logins.log_out(platform, account)
        self._show()
        self.say(f"{said[:1].upper()}{said[1:]}.", "good")

    # ---- the login, on its thread

    def submit(self, run: Callable[[], Any]) -> Future:
        """A thread that ends with the kernel: it may wait for a person for long."""
        done: Future = Future()
        threading.Thread(target=lambda: done.set_result(run()), name="musicdb-login", daemon=True).start()
        return done

    def _log_in(self, platform: str, account: str, write: bool, progress: Callable[..., None]) -> logins.LoggedIn:
        def ask(prompt: str, secret: bool = False, until: Callable[[], bool] | None = None) -> str:
            number = self._ask(prompt, secret)
            ends = time.monotonic() + PATIENCE_S
            while time.monotonic() < ends:
                with self.changed:
                    if self.answer and self.answer[0] == number:
                        text, self.answer = self.answer[1], None
                        self._ask(None, False)
                        return text
                    self.changed.wait(LOOK_S)
                progress(0, None, "waiting for you")
                if until and until():
                    self._ask(None, False)
                    return ""
            raise LoginNeeded("nobody answered: nothing was changed; press log in to begin again")

        def show(text: str) -> None:
            with self.lock:
                if self.step:
                    self.step["lines"] += [secrets.scrub(line) for line in text.splitlines()]
                    self._show()

        try:
            return logins.log_in(
                platform, ask, show, account=account, endpoint=self.endpoints.get(platform), progress=progress, write=write
            )
        except Stopped:
            raise Stopped(f"The login to {title(platform)} was cancelled; it is as it was before.") from None
        finally:
            with self.lock:
                self.step = self.answer = None
                self._show()

    def _ask(self, prompt: str | None, secret: bool) -> int:
        with self.lock:
            step = self.step = {**(self.step or {}), "n": (self.step or {}).get("n", 0) + 1, "prompt": prompt, "secret": secret}
            self._show()
            return step["n"]

    def _came(self, done: logins.LoggedIn) -> None:
        self.wanted = self.memory["wanted"] = None
        self._show()
        who = f" as {short(done.user, 60)}" if done.user else ""
        self.say(
            f"Logged in to {title(done.platform)}{who}. The login is kept in {done.place}. Next: import {title(done.platform)}.", "good"
        )
        if self.then:
            self.then(done.platform)

    def _show(self) -> None:
        rows = logins.accounts()
        self.state = {
            "title": "Accounts", "labels": LABELS, "step": self.step, "wanted": self.wanted,
            "rows": [
                {"platform": row["platform"], "title": title(row["platform"]), "account": row["account"], "in": row["logged_in"],
                 "writes": logins.may_write(row["platform"]), "who": short(row["user"], 80), "note": short(row["note"], 200)} for row in rows
            ],
            "hint": "Press log in: it says step by step what to do. A login is kept in the system's keyring, or in a file that only you can read: never in the database, never in this notebook.",
        }  # fmt: skip
