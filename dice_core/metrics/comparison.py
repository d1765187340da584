"""A take against a ground truth of the same footage, frame by frame."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from dice_core.metrics.accuracy import ContactScore, mean_distance, procrustes
from dice_core.metrics.head_surface import HeadSurface
from dice_core.metrics.keypoints import Keypoints
from dice_core.metrics.plausibility import harmonic_mean
from dice_core.take import Take
from dice_core.take.frames import Frame, FrameReader

__all__ = ["TruthComparison"]

_MESHES = ("head", "hand_left", "hand_right")


class TruthComparison:
    """Gathers errors of vertices, joints and contact over the frames that the take and the truth share.

    Meshes are compared where both takes have them with the same polygons; joints where there are equally many.
    """

    def __init__(self, take: Take, truth: Take) -> None:
        self._truth = FrameReader(truth)
        self._surface = HeadSurface(truth.meshes.get("head"))
        self._same = {
            name: name in take.meshes and np.array_equal(take.meshes[name].face_corners, mesh.face_corners)
            for name, mesh in truth.meshes.items()
        }
        self._keypoints = {name: Keypoints(mesh) for name, mesh in take.meshes.items()}
        self._true_keypoints = {name: Keypoints(mesh) for name, mesh in truth.meshes.items()}
        self._contact = {"head": ContactScore(), "hand": ContactScore()}
        self._errors: dict[str, list[float]] = defaultdict(list)
        self._frames = self._bodies = self._missed = self._touching = self._found_touching = 0

    def add(self, frame: Frame, *, touching: bool) -> None:
        """Compare a frame of the take with the truth's, if the truth has it.

        touching : whether a hand touches the head in the take's frame.
        """
        if frame.index not in self._truth:
            return
        true = self._truth.read(frame.index)
        self._frames += 1
        self._bodies += len(true.bodies)
        self._missed += len(true.bodies.keys() - frame.bodies.keys())
        if self._surface.touched(true):
            self._touching += 1
            self._found_touching += touching
        for name, body in true.bodies.items():
            if self._same[name]:
                found = frame.bodies.get(name)
                contact = np.zeros_like(body.contact) if found is None else found.contact
                self._contact["head" if name == "head" else "hand"].add(contact, body.contact)
        if "head" in frame.bodies and "head" in true.bodies:
            self._add_geometry(frame, true)

    def _add_geometry(self, frame: Frame, true: Frame) -> None:
        centre, true_centre = (each.bodies["head"].surface.mean(axis=0) for each in (frame, true))
        found_surface, true_surface, found_joints, true_joints = [], [], [], []
        for name in _MESHES:
            if name not in frame.bodies or name not in true.bodies:
                continue
            if self._same[name]:
                found_surface.append(frame.bodies[name].surface - centre)
                true_surface.append(true.bodies[name].surface - true_centre)
            joints = self._keypoints[name].joints(frame.bodies[name]) if name != "head" else None
            others = self._true_keypoints[name].joints(true.bodies[name]) if name != "head" else None
            if joints is not None and others is not None and len(joints) == len(others):
                found_joints.append(joints - centre)
                true_joints.append(others - true_centre)
        if found_surface:
            self._errors["pve_mm"].append(mean_distance(np.concatenate(found_surface), np.concatenate(true_surface)))
        if found_joints:
            joints, others = np.concatenate(found_joints), np.concatenate(true_joints)
            self._errors["mpjpe_mm"].append(mean_distance(joints, others))
            self._errors["pa_mpjpe_mm"].append(mean_distance(procrustes(joints, others), others))

    def result(self, non_col_percent: float | None) -> dict[str, Any]:
        """JSON values, None where there is nothing to compare.

        non_col_percent : the take's, for f_percent.
        compared_frames; missed_percent, bodies of the truth that the take lacks; pve_mm, mpjpe_mm, pa_mpjpe_mm over
        the bodies in both, after the heads' centres (means of their deformed vertices) are moved to the origin, the
        joints being those of the hands; truth_touch_frames, touchness_percent, f_percent; contact {"head", "hand"},
        where a body that the take lacks counts as one without contact.
        """
        touchness = 100 * self._found_touching / self._touching if self._touching else None
        both = touchness is not None and non_col_percent is not None
        means = {
            key: 1000 * float(np.mean(self._errors[key])) if self._errors[key] else None
            for key in ("pve_mm", "mpjpe_mm", "pa_mpjpe_mm")
        }
        return {
            "compared_frames": self._frames,
            "missed_percent": 100 * self._missed / self._bodies if self._bodies else None,
            **means,
            "truth_touch_frames": self._touching,
            "touchness_percent": touchness,
            "f_percent": harmonic_mean(touchness, non_col_percent) if both else None,  # type: ignore[arg-type]
            "contact": {name: score.result() for name, score in self._contact.items()},
        }
