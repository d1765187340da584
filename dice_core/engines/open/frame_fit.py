"""Frame after frame: the head's pose, each hand's pose, and the hand's place against the head."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from dice_core.contact.tissue.stiffness import Tissue
from dice_core.engines.base import SIDES, Columns
from dice_core.engines.open.frames import head_pose, set_head_pose
from dice_core.engines.open.survey import Person
from dice_core.fitting.depth_prior import HandDepthPrior
from dice_core.fitting.hand_fit import HandFitter, HandObservation
from dice_core.fitting.hand_head_refinement import HandHeadRefiner, RefinedHand
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.head_fit import HeadFitter, HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.geometry.mesh import triangles
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["FrameFitter"]


class FrameFitter:
    """Fits the rows of a clip in order; all it remembers between rows stands in the columns."""

    def __init__(self, person: Person, tissue: Tissue) -> None:
        self.person = person
        head, camera = person.head, person.camera
        self._head_mesh = person.head_mesh()
        self._head_fitter = HeadFitter(head, camera, person.head_shape)
        self._triangles = triangles(self._head_mesh)
        self._tissue = tissue
        self._hands: dict[str, HandFitter] = {}
        self._placers: dict[str, HandHeadRefiner] = {}

    @cached_property
    def _proximity(self) -> NearestVertexIndex:
        return NearestVertexIndex(self._head_mesh, self._tissue.touchable & ~self.person.head.rigid_vertices)

    def _hand(self, side: str) -> HandFitter:
        if side not in self._hands:
            person = self.person
            self._hands[side] = HandFitter(person.hand(side), person.camera, person.hand_shape, person.hand_scale)
        return self._hands[side]

    def _placer(self, side: str) -> HandHeadRefiner:
        if side not in self._placers:
            self._placers[side] = HandHeadRefiner(
                self._hand(side),
                HandSamples.of(self.person.hand_mesh(side)),
                self._proximity,
                pivot=self.person.head.mesh.joints[0],
                softness=self._tissue.softness,
            )
        return self._placers[side]

    def fit_row(self, columns: Columns, row: int, before: tuple[Columns, int] | None) -> None:
        """Fill in the poses of a row.

        before : columns and row of the frame before, None at the start of a clip.
        """
        previous_head = None if before is None else head_pose(*before)
        view = None
        if columns["head"][row]:
            pose = self._head_fitter.fit(columns["head.landmarks"][row], previous_head)
            set_head_pose(columns, row, pose)
        for side in SIDES:
            if not columns[side][row]:
                continue
            if view is None and columns["head"][row]:
                view = self._view(pose)
            self._fit_hand(columns, row, side, before, view, previous_head)

    def _view(self, pose: HeadPose) -> HeadView:
        head = self.person.head
        local = self._head_mesh.rest_vertices + np.tensordot(pose.expression.astype(np.float32), head.expressions, 1)
        self._proximity.set_vertices(local)
        vertices = local @ rotation_matrices(pose.rotation).astype(np.float32).T + pose.translation.astype(np.float32)
        return HeadView.of(pose, vertices, self._triangles, self.person.camera)

    def _fit_hand(
        self,
        columns: Columns,
        row: int,
        side: str,
        before: tuple[Columns, int] | None,
        view: HeadView | None,
        previous_head: HeadPose | None,
    ) -> None:
        observation = HandObservation.of(columns[f"{side}.landmarks"][row], columns[f"{side}.world"][row])
        if view is not None:
            predicted = HandDepthPrior.load().predict(
                observation.pixels, observation.depth, side, self.person.camera, view
            )
            observation = replace(observation, depth_prediction=predicted)
        free_before, placed_before = None, None
        if before is not None and before[0][side][before[1]]:
            earlier, index = before
            free_before = earlier[f"{side}.free"][index]
            touching = bool(earlier[f"{side}.touching"][index])
            placed_before = RefinedHand(earlier[f"{side}.pose"][index], touching)
        free = self._hand(side).fit(observation, free_before)
        columns[f"{side}.free"][row] = free
        columns[f"{side}.pose"][row] = free
        if view is not None:
            placed = self._placer(side).refine(free, observation, view, placed_before, previous_head)
            columns[f"{side}.pose"][row] = placed.pose
            columns[f"{side}.touching"][row] = placed.is_touching
