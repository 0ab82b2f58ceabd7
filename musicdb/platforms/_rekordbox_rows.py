"""Rows of Rekordbox's own database: pure functions over the payloads that `_rekordbox_db` puts together.

Units there: BPM and tempo x 100, Length in seconds, cues in ms (OutMsec -1 = no loop), Rating 0-5, ColorID 0 = none, times as
"2022-04-09 21:37:43.710 +00:00". Sources: pyrekordbox 0.5 models; Rekordbox XML format list (colours of tracks); CueGen and beat-link
(Kind 4 = memory loop, so that pad D is Kind 5; colours of pads).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..errors import PayloadError
from ..shapes import Beat, Cue, Note, Row, Said
from ..units import camelot, integer, iso_date, utc
from . import _zones as zones

COLORS = ("#ff007f", "#ff0000", "#ffa500", "#ffff00", "#00ff00", "#25fde9", "#0000ff", "#660099")  # of tracks: ColorID 1-8
# Of hot cues, by ColorTableIndex: 63 colours in one text, six digits each.
_PADS = (
    "28e214305aff5073ff508cff50a0ff50b4ff50b0f250aee845acdb00e0ff19daf032d2e621b4b920aaa01fa39219a08c14a58414aa7d10b17630d26e37de5a"
    "3ceb5028e2147dc13d8cc8329bd723a5e116a5dc0aaad208b4c805b4be04bab404c3af04e1aa00ffa000ff9600ff8c00ff7500e0641be0461ee0301ee02823"
    "e62828ff376fff2d6fff127bf51e8ceb2da0e637b4de44cfde448de630b4e619dce600ffdc00ffcc00ffb432ffb93cffc542ffaa5affaa72ff8272ff6473ff"
)
PAD_COLORS = tuple("#" + _PADS[at : at + 6] for at in range(0, len(_PADS), 6))
MAX_MS = 7 * 86_400_000
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)? *(?:(Z)|([+-])(\d\d?):?(\d\d))?")
_STREAM = re.compile(r"(?i)([a-z]{2,20}):tracks?:([\w.-]{1,64})")


def text(value: Any) -> str | None:
    """Return a text without surrounding blanks; None for an empty one and for anything else."""
    return value.strip() or None if isinstance(value, str) else None


def several(value: Any) -> list[str] | None:
    """Return the parts of "House; Dub"."""
    return [part for piece in value.split(";") if (part := piece.strip())] if isinstance(value, str) else None


def dicts(value: Any) -> list[dict]:
    """Return the dicts of a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: Any, what: str) -> dict:
    """Return a dict, or raise PayloadError naming what was expected."""
    if not isinstance(value, dict):
        raise PayloadError(f"{what} expected, not {type(value).__name__}")
    return value


def moment(value: Any, offset_min: int | None = None) -> tuple[str, int | None] | None:
    """Return (UTC text, offset in minutes or None where UTC itself was stored) of a time as the database writes it.

    offset_min: the zone of a time that names none.
    """
    if not isinstance(value, str):
        return None
    if value.endswith(" +00:00"):  # nearly all of them
        when = utc(f"{value[:10]}T{value[11:19]}Z")
        return when and (when, None)
    found = _TIME.match(value.strip())
    if not found:
        return None
    day, time, zulu, sign, hours, minutes = found.groups()
    if sign:
        offset_min = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
    elif zulu:
        offset_min = 0
    shift = offset_min or 0
    if abs(shift) > 18 * 60:
        return None
    when = utc(f"{day}T{time}{'-' if shift < 0 else '+'}{abs(shift) // 60:02d}:{abs(shift) % 60:02d}")
    return when and (when, offset_min or None)


def names_no_zone(value: Any) -> bool:
    """Whether this is a time that does not say which zone it means."""
    if not isinstance(value, str) or value.endswith("+00:00"):
        return False
    found = _TIME.match(value.strip())
    return bool(found) and not (found[3] or found[4])


class LocalTimes:
    """Which times name no zone, and how far from UTC they then are: in the zone that was given, else that of this computer."""

    def __init__(self, zone: zones.Zone):
        self.zone = zone

    def of(self, value: Any) -> dict[str, int]:
        """{"utc_offset_min": 120} for a time without zone, else nothing."""
        if not names_no_zone(value):
            return {}
        try:
            there = datetime.fromisoformat(value.strip()[:19])
            found = zones.minutes(self.zone, there) if self.zone is not None else round(there.astimezone().utcoffset().total_seconds() / 60)
        except (ValueError, OverflowError, OSError):
            return {}
        return {"utc_offset_min": found}

    def note(self, plays: list[dict], earlier: bool) -> Iterator[Note]:
        """Say as of where plays are read, where some name no zone."""
        if n := sum(names_no_zone(play.get("created_at")) for play in plays):
            place = "this computer's zone" if self.zone is None else zones.words(self.zone) + (", as said with an earlier import" if earlier else "")
            yield Note(f"{n:,} plays name no time zone, read as of {place}; --time-zone or --utc-offset says otherwise")


