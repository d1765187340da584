"""What is constant over a clip for the dice engine: the person's shape, and from which side the head is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DEFAULT_FOV", "Person", "survey"]

DEFAULT_FOV = 40.0
"""Degrees along the longer side: between a phone's video and a portrait lens; set by hand."""

_FACE_SHAPES, _HAND_SHAPES = 100, 10  # coefficients of FLAME and MANO that the network predicts


@dataclass(frozen=True)
class Person:
    """One person's shape.

    face_shape : (100,) FLAME's coefficients; hand_shape : (10,) MANO's; mirrored : the network sees the frames
    mirrored when it reads the head, because all there is is a left hand.
    """

    face_shape: np.ndarray
    hand_shape: np.ndarray
    mirrored: bool

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As a capture keeps it, to go on after a kill."""
        return {
            "face_shape": self.face_shape,
            "hand_shape": self.hand_shape,
            "mirrored": np.array(self.mirrored),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> Person:
        """Inverse of `to_arrays`."""
        return cls(arrays["face_shape"], arrays["hand_shape"], bool(arrays["mirrored"]))


def survey(outputs: Sequence[dict[str, np.ndarray]], *, mirrored: bool) -> Person:
    """The medians of the shapes in the network's outputs for some frames; the mean shape where there are none."""
    faces = [output["face_shape"] for output in outputs]
    hands = [output["rh_betas"] for output in outputs]
    return Person(
        np.median(faces, axis=0) if faces else np.zeros(_FACE_SHAPES),
        np.median(hands, axis=0) if hands else np.zeros(_HAND_SHAPES),
        mirrored,
    )
