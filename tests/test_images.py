"""Pictures: what is stored, what is refused, and which one a track shows."""

import io
import pickle

import pytest
from PIL import Image

from musicdb import images
from musicdb.errors import BadInput, PayloadError
from tests.small import Small


def picture(width=900, height=900, colour=(200, 40, 40), mode="RGB", format="JPEG", **save):
    out = io.BytesIO()
    Image.new(mode, (width, height), colour).save(out, format, **save)
    return out.getvalue()


def opened(rendition):
    image = Image.open(io.BytesIO(rendition.data))
    image.load()
    return image


def near(pixel, expected, within=4):
    return all(abs(a - b) <= within for a, b in zip(pixel, expected, strict=True))


def sizes(prepared):
    return {name: (r.width, r.height) for name, r in prepared.renditions.items()}


def test_four_renditions_keep_the_aspect():
    prepared = images.prepare(picture(1600, 800))
    assert (prepared.width, prepared.height, prepared.mime) == (1600, 800, "image/jpeg")
    assert sizes(prepared) == {"thumbnail": (60, 30), "small": (120, 60), "medium": (300, 150), "large": (640, 320)}
    for r in prepared.renditions.values():
        image = opened(r)
        assert (image.format, image.mode, image.size, r.mime) == ("JPEG", "RGB", (r.width, r.height), "image/jpeg")


@pytest.mark.parametrize("side", [1, 59, 60, 61, 100, 300, 639, 641])
def test_nothing_is_enlarged(side):
    prepared = images.prepare(picture(side, side))
    assert sizes(prepared) == {name: (min(side, limit),) * 2 for name, limit in images.SIZES.items()}


@pytest.mark.parametrize(("width", "height"), [(5000, 3), (3, 5000), (2000, 333), (1281, 640)])
def test_thin_pictures_keep_at_least_a_pixel(width, height):
    prepared = images.prepare(picture(width, height))
    for name, limit in images.SIZES.items():
        r = prepared.renditions[name]
        assert max(r.width, r.height) == limit and min(r.width, r.height) >= 1
        assert opened(r).size == images.fit(*images.fit(width, height, images.SIZES["large"]), limit) == (r.width, r.height)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_four_formats_are_read(format):
    prepared = images.prepare(picture(80, 80, format=format, colour=(200, 40, 40)))
    assert prepared.mime == f"image/{format.lower()}"
    assert near(opened(prepared.renditions["thumbnail"]).getpixel((20, 20)), (200, 40, 40), 8)


