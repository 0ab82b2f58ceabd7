"""ListenBrainz: the export (zip or folder of JSON lines), older exports and submissions (JSON), or the account.

Payload kinds; what ListenBrainz sent stands in them unchanged:

    listen    as sent: {"listened_at", "track_metadata": {...}, ...}
    list      {"external_id": of a list of loved or hated recordings, "user", "score", "version"}
    feedback  {"list": external id, "position", "feedback": as sent, "track": Heard or null}
    track     what a listen says of its track (see _listens.Heard): stored with it, never fetched by itself

Loved recordings are a list, the oldest first, so that a new one moves none. The export names them by ids only: their words come from
the listens beside them. Source: listenbrainz.readthedocs.io (API, "JSON Documentation"); listenbrainz-server, background/export.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import PayloadError
from ..shapes import Complete, Note, Page, Refused, Row
from . import _history_files as files
from . import _listens as listens

PLATFORM, KIND, ROWS_VERSION = "listenbrainz", "history", 1
PAYLOADS = ("listen", "list", "feedback", "track")
CLAIMS: dict[tuple[str, str], str] = {}
FILES = "give the zip that listenbrainz.org makes under Settings > Export data, its folder, or a .jsonl or .json of it"
WANTED = FILES + "; or log in (`musicdb login listenbrainz`) and leave it out"
SCORES = {1: ("loved", "Loved on ListenBrainz", "liked"), -1: ("hated", "Hated on ListenBrainz", "playlist")}
_LISTS = ("", "payload", "listens")  # lists of plays: a bare one, a submission, an answer of the API


# ---------- fetch
def fetch(
    source: Any, known: Any = None, *, account: str | None = None, all: bool = False, progress: Any = None,
    endpoint: str | None = None, token: Any = None,
) -> Iterator:  # fmt: skip
    """Yield the plays and the loved recordings of an export, or, without a source, of the account.

    token: as `login` returns it, or the text. Raises UnknownSource for what is no export, LoginNeeded, RateLimited or Transient.
    """
    if source is None:
        from . import _listenbrainz_api

        yield from _listenbrainz_api.account(known, account, progress, endpoint, token)
    else:
        yield from _export(source)


def login(ask: Any, show: Any, *, endpoint: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Ask for the user token, try it, and return {"token", "user"}. Raises LoginNeeded when it is refused."""
    from . import _listenbrainz_api

    return _listenbrainz_api.login(ask, show, endpoint, progress)


def _export(source: Any) -> Iterator:
    found, single = files.members(source, WANTED, (".jsonl", ".json", ".ndjson"))
    feedback: list[dict] = []
    owner, understood, strangers, refused = None, 0, [], []
    for member in found:  # small files that say whose it is and what is loved
        if member.base == "user.json":
            owner = _owner(member)
        elif member.base == "feedback.jsonl":
            feedback += yield from _feedback(member)
    words = _Words(feedback)
    for member in found:
        if member.base in ("user.json", "feedback.jsonl"):
            understood += 1
            continue
        try:
            text = files.head(member)
            if files.importer_of(text) != "listenbrainz" and not text.startswith("[]"):
                strangers.append(files.stranger(member, text, WANTED))
                reason = "pinned recordings are not read" if member.base.startswith("pinned") else "no listens of ListenBrainz"
                refused.append(Refused("file", member.name, reason))
                continue
            understood += 1
            if files.is_lines(member, text) and "score" in files.first_object(text):
                feedback += yield from _feedback(member)
                words.wanted(feedback)
                continue
            yield from _plays(member, text, words)
        except files.Broken as error:
            understood += 1
            if single and not words.plays:
                raise
            refused.append(Refused("file", member.name, str(error)))
    if not understood and strangers:
        raise strangers[0]
    yield from refused
    if feedback:
        yield from _loved(feedback, words, owner)


def _plays(member: files.Member, text: str, words: _Words) -> Iterator:
    items = files.json_lines(member) if files.is_lines(member, text) else (v for key, v in files.json_items(member) if key in _LISTS)
    for page in files.pages(items):
        bad = [item for item in page if type(item) is files.Bad]
        for one in bad:
            yield Refused("listen", one.item, one.reason, one.payload)
        good = [item for item in page if type(item) is not files.Bad] if bad else page
        words.note(good)
        yield Page("listen", good, scope=member.name)


def _owner(member: files.Member) -> str | None:
    with files.reading(member.name):
        found = files.first_object(files.head(member))
    return listens.text(found.get("username")) or listens.text(found.get("user_name"))


def _feedback(member: files.Member) -> Iterator:
    found = []
    for item in files.json_lines(member):
        if isinstance(item, files.Bad):
            yield Refused("feedback", item.item, item.reason, item.payload)
        elif isinstance(item, dict) and item.get("score") in SCORES:
            found.append(item)
    return found


class _Words:
    """The words of recordings that the export names by ids only; filled while its listens pass by."""

    def __init__(self, feedback: list[dict]):
        self.by_id: dict[str, Any] = {}
        self.plays = 0
        self.wanted(feedback)

    def wanted(self, feedback: list[dict]) -> None:
        for item in feedback:
            for name in ("recording_mbid", "recording_msid"):
                if listens.mbid(item.get(name)):
                    self.by_id.setdefault(listens.mbid(item[name]), None)

    def note(self, plays: list) -> None:
        self.plays += len(plays)
        if not self.by_id:
            return
        for play in plays:
            found = play.get("track_metadata") if isinstance(play, dict) else None
            if not isinstance(found, dict):
                continue
            mapped = found.get("mbid_mapping")
            ids = (
                found.get("recording_msid"),
                play.get("recording_msid"),
                mapped.get("recording_mbid") if isinstance(mapped, dict) else None,
            )
            for key in ids:
                if isinstance(key, str) and self.by_id.get(key, ...) is None:
                    try:
                        self.by_id[key] = _heard(found)
                    except PayloadError:
                        continue

    def of(self, item: dict) -> Any:
        keys = (listens.mbid(item.get(name)) for name in ("recording_mbid", "recording_msid"))
        return next((self.by_id[key] for key in keys if key and self.by_id.get(key)), None)


