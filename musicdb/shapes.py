"""Typed rows that every platform yields, and the pages that carry its payloads. Plain dicts; imports nothing of musicdb.

A platform file has

    PLATFORM, KIND      its name in `platforms`, and one of KINDS_OF_PLATFORM
    ROWS_VERSION        raised when `rows` says more of the same payload; `load` then derives the rows again without fetching
    PAYLOADS            the payload kinds that `rows` takes
    CLAIMS              {(level, field): json path}: extra scalar fields of the stored payload, merged into `claim_paths`
    SHORT               payload kinds that say less of a thing than others do, shortest first: a row of such a kind never replaces a fuller one
    login(ask, show, *, endpoint=None, progress=None) -> login    where it has accounts: ask(prompt, secret=False, until=None) -> text, show(text);
                        until(): True once no answer is needed any more; progress is called while waiting, and may raise to stop it
    WRITE_LOGIN         where login takes write=True, and may only read without it: what to say of that
    login_ends(login) -> UTC text or None    where a login ends and has to be given again
    fetch(source, known, *, account=None, all=False, progress=None, **options) -> iterator of Page, Refused, Complete
    rows(kind, payload) -> iterator of Row: pure and deterministic; raises PayloadError for an item that cannot be used

and never imports the database, the loader or another platform; client libraries are imported inside the functions that talk to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

TITLES = {"user": "You", "local": "Files", "itunes": "iTunes", "m3u": "M3U", "listenbrainz": "ListenBrainz", "lastfm": "Last.fm"}
KINDS_OF_PLATFORM = ("files", "dj", "streaming", "collection", "history", "person")


def title(platform: str) -> str:
    """What people call a platform: "lastfm" is Last.fm. Those that are not named here are their name with a capital."""
    return TITLES.get(platform, platform.title())


class Cue(TypedDict, total=False):
    """A point or loop. Times in milliseconds from the start of the audio; length_ms only for loops."""

    type: Literal["hot_cue", "memory_cue", "fade_in", "fade_out", "load", "loop"]
    num: int | None  # hot cue pad, 0 = A; None for a memory cue
    start_ms: float
    length_ms: float | None
    name: str | None
    color: str | None  # "#rrggbb"


class Beat(TypedDict, total=False):
    """An anchor of the beat grid: from start_ms on, beats come at bpm; beat is its place in the bar (1 = downbeat)."""

    start_ms: float
    bpm: float
    meter: str
    beat: int


class Said(TypedDict, total=False):
    """What a platform says of a track or release: canonical names, units and notation. Absent = not said (never "" or 0).

    bpm a number; rating 1-5; musical_key Camelot ("8A"); dates ISO, as exact as known ("1997", "1997-05", "1997-05-12") with
    the precision beside; genres, artists and the like arrays of strings; times in milliseconds.
    """

    title: str
    version: str
    artists: list[str]
    featured: list[str]
    remixers: list[str]
    composers: list[str]
    album: str
    album_artists: list[str]
    album_type: str  # album, single, ep, compilation, live, mixtape, dj_mix, remix, other
    track_no: int
    disc_no: int
    position: str  # place as printed on a record: A1, B2
    track_total: int
    duration_ms: int
    genres: list[str]
    styles: list[str]
    year: int
    release_date: str
    release_date_precision: Literal["year", "month", "day"]
    bpm: float
    musical_key: str
    energy: float
    rating: int
    comment: str
    grouping: str
    label: str
    catalogue_number: str
    labels: list[dict[str, str]]  # of a release with several: name, catalogue_number, role
    credits: list[dict[str, str]]  # of a release, but for its artists: name, role
    notes: str  # of a release, as published with it
    isrc: str
    barcode: str
    country: str
    formats: list[str]
    explicit: bool
    popularity: int
    liked: bool
    play_count: int
    added_at: str
    last_played_at: str
    color: str
    tags: list[str]  # MyTags and the like: "Group: Name" (the first ": " parts them), or "Name" alone
    cover: str  # where it is: "embedded", a URL, a path
    path: str  # of the audio file, as the platform knows it
    ids: dict[str, str]  # scheme -> value: mb_recording, mb_release, mb_artist, spotify, tidal, discogs_release, acoustid, ...
    cues: list[Cue]
    beat_grid: list[Beat]


class TrackRow(TypedDict, total=False):
    """One track of a platform. row, external_id and title are required."""

    row: Literal["track"]
    external_id: str
    title: str
    artists: list[str]
    album: str | None
    duration_ms: int | None
    isrc: str | None
    release_date: str | None
    uri: str | None
    release_external_id: str | None
    said: Said
    in_library: bool  # False: known only because it was listened to or wanted; such a row is inserted, never updated, never makes a track
    metadata: Any  # left out: the payload itself
    kind: str  # payload kind of metadata, where rows() of it would give this row again; left out: the page's kind


class FileRow(TypedDict, total=False):
    """The file behind a track of platform `local`; comes right after its TrackRow."""

    row: Literal["file"]
    external_id: str
    path: str  # for people: undecodable bytes shown as \xNN
    path_bytes: bytes | None  # only where the name is not UTF-8
    root: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int | None
    inode: int | None
    format: str | None
    bitrate: int | None  # bit/s
    sample_rate: int | None  # Hz
    channels: int | None
    window_hash: str | None  # xxh3-128 over two windows of the audio: finds moved files
    audio_hash: str | None  # over all audio, tags left out; only where asked for or needed
    file_hash: str | None  # SHA-256 of the whole file; only where asked for


class ReleaseRow(TypedDict, total=False):
    """One release (album, record) of a platform. row, external_id and title are required."""

    row: Literal["release"]
    external_id: str
    title: str
    said: Said
    metadata: Any
    stable: Any  # what tells whether it changed, where metadata also holds numbers and signed addresses that change every day
    kind: str


class PlaylistRow(TypedDict, total=False):
    """A playlist, folder, smart playlist, or the list of liked tracks. row, external_id and name are required."""

    row: Literal["playlist"]
    external_id: str
    name: str
    kind: Literal["playlist", "folder", "smart", "liked"]
    description: str | None
    parent_external_id: str | None
    position: int | None  # among its siblings
    owner: str | None
    owner_id: str | None
    is_public: bool | None
    collaborative: bool | None
    remote_version: str | None
    remote_updated_at: str | None
    metadata: Any
    stable: Any  # what tells whether it changed, where that is not the metadata alone: its folder, say


class PlaylistItemRow(TypedDict, total=False):
    """A place in a playlist. position counts from 0; the same track may come again.

    track_external_id None: something stands there that is no music (an episode, a video), so a track that stood there is there no more.
    """

    row: Literal["playlist_item"]
    playlist_external_id: str
    position: int
    track_external_id: str | None
    added_at: str | None


class ListenRow(TypedDict, total=False):
    """One play. listened_at is the start, UTC ISO text with Z; source_item the platform's own id of the track or ''."""

    row: Literal["listen"]
    listened_at: str
    source_item: str
    track_external_id: str
    ms_played: int | None
    utc_offset_min: int | None
    context: dict[str, Any] | None


