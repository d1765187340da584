"""How a chunk is finished, whichever engine saw it: bodies steadied over time, posed, and pressed together."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue_response import TissueResponse
from dice_core.engines.base import SIDES, Columns, Finished, Press

__all__ = ["INTERPOLATED", "ChunkFinisher", "press_hand"]

INTERPOLATED = 2
"""Value of "tracked" in rows that were filled in."""

Arrays = dict[str, np.ndarray]


class ChunkFinisher(ABC):
    """Turns windows of an engine's columns into the arrays of a chunk.

    Steady columns have a row for each row of the window, with "tracked" among them; arrays have those of the chunk,
    under the short names of `Finished`.
    """

    def finish(self, window: Columns, start: int, stop: int) -> Finished:
        """Rows start..stop-1 as the take holds them; a mesh that is in none of them is left out.

        window : the rows with at least 2 x `temporal_filter.reach` rows of the clip on either side, where it has them.
        """
        single = len(window["frame"]) == 1
        head = self._steady_head(window, single)
        hands = {side: self._steady_hand(window, side, single) for side in SIDES}
        self._settle(head, hands, start, stop)
        out: dict[str, Arrays] = {}
        if head["tracked"][start:stop].any():
            out["head"] = self._head_arrays(window, head, start, stop)
        for side in SIDES:
            if hands[side]["tracked"][start:stop].any():
                out[f"hand_{side}"] = self._hand_arrays(window, hands[side], side, start, stop)
        presses: list[Press] = []
        for k, row in enumerate(range(start, stop)):
            if head["tracked"][row]:
                presses += [self._press(out, head, row, k, side) for side in SIDES if hands[side]["tracked"][row]]
        return Finished(window["frame"][start:stop], out, presses)

    def _settle(self, head: Columns, hands: dict[str, Columns], start: int, stop: int) -> None:  # noqa: B027 (optional)
        """Change the steady columns, in place, before rows start..stop-1 of them are posed."""

    @abstractmethod
    def _steady_head(self, window: Columns, single: bool) -> Columns:
        """The head over time; single : the window is one picture."""

    @abstractmethod
    def _steady_hand(self, window: Columns, side: str, single: bool) -> Columns:
        """A hand over time; single : the window is one picture."""

    @abstractmethod
    def _head_arrays(self, window: Columns, head: Columns, start: int, stop: int) -> Arrays:
        """The chunk's head."""

    @abstractmethod
    def _hand_arrays(self, window: Columns, hand: Columns, side: str, start: int, stop: int) -> Arrays:
        """The chunk's hand of a side."""

    @abstractmethod
    def _press(self, out: dict[str, Arrays], head: Columns, row: int, k: int, side: str) -> Press:
        """What a hand does to the head in row k of the chunk, whose arrays are changed in place.

        head : its steady columns, of which the row is number `row`.
        """


def press_hand(tissue: SoftTissue, head: Arrays, hand: Arrays, k: int, hand_triangles: np.ndarray) -> TissueResponse:
    """Let a hand press into the head in row k of the chunk; a hand that reaches bone is pushed back.

    head, hand : their arrays, of which vertices, translation, deformation and contact are changed in place.
    """
    skin = head["vertices"][k] + head["deformation"][k]
    pressed = tissue.solve(skin, hand["vertices"][k], hand_triangles)
    shift = pressed.hand_shift.astype(np.float32)
    hand["vertices"][k] += shift
    hand["translation"][k] += shift
    hand["contact"][k] = np.maximum(hand["contact"][k], pressed.hand_contact)
    head["deformation"][k] += pressed.deformation
    head["contact"][k] = np.maximum(head["contact"][k], pressed.head_contact)
    return pressed