def whole(value: Any, low: int, high: int) -> int | None:
    """Return `units.integer(value, low, high)`; at once for what is a whole number already."""
    if type(value) is int:
        return value if low <= value <= high else None
    return None if value is None else integer(value, low, high)


def identity(value: Any, what: str) -> str:
    """Return an ID as text. Raises PayloadError where there is none."""
    found = text(value) if isinstance(value, str) else str(value) if type(value) is int else None
    if not found:
        raise PayloadError(f"{what} has no ID")
    return found


# ---------- tracks
def content_rows(payload: dict) -> Iterator[Row]:
    """Yield the TrackRow of a "content" payload, and an ImageRow where its artwork was found."""
    c = mapping(payload.get("content"), "content")
    names = payload.get("names") if isinstance(payload.get("names"), dict) else {}
    track_id = identity(c.get("ID"), "a track")
    anlz = payload.get("anlz") if isinstance(payload.get("anlz"), dict) else {}
    path, ids = _place(c.get("FolderPath"))
    title = text(c.get("Title"))
    name = title or (path and path.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]) or text(c.get("FileNameL"))
    if not name:
        raise PayloadError(f"track {track_id} has neither a title nor a file")
    artist, album, seconds = text(names.get("ArtistID")), text(names.get("AlbumID")), whole(c.get("Length"), 1, 7 * 86400)
    date, day = iso_date(text(c.get("ReleaseDate"))), iso_date(text(c.get("StockDate")))
    added = day[0] if day else (when := _moment(payload, c.get("created_at"))) and when[0]
    said: Said = {
        "title": title,
        "version": text(c.get("Subtitle")),
        "artists": [artist] if artist else None,
        "remixers": several(names.get("RemixerID")),
        "composers": several(names.get("ComposerID")),
        "album": album,
        "album_artists": several(names.get("AlbumArtistID")),
        "album_type": "compilation" if album and integer(names.get("Compilation")) == 1 else None,
        "genres": several(names.get("GenreID")),
        "year": whole(c.get("ReleaseYear"), 1000, 2999),
        "release_date": date and date[0],
        "release_date_precision": date and date[1],
        "bpm": _hundredths(c.get("BPM")),
        "musical_key": camelot(names.get("KeyID")),
        "rating": whole(c.get("Rating"), 1, 5),
        "comment": text(c.get("Commnt")),
        "label": text(names.get("LabelID")),
        "isrc": text(c.get("ISRC")),
        "play_count": integer(c.get("DJPlayCount"), 1),
        "added_at": added,
        "last_played_at": (when := _moment(payload, _get(payload, "last_played", "created_at"))) and when[0],
        "color": _color(c.get("ColorID")),
        "tags": _tags(payload.get("my_tags")),
        "track_no": whole(c.get("TrackNo"), 1, 9999),
        "disc_no": whole(c.get("DiscNo"), 1, 9999),
        "duration_ms": seconds and seconds * 1000,
        "cover": text(_get(payload, "image", "path")),
        "path": path,
        "ids": ids,
        "cues": _cues(payload, anlz),
        "beat_grid": [beat for anchor in dicts(anlz.get("beat_grid")) if (beat := _beat(anchor))],
    }
    said = {field: value for field, value in said.items() if value not in (None, [], {})}  # absent = not said
    yield {
        "row": "track",
        "external_id": track_id,
        "title": name,
        "artists": said.get("artists", []),
        "album": album,
        "duration_ms": said.get("duration_ms"),
        "isrc": said.get("isrc"),
        "release_date": said.get("release_date"),
        "said": said,
    }
    if "cover" in said:
        yield {"row": "image", "of": "track", "external_id": track_id, "role": "cover", "position": 0}


def _get(payload: dict, part: str, key: str) -> Any:
    inner = payload.get(part)
    return inner.get(key) if isinstance(inner, dict) else None


def _moment(payload: dict, value: Any) -> tuple[str, int | None] | None:
    return moment(value, whole(payload.get("utc_offset_min"), -1080, 1080))


def _place(folder_path: Any) -> tuple[str | None, dict[str, str] | None]:
    """Path of a file, or {"tidal": "123"} of a track that is streamed."""
    place = text(folder_path)
    if place is None:
        return None, None
    if found := _STREAM.fullmatch(place):
        return None, {found[1].lower(): found[2]}
    return (None if "\0" in place else place), None


def _hundredths(value: Any) -> float | None:
    number = whole(value, 1, 100_000)
    return number / 100 if number else None


def _color(number: Any) -> str | None:
    index = whole(number, 1, len(COLORS))
    return COLORS[index - 1] if index else None


def _tags(tags: Any) -> list[str]:
    found = [
        f"{group}: {name}" if group else name for t in dicts(tags) if (name := text(t.get("Name"))) for group in (text(t.get("Group")),)
    ]
    return list(dict.fromkeys(found))


