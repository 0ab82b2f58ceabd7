"""How one value looks on a page: covers, chips, times, keys, stars; odd values are left to Datasette."""

import pytest

from musicdb.web import cells, shaping


def test_fields_tell_who_agrees_and_who_does_not():
    row = {"title": "A", "bpm": 118.27, "duration_ms": 431999, "sources": '{"title": "local", "bpm": "rekordbox"}'}

    def claim(field, platform, value, type="text"):
        return {"field": field, "platform": platform, "value": value, "type": type}

    claims = [
        claim("title", "local", "A"),
        claim("title", "spotify", "A"),
        claim("title", "tidal", "B"),
        claim("bpm", "local", 118.3, "real"),
        claim("duration_ms", "tidal", 432001, "integer"),
        claim("genres", "local", '["Dub","House"]', "array"),
    ]
    found = {f["name"]: (f["whose"], f["agree"], f["others"]) for f in shaping.fields(row, claims)}
    assert found == {
        "title": ("local", ["spotify"], [("tidal", "B")]),
        "bpm": ("rekordbox", ["local"], []),
        "duration_ms": (None, ["tidal"], []),
        "genres": (None, [], [("local", "Dub, House")]),
    }


@pytest.mark.parametrize(
    ("ms", "shown"), [(0, "0:00"), (431999, "7:12"), (59_499, "0:59"), (59_500, "1:00"), (3_600_000, "1:00:00"), (36_000_500, "10:00:00")]
)
def test_times_are_minutes_and_seconds(ms, shown):
    assert cells.clock(ms) == shown


def plain(column, value, row=None, table=None):
    return cells.render(column, value, row, table, cover_url=lambda i: f"/c/{i}", row_url=lambda t, i: f"/{t}/{i}")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bpm", "fast"),
        ("bpm", True),
        ("rating", 9),
        ("rating", "4"),
        ("duration_ms", "long"),
        ("duration_ms", -1),
        ("musical_key", "nonsense"),
        ("musical_key", 7),
        ("cover", "1"),
        ("platforms", 3),
        ("platforms", "[1, 2]"),
        ("platform", 7),
        ("metadata", "{broken}"),
        ("metadata", "[]"),
        ("created_at", "soon"),
        ("created_at", "2026-13-03T12:04:00Z"),
        ("title", "A"),
        ("anything", "text"),
        ("data", b"bytes"),
        ("bpm", None),
    ],
)
def test_an_odd_value_is_left_to_datasette(column, value):
    assert plain(column, value) is None


def test_values_look_like_music():
    assert plain("platform", "no<such>") == '<span class="chip p-other">no&lt;such&gt;</span>'
    assert plain("created_at", "2026-05-03T12:04:00Z") == (
        '<time datetime="2026-05-03T12:04:00Z" title="2026-05-03T12:04:00Z">3 May 2026 12:04</time>'
    )
    assert "★★★★☆" in plain("rating", 4)
    assert plain("artists", '["A & B", "C"]') == "A &amp; B, C"
    assert plain("image_id", {"value": 3, "label": "ab12"}, {"title": 'A "B"'}) == cells.cover("/c/3", 'Cover of A "B"')
    assert plain("said_by", '{"local": "<b>"}') == '<span class="said"><span class="chip p-local">file</span> &lt;b&gt;</span>'
    assert plain("title", "A", {"track_id": 7}) == '<a href="/tracks/7">A</a>'
