"""What a capture asks of an engine, and what engines hand over, whichever engine it is.

Footage becomes tracked frames, then one row a frame of a `FrameTable` (`Engine.fit`), then, from rows with their
neighbours in time, the arrays of a chunk of the take (`Engine.postprocess`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from dice_core.engines.frame_table import FrameTable
from dice_core.engines.registry import ENGINES
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import MissingModelError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.media.footage import Footage
from dice_core.take.mesh_frames import MeshFrames

__all__ = ["SIDES", "Chunk", "Engine", "FittedFrame", "HandContact", "Postprocess", "camera_of", "make_engine"]

SIDES = ("left", "right")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedFrame:
    """One frame of the footage after fitting.

    table : its row, one long; tracker : state of the landmark tracker after the frame, so that a capture can go on.
    """

    table: FrameTable
    tracker: dict[str, np.ndarray]


@dataclass(frozen=True)
class HandContact:
    """One hand's part in the head's contact of one row of a chunk.

    row : index in the chunk; hand : mesh name; contact : (V,) of the head by this hand alone; deformation : (V, 3) of
    the head by this hand alone, metres.
    """

    row: int
    hand: str
    contact: np.ndarray
    deformation: np.ndarray


@dataclass(frozen=True)
class Chunk:
    """Frames in the form of the take.

    frame : (T,) indices in the footage; meshes : those that are in some frame, by name; contacts : who touched what.
    """

    frame: np.ndarray
    meshes: dict[str, MeshFrames]
    contacts: list[HandContact]


Postprocess = Callable[[Any, int, int], Chunk]
"""Does what `Engine.postprocess` does."""


class Engine(Protocol):
    """What a capture asks of an engine."""

    @property
    def frame_table(self) -> type[FrameTable]:
        """The table that `fit` fills; its column "frame" holds indices in the footage."""

    def models(self) -> dict[str, str]:
        """sha256 of every model that the result depends on."""

    def settings(self) -> dict[str, Any]:
        """What the user chose, as the take holds it; what "auto" came to stands in its place where it tells."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user about how the engine runs."""

    def prepare(self, saved: dict[str, np.ndarray] | None, should_stop: Callable[[], bool]) -> dict[str, np.ndarray]:
        """Find what is constant over the clip, or take it as `saved` by an earlier run; returns it for saving.

        Raises Stopped where `should_stop` says so.
        """

    @property
    def camera(self) -> Camera:
        """The camera of the take, known after `prepare`."""

    def mesh(self, name: str) -> Mesh:
        """A mesh of the take by its name, known after `prepare`."""

    def fit(self, start: int, previous: FittedFrame | None) -> Generator[FittedFrame, None, None]:
        """The rows from `start` on, frame by frame; closing the generator ends the work.

        previous : the frame before `start`, as it was yielded; None at the first.
        """

    def postprocess(self, window: FrameTable, start: int, stop: int) -> Chunk:
        """Rows start..stop-1 of a window of neighbouring rows, as the take holds them."""

    @property
    def postprocess_module(self) -> str | None:
        """Name of our module that another process has to load for what `postprocess` does here; None where that has to
        be done in this process."""

    def separate_postprocess(self) -> Callable[[], Postprocess] | None:
        """What makes, in that other process, that which does there what `postprocess` does here: a function of ours
        with arguments that can be pickled, known after `prepare`. None where there is no such process."""


def camera_of(footage: Footage, settings: CaptureSettings, assumed: float) -> Camera:
    """The camera of footage: by the field of view that the user gave, or else by the one that the camera wrote into
    the file, or else by an assumed one. assumed : degrees along the longer side."""
    fov, source = settings.fov, "given"
    if fov is None:
        fov, source = footage.field_of_view, "written in the file"
    if fov is None:
        fov, source = assumed, "assumed"
    _log.info("field of view: %.1f degrees, %s", fov, source)
    return Camera.from_fov(footage.width, footage.height, fov)


def make_engine(footage: Footage, settings: CaptureSettings) -> Engine:
    """The engine that the settings name, for this footage.

    Raises MissingModelError where the engine needs packages or files that are not there.
    """
    name, entry = settings.engine, ENGINES[settings.engine]
    if any(find_spec(package) is None for package in entry.requires):
        raise MissingModelError(
            f"The {name} engine needs {' and '.join(entry.requires)}: install dice-core with its `{name}` extra, "
            "or use the open engine."
        )
    engine: Engine = getattr(import_module(entry.module), entry.class_name)(footage, settings)
    return engine
