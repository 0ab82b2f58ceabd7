"""Tidal through tidalapi: raw JSON by its session, which keeps token and country; failures in our own words; a token that is renewed.

tidalapi's own paging loses pages, its errors hold addresses, it has no timeout and drops a rotated refresh token [platforms.md]: so
`basic_request` is asked for one page at a time, on a session with limits. A login is {"access_token", "refresh_token", "expires_at",
"user_id", "country_code", "authorized_at"}.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import net, secrets
from ..errors import LoginNeeded, SourceError, Transient
from ._account import items_of, login_of, refusal
from ._tidal_rows import dict_of, ident, plain

PLATFORM = "tidal"
AUTH = "https://auth.tidal.com/v1/"
PAGE = 100  # asked for at first; where a list takes less, Tidal says how many
USUAL = 50  # what every list takes
_MOST = re.compile(r"max(?:imum)? page size is \[?(\d{1,5})", re.I)
AGAIN = "what was read is stored, run the same again later"


def session_at(base: str, requests_session: Any) -> Any:
    """A tidalapi.Session of its own Config (the default one is shared), speaking to `base` where that is given."""
    import tidalapi

    logging.getLogger("tidalapi").addHandler(logging.NullHandler())  # its failures are told in our words
    config = tidalapi.Config(item_limit=PAGE)
    if base:
        config.api_v1_location, config.api_v2_location, config.openapi_v2_location = f"{base}/v1/", f"{base}/v2/", f"{base}/openapi/v2/"
        config.api_oauth2_token = f"{base}/oauth2/token"
    session = tidalapi.Session(config)
    session.request_session = requests_session
    return session


def limited(base: str) -> Any:
    """A requests session for it; the address of the device code is built into tidalapi, so it is rewritten."""
    return net.requests_session(rewrite={AUTH: f"{base}/"} if base else None)


class Account:
    """One login. .made counts requests; .most is the page size that Tidal takes."""

    def __init__(self, token: Any, *, endpoint: str | None = None, account: str | None = None, progress: net.Progress | None = None):
        self.login = login_of(PLATFORM, account, token)
        self.stored, self.account, self.progress = token is None, account or "", progress
        self.command = f"musicdb login {PLATFORM}" + (f" --account {account}" if account else "")
        self.base = str(endpoint or self.login.get("endpoint") or "").rstrip("/")
        self.most, self.last, self.renewed = PAGE, None, 0
        self.requests = limited(self.base)
        self.requests.hooks["response"].append(self._keep_last)
        self.session = session_at(self.base, self.requests)
        self.session.token_type = "Bearer"
        self.session.access_token, self.session.refresh_token = str(self.login["access_token"]), self.login.get("refresh_token")
        self.session.country_code = plain(self.login.get("country_code"))
        self.session.token_refresh = self._refresh  # tidalapi calls it when Tidal says that the token has expired

    @property
    def made(self) -> int:
        return self.requests.requests_made

    def close(self) -> None:
        self.requests.close()

    def _keep_last(self, response: Any, **_: Any) -> None:
        self.last = response

    def user(self) -> str:
        """Id of the person whose login it is. Tidal is asked where the login does not say it, or not in which country."""
        if (found := ident(self.login.get("user_id"))) and self.session.country_code:
            return found
        said = self.get("sessions", "your session")
        self.session.country_code = self.session.country_code or plain(said.get("countryCode"))
        found = found or ident(said.get("userId"))
        if found is None:
            raise Transient(f"Tidal did not say whose login this is: {AGAIN}")
        return found

    def get(self, path: str, what: str, *, v2: bool = False, **params: Any) -> dict[str, Any]:
        """The JSON object at a path. Waits where Tidal asks for it. Raises net.PageTooLarge, NotGiven, LoginNeeded, RateLimited, Transient."""
        return net.patient(lambda: self._once(path, what, v2, params), progress=self.progress, what="Tidal")

    def _once(self, path: str, what: str, v2: bool, params: dict[str, Any]) -> dict[str, Any]:
        self.renewed = 0
        answer = self._ask(path, what, v2, params)
        if answer.status_code == 401 and not self.renewed and self.session.refresh_token:
            self._refresh(self.session.refresh_token)
            answer = self._ask(path, what, v2, params)
        if answer.status_code != 200:
            raise self._failure(answer, what, params.get("limit", 0))
        with net.words(PLATFORM, what):
            body = answer.json()
        if not isinstance(body, dict):
            raise Transient(f"Tidal answered something unexpected ({what}): {AGAIN}")
        return body

    def _ask(self, path: str, what: str, v2: bool, params: dict[str, Any]) -> Any:
        self.last = None
        base = self.session.config.api_v2_location if v2 else None
        with net.words(PLATFORM, what):
            try:
                return self.session.request.basic_request("GET", path, params, base_url=base)
            except (AttributeError, TypeError, KeyError, RecursionError):  # an error that is not in Tidal's words
                if self.last is None:
                    raise Transient(f"Tidal answered something unreadable ({what}): {AGAIN}") from None
                return self.last

    def _failure(self, answer: Any, what: str, asked: int = 0) -> SourceError | net.PageTooLarge:
        try:
            said = dict_of(answer.json())
        except ValueError:
            said = {}
        words = plain(said.get("userMessage")) or ""
        found = _MOST.search(words)
        if answer.status_code == 400 and (found or asked > USUAL):
            most = int(found[1]) if found else USUAL
            self.most = min(self.most, max(1, most))
            return net.PageTooLarge(most)
        return refusal(answer.status_code, PLATFORM, what, words, answer.headers.get("Retry-After"), self.account)

    def _refresh(self, refresh_token: str) -> bool:
        """Get a new access token, and keep a new refresh token too, which tidalapi would drop."""
        self.renewed += 1
        if self.renewed > 1:
            raise LoginNeeded(f"Tidal says that a token that is new has expired: is this computer's clock right? Else run `{self.command}`")
        config, pkce = self.session.config, bool(self.login.get("is_pkce"))
        form = {
            "grant_type": "refresh_token",
            "refresh_token": str(refresh_token),
            "client_id": config.client_id_pkce if pkce else config.client_id,
            "client_secret": config.client_secret_pkce if pkce else config.client_secret,
        }
        with net.words(PLATFORM, "login"):
            answer = self.requests.post(config.api_oauth2_token, form)
        if answer.status_code in (400, 401, 403):
            raise LoginNeeded(f"Tidal no longer accepts this login: run `{self.command}`")
        if answer.status_code != 200:
            raise self._failure(answer, "the login")
        with net.words(PLATFORM, "login"):
            found = dict_of(answer.json())
        if not plain(found.get("access_token")):
            raise Transient(f"Tidal's answer holds no token: {AGAIN}")
        self.login |= {name: str(found[name]) for name in ("access_token", "refresh_token") if plain(found.get(name))}
        seconds = found.get("expires_in")
        if isinstance(seconds, int) and 0 < seconds < 10**9:
            self.login["expires_at"] = ends_at(seconds)
        for name in ("access_token", "refresh_token"):
            secrets.remember(str(self.login.get(name) or ""))
        self.session.access_token, self.session.refresh_token = self.login["access_token"], self.login.get("refresh_token")
        if self.stored:
            secrets.set(PLATFORM, self.account, self.login)
        return True

    def page(self, path: str, what: str, **params: Any) -> Callable[[int, int], tuple[list, int]]:
        """get(offset, limit) -> (items, announced total) for `net.paged`."""

        def get(offset: int, limit: int) -> tuple[list, int]:
            return items_of(
                self.get(path, what, limit=limit, offset=offset, **params), "items", "totalNumberOfItems", what, PLATFORM, offset
            )

        return get


def ends_at(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---------- login
def login(
    ask: Callable[..., str], show: Callable[[str], object], *, endpoint: str | None = None, progress: net.Progress | None = None
) -> dict[str, Any]:
    """Lead a person through Tidal's device code and return what is to be kept. Raises LoginNeeded where it did not come to one."""
    base = (endpoint or "").rstrip("/")
    requests_session = limited(base)
    try:
        session = session_at(base, requests_session)
        link = net.patient(lambda: _code(session), what="Tidal", progress=progress)
        secrets.remember(link.device_code)
        show(f"Tidal: open https://{link.verification_uri_complete} in any browser, and allow the device {link.user_code}")
        show("Then wait a moment here.")
        left = min(float(link.expires_in), 900.0)
        while not _allowed(session, link):  # sleeps its own interval
            left -= max(1.0, float(link.interval))
            if progress:
                progress(0, None, f"waiting until you allow it, {left / 60:.0f} minutes at most")
            if left <= 0:
                raise LoginNeeded("nobody allowed the device in time: nothing was changed; run `musicdb login tidal` again")
    finally:
        requests_session.close()
    kept = {
        "access_token": session.access_token, "refresh_token": session.refresh_token, "token_type": "Bearer",
        "user_id": getattr(session.user, "id", None), "country_code": session.country_code,
        "authorized_at": ends_at(0),
    }  # fmt: skip
    if isinstance(session.expiry_time, datetime):
        kept["expires_at"] = session.expiry_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in ("access_token", "refresh_token"):
        secrets.remember(str(kept[name] or ""))
    name = getattr(session.user, "username", None)
    return (
        {k: v for k, v in kept.items() if v is not None}
        | ({"username": name} if plain(name) else {})
        | ({"endpoint": endpoint} if endpoint else {})
    )


def _code(session: Any) -> Any:
    from requests import HTTPError

    with net.words(PLATFORM, "login"):
        try:
            return session.get_link_login()
        except HTTPError as error:
            raise net.failure(error.response.status_code, platform=PLATFORM, what="the login") from None
        except (KeyError, TypeError):
            raise Transient(f"Tidal's answer holds no code: {AGAIN}") from None


def _allowed(session: Any, link: Any) -> bool:
    """Whether the person has allowed the device; asked once."""
    import warnings

    from requests import HTTPError
    from tidalapi.exceptions import TidalAPIError

    with net.words(PLATFORM, "login"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its utcnow()
        try:
            return bool(session.process_link_login(link, until_expiry=False))
        except TimeoutError:
            return False
        except HTTPError as error:
            raise net.failure(error.response.status_code, platform=PLATFORM, what="the login") from None
        except (TidalAPIError, KeyError, TypeError, AttributeError):
            raise Transient(f"Tidal's answer to the login is unreadable: {AGAIN}") from None
