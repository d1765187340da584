"""The bones that a file gets: those of a take's armatures, and one for each body that has none."""

from __future__ import annotations

import numpy as np

from .body_motion import keyed_motion, shrinking
from .export_scene import ExportScene
from .sampling import BodySample, RigSample, Samples
from .skeleton import Bone
from .transforms import constant_part

__all__ = ["STAND_IN_LENGTH", "bones_of", "reference_frame", "stand_in"]

# Metres: length of bones that stand for whole objects. Set by hand.
STAND_IN_LENGTH = 0.1
# A bone's Y axis points along it, here up.
_UPRIGHT = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1]])


def stand_in(item: BodySample, name: str) -> Bone:
    """A bone for a body without any: upright where the body is in its first frame."""
    linear = constant_part(item.world, item.visible)
    rest = np.eye(4)
    rest[:3, 3] = item.world[0, :3, 3]
    posed = keyed_motion(item, linear).matrices
    return Bone(name, rest @ _UPRIGHT, posed @ _UPRIGHT, 0, STAND_IN_LENGTH, shrinking([item]))


def reference_frame(rig: RigSample) -> int:
    """The frame whose armature object the file's rest pose is made from: the first with a sound scale."""
    determinants = np.abs(np.linalg.det(rig.world[:, :3, :3]))
    return int(np.argmax(determinants >= determinants.max() / 8))


def bones_of(copies: ExportScene, samples: Samples, rig: RigSample, *, parent: int, offset: int) -> list[Bone]:
    """An armature's bones as the file has them. parent : index of the bone above its roots; offset : of its first."""
    base = rig.world[reference_frame(rig)]
    wearers = [item for item in samples.bodies if item.rig is rig]
    side = next((w.body.name[-2:] for w in wearers if w.body.name[-2:] in (".L", ".R")), "")
    order = list(rig.rest)
    bones = []
    size = float(np.abs(np.linalg.det(base[:3, :3])) ** (1 / 3))
    for name, local in rig.rest.items():
        placed = base @ local
        rest = np.eye(4)
        rest[:3, :3] = _upright_frame(placed[:3, :3])
        rest[:3, 3] = placed[:3, 3]
        above = rig.parents[name]
        own = name if not side or name.endswith(side) else f"{name}{side}"
        bones.append(
            Bone(
                copies.names.unused(own),
                rest,
                rig.pose[name] @ np.linalg.inv(placed) @ rest,
                parent if above is None else offset + order.index(above),
                rig.lengths[name] * size,
                shrinking(wearers) if above is None else None,
            )
        )
    return bones


def _upright_frame(linear: np.ndarray) -> np.ndarray:
    """(3, 3) rotation of a bone: along its Y axis, the others across; a mirrored one has its X axis turned round."""
    along = linear[:, 1] / np.linalg.norm(linear[:, 1])
    across = linear[:, 2] - along * (along @ linear[:, 2])
    across = across / np.linalg.norm(across)
    return np.stack([np.cross(along, across), along, across], axis=1)
