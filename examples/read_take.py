"""Read a take with numpy alone: `python examples/read_take.py CLIP.dicetake`.

A take is a folder of `take.json` and `.npz` files. This script imports nothing of this project, so that it can be
copied into another one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def read_arrays(take: Path) -> dict[str, np.ndarray]:
    """Every array of a take over all its frames, by name, for example "head.vertices" (frames, vertices, 3)."""
    info = json.loads((take / "take.json").read_text(encoding="utf-8"))
    # A take holds no pickles: numpy is told to refuse them, so that reading a stranger's take runs none of their code.
    chunks = [np.load(take / chunk["file"], allow_pickle=False) for chunk in info["chunks"]]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0].files}


def main() -> None:
    take = Path(sys.argv[1])
    info = json.loads((take / "take.json").read_text(encoding="utf-8"))
    arrays = read_arrays(take)
    print(f"{len(arrays['frame'])} frames at {info['source']['fps']:g} frames a second")
    for name in info["meshes"]:
        tracked = arrays[f"tracked_{name}"] > 0  # 0 absent, 1 measured, 2 interpolated
        # Vertices are metres in camera space: x right, y down, z forward. The deformation is what the touch adds.
        skin = arrays[f"{name}.vertices"] + arrays[f"{name}.deformation"]
        depth = skin[tracked][..., 2].mean() if tracked.any() else float("nan")
        dent = np.linalg.norm(arrays[f"{name}.deformation"], axis=-1).max() * 1000
        print(f"{name}: in {tracked.mean():.0%} of the frames, {depth:.2f} m away, moved by up to {dent:.1f} mm")
    for touch in info["events"]:
        print(f"{touch['hand']} on {touch['region']}, frames {touch['first_frame']} to {touch['last_frame']}")


if __name__ == "__main__":
    main()
