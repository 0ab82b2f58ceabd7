"""Spotify's Web API through spotipy: one JSON object at a time, in our own words, with a token that is renewed.

spotipy keeps the session and the token exchange; its waiting, its paging (which sends the token wherever `next` points), its cache file
and its `input()` are not used. A login is {"access_token", "refresh_token", "expires_at" (seconds since 1970), "scope", "client_id",
"authorized_at"}.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .. import net, secrets
from ..errors import LoginNeeded, SourceError, Transient
from ..units import utc
from ._account import items_of, login_of, refusal
from ._spotify_rows import dict_of, plain

PLATFORM = "spotify"
LASTS = timedelta(days=183)  # from the first authorisation on, a refresh token is good for six months
API = "https://api.spotify.com"
NEEDED = {  # scope -> what is read by it
    "user-library-read": "liked songs and saved albums",
    "playlist-read-private": "private playlists",
    "playlist-read-collaborative": "shared playlists",
    "user-top-read": "top tracks and artists",
    "user-read-recently-played": "plays",
    "user-follow-read": "followed artists",
}
WRITES = {  # asked for only where the person wants it; without these the account can be read all the same
    "playlist-modify-private": "private playlists, by an approved plan",
    "playlist-modify-public": "public playlists, by an approved plan",
    "user-library-modify": "liked songs, by an approved plan",
}
EXPORT = (
    "; or, without a login, give the privacy export that spotify.com/account/privacy sends: `musicdb import spotify my_spotify_data.zip`"
)


def login_ends(login: dict[str, Any]) -> str | None:
    """See `spotify.login_ends`."""
    since = utc(login.get("authorized_at"))
    return f"{datetime.fromisoformat(since) + LASTS:%Y-%m-%dT%H:%M:%SZ}" if since else None


class Account:
    """One login. .made counts requests."""

    def __init__(self, token: Any, *, endpoint: str | None = None, account: str | None = None, progress: net.Progress | None = None):
        self.login = login_of(PLATFORM, account, token, EXPORT)
        self.stored, self.account, self.progress = token is None, account or "", progress
        self.command = f"musicdb login {PLATFORM}" + (f" --account {account}" if account else "")
        self.base = str(endpoint or self.login.get("endpoint") or "").rstrip("/")
        self._check_scope()
        self.session = net.requests_session()
        self.last: Any = None
        self.session.hooks["response"].append(self._keep_last)
        import spotipy

        logging.getLogger("spotipy").addHandler(logging.NullHandler())  # its refusals are told in our words
        self.client = spotipy.Spotify(auth=str(self.login["access_token"]), requests_session=self.session, requests_timeout=None)
        self.client.prefix = f"{self.base or API}/v1/"

    @property
    def made(self) -> int:
        return self.session.requests_made

    def close(self) -> None:
        self.session.close()

    def _keep_last(self, response: Any, **_: Any) -> None:
        self.last = response

    def _check_scope(self) -> None:
        """spotipy would ask on the keyboard for what a narrower login does not allow."""
        scope = self.login.get("scope")
        have = set(scope.split()) if isinstance(scope, str) else set()
        if missing := [name for name in NEEDED if name not in have]:
            may = ", ".join(NEEDED[name] for name in missing)
            raise LoginNeeded(
                f"this Spotify login does not allow to read {may} (scope {' '.join(missing)}): run `{self.command}` once more"
            )

    def get(self, path: str, what: str, **params: Any) -> dict[str, Any]:
        """The JSON object at a path. Waits where Spotify asks for it. Raises NotGiven, LoginNeeded, RateLimited, Transient."""
        return net.patient(lambda: self._once(path, what, params), progress=self.progress, what="Spotify")

    def _once(self, path: str, what: str, params: dict[str, Any]) -> dict[str, Any]:
        expires = self.login.get("expires_at")
        if isinstance(expires, int | float) and expires < time.time() + 60 and self.login.get("refresh_token"):
            self._refresh()
        try:
            return self._ask(path, what, params)
        except LoginNeeded:
            if not self.login.get("refresh_token") or self.last is None or self.last.status_code != 401:
                raise
            self._refresh()
            return self._ask(path, what, params)

    def _ask(self, path: str, what: str, params: dict[str, Any]) -> dict[str, Any]:
        import spotipy

        self.last = None
        with net.words(PLATFORM, what):
            try:
                body = self.client._get(path, **params)
            except spotipy.SpotifyException as error:
                raise self._failure(error.http_status, what, error.headers or {}, error.msg) from None
            except (AttributeError, TypeError):  # {"error": "text"} or a list in place of Spotify's error object
                status = self.last.status_code if self.last is not None else 500
                raise self._failure(status, what, self.last.headers if self.last is not None else {}, "") from None
        if not isinstance(body, dict):  # None: no JSON, which must not look like the end of the data
            raise Transient(
                f"Spotify answered something that is no JSON object ({what}): what was read is stored, run the same again later"
            )
        return body

    def _failure(self, status: int, what: str, headers: Any, words: str) -> SourceError:
        words = str(words or "").rpartition("\n")[2].strip()
        if status == 403 and "scope" in words.lower():
            return LoginNeeded(f"this Spotify login does not allow to read {what}: run `{self.command}` once more")
        return refusal(status, PLATFORM, what, words, headers.get("Retry-After"), self.account)

    def _refresh(self) -> None:
        client_id = plain(self.login.get("client_id"))
        if client_id is None:
            raise LoginNeeded(f"the Spotify login has ended, and cannot be renewed without its Client ID: run `{self.command}`")
        flow = auth(client_id, "http://127.0.0.1/callback", self.base, self.session)
        found = exchanged(self, lambda: flow.refresh_access_token(str(self.login["refresh_token"])), self.command)
        self.login |= {
            name: found[name] for name in ("access_token", "refresh_token", "expires_at", "expires_in", "token_type") if name in found
        }
        for name in ("access_token", "refresh_token"):
            secrets.remember(str(self.login[name]))
        self.client.set_auth(str(self.login["access_token"]))
        if self.stored:
            secrets.set(PLATFORM, self.account, self.login)

    def page(self, path: str, what: str, key: str = "", **params: Any) -> Callable[[int, int], tuple[list, int]]:
        """get(offset, limit) -> (items, announced total) for `net.paged`."""

        def get(offset: int, limit: int) -> tuple[list, int]:
            return items_of(self.get(path, what, limit=limit, offset=offset, **params), "items", "total", what, PLATFORM, offset)

        return get


# ---------- tokens
def auth(client_id: str, redirect_uri: str, base: str, session: Any, *, write: bool = False) -> Any:
    """spotipy's PKCE, which keeps nothing itself. write: ask for playlists and likes to be written too."""
    from spotipy.cache_handler import MemoryCacheHandler
    from spotipy.oauth2 import SpotifyPKCE

    flow = SpotifyPKCE(
        client_id=client_id, redirect_uri=redirect_uri, scope=" ".join(sorted([*NEEDED, *(WRITES if write else ())])), open_browser=False, cache_handler=MemoryCacheHandler(),
        requests_session=session, requests_timeout=None,
    )  # fmt: skip
    if base:
        flow.OAUTH_TOKEN_URL, flow.OAUTH_AUTHORIZE_URL = f"{base}/api/token", f"{base}/authorize"
    return flow


def exchanged(api: Any, call: Callable[[], Any], command: str, *, text: bool = False) -> Any:
    """The answer of the token address (text: the access token alone). Raises LoginNeeded where it refuses, RateLimited or Transient where it cannot answer."""
    from spotipy.oauth2 import SpotifyOauthError

    def once() -> Any:
        api.last = None
        with net.words(PLATFORM, "login"):
            try:
                return call()
            except SpotifyOauthError as error:
                status = api.last.status_code if api.last is not None else 500
                if status == 429 or status >= 500:
                    raise net.failure(
                        status,
                        platform=PLATFORM,
                        what="the login",
                        retry=api.last.headers.get("Retry-After") if api.last is not None else None,
                    ) from None
                said = error.error if error.error in ("invalid_grant", "invalid_client", "invalid_request", "access_denied") else status
                raise LoginNeeded(f"Spotify no longer accepts this login ({said}): run `{command}`") from None
            except (KeyError, TypeError, AttributeError):
                raise Transient("Spotify's answer holds no token: run the same again later") from None

    found = net.patient(once, what="Spotify")
    if not plain(found if text else dict_of(found).get("access_token")):
        raise Transient("Spotify's answer holds no token: run the same again later")
    return found
