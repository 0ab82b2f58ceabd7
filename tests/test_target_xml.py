"""Rekordbox XML as a place that lists are written to: what others wrote stays, byte by byte."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest

from musicdb import load, playlists
from musicdb.errors import BadInput, MusicdbError, SourceError, Transient, UnknownSource
from musicdb.exports import rekordbox_xml as writer
from musicdb.playlists import applying
from musicdb.playlists.targets import CannotRestore, Step, Target
from musicdb.targets import _xml_library, rekordbox_xml

from .test_reconcile import in_playlist, music, track  # noqa: F401  music is a fixture
from .test_target_files import change, write

THEIRS = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<DJ_PLAYLISTS Version="1.0.0">
  <PRODUCT Name="rekordbox" Version="6.8.5" Company="AlphaTheta"/>
  <COLLECTION Entries="3">
    <TRACK TrackID="7" Name='Kettle &gt; "Live"' Artist="Ada" Rating="153" Location="file://localhost/else/kettle.mp3" Foo="a > b">
      <TEMPO Inizio="0.025" Bpm="124.00" Metro="4/4" Battito="1"/>
      <POSITION_MARK Name="drop > here" Type="0" Start="61.5" Num="0" Red="40" Green="226" Blue="20"/>
    </TRACK>
    <TRACK TrackID="8" Name="B" Location="file://localhost{b}"/>
    <TRACK TrackID="9" Name="gone" Location="file://localhost/else/gone.mp3"></TRACK>
  </COLLECTION>
  <PLAYLISTS>
    <NODE Type="0" Name="ROOT" Count="2">
      <NODE Name="Sets" Type="0" Count="2">
        <NODE Name="Friday" Type="1" KeyType="0" Entries="3">
          <TRACK Key="7"/><TRACK Key="8"/><TRACK Key="7"/>
        </NODE>
        <NODE Name="By place" Type="1" KeyType="1" Entries="1"><TRACK Key="file://localhost{b}"/></NODE>
      </NODE>
      <NODE Name="Empty &amp; new" Type="1" KeyType="0" Entries="0"/>
    </NODE>
  </PLAYLISTS>
</DJ_PLAYLISTS>
"""


@pytest.fixture
def file(music, tmp_path) -> Path:  # noqa: F811
    path = tmp_path / "rekordbox.xml"
    path.write_text(THEIRS.replace("{b}", (music / "b.wav").as_posix()), "utf-8")
    return path


@pytest.fixture
def target(db, file):
    with contextlib.closing(rekordbox_xml.open(db, str(file))) as made:
        yield made


@pytest.fixture
def keys(db, music):  # noqa: F811
    sql = "select 'local/' || p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id order by f.path"
    return [row[0] for row in db.execute(sql)]


def lists(path):
    """{path of names: TrackIDs}, as any reader of XML sees them."""
    found = {}

    def walk(node, above):
        name = f"{above}/{node.get('Name')}"
        if node.get("Type") == "1":
            assert int(node.get("Entries")) == len(node.findall("TRACK"))
            found[name] = [one.get("Key") for one in node.findall("TRACK")]
        else:
            assert int(node.get("Count")) == len(node.findall("NODE"))
            for inner in node.findall("NODE"):
                walk(inner, name)

    walk(ElementTree.parse(path).getroot().find("PLAYLISTS/NODE"), "")
    return found


def test_it_is_a_target_and_reads_tracks_as_rekordbox_s_or_as_your_files(target, keys):
    assert isinstance(target, Target)
    state = target.read()
    assert {one.id for one in state.values()} == {"Sets", "Sets/Friday", "Sets/By place", "Empty & new"}
    assert state["Sets/Friday"].items == ("7", keys[1], "7") and state["Sets/Friday"].parent == "Sets"
    assert state["Sets/By place"].items == (keys[1],)
    assert not any(one.writable for one in state.values()), "all of it is another's"


def test_what_others_wrote_stays_byte_by_byte(target, file, keys):
    before = file.read_bytes()
    write(target, Step("create", name="Ours & more", after=(keys[0], keys[1], "7", keys[0])))
    after = file.read_text("utf-8")
    track_at, end = before.index(b"    <TRACK TrackID"), before.index(b"  </COLLECTION>")
    assert before[track_at:end] in after.encode() and "<!-- made by hand -->" in after
    sets, gone = before.index(b"<NODE Name=\"Sets\""), before.index(b"    </NODE>\n  </PLAYLISTS>")
    assert before[sets:gone].strip() in after.encode()
    assert after.count("<TRACK TrackID") == 4 and 'Entries="4"' in after
    assert lists(file)["/ROOT/Ours & more"] == [str(writer.OWN_IDS + track(target.db, "a.wav")), "8", "7", str(writer.OWN_IDS + track(target.db, "a.wav"))]


