"""Train the networks that read faces: dice_core/fitting/assets/face_expression.npz and face_shape.npz.

    pip install -e '.[test]'
    python tools/bake_expression_network.py render [--pieces A:B]
    python tools/bake_expression_network.py train [--device cuda]
    python tools/bake_expression_network.py both-ways
    python tools/bake_expression_network.py shape
    python tools/bake_expression_network.py ablate [--device cuda]
    python tools/bake_expression_network.py agree CLIPS SCORES.npz [NETWORK.npz ...]

`render` draws heads with known expressions and keeps what the face network sees of them, in pieces of 1200 heads:
about 75 ms a head, a minute and a half a piece on a core that has nothing else to do. Several processes may share the
pieces. Half of the people are of ICT-FaceKit's making, in whole or in part, which has to be there: `dice models add`
its folder first. `train` learns expressions, gaze and head turn from the pieces, 15 minutes on two cores, less than one
on a graphics card, and writes their asset, as `both-ways` does alone with amplitude and doubt of what is read of a face
and its mirror image together; then it does what `shape` does alone: it learns the shape of the head from the first 14
pieces, as the packaged network reduces what it reads of them, in a minute. `ablate` learns from parts of the inputs,
and prints how well each does on heads of other people, which nothing was learned from. `agree` compares what networks
(the packaged one, if none is named) read of real people in a folder of clips with MediaPipe's blendshapes, which
tools/mediapipe_blendshapes.py wrote. All seeds are fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import dice_core.cli  # noqa: E402, F401 - first, because it says how many threads numpy may use

# isort: split
import cv2  # noqa: E402
import numpy as np  # noqa: E402
from expression_network.ablation import ablate, bake  # noqa: E402
from expression_network.agreement import agreement_table, read_faces  # noqa: E402
from expression_network.people import load_models  # noqa: E402
from expression_network.samples import Samples, load_samples, make_piece  # noqa: E402
from expression_network.shape_reading import learn_shape, share_missed  # noqa: E402
from expression_network.training import calibrate_together  # noqa: E402

from dice_core.fitting.expression_prior import EXPRESSION_ASSET, ExpressionPrior  # noqa: E402
from dice_core.fitting.packaged_weights import packaged_weights  # noqa: E402
from dice_core.fitting.shape_prior import SHAPE_ASSET  # noqa: E402

SEED, PIECES = 1, (*range(65), *range(66, 86, 2))
"""Of the heads; the pieces that are rendered."""
OTHERS = (1, 2, 3)
"""The pieces of other people, which set amplitude and doubt, and measure."""
LEARNED = tuple(piece for piece in PIECES if piece not in OTHERS)
LEARNED_SHAPES = tuple(piece for piece in LEARNED if piece < 14)


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("render", "train", "both-ways", "shape", "ablate", "agree"))
    parser.add_argument("files", nargs="*", type=Path, help="of agree: CLIPS SCORES.npz [NETWORK.npz ...]")
    parser.add_argument("--work", type=Path, default=Path("build/expression_network"), help="folder for the pieces")
    parser.add_argument("--pieces", default=f"{PIECES[0]}:{PIECES[-1] + 1}", help="A:B, B excluded, of those in use")
    parser.add_argument("--device", default="cpu", help="of torch, to learn on")
    options = parser.parse_args()
    if (options.command == "agree") != (len(options.files) >= 2):
        parser.error("agree takes a folder of clips and a file of scores, the other commands take no files")
    cv2.setNumThreads(1)
    if options.command == "agree":
        clips, told, *networks = options.files
        for line in agreement_table(networks or [EXPRESSION_ASSET], read_faces(clips, told)):
            print(line, flush=True)
        return
    if options.command == "render":
        models = load_models()
        first, last = map(int, options.pieces.split(":"))
        for piece in sorted(set(PIECES) & set(range(first, last))):
            make_piece(options.work, SEED, piece, models)
        return
    others = load_samples(options.work, SEED, OTHERS)
    if options.command == "both-ways":
        write(EXPRESSION_ASSET, packaged_weights(EXPRESSION_ASSET) | calibrate_together(ExpressionPrior.load(), others))
        return
    if options.command == "shape":
        write_shape(load_samples(options.work, SEED, LEARNED_SHAPES), others)
        return
    learned = load_samples(options.work, SEED, LEARNED)
    print(f"{len(learned.head)} faces to learn from, {len(others.head)} of other people")
    if options.command == "ablate":
        ablate(learned, others, options.device, print)
        return
    write(EXPRESSION_ASSET, bake(learned, others, options.device))
    write_shape(load_samples(options.work, SEED, LEARNED_SHAPES), others)


def write_shape(learned: Samples, others: Samples) -> None:
    """Learn the shape of heads, write the asset, and print how well it does."""
    weights = learn_shape(learned, others)
    write(SHAPE_ASSET, weights)
    print(f"{share_missed(weights, learned, others):.3f} of the mean head's error")


def write(asset: Path, weights: dict[str, np.ndarray]) -> None:
    """Write an asset, and its checksum into the notice beside it."""
    # Compressed it is a fourteenth smaller, and takes three times as long to read.
    np.savez(asset, **weights)
    digest = hashlib.sha256(asset.read_bytes()).hexdigest()
    notice = asset.with_name("LICENSES.md")
    pattern = rf"(`{asset.name}`.*?`)[0-9a-f]{{64}}`"
    notice.write_text(re.sub(pattern, rf"\g<1>{digest}`", notice.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
