"""The head before calibration: both eyes whole, rest pose, merged rig, shape basis and expressions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from bodies.head_parts import EYE_VERTICES
from bodies.source import Source
from bodies.statistics import aligned_without_size, principal_components
from bodies.topology import components
from dice_core.bodies.names import EXPRESSION_NAMES, HEAD_JOINT_NAMES

__all__ = ["aligned_points", "head_template", "mirrored_expression", "with_both_eyes"]

SHAPE_COUNT = 30
MIRROR = np.array([-1.0, 1.0, 1.0])
# The neck varies with the torso's build, which says little about a face: it decides less about the components.
NECK_WEIGHT = 0.1  # set by hand
NOISE_FLOOR = 2e-5  # metres: smaller deltas of an expression are rounding of its source
MERGED_BONES = {
    "neck": ("root", "neck01", "neck02", "neck03"),
    "jaw": ("jaw", "special04", "oris01", "oris02", "oris06.L", "oris06.R", "oris07.L", "oris07.R", "tongue"),
    "eye.L": ("eye.L",),
    "eye.R": ("eye.R",),
}


def mirrored_expression(name: str) -> str:
    """Name of the expression that is the mirror image: Left and Right exchanged."""
    if "Left" in name:
        return name.replace("Left", "Right")
    return name.replace("Right", "Left")


def with_both_eyes(source: Source) -> Source:
    """Give the right eyeball the back that the source lacks: the mirror image of the left one's.

    The new vertices follow the old ones; the right eye's own front stays as it is.
    """
    mean = source.vertices.mean(0)
    label = components(source.quads, len(mean))
    sizes = np.bincount(label)
    left = np.flatnonzero(label == np.flatnonzero(sizes == EYE_VERTICES)[0])
    right = np.flatnonzero(label == np.flatnonzero(sizes == sizes.min())[0])
    distance, twin = cKDTree(mean[right]).query(mean[left] * MIRROR)
    order = np.argsort(distance, kind="stable")
    front, back = left[order[: len(right)]], left[order[len(right) :]]
    # The ring of the front to which the new back is joined keeps the right eye's own vertices.
    partner = np.full(len(mean), -1)
    partner[front] = right[twin[order[: len(right)]]]
    partner[back] = len(mean) + np.arange(len(back))
    present = np.isin(source.quads, front).all(1)
    missing = np.isin(source.quads, left).all(1) & ~present
    shift = source.vertices[:, partner[front]].mean(1) - (source.vertices[:, front] * MIRROR).mean(1)
    swapped = [source.expression_names.index(mirrored_expression(name)) for name in source.expression_names]
    weights = source.weights[back].copy()
    pair = [source.bones.index(name) for name in ("eye.L", "eye.R")]
    weights[:, pair] = weights[:, pair[::-1]]
    return replace(
        source,
        vertices=np.concatenate([source.vertices, source.vertices[:, back] * MIRROR + shift[:, None]], axis=1),
        quads=np.concatenate([source.quads, partner[source.quads[missing]][:, ::-1]]),
        quads_uv=np.concatenate([source.quads_uv, source.quads_uv[missing][:, ::-1]]),
        weights=np.concatenate([source.weights, weights]),
        expressions=np.concatenate([source.expressions, source.expressions[swapped][:, back] * MIRROR], axis=1),
        ears=np.concatenate([source.ears, np.zeros(len(back), bool)]),
        segments={
            name: np.concatenate([mask, np.full(missing.sum(), name == "eye_back.R")])
            for name, mask in source.segments.items()
        },
    )


def head_template(source: Source) -> dict[str, np.ndarray]:
    """Arrays of head.npz but for regions and landmarks; `source` has both eyes."""
    weights = _merged_weights(source)
    count = len(weights)
    mean, basis = _shapes(source, np.zeros((len(source.vertices), 0, 3)))
    # Everybody's pivot is the origin: the rigid pose of a take does not depend on the person.
    mean[count], basis[:, count] = 0, 0
    order = [source.expression_names.index(name) for name in EXPRESSION_NAMES]
    expressions = source.expressions[order]
    expressions = np.where(np.linalg.norm(expressions, axis=2, keepdims=True) < NOISE_FLOOR, 0, expressions)
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    kept = np.take_along_axis(weights, strongest, axis=1)
    return {
        "rest_vertices": mean[:count].astype(np.float32),
        "quads": source.quads.astype(np.uint16),
        "uv_table": source.uv_table.astype(np.float32),
        "quads_uv": source.quads_uv.astype(np.uint16),
        "joints": mean[count:].astype(np.float32),
        "parents": np.array([-1, 0, 0, 0, 0], np.int8),
        "joint_names": np.array(HEAD_JOINT_NAMES),
        "skin_joints": strongest.astype(np.uint8),
        "skin_weights": (kept / kept.sum(1, keepdims=True)).astype(np.float32),
        "shape_basis": basis[:, :count].astype(np.float16),
        "joint_shape_basis": basis[:, count:].astype(np.float32),
        "expressions": expressions.astype(np.float16),
        "expression_names": np.array(EXPRESSION_NAMES),
    }


def aligned_points(source: Source, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Other points of the same people, in the space of the head's template.

    points : (N, P, 3) of the samples. Returns their mean (P, 3) and the displacements (30, P, 3) of the shape basis.
    """
    mean, basis = _shapes(source, points)
    start = len(mean) - points.shape[1]
    return mean[start:], basis[:, start:]


def _shapes(source: Source, extra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and shape basis of the vertices, the five joints, and extra points (N, P, 3), which decide about nothing."""
    decide = np.clip(1 - _merged_weights(source)[:, HEAD_JOINT_NAMES.index("neck")], NECK_WEIGHT, 1)
    heads = [source.bones.index(name) for name in ("head", "neck01", "jaw", "eye.L", "eye.R")]
    # The neck is part of the mesh, but does not decide about a head's size and posture.
    carried = np.concatenate([source.joints[:, heads], extra], axis=1)
    vertices, others, _ = aligned_without_size(source.vertices, carried, (decide > 0.99).astype(float))
    pivot = others[:, :1].mean(0)
    points = np.concatenate([vertices - pivot, others - pivot], axis=1)
    weight = np.concatenate([decide, np.zeros(others.shape[1])])
    mean, basis, _ = principal_components(points, weight, SHAPE_COUNT)
    return mean, basis


def _merged_weights(source: Source) -> np.ndarray:
    """(V, J) weights of HEAD_JOINT_NAMES; every face bone not named in MERGED_BONES belongs to the head."""
    merged = np.zeros((len(source.weights), len(HEAD_JOINT_NAMES)))
    for k, bone in enumerate(source.bones):
        owners = [joint for joint, names in MERGED_BONES.items() if bone in names or bone[:6] in names]
        merged[:, HEAD_JOINT_NAMES.index(owners[0] if owners else "head")] += source.weights[:, k]
    return merged / merged.sum(1, keepdims=True)
