"""`dice preview`: a take as a video or a picture, the overlay on the footage beside other viewpoints."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.rasterizer import scaled_camera
from dice_core.preview import composition
from dice_core.preview.shading import Drawing, Painter, draw
from dice_core.preview.video_file import VideoWriter
from dice_core.preview.viewpoint import ORBIT_DEGREES, Orbit, plan_orbit
from dice_core.storage import create_fresh, replace_file
from dice_core.take import MESH_TITLES, Take
from dice_core.take.frames import Body, Frame, FrameReader
from dice_core.take.recorded_footage import open_recorded

__all__ = ["PreviewRenderer", "render_preview"]

_log = logging.getLogger(__name__)

# Sizes are set by hand.
VIDEO_HEIGHT, PICTURE_HEIGHT = 720, 640
"""Pixels of a panel's height at most; smaller footage keeps its own, down to LEAST_HEIGHT."""
LEAST_HEIGHT = 480
WIDEST = 2.0
"""Wider footage (width by height) is shown lower instead of making the whole picture too wide; a strip of some pixels'
height, which cannot be lower, is squeezed."""
PICTURE_SAMPLES = 2
"""Samples along each side of a pixel in a still picture; video frames take one."""
TEMPORARY_STEM = 40
"""Characters of the output's name in the temporary file's, which must not be too long for the disk. Set by hand."""
LEAST_FPS = 1.0
"""Frames a second of the video at least: a still, which has none, is shown for a second."""


