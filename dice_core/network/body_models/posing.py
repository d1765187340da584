"""The network's parameters as bodies of a take: meshes with a rig, and each frame's pose in camera space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.body_models.flame import EXPRESSION_COUNT, SHAPE_COUNT, FlameHead
from dice_core.network.body_models.mano import ManoHand
from dice_core.network.body_models.regions import corresponding_vertices, hand_regions, head_regions, nearest_points
from dice_core.network.model.cameras import CameraAlignment, align_to_camera, view_in_frame
from dice_core.network.model.inference import NetworkResult

__all__ = ["BodyLayers", "NetworkHandPose", "NetworkHeadPose", "TakeBodies", "mirrored_landmarks"]

_MIRROR = np.array([-1.0, 1.0, 1.0])
# FLAME's file has y up and looks along +z; a head of a take has y down and looks along -z.
_FLAME_TO_REST = np.array([1.0, -1.0, -1.0])
_MANO_JOINTS = (
    "wrist",
    *(f"{finger}_{joint}" for finger in ("index", "middle", "little", "ring") for joint in ("mcp", "pip", "dip")),
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip")),
)
_SKIN_JOINTS = 4  # of a vertex, the most that game engines take; the importer's keys carry what the others would add
_EXPRESSION_RANGE = 4.0
"""Standard deviations of an expression at the value 1 of its shape key; set by hand.

