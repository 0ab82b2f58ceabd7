"""ListenBrainz and Last.fm on 127.0.0.1, as their documentation says they answer; with plays to give and faults to make.

with Service(listens=[...], loved=[...]) as service: service.url("listenbrainz"); service.log; service.faults[3] = "html"
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "a-token-of-nobody-1234567890"
BASE = 1_600_000_000


def play(second: int, n: int | None = None) -> dict:
    """A play, for both services: second since 1970, number of its track."""
    return {"at": second, "artist": "Moss", "title": f"Tide {second if n is None else n}", "album": "Low Water"}


def plays(count: int, step: int = 200) -> list[dict]:
    """Plays from BASE on, `step` seconds apart."""
    return [play(BASE + n * step) for n in range(count)]


class Service:
    """plays and loved are lists that a test may change between runs; faults: {number of the request, from 1: what goes wrong}."""

    def __init__(self, plays: list[dict] = (), loved: list[dict] = (), most: int = 1000):
        self.plays, self.loved, self.most = list(plays), list(loved), most
        self.log: list[str] = []
        self.headers: list[dict] = []
        self.faults: dict[int, str] = {}
        self.playing = False
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                service.answer(self)

            def log_message(self, *words):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    # ---- answers
    def answer(self, request):
        parts = urlsplit(request.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        self.log.append(request.path)
        self.headers.append(dict(request.headers))
        fault = self.faults.get(len(self.log))
        status, body, headers = 200, None, {}
        if fault == "429":
            status, body, headers = 429, {"code": 429, "error": "slow down"}, {"X-RateLimit-Reset-In": "2"}
        elif fault == "429 long":
            status, body, headers = 429, {"code": 429, "error": "slow down"}, {"Retry-After": "4000"}
        elif fault == "500":
            status, body = 500, {"code": 500, "error": "broken"}
        elif fault == "401":
            status, body = 401, {"code": 401, "error": "no"}
        elif fault and fault.startswith("{"):
            body = json.loads(fault)
        data = json.dumps(body if body is not None else self.content(parts.path, query, fault)).encode()
        if fault == "html":
            status, data = 502, b"<html><body>Bad gateway</body></html>"
        elif fault == "html 200":
            data = b"<html><body>Sorry</body></html>"
        elif fault == "blank":
            data = b""
        elif fault == "cut":
            data = data[: len(data) // 2]
        elif fault == "redirect":
            status, headers = 302, {"Location": "http://10.0.0.1/elsewhere"}
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def content(self, path: str, query: dict, fault: str | None):
        if path.startswith("/1/"):
            return self.listenbrainz(unquote(path[3:]), query, fault)
        if query.get("api_key") != TOKEN:
            return {"error": 10, "message": "Invalid API key - You must be granted a valid key by last.fm"}
        return self.lastfm(query, fault)

    def listenbrainz(self, path: str, query: dict, fault: str | None):
        if path == "validate-token":
            good = self.headers[-1].get("Authorization") == f"Token {TOKEN}"
            return {"code": 200, "message": "Token valid.", "valid": True, "user_name": "ada"} if good else {"code": 200, "valid": False}
        if path == "user/ada/listen-count":
            return {"payload": {"count": len(self.plays)}}
        if path == "user/ada/listens":
            before = int(query["max_ts"]) if "max_ts" in query else None
            newest_first = sorted(self.plays, key=lambda p: -p["at"])
            found = [p for p in newest_first if before is None or p["at"] < before][: min(int(query["count"]), self.most)]
            items = [
                {
                    "listened_at": p["at"],
                    "inserted_at": p["at"] + 9,
                    "recording_msid": f"{p['at']:08x}-0000-4000-8000-000000000000",
                    "user_name": "ada",
                    "track_metadata": {
                        "artist_name": p["artist"],
                        "track_name": p["title"],
                        "release_name": p["album"],
                        "additional_info": {},
                    },
                }
                for p in ([] if fault == "empty" else found[: len(found) // 2] if fault == "short" else found)
            ]
            count = len(found) if fault == "short" else len(items)
            times = [p["at"] for p in self.plays] or [0]
            return {
                "payload": {
                    "count": count,
                    "user_id": "ada",
                    "listens": items,
                    "latest_listen_ts": max(times),
                    "oldest_listen_ts": min(times),
                }
            }
        if path == "feedback/user/ada/get-feedback":
            mine = [p for p in self.loved if p.get("score", 1) == int(query["score"])]
            start, count = int(query["offset"]), min(100, int(query["count"]))
            items = [
                {
                    "created": p["at"],
                    "recording_msid": None,
                    "recording_mbid": None,
                    "score": p.get("score", 1),
                    "user_id": "ada",
                    "track_metadata": {"artist_name": p["artist"], "track_name": p["title"], "release_name": p["album"]},
                }
                for p in sorted(mine, key=lambda p: -p["at"])[start : start + count]
            ]
            items = [] if fault == "empty" else items[: len(items) // 2] if fault == "short" else items
            return {"feedback": items, "count": len(items), "total_count": len(mine), "offset": start}
        return {"code": 404, "error": "not found"}

    def lastfm(self, query: dict, fault: str | None):
        if query.get("user") != "ada":
            return {"error": 6, "message": "User not found"}
        limit, page = min(int(query.get("limit", 50)), 200, self.most), int(query.get("page", 1))
        loved = query["method"] == "user.getLovedTracks"
        to = int(query["to"]) if "to" in query else None
        every = sorted(self.loved if loved else self.plays, key=lambda p: -p["at"])
        every = [p for p in every if to is None or p["at"] < to]
        found = every[(page - 1) * limit : page * limit]
        found = [] if fault == "empty" else found[: len(found) // 2] if fault == "short" else found
        items = [self.scrobble(p, loved) for p in found]
        if self.playing and not loved:
            items.insert(0, self.scrobble(play(0), False) | {"@attr": {"nowplaying": "true"}})
            del items[0]["date"]
        attr = {
            "user": "ada",
            "page": str(page),
            "perPage": str(limit),
            "total": str(len(every)),
            "totalPages": str(-(-len(every) // limit)),
        }
        return {"lovedtracks" if loved else "recenttracks": {"track": items[0] if len(items) == 1 else items, "@attr": attr}}

    def scrobble(self, p: dict, loved: bool) -> dict:
        date = {"uts": str(p["at"]), "#text": "written"}
        if loved:
            return {
                "artist": {"name": p["artist"], "mbid": ""},
                "name": p["title"],
                "mbid": "",
                "url": "https://www.last.fm/music/x",
                "date": date,
            }
        return {
            "artist": {"#text": p["artist"], "mbid": ""},
            "album": {"#text": p["album"], "mbid": ""},
            "name": p["title"],
            "mbid": "",
            "date": date,
        }
