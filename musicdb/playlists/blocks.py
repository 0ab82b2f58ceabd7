"""Building blocks of smart playlists: pure functions that return SQL, so that what is saved is a query that anyone can read and change.

Each block is a select of (track_id, place) in SQLite's own words, no function of ours: the query runs in any program. Sources take no
block, filters, sorts and selectors take one, combiners take several:

    first(sort(not_played(likes("spotify"), 90), "bpm"), 50)

or as a line, sources first and the rest behind bars: `likes spotify | not_played 90 | sort bpm | first 50` (`read` makes the query).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from ..errors import BadInput

FIELDS = ("bpm", "rating", "year", "duration_ms", "release_date", "title", "artist_credit", "musical_key")
PLAYS = "(select count(*) from listening as l where l.track_id = {track})"
LAST = "(select max(l.listened_at) from listening as l where l.track_id = {track})"
METRIC = "(select m.value from latest_metrics as m where m.track_id = {track} and m.metric = {name} order by m.collected_at desc limit 1)"


def text(value: object) -> str:
    """A literal of SQL."""
    return "'" + str(value).replace("'", "''").replace("\0", "") + "'"


def number(value: object) -> str:
    """A literal number. Raises BadInput."""
    try:
        found = float(str(value))
    except ValueError:
        raise BadInput(f"{value!r} is no number") from None
    if found != found or abs(found) > 1e15:
        raise BadInput(f"{value!r} is no number that can be compared")
    return str(int(found)) if found == int(found) else repr(found)


def _whole(value: object, low: int = 0) -> int:
    """A whole number. Raises BadInput."""
    found = str(value).strip()
    if not found.isdigit() or int(found) < low:
        raise BadInput(f"{value!r} is no whole number from {low}")
    return int(found)


# ---------- sources


def library() -> str:
    """Every track, by artist and title."""
    return "select id as track_id, row_number() over (order by artist_credit, title, id) as place from tracks where deleted_at is null and merged_into_id is null and title is not null"


def playlist(name: object) -> str:
    """One of your playlists, by name, in its order."""
    return (
        "select coalesce(t.merged_into_id, t.id) as track_id, row_number() over (order by i.sort_key) as place "
        "from playlist_items as i join playlists as p on p.id = i.playlist_id join tracks as t on t.id = i.track_id "
        f"where p.name = {text(name)} and p.deleted_at is null and i.deleted_at is null and i.track_id is not null"
    )


def likes(platform: object | None = None) -> str:
    """What is liked somewhere, or at one service; newest first."""
    where = "" if platform is None else f" where platform = {text(platform)}"
    return f"select track_id, row_number() over (order by max(liked_at) desc, track_id) as place from liked_tracks{where} group by track_id"


def plays(since: object | None = None, until: object | None = None) -> str:
    """What was played, most first; of a time."""
    when = (f" and listened_at >= {text(since)}" if since else "") + (f" and listened_at < {text(until)}" if until else "")
    return f"select track_id, row_number() over (order by count(*) desc, max(listened_at) desc) as place from listening where track_id is not null{when} group by track_id"


# ---------- filters


def where(block: str, condition: str) -> str:
    """Only tracks for which a condition of SQL on `t` (a row of `tracks`) holds."""
    return f"select q.track_id, q.place from ({block}) as q join tracks as t on t.id = q.track_id where {condition}"


def by_artist(block: str, name: object) -> str:
    """Only tracks with an artist of that name or alias, whatever their role."""
    return where(
        block, "exists (select 1 from track_artists as c join artists as a on a.id = c.artist_id left join artist_aliases as n on n.artist_id = a.id "
        f"where c.track_id = t.id and (a.name = {text(name)} collate nocase or n.alias = {text(name)} collate nocase))",
    )  # fmt: skip


def released(block: str, since: object | None = None, until: object | None = None) -> str:
    """Only tracks released in a time: years, months or days, both included."""
    date = "coalesce(t.release_date, cast(t.year as text))"
    bounds = [f"{date} >= {text(since)}"] if since else []
    bounds += [f"substr({date}, 1, {len(str(until))}) <= {text(until)}"] if until else []
    return where(block, " and ".join(bounds) or "true")


def metric(block: str, name: object, low: object | None = None, high: object | None = None) -> str:
    """Only tracks whose bpm, rating, year, length, plays or collected number (popularity, ...) lies in a range, both included."""
    value = _value(str(name), "t.id", "t")
    return where(block, " and ".join([f"{value} is not null", *([f"{value} >= {number(low)}"] if low not in (None, "") else []), *([f"{value} <= {number(high)}"] if high not in (None, "") else [])]))


def not_played(block: str, days: object) -> str:
    """Only tracks not played for so many days, or never."""
    return where(block, f"coalesce({LAST.format(track='t.id')}, '') < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{_whole(days)} days')")


def played(block: str, times: object = 1) -> str:
    """Only tracks played so many times or more."""
    return where(block, f"{PLAYS.format(track='t.id')} >= {_whole(times)}")


def not_in(block: str, name: object) -> str:
    """Only tracks that are not in one of your playlists."""
    return where(block, f"t.id not in (select track_id from ({playlist(name)}))")


def tagged(block: str, name: object) -> str:
    """Only tracks with a tag."""
    return where(block, f"t.id in (select m.track_id from track_mytags as m join tags as g on g.id = m.tag_id where g.name = {text(name)} collate nocase)")


def with_file(block: str) -> str:
    """Only tracks that are on disk."""
    return where(block, "exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id join media_files as f on f.platform_track_id = p.id "
                 "where k.track_id = t.id and k.status in ('auto', 'confirmed') and p.missing_since is null)")  # fmt: skip


def dedupe(block: str) -> str:
    """Each track once, at its first place."""
    return f"select track_id, min(place) as place from ({block}) group by track_id"


# ---------- sorts and selectors


def sort(block: str, by: object, direction: object = "") -> str:
    """In order of bpm, rating, year, release_date, title, plays, last_played or a collected number; "desc" turns it round. Without a value: last."""
    if str(direction) not in ("", "asc", "desc"):
        raise BadInput(f"a sort goes asc or desc, not {direction!r}")
    value = _value(str(by), "q.track_id", "t")
    return f"select q.track_id, row_number() over (order by {value} is null, {value} {direction}, q.place) as place from ({block}) as q join tracks as t on t.id = q.track_id"


def reverse(block: str) -> str:
    """The last first."""
    return f"select track_id, -place as place from ({block})"


def first(block: str, n: object) -> str:
    """The first n."""
    return f"select track_id, place from ({block}) order by place limit {_whole(n)}"


def last(block: str, n: object) -> str:
    """The last n, in their order."""
    return f"select track_id, place from (select track_id, place from ({block}) order by place desc limit {_whole(n)}) order by place"


def sample(block: str, n: object, seed: object = 1) -> str:
    """n by chance: the same seed gives the same ones, in an order of chance."""
    mixed = f"((track_id * 48271 + {_whole(seed)} * 69621) % 2147483647)"
    chance = f"({mixed} * {mixed} % 2147483647) * 48271 % 2147483647"
    return f"select track_id, row_number() over (order by {chance}, place) as place from ({block}) order by place limit {_whole(n)}"


# ---------- combiners


def concat(*blocks: str) -> str:
    """One after the other; repeats stay."""
    parts = [f"select track_id, {n} as part, place from ({one})" for n, one in enumerate(_some(blocks))]
    return f"select track_id, row_number() over (order by part, place) as place from ({' union all '.join(parts)})"


def merge(*blocks: str) -> str:
    """One after the other, each track once."""
    return dedupe(concat(*blocks))


def interleave(*blocks: str) -> str:
    """One of each in turn."""
    parts = [f"select track_id, {n} as part, row_number() over (order by place) as turn from ({one})" for n, one in enumerate(_some(blocks))]
    return f"select track_id, row_number() over (order by turn, part) as place from ({' union all '.join(parts)})"


def _some(blocks: tuple[str, ...]) -> tuple[str, ...]:
    if not blocks:
        raise BadInput("name at least one list to combine")
    return blocks


def _value(name: str, track: str, row: str) -> str:
    """What a track is compared by."""
    own = {"plays": PLAYS.format(track=track), "played": LAST.format(track=track), "last_played": LAST.format(track=track)}
    if name in own:
        return own[name]
    if name in FIELDS:
        return f"{row}.{name}"
    return METRIC.format(track=track, name=text(name))


SOURCES: dict[str, Callable[..., str]] = {"library": library, "playlist": playlist, "likes": likes, "plays": plays}
STEPS: dict[str, Callable[..., str]] = {
    "by_artist": by_artist, "released": released, "metric": metric, "not_played": not_played, "played": played, "not_in": not_in, "tagged": tagged, "with_file": with_file,
    "dedupe": dedupe, "sort": sort, "reverse": reverse, "first": first, "last": last, "sample": sample,
}  # fmt: skip
COMBINERS: dict[str, Callable[..., str]] = {"concat": concat, "merge": merge, "interleave": interleave}


def read(line: str) -> str:
    """The query of a line such as `likes spotify | not_played 90 | sort bpm | first 50`; combiners take names of playlists:
    `interleave House Techno | first 40`. "" leaves an argument out (`released "" 1999`). Raises BadInput naming the word that is wrong."""
    query = ""
    for n, part in enumerate(line.split("|")):
        try:
            name, *arguments = shlex.split(part)
        except ValueError as error:
            raise BadInput(f"{part.strip()!r} cannot be read: {error}" if part.strip() else f"there is nothing between two bars in {line!r}") from None
        values = [one if one != "" else None for one in arguments]
        known = {**SOURCES, **COMBINERS} if n == 0 else STEPS
        if name not in known:
            raise BadInput(f"{name!r} is no {'source' if n == 0 else 'step'}; there are {', '.join(known)}")
        try:
            if name in COMBINERS:
                query = COMBINERS[name](*(playlist(one) for one in values))
            else:
                query = known[name](*([] if n == 0 else [query]), *values)
        except TypeError:
            raise BadInput(f"{name!r} does not take {len(values)} arguments: {known[name].__doc__}") from None
    return f"select track_id from ({query}) order by place"