def _cues(payload: dict, anlz: dict) -> list[Cue]:
    """Cues of the database, in order of time; those of the analysis files where the database has none (a library made for USB)."""
    exact = {
        (cue.get("hot_cue"), cue.get("time")): cue
        for cue in dicts(anlz.get("cues"))
        if type(cue.get("time")) is type(cue.get("hot_cue")) is int
    }
    rows = dicts(payload.get("cues"))
    found = [cue for row in rows if (cue := _cue(row, exact))] if rows else [c for a in dicts(anlz.get("cues")) if (c := _anlz_cue(a))]
    return sorted(found, key=lambda cue: (cue["start_ms"], cue.get("num", -1)))


def _cue(row: dict, exact: dict) -> Cue | None:
    start, kind = whole(row.get("InMsec"), -1000, MAX_MS), whole(row.get("Kind"), 0, 99)
    if start is None or kind is None:
        return None
    end = whole(row.get("OutMsec"), start + 1, MAX_MS)
    num = None if kind in (0, 4) else kind - 1 if kind < 4 else kind - 2  # 4 marks a memory loop
    if num is None:
        color = _memory_color(row.get("Color"))
    else:
        index = whole(row.get("ColorTableIndex"), 0, len(PAD_COLORS) - 1)
        color = None if index is None else PAD_COLORS[index]
    if exact:
        color = _rgb(exact.get((0 if num is None else num + 1, start), {})) or color
    cue: Cue = {"type": "loop" if end else "memory_cue" if num is None else "hot_cue", "start_ms": float(start)}
    if num is not None:
        cue["num"] = num
    if end:
        cue["length_ms"] = float(end - start)
    if name := text(row.get("Comment")):
        cue["name"] = name
    if color:
        cue["color"] = color
    return cue


def _memory_color(number: Any) -> str | None:
    index = whole(number, 0, len(COLORS) - 1)  # -1 is none
    return None if index is None else COLORS[index]


def _anlz_cue(a: dict) -> Cue | None:
    start, pad = whole(a.get("time"), 0, MAX_MS), whole(a.get("hot_cue"), 0, 99)
    if start is None or pad is None:
        return None
    end = whole(a.get("loop_time"), start + 1, MAX_MS)
    cue: Cue = {
        "type": "loop" if end else "hot_cue" if pad else "memory_cue",
        "num": pad - 1 if pad else None,
        "start_ms": float(start),
        "length_ms": float(end - start) if end else None,
        "name": text(a.get("comment")),
        "color": _rgb(a) if pad else _color(a.get("color_id")),
    }
    return {field: value for field, value in cue.items() if value is not None}


def _rgb(cue: dict) -> str | None:
    if not cue:
        return None
    rgb = [whole(cue.get(part), 0, 255) for part in ("red", "green", "blue")]
    return "#{:02x}{:02x}{:02x}".format(*rgb) if None not in rgb and any(rgb) else None


def _beat(anchor: dict) -> Beat | None:
    start, tempo, place = whole(anchor.get("time"), 0, MAX_MS), _hundredths(anchor.get("tempo")), whole(anchor.get("beat"), 1, 64)
    if start is None or tempo is None:
        return None
    return {"start_ms": float(start), "bpm": tempo, "meter": "4/4"} | ({"beat": place} if place else {})


# ---------- playlists, plays
def playlist_rows(payload: dict) -> Iterator[Row]:
    """Yield the PlaylistRow of a "db_playlist" payload and a row for each of its places. Rules of a smart one stay in the payload."""
    playlist = mapping(payload.get("playlist"), "playlist")
    external_id = text(payload.get("external_id"))
    if not external_id:
        raise PayloadError("a playlist without external_id")
    kind = {1: "folder", 4: "smart"}.get(integer(playlist.get("Attribute")), "playlist")
    changed = _moment(payload, playlist.get("updated_at"))
    yield {
        "row": "playlist",
        "external_id": external_id,
        "name": text(playlist.get("Name")) or "untitled",
        "kind": kind,
        "parent_external_id": text(payload.get("parent")),
        "position": integer(payload.get("position"), 0),
        "remote_updated_at": changed and changed[0],
    }
    for position, song in enumerate(dicts(payload.get("songs"))):
        try:
            track = identity(song.get("ContentID"), "a place")
        except PayloadError:
            continue  # a place without a track leaves a gap
        added = _moment(payload, song.get("created_at"))
        item = {"playlist_external_id": external_id, "position": position, "track_external_id": track, "added_at": added and added[0]}
        yield {"row": "playlist_item", **item}


def play_rows(payload: dict) -> Iterator[Row]:
    """Yield the ListenRow of a "play" payload: a line of a history list. When it was added is when it was played."""
    song, history = mapping(payload.get("song"), "song"), payload.get("history")
    track, when = identity(song.get("ContentID"), "a play"), _moment(payload, song.get("created_at"))
    if when is None:
        raise PayloadError(f"play of track {track} has no time")
    history = history if isinstance(history, dict) else {}
    context = {"history": text(history.get("Name")), "place": integer(song.get("TrackNo"), 1), "session": text(song.get("HistoryID"))}
    yield {
        "row": "listen",
        "listened_at": when[0],
        "source_item": track,
        "track_external_id": track,
        "utc_offset_min": when[1],
        "context": {key: value for key, value in context.items() if value is not None},
    }
