"""From the user's model files to a network that runs and bodies that it poses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from dice_core.errors import MissingModelError
from dice_core.media.opening import open_footage
from dice_core.network.body_models.flame import FlameHead
from dice_core.network.body_models.mano import ManoHand
from dice_core.network.body_models.posing import BodyLayers
from dice_core.network.files.body_files import (
    read_downsamplers,
    read_flame,
    read_indices,
    read_landmark_embedding,
    read_mano,
    read_reference,
)
from dice_core.network.files.checkpoint import load_network
from dice_core.network.model.crop import centre_crop, cut
from dice_core.network.model.dice import reference_positions
from dice_core.network.model.inference import Runner
from dice_core.sample import sample_clip

__all__ = ["load_layers", "load_runner"]

_TRIAL_FRAME = 36  # of the sample clip: the hand presses the cheek


def load_layers(paths: Mapping[str, Path]) -> BodyLayers:
    """The body models. paths : of the model files, by their official names."""
    landmarks = read_landmark_embedding(paths["landmark_embedding.npy"])
    head = FlameHead(read_flame(paths["generic_model.pkl"]), landmarks)
    return BodyLayers(ManoHand(read_mano(paths["MANO_RIGHT.pkl"])), head, read_indices(paths["neck_idx.npy"]))


def load_runner(
    paths: Mapping[str, Path], layers: BodyLayers, device: str, precision: str = "auto", *, gate: bool = True
) -> Runner:
    """The network on a device, with the tokens where the template meshes have them.

    device, precision : as a user chooses them; half precision is tried on the product's sample picture;
    gate : the paper's presence gate.
    Raises MissingModelError where the files do not fit each other, InputError where the device or precision is missing.
    """
    network = load_network(paths["model.bin"])
    head = torch.from_numpy(read_reference(paths["head_ref_vs.pt"]))
    hand = torch.from_numpy(read_reference(paths["rh_ref_vs.pt"]))
    coarse_head, coarse_hand = head, hand
    try:
        for step in read_downsamplers(paths["head_mesh_transforms.pt"]):
            coarse_head = torch.from_numpy(step) @ coarse_head
        for step in read_downsamplers(paths["hand_mesh_transforms.pt"]):
            coarse_hand = torch.from_numpy(step) @ coarse_hand
        keypoints = layers.hand.vertex_keypoints(hand[None].float())[0], layers.head.landmarks(head[None].float())[0]
    except (RuntimeError, IndexError):
        raise MissingModelError(
            "The model files do not fit each other: add them again, all from one release."
        ) from None
    found = (len(keypoints[0]), len(keypoints[1]), len(coarse_hand), len(coarse_head))
    counts = network.counts
    wanted = (counts.hand_keypoints, counts.head_keypoints, counts.hand_vertices, counts.head_vertices)
    if found != wanted:
        raise MissingModelError(f"The checkpoint needs meshes of {wanted} points, but the other files have {found}.")
    positions = reference_positions(*keypoints, coarse_hand.float(), coarse_head.float())
    return Runner(network, positions, device, precision, gate=gate, trial=_trial())


def _trial() -> np.ndarray:
    """A hand that presses a cheek, as the network takes it."""
    footage = open_footage(sample_clip())
    return cut(footage.read(_TRIAL_FRAME), centre_crop(footage.width, footage.height))
