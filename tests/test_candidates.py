"""candidates: tracks of the library that a record may be, by id, ISRC, key, title, artist and rare words; pairing of two lists."""

import pytest

from musicdb import text
from musicdb.links.aliases import Known
from musicdb.matching import candidates, cluster, compare
from musicdb.matching.pairing import pair

from .small import Small


@pytest.fixture
def library(tmp_path):
    small = Small(tmp_path / "music.db")
    for n, (title, artist) in enumerate(
        [("Nightfall", "Kelp"), ("Nightfall (Dub Mix)", "Kelp"), ("Copper Rain", "Ada Lumen"), ("Harbour Lights", "Vela"), ("One More Time", "Vela")]
    ):
        parts = text.split_title(title)
        track = small.track(
            parts.base, version=parts.version, artist_credit=artist, duration_ms=200_000 + n, title_norm=text.norm(parts.base),
            match_key=text.match_key(title, artist),
        )  # fmt: skip
        small.observe(track, isrc=f"XXA01000000{n}", title=title)
        small.insert("external_ids", entity_type="track", entity_id=track, scheme="spotify", value=f"s{n}")
    return small.db


def found(db, **record):
    return [(c.track_id, c.comparison.verdict) for c in candidates(db, record)]


def test_a_key_finds_the_version_and_not_its_original(library):
    assert found(library, title="Nightfall - Dub Mix", artist="Kelp") == [(2, "same")]
    assert found(library, title="nightfall", artists=["Kelp"]) == [(1, "same")]


def test_typing_errors_are_found_by_artist_or_words(library):
    assert found(library, title="Coper Rain", artist="Ada Lumen", duration_ms=200_002) == [(3, "same")]
    assert found(library, title="Copper Rain", artist="Ada Lumne", duration_ms=200_002) == [(3, "same")]
    assert found(library, title="Vela - Harbour Lights") == [(4, "same")]


def test_an_isrc_or_id_brings_a_candidate_but_not_a_verdict(library):
    assert found(library, title="Something Else", artist="Nobody Known", isrc="XXA010000002") == []
    assert found(library, title="Nightfall (Live)", artist="Kelp", isrc="XXA010000000") == []
    assert found(library, title="Nachtfall", artist="Kelp", ids={"spotify": "s0"}) == [(1, "same")]


def test_nothing_is_found_for_nothing(library):
    assert found(library) == found(library, title="") == found(library, title="Unheard", artist="Of") == found(library, title='" OR "', artist='"') == []
    assert found(library, title="One", artist="Vela") == []


def test_lists_are_paired_by_key_by_title_by_artist_and_by_rare_words():
    right = [
        {"title": "Nightfall", "artists": ["Kelp"], "duration_ms": 300_000},
        {"title": "Nightfall (Dub Mix)", "artists": ["Kelp"], "duration_ms": 300_000},
        {"title": "Copper Rain", "artist": "Ada Lumen", "duration_ms": 225_000},
        {"title": "Silent Winter Drive", "artist": "Mo Kerr", "duration_ms": 200_000},
    ]
    left = [
        {"title": "Nightfall - Dub Mix", "artist": "Kelp", "duration_ms": 301_000},
        {"title": "Copper Rain", "artist": "Ada Lumen & Guest", "duration_ms": 225_500},
        {"title": "Silent Winter Dirve", "artist": "Mo Ker", "duration_ms": 200_000},
        {"title": "Nightfall (Live)", "artist": "Kelp", "duration_ms": 300_000},
        {"title": "", "artist": None},
    ]
    assert [(p.left, p.right) for p in pair(left, right)] == [(0, 1), (1, 2), (2, 3)]
    assert pair([], right) == pair(left, []) == []


def test_clusters_are_the_same_in_any_order():
    records = [{"title": t, "artist": a} for t in ("Nightfall", "Nightfall (Live)", "Copper Rain") for a in ("Kelp", "Ada Lumen", "KELP")]
    labels, turned = cluster(records), cluster(records[::-1])[::-1]
    same = [[x == y for y in labels] for x in labels]
    assert same == [[x == y for y in turned] for x in turned]
    assert compare(records[0], records[2]).verdict == "same"


def test_another_name_that_was_kept_is_read_as_the_name(library):
    library.execute("insert into title_aliases (track_id, alias, alias_norm) values (3, 'Kupferregen', 'kupferregen')")
    assert found(library, title="Kupferregen", artist="Ada Lumen", duration_ms=200_002) == [(3, "same")]
    assert found(library, title="Kupferregen (Live)", artist="Ada Lumen", duration_ms=200_002) == []


def test_compare_reads_aliases_of_artists_also_beside_a_guest():
    known = Known({"gudmundsdottir": "bjork"}, {})
    one, other = {"title": "Hidden Place", "artist": "Björk feat. Bo"}, {"title": "Hidden Place", "artist": "Guðmundsdóttir feat. Bo"}
    assert compare(one, other).confidence < compare(one, other, aliases=known).confidence
    assert compare(one, other, aliases=known).parts["artists"].score == 1.0
