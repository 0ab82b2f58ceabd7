"""Exports of Maloja and Koito."""

from __future__ import annotations

import json

import pytest

from musicdb import load
from musicdb.errors import BadInput, UnknownSource
from musicdb.platforms import koito, maloja

AT = 1_690_347_960
MBID = "11111111-1111-4111-8111-111111111111"


def scrobble(at=AT, title="Tide", **more):
    return {
        "time": at,
        "track": {"artists": ["Moss"], "title": title, "album": None, "length": 181},
        "duration": 90,
        "origin": "client:x",
        **more,
    }


def named(name, mbid=None, **more):
    other = {"alias": "other", "source": "x", "is_primary": False}
    return {"mbid": mbid, "aliases": [other, {"alias": name, "source": "Canonical", "is_primary": True}] if name else [], **more}


def listen(at="2023-07-26T05:06:00Z", title="Tide", **more):
    sent = {
        "listened_at": at,
        "client": "Navidrome",
        "track": named(title, duration=181),
        "album": named("Low Water", various_artists=False),
    }
    return sent | {"artists": [named("Moss", MBID, is_primary=True)]} | more


EXPORTS = {
    "maloja": lambda items: {"maloja": {"export_time": AT}, "scrobbles": items},
    "koito": lambda items: {"version": "1", "exported_at": "2025-06-18T12:56:53Z", "user": "ada", "listens": items},
}
BOTH = pytest.mark.parametrize("name, make", [("maloja", scrobble), ("koito", listen)])


def refusals(db):
    return [row["reason"] for row in db.q("select reason from quarantine where resolved_at is null")]


def read(db, tmp_path, name, items, indent=None):
    path = tmp_path / f"{name}_export_1.json"
    path.write_text(json.dumps(EXPORTS[name](items), indent=indent))
    return load.run(db, name, path)


@BOTH
def test_an_export_is_read_twice_without_a_change_and_a_longer_one_adds_what_is_new(db, tmp_path, name, make):
    items = [make(AT + n * 200) for n in range(5)]
    assert read(db, tmp_path, name, items[:4]).listens_new == 4
    assert read(db, tmp_path, name, items[:4], indent=3).listens_new == 0
    assert read(db, tmp_path, name, items).listens_new == 1
    row = db.one("select title, artists, duration_ms, in_library from platform_tracks")
    assert tuple(row.values()) == ("Tide", '["Moss"]', 181_000, 0)


@BOTH
def test_bad_items_are_refused_one_by_one(db, tmp_path, name, make):
    report = read(db, tmp_path, name, [make(), make(None), make(3), make(AT, ""), 7, None, make(AT, "other"), make(float("nan"))])
    assert report.listens_new == 2 and report.quarantined == 6
    said = " / ".join(refusals(db))
    for reason in ("no usable time", "broken clock", "without a title", "an object expected", "cannot hold"):
        assert reason in said


@BOTH
def test_a_broken_export_gives_what_stands_before(db, tmp_path, name, make):
    whole = json.dumps(EXPORTS[name]([make(AT), make(AT + 9), make(AT + 18)]))
    (tmp_path / "a.json").write_text(whole[:-20])
    assert load.run(db, name, tmp_path / "a.json").listens_new == 2 and "cut off" in refusals(db)[0]
    (tmp_path / "b.json").write_text(whole[: whole.index("[") + 3])
    with pytest.raises(BadInput, match="cut off"):
        load.run(db, name, tmp_path / "b.json")


@BOTH
def test_no_file_and_a_strange_file_are_said(db, tmp_path, name, make):
    with pytest.raises(BadInput, match="which file"):
        load.run(db, name)
    (tmp_path / "a.json").write_text('{"lovedtracks": {"track": []}}')
    with pytest.raises(UnknownSource, match="musicdb import lastfm"):
        load.run(db, name, tmp_path / "a.json")


def test_maloja_says_how_long_it_was_heard_and_reads_its_older_forms():
    track, play = maloja.rows(
        "scrobble", scrobble(track={"artists": ["Moss", "Ada"], "title": "Tide", "album": {"artists": ["Moss"], "albumtitle": "Low"}})
    )
    assert play["ms_played"] == 90_000 and track["artists"] == ["Moss", "Ada"] and track["album"] == "Low"
    track, _ = maloja.rows("scrobble", {"time": AT, "artists": ["Moss"], "title": "Tide", "album": "Low"})
    assert track["album"] == "Low"


def test_koito_takes_primary_names_and_artists_first():
    guests = [named("Ada", is_primary=False), named("Moss", MBID, is_primary=True)]
    track, play = koito.rows(
        "listen", listen(artists=guests, album=named("Summer", various_artists=True), track=named("Tide", MBID, duration=181))
    )
    assert track["external_id"] == MBID and track["artists"] == ["Moss", "Ada"] and track["said"]["album_artists"] == ["Various Artists"]
    assert play["context"] == {"client": "Navidrome"}


def test_real_exports_import_whole(db, real_data):
    counts = [
        load.run(db, "maloja", real_data / "scrobbles" / path) for path in ("listenbrainz/maloja.json", "koito/maloja_import_test.json")
    ]
    assert [(r.listens_new, r.quarantined) for r in counts] == [(2, 0), (38, 0)]
