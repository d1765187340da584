"""The footage behind the camera: picture N behind frame N, whatever its numbers, its rate and the take's timing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dice_core.media.orientation import swaps_sides
from dice_core.take import Take

from .animation import CurveWriter, held_steps
from .camera import lens_aspect
from .object_data import camera_of
from .pictures import Pictures, playable
from .timing import Timing

__all__ = ["add_background", "background_image", "fit_background", "play_background"]

# Of a camera: what Blender counts the picture of each of the take's frames by.
_NUMBERS = "dice_pictures"
# Of a camera: how its background's picture is turned in drawing, 1 to 8 as in EXIF.
_TURNED = "dice_turned"
_OFFSET = "background_images[0].image_user.frame_offset"
# Scene frames by which a key may lie after a frame that already shows it: rounding of float32 keys.
_ROUNDING = 2e-3
# Proportions of picture and render that are closer than this are the same.
_SAME_ASPECT = 1e-3


def add_background(
    camera: bpy.types.Object, take: Take, timing: Timing, files: Sequence[Path], seconds: np.ndarray | None = None
) -> str | None:
    """Show the take's footage behind what the camera sees; a background that is there already is replaced.

    files : of the footage, as `find_footage` gives them; seconds : (T,) of the take's frames, where they are uneven.
    Returns None, or a sentence about why there is no background.
    """
    data: Any = camera_of(camera)
    source = take.info["source"]
    old = background_image(camera)
    if not files:
        return f"The footage {source['path']} is not there, so the camera has no background."
    movie = source["kind"] == "video"
    try:
        pictures = Pictures(files[0]) if movie else playable(take, files)
        image = old if _shows(old, pictures.file) else _load(pictures.file)
    except OSError as error:
        return f"The pictures of {files[0].parent} cannot be copied for Blender to play them upright ({error})."
    except RuntimeError:
        image = None
    if image is None:
        return f"Blender cannot read the footage {files[0]}, so the camera has no background."
    background = data.background_images[0] if len(data.background_images) else data.background_images.new()
    background.image = image
    if old is not None and old != image and not old.users:
        bpy.data.images.remove(old)
    data.show_background_images = True
    if bpy.data.filepath:
        image.filepath_raw = _relative(pictures.file)
    numbers = pictures.numbers
    if movie:
        image.source = "MOVIE"
        numbers = _movie_numbers(pictures.file, timing, seconds)
        data[_TURNED] = _left_to_turn(image, source)
    elif numbers is not None:
        image.source = "SEQUENCE"
    data[_NUMBERS] = [] if numbers is None else numbers.tolist()
    aspect = take.camera.fx / take.camera.fy  # height of a pixel in widths
    image.display_aspect = (1.0, aspect) if aspect >= 1 else (1 / aspect, 1.0)
    play_background(camera, timing)
    return None


def background_image(camera: bpy.types.Object) -> bpy.types.Image | None:
    """The picture or movie behind a DICE Camera, None where there is none."""
    backgrounds = camera_of(camera).background_images
    return backgrounds[0].image if len(backgrounds) else None


def play_background(camera: bpy.types.Object, timing: Timing) -> None:
    """Have the background show, in every scene frame, the picture of the take's frame that is shown there.

    Where the pictures follow the scene frames one by one, that is a start and an offset, otherwise a keyed offset.
    """
    data: Any = camera_of(camera)
    noted = list(data.get(_NUMBERS, ()))
    if not len(data.background_images) or len(noted) != len(timing.frames):
        return
    user = data.background_images[0].image_user
    if data.animation_data is not None and data.animation_data.action is not None:
        CurveWriter(data, data.name).discard()
    numbers = np.array(noted, np.int64)
    first, last = timing.scene_range
    at = np.arange(first, last + 1)
    begin, end = timing.played
    shown = np.clip(np.searchsorted(timing.times, at + _ROUNDING, side="right") - 1, begin, end)
    wanted = numbers[shown]
    user.use_auto_refresh = True
    user.frame_start = first
    if np.array_equal(wanted - wanted[0], at - first):
        user.use_cyclic, user.frame_duration, user.frame_offset = False, len(at), int(wanted[0]) - 1
        return
    # A duration of one frame, over and over: what is shown is the offset and one.
    user.use_cyclic, user.frame_duration, user.frame_offset = True, 1, int(wanted[0]) - 1
    changes, offsets = held_steps(at.astype(np.float64), wanted - 1)
    CurveWriter(data, data.name).write(_OFFSET, 0, changes, offsets, stepped=True)


def fit_background(camera: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Have the picture cover exactly what the footage's camera saw, also in a render of other proportions."""
    data: Any = camera_of(camera)
    image = background_image(camera)
    if image is None or lens_aspect(camera) <= 0:
        return
    background, render = data.background_images[0], scene.render
    turned = int(data.get(_TURNED, 1))
    aspect = lens_aspect(camera)
    frame = render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)
    background.rotation, background.use_flip_x, background.use_flip_y, background.scale = _turn(turned, aspect)
    if swaps_sides(turned):
        background.frame_method = "FIT"  # the only one that keeps the proportions of a picture on its side
    elif abs(frame / aspect - 1) < _SAME_ASPECT:
        background.frame_method = "STRETCH"
    else:
        # The camera's angle of view is along the footage's longer side: the picture has to span the frame there.
        wide = data.sensor_fit == "HORIZONTAL"
        background.frame_method = "CROP" if (frame > aspect) == wide else "FIT"


