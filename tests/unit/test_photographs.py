"""How a file becomes pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from scripts.lib.dataset.photographs import read_image


@pytest.fixture
def photograph():
    """A landscape of 60 x 40: red left, green middle, blue right; a white stripe at the top."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :20, 0] = pixels[:, 20:40, 1] = pixels[:, 40:, 2] = 200
    pixels[:4] = 255
    return Image.fromarray(pixels)


def test_a_photograph_becomes_its_centre_square(photograph, tmp_path):
    photograph.save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png", 40)
    assert pixels.dtype == np.uint8
    assert (pixels == np.asarray(photograph)[:, 10:50]).all()
    assert read_image(tmp_path / "a.png", 16).shape == (16, 16, 3)
    photograph.rotate(90, expand=True).save(tmp_path / "upright.png")
    assert read_image(tmp_path / "upright.png", 100).shape == (100, 100, 3)


def test_a_photograph_is_turned_upright(photograph, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown rotated by 90 degrees clockwise
    photograph.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    photograph.save(tmp_path / "upright.png")
    turned, upright = (read_image(tmp_path / f"{name}.png", 20) for name in ("turned", "upright"))
    assert (turned == upright).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_eight_bit_modes_are_read_as_rgb(photograph, tmp_path, mode):
    photograph.convert(mode).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 40) == np.asarray(photograph.convert(mode).convert("RGB"))[:, 10:50]).all()


def series():
    """Options that store a second picture behind the first."""
    return {"save_all": True, "append_images": [Image.new("RGB", (60, 40), "red")]}


def encoded(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def sixteen_bit_png():
    """A PNG of one 16-bit RGB pixel, which Pillow does not write."""
    return png(1, 16, zlib.compress(bytes(7)))


def huge_png(edge):
    """A few bytes that say they are a huge picture."""
    return png(edge, 8, zlib.compress(b""))


def png(edge, depth, data):
    chunks = {b"IHDR": struct.pack(">IIBBBBB", edge, edge, depth, 2, 0, 0, 0), b"IDAT": data, b"IEND": b""}
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("form", ["BMP", "GIF", "PNG", "PPM", "QOI", "TGA", "TIFF", "WEBP", "PCX", "DIB"])
def test_every_format_that_is_listed_is_read(tmp_path, form):
    image = Image.new("RGB", (16, 16), (200, 0, 0))
    (tmp_path / "a").write_bytes(encoded(image, form))
    assert (np.abs(read_image(tmp_path / "a", 16).astype(int) - (200, 0, 0)) < 4).all()


def test_a_phone_s_picture_with_a_preview_behind_it_is_its_first(photograph, tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(photograph, "MPO", **series(), quality=95))
    (tmp_path / "b.jpg").write_bytes(encoded(photograph, "JPEG", quality=95))
    assert (read_image(tmp_path / "a.jpg", 40) == read_image(tmp_path / "b.jpg", 40)).all()


def corrupt(png):
    """Flip a bit in the middle of the pixel data."""
    middle = len(png) // 2
    return png[:middle] + bytes([png[middle] ^ 1]) + png[middle + 1 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: b"", "cannot be read"),
        (lambda _: b"file_name,gender\na.png,man\n", "cannot be read"),
        (lambda image: encoded(image, "JPEG")[:-200], "cannot be read"),
        (lambda image: encoded(image, "PNG")[:-60], "cannot be read"),
        (lambda image: corrupt(encoded(image, "PNG")), "cannot be read"),
        (lambda image: encoded(image.convert("CMYK"), "JPEG"), "mode is CMYK"),
        (lambda image: encoded(image.convert("RGBA"), "PNG"), "mode is RGBA"),
        (lambda image: encoded(image.convert("LA"), "PNG"), "mode is LA"),
        (lambda image: encoded(image.convert("P"), "PNG", transparency=0), "mode is P with transparency"),
        (lambda image: encoded(image.convert("I;16"), "PNG"), "mode is I;16"),
        (lambda _: sixteen_bit_png(), "mode is RGB of 16 bits"),
        (lambda _: b"P6 1 1 65535\n" + bytes(6), "mode is RGB of 16 bits"),
        (lambda image: encoded(image, "GIF", **series()), "holds 2 pictures"),
        (lambda image: encoded(image, "PNG", **series()), "holds 2 pictures"),
        (lambda image: encoded(image, "WEBP", **series()), "holds 2 pictures"),
        (lambda image: encoded(image, "TIFF", **series()), "holds 2 pictures"),
        (lambda _: huge_png(20_000), "decompression bomb"),
        (lambda _: huge_png(12_000), "decompression bomb"),
    ],
    ids=[
        "empty",
        "text",
        "truncated JPEG",
        "truncated PNG",
        "corrupt PNG",
        "CMYK",
        "RGBA",
        "LA",
        "palette",
        "16-bit gray",
        "16-bit",
        "16-bit PPM",
        "animated GIF",
        "animated PNG",
        "animated WebP",
        "pages of a TIFF",
        "bomb",
        "smaller bomb",
    ],
)
def test_an_unreadable_or_ambiguous_file_is_an_error_that_names_it(photograph, tmp_path, content, message):
    path = tmp_path / "portrait-7.img"
    path.write_bytes(content(photograph))
    with pytest.raises(ValueError, match=rf"portrait-7\.img.*{message}"):
        read_image(path, 16)


def test_every_damage_to_a_file_is_reported_as_such_or_harmless(photograph, tmp_path):
    path = tmp_path / "a.png"
    rng = np.random.default_rng(0)
    intact = {form: encoded(photograph, form) for form in ("PNG", "JPEG")}
    for _ in range(200):
        content = bytearray(intact[rng.choice(list(intact))])
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:
            assert read_image(path, 16).shape == (16, 16, 3)
        except ValueError as error:
            assert "a.png" in str(error)  # noqa: PT017
