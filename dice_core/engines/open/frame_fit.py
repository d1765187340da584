"""Frame after frame: the head's pose, each hand's pose, and the hand's place against the head."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from dice_core.contact.tissue.stiffness import Tissue
from dice_core.engines.base import SIDES
from dice_core.engines.open.frames import HandFrames, OpenFrames
from dice_core.engines.open.survey import Person
from dice_core.fitting.depth_prior import HandDepthPrior
from dice_core.fitting.expression_prior import FacePrediction
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_head_refinement import HandHeadRefiner, RefinedHand
from dice_core.fitting.hand_observation import HandObservation
from dice_core.fitting.hand_on_hand import covered_share, upper_hand
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.head_fit import HeadFitter, HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.fitting.hidden_thumb import thumb_is_hidden
from dice_core.fitting.neutral_face import measured_from
from dice_core.geometry.mesh import triangles
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["FrameFitter"]


class FrameFitter:
    """Fits the frames of a clip in order; all that a frame takes from the one before stands in that frame's table."""

    def __init__(self, person: Person, tissue: Tissue, fps: float) -> None:
        """tissue : of the person's head; fps : frames a second, of no meaning for a picture."""
        self.person = person
        head, camera = person.head, person.camera
        self._head_mesh = head.person_mesh(person.head_shape)
        self._head_fitter = HeadFitter(head, camera, person.head_shape)
        self._triangles = triangles(self._head_mesh)
        self._tissue = tissue
        self._fps = fps
        self._hands: dict[str, HandFitter] = {}
        self._refiners: dict[str, HandHeadRefiner] = {}

    @cached_property
    def _nearest_vertex(self) -> NearestVertexIndex:
        return NearestVertexIndex(self._head_mesh, self._tissue.touchable & ~self.person.head.rigid_vertices)

    def _hand(self, side: str) -> HandFitter:
        if side not in self._hands:
            person = self.person
            self._hands[side] = HandFitter(person.hand(side), person.camera, person.hand_shape, person.hand_scale)
        return self._hands[side]

    def _refiner(self, side: str) -> HandHeadRefiner:
        if side not in self._refiners:
            self._refiners[side] = HandHeadRefiner(
                self._hand(side),
                HandSamples.of(self.person.hand_mesh(side)),
                self._nearest_vertex,
                pivot=self.person.head.mesh.joints[0],
                softness=self._tissue.softness,
                fps=self._fps,
            )
        return self._refiners[side]

    def fit(self, frame: OpenFrames, previous: OpenFrames | None, told: FacePrediction | None = None) -> None:
        """Enter the poses of a frame that holds its detections; both tables have one row.

        previous : the frame before, fitted; None at the start of a clip. told : what the face network's inner layers
        tell of the face, None where nothing does.
        """
        previous_head = None if previous is None else previous.head.pose(0)
        view = None
        if frame.head.found[0]:
            measured = None if told is None else measured_from(told, self.person.rest)
            pose = self._head_fitter.fit(frame.head.landmarks[0], previous_head, measured)
            frame.head.set_pose(0, pose)
            if any(frame.hand(side).found[0] for side in SIDES):
                view = self._view(pose)
        for side in SIDES:
            if frame.hand(side).found[0]:
                before = None if previous is None else previous.hand(side)
                self._fit_hand(side, frame.hand(side), before, view, previous_head)
        if view is not None and all(frame.hand(side).touching[0] for side in SIDES):
            self._part_hands(frame, view)

    def _part_hands(self, frame: OpenFrames, view: HeadView) -> None:
        """Of two hands that seem to touch the face, one that lies on the other does not."""
        shares = []
        for side, other in (SIDES, SIDES[::-1]):
            pixels, weights = self._refiner(side).touching_pixels(frame.hand(side).pose[0], view)
            shares.append(covered_share(pixels, weights, frame.hand(other).landmarks[0, :, :2]))
        upper = upper_hand(*shares)
        if upper is not None:
            frame.hand(SIDES[upper]).touching[0] = 0

    def _view(self, pose: HeadPose) -> HeadView:
        head = self.person.head
        local = self._head_mesh.rest_vertices + np.tensordot(pose.expression.astype(np.float32), head.expressions, 1)
        self._nearest_vertex.set_vertices(local)
        vertices = local @ rotation_matrices(pose.rotation).astype(np.float32).T + pose.translation.astype(np.float32)
        return HeadView.of(pose, vertices, self._triangles, self.person.camera)

    def _fit_hand(
        self,
        side: str,
        hand: HandFrames,
        before: HandFrames | None,
        view: HeadView | None,
        previous_head: HeadPose | None,
    ) -> None:
        observation = HandObservation.of(hand.landmarks[0], hand.world_landmarks[0])
        if view is not None:
            predicted = HandDepthPrior.load().predict(
                observation.pixels, observation.depth, side, self.person.camera, view
            )
            hand.set_prediction(0, predicted)
            observation = replace(observation, depth_prediction=predicted)
            observation = replace(observation, thumb_hidden=thumb_is_hidden(observation, view))
        free_before, refined_before = None, None
        if before is not None and before.found[0]:
            free_before = before.free_pose[0]
            refined_before = RefinedHand(before.pose[0], bool(before.touching[0]))
        free = self._hand(side).fit(observation, free_before)
        hand.free_pose[0] = hand.pose[0] = free
        if view is not None:
            refined = self._refiner(side).refine(free, observation, view, refined_before, previous_head)
            hand.pose[0], hand.touching[0], hand.depth[0] = refined.pose, refined.is_touching, refined.depth
        hand.free_centre[0] = self._hand(side).centre(free)
        hand.centre[0] = self._hand(side).centre(hand.pose[0])
