"""Capture every video of a folder, one after the other: `python examples/capture_folder.py CLIPS TAKES`.

Run it again after an interruption: finished takes stay as they are, and an unfinished one is continued.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# A capture has threads of its own, and its small matrices gain nothing from those of numpy's BLAS. numpy reads this
# when it is first imported. The `dice` command sets it by itself.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dice_core.capture import capture
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import DiceError
from dice_core.media.formats import VIDEO_SUFFIXES
from dice_core.media.opening import open_footage


def main() -> int:
    """The exit status: 1 where a clip could not be captured."""
    clips, takes = Path(sys.argv[1]), Path(sys.argv[2])
    settings = CaptureSettings(engine="open", hands="auto")
    status = 0
    for clip in sorted(file for file in clips.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES):
        try:
            with open_footage(clip) as footage:
                result = capture(footage, takes / f"{clip.stem}.dicetake", settings)
        except DiceError as error:
            # What a user can mend comes as a DiceError with one sentence. One bad clip must not cost the others.
            print(f"{clip.name}: {error}", file=sys.stderr)
            status = 1
            continue
        print(f"{clip.name}: {result.frames} frames, {len(result.touches)} touches")
    return status


if __name__ == "__main__":
    sys.exit(main())