def test_alpha_is_put_on_white():
    for mode, clear in (("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))):
        prepared = images.prepare(picture(40, 40, clear, mode, "PNG"))
        assert near(opened(prepared.renditions["large"]).getpixel((5, 5)), (255, 255, 255))
    half = images.prepare(picture(40, 40, (0, 0, 0, 128), "RGBA", "PNG"))
    assert near(opened(half.renditions["large"]).getpixel((5, 5)), (127, 127, 127))


def test_a_transparent_palette_colour_is_put_on_white():
    image = Image.new("P", (40, 40), 0)
    image.putpalette([10, 20, 30, 200, 40, 40])
    image.paste(1, (20, 0, 40, 40))
    out = io.BytesIO()
    image.save(out, "GIF", transparency=0)
    shown = opened(images.prepare(out.getvalue()).renditions["large"])
    assert near(shown.getpixel((3, 20)), (255, 255, 255), 8) and near(shown.getpixel((36, 20)), (200, 40, 40), 8)


def test_a_transparent_rgb_colour_is_put_on_white():
    prepared = images.prepare(picture(40, 40, (1, 2, 3), "RGB", "PNG", transparency=(1, 2, 3)))
    assert near(opened(prepared.renditions["large"]).getpixel((5, 5)), (255, 255, 255))


def test_sixteen_bit_grey_is_scaled_not_clipped():
    prepared = images.prepare(picture(40, 40, 32768, "I;16", "PNG"))
    assert near(opened(prepared.renditions["large"]).getpixel((5, 5)), (128, 128, 128))


def test_cmyk_becomes_rgb():
    prepared = images.prepare(picture(1400, 1400, (0, 255, 255, 0), "CMYK"))
    assert near(opened(prepared.renditions["small"]).getpixel((5, 5)), (255, 0, 0), 8)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palette_become_rgb(mode):
    assert opened(images.prepare(picture(40, 40, 1, mode, "PNG")).renditions["large"]).mode == "RGB"


def test_a_picture_with_an_orientation_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    prepared = images.prepare(picture(800, 400, exif=exif))
    assert (prepared.width, prepared.height) == (400, 800)
    assert sizes(prepared)["large"] == (320, 640)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>Not found</html>", "an HTML page"),
        (b"\n <svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><svg/>", "XML or SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "an EPS file"),
        (b"%PDF-1.7", "a PDF"),
        (b'{"error": 404}', "JSON"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07\x08", "00 01 02"),
        (picture(400, 400)[:2000], "broken"),
        (picture(400, 400, format="PNG")[:200], "broken"),
        (b"\xff" * (images.MAX_BYTES + 1), "over the limit"),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_the_reason(data, reason):
    with pytest.raises(PayloadError, match=reason):
        images.prepare(data)


@pytest.mark.parametrize("format", ["BMP", "TIFF", "ICO"])
def test_other_formats_are_refused(format):
    with pytest.raises(PayloadError, match="no JPEG, PNG, WebP or GIF"):
        images.prepare(picture(64, 64, format=format))


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    for side in (5001, 9999):
        with pytest.raises(PayloadError, match=r"limit|more than"):
            images.prepare(picture(side, side, 1, "1", "PNG"))


def test_a_hundred_mutations_are_stored_or_refused_never_worse():
    import random

    rng = random.Random(7)
    for format in ("JPEG", "PNG", "WEBP", "GIF"):
        whole = picture(64, 64, format=format)
        for _ in range(25):
            data = bytearray(whole)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                assert len(images.prepare(bytes(data)).renditions) == 4
            except PayloadError as error:
                assert str(error)


def test_a_prepared_picture_crosses_a_process():
    prepared = images.prepare(picture())
    assert pickle.loads(pickle.dumps(prepared)) == prepared
    assert len(repr(prepared)) < 300


def test_the_cascade_is_as_good_as_a_full_decode():
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("covers", Path(__file__).parent / "benchmarks" / "covers.py")
    covers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(covers)
    data = covers.cover(3, 1400)
    assert min(map(covers.psnr, covers.cascade(data), covers.naive_images(data))) >= 40


def test_an_unknown_size_and_no_target_are_named():
    with pytest.raises(BadInput, match="thumbnail, small, medium, large"):
        images.get(None, track=1, size="huge")
    with pytest.raises(BadInput, match="track= or album="):
        images.get(None)


# ---------- stored, found and chosen


@pytest.fixture
def small(tmp_path):
    made = Small(tmp_path / "music.db")
    yield made
    made.db.close()


def colour_of(rendition):
    return None if rendition is None else tuple(round(v / 50) for v in opened(rendition).getpixel((5, 5)))


RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
red, green, blue = (4, 0, 0), (0, 4, 0), (0, 0, 4)


def shows(small, **of):
    return colour_of(images.get(small.db, size="small", **of))


def test_the_same_bytes_are_stored_once(small):
    first = images.store(small.db, picture(), platform="local")
    assert images.store(small.db, picture(), platform="spotify", source_url="https://example.com/x.jpg") == first
    assert small.db.value("select count(*) from images") == 1
    sizes = small.db.q("select size, width, height, mime_type from image_renditions order by width")
    assert [tuple(r.values()) for r in sizes] == [
        ("thumbnail", 60, 60, "image/jpeg"),
        ("small", 120, 120, "image/jpeg"),
        ("medium", 300, 300, "image/jpeg"),
        ("large", 640, 640, "image/jpeg"),
    ]


def test_a_refused_picture_leaves_no_row(small):
    with pytest.raises(PayloadError):
        images.store(small.db, b"<html>", platform="local")
    assert small.db.value("select count(*) from images") == 0


def test_a_track_without_a_picture_shows_its_albums(small):
    album = small.album("Nightfall")
    a, b, c = small.track("A", album), small.track("B", album), small.track("C")
    small.image(RED, small.observe(a))
    assert images.select(small.db) == 1
    assert shows(small, track=a) == shows(small, track=b) == shows(small, album=album) == red
    assert images.get(small.db, track=c) is None and images.get(small.db, track=999) is None and images.get(small.db, album=999) is None


def test_a_second_selection_writes_nothing(small):
    album = small.album("Nightfall")
    for n in range(3):
        small.image(RED if n else GREEN, small.observe(small.track(f"T{n}", album)))
    assert images.select(small.db) == 2
    before = small.db.value("select count(*) from operations"), small.db.value("select total_changes()")
    assert images.select(small.db) == 0
    assert (small.db.value("select count(*) from operations"), small.db.value("select total_changes()")) == before


def test_an_album_of_one_picture_is_linked_once(small):
    album = small.album("Nightfall")
    tracks = [small.track(f"T{n}", album) for n in range(10)]
    for t in tracks:
        small.image(RED, small.observe(t))
    images.select(small.db)
    rows = small.db.q("select track_id, release_group_id, is_selected, platform from image_links")
    assert rows == [{"track_id": None, "release_group_id": album, "is_selected": 1, "platform": "local"}]
    assert {shows(small, track=t) for t in tracks} == {red}


def test_a_bonus_track_keeps_its_own_picture(small):
    album = small.album("Nightfall")
    tracks = [small.track(f"T{n}", album) for n in range(4)]
    for t, colour in zip(tracks, (RED, RED, RED, BLUE), strict=True):
        small.image(colour, small.observe(t))
    images.select(small.db)
    assert [shows(small, track=t) for t in tracks] == [red, red, red, blue]
    assert shows(small, album=album) == red


def test_the_more_trusted_platforms_picture_stands_for_the_whole_album(small):
    album = small.album("Nightfall")
    a, b, c = (small.track(name, album) for name in "ABC")
    for t in (a, b, c):
        small.image(RED, small.observe(t, "local"))
    release = small.release("discogs", "r1")
    small.image(GREEN, release=release)
    for t in (a, b):
        small.observe(t, "discogs", release="r1")
    images.select(small.db)
    assert shows(small, album=album) == shows(small, track=a) == shows(small, track=c) == green
    small.db.execute("update trust set rank = 0 where field = 'cover' and platform = 'local'")
    assert images.select(small.db) == 2
    assert shows(small, album=album) == shows(small, track=a) == red


def test_a_folder_of_strays_does_not_wear_one_strays_picture(small):
    album = small.album("Downloads")
    tracks = [small.track(f"T{n}", album) for n in range(4)]
    for t, colour in zip(tracks, (RED, GREEN, BLUE), strict=False):
        small.image(colour, small.observe(t, "local"))
    small.image((90, 90, 90), small.observe(tracks[3], "discogs"))
    images.select(small.db)
    assert [shows(small, track=t) for t in tracks] == [red, green, blue, (2, 2, 2)]


def test_a_platform_without_a_trust_row_counts_by_its_priority(small):
    t = small.track("A")
    small.image(RED, small.observe(t, "itunes"))
    small.image(GREEN, small.observe(t, "traktor"))
    images.select(small.db)
    assert shows(small, track=t) == green
    small.image(BLUE, small.observe(t, "rekordbox"))
    images.select(small.db)
    assert shows(small, track=t) == blue


def test_of_one_platform_the_first_and_then_the_largest_picture_is_taken(small):
    t = small.track("A")
    small.image(RED, small.observe(t), side=200)
    small.image(GREEN, small.observe(t), side=500)
    small.image(BLUE, small.observe(t), side=900, position=1)
    images.select(small.db)
    assert shows(small, track=t) == green


def test_other_roles_are_no_covers(small):
    t = small.track("A")
    small.image(RED, small.observe(t), role="back")
    assert images.select(small.db) == 0


def test_candidate_and_rejected_links_bring_no_picture(small):
    t = small.track("A")
    small.image(RED, small.observe(t))
    small.db.execute("update track_links set status = 'candidate'")
    assert images.select(small.db) == 0


def test_a_persons_choice_wins_and_can_be_cleared(small):
    album = small.album("Nightfall")
    a, b = small.track("A", album), small.track("B", album)
    for t in (a, b):
        small.image(RED, small.observe(t, "discogs"))
    green_id = small.image(GREEN, small.observe(a, "spotify"))
    images.select(small.db)
    assert shows(small, track=a) == red
    small.decide("track", a, value=small.db.value("select sha256 from images where id = ?", [green_id]))
    images.select(small.db)
    assert (shows(small, track=a), shows(small, track=b), shows(small, album=album)) == (green, red, red)
    small.decide("track", a)
    small.decide("release_group", album, platform="spotify")
    images.select(small.db)
    assert shows(small, track=a) == shows(small, album=album) == green
    small.decide("release_group", album, value=images.store(small.db, picture(colour=BLUE), platform="user"))
    images.select(small.db)
    assert shows(small, track=b) == shows(small, album=album) == blue
    assert images.select(small.db) == 0


def test_a_decision_about_a_merged_track_counts_for_its_root(small):
    a, b = small.track("A"), small.track("B")
    small.image(RED, small.observe(a, "discogs"))
    green_id = small.image(GREEN, small.observe(a, "local"))
    small.db.execute("update tracks set merged_into_id = ? where id = ?", [a, b])
    small.decide("track", b, value=green_id)
    images.select(small.db)
    assert shows(small, track=a) == shows(small, track=b) == green


def test_a_selection_of_some_tracks_equals_a_full_one(small):
    album = small.album("Nightfall")
    a, b, c = small.track("A", album), small.track("B", album), small.track("C")
    for t, colour in ((a, RED), (b, RED), (c, BLUE)):
        small.image(colour, small.observe(t))
    assert images.select(small.db, tracks=[a]) == 1
    assert shows(small, track=b) == red and images.get(small.db, track=c) is None
    assert images.select(small.db, tracks=[c]) == 1
    assert images.select(small.db) == 0


def test_looking_up_a_picture_scans_no_table(small):
    from musicdb.images import OF_ALBUM, OF_TRACK, OF_TRACKS_ALBUM

    for sql in (OF_TRACK, OF_TRACKS_ALBUM, OF_ALBUM):
        plan = [row["detail"] for row in small.db.q(f"explain query plan {sql}", {"id": 1, "size": "small"})]
        assert not [line for line in plan if line.startswith("SCAN")], plan


def test_selecting_for_some_tracks_scans_no_large_table(small):
    from musicdb.images import covers

    for sql in (covers.CANDIDATES, covers.STORED):
        plan = [row["detail"] for row in small.db.q("explain query plan " + sql.format(**covers.SOME), {"tracks": "[1]", "albums": "[1]"})]
        scans = [line for line in plan if line.startswith("SCAN") and line not in ("SCAN s", "SCAN o") and "json_each" not in line]
        assert not scans, plan
