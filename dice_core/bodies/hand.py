"""The open hand: size and shape, 22 anatomical degrees of freedom, skinning and the 21 key points."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from dice_core.bodies.attached import cap
from dice_core.bodies.store import corner_arrays, read_asset
from dice_core.errors import InputError, ShapeError
from dice_core.geometry.mesh import Mesh, joint_transforms
from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = ["LAYOUT", "Hand", "hand_from_arrays", "load_hand"]

LAYOUT = "open_hand"
"""What a hand's UVs are laid out as, by the name of its packaged skin."""

_MIRROR_POINT = np.array([-1.0, 1.0, 1.0], np.float32)
# A rotation axis is a pseudovector: with this sign the same angle is the mirror-image motion.
_MIRROR_AXIS = np.array([1.0, -1.0, -1.0], np.float32)


@dataclass(frozen=True)
class Hand:
    """A parametric hand, metres, rest pose in camera axes: palm to the camera (-z), fingers up
    (-y), wrist at the origin.

    mesh : template with region, uv and rig; joint 0 is the wrist.
    shape_basis : (S, V, 3) float32, joint_shape_basis : (S, J, 3), keypoint_shape_basis : (S, 21, 3) :
        displacement of one standard deviation; overall size is not part of it, that is `scale`.
    scale_sigma : float, standard deviation of `scale` among people; its mean is 1.
    keypoint_rest : (21, 3) float32, the detector's 21 points; keypoint_joint : (21,) int32, joint that carries each.
    dof_joint : (22,) int32, dof_axis : (22, 3) float32 unit, rest axes. The rotation of a joint is the product of the
        rotations about its axes in order of listing, the first leftmost.
    dof_lower, dof_upper, dof_mean, dof_sigma : (22,) float32, radians from the slightly flexed, splayed rest pose.
        Flexion moves toward the palm; abduction of a finger moves it toward the thumb.
    dof_precision : (22, 22) float32, 1/radian^2, Gaussian prior around `dof_mean` with the couplings of the fingers.
        Made by hand from anatomy, not learned from data.
    """

    mesh: Mesh
    shape_basis: np.ndarray
    joint_shape_basis: np.ndarray
    scale_sigma: float
    keypoint_rest: np.ndarray
    keypoint_shape_basis: np.ndarray
    keypoint_joint: np.ndarray
    dof_joint: np.ndarray
    dof_axis: np.ndarray
    dof_names: tuple[str, ...]
    dof_lower: np.ndarray
    dof_upper: np.ndarray
    dof_mean: np.ndarray
    dof_sigma: np.ndarray
    dof_precision: np.ndarray
    _dense_weights: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        dense = np.zeros((len(self.mesh.rest_vertices), len(self.mesh.joints)))
        rows = np.arange(len(dense))[:, None]
        np.add.at(dense, (rows, self.mesh.skin_joints), self.mesh.skin_weights)
        object.__setattr__(self, "_dense_weights", dense)

    def rest(self, shape: np.ndarray, scale: float) -> np.ndarray:
        """Unposed hand of one person.

        shape : (S,) float, standard deviations; fewer than S entries leave the rest at zero. scale : 1 is average.
        Returns (V, 3) float32, metres.
        """
        return _scaled(self.mesh.rest_vertices, self.shape_basis, shape, scale)

    def joint_positions(self, shape: np.ndarray, scale: float) -> np.ndarray:
        """(J, 3) float32, metres: joints of the unposed hand."""
        return _scaled(self.mesh.joints, self.joint_shape_basis, shape, scale)

    def keypoints_rest(self, shape: np.ndarray, scale: float) -> np.ndarray:
        """(21, 3) float32, metres: key points of the unposed hand."""
        return _scaled(self.keypoint_rest, self.keypoint_shape_basis, shape, scale)

    def joint_rotations(self, angles: np.ndarray) -> np.ndarray:
        """Rotation of each joint about itself, in rest axes; identity where no degree of freedom is.

        angles : (22,) float, radians.
        Returns (J, 3, 3) float64.
        """
        angles = np.asarray(angles, np.float64)
        if angles.shape != self.dof_joint.shape:
            raise ShapeError(f"A hand has {len(self.dof_joint)} joint angles, not {angles.shape}.")
        single = rotation_matrices(self.dof_axis * angles[:, None])
        rotations = np.tile(np.eye(3), (len(self.mesh.joints), 1, 1))
        for joint, matrix in zip(self.dof_joint, single, strict=True):
            rotations[joint] = rotations[joint] @ matrix
        return rotations

    def rotation_vectors(self, rotation: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """What a take stores as `rotation` of a frame.

        rotation : (3,) axis-angle of the wrist; angles : (22,).
        Returns (J, 3) float64 axis-angle, radians.
        """
        vectors = axis_angle(self.joint_rotations(angles))
        vectors[0] = rotation
        return vectors

    def transforms(
        self, shape: np.ndarray, scale: float, rotation: np.ndarray, angles: np.ndarray, translation: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How each joint carries points of the unposed hand; arguments as for `pose`.

        Returns linear (J, 3, 3) and offset (J, 3): a rest point x of joint j goes to linear[j] @ x + offset[j].
        """
        rotations = self.joint_rotations(angles)
        rotations[0] = rotation_matrices(np.asarray(rotation))
        joints = self.joint_positions(shape, scale).astype(np.float64)
        return joint_transforms(joints, self.mesh.parents, rotations, np.asarray(translation, np.float64))

    def pose(
        self, shape: np.ndarray, scale: float, rotation: np.ndarray, angles: np.ndarray, translation: np.ndarray
    ) -> np.ndarray:
        """Hand in camera space by linear blend skinning.

        shape : (S,); scale : float; rotation : (3,) axis-angle of the wrist, radians; angles : (22,) radians;
        translation : (3,) metres.
        Returns (V, 3) float32, metres.
        """
        linear, offset = self.transforms(shape, scale, rotation, angles, translation)
        blended = (self._dense_weights @ linear.reshape(-1, 9)).reshape(-1, 3, 3)
        posed = np.einsum("vij,vj->vi", blended, self.rest(shape, scale)) + self._dense_weights @ offset
        return posed.astype(np.float32)

    def keypoints(
        self, shape: np.ndarray, scale: float, rotation: np.ndarray, angles: np.ndarray, translation: np.ndarray
    ) -> np.ndarray:
        """The 21 key points in camera space, each carried rigidly by its joint; arguments as for `pose`.

        Returns (21, 3) float32, metres.
        """
        linear, offset = self.transforms(shape, scale, rotation, angles, translation)
        carried = np.einsum("kij,kj->ki", linear[self.keypoint_joint], self.keypoints_rest(shape, scale))
        return (carried + offset[self.keypoint_joint]).astype(np.float32)

    def person_mesh(self, shape: np.ndarray, scale: float) -> Mesh:
        """The mesh of one person as a take stores it: rest vertices and joints carry shape and size."""
        mesh = replace(self.mesh, rest_vertices=self.rest(shape, scale), joints=self.joint_positions(shape, scale))
        return replace(mesh, attached=cap(mesh, LAYOUT))


def _scaled(template: np.ndarray, basis: np.ndarray, shape: np.ndarray, scale: float) -> np.ndarray:
    shape = np.asarray(shape, np.float32)
    moved = (shape @ basis.reshape(len(basis), -1)[: len(shape)]).reshape(template.shape)
    return ((template + moved) * np.float32(scale)).astype(np.float32)


@lru_cache(maxsize=2)
def load_hand(side: str) -> Hand:
    """The packaged hand, read once a process; the left one is the mirror image of the right.

    side : "left" or "right", the subject's own.
    Raises MissingModelError if the installation lacks its file, InputError for another side.
    """
    if side == "left":
        return _mirrored(load_hand("right"))
    if side != "right":
        raise InputError(f'A hand is "left" or "right", not "{side}".')
    return hand_from_arrays(read_asset("hand_right"))


def hand_from_arrays(asset: dict[str, np.ndarray]) -> Hand:
    """Right hand of the arrays that hand_right.npz holds."""
    corners, sizes, uv = corner_arrays(asset)
    mesh = Mesh(
        name="hand_right",
        rest_vertices=asset["rest_vertices"],
        face_corners=corners,
        face_sizes=sizes,
        uv=uv,
        region=asset["region"],
        region_names=tuple(str(name) for name in asset["region_names"]),
        joints=asset["joints"],
        parents=asset["parents"].astype(np.int32),
        joint_names=tuple(str(name) for name in asset["joint_names"]),
        skin_joints=asset["skin_joints"].astype(np.int32),
        skin_weights=asset["skin_weights"],
    )
    return Hand(
        mesh=replace(mesh, attached=cap(mesh, LAYOUT)),
        shape_basis=asset["shape_basis"].astype(np.float32),
        joint_shape_basis=asset["joint_shape_basis"],
        scale_sigma=float(asset["scale_sigma"]),
        keypoint_rest=asset["keypoint_rest"],
        keypoint_shape_basis=asset["keypoint_shape_basis"],
        keypoint_joint=asset["keypoint_joint"].astype(np.int32),
        dof_joint=asset["dof_joint"].astype(np.int32),
        dof_axis=asset["dof_axis"],
        dof_names=tuple(str(name) for name in asset["dof_names"]),
        dof_lower=asset["dof_lower"],
        dof_upper=asset["dof_upper"],
        dof_mean=asset["dof_mean"],
        dof_sigma=asset["dof_sigma"],
        dof_precision=asset["dof_precision"],
    )


def _mirrored(hand: Hand) -> Hand:
    """Mirror image in the plane x = 0; angles keep their meaning, polygons are wound the other way."""
    mesh = hand.mesh
    quads = mesh.face_corners.reshape(-1, 4)
    mirrored = replace(
        mesh,
        name="hand_left",
        rest_vertices=mesh.rest_vertices * _MIRROR_POINT,
        face_corners=quads[:, ::-1].ravel(),
        uv=mesh.uv.reshape(-1, 4, 2)[:, ::-1].reshape(-1, 2),
        joints=mesh.joints * _MIRROR_POINT,
    )
    return replace(
        hand,
        mesh=replace(mirrored, attached=cap(mirrored, LAYOUT)),
        shape_basis=hand.shape_basis * _MIRROR_POINT,
        joint_shape_basis=hand.joint_shape_basis * _MIRROR_POINT,
        keypoint_rest=hand.keypoint_rest * _MIRROR_POINT,
        keypoint_shape_basis=hand.keypoint_shape_basis * _MIRROR_POINT,
        dof_axis=hand.dof_axis * _MIRROR_AXIS,
    )
