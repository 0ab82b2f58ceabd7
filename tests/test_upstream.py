"""What a platform says differently now: seen, rehearsed without writing, accepted row by row."""

import pytest
from click.testing import CliRunner

import musicdb
from musicdb import history, links, load, truth
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.truth import upstream

from .test_load import Fake, run, tracks


@pytest.fixture
def fake(monkeypatch):
    platform = Fake()
    monkeypatch.setattr(load, "module", lambda name: platform)
    return platform


@pytest.fixture
def library(db, fake):
    """One track of one platform; the year was decided by hand."""
    run(db, fake, tracks("a", "b", year=1997))
    links.link(db)
    truth.resolve(db)
    track = db.value("select id from tracks where title = 'Title a'")
    truth.decide(db, track, "year", 1996)
    return db, track


def test_a_field_that_is_said_differently_is_shown_with_old_new_and_ours(library, fake):
    db, track = library
    run(db, fake, tracks("a", "b", year=1999))
    rows = {r.external_id: r for r in upstream.changes(db)}
    a = rows["a"]
    assert (a.track_id, a.field, a.old, a.new, a.now, a.whose) == (track, "year", 1997, 1999, 1996, "user")
    assert rows["b"].whose == "spotify"


def test_accepting_lets_the_library_follow_and_undo_takes_it_back(library, fake):
    db, track = library
    run(db, fake, tracks("a", year=1999))
    truth.resolve(db)
    year = "select year from tracks where id = ?"
    assert db.value(year, [track]) == 1996
    [row] = upstream.changes(db)
    assert upstream.accept(db, row.id) == 1
    assert (db.value(year, [track]), upstream.changes(db)) == (1999, [])
    with pytest.raises(BadInput, match="no change"):
        upstream.accept(db, row.id)
    history.undo(db)
    assert db.value(year, [track]) == 1996


def test_a_rehearsal_stores_nothing_and_says_what_would_change(library, fake):
    db, _ = library
    before = "\n".join(db.conn.iterdump())
    fake.pages = [tracks("a", year=2001), tracks("c")]
    report, rows = upstream.rehearse(db, "fake")
    assert (report.new, report.changed, [(r.external_id, r.field, r.old, r.new) for r in rows]) == (1, 1, [("a", "year", 1997, 2001)])
    assert "\n".join(db.conn.iterdump()) == before


def test_a_track_is_marked_to_be_asked_for_again(library):
    db, track = library
    assert upstream.mark_for_update(db, track) == 1
    assert [r.external_id for r in db.q("select external_id from stale")] == ["a"]
    assert upstream.mark_for_update(db, track) == 0
    with pytest.raises(BadInput):
        upstream.mark_for_update(db, 999)


def test_it_is_a_part_of_musicdb():
    assert musicdb.upstream is upstream


XML = """<?xml version="1.0" encoding="UTF-8"?><DJ_PLAYLISTS Version="1.0.0"><PRODUCT Name="rekordbox" Version="6.6.2" Company="X"/>
<COLLECTION Entries="1"><TRACK TrackID="1" Name="Lantern" Artist="Wren" TotalTime="200" Year="{year}"
Location="file://localhost/C:/Music/lantern.mp3"/></COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT" Count="0"/></PLAYLISTS></DJ_PLAYLISTS>"""


def test_the_command_line_checks_and_accepts(tmp_path):
    def musicdb_(*words):
        done = CliRunner().invoke(cli, ["--db", str(tmp_path / "music.db"), *words])
        assert done.exit_code == 0, done.output
        return done.output

    xml = tmp_path / "rekordbox.xml"
    xml.write_text(XML.format(year=1997))
    musicdb_("import", "rekordbox", str(xml))
    with musicdb.open(tmp_path / "music.db") as db:
        truth.decide(db, db.value("select id from tracks"), "year", 1990)
    xml.write_text(XML.format(year=1999))
    assert "Lantern (1): year 1997 -> 1999" in musicdb_("import", "rekordbox", str(xml), "--check")
    assert "1 changed" in musicdb_("import", "rekordbox", str(xml), "--check"), "the first check stored nothing"
    assert "1 values follow rekordbox" in musicdb_("import", "rekordbox", str(xml), "--accept")
    with musicdb.open(tmp_path / "music.db") as db:
        assert db.value("select year from tracks") == 1999
