"""Hands along the cheek whose thumb is behind the jaw: the network's guess of it draws no hand before the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dice_core.fitting.hand_observation import HandObservation
from dice_core.fitting.hidden_thumb import thumb_is_hidden
from tests.core.test_hand_head_refinement import (
    HEAD_DISTANCE,
    ON_THE_CHEEK,
    PALM_BACK,
    RefinementScene,
    pose_at,
    scene,
    seen,
)

__all__ = ["scene"]

ALONG_THE_CHEEK = pose_at((-0.137, 0.1, HEAD_DISTANCE - 0.03), (0.0, -np.pi / 2, 0.0))
"""The palm on the right cheek, fingers up, little finger to the camera and thumb to the back."""

GUESSED = np.array([30.0, 60.0, 80.0, 95.0])  # pixels by which the thumb's landmarks lie on the face instead


def with_guessed_thumb(observation: HandObservation) -> HandObservation:
    pixels = observation.pixels.copy()
    pixels[1:5, 0] += GUESSED
    return replace(observation, pixels=pixels)


def points(scene: RefinementScene, pose: np.ndarray) -> np.ndarray:
    return scene.fitter.skeleton.positions(pose, scene.fitter.keypoints)


def test_a_hand_along_the_cheek_stays_beside_the_face(scene: RefinementScene) -> None:
    assert -0.004 < scene.depths(ALONG_THE_CHEEK).max() < 0.006, "the hand must touch for the test to say something"
    observation = with_guessed_thumb(seen(scene, ALONG_THE_CHEEK))
    assert thumb_is_hidden(observation, scene.view)
    true = points(scene, ALONG_THE_CHEEK)
    misses = {}
    for hidden in (False, True):
        told = replace(observation, thumb_hidden=hidden)
        refined = scene.refiner.refine(scene.fitter.fit(told), told, scene.view)
        assert refined.is_touching
        misses[hidden] = np.linalg.norm((points(scene, refined.pose) - true)[5:], axis=1).mean()
    assert misses[True] < 0.006
    assert misses[False] > 0.04, "taken at its word, the guess draws the hand before the face"


@pytest.mark.parametrize(
    ("case", "pose"),
    [
        ("seen flat", pose_at(ON_THE_CHEEK, PALM_BACK)),
        ("thumb to the camera", pose_at((-0.06, 0.1, HEAD_DISTANCE - 0.08), (0.0, np.pi / 2, 0.0))),
        ("not before the face", pose_at((-0.3, 0.1, HEAD_DISTANCE - 0.03), (0.0, -np.pi / 2, 0.0))),
    ],
)
def test_other_thumbs_are_seen(scene: RefinementScene, case: str, pose: np.ndarray) -> None:
    observation = seen(scene, pose)
    shown = with_guessed_thumb(observation) if case != "seen flat" else observation
    assert not thumb_is_hidden(shown, scene.view)


def test_landmarks_of_a_hidden_thumb_count_little_and_all_others_fully(scene: RefinementScene) -> None:
    observation = seen(scene, ALONG_THE_CHEEK)
    np.testing.assert_array_equal(observation.trust(), np.ones(21))
    trust = replace(observation, thumb_hidden=True).trust()
    assert (trust[1:5] < 0.2).all()
    np.testing.assert_array_equal(np.delete(trust, range(1, 5)), np.ones(17))


def test_a_hand_without_a_depth_prediction_is_refused(scene: RefinementScene) -> None:
    observation = replace(seen(scene, ALONG_THE_CHEEK), depth_prediction=None)
    with pytest.raises(ValueError, match="depth_prediction"):
        scene.refiner.refine(ALONG_THE_CHEEK, observation, scene.view)
    with pytest.raises(ValueError, match="depth_prediction"):
        thumb_is_hidden(with_guessed_thumb(observation), scene.view)
