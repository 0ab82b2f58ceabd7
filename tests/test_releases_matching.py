"""matching.releases: pairs written by hand, each as the platform sends it; symmetry; nothing raises."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicdb.matching import Comparison, releases
from musicdb.platforms import discogs, spotify, tidal

TABLE = Path(__file__).with_name("releases.tsv")


def milliseconds(length):
    minutes, seconds = length.split(":")
    return (int(minutes) * 60 + int(seconds)) * 1000


def payload_of_discogs(title, artist, label, number, barcode, date, country, formats, tracks, total):
    name, *more = formats.split(", ")
    listed = tracks or [(f"Song {n}", None) for n in range(1, total + 1)]
    return "release", {
        "id": 41000001 + len(title) * 1000 + len(label), "title": title, "year": int(date[:4] or 0), "released": date, "country": country or None,
        "formats": [{"name": name, "qty": "1", "descriptions": more}], "artists": [{"name": artist, "anv": "", "join": "", "id": 11}],
        "labels": [{"name": label, "catno": number or "none", "entity_type": "1", "entity_type_name": "Label", "id": 901}] if label else [],
        "identifiers": [{"type": "Barcode", "value": barcode}] if barcode else [],
        "tracklist": [{"position": f"A{n}", "type_": "track", "title": t, "duration": length or ""} for n, (t, length) in enumerate(listed, 1)],
    }  # fmt: skip


def payload_of_spotify(title, artist, label, number, barcode, date, country, kind, tracks, total):
    return "spotify_album", {
        "album_type": kind, "type": "album", "id": f"{abs(hash((title, barcode))):022d}"[:22], "name": title, "uri": "spotify:album:x", "total_tracks": total,
        "artists": [{"id": "a" * 22, "name": name, "type": "artist"} for name in artist.split("; ")], "release_date": date,
        "release_date_precision": {4: "year", 7: "month"}.get(len(date), "day"), "label": label, "external_ids": {"upc": barcode} if barcode else {},
        "tracks": {"items": [], "total": total},
    }  # fmt: skip


def payload_of_tidal(title, artist, label, number, barcode, date, country, kind, tracks, total):
    return "album", {
        "id": 266439000 + len(title), "title": title, "releaseDate": date, "numberOfTracks": total, "numberOfVolumes": 1, "type": kind, "explicit": False,
        "version": None, "upc": barcode or None, "artist": {"id": 1, "name": artist, "type": "MAIN"}, "artists": [{"id": 1, "name": artist, "type": "MAIN"}],
    }  # fmt: skip


PAYLOADS = {"discogs": (discogs, payload_of_discogs), "spotify": (spotify, payload_of_spotify), "tidal": (tidal, payload_of_tidal)}


def described(written):
    """What a platform's rows say of a written release, with its platform and tracks, as `links.releases` gives it to the matcher."""
    platform, *fields, tracks = [f.strip() for f in written.split("|")]
    listed = [] if tracks.isdigit() else [tuple(t.strip().rsplit(" ", 1)) for t in tracks.split(";")]
    module, make = PAYLOADS[platform]
    kind, payload = make(*fields, listed, len(listed) or int(tracks))
    said = next(row["said"] for row in module.rows(kind, payload) if row["row"] == "release")
    said.pop("ids", None)  # one id would settle it; here words have to
    return said | {"platform": platform, "tracks": [{"title": t, "duration_ms": milliseconds(length)} for t, length in listed]}


PAIRS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def test_both_payload_shapes_and_all_three_answers_are_in_the_table():
    assert len(PAIRS) >= 40
    assert {level for _, level, *_ in PAIRS} == {"release", "release group", "none"}
    assert sum("discogs" in one and "discogs" not in other for _, _, one, other in PAIRS) >= 12


@pytest.mark.parametrize("what, level, one, other", PAIRS, ids=[f"{p[0]}: {p[2].split('|')[1].strip()} / {p[3].split('|')[1].strip()}" for p in PAIRS])
def test_level_of(what, level, one, other):
    a, b = described(one), described(other)
    found, turned = releases.compare(a, b), releases.compare(b, a)
    assert (found.level or "none") == level, found
    assert (found.confidence, found.album, found.level) == (turned.confidence, turned.album, turned.level)
    assert isinstance(found, Comparison) and all(part.sentence.endswith(".") for part in found.parts.values())


def test_a_reissue_says_what_makes_it_another_release():
    one, other = next((described(a), described(b)) for _, level, a, b in PAIRS if "QNC 77" in b)
    found = releases.compare(one, other)
    assert {"label", "catalogue number", "country", "date"} <= {name for name, part in found.parts.items() if part.weight < 0}
    assert found.verdict == "different" and found.album > 95


def test_what_is_missing_is_no_agreement():
    full = {"title": "Peat", "artists": ["Rurik Vale"], "label": "Undertow Archive", "catalogue_number": "UNDA017", "barcode": "8758543203245", "year": 2012}
    assert releases.compare(full, full).level == "release"
    bare = releases.compare(full, {"title": "Peat", "artists": ["Rurik Vale"]})
    assert bare.level == "release group" and bare.verdict == "maybe"
    assert releases.compare(full, {"title": "Peat"}).level is None and releases.compare({}, {}).verdict == "different"


VALUES = st.none() | st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.text() | st.none() | st.dictionaries(st.text(), st.text(), max_size=1), max_size=2)
NAMES = st.sampled_from("title artists album_artists label labels catalogue_number barcode release_date year country formats album_type track_total duration_ms "
                        "ids platform tracks".split())  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=8), st.dictionaries(NAMES, VALUES, max_size=8))
def test_it_is_symmetric_and_never_raises(a, b):
    found, turned = releases.compare(a, b), releases.compare(b, a)
    assert 0 <= found.confidence <= found.album <= 100
    assert (found.confidence, found.album, found.level) == (turned.confidence, turned.album, turned.level)