def test_lists_keep_order_repeats_folders_and_their_id(target, file, keys):
    a, b, c, d = keys
    made = target.apply(Step("folder", name="New/ly"))["id"]
    one = target.apply(Step("create", name="Night", parent=made, after=(a, b, a)))["id"]
    target.commit()
    assert target.read()[one].items == (a, b, a) and target.read()[one].parent == made
    change(target, one, [c, a, a, d, b])
    write(target, Step("rename", one, name="Day"), Step("folder", name="Old"))
    (old,) = (x.id for x in target.read().values() if x.name == "Old")
    write(target, Step("place", made, parent=old))
    assert "/ROOT/Old/New/ly/Day" in lists(file) and target.read()[one].items == (c, a, a, d, b)
    same = file.read_bytes()
    write(target)
    assert file.read_bytes() == same, "a second sync changes nothing"
    with pytest.raises(BadInput, match="in itself"):
        target.apply(Step("place", old, parent=made))
    with pytest.raises(BadInput, match="still holds"):
        target.apply(Step("delete", old))
    target.close()
    write(target, Step("delete", one))
    assert "/ROOT/Old/New/ly/Day" not in lists(file) and lists(file)["/ROOT/Sets/Friday"] == ["7", "8", "7"]


def test_another_s_list_is_not_written_and_what_cannot_be_is_said(target, file, keys):
    before = file.read_bytes()
    for step, words in (
        (Step("add", "Sets/Friday", keys[0], to=0, before=("7",), after=(keys[0], "7")), "another's"),
        (Step("delete", "Sets"), "another's"),
        (Step("rename", "nope", name="x"), "any more"),
        (Step("create", name=" "), "needs a name"),
        (Step("create", name="x", after=("local/none",)), "has no file"),
        (Step("create", name="x", parent="nope"), "no folder"),
        (Step("rate", key="404", value={"rating": 5}), "no track 404"),
    ):
        with pytest.raises(MusicdbError, match=words):
            target.apply(step)
    target.commit()
    assert file.read_bytes() == before


def test_a_file_that_rekordbox_wrote_anew_keeps_your_lists_and_one_that_is_there_twice_is_nobody_s(target, file, keys):
    _, [one, two] = write(target, Step("create", name="Ours", after=(keys[0],)), Step("create", name="Twice", after=(keys[1],)))
    text = "".join(line for line in file.read_text("utf-8").splitlines(True) if "musicdb:" not in line)
    file.write_text(text.replace("    </NODE>\n  </PLAYLISTS>", '<NODE Name="Twice" Type="1" KeyType="0" Entries="0"/>    </NODE>\n  </PLAYLISTS>'), "utf-8")
    state = target.read()
    assert state[one["id"]].writable and state[one["id"]].items == (keys[0],)
    assert two["id"] not in state and not state["Twice"].writable and not state["Twice#2"].writable


def test_the_backup_is_put_back_and_not_over_what_another_program_wrote(target, file, keys):
    before = file.read_bytes()
    details, _ = write(target, Step("create", name="Ours", after=(keys[0],)))
    target.restore(details)
    assert file.read_bytes() == before
    details, _ = write(target, Step("create", name="Ours", after=(keys[0],)))
    file.write_text(file.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(CannotRestore):
        target.restore(details)


def test_a_file_that_another_program_changes_meanwhile_is_left_as_it_is(target, file, keys):
    target.backup()
    target.apply(Step("create", name="Ours", after=(keys[0],)))
    file.write_text(file.read_text("utf-8").replace("gone", "come"), "utf-8")
    before = file.read_bytes()
    with pytest.raises(Transient, match="another program"):
        target.commit()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "text, error",
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><DJ_PLAYLISTS><COLLECTION/></DJ_PLAYLISTS>', "entities"),
        ("<plist/>", "itunes"),
        ("nothing", "damaged"),
        ("<DJ_PLAYLISTS><COLLECTION>", "breaks off"),
        ("<DJ_PLAYLISTS></DJ_PLAYLISTS>", "no collection"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><DJ_PLAYLISTS><COLLECTION/></DJ_PLAYLISTS>', "ISO-8859-1"),
        ("<DJ_PLAYLISTS><COLLECTION/>" + "<PLAYLISTS>" + "<NODE Type='0'>" * 200 + "</NODE>" * 200 + "</PLAYLISTS></DJ_PLAYLISTS>", "deep"),
    ],
)
def test_a_hostile_or_damaged_file_is_not_written(target, file, text, error):
    file.write_text(text)
    with pytest.raises((BadInput, UnknownSource), match=error):
        target.read()
    assert file.read_text() == text


