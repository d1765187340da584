"""Pictures of an animation by the rasteriser: painted skin, light that casts shadows, blur of motion, camera noise.

Colours, strengths and shares were set by hand, by the look of the pictures and so that the landmark networks see faces
and hands in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from sample.clothes import COLLAR_RINGS

from accuracy.animation import Animation
from accuracy.lighting import Lights, Shadow, cast_light, crevices, draw_lights
from accuracy.recipe import TONES
from accuracy.skins import Skins, load_skins
from accuracy.wardrobe import CUFF_RING, FOREARM_RINGS, Hair, Tube, hair_mask
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.rasterizer import interpolate, rasterize
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["GAMMA", "SHUTTER", "DrawnScene", "Studio"]

SAMPLES = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))
"""Pixels by which the samples of a picture are displaced."""

SHUTTER = 0.5
"""Of the time of a frame, during which a blurred picture is exposed."""

BLURRED_SAMPLES = 8
GAMMA = 2.2
NOISE = (0.003, 0.018)
JPEG_QUALITY = (82, 96)
ROUGH = 0.045
"""Deviation of the skin's and the hair's brightness from spot to spot."""


@dataclass(frozen=True)
class DrawnScene:
    """All that is drawn in one frame. vertices : (n, 3); drift : (n, 3) metres in one frame; normals : (n, 3)."""

    vertices: np.ndarray
    drift: np.ndarray
    normals: np.ndarray


class Studio:
    """Renders the frames of one animation; the same recipe gives the same pictures."""

    def __init__(self, animation: Animation) -> None:
        self._animation = animation
        performance = animation.performance
        self._recipe, self._camera = performance.recipe, performance.camera
        self._rng = np.random.default_rng([self._recipe.look, 2])
        rng = self._rng
        self._skins: Skins = load_skins()
        self._lights: Lights = draw_lights(self._recipe.light, rng)
        head = animation.meshes["head"]
        self._hair = Hair(head, rng) if self._recipe.hair == "full" else None
        self._collar = Tube.below(head, COLLAR_RINGS)
        hands = {name: mesh for name, mesh in animation.meshes.items() if name != "head"}
        self._arms = {name: Tube.below(mesh, FOREARM_RINGS) for name, mesh in hands.items()}
        self._sleeve = float(rng.uniform(0.003, 0.012)) if rng.random() < 0.6 else 0.0
        self._background = self._draw_background(rng)
        self._faces, self._texel, self._colour, self._mix, self._ao = self._static(rng)
        self._exposure: float | None = None
        self._finish = rng.uniform(*NOISE), int(rng.integers(*JPEG_QUALITY)), rng.normal(0, 0.03, 3)

    def render(self, frame: int) -> np.ndarray:
        """(h, w, 3) uint8 RGB; frames in order, because what is drawn at random goes on from one to the next."""
        return self._developed(self._light(self._scene(frame)))

    def _light(self, scene: DrawnScene) -> np.ndarray:
        """(h, w, 3) linear light that reaches the camera while the shutter is open."""
        blur = self._recipe.blur
        shadow = cast_light(scene.vertices, self._faces, self._lights)
        offsets = np.array(SAMPLES)
        total = np.zeros((self._camera.height, self._camera.width, 3))
        count = BLURRED_SAMPLES if blur else len(offsets)
        for k in range(count):
            time = SHUTTER * ((k + 0.5) / count - 0.5) if blur else 0.0
            total += self._sample(scene, shadow, offsets[k % len(offsets)], time)
        return total / count

    def _static(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Faces of all pieces, and per vertex: texel, colour, share of the colour against the texel, light caught."""
        recipe, meshes, skins = self._recipe, self._animation.meshes, self._skins
        tone = np.array(TONES[recipe.tone]) * rng.uniform(0.95, 1.05)
        hair = tone * rng.uniform(0.08, 0.45) * np.array([1.0, 0.85, 0.7])
        cloth, sleeve = _muted(rng.uniform(0.05, 0.75, (2, 3)), 0.5)
        head = meshes["head"]
        mix = hair_mask(head) if recipe.hair != "none" else np.zeros(len(head.rest_vertices))
        if recipe.beard:
            mix = np.maximum(mix, skins.beard * rng.uniform(0.4, 0.8))
        inner = skins.inside
        colours = np.where(inner[:, None], np.array([0.45, 0.2, 0.19]), hair)
        pieces: list[tuple[np.ndarray, ...]] = [
            (triangles(head), skins.head_texels, colours, np.where(inner, 1.0, mix), skins.crevices)
        ]
        for name, mesh in meshes.items():
            if name != "head":
                count = len(mesh.rest_vertices)
                plain = np.tile(tone, (count, 1))
                pieces.append((triangles(mesh), skins.hand_texels[name], plain, skins.palms[name], np.ones(count)))
        for tube in self._arms.values():
            around = len(tube.ring)
            rows = np.repeat(np.arange(FOREARM_RINGS), around)
            arm = np.where((rows >= CUFF_RING)[:, None] & (self._sleeve > 0), sleeve, tone)
            pieces.append(_plain(tube.faces, arm))
        pieces.append(_plain(self._collar.faces, np.tile(cloth, (COLLAR_RINGS * len(self._collar.ring), 1))))
        if self._hair is not None:
            pieces.append(_plain(self._hair.faces, np.tile(hair, (int(self._hair.faces.max()) + 1, 1))))
        start, faces = 0, []
        for piece in pieces:
            faces.append(piece[0] + start)
            start += len(piece[1])
        self._tint = tone / skins.tone
        stacked = [np.concatenate([piece[k] for piece in pieces]) for k in range(1, 5)]
        return np.concatenate(faces), *stacked

    def _scene(self, frame: int) -> DrawnScene:
        animation = self._animation
        moment = animation.moments[frame]
        head = animation.surfaces["head"][frame]
        parts, drift = [head], [_drift(animation, "head", frame)]
        for name in self._arms:
            parts.append(animation.surfaces[name][frame])
            drift.append(_drift(animation, name, frame))
        for name, tube in self._arms.items():
            at = moment.hands[name.removeprefix("hand_")]
            axis = rotation_matrices(at.rotation)[:, 1]
            down = np.array([0.35 if name == "hand_left" else -0.35, 0.9, 0.1])
            parts.append(tube.forearm(animation.surfaces[name][frame], axis, down / np.linalg.norm(down), self._sleeve))
            drift.append(np.tile(_drift(animation, name, frame).mean(axis=0), (len(parts[-1]), 1)))
        motion = rotation_matrices(moment.rotation), moment.translation
        rest = animation.meshes["head"].rest_vertices
        parts.append(self._collar.shoulders(rest, motion, animation.moments[0].translation))
        if self._hair is not None:
            parts.append(self._hair.place(head))
        drift += [np.zeros_like(part) for part in parts[len(drift) :]]
        vertices = np.concatenate(parts).astype(np.float64)
        return DrawnScene(vertices, np.concatenate(drift), vertex_normals(vertices, self._faces))

    def _sample(self, scene: DrawnScene, shadow: Shadow, offset: np.ndarray, time: float) -> np.ndarray:
        """Linear light of one sample of a picture."""
        camera = self._camera
        shifted = Camera(
            camera.fx, camera.fy, camera.cx + offset[0], camera.cy + offset[1], camera.width, camera.height
        )
        vertices = scene.vertices + time * scene.drift
        raster = rasterize(vertices, self._faces, shifted)
        seen = raster.covered
        values = np.concatenate(
            [scene.normals, scene.vertices, self._texel, self._colour, self._mix[:, None], self._ao[:, None]], axis=1
        ).astype(np.float32)
        at = interpolate(raster, self._faces, values)
        normal = at[:, :3] / (np.linalg.norm(at[:, :3], axis=1, keepdims=True) + 1e-9)
        point = at[:, 3:6]
        toward = -point / np.linalg.norm(point, axis=1, keepdims=True)
        normal = np.where((normal * toward).sum(axis=1, keepdims=True) < -0.1, -normal, normal)
        colour = self._skins.lookup(at[:, 6:8], self._tint)
        mix = at[:, 11:12]
        rough = 1 + ROUGH * np.where(mix > 0.5, 1.0, 0.3) * self._rng.normal(size=(len(at), 1))
        colour = np.clip((colour + mix * (at[:, 8:11] - colour)) * rough, 0, 1) ** GAMMA
        dark = at[:, 12] * crevices(raster.depth, seen, camera.fx)
        picture = self._background.copy()
        picture[seen] = self._lights.reflected(colour, normal, point, toward, dark, shadow)
        return picture

    def _developed(self, light: np.ndarray) -> np.ndarray:
        """Exposed, with the camera's noise and compression."""
        noise, quality, balance = self._finish
        if self._exposure is None:
            middle = light[light.shape[0] // 4 : 3 * light.shape[0] // 4, light.shape[1] // 4 : 3 * light.shape[1] // 4]
            self._exposure = float(self._rng.uniform(0.55, 0.95)) / max(float(np.percentile(middle, 97)), 0.02)
        picture = np.clip(light * self._exposure * (1 + balance), 0, 1) ** (1 / GAMMA)
        picture = np.clip(picture + self._rng.normal(0, noise, picture.shape), 0, 1)
        encoded = cv2.imencode(".jpg", (picture * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))

    def _draw_background(self, rng: np.random.Generator) -> np.ndarray:
        """(h, w, 3) linear light."""
        width, height = self._camera.width, self._camera.height
        cells = {"plain": 1, "gradient": 2, "blobs": int(rng.integers(4, 9)), "checks": int(rng.integers(5, 12))}
        count = cells[self._recipe.background]
        grid = _muted(rng.uniform(0, 1, (count, count, 3)), rng.uniform(0.1, 0.7))
        grid = np.clip(grid * rng.uniform(0.3, 1.0), 0, 1) ** GAMMA
        way = cv2.INTER_NEAREST if self._recipe.background == "checks" else cv2.INTER_CUBIC
        return np.clip(cv2.resize(grid, (width, height), interpolation=way), 0, 1).astype(np.float64)


def _muted(colours: np.ndarray, saturation: float) -> np.ndarray:
    """(..., 3) colours nearer to their greys."""
    grey = colours.mean(axis=-1, keepdims=True)
    return np.asarray(grey + saturation * (colours - grey))


def _plain(faces: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, ...]:
    """A piece without a painting."""
    return faces, np.zeros((len(colour), 2)), colour, np.ones(len(colour)), np.ones(len(colour))


def _drift(animation: Animation, name: str, frame: int) -> np.ndarray:
    surface = animation.surfaces[name][frame]
    return np.broadcast_to(animation.drift[name][frame], surface.shape).astype(np.float64)
