"""A folder with the open bodies in the formats of the licensed files, which the dice engine installs like those."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch

from dice_core.network.files.body_files import BodyFile, HandFile
from dice_core.network.training.open_bodies import HAND_LEVEL, HEAD_LEVELS, open_bodies
from dice_core.storage import replace_file

__all__ = ["write_open_bodies"]


def write_open_bodies(folder: Path, coarse_hand: int = HAND_LEVEL, coarse_head: tuple[int, int] = HEAD_LEVELS) -> None:
    """Write the eight body files; those that are there are replaced.

    They hold numbers of the open head and hand alone (CC0), under the names that the readers know. coarse_hand,
    coarse_head : vertices of the coarse meshes, at most the published ones, which are the default; with fewer of them a
    network has fewer tokens.
    """
    bodies = open_bodies()
    folder.mkdir(parents=True, exist_ok=True)
    hand, head = bodies.hand, bodies.head
    _write(folder / "MANO_RIGHT.pkl", pickle.dumps(_content(hand), protocol=2))
    _write(folder / "generic_model.pkl", pickle.dumps(_content(head), protocol=2))
    landmarks = {
        "full_lmk_faces_idx": bodies.landmarks.triangle[None],
        "full_lmk_bary_coords": bodies.landmarks.barycentric[None],
    }
    for name, value in (("landmark_embedding", np.array(landmarks, dtype=object)), ("neck_idx", bodies.neck)):
        unfinished = folder / f"{name}.part.npy"
        np.save(unfinished, value, allow_pickle=value.dtype == object)
        replace_file(unfinished, folder / f"{name}.npy")
    tensors = {
        "head_mesh_transforms.pt": _hierarchy(len(head.template), bodies.head_levels, coarse_head),
        "hand_mesh_transforms.pt": _hierarchy(len(hand.template), bodies.hand_levels, (coarse_hand,)),
        "head_ref_vs.pt": head.template,
        "rh_ref_vs.pt": hand.template,
    }
    for file, content in tensors.items():
        unfinished = folder / f"{file}.part"
        torch.save(content, unfinished)
        replace_file(unfinished, folder / file)


def _content(body: BodyFile) -> dict[str, np.ndarray]:
    """A model under the keys of MANO's and FLAME's files."""
    parents = body.parents.copy()
    parents[0] = np.iinfo(np.uint32).max
    content = {
        "v_template": body.template,
        "shapedirs": body.shape_basis,
        "posedirs": body.pose_basis,
        "J_regressor": body.joint_regressor,
        "weights": body.weights,
        "kintree_table": np.stack([parents, np.arange(len(parents))]),
        "f": body.triangles,
    }
    if isinstance(body, HandFile):
        content |= {"hands_components": body.components, "hands_mean": body.mean_pose}
    return content


def _hierarchy(count: int, levels: tuple[np.ndarray, ...], counts: tuple[int, ...]) -> dict[str, list[torch.Tensor]]:
    """Steps from fine to coarse, each keeping some vertices of the one before: the first of a level, which are spread
    over the mesh as all of it are."""
    steps = []
    for level, coarse in zip(levels, counts, strict=True):
        kept = level[:coarse]
        places = torch.from_numpy(np.stack([np.arange(len(kept)), kept]))
        ones = torch.ones(len(kept), dtype=torch.float64)
        steps.append(torch.sparse_coo_tensor(places, ones, (len(kept), count), check_invariants=True).coalesce())
        count = len(kept)
    return {"D": steps}


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    replace_file(unfinished, path)
