"""Last.fm and what speaks its language: exports as CSV or JSON, Libre.fm's CSV, players' .scrobbler.log, loved tracks, or the account.

Payload kinds:

    scrobble  a row of a text file under one set of names (see _lastfm_files): {"artist", "track", "album", "uts", ...}; "utc_offset":
              minutes, where its time is local; "client" of a player's log
    recent    a scrobble as the API sends it: {"artist": {"#text", "mbid"}, "name", "album", "date": {"uts"}, ...}
    list      {"external_id": of the list of loved tracks, "user", "version"}
    loved     {"list": external id, "position", "loved": as the API sends it}
    track     what a scrobble says of its track (see _listens.Heard): stored with it, never fetched by itself

Exports agree in artist, title and second, so the same play of two exports is one; benjaminbenben's keeps minutes only. Times are UTC but
in logs of players without a clock zone and in text where `utc_offset` says otherwise. Skipped plays of a log are kept, and say so.
Source: last.fm/api (user.getRecentTracks, user.getLovedTracks).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..errors import PayloadError
from ..shapes import Complete, Note, Page, Refused, Row
from . import _history_files as files
from . import _listens as listens
from . import _zones as zones

PLATFORM, KIND, ROWS_VERSION = "lastfm", "history", 1
PAYLOADS = ("scrobble", "recent", "list", "loved", "track")
CLAIMS: dict[tuple[str, str], str] = {}
FILES = "give a CSV or JSON of scrobbles (lastfm.ghan.nl, lastfmstats.com, lastfm-to-csv, Libre.fm) or a .scrobbler.log"
WANTED = FILES + "; or log in (`musicdb login lastfm`) and leave it out"
LOVED = "Loved on Last.fm"


# ---------- fetch
def fetch(
    source: Any, known: Any = None, *, account: str | None = None, all: bool = False, progress: Any = None,
    endpoint: str | None = None, token: Any = None, utc_offset: int | None = None, time_zone: str | None = None,
) -> Iterator:  # fmt: skip
    """Yield the scrobbles and loved tracks of a file, folder or zip, or, without a source, of the account.

    Of a source with local times: utc_offset, minutes that its clock is ahead of UTC, or time_zone, the place ("Europe/Berlin"), which knows
    of summer time; it is kept for the next file of the same columns. token: as `login` returns it, {"api_key", "user"}.
    Raises UnknownSource for a file of something else, LoginNeeded, RateLimited or Transient.
    """
    zone = zones.zone(time_zone, utc_offset)
    if source is None:
        from . import _lastfm_api

        yield from _lastfm_api.account(known, account, progress, endpoint, token)
    else:
        yield from _export(source, zone, known)


def login(ask: Any, show: Any, *, endpoint: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Ask for an API key and a user name, try them, and return {"api_key", "user"}. Raises LoginNeeded when they are refused."""
    from . import _lastfm_api

    return _lastfm_api.login(ask, show, endpoint, progress)


def _export(source: Any, zone: zones.Zone, known: Any) -> Iterator:
    found, single = files.members(source, WANTED, (".csv", ".tsv", ".txt", ".log", ".json", ".jsonl"))
    understood, stranger, any_row, refused = 0, None, False, []
    for member in found:
        try:
            text = files.head(member)
            pages = _json(member, text) if text[:1] in ("{", "[") else _table(member, zone, known)
            if pages is None:
                stranger = stranger or files.stranger(member, text, WANTED)
                refused.append(Refused("file", member.name, "no scrobbles of Last.fm"))
                continue
            understood += 1
            for page in pages:
                any_row = True
                yield page
        except files.Broken as error:
            understood += 1
            if single and not any_row:
                raise
            refused.append(Refused("file", member.name, str(error)))
    if not understood and stranger:
        raise stranger
    yield from refused


def _page(kind: str, items: Any, scope: str) -> Iterator:
    for page in files.pages(items):
        for one in page:
            if type(one) is files.Bad:
                yield Refused(kind, one.item, one.reason, one.payload)
        yield Page(kind, [one for one in page if type(one) is not files.Bad], scope=scope)


# ---------- text
def _table(member: files.Member, zone: zones.Zone, known: Any) -> Iterator | None:
    from . import _lastfm_files

    table = _lastfm_files.Table(member)
    return _rows_of(table, zone, known) if table.recognised() else None


