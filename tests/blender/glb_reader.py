"""A reader of GLB that is not Blender's: names, and the surface at any time, from the glTF 2.0 specification alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """One file. `document` is its JSON; names are those of the file."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        length = int.from_bytes(content[12:16], "little")
        self.document: dict[str, Any] = json.loads(content[20 : 20 + length])
        self._binary = content[28 + length :]
        nodes = self.document["nodes"]
        self._parents = {child: n for n, node in enumerate(nodes) for child in node.get("children", ())}

    @property
    def node_names(self) -> list[str]:
        return [node["name"] for node in self.document["nodes"]]

    @property
    def mesh_nodes(self) -> dict[str, dict[str, Any]]:
        return {node["name"]: node for node in self.document["nodes"] if "mesh" in node}

    @property
    def seconds(self) -> float:
        """Length of the animation."""
        samplers = self.document["animations"][0]["samplers"]
        return max(float(self.array(sampler["input"]).max()) for sampler in samplers)

    def array(self, index: int) -> np.ndarray:
        """The values of an accessor, (count, width)."""
        accessor = self.document["accessors"][index]
        width, kind = _WIDTHS[accessor["type"]], _TYPES[accessor["componentType"]]
        assert "sparse" not in accessor
        view = self.document["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        values = np.frombuffer(self._binary, kind, accessor["count"] * width, start).reshape(-1, width)
        if accessor.get("normalized"):
            values = values / np.iinfo(kind).max
        return values

    def attribute(self, mesh: str, name: str) -> list[np.ndarray]:
        """A vertex attribute of each primitive of a mesh node that has it."""
        primitives = self.document["meshes"][self.mesh_nodes[mesh]["mesh"]]["primitives"]
        return [self.array(p["attributes"][name]) for p in primitives if name in p["attributes"]]

    def surface(self, mesh: str, second: float) -> np.ndarray:
        """(N, 3) world positions, metres, Blender's axes (z up)."""
        pose = self._pose(second)
        index = self.node_names.index(mesh)
        node = self.document["nodes"][index]
        weights = pose[index].get("weights", node.get("weights"))
        parts = []
        for primitive in self.document["meshes"][node["mesh"]]["primitives"]:
            points = self.array(primitive["attributes"]["POSITION"]).astype(float)
            for target, weight in zip(primitive.get("targets", ()), () if weights is None else weights, strict=False):
                points = points + weight * self.array(target["POSITION"])
            if "skin" in node:
                points = self._skinned(points, primitive["attributes"], node["skin"], pose)
            else:
                world = self._world(index, pose)
                points = points @ world[:3, :3].T + world[:3, 3]
            parts.append(points)
        return np.concatenate(parts)[:, [0, 2, 1]] * [1, -1, 1]

    def influences(self, mesh: str) -> int:
        """Bones that move a vertex at most."""
        joints = [name for name in ("WEIGHTS_0", "WEIGHTS_1", "WEIGHTS_2") if self.attribute(mesh, name)]
        return max(
            int((np.concatenate(parts, axis=1) > 0).sum(axis=1).max())
            for parts in zip(*(self.attribute(mesh, name) for name in joints), strict=True)
        )

    def _skinned(
        self, points: np.ndarray, attributes: dict[str, int], skin: int, pose: list[dict[str, np.ndarray]]
    ) -> np.ndarray:
        described = self.document["skins"][skin]
        inverses = self.array(described["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        worlds = np.array([self._world(joint, pose) for joint in described["joints"]]) @ inverses
        blended = np.zeros((len(points), 4, 4))
        for number in range(3):
            if f"JOINTS_{number}" in attributes:
                joints = self.array(attributes[f"JOINTS_{number}"])
                weights = self.array(attributes[f"WEIGHTS_{number}"])
                blended += np.einsum("vk,vkij->vij", weights, worlds[joints])
        return np.einsum("vij,vj->vi", blended[:, :3, :3], points) + blended[:, :3, 3]

    def _world(self, index: int, pose: list[dict[str, np.ndarray]]) -> np.ndarray:
        node = self.document["nodes"][index]
        assert "matrix" not in node
        values = {key: np.asarray(node[key], float) for key in ("translation", "rotation", "scale") if key in node}
        values |= pose[index]
        local = np.eye(4)
        local[:3, :3] = _rotation(values.get("rotation", np.array([0, 0, 0, 1.0]))) * values.get("scale", np.ones(3))
        local[:3, 3] = values.get("translation", np.zeros(3))
        return self._world(self._parents[index], pose) @ local if index in self._parents else local

    def _pose(self, second: float) -> list[dict[str, np.ndarray]]:
        pose: list[dict[str, np.ndarray]] = [{} for _ in self.document["nodes"]]
        for animation in self.document.get("animations", ()):
            for channel in animation["channels"]:
                sampler = animation["samplers"][channel["sampler"]]
                times = self.array(sampler["input"])[:, 0]
                values = self.array(sampler["output"]).reshape(len(times), -1)
                stepped = sampler.get("interpolation", "LINEAR") == "STEP"
                target = channel["target"]
                pose[target["node"]][target["path"]] = _interpolated(times, values, second, stepped, target["path"])
        return pose


def _interpolated(times: np.ndarray, values: np.ndarray, second: float, stepped: bool, path: str) -> np.ndarray:
    after = int(np.clip(np.searchsorted(times, second, side="right"), 1, max(len(times) - 1, 1)))
    if len(times) == 1:
        return values[0]
    share = float(np.clip((second - times[after - 1]) / (times[after] - times[after - 1]), 0, 1))
    if stepped:
        return values[after] if share > 1 - 1e-4 else values[after - 1]
    start, end = values[after - 1], values[after]
    if path == "rotation" and start @ end < 0:
        end = -end
    mixed = (1 - share) * start + share * end
    return mixed / np.linalg.norm(mixed) if path == "rotation" else mixed


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    """(x, y, z, w) -> (3, 3)."""
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
