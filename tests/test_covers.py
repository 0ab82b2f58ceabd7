"""Covers: pictures that look the same, the best one chosen by rule, one's own as a candidate, what is missing."""

from __future__ import annotations

import io
import random

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageEnhance

import musicdb
from musicdb import history, images
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.images import alike
from tests.small import Small


def drawing(seed: int, side: int = 640, tall: int | None = None) -> Image.Image:
    """A picture of some shapes, the same for a seed at any size."""
    pick = random.Random(seed)
    image = Image.new("RGB", (640, 640), tuple(pick.randbytes(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, size = pick.randrange(600), pick.randrange(600), pick.randrange(60, 360)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=tuple(pick.randbytes(3)))
    return image.resize((side, tall or side), Image.Resampling.LANCZOS)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def look(data: bytes) -> alike.Look:
    prepared = images.prepare(data)
    found = alike.Look.of(prepared.dhash, prepared.tint, prepared.width, prepared.height)
    assert found is not None
    return found


@pytest.fixture
def small(tmp_path):
    small = Small(tmp_path / "music.db")
    yield small
    small.db.close()


def bring(small, image, observation=None, *, platform="local", release=None, role="cover"):
    id = images.store(small.db, jpeg(image), platform=platform)
    small.insert("platform_images", platform_track_id=observation, platform_release_id=release, image_id=id, role=role)
    return id


# ---------- how pictures look


@pytest.mark.parametrize("change", [
    lambda im: im.resize((120, 120), Image.Resampling.LANCZOS), lambda im: im.resize((1500, 1500), Image.Resampling.BICUBIC),
    lambda im: im.crop((4, 4, 636, 636)), lambda im: ImageEnhance.Brightness(im).enhance(1.04), lambda im: im,
])  # fmt: skip
@pytest.mark.parametrize("seed", range(8))
def test_another_size_encoder_or_a_little_crop_is_the_same_picture(seed, change):
    assert alike.alike(look(jpeg(drawing(seed))), look(jpeg(change(drawing(seed)), 60)))


def test_other_pictures_other_colours_and_other_shapes_are_not():
    looks = [look(jpeg(drawing(seed, 300))) for seed in range(40)]
    assert not [(a, b) for a in range(40) for b in range(a) if alike.alike(looks[a], looks[b])]
    red, blue = (look(jpeg(Image.new("RGB", (300, 300), colour))) for colour in ("red", "blue"))
    assert red.dhash == blue.dhash and not alike.alike(red, blue)  # a plain surface has no drawing
    assert not alike.alike(look(jpeg(drawing(1, 300))), look(jpeg(drawing(1, 300, 200))))


def test_groups_of_many_are_what_comparing_each_with_each_finds():
    pick = random.Random(5)
    looks: dict[int, alike.Look] = {}
    for n in range(600):
        base = looks[pick.randrange(n)] if n % 2 and n else alike.Look(pick.getrandbits(64), pick.randbytes(27), 1.0)
        dhash = base.dhash
        for _ in range(pick.randrange(10) if n % 2 else 0):
            dhash ^= 1 << pick.randrange(64)
        looks[n] = alike.Look(dhash, base.tint, base.shape)
    grouped = {one for first, others in alike.groups(looks).items() for one in others if alike.alike(looks[first], looks[one])}
    leaders: list[int] = []
    slowly = set()
    for n in looks:
        if any(alike.alike(looks[n], looks[first]) for first in leaders):
            slowly.add(n)
        else:
            leaders.append(n)
    assert grouped == slowly and len(slowly) > 100


def test_ten_thousand_plain_pictures_take_no_quadratic_time():
    pick = random.Random(5)
    looks = {n: alike.Look(0, pick.randbytes(27), 1.0) for n in range(10_000)}  # each with each would be 50 million
    seen = []
    alike_before = alike.alike
    try:
        alike.alike = lambda a, b: seen.append(1) or alike_before(a, b)
        alike.groups(looks)
    finally:
        alike.alike = alike_before
    assert len(seen) <= len(looks) * alike.CROWD


def test_pictures_of_an_earlier_version_are_filled_in_and_are_as_new_ones(small):
    ids = [images.store(small.db, jpeg(drawing(seed, 200)), platform="local") for seed in range(3)]
    before = small.db.q("select id, dhash, tint from images order by id")
    small.db.execute("update images set dhash = null, tint = null where id <> ?", [ids[0]])
    small.db.execute("update image_renditions set data = x'00' where image_id = ? and size = 'small'", [ids[2]])
    from musicdb import check

    assert [one.mend for one in check.run(small.db.path) if one.name == "pictures"] == ["musicdb covers fill"]
    assert images.fill(small.db) == (1, 1)
    assert small.db.q("select id, dhash, tint from images where id < ? order by id", [ids[2]]) == before[:2]
    assert images.fill(small.db) == (0, 0) and not [one for one in check.run(small.db.path) if one.name == "pictures"]
    assert images.same(small.db) == []


def test_a_signature_that_nobody_can_read_is_like_no_picture(small):
    for dhash, tint in (("zz", "00" * 27), ("f" * 16, "00"), ("f" * 40, "00" * 27), (None, None)):
        assert alike.Look.of(dhash, tint, 10, 10) is None


def test_candidates_say_which_are_the_same_picture_and_show_the_back_too(small):
    track = small.track("A")
    here, there = small.observe(track, "local"), small.observe(track, "tidal")
    first = bring(small, drawing(1, 500), here)
    twin, other = bring(small, drawing(1, 300), there, platform="tidal"), bring(small, drawing(2), small.observe(track, "itunes"))
    back = bring(small, drawing(3), here, role="back")
    images.select(small.db)
    rows = {row.image_id: row for row in images.candidates(small.db, track=track)}
    order = {first, twin}
    assert {rows[one].same_as for one in order} == {None, *(order - {r for r in order if rows[r].same_as})}
    assert (rows[other].same_as, rows[other].role, rows[back].role, rows[back].shown) == (None, "cover", "back", 0)
    images.choose(small.db, track=track, image=back)  # a person may take the back all the same
    assert images.candidates(small.db, track=track)[0].image_id == back
    assert images.same(small.db) == [{"image_id": first, "width": 500, "height": 500, "platform": "local", "same": [twin]}]


# ---------- by rule


@pytest.fixture
def shelf(small):
    """An album of two tracks: a small square of the platform trusted most, a larger one of the same, and a larger, oblong one. And a track alone."""
    album = small.album("Dusk")
    tracks = [small.track(name, album) for name in "AB"]
    pictures = {"small": drawing(1, 200), "large": drawing(1, 600), "wide": drawing(2, 900, 600), "other": drawing(3, 700)}
    found = {}
    for track in tracks:
        for name, platform in (("small", "discogs"), ("large", "local"), ("wide", "tidal"), ("other", "spotify")):
            found[name] = bring(small, pictures[name], small.observe(track, platform), platform=platform)
    alone = small.track("C")
    found["alone"] = bring(small, drawing(4), small.observe(alone, "spotify"))
    images.select(small.db)
    return small.db, album, tracks, alone, found


def cover(db, track):
    return db.value("select cover from library where id = ?", [track])


def test_the_largest_square_picture_is_chosen_for_the_album_as_one_operation(shelf):
    db, album, (a, b), alone, found = shelf
    assert [cover(db, one) for one in (a, b, alone)] == [found["small"], found["small"], found["alone"]]
    shown = images.choose_all(db, "all", "largest", preview=True)
    assert shown.operation is None and cover(db, a) == found["small"] and db.value("select count(*) from decisions") == 0
    done = images.choose_all(db, "all", "largest")
    assert done.rows == shown.rows == [
        {"track": None, "album": album, "title": "Dusk", "old": found["small"], "new": found["other"], "was": "200 x 200, discogs", "now": "700 x 700, spotify"}
    ]  # fmt: skip
    assert cover(db, a) == cover(db, b) == found["other"]
    assert images.choose_all(db, "all", "largest").operation is None
    history.undo(db, done.operation)
    assert cover(db, a) == found["small"]
    history.redo(db)
    assert cover(db, b) == found["other"]


def test_equally_large_ones_are_the_more_trusted_platforms(small):
    track = small.track("A")
    for seed, platform in ((1, "spotify"), (2, "local"), (3, "tidal")):
        bring(small, drawing(seed, 400), small.observe(track, platform), platform=platform)
    bring(small, drawing(4, 100), small.observe(track, "discogs"), platform="discogs")
    images.select(small.db)
    assert images.choose_all(small.db, track, "largest").rows[0].now == "400 x 400, local"


def test_larger_takes_only_the_same_picture(shelf):
    db, _, (a, _), alone, found = shelf
    assert [row.new for row in images.choose_all(db, "all", "larger").rows] == [found["large"]]
    assert (cover(db, a), cover(db, alone)) == (found["large"], found["alone"])


def test_what_a_person_chose_or_locked_stays_unless_asked_for(shelf):
    db, album, (a, _b), alone, found = shelf
    images.choose(db, album=album, image=found["wide"])
    musicdb.truth.lock(db, alone, "cover")
    done = images.choose_all(db, "all", "largest")
    assert done.operation is None and done.notes == ["2 of 2 covers were chosen by you and stay (again=True, or --again, for those too)"]
    assert cover(db, a) == found["wide"]
    assert [row.new for row in images.choose_all(db, "all", "largest", again=True).rows] == [found["other"]]
    images.choose_all(db, "all", "trust")
    assert cover(db, a) == found["small"]


def test_for_each_track_its_own_is_chosen_and_the_album_keeps_its(shelf):
    db, _album, (a, b), _, found = shelf
    images.choose_all(db, [a], "largest", whole=False)
    assert (cover(db, a), cover(db, b)) == (found["other"], found["small"])


def test_a_chosen_cover_survives_a_rebuild_and_a_smaller_selection(shelf):
    db, *_ = shelf
    images.choose_all(db, "all", "largest")
    before = db.q("select image_id, track_id, release_group_id, platform, is_selected from image_links order by 1, 2, 3")
    assert images.select(db) == 0 and images.select(db, [1]) == 0
    db.execute("delete from image_links")
    images.select(db)
    assert db.q("select image_id, track_id, release_group_id, platform, is_selected from image_links order by 1, 2, 3") == before


# ---------- one's own


def test_a_picture_of_ones_own_is_a_candidate_until_it_is_chosen_and_goes_by_undo(shelf, tmp_path):
    db, album, (a, _), _, found = shelf
    path = tmp_path / "sleeve.png"
    drawing(9, 350).save(path)
    id, operation = images.add(db, album=album, picture=path)
    assert cover(db, a) == found["small"] and id in {row.image_id for row in images.candidates(db, album=album)}
    assert images.add(db, album=album, picture=path) == (id, None)
    db.execute("delete from image_links")
    images.select(db)
    assert id in {row.image_id for row in images.candidates(db, album=album)}
    images.choose(db, album=album, image=id)
    assert cover(db, a) == id
    history.undo(db)
    history.undo(db, operation)
    assert cover(db, a) == found["small"] and id not in {row.image_id for row in images.candidates(db, album=album)}
    images.add(db, track=a, picture=path, show=True)
    assert cover(db, a) == id


@pytest.mark.parametrize("what, words", [
    (b"", "empty"), (b"<svg/>", "SVG"), (b"GIF89a", "broken|cannot be opened|no JPEG"), ("nowhere.jpg", "there is no file"),
])  # fmt: skip
def test_what_is_no_picture_is_refused_by_name_and_changes_nothing(shelf, what, words):
    db, _, (a, _), *_ = shelf
    before = db.value("select count(*) from operations")
    with pytest.raises(BadInput, match=words):
        images.add(db, track=a, picture=what)
    assert db.value("select count(*) from operations") == before


@pytest.mark.parametrize("call, words", [
    (lambda db: images.choose_all(db, "all", "prettiest"), "no rule 'prettiest'"),
    (lambda db: images.choose_all(db, 99), "no track 99"),
    (lambda db: images.candidates(db, album=99), "no album 99"),
    (lambda db: images.add(db, track=99, picture=b"x"), "no track 99"),
    (lambda db: images.add(db, picture=b"x"), "either track= or album="),
])  # fmt: skip
def test_unknown_things_are_named(shelf, call, words):
    with pytest.raises(BadInput, match=words):
        call(shelf[0])


def test_an_empty_library_has_no_covers_and_no_faults(db):
    assert images.choose_all(db, "all").decided == 0 and images.poor(db) == [] and images.same(db) == [] and images.fill(db) == (0, 0)


def test_bringing_covers_up_to_date_says_which_are_others_now(shelf):
    db, album, *_, found = shelf
    from musicdb.images import covers

    db.execute("update trust set rank = 0 where field = 'cover' and platform = 'spotify'")
    assert covers.bring(db).shown == {(None, album): (found["small"], found["other"])}
    assert covers.bring(db).shown == {}


def test_the_cover_of_one_track_reads_no_other_decisions(shelf):
    from musicdb.images import covers

    for kind, table in (("track", "tracks"), ("release_group", "release_groups")):
        plan = [row["detail"] for row in shelf[0].q("explain query plan " + covers.SAID_OF.format(kind=kind, table=table), {"kind": kind, "family": "[1]"})]
        assert not [line for line in plan if line.startswith("SCAN") and "json_each" not in line and not line.startswith("SCAN j")], plan


def test_the_commands_show_choose_add_and_take_back(shelf, tmp_path):
    db, _album, (a, _), alone, found = shelf

    def run(*words, code=0):
        result = CliRunner().invoke(cli, ["covers", *words, "--db", str(db.path)])
        assert result.exit_code == code, result.output
        return result.output

    assert "0 tracks without a cover, 2 with one under 300 pixels" in run("missing")
    assert "same picture as" in run("show", str(a), "--album")
    assert "200 x 200, discogs" in run("rule", "largest", "--preview") and cover(db, a) == found["small"]
    assert "1 covers changed" in run("rule", "largest")
    assert "is on no album" in run("show", str(alone), "--album", code=2)
    assert f"shown now: picture {found['wide']}" in run("choose", str(a), str(found["wide"]), "--album")
    assert "not both" in run("choose", str(a), "1", "--from", "local", code=2)
    assert "there is no picture 99999" in run("choose", str(a), "99999", code=2)
    drawing(8).save(tmp_path / "own.jpg")
    assert "and shown" in run("add", str(a), str(tmp_path / "own.jpg"), "--choose")
    assert "picture" in run("same") and "0 pictures looked at" in run("fill")


def test_a_track_that_moves_to_another_album_leaves_its_covers_up_to_date(db):
    from tests.observing import observe

    for n, (title, album) in enumerate([("A", "Dusk"), ("B", "Dusk"), ("C", "Dawn"), ("D", "Dawn")]):
        one = observe(db, "local", f"x{n}", title=title, album=album)
        image = images.store(db, jpeg(drawing(album == "Dusk")), platform="local")
        db.execute("insert into platform_images (platform_track_id, image_id) values (?, ?)", [one, image])
    musicdb.links.link(db)
    musicdb.truth.resolve(db)
    images.select(db)
    done = musicdb.truth.decide(db, 1, "album", "Dawn")
    assert images.select(db) == 0 and len({cover(db, track) for track in (3, 4)}) == 1
    history.undo(db, done.operation)
    assert images.select(db) == 0 and cover(db, 1) == cover(db, 2) != cover(db, 3)
