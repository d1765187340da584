"""Render the sample that the product ships: dice_core/sample/sample.mp4 and its ground truth, sample_truth.dicetake.

    pip install .[blender] scipy imageio-ffmpeg
    python tools/render_sample_clip.py                      the clip, its truth and the checksums in LICENSES.md
    python tools/render_sample_clip.py --truth-only         the truth alone, after a new calibration of the bodies

A hand comes in, presses the cheek with two fingers, slides down to the jaw and leaves. The product's own solver deforms
the skin, and Cycles renders the bodies of the truth. All numbers are fixed: the same machine renders the same pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from pathlib import Path

import cv2
import imageio_ffmpeg

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from sample.physics import FOV_DEGREES, Animation, animate  # noqa: E402
from sample.truth import rewrite_truth, write_truth  # noqa: E402

from dice_core.geometry.camera import Camera  # noqa: E402

FPS = 24.0
QUALITY = 12
"""Constant rate factor of x264: no visible loss, and well under the size that the repository allows."""


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=72, help="length of the clip")
    parser.add_argument("--size", type=int, default=512, help="width and height in pixels, even")
    parser.add_argument("--samples", type=int, default=10, help="Cycles samples a pixel, before denoising")
    parser.add_argument("--output", type=Path, default=ROOT / "dice_core" / "sample", help="folder for clip and truth")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "sample", help="folder for the single pictures")
    parser.add_argument("--only", type=int, nargs="+", help="render these pictures into the work folder, nothing else")
    parser.add_argument("--truth-only", action="store_true", help="rewrite what the truth takes from the bodies' files")
    arguments = parser.parse_args()
    clip, truth = arguments.output / "sample.mp4", arguments.output / "sample_truth.dicetake"
    if arguments.truth_only:
        rewrite_truth(truth, clip)
    else:
        camera = Camera.from_fov(arguments.size, arguments.size, FOV_DEGREES)
        arguments.work.mkdir(parents=True, exist_ok=True)
        animation = animate(arguments.frames, camera)
        pictures = render(animation, camera, arguments)
        if arguments.only:
            return
        arguments.output.mkdir(parents=True, exist_ok=True)
        encode(pictures, clip)
        write_truth(truth, clip, FPS, camera, animation)
    note_checksum(arguments.output / "LICENSES.md", clip)
    megabytes = [sum(f.stat().st_size for f in part) / 1e6 for part in ([clip], filter(Path.is_file, truth.rglob("*")))]
    print(f"{clip.name} {megabytes[0]:.2f} MB, {truth.name} {megabytes[1]:.2f} MB")


def render(animation: Animation, camera: Camera, arguments: argparse.Namespace) -> list[Path]:
    """Render the pictures; returns their files."""
    # Blender takes seconds to load and --truth-only does not need it.
    from sample.scene import SampleScene

    scene = SampleScene(camera, arguments.samples)
    files = []
    for frame in arguments.only or range(arguments.frames):
        begun = time.monotonic()
        files.append(arguments.work / f"{frame:04d}.png")
        scene.render(animation, frame, files[-1])
        print(f"frame {frame}: {time.monotonic() - begun:.1f} s", flush=True)
    return files


def encode(pictures: list[Path], clip: Path) -> None:
    """H.264 with the colours that every player and OpenCV expect."""
    first = cv2.imread(str(pictures[0]))
    writer = imageio_ffmpeg.write_frames(
        str(clip),
        first.shape[1::-1],
        fps=FPS,
        codec="libx264",
        pix_fmt_in="bgr24",
        pix_fmt_out="yuv420p",
        macro_block_size=2,
        quality=None,
        output_params=["-crf", str(QUALITY), "-preset", "veryslow", "-movflags", "+faststart", "-threads", "1"],
    )
    writer.send(None)
    for picture in pictures:
        writer.send(cv2.imread(str(picture)).tobytes())
    writer.close()


def note_checksum(document: Path, clip: Path) -> None:
    """Keep the clip's sha256 in the licence file."""
    if document.exists():
        checksum = hashlib.sha256(clip.read_bytes()).hexdigest()
        text = re.sub(r"(\| `sample\.mp4` \| `)[0-9a-f]*(` \|)", rf"\g<1>{checksum}\g<2>", document.read_text("utf-8"))
        document.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
