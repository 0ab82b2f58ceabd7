"""ListenBrainz' API: plays backwards by max_ts, loved and hated recordings by offset. Source: listenbrainz.readthedocs.io, "API"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .. import secrets
from ..errors import LoginNeeded, Transient
from . import _history_account as accounts
from . import listenbrainz as own

NAME, OFFICIAL = "ListenBrainz", "https://api.listenbrainz.org"
PAGE, LOVED_PAGE = 1000, 100  # the most that it gives


def account(known: Any, account: str | None, progress: Any, endpoint: str | None, token: Any) -> Iterator:
    """Yield the plays and the loved and hated recordings of an account."""
    login = accounts.login_of("listenbrainz", NAME, "token", account, token, own.FILES)
    asker = _asker(login["token"], endpoint or login.get("endpoint"), account, progress)
    try:
        user = login.get("user") or _user(asker)
        path = f"1/user/{quote(str(user), safe='')}"
        count = accounts.integer_of(asker.ask(f"{path}/listen-count", "the number of plays").get("payload"), "count", NAME, "plays")
        if count:
            yield from accounts.Walk(_reader(asker, path), _second, known, NAME, "listen").pages(count)
        for score in own.SCORES:
            yield from accounts.loved(
                _feedback(asker, str(user), score), head=own.list_of(score, str(user)), kind="feedback", limit=LOVED_PAGE, known=known,
                stamp=lambda item: item.get("created") if isinstance(item, dict) else None, what=f"{NAME}'s {own.SCORES[score][0]} recordings",
            )  # fmt: skip
    finally:
        asker.close()


def login(ask: Any, show: Any, endpoint: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Ask for the token, try it, and return the login."""
    show("Your user token is on https://listenbrainz.org/settings/ under 'User token'.")
    token = secrets.Secret(str(ask("ListenBrainz user token: ", secret=True)).strip())
    asker = _asker(token, endpoint, "", progress)
    try:
        user = _user(asker)
    finally:
        asker.close()
    show(f"Logged in to ListenBrainz as {user}.")
    return {"token": token, "user": user} | ({"endpoint": endpoint} if endpoint else {})


def _asker(token: str, base: str | None, account: str | None, progress: Any) -> accounts.Asker:
    headers = {"Authorization": f"Token {token}"}
    return accounts.Asker("listenbrainz", NAME, base or OFFICIAL, headers=headers, account=account or "", progress=progress)


def _user(asker: accounts.Asker) -> str:
    found = asker.ask("1/validate-token", "the login")
    if found.get("valid") is not True or not isinstance(found.get("user_name"), str):
        raise LoginNeeded(
            "ListenBrainz does not know this token: copy it anew from listenbrainz.org/settings and run `musicdb login listenbrainz`"
        )
    return found["user_name"]


def _second(play: Any) -> int:
    at = play.get("listened_at") if isinstance(play, dict) else None
    if isinstance(at, bool) or not isinstance(at, int | float):
        raise Transient(f"ListenBrainz sent a play without a time: {accounts.AGAIN} later")
    return int(at)


def _reader(asker: accounts.Asker, path: str) -> Any:
    def read(before: int | None) -> tuple[list, bool]:
        found = asker.ask(f"{path}/listens", "plays", count=PAGE, max_ts=before).get("payload")
        plays = found.get("listens") if isinstance(found, dict) else None
        if not isinstance(plays, list) or len(plays) != accounts.integer_of(found, "count", NAME, "plays"):
            raise Transient(f"ListenBrainz' page of plays holds fewer than it announces: {accounts.AGAIN} later")
        oldest = accounts.integer_of(found, "oldest_listen_ts", NAME, "seconds")
        # A page may be short long before the end: only the oldest play of all ends the list.
        bottom = min(map(_second, plays)) <= oldest if plays else before is not None and before <= oldest
        return plays, bottom

    return read


def _feedback(asker: accounts.Asker, user: str, score: int) -> Any:
    def get(offset: int, limit: int) -> tuple[list, int]:
        path = f"1/feedback/user/{quote(user, safe='')}/get-feedback"
        found = asker.ask(path, "loved recordings", score=score, count=limit, offset=offset, metadata="true")
        items = found.get("feedback")
        if not isinstance(items, list):
            raise Transient(f"ListenBrainz' answer holds no loved recordings: {accounts.AGAIN} later")
        return items, accounts.integer_of(found, "total_count", NAME, "loved recordings")

    return get
