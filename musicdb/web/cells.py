"""How one value looks on a Datasette page: covers, chips, times, keys, stars, folded JSON. Pure: a value in, escaped HTML or None out.

None leaves the cell to Datasette, which escapes it. Markup.format escapes every argument, so a hostile title stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from markupsafe import Markup, escape

from .. import units

PLATFORMS = {  # short names for chips; the colour is a thin edge set by datasette/static/musicdb.css
    "user": "you", "local": "file", "tidal": "tidal", "spotify": "spotify", "discogs": "discogs", "rekordbox": "rekordbox",
    "listenbrainz": "listenbrainz", "lastfm": "last.fm", "maloja": "maloja", "koito": "koito", "m3u": "m3u", "itunes": "itunes",
    "traktor": "traktor",
}  # fmt: skip
COVERS = {"cover", "cover_id", "image_id"}
KEYS = {"musical_key", "camelot"}
PAGES = {"tracks", "release_groups", "releases", "artists", "labels", "playlists"}  # tables with a page for each id
MONEY = {"paid", "worth", "sold", "price", "purchase_price", "sold_price"}
TRACKS = {"track_id", "auto_track_id", "assigned_track_id"}
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
UTC = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")
BEHIND = frozenset(  # columns that keep a library running: not in a row of a table unless asked for, always on the page of a row
    """match_key title_norm name_norm alias_norm metadata_hash rows_version needs_update in_library said uri external_id release_external_id
    parent_external_id owner_id remote_version remote_updated_at sources duration_secs is_deleted track_uid playlist_uid release_uid release_group_id
    user_id operation_id created_at updated_at deleted_at merged_into_id first_seen_at path_hash path_bytes mtime_ns ctime_ns inode window_hash
    audio_hash file_hash dhash tint etag auto_track_id assigned_track_id raw_id import_batch_id copy_key collection_item_id instance_id item_id origin
    sort_key utc_offset_min last_enriched_at platform_track_id""".split()
)
JSON_SHOWN = 3000  # characters of one folded value; a hundred rows of whole payloads would make a page of megabytes


def chip(platform: str, filled: bool = False) -> Markup:
    """Whose a value is: a short name with the platform's colour as its edge. filled: its value won."""
    known = platform if platform in PLATFORMS else "other"
    return Markup('<span class="chip p-{}{}">{}</span>').format(known, " won" if filled else "", PLATFORMS.get(platform, platform))


def chips(value) -> Markup | None:
    """Chips of a JSON list or of names with spaces or commas between; None for what is neither."""
    if not isinstance(value, str):
        return None
    names = parsed(value) if value.startswith("[") else value.replace(",", " ").split()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return Markup(" ").join(chip(name) for name in names if name)


def claims(value) -> Markup | None:
    """Chip and value of each platform in a JSON object {platform: value}."""
    said = parsed(value) if isinstance(value, str) else None
    if not isinstance(said, dict):
        return None
    return Markup(" ").join(Markup('<span class="said">{} {}</span>').format(chip(platform), _said(one)) for platform, one in said.items())


def _said(value: Any) -> Any:
    """What a platform says, as a person writes it: several with commas, nothing as a dash."""
    if isinstance(value, list):
        return ", ".join(str(_said(parsed(one) if isinstance(one, str) and one[:1] in "[{" else one)) for one in value) or "–"
    if isinstance(value, str) and value[:1] == "[" and isinstance(parsed(value), list):
        return _said(parsed(value))
    return "–" if value is None else value


def minutes(value) -> Markup | None:
    """A time in milliseconds as m:ss, or h:mm:ss from an hour on."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return Markup('<span class="num" title="{:,.0f} ms">{}</span>').format(value, clock(value))


def clock(ms: float) -> str:
    """431999 -> '7:12' (to the nearest second)."""
    seconds = round(ms / 1000)
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def hour(value) -> Markup | str:
    """The time of day in a moment, '20:45'; what is no moment stays as somebody wrote it."""
    found = UTC.fullmatch(value) if isinstance(value, str) else None
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(value, found[4]) if found else value or ""


def tempo(value) -> Markup | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Markup('<span class="num" title="{} beats a minute">{:.1f}</span>').format(value, value)


def key(value) -> Markup | None:
    """A Camelot key as a chip, with the musical name in its tooltip."""
    camelot = units.camelot(value) if isinstance(value, str) else None
    if camelot is None:
        return None
    return Markup('<span class="key" title="{}">{}</span>').format(units.key_name(camelot), camelot)


def money(value) -> Markup | None:
    """An amount with two places; its currency stands beside it."""
    return Markup('<span class="num">{:,.2f}</span>').format(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def stars(value) -> Markup | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        return None
    shown = "★" * value + "☆" * (5 - value)
    return Markup('<span class="stars" title="{0} of 5" role="img" aria-label="{0} of 5">{1}</span>').format(value, shown)


def moment(value) -> Markup | None:
    """'2026-05-03T12:04:00Z' as '3 May 2026 12:04', with the ISO text in the tooltip."""
    found = UTC.fullmatch(value) if isinstance(value, str) else None
    if not found or not 1 <= int(found[2]) <= 12:
        return None
    text = f"{int(found[3])} {MONTHS[int(found[2]) - 1]} {found[1]} {found[4]}"
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(value, text)


def folded(value: str, what: str = "JSON") -> Markup | None:
    """JSON behind a summary that says how much there is; None for what is no JSON object or array."""
    content = parsed(value)
    if not isinstance(content, dict | list) or not content:
        return None
    if isinstance(content, list) and all(isinstance(one, str) for one in content):
        return Markup(", ").join(content)
    pretty = msgspec.json.format(value, indent=2)
    if len(pretty) > JSON_SHOWN:
        pretty = pretty[:JSON_SHOWN] + f"\n... {len(pretty) - JSON_SHOWN:,} characters more: open this row as JSON"
    unit = "fields" if isinstance(content, dict) else "entries"
    return Markup("<details><summary>{}: {} {}</summary><pre>{}</pre></details>").format(what, len(content), unit, pretty)


def parsed(value: str):
    """The JSON in a text, or None."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def cover(url: str, alt: str, side: int = 64) -> Markup:
    html = '<img class="cover" src="{}" alt="{}" loading="lazy" decoding="async" width="{}" height="{}">'
    return Markup(html).format(url, alt, side, side)


