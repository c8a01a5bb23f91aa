import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from alignbench.generators import image_checks
from alignbench.generators.image_checks import CheckedImage, check_image
from alignbench.generators.image_formats import read_formats
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.fixtures.odd_images import (
    HEIGHT,
    WIDTH,
    chunk,
    encoded,
    exif,
    odd_images,
    swapped_profile,
    with_chunks,
)
from tests.fixtures.odd_images import picture as odd_picture

Encode = Callable[..., bytes]
ODD = odd_images()
HEIC_IS_READ = "HEIF" in read_formats()


def checked(data: bytes) -> CheckedImage:
    result = check_image(data)
    assert isinstance(result, CheckedImage), result
    return result


def refused(data: bytes) -> ItemFailure:
    result = check_image(data)
    assert isinstance(result, ItemFailure), result
    return result


def reopened(result: CheckedImage) -> Image.Image:
    image = Image.open(io.BytesIO(result.data))
    image.load()
    assert (image.width, image.height, image.format) == (
        result.width,
        result.height,
        result.format,
    )
    return image


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_a_sound_image_is_kept_byte_for_byte(
    picture: Image.Image, encode: Encode, image_format: str
) -> None:
    data = encode(picture, image_format)
    result = checked(data)
    assert result.data == data
    assert (result.width, result.height, result.format) == (60, 40, image_format)
    assert result.normalised == ()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_8_bit_kind_of_png_is_kept_byte_for_byte(
    picture: Image.Image, encode: Encode, mode: str
) -> None:
    data = encode(picture.convert(mode))
    assert checked(data).data == data


