"""Last.fm's API: scrobbles backwards in time, loved tracks by page. Source: last.fm/api.

Pages of getRecentTracks count from the newest and move with every new scrobble, so the time moves instead: `to` is the last second that
is not read yet, and the first page of it is asked for. The scrobble that plays now comes with every page and is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import secrets
from ..errors import LoginNeeded, RateLimited, SourceError, Transient
from . import _history_account as accounts
from . import lastfm as own

NAME, OFFICIAL = "Last.fm", "https://ws.audioscrobbler.com/2.0"
PAGE = 200  # the most that it gives
LOVED_PAGE = 200
BAD_KEY, TRY_AGAIN, TOO_FAST, HIDDEN, NO_USER = (4, 9, 10, 26), (8, 11, 16), (29,), (17,), (6, 7)


def account(known: Any, account: str | None, progress: Any, endpoint: str | None, token: Any) -> Iterator:
    """Yield the scrobbles and the loved tracks of an account."""
    login = accounts.login_of("lastfm", NAME, "api_key", account, token, own.FILES)
    user = str(login.get("user") or account or "")
    if not user:
        raise LoginNeeded("whose scrobbles? Run `musicdb login lastfm`: it asks for the user name too")
    asker = _asker(login["api_key"], user, endpoint or login.get("endpoint"), account, progress)
    try:
        count = _total(asker.ask("", "scrobbles", method="user.getRecentTracks", limit=1), "recenttracks")
        if count:
            yield from accounts.Walk(_reader(asker), _second, known, NAME, "recent").pages(count)
        yield from accounts.loved(
            _loved(asker), head=own.list_of(user), kind="loved", limit=LOVED_PAGE, known=known, stamp=_stamp, what=f"{NAME}'s loved tracks"
        )
    finally:
        asker.close()


def login(ask: Any, show: Any, endpoint: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Ask for the key and the user, try them, and return the login."""
    show("Last.fm wants an API key: make one at https://www.last.fm/api/account/create (any name will do; the callback URL stays empty).")
    key = secrets.Secret(str(ask("Last.fm API key: ", secret=True)).strip())
    user = str(ask("Last.fm user name: ")).strip()
    asker = _asker(key, user, endpoint, "", progress)
    try:
        total = _total(asker.ask("", "the login", method="user.getRecentTracks", limit=1), "recenttracks")
    finally:
        asker.close()
    show(f"Last.fm knows {user}: {total:,} scrobbles.")
    return {"api_key": key, "user": user} | ({"endpoint": endpoint} if endpoint else {})


def _asker(key: str, user: str, base: str | None, account: str | None, progress: Any) -> accounts.Asker:
    params = {"api_key": key, "user": user, "format": "json"}
    return accounts.Asker("lastfm", NAME, base or OFFICIAL, params=params, account=account or "", progress=progress, judge=_judge)


def _judge(status: int, headers: Any, body: Any, what: str) -> None:
    """Raise what an error of the API means; it may come with status 200."""
    code = body.get("error") if isinstance(body, dict) else None
    if isinstance(code, bool) or not isinstance(code, int):
        return
    said = secrets.scrub(str(body.get("message") or ""))[:200]
    if code in BAD_KEY:
        raise LoginNeeded(f"Last.fm does not take this API key ({said}): run `musicdb login lastfm`")
    if code in HIDDEN:
        raise LoginNeeded(
            "this Last.fm profile hides its recent listening: allow it at last.fm/settings/privacy for the time of the import"
        )
    if code in TOO_FAST:
        wait = headers.get("Retry-After")
        raise RateLimited(f"Last.fm asks to wait ({said}): {accounts.AGAIN} later", float(wait) if wait and wait.isdigit() else 30.0)
    if code in NO_USER:
        raise LoginNeeded(f"Last.fm does not know this user ({said}): run `musicdb login lastfm`")
    if code in TRY_AGAIN or status >= 500:
        raise Transient(f"Last.fm could not answer ({said or code}; {what}): {accounts.AGAIN} later")
    raise SourceError(f"Last.fm refused {what}: {said or code}")


def _attr(body: Any, key: str) -> tuple[dict, list]:
    """(counts, items) of an answer. One item comes bare, without its list."""
    found = body.get(key) if isinstance(body, dict) else None
    attr = found.get("@attr") if isinstance(found, dict) else None
    items = found.get("track") if isinstance(found, dict) else None
    items = [items] if isinstance(items, dict) else items
    if not isinstance(attr, dict) or not isinstance(items, list):
        raise Transient(f"Last.fm's answer holds no tracks: {accounts.AGAIN} later")
    return attr, items


def _total(body: Any, key: str) -> int:
    return accounts.integer_of(_attr(body, key)[0], "total", NAME, "scrobbles")


def _second(play: Any) -> int:
    date = play.get("date") if isinstance(play, dict) else None
    at = date.get("uts") if isinstance(date, dict) else None
    if not isinstance(at, int | str) or not str(at).isdecimal():
        raise Transient(f"Last.fm sent a scrobble without a time: {accounts.AGAIN} later")
    return int(at)


def _stamp(item: Any) -> Any:
    date = item.get("date") if isinstance(item, dict) else None
    return date.get("uts") if isinstance(date, dict) else None


def _playing(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("@attr"), dict) and str(item["@attr"].get("nowplaying")) == "true"


def _reader(asker: accounts.Asker) -> Any:
    def read(before: int | None) -> tuple[list, bool]:
        attr, items = _attr(asker.ask("", "scrobbles", method="user.getRecentTracks", limit=PAGE, to=before), "recenttracks")
        plays = [item for item in items if not _playing(item)]
        total = accounts.integer_of(attr, "total", NAME, "scrobbles")  # in this stretch of time
        if len(plays) < min(PAGE, total):
            raise Transient(f"Last.fm's page holds {len(plays)} of {min(PAGE, total)} scrobbles: {accounts.AGAIN} later")
        return plays, total <= len(plays)

    return read


def _loved(asker: accounts.Asker) -> Any:
    def get(offset: int, limit: int) -> tuple[list, int]:
        page = offset // limit + 1
        attr, items = _attr(asker.ask("", "loved tracks", method="user.getLovedTracks", limit=limit, page=page), "lovedtracks")
        return items, accounts.integer_of(attr, "total", NAME, "loved tracks")

    return get
