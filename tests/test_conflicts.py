"""Where platforms disagree: what counts as the same, what the views say of it, and how they find it."""

import json

import pytest

from musicdb import truth
from musicdb.truth import disagreeing, pick
from tests.observing import observe
from tests.test_truth import both, release


def says(said=None, *, album=None, ms=200_000, key="nightfall|ada", of_release=None, platform="local", mine=True):
    """One observation with these words."""
    decoded = pick.decode(json.dumps(said or {}))
    return pick.Observed(platform, mine, False, "x", "Nightfall", '["Ada"]', album, ms, None, None, decoded, pick.decode(json.dumps(of_release or {})), None, key)


@pytest.mark.parametrize(
    "one, other, fields",
    [
        (says(), says(), []),
        (says(key="nightfall|ada"), says(key="daybreak|ada"), ["title"]),
        (says(key="nightfall|ada"), says(key="nightfall|eve"), ["artists"]),
        (says({"year": 1997}), says({"year": 1998}), ["year"]),
        (says({"year": 1997}), says(of_release={"year": 1998}), ["year"]),
        (says({"year": 1997}), says({}), []),
        (says({"bpm": 128.0}), says({"bpm": 128.4}), []),
        (says({"bpm": 128}), says({"bpm": 64}), ["bpm"]),
        (says({"musical_key": "8A"}), says({"musical_key": "9A"}), ["musical_key"]),
        (says(ms=200_000), says(ms=203_000), []),
        (says(ms=200_000), says(ms=203_001), ["duration_ms"]),
        (says({"rating": 3}), says({"rating": 4}), ["rating"]),
        (says({"release_date": "1997"}), says({"release_date": "1997-05-12"}), []),
        (says({"release_date": "1997-05"}), says({"release_date": "1997-06-12"}), ["release_date"]),
        (says(album="Dusk"), says(album="DUSK (2011 Digitally Remastered)"), []),
        (says(album="Dusk"), says(album="Dawn"), ["album"]),
        (says({"label": "Moon"}), says(of_release={"label": "MOON"}), []),
        (says({"catalogue_number": "MN-01"}), says({"catalogue_number": "mn 01"}), []),
        (says({"catalogue_number": "MN 01"}), says({"catalogue_number": "MN 02"}), ["catalogue_number"]),
        (says({"year": 1997}), says({"year": 1998}, mine=False), []),  # known from listens only
    ],
)
def test_what_is_material(one, other, fields):
    assert disagreeing.differing([one, other]) == disagreeing.differing([other, one]) == fields


@pytest.fixture
def library(db):
    """Two files and a record of one track, with years of their own."""
    observe(db, "local", "a", duration_ms=200_000, album="Dusk", said={"year": 2005})
    release(db, "discogs", "r1", "Dusk", artists=["Ada"], year=1997)
    observe(db, "discogs", "r1/A1", album="Dusk", release_external_id="r1", duration_ms=200_000)
    observe(db, "tidal", "77", duration_ms=200_000, album="Dusk", said={"year": 2005})
    both(db)
    return db


def test_each_platform_is_named_once_with_all_that_it_says(library):
    observe(library, "local", "b", duration_ms=200_000, album="Dusk", said={"year": 2006})
    both(library)
    found = library.one("select * from conflicts where field = 'year'")
    assert json.loads(found.said_by) == {"discogs": 1997, "local": [2005, 2006], "tidal": 2005}
    assert (found.n_values, found.how, found.weight) == (3, "differs", 70)
    values = library.one("select said_by, n_values, winner from platform_values where track_id = ? and field = 'year'", [found.track_id])
    assert (json.loads(values.said_by), values.n_values, values.winner) == ({"discogs": 1997, "local": [2005, 2006], "tidal": 2005}, 3, "discogs")


def test_a_conflict_comes_and_goes_with_what_is_said(library):
    fields = "select field from conflicts order by 1"
    assert [r[0] for r in library.execute(fields)] == ["year"]
    library.execute("update platform_releases set said = json_set(said, '$.year', 2005)")
    library.execute("update platform_tracks set said = json_set(said, '$.bpm', iif(platform = 'local', 128, 64))")
    report = truth.resolve(library)
    assert [r[0] for r in library.execute(fields)] == ["bpm"] and report.rows["disagreements"] == 2
    assert library.value("select how from conflicts") == "half or double"
    assert truth.resolve(library).rows == {}


def test_a_rebuild_finds_the_same_conflicts(library):
    before = library.execute("select * from conflicts").fetchall()
    truth.rebuild(library)
    assert library.execute("select * from conflicts").fetchall() == before != []


@pytest.mark.parametrize("view", ["conflicts", "platform_values", "claims"])
def test_one_track_is_found_by_its_index(library, view):
    plan = " ".join(row.detail for row in library.q(f"explain query plan select * from {view} where track_id = 1"))
    assert "ix_link_track" in plan and "ix_link_review" not in plan and "SCAN k" not in plan and "SCAN p" not in plan, plan