def render_preview(
    take: Take,
    output: str | Path,
    frame: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Write a preview of a take.

    output : `.mp4`: overlay beside the view from the side where the hands are, all frames; `.png`: footage, overlay,
    that view and the one from the other side, one frame. frame : the frame to show in a picture, as the footage counts;
    by default the one with most contact. progress(done, total) is called after each frame of a video.
    Returns warnings for the user, such as that the footage is gone.
    Raises InputError for another ending, a frame that the take does not have, an empty take or an unwritable output.
    """
    path = Path(output)
    suffix = path.suffix.lower()
    if suffix not in {".mp4", ".png"}:
        raise InputError(f"A preview is an .mp4 or a .png file, not {path.name}: change the ending of the output.")
    if not len(take.frames):
        raise InputError(f"{take.path} has no frames to show: capture the footage again.")
    if frame is not None and frame not in take.frames:
        first, last = take.frames[0], take.frames[-1]
        raise InputError(f"{take.path} has no frame {frame}: give one from {first} to {last}.")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} cannot be written to: choose a file in a folder that exists.")
    warnings: list[str] = []
    begun = time.monotonic()
    if suffix == ".png":
        chosen = _most_contact(take) if frame is None else frame
        renderer = PreviewRenderer(take, np.array([chosen]), PICTURE_HEIGHT, PICTURE_SAMPLES)
        _write_picture(path, renderer, chosen, warnings)
    else:
        indices = take.frames if frame is None else np.array([frame])
        _write_video(path, PreviewRenderer(take, indices, VIDEO_HEIGHT, 1), indices, warnings, progress)
    _log.info("drew %s in %.2f s", path, time.monotonic() - begun)
    return warnings


class PreviewRenderer:
    """Draws panels of a take's frames; what all frames share is worked out once.

    indices : the frames that will be drawn; height : pixels of a panel at most; samples : along each side of a pixel.
    """

    def __init__(self, take: Take, indices: np.ndarray, height: int, samples: int) -> None:
        self.take = take
        self.reader = FrameReader(take)
        self._painter = Painter(take.meshes)
        source = take.camera.squared()
        height = max(min(height, source.height), min(LEAST_HEIGHT, height))
        height = max(2, int(height / max(1.0, source.width / source.height / WIDEST)) // 2 * 2)
        shown = scaled_camera(source, height / source.height)
        self.camera = shown.resized(min(shown.width, int(WIDEST * VIDEO_HEIGHT)), shown.height)
        self._samples = samples
        self._orbit: Orbit | None = plan_orbit(self.reader, indices)

    def overlay(self, frame: Frame, footage: np.ndarray) -> np.ndarray:
        """The bodies over the footage, (H, W, 3) uint8 RGB."""
        camera = scaled_camera(self.camera, self._samples)
        drawing = self._reduced(draw(self._painter.paint(frame), camera))
        return composition.lay_over(footage, drawing)

    def view(self, frame: Frame, other_side: bool = False) -> np.ndarray:
        """The bodies from the side where the hands are, or from the other, (H, H, 3) uint8 RGB."""
        size = self.camera.height
        if self._orbit is None or not frame.bodies:
            return composition.blank(size, size)
        degrees = ORBIT_DEGREES * self._orbit.side * (-1 if other_side else 1)
        mesh = self._painter.paint(frame)
        mesh = replace(mesh, vertices=self._orbit.view(mesh.vertices, degrees))
        panel = composition.flatten(self._reduced(draw(mesh, self._orbit.camera(size * self._samples))))
        composition.caption(panel, f"{ORBIT_DEGREES:.0f} degrees to the {'right' if degrees > 0 else 'left'}")
        return panel

    def states(self, frame: Frame) -> list[tuple[str, str]]:
        """Lines about the frame: its number, and each body's state."""
        lines = [(f"frame {frame.index}", "")]
        for name in self.take.meshes:
            state = _state(frame.bodies.get(name))
            lines.append((f"{MESH_TITLES.get(name, name)} {state}", state))
        return lines

    def touches(self, frame: Frame) -> list[tuple[str, str]]:
        """Lines about the touches in the frame."""
        return [
            (f"{event.hand.removeprefix('hand_')} hand touches {event.region}", "")
            for event in self.take.events
            if event.first_frame <= frame.index <= event.last_frame
        ]

    def footage_panel(self, image: np.ndarray | None) -> np.ndarray:
        """A frame of the footage at the panel's size, or a neutral background, (H, W, 3) uint8 RGB."""
        if image is None:
            return composition.blank(self.camera.width, self.camera.height)
        size = (self.camera.width, self.camera.height)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    def _reduced(self, drawing: Drawing) -> Drawing:
        if self._samples == 1:
            return drawing
        size = (drawing.coverage.shape[1] // self._samples, drawing.coverage.shape[0] // self._samples)
        colour, coverage = (
            cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (drawing.colour, drawing.coverage)
        )
        return Drawing(colour, coverage)


def _write_picture(path: Path, renderer: PreviewRenderer, index: int, warnings: list[str]) -> None:
    frame = renderer.reader.read(index)
    with closing(_footage(renderer.take, np.array([index]), warnings)) as images:
        footage = renderer.footage_panel(next(images))
    overlay = renderer.overlay(frame, footage)
    composition.caption(overlay, "overlay")
    composition.status(overlay, renderer.states(frame))
    side, other = renderer.view(frame), renderer.view(frame, other_side=True)
    composition.status(side, renderer.touches(frame))
    composition.legend(other)
    image = composition.side_by_side([footage, overlay, side, other])
    done, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    try:
        if not done:
            raise OSError("the picture could not be encoded")
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _write_video(
    path: Path,
    renderer: PreviewRenderer,
    indices: np.ndarray,
    warnings: list[str],
    progress: Callable[[int, int], None] | None,
) -> None:
    size = (renderer.camera.width + renderer.camera.height) // 2 * 2, renderer.camera.height // 2 * 2
    temporary = _temporary_beside(path)
    try:
        writer = VideoWriter(temporary, size, max(renderer.take.fps, LEAST_FPS))
        times = renderer.take.times[np.isin(renderer.take.frames, indices)]
        try:
            images = _video_frames(renderer, indices, warnings, progress)
            for image, seconds in zip(images, times - times[0], strict=True):
                writer.write(image, float(seconds))
            writer.finish()
        finally:
            writer.close()  # Windows deletes and renames no file that is open
        replace_file(temporary, path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _video_frames(
    renderer: PreviewRenderer,
    indices: np.ndarray,
    warnings: list[str],
    progress: Callable[[int, int], None] | None,
) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB for each of the frames."""
    with closing(_footage(renderer.take, indices, warnings)) as images:
        for done, (index, image) in enumerate(zip(indices, images, strict=True), 1):
            frame = renderer.reader.read(int(index))
            overlay = renderer.overlay(frame, renderer.footage_panel(image))
            composition.status(overlay, renderer.states(frame))
            side = renderer.view(frame)
            composition.status(side, renderer.touches(frame))
            composition.legend(side)
            yield composition.side_by_side([overlay, side])
            if progress is not None:
                progress(done, len(indices))


def _footage(take: Take, indices: np.ndarray, warnings: list[str]) -> Generator[np.ndarray | None, None, None]:
    """The footage's frames, or None for each where it cannot be had, which adds a warning."""
    given = 0
    try:
        footage, doubt = open_recorded(take)
        with footage:
            warnings += [doubt] if doubt else []
            wanted = set(indices.tolist())
            for index, image in footage.frames(int(indices[0]), int(indices[-1]) + 1):
                if index in wanted:
                    yield image
                    given += 1
    except (InputError, IndexError) as error:
        reason = str(error) if isinstance(error, InputError) else "The footage is shorter than the take."
        _log.info("no footage behind frames %d and later: %s", indices[min(given, len(indices) - 1)], reason)
        warnings.append(f"The preview has no footage behind the bodies: {reason}")
    for _ in range(len(indices) - given):
        yield None


def _most_contact(take: Take) -> int:
    """The frame with most contact, or the middle of those with most bodies."""
    contact = np.zeros(len(take.frames))
    bodies = np.zeros(len(take.frames))
    names = take.info["meshes"]
    row = 0
    for chunk in take.chunks(["frame", *(f"tracked_{name}" for name in names), *(f"{name}.contact" for name in names)]):
        rows = slice(row, row + len(chunk["frame"]))
        for name in names:
            bodies[rows] += chunk[f"tracked_{name}"] > 0
            contact[rows] += chunk[f"{name}.contact"].sum(axis=1)
        row = rows.stop
    if contact.any():
        return int(take.frames[int(np.argmax(contact))])
    best = np.flatnonzero(bodies == bodies.max())
    return int(take.frames[best[len(best) // 2]])


def _state(body: Body | None) -> str:
    if body is None:
        return "absent"
    return "measured" if body.measured else "interpolated"


def _temporary_beside(path: Path) -> Path:
    """A file in the output's folder, so that a preview is there whole or not at all."""
    # The encoders know the format by the suffix; others may read the file, which they might not if mkstemp made it.
    temporary = path.with_name(f".{path.stem[:TEMPORARY_STEM]}-{os.getpid()}{path.suffix}")
    try:
        create_fresh(temporary).close()
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    return temporary


def _unwritable(path: Path, reason: str) -> InputError:
    return InputError(f"{path} cannot be written to ({reason}): choose another output with -o.")
