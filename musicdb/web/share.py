"""What strangers see of a shared library: the music, on these pages and tables alone; no listening, no path, no price, no history, no SQL of their own.

A list of what is allowed, so that a table of tomorrow is hidden until somebody decides otherwise.
"""

from __future__ import annotations

import hmac
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, urlencode

TABLES = frozenset(
    """tracks library artists release_groups releases genres genre_tree genre_ancestors labels tags track_artists track_genres track_labels track_tags
    track_mytags release_items release_artists release_labels artist_aliases playlists playlist_items platform_playlists platform_releases
    events event_recordings played_at images image_renditions platforms""".split()
)
QUERIES = frozenset({"mixes_with", "versions", "without"})
# Their pages are made for strangers (`Reader.shared`); as raw rows they hold payloads, accounts or paths.
PAGES_ONLY = frozenset({"playlists", "platform_playlists", "platform_releases", "images", "image_renditions", "events", "tracks"})
COOKIE = "musicdb_share"
PATHS = re.compile(r"/|/\.json|/favicon\.ico|/-/(cover/|static/|musicdb\.(css|js)$).*|/[^-/][^/]*(/.*)?")
ARGUMENTS = frozenset({"_through", "_where", "sql", "_extra"})  # would ask tables that are hidden


def is_shared(datasette) -> bool:
    """Whether strangers look."""
    return bool((datasette.plugin_config("musicdb") or {}).get("share"))


def may(action: str, resource) -> bool | None:
    """Whether a stranger may do this to (database, table or query); None leaves it to Datasette."""
    if action in ("execute-sql", "view-database-download", "permissions-debug", "debug-menu", "insert-row", "update-row", "delete-row", "drop-table"):
        return False
    if action == "view-table":
        return resource[1] in TABLES
    if action == "view-query":
        return resource[1] in QUERIES
    return None


def is_raw(path: str) -> bool:
    """Whether an address is a table, row or export of rows that only our own pages may show."""
    parts = path.strip("/").split("/")
    if len(parts) < 2 or parts[0] == "-":
        return False
    table = re.sub(r"\.(json|csv|blob|m3u8|xml)$", "", parts[1])
    return table in PAGES_ONLY and (len(parts) == 2 or not re.fullmatch(r"[0-9]{1,18}(\.json)?", parts[2]) or table in ("images", "image_renditions"))


def refusal(path: str, query: bytes) -> str | None:
    """Why a stranger's address is refused, or None."""
    if not PATHS.fullmatch(path) or is_raw(path):
        return "This is not shared."
    if ARGUMENTS & parse_qs(query.decode("latin-1"), keep_blank_values=True).keys():
        return "Questions of one's own are not shared."
    return None


def given(query: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[str | None, bool]:
    """(the token that a request brings, whether it stands in the address)."""
    found = parse_qs(query.decode("latin-1")).get("token")
    if found:
        return found[0], True
    for name, value in headers:
        if name.lower() == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].decode("latin-1").strip(), False
        if name.lower() == b"cookie":
            try:
                jar = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            if COOKIE in jar:
                return jar[COOKIE].value, False
    return None, False


def is_right(token: str | None, wanted: str) -> bool:
    return token is not None and hmac.compare_digest(token.encode(), wanted.encode())


def cookie(token: str) -> str:
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"


def without_token(path: str, query: bytes) -> str:
    """The address without the token, so that it stays in no history or bookmark."""
    rest = {name: values for name, values in parse_qs(query.decode("latin-1")).items() if name != "token"}
    return quote(path, safe="/~+,.-_") + (f"?{urlencode(rest, doseq=True)}" if rest else "")
