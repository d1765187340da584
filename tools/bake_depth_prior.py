"""Train the prior on the depth of a hand before a face: dice_core/fitting/assets/hand_depth.npz.

    pip install torch==2.13.0 scipy opencv-python-headless==5.0.0.93
    python tools/bake_depth_prior.py

Two networks are trained, on scenes by a recipe each (tools/depth_prior/recipe.py); what ships is the mean of both.
Three steps for each, which keep their results in the work folder. Simulated scenes are rendered, and the landmark
network finds the hands in them, which shows its errors (about 15 minutes on two cores). Many more scenes are simulated
without pictures and given errors like those (10 minutes). A network learns to predict depth from landmarks (10
minutes). All seeds are fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from depth_prior.errors import LandmarkErrors  # noqa: E402
from depth_prior.heads import MAP_SIZE, SimulatedHead, head_variants, sample_head  # noqa: E402
from depth_prior.interactions import Scenes, sample_scenes  # noqa: E402
from depth_prior.recipe import RECIPES, Recipe  # noqa: E402
from depth_prior.renders import SIZE, detect_rendered  # noqa: E402
from depth_prior.training import train  # noqa: E402

from dice_core.bodies import load_hand, load_head  # noqa: E402
from dice_core.fitting.depth_prior import DEPTH_ASSET, DEPTH_UNIT, depth_features  # noqa: E402
from dice_core.geometry.mesh import triangles  # noqa: E402
from dice_core.landmarks import LandmarkTracker  # noqa: E402
from dice_core.network.training.synthetic.hand_batch import HandModel  # noqa: E402

RENDERS = 2600
SCENES_A_RENDERED_HEAD = 12
SIMULATED = 160_000
SCENES_A_HEAD = 600
VARIANTS = 24
"""Scenes to render, and to simulate without pictures; hands tried before each head; head variants."""

HEAD_SIZE_SIGMA = 0.02
"""Error of the fitted head's size, as a share of it."""

SHAPE_SIGMA, SCALE_SIGMA = 0.7, 0.05
"""Deviations of the simulated hands: of the shape coefficients, and of the size."""


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description="Bake the prior on the depth of hands.")
    parser.add_argument("--work", type=Path, default=Path("build/depth_prior"), help="folder for intermediate files")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    weights = {}
    for k, recipe in enumerate(RECIPES):
        folder = arguments.work / recipe.name.replace(" ", "_")
        folder.mkdir(exist_ok=True)
        network = train(*simulate(recipe, folder), print)
        weights |= {f"{k}.{name}": values for name, values in network.items()}
    DEPTH_ASSET.parent.mkdir(exist_ok=True)
    np.savez(DEPTH_ASSET, **weights)  # compressed it is a fourteenth smaller, and takes three times as long to read
    digest = hashlib.sha256(DEPTH_ASSET.read_bytes()).hexdigest()
    notice = DEPTH_ASSET.with_name("LICENSES.md")
    text = notice.read_text(encoding="utf-8")
    notice.write_text(re.sub(rf"(`{DEPTH_ASSET.name}`.*?`)[0-9a-f]{{64}}`", rf"\g<1>{digest}`", text), encoding="utf-8")


