"""Accounts of listening histories: one asker for JSON, and a walk back in time that leaves no gap.

Plays are asked for backwards, each request for those before a moment. What was read is kept as covered stretches of time, beside each
page and in its transaction: a run that stops goes on below, one that comes later reads down to what is covered and jumps over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from .. import net, secrets
from ..errors import LoginNeeded, Transient
from ..shapes import Complete, Note, Page

LATE_S = 14 * 86_400  # players send plays that are up to two weeks old: that far back is read again
AGAIN = "what was read is stored, run the same again"
Stretch = tuple[int, int]  # first and last second, both covered


class Asker:
    """Asks one service for JSON. `made` counts requests. judge(status, headers, body, what): raises what an answer means."""

    def __init__(self, platform: str, name: str, base: str, *, headers: dict[str, str] | None = None, params: dict[str, Any] | None = None,
                 account: str = "", progress: Any = None, judge: Callable[..., None] | None = None):  # fmt: skip
        self.platform, self.name, self.base, self.account = platform, name, base.rstrip("/"), account
        self.params, self.progress, self.judge = params or {}, progress, judge
        self.session = net.requests_session((5.0, 60.0), deadline_s=120.0, cap=64 << 20)
        self.session.headers.update({"Accept": "application/json", "User-Agent": "musicdb", **(headers or {})})

    @property
    def made(self) -> int:
        return self.session.requests_made

    def close(self) -> None:
        self.session.close()

    def ask(self, path: str, what: str, **params: Any) -> dict[str, Any]:
        """Return the JSON object at a path; waits where it is asked to. Raises LoginNeeded, RateLimited, Transient or SourceError."""
        return net.patient(lambda: self._once(path, what, params), progress=self.progress, what=self.name)

    def _once(self, path: str, what: str, params: dict[str, Any]) -> dict[str, Any]:
        sent = {key: value for key, value in (self.params | params).items() if value is not None}
        with net.words(self.platform, what):
            answer = self.session.get(f"{self.base}/{path}" if path else self.base + "/", params=sent)
            try:
                body = msgspec.json.decode(answer.content)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                body = None
        if self.judge:
            self.judge(answer.status_code, answer.headers, body, what)
        if answer.status_code != 200:
            said = body.get("error") or body.get("message") if isinstance(body, dict) else ""
            retry = answer.headers.get("Retry-After") or answer.headers.get("X-RateLimit-Reset-In")
            raise net.failure(
                answer.status_code, platform=self.platform, what=what, retry=retry, detail=str(said or ""), account=self.account
            )
        if not isinstance(body, dict):
            raise Transient(f"{self.name} answered something that is no JSON object ({what}): {AGAIN} later")
        return body


def login_of(platform: str, name: str, key: str, account: str | None, token: Any, instead: str) -> dict[str, Any]:
    """Return the login: as given (a dict, or its secret alone) or as stored. Raises LoginNeeded."""
    found = token if token is not None else secrets.get(platform, account or "")
    found = {key: found} if isinstance(found, str) else found
    if not isinstance(found, dict) or not isinstance(found.get(key), str) or not found[key].strip():
        command = f"musicdb login {platform}" + (f" --account {account}" if account else "")
        raise LoginNeeded(f"nobody is logged in to {name}: run `{command}`; or, without a login, {instead}")
    return found | {key: secrets.Secret(found[key].strip())}


# ---------- stretches of time
def merged(stretches: list[Stretch], new: Stretch | None = None) -> list[Stretch]:
    """Return stretches, the newest first, with those that touch made one."""
    out: list[Stretch] = []
    for low, high in sorted([*stretches, *([new] if new else [])]):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return out[::-1]


def without(stretches: list[Stretch], after: int) -> list[Stretch]:
    """Return what of the stretches is not later than `after`."""
    return [(low, min(high, after)) for low, high in stretches if low <= after]


class Walk:
    """The plays of one account, backwards.

    read(before): (plays, the newest first; whether these are the oldest there are) of those before a second, or of all (None).
    at(play): its second. The stored state: {"covered": [[first, last], ...], "count": how many plays the service had when all of them
    were read, "recent": how many of them were of the last two weeks}.
    """

    def __init__(
        self,
        read: Callable[[int | None], tuple[list, bool]],
        at: Callable[[Any], int],
        known: Any,
        name: str,
        kind: str,
        scope: str = "listens",
    ):
        self.read, self.at, self.name, self.kind, self.scope = read, at, name, kind, scope
        self.stored = known.cursor(scope) if known is not None else None
        self.covered, self.count, self.recent = _state(self.stored)

    def pages(self, count: int | None) -> Iterator:
        """Yield the pages of plays that are not covered, and of the last two weeks. count: how many plays the service says it has."""
        if not self._whole():
            fresh = not self.covered
            came = yield from self._down(count, 0 if fresh else None)
            if fresh and count is not None and came < count:
                yield Note(f"{self.name} says it has {count:,} plays, {came:,} came; it may count deleted ones. --all reads them again")
            return
        if count is not None and count == self.count:
            plays, _ = self.read(None)
            if plays and max(map(self.at, plays)) == self.covered[0][1]:
                return  # as many as last time, and none later: nothing came
        grown = None if count is None or self.count is None or self.recent is None else count - self.count + self.recent
        since = self.covered[0][1] - LATE_S
        self.covered = without(self.covered, since)
        came = yield from self._down(count, since)
        if grown is not None and grown > came:
            yield Note(f"{self.name} has {grown - came:,} plays more than last time that are older than two weeks: all were read again")
            self.covered = []
            yield from self._down(count, 0)

    def _whole(self) -> bool:
        return len(self.covered) == 1 and self.covered[0][0] == 0

    def _down(self, count: int | None, since: int | None) -> Iterator:
        """Read from now to the oldest; returns how many plays after `since` there were. since None: an earlier run read a part of them."""
        before, high, top, edge = None, None, None, set()
        came = recent = 0
        while True:
            plays, bottom = self.read(before)
            seconds = [self.at(play) for play in plays]
            if not plays:
                if not bottom:
                    raise Transient(f"{self.name} answered without plays, though it has older ones: {AGAIN} later")
                return came
            newest, oldest = max(seconds), min(seconds)
            top = newest if top is None else top
            high = newest if high is None else max(high, newest)
            # The second on which the page before ended is asked for again.
            fresh = [
                second for play, second in zip(plays, seconds) if not (before is not None and second == before - 1 and _key(play) in edge)
            ]
            came += sum(second > (since or 0) for second in fresh)
            recent += sum(second > top - LATE_S for second in fresh)
            edge = {_key(play) for play, second in zip(plays, seconds) if second == oldest}
            stuck = not bottom and newest == oldest and before == oldest + 1
            if stuck:
                yield Note(f"{self.name} gives no more than {len(plays)} plays of one second ({oldest}): those beyond could not be read")
            low = 0 if bottom else oldest if stuck else oldest + 1  # of the oldest second there may be more on the next page
            if low <= high:
                self.covered = merged(self.covered, (low, high))
            done = self._whole()
            state = _said(self.covered, *((count, None if since is None else recent) if done else (self.count, self.recent)))
            # A page whose plays and state are known leaves no trace, so the state goes along only where it says something new.
            yield Page(self.kind, plays, scope=self.scope, cursor=state if state != self.stored else None, total=count)
            self.stored = state
            if done:
                return came
            start = next((first for first, last in self.covered if first <= high <= last), low)
            if start < low:  # it met what was read before: go on below that
                before, high = start, start - 1
            else:
                before, high = (oldest, oldest - 1) if stuck else (oldest + 1, oldest)


def _key(play: Any) -> bytes:
    return msgspec.json.encode(play)


def _state(stored: str | None) -> tuple[list[Stretch], int | None, int | None]:
    try:
        found = msgspec.json.decode(stored) if stored else {}
        covered = [(int(low), int(high)) for low, high in found.get("covered", [])]
        return merged(covered), found.get("count"), found.get("recent")
    except (msgspec.DecodeError, ValueError, TypeError, AttributeError):
        return [], None, None  # from another version: everything is read again


def _said(covered: list[Stretch], count: int | None, recent: int | None) -> str:
    return msgspec.json.encode({"covered": covered, "count": count, "recent": recent}).decode()


def loved(
    get: Callable[[int, int], tuple], *, head: dict, kind: str, limit: int, known: Any, stamp: Callable[[Any], Any], what: str
) -> Iterator:
    """Yield a list of loved tracks, which the service gives newest first: the oldest has place 0, so that a new one moves none.

    get(offset, limit) -> (items, total). head: payload of the list; it gets "version", total and stamp of the newest: a list whose
    version is known is not read again. Payloads of places: {"list", "position", kind: item}.
    """
    list_id, scope, last = head["external_id"], f"list:{head['external_id']}", [0]
    ahead = {0: get(0, limit)}
    items, total = ahead[0]
    version = f"{total} {stamp(items[0]) if items else ''}".rstrip()
    before = known.playlists().get(list_id) if known is not None else None
    if not total and before is None:
        return  # nothing is loved, nothing was
    if before is not None and before[0] == version and known.cursor(scope) is None:
        yield Page("list", [head | {"version": version}])
        return

    def counted(offset: int, limit: int) -> tuple:
        items, last[0] = ahead.pop(offset) if offset in ahead else get(offset, limit)
        return items, last[0]

    def wrap(item: Any, place: int) -> dict:
        return {"list": list_id, "position": last[0] - 1 - place, kind: item}

    resumed = known.cursor(scope) if known is not None else None
    # With a checkpoint: a run that stops right after it must not take the list for read.
    yield Page("list", [head | {"version": version}], scope=scope, cursor=resumed or "0")
    yield from net.paged(counted, kind=kind, scope=scope, limit=limit, known=known, wrap=wrap, what=what)
    yield Complete("playlist_item", within=list_id, total=last[0], scope=scope)


def integer_of(body: Any, key: str, name: str, what: str) -> int:
    """Return a count of an answer. Raises Transient where there is none: an odd answer must not look like an empty account."""
    value = body.get(key) if isinstance(body, dict) else None
    value = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Transient(f"{name}'s answer does not say how many {what} there are: {AGAIN} later")
    return value