def _loved(feedback: list[dict], words: _Words, owner: str | None) -> Iterator:
    for score in SCORES:
        mine = [item for item in feedback if item["score"] == score]
        mine.sort(key=lambda item: item["created"] if isinstance(item.get("created"), int) else 0)
        if not mine:
            continue
        head = list_of(score, owner, "export:")
        yield Page("list", [head])
        for page in files.pages(
            {"list": head["external_id"], "position": place, "feedback": item, "track": words.of(item)} for place, item in enumerate(mine)
        ):
            yield Page("feedback", page, total=len(mine))
        yield Complete("playlist_item", within=head["external_id"], total=len(mine))
    nameless = sum(1 for item in feedback if not words.of(item) and not item.get("track_metadata"))
    if nameless:
        yield Note(
            f"{nameless} of {len(feedback)} loved or hated recordings have no name in the export and were never listened to: refused"
        )


def list_of(score: int, user: str | None, prefix: str = "") -> dict[str, Any]:
    """Return the payload of a list of loved (1) or hated (-1) recordings."""
    return {"external_id": f"{prefix}{SCORES[score][0]}" + (f":{user}" if user else ""), "user": user, "score": score}


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the rows of one payload: the TrackRow before what refers to it. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    if kind == "listen":
        yield from _listen(payload)
    elif kind == "feedback":
        yield from _place(payload)
    elif kind == "list":
        score = payload.get("score")
        if type(score) is not int or score not in SCORES:
            raise PayloadError("a list of neither loved nor hated recordings")
        yield listens.liked_list(payload, *SCORES[score][1:])
    elif kind == "track":
        yield listens.stored_track(payload)
    else:
        raise PayloadError(f"no such payload kind of ListenBrainz: {kind!r}")


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _listen(p: dict) -> Iterator[Row]:
    metadata = p.get("track_metadata")
    if not isinstance(metadata, dict):
        raise PayloadError("a listen without track_metadata")
    if p.get("listened_at") is None:
        raise PayloadError("playing now: not yet a listen, without a time")
    when, precision = listens.moment(p["listened_at"])
    track, played = _track(metadata)
    yield {**track}
    row = {"row": "listen", "listened_at": when, **played}
    yield row if precision is None else row | {"context": (played["context"] or {}) | {"precision": precision}}


def _said(metadata: dict) -> tuple[Row, dict[str, Any]]:
    """The row of the track, and what a play says beside its time."""
    track, info = listens.track_row(_heard(metadata)), _dict(metadata.get("additional_info"))
    context = {
        "client": info.get("submission_client"),
        "player": info.get("media_player"),
        "service": info.get("music_service") or info.get("music_service_name"),
    }
    return track, {
        "source_item": listens.play_id(metadata["artist_name"], track["title"]),
        "track_external_id": track["external_id"],
        "ms_played": listens.milliseconds(info.get("duration_played"), 1000),
        "context": {name: value for name, value in context.items() if isinstance(value, str) and value} or None,
    }


_track = listens.remembered(_said)


def _heard(metadata: dict) -> listens.Heard:
    """What track_metadata says. Ids that the player sent go before those that ListenBrainz found by the words."""
    info, mapped = _dict(metadata.get("additional_info")), _dict(metadata.get("mbid_mapping"))
    artist = listens.text(metadata.get("artist_name"))
    spotify = info.get("spotify_id")
    return listens.heard(
        title=metadata.get("track_name"),
        artists=(listens.texts(info.get("artist_names")) or [artist]) if artist else (),
        album=listens.text(metadata.get("release_name")),
        album_artists=listens.texts(info.get("release_artist_names")) or listens.texts(info.get("release_artist_name")),
        duration_ms=listens.milliseconds(info.get("duration_ms")) or listens.milliseconds(info.get("duration"), 1000),
        track_no=listens.integer(info.get("tracknumber"), 1, 9999),
        disc_no=listens.integer(info.get("discnumber"), 1, 999),
        isrc=listens.isrc(info.get("isrc")),
        mb_recording=listens.mbid(info.get("recording_mbid")) or listens.mbid(mapped.get("recording_mbid")),
        mb_release=listens.mbid(info.get("release_mbid")) or listens.mbid(mapped.get("release_mbid")),
        spotify=spotify.rsplit("/", 1)[-1].partition("?")[0] if isinstance(spotify, str) and len(spotify) < 200 else None,
    )


def _place(p: dict) -> Iterator[Row]:
    sent = _dict(p.get("feedback"))
    words = sent.get("track_metadata")
    if isinstance(words, dict):
        h = _heard(words | {"mbid_mapping": words.get("mbid_mapping") or sent})
    elif isinstance(p.get("track"), dict):
        h = listens.stored_track(p["track"])["metadata"]
    else:
        raise PayloadError("a loved recording without a name: the export has no listen of it")
    created = sent.get("created")
    try:
        added = listens.moment(created)[0] if created is not None else None
    except PayloadError:
        added = None
    yield from listens.placed(p.get("list"), p.get("position"), h, added)
