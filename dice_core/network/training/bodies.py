"""The body models as training needs them: layers, coarse meshes, stiffness, and the maps between them, on a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dice_core.errors import InputError, MissingModelError
from dice_core.network.body_models.flame import SHAPE_COUNT, FlameHead
from dice_core.network.body_models.mano import ManoHand
from dice_core.network.body_models.posing import BodyLayers, TakeBodies
from dice_core.network.body_models.regions import head_tissue_of_mesh
from dice_core.network.files.body_files import (
    read_downsamplers,
    read_flame,
    read_indices,
    read_landmark_embedding,
    read_mano,
    read_reference,
)
from dice_core.network.model.dice import reference_positions
from dice_core.network.training.architecture import PARAMETERS, MeshCounts
from dice_core.network.training.coarse_meshes import interpolation

__all__ = ["BODY_FILES", "TrainingBodies"]

BODY_FILES = (
    "MANO_RIGHT.pkl",
    "generic_model.pkl",
    "landmark_embedding.npy",
    "head_mesh_transforms.pt",
    "hand_mesh_transforms.pt",
    "head_ref_vs.pt",
    "rh_ref_vs.pt",
    "neck_idx.npy",
)
"""What the bodies are made of, under the names that the dice engine knows them by."""


@dataclass(frozen=True)
class _Template:
    hand: np.ndarray
    head: np.ndarray


class TrainingBodies(nn.Module):
    """Hand, head and their coarse meshes.

    folder : of the body files, by the names of `BODY_FILES`; dtype : of all tensors.
    positions : (843, 3) of `reference_positions`; stiffness : (V,) 0 for the softest to 1; skin : (S,) vertices of the
    head that can be touched; head_triangles, hand_triangles : (T, 3) int64.
    Raises MissingModelError where a file is missing, InputError where one is damaged or they do not fit each other.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        for name in BODY_FILES:
            if not (folder / name).is_file():
                raise MissingModelError(f"{folder} lacks {name}: put the eight body files into one folder.")
        paths = {name: folder / name for name in BODY_FILES}
        embedding = read_landmark_embedding(paths["landmark_embedding.npy"])
        self.hand = ManoHand(read_mano(paths["MANO_RIGHT.pkl"]), dtype)
        self.head = FlameHead(read_flame(paths["generic_model.pkl"]), embedding, dtype)
        self.neck = read_indices(paths["neck_idx.npy"])
        self._template = _Template(read_reference(paths["rh_ref_vs.pt"]), read_reference(paths["head_ref_vs.pt"]))
        self._steps = {
            "hand": read_downsamplers(paths["hand_mesh_transforms.pt"])[:1],
            "head": read_downsamplers(paths["head_mesh_transforms.pt"])[:2],
        }
        self._check()

        def keep(name: str, array: np.ndarray) -> None:
            tensor = torch.from_numpy(np.ascontiguousarray(array))
            self.register_buffer(name, tensor.to(dtype) if tensor.is_floating_point() else tensor, persistent=False)

        for body, steps in self._steps.items():
            for number, step in enumerate(steps):
                keep(f"{body}_down{number}", _selection(step))
        keep("hand_triangles", self.hand.body.triangles.astype(np.int64))
        keep("head_triangles", self.head.body.triangles.astype(np.int64))
        stiffness, skin = self._skin(dtype)
        keep("stiffness", stiffness)
        keep("skin", skin)
        keep("positions", self._positions().numpy())

    def _check(self) -> None:
        counts = self.counts
        fits = (
            len(self.hand.body.template) == counts.hand[0] == len(self._template.hand)
            and len(self.head.body.template) == counts.head[0] == len(self._template.head)
            and self._steps["head"][1].shape[1] == counts.head[1]
            and 0 <= self.neck.min() <= self.neck.max() < counts.head[0]
        )
        if not fits:
            raise InputError("The body files do not fit each other: take all of them from one release.")

    @property
    def counts(self) -> MeshCounts:
        """Vertices of the meshes."""
        hand, head = self._steps["hand"], self._steps["head"]
        return MeshCounts((hand[0].shape[1], hand[0].shape[0]), (head[0].shape[1], head[0].shape[0], head[1].shape[0]))

    def _skin(self, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
        """Stiffness of the vertices by the regions of the open head, and those that can be touched."""
        layers = BodyLayers(self.hand.float(), self.head.float(), self.neck)
        bodies = TakeBodies(layers, np.zeros(SHAPE_COUNT), np.zeros(PARAMETERS["rh_betas"]), mirrored_head=False)
        tissue = head_tissue_of_mesh(bodies.head_mesh())
        self.hand.to(dtype)
        self.head.to(dtype)
        touchable = tissue.touchable.copy()
        touchable[self.neck] = False
        return 1 - tissue.softness, np.flatnonzero(touchable)

    def _positions(self) -> torch.Tensor:
        hand, head = (torch.from_numpy(each)[None].to(self.stiffness.dtype) for each in vars(self._template).values())
        return reference_positions(
            self.hand.vertex_keypoints(hand)[0],
            self.head.landmarks(head)[0],
            self.coarse_hand(hand)[0],
            self.coarse_head(head)[1][0],
        )

    def coarse_hand(self, vertices: torch.Tensor) -> torch.Tensor:
        """(B, 778, C) to (B, 195, C)."""
        return _reduced(self.hand_down0, vertices)

    def coarse_head(self, vertices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 5023, C) to (B, 1675, C) and (B, 559, C)."""
        middle = _reduced(self.head_down0, vertices)
        return middle, _reduced(self.head_down1, middle)

    def posed_hand(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Hand of the network's parameters: (B, 778, 3)."""
        names = ("rh_betas", "rh_rot", "rh_pose", "rh_transl")
        vertices: torch.Tensor = self.hand(*(parameters[name] for name in names))[0]
        return vertices

    def posed_head(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Head of the network's parameters, not deformed: (B, 5023, 3)."""
        names = ("face_shape", "face_exp", "face_pose", "face_rot", "face_transl")
        vertices: torch.Tensor = self.head(*(parameters[name] for name in names))
        return vertices

    def wrist(self, betas: torch.Tensor) -> torch.Tensor:
        """Where the wrist of an unposed hand is: (B, 10) to (B, 3)."""
        joints: torch.Tensor = self.hand.body.joints(self.hand.body.shaped(betas))[:, 0]
        return joints

    def keypoints(self, hand: torch.Tensor, head: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Key points of meshes, the ones that the network's tokens stand for: (B, 21, 3) and (B, 68, 3)."""
        return self.hand.vertex_keypoints(hand), self.head.landmarks(head)

    def upsampling(self) -> dict[str, torch.Tensor]:
        """Maps from the coarse template to the fine one, as the network's layers of these names start."""
        hand, head = self._template.hand, self._template.head
        middle = self._steps["head"][0] @ head
        maps = {
            "hand": interpolation(self._steps["hand"][0] @ hand, hand),
            "head1": interpolation(self._steps["head"][1] @ middle, middle),
            "head2": interpolation(middle, head),
        }
        named = {"hand_upsampling": "hand", "hand_contact_upsampling": "hand"}
        for kind in ("", "_deform", "_contact"):
            named |= {f"head{kind}_upsampling{step}": f"head{step}" for step in (1, 2)}
        return {name: torch.from_numpy(maps[which]).float() for name, which in named.items()}


def _selection(step: np.ndarray) -> np.ndarray:
    """(C,) int64 which vertex each coarse one is, where it is one; else the weights, (C, F)."""
    chosen = step.argmax(1)
    return chosen if np.array_equal(step, np.eye(step.shape[1])[chosen]) else step


def _reduced(step: torch.Tensor, vertices: torch.Tensor) -> torch.Tensor:
    """Coarse vertices (B, C, k) of fine ones (B, F, k), by what `_selection` gives."""
    return vertices[:, step] if step.dim() == 1 else step @ vertices
