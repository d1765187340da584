"""What an engine hands over for the take: finished rows of a clip, whichever engine made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from dice_core.engines.registry import ENGINES
from dice_core.engines.settings import CaptureSettings
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.media import Footage

__all__ = ["SIDES", "Columns", "Engine", "Finished", "Press", "make_engine"]

SIDES = ("left", "right")
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Press:
    """One hand's part in the head's contact of one row.

    row : index among the finished rows; hand : mesh name; contact : (V,) of the head by this hand alone;
    deformation : (V, 3) of the head by this hand alone, metres.
    """

    row: int
    hand: str
    contact: np.ndarray
    deformation: np.ndarray


@dataclass(frozen=True)
class Finished:
    """Rows in the form of the take.

    frame : (T,) indices in the footage; meshes : for each mesh that is in some row, its arrays by their short names
    ("tracked", "vertices", "deformation", "contact", "rotation", "translation", "expression", "landmarks",
    "confidence"); presses : who touched what.
    """

    frame: np.ndarray
    meshes: dict[str, dict[str, np.ndarray]]
    presses: list[Press]


class Engine(Protocol):
    """What a capture asks of an engine. Blocks of columns are the engine's own, plain arrays with one row a frame
    (or, under "state.", of any shape), so that they can be saved and a killed capture can go on."""

    def models(self) -> dict[str, str]:
        """sha256 of every model that the result depends on."""

    def settings(self) -> dict[str, Any]:
        """What the user chose, as the take holds it; what "auto" came to stands in its place where it tells."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user about how the engine runs."""

    def prepare(self, saved: Columns | None) -> Columns:
        """Find what is constant over the clip, or take it as `saved` by an earlier run; returns it for saving."""

    @property
    def camera(self) -> Camera:
        """The camera of the take, known after `prepare`."""

    def mesh(self, name: str) -> Mesh:
        """A mesh of the take by its name."""

    def blocks(
        self, size: int, previous: Columns | None, start: int, on_frame: Callable[[], bool]
    ) -> Iterator[Columns]:
        """Work through the rows from `start` on in blocks of `size`; `previous` is the block before.

        on_frame : called after each row; False ends the work after it.
        """

    def finish(self, window: Columns, start: int, stop: int) -> Finished:
        """Rows start..stop-1 of a window of joined blocks as the take holds them."""


def make_engine(footage: Footage, settings: CaptureSettings) -> Engine:
    """The engine that the settings name, for this footage.

    Raises MissingModelError where the engine needs files that are not there.
    """
    entry = ENGINES[settings.engine]
    engine: Engine = getattr(import_module(entry.module), entry.class_name)(footage, settings)
    return engine