@pytest.mark.parametrize("text", ["<DJ_PLAYLISTS><COLLECTION/></DJ_PLAYLISTS>", '<DJ_PLAYLISTS><COLLECTION Entries="0"></COLLECTION><PLAYLISTS/></DJ_PLAYLISTS>', None])
def test_a_file_that_is_new_or_nearly_empty_gets_lists_too(target, file, keys, text):
    file.unlink()
    if text:
        file.write_text(text)
    details, [one] = write(target, Step("create", name="Ours", after=(keys[0], keys[0])))
    assert target.read()[one["id"]].items == (keys[0], keys[0]) and list(lists(file)) == ["/ROOT/Ours"]
    target.restore(details)
    assert file.exists() == bool(text)


def test_your_lists_are_planned_approved_written_imported_and_taken_back(db, music, file):  # noqa: F811
    in_playlist(db, track(db, "b.wav"), track(db, "a.wav"), track(db, "b.wav"))
    before, places = file.read_bytes(), {"rekordbox_xml": str(file)}
    made = playlists.plan(db, to=["rekordbox_xml"], places=places)
    assert [(op.action, op.needs) for op in made.operations] == [("create", "look")], "there is a list of that name"
    playlists.approve(db, made.id, [playlists.operations(db, made.id)[0].id])
    assert applying.apply(db, made.id).failed == 0
    assert playlists.plan(db, to=["rekordbox_xml"], places=places).operations == []
    playlists.add(db, "Friday", [track(db, "c.wav")], at=0)
    again = playlists.plan(db, to=["rekordbox_xml"], places=places)
    assert [op.action for op in again.operations] == ["add"]
    playlists.approve(db, again.id)
    assert applying.apply(db, again.id).done == 1
    assert load.run(db, "rekordbox", file).quarantined in (0, 3)
    names = db.execute("select title from platform_tracks where platform = 'rekordbox' and external_id > '19'").fetchall()
    assert {row[0] for row in names} >= {"a", "c"}
    playlists.undo(db, again.id)
    playlists.undo(db, made.id)
    assert file.read_bytes() == before


def test_ratings_and_cues_go_out_by_an_approved_step(db, music, file):  # noqa: F811
    id = track(db, "b.wav")
    cues = [{"type": "hot_cue", "num": 1, "start_ms": 1500.0, "name": 'a "b" > c', "color": "#28e214"}, {"type": "loop", "start_ms": 20.5, "length_ms": 100.0}]
    with db.operation("test"):
        db.execute("insert into platform_tracks (platform, external_id, title, match_key, said) values ('traktor', 't1', 'b', 'b', ?)", [_json({"cues": cues, "rating": 4})])
        row = db.value("select id from platform_tracks where platform = 'traktor'")
        db.execute("insert into track_links (platform_track_id, track_id, assigned_track_id, status, method, confidence) values (?, ?, ?, 'auto', 'path', 99)", [row, id, id])
        db.execute("update tracks set rating = 4 where id = ?", [id])
    in_playlist(db, id, name="Ours")
    places = {"rekordbox_xml": str(file)}
    made = playlists.plan(db, to=["rekordbox_xml"], places=places)
    playlists.approve(db, made.id)
    applying.apply(db, made.id)
    before = file.read_bytes()
    found = playlists.marks(db, str(file))
    assert [(op.action, op.needs) for op in found.operations] == [("rate", ""), ("cues", "")]
    playlists.approve(db, found.id)
    assert applying.apply(db, found.id).done == 2
    element = next(one for one in ElementTree.parse(file).getroot().iter("TRACK") if one.get("TrackID") == "8")
    assert element.get("Rating") == "204" and [one.get("Type") for one in element] == ["4", "0"]
    assert element[1].get("Name") == 'a "b" > c' and b"drop > here" in file.read_bytes()
    assert playlists.marks(db, str(file)).operations == []
    with db.operation("test"):
        db.execute("update platform_tracks set said = ? where id = ?", [_json({"cues": cues[:1], "rating": 4}), row])
    again = playlists.marks(db, str(file))
    assert [(op.action, op.needs) for op in again.operations] == [("cues", "look")], "cues that are there are replaced only by number"
    playlists.undo(db, found.id)
    assert file.read_bytes() == before