Keys go from 0 to 1, so each sign of an expression has a key of its own."""
_FIT_STEP = 7
"""One vertex in so many takes part in the alignment with the camera; set by hand."""


@dataclass(frozen=True)
class BodyLayers:
    """The body models. neck : vertices of the head that never deform."""

    hand: ManoHand
    head: FlameHead
    neck: np.ndarray


@dataclass(frozen=True)
class NetworkHeadPose:
    """One frame's head. rotation, translation : (3,) of the rig in camera space; expression : (50,); jaw : (3,)
    axis-angle in FLAME's axes; deformation : (V, 3) metres to add, in the head's rest axes; contact : (V,)."""

    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
    jaw: np.ndarray
    deformation: np.ndarray
    contact: np.ndarray


@dataclass(frozen=True)
class NetworkHandPose:
    """One frame's hand. rotation : (16, 3) axis-angle in rest axes, the root's in camera space; translation : (3,);
    contact : (778,)."""

    rotation: np.ndarray
    translation: np.ndarray
    contact: np.ndarray


class TakeBodies:
    """One person's head and hands.

    Vertices are MANO's and FLAME's own to float rounding. The take's rig cannot reproduce all of them: it moves the
    head as a whole, without the jaw's rotation and its corrective, and the hands without MANO's pose correctives and
    with the four strongest joints of a vertex only; both differ by millimetres. Importers key these differences.

    layers : the body models; face_shape : (100,) of the head; betas : (10,) of the hand;
    mirrored_head : whether the head is seen in mirrored crops (takes with left hands only), so that its mesh is too.
    """

    def __init__(
        self,
        layers: BodyLayers,
        face_shape: np.ndarray,
        betas: np.ndarray,
        mirrored_head: bool,
    ) -> None:
        hand, head = layers.hand, layers.head
        self._hand, self._head, self._neck = hand, head, layers.neck
        self.mirrored_head = mirrored_head
        self._face_shape = torch.from_numpy(np.asarray(face_shape, np.float32))[None]
        self._betas = torch.from_numpy(np.asarray(betas, np.float32))[None]
        with torch.no_grad():
            coefficients = torch.cat([self._face_shape, torch.zeros(1, EXPRESSION_COUNT)], dim=1)
            neutral = head.body.shaped(coefficients)
            self._head_origin = head.body.joints(neutral)[0, 0].numpy().astype(np.float64)
            shaped = hand.body.shaped(self._betas)
            self._hand_joints = hand.body.joints(shaped)[0].numpy().astype(np.float64)
        self._head_axes = _FLAME_TO_REST * (_MIRROR if mirrored_head else 1.0)

    # Meshes

    def head_mesh(self) -> Mesh:
        """The person's head, neutral."""
        rest = self.head_local(np.zeros((1, EXPRESSION_COUNT)), np.zeros((1, 3)))[0]
        corners = self._head.body.triangles[:, ::-1] if self.mirrored_head else self._head.body.triangles
        with torch.no_grad():
            landmarks = self._head.landmarks(torch.from_numpy(rest)[None].to(self._head.landmark_weights.dtype))[
                0
            ].numpy()
        if self.mirrored_head:
            landmarks = landmarks[mirrored_landmarks()]
        weights = self._head.body.weights.numpy()
        region, names = head_regions(corresponding_vertices(rest, landmarks), weights, rest)
        basis = self._head.body.shape_basis[..., SHAPE_COUNT:].permute(2, 0, 1).numpy() * self._head_axes
        scaled = _EXPRESSION_RANGE * basis
        deltas = np.stack([scaled, -scaled], axis=1).reshape(-1, *basis.shape[1:])
        return Mesh(
            name="head",
            rest_vertices=rest,
            **_faces(corners, rest),
            region=region,
            region_names=names,
            joints=np.zeros((1, 3), np.float32),
            parents=np.array([-1], np.int32),
            joint_names=("head",),
            skin_joints=np.zeros((len(rest), 1), np.int32),
            skin_weights=np.ones((len(rest), 1), np.float32),
            shape_key_names=tuple(f"flame_{k:03d}.{sign}" for k in range(len(basis)) for sign in ("pos", "neg")),
            shape_key_deltas=deltas.astype(np.float16),
        )

    def hand_mesh(self, side: str) -> Mesh:
        """The person's hand of a side, flat."""
        right = side == "right"
        axes = np.ones(3) if right else _MIRROR
        rest = self._hand_flat(np.zeros((1, 16, 3)))[0] * axes
        joints = (self._hand_joints - self._hand_joints[0]) * axes
        corners = self._hand.body.triangles if right else self._hand.body.triangles[:, ::-1]
        weights = self._hand.body.weights.numpy()
        region, names = hand_regions(rest, corners, joints, weights, right)
        strongest = np.argsort(-weights, axis=1, kind="stable")[:, :_SKIN_JOINTS]
        share = np.take_along_axis(weights, strongest, axis=1)
        return Mesh(
            name=f"hand_{side}",
            rest_vertices=rest.astype(np.float32),
            **_faces(corners, rest),
            region=region,
            region_names=names,
            joints=joints.astype(np.float32),
            parents=np.array(self._hand.body.parents, np.int32),
            joint_names=_MANO_JOINTS,
            skin_joints=strongest.astype(np.int32),
            skin_weights=(share / share.sum(1, keepdims=True)).astype(np.float32),
        )

    # Vertices of poses

    def head_local(self, expression: np.ndarray, jaw: np.ndarray) -> np.ndarray:
        """Head at rest with expressions: (T, 50) and (T, 3) to (T, V, 3) float32 in rest axes."""
        count = len(expression)
        with torch.no_grad():
            pose = torch.cat([torch.zeros(count, 3), _tensor(jaw)], dim=1)
            posed = self._head.posed(self._face_shape.expand(count, -1), _tensor(expression), pose)
        return ((posed.numpy() - self._head_origin) * self._head_axes).astype(np.float32)

    def head_vertices(self, local: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Head in camera space: (T, V, 3) of `head_local`, (T, 3), (T, 3) to (T, V, 3) float32."""
        turned = local @ np.swapaxes(rotation_matrices(rotation), -1, -2)
        return (turned + translation[:, None]).astype(np.float32)

    def hand_vertices(self, side: str, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Hand in camera space with MANO's pose correctives: (T, 16, 3), (T, 3) to (T, 778, 3) float32."""
        rotation = np.asarray(rotation, np.float64)
        axes = np.ones(3) if side == "right" else _MIRROR
        # A mirrored rotation vector keeps its component along the mirror's normal and loses the sign of the others.
        local = self._hand_flat(rotation * axes * axes[0]) * axes
        turned = local @ np.swapaxes(rotation_matrices(rotation[:, 0]), -1, -2)
        return (turned + translation[:, None]).astype(np.float32)

    def _hand_flat(self, rotation: np.ndarray) -> np.ndarray:
        """Right hand about its wrist, without the root's rotation."""
        count = len(rotation)
        with torch.no_grad():
            pose = _tensor(rotation[:, 1:].reshape(count, -1))
            vertices, _ = self._hand(self._betas.expand(count, -1), torch.zeros(count, 3), pose, torch.zeros(count, 3))
        return vertices.numpy().astype(np.float64) - self._hand_joints[0]

    @staticmethod
    def expression_keys(expression: np.ndarray) -> np.ndarray:
        """Weights of the head's shape keys, 0 to 1: (T, 50) to (T, 100)."""
        scaled = np.asarray(expression) / _EXPRESSION_RANGE
        return np.clip(np.stack([scaled, -scaled], axis=-1), 0, 1).reshape(len(scaled), -1).astype(np.float32)

    @cached_property
    def _partners(self) -> np.ndarray:
        """For each vertex of the head, the one at the same place of a mirrored head: (V,) indices."""
        template = self._head.body.template.numpy().astype(np.float64)
        return nearest_points(template, template * _MIRROR)

    # Poses of results

    def read(
        self, result: NetworkResult, camera: Camera, alignment: CameraAlignment | None = None
    ) -> tuple[NetworkHeadPose, NetworkHandPose, CameraAlignment]:
        """Head and hand of one result in camera space.

        alignment : of another view of the same frame, so that this view's hand lies relative to that view's head.
        Of a view that is mirrored where the take's head is not, or the other way round, the head's contact and
        deformation are those of the vertices on the other side.
        Returns the head, the hand (a left one where the crop was mirrored), and the alignment of both with the camera.
        """
        outputs, mirrored = result.outputs, result.crop.mirrored
        axes = _MIRROR if mirrored else np.ones(3)
        with torch.no_grad():
            own = self._head(
                *(_tensor(outputs[f"face_{name}"][None]) for name in ("shape", "exp", "pose", "rot", "transl"))
            )
        centre = own[0].numpy().astype(np.float64).mean(0)
        pose = np.asarray(outputs["face_pose"], np.float64)
        expression, jaw = np.asarray(outputs["face_exp"], np.float64), pose[3:]
        turn = rotation_matrices(outputs["face_rot"]) @ rotation_matrices(pose[:3])
        # In head-centred space of the world, mirrored back where the network saw a mirror image.
        head_turn = axes[:, None] * turn * _FLAME_TO_REST * axes
        local = self.head_local(expression[None], jaw[None])[0].astype(np.float64)
        if mirrored != self.mirrored_head:  # a second view, of which the head's pose is not used
            local = local * _MIRROR
        middle = local.mean(0)
        head_points = (local - middle) @ head_turn.T
        joints = np.concatenate([outputs["rh_rot"], outputs["rh_pose"]]).astype(np.float64).reshape(16, 3)
        joints = joints * axes * axes[0]  # as in `hand_vertices`
        hand_origin = (self._hand_joints[0] + outputs["rh_transl"] - centre) * axes
        if alignment is None:
            view = view_in_frame(outputs["cam_param"], result.crop)
            hand_points = self.hand_vertices("left" if mirrored else "right", joints[None], hand_origin[None])[0]
            alignment = align_to_camera(np.concatenate([head_points, hand_points])[::_FIT_STEP], view, camera)
        rotation = alignment.rotation @ head_turn
        added = -np.asarray(outputs["deform"], np.float64)
        added[self._neck] = 0
        deformation = (added * axes) @ head_turn
        contact = np.asarray(outputs["head_contact"][:, 0], np.float32)
        if mirrored != self.mirrored_head:
            deformation, contact = deformation[self._partners], contact[self._partners]
        head = NetworkHeadPose(
            axis_angle(rotation),
            alignment.translation - rotation @ middle,
            expression,
            jaw,
            deformation.astype(np.float32),
            contact,
        )
        joints[0] = axis_angle(alignment.rotation @ rotation_matrices(joints[0]))
        hand = NetworkHandPose(
            joints, alignment.apply(hand_origin), np.asarray(outputs["hand_contact"][:, 0], np.float32)
        )
        return head, hand, alignment


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _faces(corners: np.ndarray, rest: np.ndarray) -> dict[str, Any]:
    """Triangles as polygons, with a flat projection for texture coordinates."""
    low, high = rest.min(0), rest.max(0)
    flat = (rest - low) / np.maximum(high - low, 1e-9)
    broad = np.argsort(low - high)[:2]
    uv = flat[:, np.sort(broad)]
    uv[:, 1] = 1 - uv[:, 1]
    return {
        "face_corners": np.ascontiguousarray(corners).ravel().astype(np.int32),
        "face_sizes": np.full(len(corners), 3, np.int32),
        "uv": uv[corners.ravel()].astype(np.float32),
    }


def mirrored_landmarks() -> np.ndarray:
    """The 68 landmarks' counterparts on the other side of the face."""
    order = np.arange(68)
    pairs = [(k, 16 - k) for k in range(8)] + [(17 + k, 26 - k) for k in range(5)]
    pairs += [(31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
    for left, right in pairs:
        order[left], order[right] = right, left
    return order