def rendered(recipe: Recipe, work: Path) -> dict[str, np.ndarray]:
    """Hands that the landmark network found in rendered scenes, with the truth."""
    path = work / "rendered.npz"
    if path.exists():
        return dict(np.load(path))
    rng = np.random.default_rng(1)
    head, hand = load_head(), load_hand("right")
    variants = head_variants(head, VARIANTS, rng)
    tracker = LandmarkTracker(max_hands=1)
    columns: dict[str, list[np.ndarray]] = {}
    count = 0
    while count < RENDERS:
        variant = int(rng.integers(VARIANTS))
        simulated = sample_head(recipe, head, variants[variant], rng)
        model = HandModel(hand, rng.normal(0, SHAPE_SIGMA, len(hand.shape_basis)), float(rng.normal(1, SCALE_SIGMA)))
        scenes = sample_scenes(recipe, head, simulated, model, SCENES_A_RENDERED_HEAD, rng)
        found = detect_rendered(head, simulated, model, scenes, tracker, rng)
        count += len(scenes.touching)
        one = {
            "variant": variant,
            "head_rotation": simulated.rotation,
            "head_translation": simulated.translation,
            "front": simulated.front,
            "focal": simulated.camera.fx,
            "hand_shape": model.shape,
            "hand_scale": model.scale,
        }
        rows = {"points": found.points, "world": found.world, "truth": found.truth}
        rows |= {"touching": scenes.touching[found.row], "translation": scenes.batch.translation[found.row]}
        rows |= {"rotation": scenes.batch.rotation[found.row], "angles": scenes.batch.angles[found.row]}
        rows |= {name: np.repeat(np.asarray(value)[None], len(found.row), axis=0) for name, value in one.items()}
        for name, values in rows.items():
            columns.setdefault(name, []).append(values)
        print(f"rendered {count} of {RENDERS}", end="\r", flush=True)
    result = {name: np.concatenate(values) for name, values in columns.items()}
    np.savez_compressed(path, **result)
    return result


def simulate(recipe: Recipe, work: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The training set: features, depths / DEPTH_UNIT, and whether the hand touches."""
    path = work / "simulated.npz"
    if path.exists():
        with np.load(path) as archive:
            return archive["features"], archive["depth"], archive["touching"]
    seen = rendered(recipe, work)
    centre = SIZE / 2 - 0.5
    errors = LandmarkErrors(seen["points"], seen["truth"], seen["focal"] * SIZE / MAP_SIZE, centre)
    print(f"the hand was lost in {errors.share_lost:.0%} of the pictures in which it was found")
    rng = np.random.default_rng(2)
    head, hand = load_head(), load_hand("right")
    variants = head_variants(head, VARIANTS, rng)
    rows, count = [], 0
    while count < SIMULATED:
        simulated = sample_head(recipe, head, variants[int(rng.integers(VARIANTS))], rng)
        model = HandModel(hand, rng.normal(0, SHAPE_SIGMA, len(hand.shape_basis)), float(rng.normal(1, SCALE_SIGMA)))
        scenes = sample_scenes(recipe, head, simulated, model, SCENES_A_HEAD, rng)
        if len(scenes.touching):
            fitted = simulated.as_fitted(recipe.turn_sigma, triangles(head.mesh), rng)
            rows.append(training_examples(fitted, scenes, errors, rng))
            count += len(scenes.touching)
        print(f"simulated {count} of {SIMULATED}", end="\r", flush=True)
    features, depth, touching = (np.concatenate(column) for column in zip(*rows, strict=True))
    np.savez(path, features=features, depth=depth, touching=touching)
    return features, depth, touching


def training_examples(
    simulated: SimulatedHead, scenes: Scenes, errors: LandmarkErrors, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, FEATURE_COUNT), depths (n, 22) and touches (n,) of the hands before one head."""
    flat, estimated = errors.add(scenes.keypoints, rng)
    view, camera = simulated.view(), simulated.camera
    pixels = flat * camera.fx + np.array([camera.cx, camera.cy])
    # The fitted head is not exactly as large as the true one, and its distance is as wrong as the focal length.
    origin = camera.project(view.pose.translation)
    pixels = origin + (pixels - origin) * rng.normal(1, HEAD_SIZE_SIGMA)
    mean = scenes.keypoints[..., 2].mean(axis=1, keepdims=True)
    distance = float(view.pose.translation[2]) * simulated.focal_ratio
    features = depth_features(pixels, estimated * camera.fx / mean, "right", camera, view, distance)
    relative = scenes.keypoints[..., 2] - mean
    from_network = estimated * view.pose.translation[2] / mean
    target = np.concatenate([mean - view.pose.translation[2], relative - from_network], axis=1) / DEPTH_UNIT
    return features, target, scenes.touching


if __name__ == "__main__":
    main()