def _rows_of(table: Any, zone: zones.Zone, known: Any) -> Iterator:
    more: dict[str, Any] = {}
    name = table.member.name
    if table.zone != "utc":
        zone, earlier = zones.kept(known, zone, ",".join(table.names))
        if earlier:
            yield Note(f"{name}: times are of {zones.words(zone)}, as said with an earlier import; --time-zone or --utc-offset says otherwise")
    if table.zone == "unknown":
        more["clock"] = "local"
        if zone is None:
            yield Note(f"{name}: the player's clock names no time zone, taken as UTC; --time-zone or --utc-offset says otherwise")
    if table.zone is not None and table.client:
        more["client"] = table.client
    rows = (row | more if more and type(row) is dict else row for row in table.rows())
    if zone is not None and table.zone != "utc":
        rows = (row | _offset(row, zone, table.zone == "unknown") if type(row) is dict else row for row in rows)
    yield from _page("scrobble", rows, name)
    if table.foreign[0]:
        yield Note(f"{name}: {table.foreign[0]:,} lines were no UTF-8 and were read as Windows-1252")


def _offset(row: dict, zone: zones.Zone, local: bool) -> dict[str, int]:
    """{"utc_offset": minutes} of a zone at the time of a row; {} where that cannot be read, which `rows` says."""
    if isinstance(zone, int):
        return {"utc_offset": zone}
    stamp = not local and row.get("uts")
    try:
        when = datetime.fromisoformat(listens.moment(stamp or row.get("uts") or row.get("time"))[0])
    except PayloadError:
        return {}
    return {"utc_offset": zones.minutes(zone, when if stamp else when.replace(tzinfo=None))}


# ---------- JSON
def _json(member: files.Member, text: str) -> Iterator | None:
    names = files.keys_at_front(text)
    if files.importer_of(text) not in (None, "lastfm"):
        return None
    if files.is_lines(member, text):
        return _page("scrobble", map(_line, files.json_lines(member)), member.name) if {"track", "artist"} <= names else None
    if "lovedtracks" in names or ({"uts", "name", "url"} <= names and "album" not in names):
        return _loved(member)
    if {"albumId", "track"} <= names or {"scrobbles", "username"} <= names:
        return _page("scrobble", (_stats(item) for key, item in files.json_items(member) if key == "scrobbles"), member.name)
    if {"uts", "name"} <= names or {"recenttracks"} <= names or {"track"} == names:
        return _page("recent", _flat(files.json_items(member)), member.name)
    return None


def _flat(items: Any) -> Iterator:
    """The scrobbles of an answer of the API, of a list of answers or pages of them, or of a bare list."""
    todo: list[Any]
    for key, item in items:
        if key not in ("", "track"):
            continue
        todo = [item]
        while todo:
            one = todo.pop()
            if isinstance(one, list):
                todo.extend(reversed(one))
            elif isinstance(one, dict) and "name" not in one and isinstance(one.get("recenttracks", one.get("track")), dict | list):
                todo.append(one.get("recenttracks", one.get("track")))
            else:
                yield one


def _stats(item: Any) -> Any:
    """A scrobble of lastfmstats.com: {"track", "artist", "album", "albumId", "date": ms}."""
    return {**item, "uts": item["date"]} if isinstance(item, dict) and "date" in item else item


def _line(item: Any) -> Any:
    """A scrobble of Pano Scrobbler: {"timeMs", "track", "artist", "album", "albumArtist", "durationMs", ...}."""
    names = {"timeMs": "uts", "albumArtist": "album_artist", "durationMs": "duration_ms", "mediaPlayerName": "client"}
    return {names.get(key, key): value for key, value in item.items()} if isinstance(item, dict) else item


def _loved(member: files.Member) -> Iterator:
    user, items = None, []
    for key, item in files.json_items(member):
        if key == "@attr" and isinstance(item, dict):
            user = listens.text(item.get("user"))
        elif key in ("", "track"):
            items.extend(_flat([(key, item)]))
    items = [item for item in items if not (isinstance(item, dict) and "@attr" in item and "name" not in item)]
    head = list_of(user, "export:")
    items.sort(key=lambda item: listens.integer(_dict(_dict(item).get("date")).get("uts"), 0) or 0)
    yield Page("list", [head])
    yield from _page("loved", ({"list": head["external_id"], "position": n, "loved": item} for n, item in enumerate(items)), member.name)
    yield Complete("playlist_item", within=head["external_id"], total=len(items))