class ImageRow(TypedDict, total=False):
    """A picture of a track or release: bytes at hand, or a URL to fetch later."""

    row: Literal["image"]
    of: Literal["track", "release"]
    external_id: str
    role: str  # cover, back, artist, ...
    position: int
    data: bytes | None
    url: str | None


class CollectionItemRow(TypedDict, total=False):
    """A copy on the shelf, a wish, or an album saved at a streaming service. status: owned, wanted, for_sale, sold, saved."""

    row: Literal["collection_item"]
    release_external_id: str
    instance_id: str
    status: str
    folder: str | None
    media_condition: str | None
    sleeve_condition: str | None
    rating: int | None
    purchase_date: str | None
    purchase_price: float | None
    currency: str | None
    notes: str | None
    added_at: str | None
    metadata: Any


class CollectionValueRow(TypedDict):
    """What a platform thinks a whole collection is worth on a day: amounts, the currency by its three letters."""

    row: Literal["collection_value"]
    day: str
    minimum: float | None
    median: float | None
    maximum: float | None
    currency: str | None


# A play in short, where there are millions: (listened_at, source_item, track_external_id or None, ms_played, utc_offset_min, context as
# JSON text or None, the payload as JSON text). It says what the ListenRow of `rows(kind, payload)` says; the TrackRow comes from there.
Play = tuple[str, str, str | None, int | None, int | None, str | None, str]
Row = TrackRow | FileRow | ReleaseRow | PlaylistRow | PlaylistItemRow | ListenRow | ImageRow | CollectionItemRow | CollectionValueRow


@dataclass(slots=True)
class Page:
    """Payloads of one kind, as sent. `load` stores a page, its rows and its cursor in one transaction.

    seen: external ids of tracks that are there and unchanged (no payload needed). images: {external_id: bytes} that belong to
    the payloads but are no JSON; an image's own url may be the key instead. total: how many items the source announces in all, for
    the progress bar and the final count. renew: the payloads were asked for one by one, so their `fetched_at` is new although they
    may be unchanged. plays: payloads that were read already, beside the others. digest: hash of the page's bytes; `known.page(kind, digest)`
    tells a later run that all of it is stored.
    """

    kind: str
    payloads: Sequence[Any]
    scope: str = ""
    cursor: str | None = None
    total: int | None = None
    seen: Sequence[str] = ()
    images: dict[str, bytes] = field(default_factory=dict)
    renew: bool = False
    plays: Sequence[Play] = ()
    digest: str | None = None

    @property
    def n(self) -> int:
        """How many payloads it brings, read or not."""
        return len(self.payloads) + len(self.plays)


@dataclass(slots=True)
class Same:
    """A page of which every byte was stored before: n plays."""

    n: int


@dataclass(slots=True)
class Refused:
    """An item that could not be read: goes to `quarantine`, once per (platform, kind, item, reason)."""

    kind: str
    item: str  # what to call it: a path, an id
    reason: str
    payload: Any = None


@dataclass(slots=True)
class Complete:
    """A list was read to its end: what `load` knows of it and did not see in this run is marked `missing_since`.

    of: "track", "release" (all of the platform), "playlist" (all of this account; within="export:" those of privacy exports, whose ids begin
    so), "playlist_item" (within = the playlist's external id), "collection_item" (within = a status: all copies of it in this account, but
    for those of its exports, whose ids begin so: "export:owned"; such a copy is gone when the account itself has one of that release).
    within: for tracks of `local`, the scanned root. total: announced number; fewer seen = not complete, nothing is marked; for the
    places of a playlist the number of places the source has: those beyond are gone (places without music leave a gap).
    scope: the resumable list that ends here; its cursor is forgotten.
    """

    of: Literal["track", "release", "playlist", "playlist_item", "collection_item"]
    within: str | None = None
    total: int | None = None
    scope: str | None = None


@dataclass(slots=True)
class Note:
    """Something a person should know of this run, for the report."""

    text: str