def link(url: str, text) -> Markup:
    return Markup('<a href="{}">{}</a>').format(url, text)


def render(column: str, value, row=None, table: str | None = None, *, cover_url, row_url) -> Markup | None:
    """The look of a cell of a musicdb database; None leaves it to Datasette.

    row: a mapping or None; cover_url(image_id) -> address of its small picture; row_url(table, id) -> address of a row's page.
    """
    if isinstance(value, dict):  # a foreign key whose label Datasette looked up; that of an identity is a mere uid
        if column in TRACKS and table != "track_links":
            return None
        value = value.get("value")
    if column in COVERS and isinstance(value, int):
        return cover(cover_url(value), alt_of(row))
    if isinstance(value, bytes):
        image = field(row, "image_id") if column == "data" else None
        return None if image is None else cover(cover_url(image), alt_of(row))
    if column in TRACKS and isinstance(value, int):
        return link(row_url("tracks", value), value)
    if column in ("title", "our_title") and value:
        track = field(row, "id") if table == "library" else field(row, "track_id")
        return link(row_url("tracks", track), value) if isinstance(track, int) else None
    if column == "album" and value and isinstance(field(row, "release_group_id"), int):
        return link(row_url("release_groups", field(row, "release_group_id")), value)
    if column == "metadata" and isinstance(value, str) and isinstance(field(row, "platform"), str):
        return folded(value, f"everything {PLATFORMS.get(field(row, 'platform'), field(row, 'platform'))} says")
    return look(column, value)


@cache
def attributes(column: str) -> str:
    """Class of the cells of a column, and its name for phones, where a row is a card: the same a thousand times a page."""
    from datasette.utils import to_css_class  # half a second that notebooks, which show cells too, need not wait

    return Markup('class="col-{}" data-label="{}"').format(to_css_class(column), column.replace("_", " "))


def behind(columns: Iterable[str], args) -> frozenset[str]:
    """Which of these columns a table leaves out: what is technical, but all are there with `_all=1` or where columns were chosen."""
    names = frozenset(columns)
    return frozenset() if "_all" in args or "_col" in args or names <= BEHIND else names & BEHIND


def body(rows: Iterable[Iterable[tuple[str, Any, bool]]], without: frozenset[str] = frozenset()) -> Markup:
    """Rows of a table from (column, value, whether there is one); what is no Markup is escaped. A template takes four times as long."""
    out = []
    for row in rows:
        out.append("<tr>")
        out += [f"<td {attributes(column)}{'' if there else ' data-none'}>{escape(value)}</td>" for column, value, there in row if column not in without]
        out.append("</tr>")
    return Markup("".join(out))


def page_of(column: str, row, table: str | None = None) -> tuple[str, int] | None:
    """(table, id) of the page that a cell of a row of `table` leads to, or None: ids of tracks and albums, and titles beside one."""
    of = {"library": "tracks"}.get(str(table), table)
    if column in TRACKS or column in ("release_group_id", "release_id", "playlist_id"):
        of, name = "tracks" if column in TRACKS else f"{column[:-3]}s", column
    elif column in ("title", "our_title"):
        of, name = "tracks", "track_id" if of != "tracks" or field(row, "track_id") is not None else "id"
    elif column == "album":
        of, name = "release_groups", "release_group_id"
    else:
        name = column if column == "id" and of in PAGES else ""
    number = field(row, name) if name else None
    return (str(of), number) if isinstance(number, int) and not isinstance(number, bool) else None


def look(column: str, value) -> Markup | None:
    """The look of a value by the name of its column alone; None for a plain one."""
    if value is None:
        return None
    if column.endswith("_ms") or column == "ms_played":
        return minutes(value)
    if column == "bpm":
        return tempo(value)
    if column in KEYS:
        return key(value)
    if column == "rating":
        return stars(value)
    if column in MONEY:
        return money(value)
    if column in ("platform", "winner"):
        return chip(value) if isinstance(value, str) else None
    if column == "platforms":
        return chips(value)
    if column == "said_by":
        return claims(value)
    if isinstance(value, str):
        if value[:1] in ("{", "[") and value[-1:] in ("}", "]"):
            return folded(value, column)
        if column.endswith(("_at", "_since", "_seen")) or column == "at":
            return moment(value)
    return None


def field(row, name: str):
    """row[name], or None where there is no such column or no row."""
    value = row[name] if row is not None and name in row.keys() else None
    return value.get("value") if isinstance(value, dict) else value


def alt_of(row) -> str:
    """'Cover of ...' when the row has a title, else 'Cover'."""
    for name in ("album", "title", "name"):
        if isinstance(field(row, name), str):
            return f"Cover of {field(row, name)}"
    return "Cover"
