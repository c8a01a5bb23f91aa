import io

from hypothesis import given, settings
from PIL import Image, ImageDraw

from alignbench.scenes.drawing import PALETTE, draw_scene, png
from alignbench.scenes.pixels import read_image, read_pixels
from alignbench.scenes.scene import Arrow, Colour, Group, Heading, Place, Scene, Shape, Size, Word
from tests.scenes.worlds import scenes

SCENE = Scene(
    (
        Group(3, Size.LARGE, Colour.YELLOW, Shape.TRIANGLE, Place.TOP_LEFT),
        Arrow(Heading.LEFT, Place.BOTTOM_LEFT),
        Word("TOY", Place.BOTTOM_RIGHT),
    )
)


@settings(max_examples=40, deadline=None)
@given(scenes)
def test_a_drawn_scene_is_read_back_whole(scene: Scene) -> None:
    assert read_pixels(png(scene)) == (scene.things, ())


@settings(max_examples=40, deadline=None)
@given(scenes)
def test_a_small_drawing_is_never_read_wrongly(scene: Scene) -> None:
    reading = read_image(draw_scene(scene).resize((48, 48), Image.Resampling.BICUBIC))
    assert set(reading.things) <= set(scene.things)
    seen = {thing.place for thing in reading.things} | set(reading.unreadable)
    assert seen == {thing.place for thing in scene.things}


def test_a_small_drawing_enlarged_again_is_read() -> None:
    small = draw_scene(SCENE).resize((64, 64), Image.Resampling.BICUBIC)
    assert read_image(small.resize((256, 256), Image.Resampling.NEAREST)) == (SCENE.things, ())


def test_any_format_and_mode_is_read() -> None:
    file = io.BytesIO()
    draw_scene(SCENE).convert("RGBA").save(file, format="WEBP", lossless=True)
    assert read_pixels(file.getvalue()).things == SCENE.things


def test_an_empty_image_shows_nothing() -> None:
    assert read_image(draw_scene(Scene(()))) == ((), ())


def test_a_place_with_something_unknown_in_it_is_unreadable() -> None:
    image = draw_scene(SCENE)
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((150, 30, 240, 50), fill=PALETTE[Colour.GREEN])  # no shape that there is
    reading = read_image(image)
    assert reading == (SCENE.things, (Place.TOP_RIGHT,))


def test_two_colours_in_one_place_are_unreadable() -> None:
    image = draw_scene(SCENE)
    ImageDraw.Draw(image).ellipse((4, 90, 34, 120), fill=PALETTE[Colour.RED])
    assert read_image(image) == (SCENE.things[1:], (Place.TOP_LEFT,))
