"""From the user's model files to a network that runs and body models that it poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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
from dice_core.network.files.models import require_models
from dice_core.network.model.crop import centre_crop, cut
from dice_core.network.model.dice import TokenCounts, reference_positions
from dice_core.network.model.inference import Runner
from dice_core.sample import sample_clip

__all__ = ["LoadedNetwork", "load_layers", "load_runner"]

_TRIAL_FRAME = 36
"""Frame of the sample clip on which half precision is tried, chosen by hand: two fingers press the cheek in it."""


@dataclass(frozen=True)
class LoadedNetwork:
    """The network and the body models of the user's files, ready for any number of captures.

    layers : the body models; runner : the network on its device, in the precision that it came to;
    identities : sha256 in hexadecimal of every model file, by its official name.
    """

    layers: BodyLayers
    runner: Runner
    identities: Mapping[str, str]

    @staticmethod
    def load(device: str = "auto", precision: str = "auto", *, gate: bool = True) -> LoadedNetwork:
        """Load the user's files, or return what the last call has loaded of the same files with the same options.

        device, precision, gate : as for `load_runner`.
        The files are recognised by their checksums, which are computed once a process (see `files.models`). One
        network is kept, a gigabyte or more as published, until another is loaded or `release` is called.
        Raises MissingModelError where files are missing or do not fit each other, InputError where the device or the
        precision is not available.
        """
        states = require_models()
        files = tuple((name, state.path, state.sha256) for name, state in states.items())
        return _load(files, device, precision, gate)

    @staticmethod
    def release() -> None:
        """Forget the network that is kept: its memory is freed once no capture uses it, and the next call loads."""
        _load.cache_clear()


@lru_cache(maxsize=1)
def _load(files: tuple[tuple[str, str, str], ...], device: str, precision: str, gate: bool) -> LoadedNetwork:
    """files : name, path and sha256 of each."""
    paths = {name: Path(path) for name, path, _ in files}
    layers = load_layers(paths)
    runner = load_runner(paths, layers, device, precision, gate=gate)
    return LoadedNetwork(layers, runner, {name: digest for name, _, digest in files})


def load_layers(paths: Mapping[str, Path]) -> BodyLayers:
    """The body models.

    paths : of the model files, by their official names. Raises InputError where a file is damaged or another one.
    """
    landmarks = read_landmark_embedding(paths["landmark_embedding.npy"])
    head = FlameHead(read_flame(paths["generic_model.pkl"]), landmarks)
    return BodyLayers(ManoHand(read_mano(paths["MANO_RIGHT.pkl"])), head, read_indices(paths["neck_idx.npy"]))


def load_runner(
    paths: Mapping[str, Path], layers: BodyLayers, device: str, precision: str = "auto", *, gate: bool = True
) -> Runner:
    """The network on a device, with the positions of its tokens from the template meshes.

    paths : of the model files, by their official names; layers : of the same files;
    device, precision : as a user chooses them; half precision is tried on a picture of the sample clip;
    gate : the paper's presence gate.
    Raises MissingModelError where the files do not fit each other, InputError where the device or the precision is
    not available.
    """
    network = load_network(paths["model.bin"])
    positions = _token_positions(paths, layers, network.counts)
    return Runner(network, positions, device, precision, gate=gate, trial=_trial_picture())


def _token_positions(paths: Mapping[str, Path], layers: BodyLayers, counts: TokenCounts) -> torch.Tensor:
    """(843, 3) of `reference_positions`, from the template meshes and the maps to their coarse versions.

    Raises MissingModelError where the files do not fit each other.
    """
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
    wanted = (counts.hand_keypoints, counts.head_keypoints, counts.hand_vertices, counts.head_vertices)
    if found != wanted:
        raise MissingModelError(f"The checkpoint needs meshes of {wanted} points, but the other files have {found}.")
    return reference_positions(*keypoints, coarse_hand.float(), coarse_head.float())


def _trial_picture() -> np.ndarray:
    """(224, 224, 3) uint8 RGB: a hand that presses a cheek, cropped for the network."""
    footage = open_footage(sample_clip())
    return cut(footage.read(_TRIAL_FRAME), centre_crop(footage.width, footage.height))