def list_of(user: str | None, prefix: str = "") -> dict[str, Any]:
    """Return the payload of the list of loved tracks."""
    return {"external_id": f"{prefix}loved" + (f":{user}" if user else ""), "user": user}


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the rows of one payload: the TrackRow before what refers to it. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    if kind == "scrobble":
        yield from _scrobble(payload)
    elif kind == "recent":
        yield from _recent(payload)
    elif kind == "loved":
        item = _dict(payload.get("loved"))
        yield from listens.placed(payload.get("list"), payload.get("position"), _heard(item), _added(item))
    elif kind == "list":
        yield listens.liked_list(payload, LOVED)
    elif kind == "track":
        yield listens.stored_track(payload)
    else:
        raise PayloadError(f"no such payload kind of Last.fm: {kind!r}")


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


_WORDS = ("artist", "track", "album", "album_artist", "duration_ms", "duration", "number", "track_mbid", "album_mbid", "artist_mbid")


def _scrobble(p: dict) -> Iterator[Row]:
    local, minutes = p.get("clock") == "local", listens.integer(p.get("utc_offset"), -840, 840)
    when, precision = _first_moment((p.get("uts"), p.get("time")), minutes, local)
    context = {"precision": precision, "client": listens.text(p.get("client")), "skipped": True if p.get("rating") == "S" else None}
    yield from _played(_row_track([p.get(name) for name in _WORDS]), when, context, minutes)


def _said_row(words: list) -> tuple[Row, str]:
    """The row of the track and the id of its plays, of the columns of a row of a file."""
    artist, title, album, album_artist, ms, seconds, number, track_mbid, album_mbid, artist_mbid = words
    artist = listens.text(artist)
    if artist == "<Untagged>":  # Rockbox's word for a file without tags
        artist = None
    h = listens.heard(
        title=title,
        artists=[artist] if artist else (),
        album=listens.text(album),
        album_artists=listens.texts(album_artist),
        duration_ms=listens.milliseconds(ms) or listens.milliseconds(seconds, 1000),
        track_no=listens.integer(number, 1, 9999),
        mb_recording=listens.mbid(track_mbid),
        mb_release=listens.mbid(album_mbid),
        mb_artist=listens.mbid(artist_mbid),
    )
    return listens.track_row(h), listens.play_id(artist, h["title"])


_row_track = listens.remembered(_said_row)


def _recent(p: dict) -> Iterator[Row]:
    if not isinstance(p.get("date"), dict) and str(_dict(p.get("@attr")).get("nowplaying")) == "true":
        raise PayloadError("playing now: not yet a scrobble, without a time")
    date = _dict(p.get("date"))
    when, precision = _first_moment((date.get("uts"), date.get("#text")), None, False)
    h = _heard(p)
    yield from _played((listens.track_row(h), listens.play_id(h["artists"][0], h["title"])), when, {"precision": precision}, None)


def _first_moment(values: tuple, minutes: int | None, local: bool) -> tuple[str, str | None]:
    """The time of the first value that is one; the error of the first that is there."""
    failed: PayloadError | None = None
    for value in values:
        if value is None or value == "":
            continue
        try:
            return listens.moment(value, minutes, local=local)
        except PayloadError as error:
            failed = failed or error
    raise failed or PayloadError("a scrobble without a time")


def _played(said: tuple[Row, str], when: str, context: dict, minutes: int | None) -> Iterator[Row]:
    track, play = said
    yield {**track}
    yield {
        "row": "listen",
        "listened_at": when,
        "source_item": play,
        "track_external_id": track["external_id"],
        "utc_offset_min": minutes,
        "context": {name: value for name, value in context.items() if value} or None,
    }


def _named(value: Any) -> tuple[str | None, str | None]:
    """(name, MBID) of {"#text" or "name", "mbid"} or of a text."""
    if isinstance(value, dict):
        return listens.text(value.get("#text")) or listens.text(value.get("name")), listens.mbid(value.get("mbid"))
    return listens.text(value), None


def _heard(p: dict) -> listens.Heard:
    (artist, artist_mbid), (album, album_mbid) = _named(p.get("artist")), _named(p.get("album"))
    url = listens.text(p.get("url"))
    return listens.heard(
        title=p.get("name"),
        artists=[artist] if artist else (),
        album=album,
        mb_recording=listens.mbid(p.get("mbid")),
        mb_release=album_mbid,
        mb_artist=artist_mbid,
        uri=url if url and url.startswith(("https://", "http://")) and len(url) < 2000 else None,
    )


def _added(p: dict) -> str | None:
    date = _dict(p.get("date"))
    try:
        return _first_moment((date.get("uts"), date.get("#text")), None, False)[0]
    except PayloadError:
        return None
