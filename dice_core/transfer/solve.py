"""The whole solve: a take's performance as the motion of a character."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import DiceError, InputError, Stopped
from dice_core.take import Take
from dice_core.transfer.arm_motion import ArmMotion, hand_weights, move_arm
from dice_core.transfer.dents import DentKeys, Pressed, compressed, press
from dice_core.transfer.expressions import ExpressionCurves, apply_table, key_deltas
from dice_core.transfer.face_frames import FaceFrames
from dice_core.transfer.files import Character, Motion
from dice_core.transfer.hand_motion import HandFrames, move_hand
from dice_core.transfer.hand_rig import HandRig, rig_hand
from dice_core.transfer.head_motion import BoneMotion, head_motion
from dice_core.transfer.made_keys import MadeKeys, make_keys
from dice_core.transfer.performance import Performance, read_performance
from dice_core.transfer.report import solve_report
from dice_core.transfer.settings import TransferSettings
from dice_core.transfer.target import TargetHead, understand_head
from dice_core.transfer.touches import ContactGroups, anchors, contact_groups

__all__ = ["Solution", "solve", "solve_all"]

_log = logging.getLogger(__name__)

DEFAULT_FPS = 24.0
"""Frames a second where a take has none, being of a still."""

HEAD_STEPS, KEY_STEPS = 30, 15
"""Frames' worth of progress of finding the head, and of making keys."""

Progress = Callable[[int, int], bool]
"""Called with what is done and the whole; returns whether to go on."""


@dataclass(frozen=True)
class Solution:
    """A motion, and what it was made from, for measuring."""

    motion: Motion
    target: TargetHead
    performance: Performance
    hands: dict[str, HandFrames]
    arms: dict[str, ArmMotion]
    pressed: Pressed | None
    faces: FaceFrames


def solve(take: Take, character: Character, settings: TransferSettings, progress: Progress | None = None) -> Motion:
    """Put a take's performance onto a character.

    progress : called with finished and total steps; returns False to stop.
    Raises InputError where the take or the character lacks what is needed, TransferStopped on request.
    """
    return solve_all(take, character, settings, progress).motion


def solve_all(
    take: Take,
    character: Character,
    settings: TransferSettings,
    progress: Progress | None = None,
    target: TargetHead | None = None,
) -> Solution:
    """As `solve`, with the stages between. target : the character's head where it is known from another take."""
    sides = tuple(side for side in ("left", "right") if settings.wants(side))
    performance = read_performance(take, sides, _Steps(progress, HEAD_STEPS).check)
    frames, fps = len(performance.frame), performance.fps or DEFAULT_FPS
    steps = _Steps(progress, HEAD_STEPS + KEY_STEPS + frames * (len(performance.hands) + bool(performance.hands)))
    _check_hands(character, performance, settings)
    target = target or understand_head(character, steps.check)
    steps.advance(HEAD_STEPS)
    words: list[str] = []
    made, curves, deltas, eyes = _expressions(target, performance, steps, words)
    steps.advance(KEY_STEPS)
    body = head_motion(target, performance, settings.neck_share, eyes=eyes, jaw=_bone_opens_the_jaw(character))
    if "head" not in character.roles:
        words.append("The character has no bone for the head: its turn is left out.")
    faces = FaceFrames(target, deltas, curves.weights, body)
    rigs = _rigs(target, performance, settings, words)
    hands = {
        side: move_hand(target, performance, side, rig, faces, settings.keep_contact, fps, steps.advance)
        for side, rig in rigs.items()
    }
    tracked = {side: performance.hands[side].tracked for side in hands}
    weights = {side: hand_weights(tracked[side], fps) for side in hands}
    arms = {
        side: move_arm(target, hand, side[0].upper(), body, tracked[side], weights[side])
        for side, hand in hands.items()
    }
    pressed, dents, groups = _pressed(target, hands, tracked, faces, settings.dents, frames, steps)
    touches, influence = anchors(target, performance, hands, fps)
    report = solve_report(target, performance, hands, arms, pressed, dents, words)
    roles, bones, matrices = _pose_matrices(character, [body, *(arm.motion for arm in arms.values())], frames)
    motion = Motion(
        frame=performance.frame,
        fps=performance.fps,
        role_names=roles,
        bone_names=bones,
        pose_matrices=matrices,
        hand_weight=np.stack([weights.get(side, np.zeros(frames)) for side in ("left", "right")], axis=1),
        expression_names=curves.names,
        expression_weights=curves.weights,
        made_key_names=made.names,
        made_key_deltas=made.deltas,
        dent_names=dents.names,
        dent_deltas=dents.deltas,
        dent_weights=dents.weights,
        contact_names=groups.names,
        contact_weights=groups.weights,
        contact_curves=groups.curves,
        touches=touches,
        touch_influence=influence,
        report=report,
    )
    steps.finish()
    return Solution(motion, target, performance, hands, arms, pressed, faces)


