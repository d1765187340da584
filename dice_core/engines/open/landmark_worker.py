"""What runs in the process that finds the landmarks of a clip (`landmark_process`).

It is asked once, for `tracking.clip_landmarks` with its arguments but the last, and answers with a `FirstRow` as soon
as that is read, with each `TrackedFrame`, and with None at the end or the error that has ended it.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from dice_core.own_process import answering, packed
from dice_core.quiet_loading import quiet_loading

__all__ = ["main"]


def main() -> int:
    """Answer the request on standard input; returns the exit status."""
    with answering() as answers:

        def answer(value: object) -> None:
            answers.write(packed(value))
            answers.flush()

        with suppress(BrokenPipeError):  # nobody wants to know any more
            try:
                _serve(answer)
            except BrokenPipeError:
                raise
            except Exception as error:
                answer(error)
        return 0


def _serve(answer: Callable[[object], None]) -> None:
    with quiet_loading():  # here, because a library that cannot be loaded is to be answered, too
        from dice_core.engines.open.tracking import FirstRow, clip_landmarks
        from dice_core.landmarks import loading_networks
        from dice_core.processors import shared_processors

    def read(first: Future[Any]) -> None:
        if not first.cancelled() and first.exception() is None:
            answer(FirstRow(first.result()))

    first: Future[Any] = Future()
    first.add_done_callback(read)
    with loading_networks(), shared_processors():
        try:
            footage, start, state, face_path = pickle.load(sys.stdin.buffer)  # of the process that has started this one
        except EOFError:  # which has ended, or has no clip
            return
        for frame in clip_landmarks(footage, start, state, face_path, first):
            answer(frame)
    answer(None)


if __name__ == "__main__":
    sys.exit(main())
