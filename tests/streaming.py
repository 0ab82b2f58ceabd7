"""What the tests of streaming accounts share: the content a person sees, runs that are killed, faults, and short waits."""

import json
from functools import partial

from musicdb import load, net

TABLES = {  # without row ids and times
    "platform_tracks": "external_id title artists album duration_ms isrc release_date in_library kind said metadata missing_since",
    "platform_releases": "external_id title kind said metadata missing_since",
    "platform_playlists": "external_id name kind parent_external_id owner remote_version metadata missing_since",
    "collection_items": "instance_id status added_at removed_at",
    "listens": "listened_at track_external_id",
    "quarantine": "kind item reason resolved_at",
    "observation_changes": "entity external_id",
}
PLACES = (
    "select l.external_id, i.position, t.external_id, i.added_at from platform_playlist_items as i "
    "join platform_playlists as l on l.id = i.platform_playlist_id join platform_tracks as t on t.id = i.platform_track_id "
    "where i.removed_at is null order by 1, 2"
)
# What can happen to one answer, and how often before it is given up; the words of faults.md.
FAULTS = {
    "429 for an hour": (429, {"retry_after": 3600}),
    "429 with a date": (429, {"retry_after": "Wed, 21 Oct 2099 07:28:00 GMT"}),
    "500": (500, {}),
    "503 in other words": (503, {"words": "x"}),
    "401": (401, {}),
    "HTML with 502": ("html", {}),
    "HTML with 200": ("html200", {}),
    "nothing": ("empty", {}),
    "half of the JSON": ("cut", {}),
    "half of the bytes": ("truncated", {}),
    "a reset connection": ("reset", {}),
    "a stall": ("stall", {"seconds": 5}),
    "a slow drip": ("drip", {"pause": 0.02}),
    "a head that drips": ("drip_head", {"pause": 0.05}),
    "300 MB": ("huge", {"mb": 300}),
    "a gzip bomb": ("bomb", {"mb": 100}),
    "a redirect elsewhere": ("redirect", {"to": "http://192.0.2.1/"}),
    "a list": ("text", {"body": "[]"}),
    "an object of nothing": ("text", {"body": "{}"}),
    "no items and no total": ("text", {"body": '{"items": null, "total": "x"}'}),
    "NaN": ("text", {"body": '{"items": [NaN], "total": NaN, "totalNumberOfItems": NaN}'}),
    "a page that lost half": ("short", {}),
    "the first page again": ("repeat", {}),
    "all items null": ("nulls", {}),
}


def short_patience(monkeypatch):
    """Limits that a test can wait for."""
    limited = net.requests_session
    monkeypatch.setattr(net, "requests_session", partial(limited, (0.5, 0.25), deadline_s=0.4, cap=8 << 20))


def content(db):
    found = {}
    for table, columns in TABLES.items():
        columns = ", ".join(f"x.{c} is null" if c in ("missing_since", "removed_at", "resolved_at") else f"x.{c}" for c in columns.split())
        found[table] = sorted(map(repr, db.execute(f"select {columns} from {table} as x")))
    found["places"] = places(db)
    found["pictures"] = sorted(map(repr, db.execute("select source_url from platform_images")))
    found["unfinished"] = db.value("select count(*) from sync_checkpoints where cursor is not null")
    return found


def places(db, playlist=None):
    """(playlist, position, track, added_at) of every place; without the playlist where one is asked for."""
    return [r[1:] if playlist else tuple(r) for r in db.execute(PLACES) if playlist in (None, r[0])]


SLOW = ("stall", "drip", "drip_head", "huge", "bomb")


class Killed(BaseException):
    """As Ctrl-C or a kill: nothing catches it."""


def killed_at(page):
    """progress= that kills the run when page number `page` (from 1) has been stored."""
    count = 0

    def progress(done, total, what):
        nonlocal count
        if not what.startswith("waiting"):
            count += 1
            if count == page:
                raise Killed(what)

    return progress


def pages_of(run):
    """How many pages a run stores."""
    count = 0

    def progress(done, total, what):
        nonlocal count
        count += not what.startswith("waiting")

    run(progress=progress)
    return count


def run(db, replay, platform, **options):
    options = {"token": replay.accounts[platform].login()} | options
    return load.run(db, platform, endpoint=replay.endpoint(platform), **options)


def copy_of(value):
    return json.loads(json.dumps(value))
