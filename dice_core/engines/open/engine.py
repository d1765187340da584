"""The open engine as a capture drives it: survey, track and fit block by block, finish block by block."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.engines.base import SIDES, Columns, Finished
from dice_core.engines.open.frame_fit import FrameFitter
from dice_core.engines.open.frames import empty_columns, set_face, set_hand
from dice_core.engines.open.postprocess import Finisher
from dice_core.engines.open.survey import Person, survey
from dice_core.engines.open.tracking import TrackedFrame, track_ahead
from dice_core.engines.settings import CaptureSettings
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.landmarks import model_identities
from dice_core.media.footage import Footage

__all__ = ["OpenEngine"]


class OpenEngine:
    """Captures one person's head and hands without torch or licensed files."""

    def __init__(self, footage: Footage, settings: CaptureSettings) -> None:
        self._footage = footage
        self._settings = settings
        self._person: Person | None = None
        self._fitter: FrameFitter | None = None
        self._finisher: Finisher | None = None
        self._tracked: Generator[TrackedFrame, None, None] | None = None

    def models(self) -> dict[str, str]:
        """sha256 of every model that the result depends on."""
        return model_identities()

    def settings(self) -> dict[str, Any]:
        """What the user chose, as the take holds it."""
        return self._settings.to_json()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user."""
        return ()

    def prepare(self, saved: Columns | None) -> Columns:
        """Find the person's constants, or take those `saved` by an earlier run; returns them for saving."""
        if saved is None:
            # The clip's landmarks are on their way while the person is surveyed: that takes two cores half the time.
            self._tracked = self._track(0, None)
            person = survey(self._footage, self._settings)
        else:
            person = Person.from_arrays(saved)
        self._person = person
        tissue = head_tissue(person.head)
        self._fitter = FrameFitter(person, tissue)
        self._finisher = Finisher(person, tissue, self._footage.fps)
        return person.to_arrays()

    @property
    def camera(self) -> Camera:
        """The camera of the take."""
        assert self._person is not None
        return self._person.camera

    def mesh(self, name: str) -> Mesh:
        """A mesh of the take by its name."""
        assert self._person is not None
        return self._person.head_mesh() if name == "head" else self._person.hand_mesh(name.removeprefix("hand_"))

    def blocks(
        self, size: int, previous: Columns | None, start: int, on_frame: Callable[[], bool]
    ) -> Iterator[Columns]:
        """Track and fit the rows from `start` on, in blocks.

        previous : the block before, as it was yielded; on_frame : called after each row, False ends after it.
        A block's "state.*" entries are the tracker's state after it.
        """
        assert self._fitter is not None
        assert self._finisher is not None
        footage = self._footage
        state = None
        if previous is not None:
            state = {key.removeprefix("state."): value for key, value in previous.items() if key.startswith("state.")}
        tracked, self._tracked = self._tracked, None
        if tracked is None or start:
            tracked = self._track(start, state)
        block: Columns | None = None
        row = 0
        for item in tracked:
            if block is None:
                first = item.row + footage.first_frame
                block = empty_columns(range(first, min(first + size, footage.count + footage.first_frame)))
                row = 0
            before = (block, row - 1) if row else None if previous is None else (previous, len(previous["frame"]) - 1)
            if item.landmarks.face is not None:
                set_face(block, row, item.landmarks.face)
            for hand in item.landmarks.hands:
                if hand.side in self._settings.sides:
                    set_hand(block, row, hand)
            self._fitter.fit_row(block, row, before)
            if block["head"][row] and any(block[side][row] for side in SIDES):
                self._finisher.expect_hands()
            row += 1
            going = on_frame()
            if row == len(block["frame"]) or not going:
                block = {key: value[:row] for key, value in block.items()}
                previous = block | {f"state.{key}": value for key, value in item.state.items()}
                yield previous
                block = None
            if not going:
                tracked.close()
                return
        if block is not None and row:  # the footage ended before its count said
            yield {key: value[:row] for key, value in block.items()}

    def _track(self, start: int, state: dict[str, np.ndarray] | None) -> Generator[TrackedFrame, None, None]:
        return track_ahead(self._footage, start, state, still=self._footage.kind == "image")

    def finish(self, window: Columns, start: int, stop: int) -> Finished:
        """Rows start..stop-1 of a window of blocks as the take holds them."""
        assert self._finisher is not None
        return self._finisher.finish(window, start, stop)