def _json(value):
    import msgspec

    return msgspec.json.encode(value).decode()


def test_a_file_that_is_not_there_any_more_says_nothing_about_your_lists(db, music, file):  # noqa: F811
    in_playlist(db, track(db, "a.wav"), name="Ours")
    places = {"rekordbox_xml": str(file)}
    made = playlists.plan(db, to=["rekordbox_xml"], places=places)
    playlists.approve(db, made.id)
    applying.apply(db, made.id)
    file.unlink()
    with pytest.raises(SourceError, match="not there"):
        playlists.plan(db, to=["rekordbox_xml"], places=places)


def test_elements_on_one_line_are_told_apart(target, file, keys):
    file.write_text('<DJ_PLAYLISTS><COLLECTION Entries="1"><TRACK TrackID="7"/></COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT"><NODE Name="E" Type="1"/>'
                    '<NODE Name="F" Type="0"><NODE Name="G" Type="1" KeyType="0"><TRACK Key="7"/><OTHER a="/>"/></NODE></NODE></NODE></PLAYLISTS></DJ_PLAYLISTS>')  # fmt: skip
    write(target, Step("create", name="Ours", after=(keys[0],)))
    text = file.read_text()
    assert '<NODE Name="E" Type="1"/>' in text and '<NODE Name="F" Type="0"><NODE Name="G" Type="1" KeyType="0"><TRACK Key="7"/><OTHER a="/>"/></NODE></NODE>' in text
    assert ElementTree.parse(file).getroot().find("COLLECTION").get("Entries") == "2"


def test_random_trees_come_out_as_they_were_to_be_and_nothing_of_others_moves(target, file, keys):
    rng = random.Random(5)
    theirs = {name: items for name, items in lists(file).items()}
    for _ in range(25):
        state = target.read()
        ours = [one for one in state.values() if one.writable]
        folders = [one.id for one in ours if one.kind == "folder"]
        parent = rng.choice([None, *folders])
        step = rng.choice(["create", "folder", "rename", "place", "items"])
        try:
            if step in ("create", "folder") or not ours:
                write(target, Step("create" if step != "folder" else "folder", name=rng.choice(["A", "B/C", "ROOT", "<&>"]), parent=parent, after=tuple(rng.choices(keys, k=4)) if step == "create" else ()))
            elif step == "items" and (plain := [one for one in ours if one.kind != "folder"]):
                one = rng.choice(plain)
                want = rng.choices([*keys, "7", "9"], k=rng.randrange(6))
                change(target, one.id, want)
                assert list(target.read()[one.id].items) == want
            else:
                one = rng.choice(ours)
                write(target, Step(step, one.id, name="R", parent=parent) if step != "items" else Step("rename", one.id, name="S"))
        except BadInput as error:
            assert "in itself" in str(error)
            target.close()
        now = lists(file)
        assert {name: now.get(name) for name in theirs} == theirs


def test_the_demo_s_library_gets_a_list_and_keeps_its_5_mb(db, tmp_path, music, keys):  # noqa: F811
    from musicdb.demo import rekordbox_xml as demo

    file = tmp_path / "demo.xml"
    file.write_bytes(demo.xml(Path("/music"), {}))
    load.run(db, "rekordbox", file)
    before = _xml_library.parse(file.read_bytes(), file)
    with contextlib.closing(rekordbox_xml.open(db, str(file))) as target:
        some = [row[0] for row in db.execute("select external_id from platform_tracks where platform = 'rekordbox' order by id limit 5")]
        _, [one] = write(target, Step("create", name="Ours", after=(*some, keys[0])))
        assert target.read()[one["id"]].items == (*some, keys[0])
    after = _xml_library.parse(file.read_bytes(), file)
    assert list(before.tracks) == list(after.tracks)[: len(before.tracks)] and len(after.tracks) == len(before.tracks) + 1
    start, end = next(iter(before.tracks.values())).start, before.end["COLLECTION"]
    assert before.data[start:end].rstrip() in after.data
