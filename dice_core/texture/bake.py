"""Textures from footage: the best frames of a clip, projected onto head and hands and blended.

Frames are chosen by what they add and by how sharp they are, weighed by the angle of view, kept off outlines and off
whatever hides the skin (the other bodies of the take, by the rasteriser's depth), evened in exposure and shading, and
blended in two layers of detail. What no frame shows is neutral skin in the tone of the footage.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from dice_core.errors import InputError, Stopped
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals
from dice_core.media.footage import never
from dice_core.skins import skin_picture
from dice_core.storage import create_fresh, replace_file
from dice_core.take import MESH_TITLES, Take
from dice_core.take.frames import FrameReader
from dice_core.take.recorded_footage import open_recorded
from dice_core.texture.atlas import Atlas, atlas_of
from dice_core.texture.fill import blend, fill, plausible
from dice_core.texture.lighting import Lighting, fit_lighting, from_linear, to_linear
from dice_core.texture.sampling import colours_at
from dice_core.texture.views import CANDIDATES, View, choose_views, look_at, spread

__all__ = ["SIZE", "BakedTextures", "bake_textures"]

_log = logging.getLogger(__name__)

SIZE = 2048
"""Texels along each side."""
PADDING = 16
"""Texels that islands are widened by: what smaller copies of the texture, down to a sixteenth, read beyond an edge."""
PLAIN = (0.80, 0.615, 0.53)
"""sRGB of skin where the body has no packaged one."""
SAMPLES = 20_000
"""Texels by which light and exposures are fitted."""
SEED = 5


@dataclass(frozen=True)
class BakedTextures:
    """files : body name to its PNG; coverage : body name to the share of its skin that the footage shows."""

    files: dict[str, Path] = field(default_factory=dict)
    coverage: dict[str, float] = field(default_factory=dict)


def bake_textures(
    take: Take,
    folder: str | Path,
    *,
    size: int = SIZE,
    footage: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_warning: Callable[[str], None] = lambda sentence: None,
    should_stop: Callable[[], bool] = never,
) -> BakedTextures:
    """Write `folder`/NAME.png for each body of a take that its footage shows, RGB, sRGB, in the mesh's UVs.

    size : texels along each side; footage : where it is, if not where the take says; progress(done, total) is called
    after each step; on_warning : told where the footage is another file than was captured; should_stop : asked at each.
    Raises InputError where the footage is gone or of another size, where no frame shows a body, or where the folder
    cannot be written to, and Stopped; nothing is written then.
    """
    begun = time.monotonic()
    output = Path(folder)
    reader = FrameReader(take)
    names = [name for name in take.meshes if take.meshes[name].uv.any()]
    if take.meshes and not names:
        raise InputError(
            "The bodies of this take have no texture coordinates: capture with the open engine for a texture."
        )
    indices = spread(_measured(take, names), CANDIDATES)
    if not len(indices):
        raise InputError(f"{take.path} shows neither a head nor a hand: capture other footage.")
    total, done = len(indices) + len(names), 0

    def step() -> None:
        nonlocal done
        if should_stop():
            raise Stopped
        done += 1
        if progress is not None:
            progress(done, total)

    views = []
    for view in _views(take, reader, indices, footage, on_warning, should_stop):
        views.append(view)
        step()
    images: dict[str, np.ndarray] = {}
    coverage: dict[str, float] = {}
    for name in names:
        mesh = take.meshes[name]
        chosen = choose_views(views, name, mesh, should_stop)
        if chosen:
            images[name], coverage[name] = _texture(mesh, chosen, size, should_stop)
            _log.info("%s: %d of %d frames, %.0f %% seen", name, len(chosen), len(views), 100 * coverage[name])
        step()
    if not images:
        raise InputError(f"{take.path} has no frame that was measured: capture the footage again.")
    files = _write(output, images)
    _log.info("baked %s in %.1f s", ", ".join(MESH_TITLES[name] for name in files), time.monotonic() - begun)
    return BakedTextures(files, coverage)


def _measured(take: Take, names: list[str]) -> np.ndarray:
    """Frames in which some body is measured, and not interpolated."""
    states = [take.array(f"tracked_{name}") == 1 for name in names]
    seen: np.ndarray = np.logical_or.reduce(states) if states else np.zeros(len(take.frames), bool)
    return take.frames[seen]


def _views(
    take: Take,
    reader: FrameReader,
    indices: np.ndarray,
    place: str | Path | None,
    on_warning: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> Iterator[View]:
    """What some frames of the footage show. Raises InputError where the footage is gone or of another size."""
    try:
        footage, doubt = open_recorded(take, place, should_stop)
        with footage:
            if doubt:
                on_warning(doubt)
            if int(indices[-1]) >= footage.count:
                raise InputError(f"{footage.path} is shorter than the take: give the footage of this take.")
            wanted = set(indices.tolist())
            camera = take.camera.resized(footage.width, footage.height)
            for index, image in footage.frames(int(indices[0]), int(indices[-1]) + 1):
                if index in wanted:
                    yield look_at(reader.read(index), take.meshes, image, camera)
                elif should_stop():
                    raise Stopped
    except InputError as error:
        raise InputError(f"There is no footage to take a texture from: {error}") from error


def _texture(
    mesh: Mesh, chosen: list[tuple[View, float]], size: int, should_stop: Callable[[], bool]
) -> tuple[np.ndarray, float]:
    """The texture (size, size, 3) uint8 RGB of one body, and the share of its skin that was seen."""
    atlas = atlas_of(mesh, size)
    plain = _plain(mesh, atlas)
    shown = [_Shown(view, sharpness, mesh, atlas) for view, sharpness in chosen]
    lighting = _lighting(shown, plain)
    outside = _regions(mesh, atlas, "neck", "wrist", "scalp", "ear.L", "ear.R")
    count = len(atlas.place)
    total, best_weight = np.zeros(count, np.float32), np.zeros(count, np.float32)
    mean, best = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    for number, frame in enumerate(shown):
        if should_stop():
            raise Stopped
        weight, colours, normals = frame.colours(slice(None))
        seen = np.flatnonzero(weight)
        even = lighting.even(colours[seen], normals[seen], number)
        weight[seen] *= plausible(even, outside[seen])
        mean[seen] += weight[seen, None] * even
        total[seen] += weight[seen]
        better = weight[seen] > best_weight[seen]
        best[seen[better]], best_weight[seen[better]] = even[better], weight[seen[better]]
    mean /= np.maximum(total, 1e-9)[:, None]
    colours = fill(atlas, blend(atlas, mean, best, total), total, plain, len(mesh.rest_vertices))
    image = atlas.padded(atlas.image(from_linear(colours)), PADDING)
    # What no skin shows is skin-coloured, too, so that small copies do not darken at the islands' edges.
    image = np.where(image.any(axis=2, keepdims=True), image, from_linear(colours.mean(axis=0)))
    return np.rint(image * 255).astype(np.uint8), float((total > 0).mean())


def _regions(mesh: Mesh, atlas: Atlas, *names: str) -> np.ndarray:
    """(n,) bool: texels of regions, as far as the mesh has them."""
    known = [name for name in names if name in mesh.region_names]
    inside: np.ndarray = mesh.region_vertices(*known)[atlas.corners].any(axis=1)
    return inside


class _Shown:
    """What one frame shows of a body, at texels."""

    def __init__(self, view: View, sharpness: float, mesh: Mesh, atlas: Atlas) -> None:
        self._view, self._sharpness, self._name, self._atlas = view, sharpness, mesh.name, atlas
        self._surface = view.bodies[mesh.name].surface.astype(np.float32)
        self._normals = vertex_normals(self._surface, triangles(mesh))

    def colours(self, part: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (n,), linear colours (n, 3) and normals (n, 3) at some texels."""
        atlas = self._atlas
        some = Atlas(atlas.size, atlas.place[part], atlas.corners[part], atlas.weights[part], atlas.triangles)
        points, normals = some.interpolate(self._surface), some.interpolate(self._normals)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        weight, pixels = self._view.weight(self._name, points, normals)
        colours = np.zeros((len(points), 3), np.float32)
        seen = np.flatnonzero(weight)
        if len(seen):
            colours[seen] = to_linear(colours_at(self._view.image, pixels[seen]) / np.float32(255))
        return weight * np.float32(self._sharpness), colours, normals


