"""The 52 ARKit expressions with the turns of head and eyes, as the CSV file that the app Live Link Face records.

The file's form, and what stands in it, was taken from recordings of the app: see `_YAW_OF_FULL_LOOK` and `timecode`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.rotations import rotation_matrices
from dice_core.interchange.chunks import frame_count, selected_chunks
from dice_core.interchange.output import written_text
from dice_core.take import Take

__all__ = ["COLUMNS", "eye_angles", "head_angles", "timecode", "write_curves"]

_EYE_EXPRESSIONS = ("EyeBlink", "EyeLookDown", "EyeLookIn", "EyeLookOut", "EyeLookUp", "EyeSquint", "EyeWide")

EXPRESSIONS: tuple[str, ...] = (
    *(f"{name}{side}" for side in ("Left", "Right") for name in _EYE_EXPRESSIONS),
    *("JawForward", "JawRight", "JawLeft", "JawOpen"),
    *("MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft"),
    *(f"Mouth{name}{side}" for name in ("Smile", "Frown", "Dimple", "Stretch") for side in ("Left", "Right")),
    *("MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper"),
    *(f"Mouth{name}{side}" for name in ("Press", "LowerDown", "UpperUp") for side in ("Left", "Right")),
    *("BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight"),
    *("CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut"),
)
"""ARKit's names in the order of the app's files, which begin with a capital there."""

ANGLES: tuple[str, ...] = tuple(
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)

COLUMNS: tuple[str, ...] = ("Timecode", "BlendShapeCount", *EXPRESSIONS, *ANGLES)

_TICKS = 60
"""The app counts the last part of its timecodes in sixtieths of a second, at whatever rate it records: files of 30
frames a second count 31.652, 33.651, 35.651."""

_YAW_OF_FULL_LOOK, _PITCH_OF_FULL_LOOK = 0.65, 0.61
"""Radians by which an eye is turned where a weight of eyeLook... is 1. In five recordings of the app, regression of the
eyes' angles on these weights gives 0.58 to 0.70 sideways and 0.53 to 0.61 up and down."""

_FACE_AXES = np.array([1.0, -1.0, -1.0])
"""From camera axes to those of a face that looks into the camera: x to its own left, y up, z out of the face."""


def write_curves(
    take: Take,
    path: Path,
    *,
    frames: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a row for each frame: timecode, 61, the 52 weights exactly as in the take, and nine angles in radians.

    A frame without a head has its timecode and a count of 0 alone, as the app writes where it sees no face.
    frames : A, B for the frames A to B - 1, None for all; progress(done, total) is called after each frame.
    Returns the number of rows.
    Raises InputError for a take without ARKit's expressions, a range without frames, or a path that cannot be written.
    """
    places = _expression_places(take)
    total, done = frame_count(take, frames), 0
    keys = ("tracked_head", "head.expression", "head.rotation")
    with written_text(path) as stream:
        stream.write(",".join(COLUMNS) + "\n")
        for arrays in selected_chunks(take, keys, frames):
            weights = arrays["head.expression"][:, places]
            angles = np.concatenate([head_angles(arrays["head.rotation"][:, 0]), eye_angles(weights)], axis=1)
            for row, second in enumerate(arrays["time"].tolist()):
                values = []
                if arrays["tracked_head"][row]:
                    values = [_shortest(weight) for weight in weights[row]]
                    values += [f"{angle:.10f}" for angle in angles[row] + 0.0]  # no -0
                stream.write(",".join([timecode(second), str(len(values)), *values]) + "\n")
                done += 1
                if progress is not None:
                    progress(done, total)
    return done


def timecode(second: float) -> str:
    """When a frame is shown, `HH:MM:SS:FF.mmm`, where FF.mmm are sixtieths of a second.

    second : from the beginning of the footage.
    """
    ticks, fraction = divmod(round(second * _TICKS * 1000), 1000)
    seconds, ticks = divmod(ticks, _TICKS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{ticks:02d}.{fraction:03d}"


def head_angles(rotation: np.ndarray) -> np.ndarray:
    """How the head is turned against one that looks straight into the camera.

    rotation : (T, 3) axis-angle in camera axes, of a head that looks along -z at rest.
    Returns (T, 3) radians, yaw, pitch and roll: **positive to the subject's own left, up, and towards the own right
    shoulder**. They are put together as Unreal's rotators are: first the roll about the nose's direction, then the
    pitch about the axis through the ears, then the yaw about the vertical.
    """
    matrix = _FACE_AXES[:, None] * rotation_matrices(rotation) * _FACE_AXES
    yaw = np.arctan2(matrix[:, 0, 2], matrix[:, 2, 2])
    pitch = np.arcsin(np.clip(matrix[:, 1, 2], -1, 1))
    roll = np.arctan2(matrix[:, 1, 0], matrix[:, 1, 1])
    return np.stack([yaw, pitch, roll], axis=1)


def eye_angles(weights: np.ndarray) -> np.ndarray:
    """How the eyes are turned in the head, from the weights of the eyeLook... expressions.

    weights : (T, 52) in the order of `EXPRESSIONS`.
    Returns (T, 6) radians, yaw, pitch and roll of the left eye and then of the right. In the app's recordings their
    signs are not the head's: **positive to the subject's own right, and down**; roll is 0.
    """

    def weight(name: str) -> np.ndarray:
        return weights[:, EXPRESSIONS.index(name)].astype(np.float64)

    columns = []
    for side, rightwards, leftwards in (("Left", "In", "Out"), ("Right", "Out", "In")):
        yaw = _YAW_OF_FULL_LOOK * (weight(f"EyeLook{rightwards}{side}") - weight(f"EyeLook{leftwards}{side}"))
        pitch = _PITCH_OF_FULL_LOOK * (weight(f"EyeLookDown{side}") - weight(f"EyeLookUp{side}"))
        columns += [yaw, pitch, np.zeros_like(yaw)]
    return np.stack(columns, axis=1)


def _expression_places(take: Take) -> list[int]:
    """Index of each of `EXPRESSIONS` among the weights of the take. Raises InputError where it has not all of them."""
    head = take.meshes.get("head")
    if head is None:
        raise InputError(f"{take.path} has no head, and so no expressions: use footage in which the face is visible.")
    names = {name[:1].upper() + name[1:]: place for place, name in enumerate(head.shape_key_names)}
    if not names.keys() >= set(EXPRESSIONS) or not take.has("head.expression") or not take.has("head.rotation"):
        raise InputError(
            f"{take.path} has no expressions of ARKit's names, as heads of the {take.info['engine']['name']} engine "
            "lack them: capture with --engine open for these curves."
        )
    return [names[name] for name in EXPRESSIONS]


def _shortest(value: np.float32) -> str:
    """The shortest decimal number that a float32 is read back from unchanged."""
    return np.format_float_positional(value, unique=True, trim="0")
