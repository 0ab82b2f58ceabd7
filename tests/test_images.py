"""Pictures: what is stored, what is refused, and which one a track shows."""

import io
import pickle

import pytest
from PIL import Image

from musicdb import images
from musicdb.errors import BadInput, PayloadError


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
        with pytest.raises(PayloadError, match="limit|more than"):
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
