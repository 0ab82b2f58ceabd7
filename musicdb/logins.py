"""Logging in to platforms and out again, for the command line and the notebook alike. What is kept, and where, is said by `secrets`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import load, secrets
from .errors import BadInput, LoginNeeded
from .shapes import title

SOON = timedelta(days=30)


@dataclass(frozen=True)
class LoggedIn:
    """A login that was made. user: what the platform calls the person, or None; place: where it is kept, for people; note: what it may not do."""

    platform: str
    account: str
    user: str | None
    place: str
    note: str = ""


def platforms() -> list[str]:
    """Names of the platforms that take a login."""
    return [name for name in load.available() if hasattr(load.module(name), "login")]


def may_write(platform: str) -> bool:
    """Whether a login there has a choice between reading only and writing what is approved."""
    return bool(getattr(load.module(platform), "WRITE_LOGIN", ""))


def log_in(
    platform: str, ask: Callable[..., str], show: Callable[[str], object], *, account: str = "", endpoint: str | None = None,
    progress: Callable[..., object] | None = None, write: bool = False,
) -> LoggedIn:  # fmt: skip
    """Lead a person through the login of a platform and keep it. ask, show, progress: see `shapes`. write: ask for the right to write too, where
    the platform has that choice.

    Raises BadInput for a platform that takes none, LoginNeeded where it did not come to one; then the login before is as it was.
    """
    module = _module(platform)
    choice = getattr(module, "WRITE_LOGIN", "")
    if write and not choice:
        raise BadInput(f"a login to {title(platform)} has no choice between reading and writing: leave --write out. Nothing is written there but by a plan that you approve")
    secrets.accounts(platform)  # a folder that cannot be read is better known before a person types
    found = dict(module.login(ask, show, endpoint=endpoint, progress=progress, **({"write": True} if write else {})))
    place = secrets.set(platform, account, found | ({"endpoint": endpoint} if endpoint else {}))
    return LoggedIn(platform, account, _user(found), place, "" if write else choice)


def log_out(platform: str, account: str = "") -> str:
    """Forget a login; what was imported stays. Returns a sentence. Raises BadInput where nobody is logged in by that name."""
    _module(platform)
    name = title(platform)
    if not secrets.delete(platform, account):
        there = [one or "the one without a name" for one in secrets.accounts(platform)]
        of = f" as {account}" if account else ""
        raise BadInput(f"nobody is logged in to {name}{of}; logged in: {', '.join(there) or 'none'}")
    return f"logged out of {name}{f' ({account})' if account else ''}: the login is forgotten, what was imported stays"


def accounts() -> list[dict[str, Any]]:
    """Every login, and a row for each platform without one, by platform and account.

    [{"platform", "account": "" for the one without a name, "logged_in", "user" or None, "ends": UTC text or None, "note": what to do about it, or ""}]
    """
    rows = []
    for platform in platforms():
        found = secrets.accounts(platform)
        rows += [_row(platform, account) for account in found]
        if not found:
            rows.append({"platform": platform, "account": "", "logged_in": False, "user": None, "ends": None, "note": ""})
    return sorted(rows, key=lambda row: (row["platform"], row["account"]))


def _row(platform: str, account: str) -> dict[str, Any]:
    row = {"platform": platform, "account": account, "logged_in": True, "user": None, "ends": None, "note": ""}
    try:
        login = secrets.get(platform, account) or {}
    except LoginNeeded as error:
        return row | {"note": str(error)}
    ends = getattr(load.module(platform), "login_ends", lambda login: None)(login)
    return row | {"user": _user(login), "ends": ends, "note": _note(ends)}


def _note(ends: str | None) -> str:
    left = datetime.fromisoformat(ends) - datetime.now(UTC) if ends else SOON
    if left < timedelta():
        return f"ended on {ends[:10] if ends else ''}: log in again"
    return f"ends on {ends[:10]}: log in again before" if ends and left < SOON else ""


def _user(login: dict[str, Any]) -> str | None:
    return str(login.get("username") or login.get("user") or "") or None


def _module(platform: str) -> Any:
    names = platforms()
    if platform not in names:
        needless = f"{platform} needs no login" if platform in load.available() else f"there is no platform {platform!r}"
        raise BadInput(f"{needless}; a login is for {', '.join(names) or 'none yet'}")
    return load.module(platform)