def _lighting(shown: list[_Shown], plain: np.ndarray) -> Lighting:
    rng = np.random.default_rng(SEED)
    part = np.sort(rng.choice(len(plain), min(SAMPLES, len(plain)), replace=False))
    sampled = [frame.colours(part) for frame in shown]
    return fit_lighting(
        [colours[weight > 0] for weight, colours, _ in sampled],
        [normals[weight > 0] for weight, _, normals in sampled],
        [weight[weight > 0] for weight, _, _ in sampled],
        [plain[part][weight > 0] for weight, _, _ in sampled],
    )


def _plain(mesh: Mesh, atlas: Atlas) -> np.ndarray:
    """(n, 3) linear RGB of the neutral skin at the texels."""
    path = skin_picture(mesh.attached.layout) if mesh.attached is not None else None
    picture = None if path is None else cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        return np.tile(to_linear(np.array(PLAIN, np.float32)), (len(atlas.place), 1))
    scaled = cv2.resize(picture, (atlas.size, atlas.size), interpolation=cv2.INTER_CUBIC)
    return to_linear(atlas.values(scaled) / np.float32(255))


def _write(folder: Path, images: dict[str, np.ndarray]) -> dict[str, Path]:
    """All files, or none: each under a temporary name first."""
    files = {name: folder / f"{name}.png" for name in images}
    temporaries = {name: folder / f".{name}.png.tmp" for name in images}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in images.items():
            done, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            if not done:
                raise OSError(None, "the picture could not be encoded")
            with create_fresh(temporaries[name]) as file:
                file.write(encoded.tobytes())
        for name, file_path in files.items():
            replace_file(temporaries[name], file_path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{folder} cannot be written to ({reason}): choose another folder with -o.") from error
    finally:
        for temporary in temporaries.values():
            if folder.is_dir():
                temporary.unlink(missing_ok=True)
    return files