def _turn(orientation: int, aspect: float) -> tuple[float, bool, bool, float]:
    """Rotation (radians, as Blender has it, clockwise), flips and scale that draw a stored picture upright.

    aspect : width in heights as it is seen. Blender flips first and turns then; a picture that fits into the frame on
    its side is smaller than the frame by its proportions.
    """
    quarter = np.pi / 2
    turns = {
        1: (0.0, False, False),
        2: (0.0, True, False),
        3: (2 * quarter, False, False),
        4: (0.0, False, True),
        5: (quarter, False, True),
        6: (quarter, False, False),
        7: (quarter, True, False),
        8: (-quarter, False, False),
    }
    scale = max(aspect, 1 / aspect) if swaps_sides(orientation) else 1.0
    return (*turns[orientation], float(scale))


def _left_to_turn(image: Any, source: dict[str, Any]) -> int:
    """How a movie is still to be turned: Blender 4.2 plays it as it is stored, later ones as it is meant."""
    orientation = int(source.get("orientation", 1))
    if not swaps_sides(orientation):
        return orientation if bpy.app.version < (4, 3) else 1
    on_its_side = (image.size[0] > image.size[1]) != (source["width"] > source["height"])
    return orientation if on_its_side else 1


def _movie_numbers(file: Path, timing: Timing, seconds: np.ndarray | None) -> np.ndarray:
    """(T,) what Blender counts each frame of the take by in a movie, from 1.

    Blender goes by time: in uneven footage, a frame has the number of the even frame at its time.
    """
    if not timing.uneven or seconds is None:
        return timing.frames + 1
    clip = bpy.data.movieclips.load(str(file), check_existing=False)
    rate = clip.fps
    bpy.data.movieclips.remove(clip)
    return np.floor(seconds * rate + 0.5).astype(np.int64) + 1


def _shows(image: bpy.types.Image | None, file: Path) -> bool:
    """Whether an image is of a file."""
    return image is not None and Path(bpy.path.abspath(image.filepath, library=image.library)) == file


def _load(file: Path) -> Any:
    """An image of its own, since two takes of one footage play different parts of it; None if Blender cannot read it.

    Raises RuntimeError where the file cannot be opened.
    """
    image: Any = bpy.data.images.load(str(file), check_existing=False)
    if not image.size[0]:
        bpy.data.images.remove(image)
        return None
    return image


def _relative(path: Path) -> str:
    """A path as a saved file has it: relative to the file, or as it is on another drive."""
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        return str(path)