def _bone_opens_the_jaw(character: Character) -> bool:
    """Whether the character's own keys leave the jaw to a bone."""
    sources = {str(row["source"]) for row in character.expressions}
    return bool(sources) and "jawOpen" not in sources


class TransferStopped(Stopped):
    """The user asked to stop: there is no motion."""

    def __init__(self) -> None:
        DiceError.__init__(self, "Stopped on request: nothing was transferred.")


class _Steps:
    """Progress that stops the work where it is asked to."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def check(self) -> None:
        self.advance(0)

    def advance(self, steps: int) -> None:
        self._done += steps
        if self._progress is not None and not self._progress(min(self._done, self._total), self._total):
            raise TransferStopped

    def finish(self) -> None:
        self.advance(self._total - self._done)


def _expressions(
    target: TargetHead, performance: Performance, steps: _Steps, words: list[str]
) -> tuple[MadeKeys, ExpressionCurves, np.ndarray, bool]:
    """Made keys, curves of all keys, their deltas (E, V, 3), and whether bones turn the eyes."""
    character = target.character
    eye_bones = target.moves_eyes()
    if character.expressions:
        made = MadeKeys((), np.zeros((0, len(character.vertices), 3), np.float32))
        curves = apply_table(character.expressions, performance.expression)
        if curves.unknown:
            words.append(f"No take has these expressions of the table: {', '.join(sorted(set(curves.unknown)))}.")
        looks = any(str(row["source"]).startswith("eyeLook") for row in character.expressions)
        return made, curves, key_deltas(character, curves.names), eye_bones and not looks
    made = make_keys(target, eyes_by_bone=eye_bones, should_stop=steps.check)
    table = [{"source": name, "target": name, "gain": 1.0, "offset": 0.0} for name in EXPRESSION_NAMES]
    return made, apply_table(table, performance.expression), made.deltas, eye_bones


def _check_hands(character: Character, performance: Performance, settings: TransferSettings) -> None:
    """Say at once, before a face is looked for, that hands which are wanted have no bones."""
    for side in performance.hands:
        if settings.hands != "auto" and f"hand.{side[0].upper()}" not in character.roles:
            raise _no_hand(side)
    if performance.hands and character.bone_names and not {"hand.L", "hand.R"} & character.roles.keys():
        raise InputError("The armature has no hands: choose the one that moves the hands, or name their bones.")


def _no_hand(side: str) -> InputError:
    return InputError(
        f"The character's {side} hand was not found: name the bones of the hand and of two fingers at least."
    )


def _rigs(
    target: TargetHead, performance: Performance, settings: TransferSettings, words: list[str]
) -> dict[str, HandRig]:
    """The character's hands that the take moves."""
    rigs = {}
    for side, hand in performance.hands.items():
        rig = rig_hand(target, side, hand.mesh)
        if rig is not None:
            rigs[side] = rig
        elif settings.hands != "auto":
            raise _no_hand(side)
        else:
            words.append(f"The character's {side} hand was not found and rests: name its bones to move it.")
    return rigs


def _pressed(
    target: TargetHead,
    hands: dict[str, HandFrames],
    tracked: dict[str, np.ndarray],
    faces: FaceFrames,
    strength: float,
    frames: int,
    steps: _Steps,
) -> tuple[Pressed | None, DentKeys, ContactGroups]:
    count = len(target.vertices)
    if not hands:
        none = np.zeros((frames, 0), np.float32)
        dents = DentKeys((), np.zeros((0, count, 3), np.float32), none, 0.0)
        return None, dents, ContactGroups((), np.zeros((0, count), np.float32), none)
    pressed = press(target, hands, tracked, faces, lambda: steps.advance(1))
    return pressed, compressed(target, pressed.deformation, strength), contact_groups(target, hands, pressed)


def _pose_matrices(
    character: Character, motions: list[BoneMotion], frames: int
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Roles, bones and world matrices (T, R, 4, 4) of all that moves."""
    roles, bones, matrices = [], [], []
    for motion in motions:
        for k, role in enumerate(motion.roles):
            carry = np.tile(np.eye(4), (frames, 1, 1))
            carry[:, :3, :3], carry[:, :3, 3] = motion.turn[:, k], motion.offset[:, k]
            roles.append(role)
            bones.append(character.bone_names[motion.bones[k]])
            matrices.append(carry @ character.bone_matrices[motion.bones[k]])
    stacked = np.stack(matrices, axis=1) if matrices else np.zeros((frames, 0, 4, 4))
    return tuple(roles), tuple(bones), stacked