def test_metadata_of_an_image_that_is_kept_is_kept(picture: Image.Image, encode: Encode) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    data = encode(picture, "JPEG", exif=exif)
    assert checked(data).data == data


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_truncated_image_is_refused(
    picture: Image.Image, encode: Encode, image_format: str
) -> None:
    data = encode(picture, image_format)
    assert refused(data[: len(data) * 2 // 3]).code == ItemCode.IMAGE_DAMAGED


@pytest.mark.parametrize("data", [b"", b"not an image", b"<svg></svg>", b"\x89PNG", bytes(5000)])
def test_what_is_not_an_image_is_refused(data: bytes) -> None:
    assert refused(data).code == ItemCode.NOT_AN_IMAGE


def test_a_postscript_file_is_not_opened() -> None:
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"
    assert refused(data).code == ItemCode.NOT_AN_IMAGE


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(9_500, 9_500), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    result = refused(png_of_zeros(width, height))
    assert result.code == ItemCode.TOO_MANY_PIXELS


def test_an_image_with_too_many_bytes_is_refused(
    png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_checks, "MAX_BYTES", len(png) - 1)
    result = refused(png)
    assert result.code == ItemCode.IMAGE_TOO_LARGE
    assert f"{len(png):,}" in result.message


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_several_frames_are_refused(
    picture: Image.Image, encode: Encode, image_format: str
) -> None:
    second = ImageOps.invert(picture)
    data = encode(picture, image_format, save_all=True, append_images=[second])
    result = refused(data)
    assert result.code == ItemCode.SEVERAL_FRAMES
    assert "2 frames" in result.message


def test_a_jpeg_with_a_preview_behind_it_is_a_jpeg(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "MPO", save_all=True, append_images=[picture.resize((30, 20))])
    result = checked(data)
    assert (result.data, result.format) == (data, "JPEG")


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_the_rotation_that_metadata_asks_for_is_carried_out(
    picture: Image.Image, encode: Encode, image_format: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encode(picture, image_format, exif=exif, **options)
    result = checked(data)
    image = reopened(result)
    assert result.normalised == ("exif-rotation",)
    assert result.format == ("JPEG" if image_format == "JPEG" else "PNG")
    assert image.getexif().get(0x0112, 1) == 1
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert image.size == expected.size
    tolerance = 12 if image_format == "JPEG" else 0
    assert largest_difference(image, expected) <= tolerance


def test_a_position_is_not_carried_into_an_image_that_is_encoded_again(
    picture: Image.Image, encode: Encode
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    result = checked(encode(picture, "JPEG", exif=exif))
    assert not reopened(result).getexif()


@pytest.mark.parametrize("orientation", [0, 1, 9, 200])
def test_an_orientation_that_asks_for_nothing_changes_nothing(
    picture: Image.Image, encode: Encode, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(picture, "JPEG", exif=exif)
    assert checked(data).data == data


def test_unreadable_metadata_changes_nothing(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "JPEG", exif=b"Exif\0\0 this is not a TIFF header")
    assert checked(data).data == data


def test_printing_colours_become_rgb(encode: Encode) -> None:
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    result = checked(encode(red, "JPEG", quality=100))
    assert result.normalised == ("cmyk",)
    image = reopened(result)
    assert image.mode == "RGB"
    r, g, b = image.getpixel((4, 4))  # type: ignore[misc]
    assert r > 250
    assert g < 5
    assert b < 5


def test_a_broken_colour_profile_does_not_stop_the_conversion(encode: Encode) -> None:
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    result = checked(encode(red, "TIFF", icc_profile=b"no profile"))
    assert result.normalised == ("cmyk", "format-tiff")
    assert reopened(result).getpixel((0, 0)) == (255, 0, 0)


def test_a_colour_profile_is_kept_when_an_rgb_image_is_encoded_again(
    picture: Image.Image, encode: Encode
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    result = checked(encode(picture, "TIFF", icc_profile=profile))
    assert reopened(result).info["icc_profile"] == profile


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_black_grey_and_white(encode: Encode, image_format: str) -> None:
    image = Image.new("I;16", (3, 1))
    for x, value in enumerate((0, 0x8080, 0xFFFF)):
        image.putpixel((x, 0), value)
    result = checked(encode(image, image_format))
    assert "16-bit" in result.normalised
    stored = reopened(result)
    assert stored.mode == "L"
    assert [stored.getpixel((x, 0)) for x in range(3)] == [0, 128, 255]


def test_16_bit_colour_becomes_8_bit_colour() -> None:
    pixels = struct.pack(">6H", 0xFFFF, 0x8080, 0, 0, 0xFFFF, 0x4040)
    result = checked(png_file(2, 1, 16, 2, b"\0" + pixels))
    assert result.normalised == ("16-bit",)
    image = reopened(result)
    assert [image.getpixel((x, 0)) for x in range(2)] == [(255, 128, 0), (0, 255, 64)]


def test_32_bit_pixels_are_refused_because_they_have_no_white(encode: Encode) -> None:
    assert refused(encode(Image.new("F", (4, 4), 0.5), "TIFF")).code == ItemCode.NO_WHITE_POINT


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_other_formats_become_png(picture: Image.Image, encode: Encode, image_format: str) -> None:
    data = encode(picture, image_format)
    result = checked(data)
    assert result.normalised == (f"format-{image_format.lower()}",)
    assert result.format == "PNG"
    with Image.open(io.BytesIO(data)) as original:
        assert largest_difference(reopened(result), original) == 0


def test_the_transparent_colour_of_a_gif_stays_transparent(encode: Encode) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((0, 0), 0)
    stored = reopened(checked(encode(image, "GIF", transparency=0))).convert("RGBA")
    assert stored.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert stored.getpixel((1, 1)) == (255, 0, 0, 255)


def test_normalising_gives_the_same_bytes_again_and_is_then_done(
    picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture, "TIFF")
    first, second = checked(data), checked(data)
    assert first == second
    again = checked(first.data)
    assert (again.data, again.normalised) == (first.data, ())
    assert again.perceptual_hash == first.perceptual_hash


def test_the_perceptual_hash_survives_another_size_and_encoding_but_not_another_picture(
    picture: Image.Image, encode: Encode
) -> None:
    original = checked(encode(picture)).perceptual_hash
    smaller = checked(encode(picture.resize((45, 30)), "JPEG", quality=60)).perceptual_hash
    mirrored = checked(encode(ImageOps.mirror(picture))).perceptual_hash
    assert len(original) == 16
    assert distance(original, smaller) <= 6
    assert distance(original, mirrored) > 12


def test_what_transparency_hides_does_not_count_in_the_perceptual_hash(encode: Encode) -> None:
    hidden = Image.merge("RGBA", [Image.linear_gradient("L")] * 3 + [Image.new("L", (256, 256))])
    white = Image.new("RGB", (256, 256), "white")
    assert (
        checked(encode(hidden)).perceptual_hash
        == checked(encode(white)).perceptual_hash
        == "0" * 16
    )


@pytest.mark.parametrize(
    "name", ["large_text.png", "large_text_at_end.png", "wrong_text_checksum.png"]
)
def test_a_png_that_pillow_refuses_for_its_text_is_stored_without_it(name: str) -> None:
    """So that everyone who loads a release can open it; the pixels are not encoded again."""
    data = ODD[name]
    with pytest.raises((OSError, ValueError)):
        Image.open(io.BytesIO(data)).load()
    result = checked(data)
    assert result.normalised == ("png-metadata",)
    assert result.data == encoded(odd_picture(), "PNG")
    reopened(result)


def test_text_that_unpacks_to_more_than_there_is_memory_for_is_never_unpacked() -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 << 20)))
    result = checked(with_chunks(encoded(odd_picture(), "PNG"), *[bomb] * 40))
    assert result.normalised == ("png-metadata",)


def test_a_profile_too_large_to_keep_is_applied() -> None:
    result = checked(ODD["large_profile.png"])
    assert result.normalised == ("colour-profile", "png-metadata")
    assert largest_difference(reopened(result), rgb_pixels(ODD["swapped_profile.png"], "")) <= 1


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_damage_to_what_the_pixels_need_is_damage_and_not_an_unknown_format(kind: bytes) -> None:
    data = bytearray(ODD["palette.png"])
    data[data.index(kind) + 5] ^= 0xFF
    assert refused(bytes(data)).code == ItemCode.IMAGE_DAMAGED


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF", "JPEG2000"])
def test_a_file_that_ends_in_its_header_is_damaged_and_not_of_an_unknown_format(
    picture: Image.Image, encode: Encode, image_format: str
) -> None:
    assert refused(encode(picture, image_format)[:14]).code == ItemCode.IMAGE_DAMAGED


@pytest.mark.parametrize("name", [name for name in ODD if name.startswith("xmp6")])
def test_what_xmp_says_turns_nothing(name: str) -> None:
    result = checked(ODD[name])
    assert (result.width, result.height) == (WIDTH, HEIGHT)
    assert "exif-rotation" not in result.normalised
    if not name.endswith(".tiff"):
        assert result.data == ODD[name]


def test_a_turned_photograph_keeps_its_colours() -> None:
    turned = reopened(checked(ODD["turned_with_profile.jpg"]))
    assert turned.info["icc_profile"] == swapped_profile()


@pytest.mark.skipif(HEIC_IS_READ, reason="pillow-heif is installed")
def test_a_heic_without_a_decoder_is_named_with_what_to_install() -> None:
    failure = refused(b"\0\0\0\x18ftypheic" + bytes(2000))
    assert failure.code == ItemCode.DECODER_MISSING
    assert "pip install 'alignbench[heic]'" in failure.message


@pytest.mark.skipif(not HEIC_IS_READ, reason="pillow-heif is not installed")
def test_a_heic_is_read_upright_where_there_is_a_decoder() -> None:
    result = checked(encoded(odd_picture(), "HEIF", quality=-1, exif=exif(6)))
    assert (result.width, result.height, result.format) == (HEIGHT, WIDTH, "PNG")
    assert result.normalised == ("format-heif",)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), image_format=st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]))
def test_damage_anywhere_is_a_result_and_never_an_exception(
    data: st.DataObject, image_format: str
) -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((16, 16)).convert("RGB").save(buffer, image_format)
    damaged = bytearray(buffer.getvalue())
    changes = st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(changes, min_size=1, max_size=8)):
        damaged[position] = value
    assert isinstance(check_image(bytes(damaged)), CheckedImage | ItemFailure)


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    bands = zip(one.convert("RGB").split(), other.convert("RGB").split(), strict=True)
    return max(
        abs(a - b)
        for first, second in bands
        for a, b in zip(first.tobytes(), second.tobytes(), strict=True)
    )


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def png_of_zeros(width: int, height: int) -> bytes:
    return png_file(width, height, 1, 0, bytes(100))


def png_file(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
