"""The panel Character and its operators, with a solver that answers at once."""

from __future__ import annotations

import time
from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender import take_list
from dice_blender.character.joined import bone_called
from dice_blender.character_settings import character_of
from dice_blender.jobs import transfer_job
from dice_blender.scene.animation import curves_of
from dice_core.transfer.files import read_character, write_motion
from tests.blender.ik_rigs import with_pole
from tests.blender.small_character import make_character
from tests.blender.synthetic_motion import FRAMES, synthetic_motion
from tests.blender.synthetic_take import Recipe, write_synthetic_take
from tests.blender.two_armatures import face_alone

pytestmark = pytest.mark.usefixtures("extension")


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A take that is imported, the character beside it selected."""
    folder = tmp_path / "touch.dicetake"
    write_synthetic_take(folder, Recipe(rings=10))
    bpy.ops.dice.import_take(filepath=str(folder), keys="rigged")
    armature, _ = make_character()
    for item in bpy.context.view_layer.objects:
        item.select_set(item == armature)
    return folder


def solved(monkeypatch: pytest.MonkeyPatch, sentence: str = "") -> None:
    """A worker that writes the synthetic motion, or ends with a sentence."""

    class Solver:
        running, stopping, exit_status, drained = False, False, 0, True

        def __init__(self, command: list[str], folder: Path) -> None:
            self.sentence = sentence
            if not sentence:
                write_motion(folder / "motion.npz", synthetic_motion(read_character(folder / "character.npz")))

        def poll(self) -> list[dict]:
            return [{"event": "error", "message": self.sentence}] if self.sentence else []

        def release(self) -> None:
            pass

        def last_lines(self) -> list[str]:
            return []

        def end(self) -> None:
            pass

    monkeypatch.setattr(transfer_job, "Worker", Solver)


def test_the_selected_character_is_found_with_its_bones_and_keys(take: Path) -> None:
    assert bpy.ops.dice.find_character() == {"FINISHED"}
    settings = character_of(bpy.context.scene)
    assert settings.armature.name == "Hero"
    assert settings.head.name == "Hero Body"
    assert sum(bool(row.bone) for row in settings.bones) == 40
    assert {row.name: row.target for row in settings.expressions}["eyeBlinkLeft"] == "eyeBlink_L"


def test_a_take_comes_onto_the_character_and_goes_again(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    before = {action.name for action in bpy.data.actions}
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    armature = bpy.data.objects["Hero"]
    assert armature.animation_data.action.name == "touch"
    assert armature.animation_data.action.frame_range[0] == 1
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    assert bpy.ops.dice.remove_transfer() == {"FINISHED"}
    assert {action.name for action in bpy.data.actions} == before


def test_of_a_trimmed_take_comes_what_its_import_plays(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    entry = bpy.context.scene.dice.takes[0]
    entry.trim_first, entry.trim_last, entry.start = 3, 4, 50
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    armature = bpy.data.objects["Hero"]
    assert tuple(armature.animation_data.action.frame_range) == (52, 53)
    entry.trim_first, entry.trim_last = 1, 2
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    assert tuple(armature.animation_data.action.frame_range) == (50, 51)
    assert not [item for item in bpy.data.objects if "lips" in item.name]  # its touch begins later


def test_a_take_that_is_not_imported_plays_at_its_own_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    scene = bpy.context.scene
    folder = tmp_path / "slow.dicetake"
    write_synthetic_take(folder, Recipe(rings=10, fps=12.0))
    take_list.add(scene, folder)
    armature, _ = make_character()
    armature.select_set(True)
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    assert scene.render.fps == 24
    assert tuple(armature.animation_data.action.frame_range) == (1, 1 + 2 * (FRAMES - 1))


def test_one_undo_takes_all_of_it_back(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    bpy.ops.dice.find_character()

    def everything() -> list[object]:
        body = bpy.data.objects["Hero Body"]
        kinds = (bpy.data.actions, bpy.data.objects, bpy.data.collections, body.vertex_groups)
        keys = sorted(block.name for block in body.data.shape_keys.key_blocks)
        return [keys, *(sorted(entry.name for entry in kind) for kind in kinds)]

    bpy.ops.ed.undo_push(message="before")
    before = everything()
    bpy.ops.dice.transfer()
    assert everything() != before
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert everything() == before


def test_a_corrected_list_is_what_is_used(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    bpy.ops.dice.find_character()
    settings = character_of(bpy.context.scene)
    next(row for row in settings.bones if row.name == "thumb.1.L").bone = ""
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    action = bpy.data.objects["Hero"].animation_data.action
    channels = action.layers[0].strips[0].channelbags[0].fcurves if hasattr(action, "layers") else action.fcurves
    assert not any("LeftHandThumb1" in curve.data_path for curve in channels)


def test_a_solver_that_fails_changes_nothing(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch, "No face was found on Hero Body: set the points of the face by hand.")
    before = {action.name for action in bpy.data.actions}
    with pytest.raises(RuntimeError, match="set the points of the face by hand"):
        bpy.ops.dice.transfer()
    assert {action.name for action in bpy.data.actions} == before
    bpy.ops.dice.cancel_transfer()
    assert transfer_job.current() is None


def test_ik_is_refused_before_anything_is_solved_where_the_rig_has_none(
    take: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved(monkeypatch)
    bpy.ops.dice.find_character()
    character_of(bpy.context.scene).arms = "IK"
    before = {action.name for action in bpy.data.actions}
    with pytest.raises(RuntimeError, match="Hero has no IK controls for its arms: choose FK"):
        bpy.ops.dice.transfer()
    assert transfer_job.current() is None
    assert {action.name for action in bpy.data.actions} == before


def test_ik_controls_are_keyed_where_the_panel_says_so(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    with_pole(bpy.data.objects["Hero"])
    bpy.ops.dice.find_character()
    character_of(bpy.context.scene).arms = "IK"
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    keyed = {curve.data_path for curve in curves_of(bpy.data.objects["Hero"])}
    assert 'pose.bones["reach.L"].location' in keyed
    assert 'pose.bones["elbow.L"].location' in keyed
    assert not any("LeftForeArm" in path and "rotation" in path for path in keyed)


def test_a_face_with_an_armature_of_its_own(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solved(monkeypatch)
    for item in (bpy.data.objects["Hero"], bpy.data.objects["Hero Body"]):
        bpy.data.objects.remove(item)
    body, face = face_alone()
    for item in bpy.context.view_layer.objects:
        item.select_set(item.name == "Mask Body")
    assert bpy.ops.dice.find_character() == {"FINISHED"}
    settings = character_of(bpy.context.scene)
    assert (settings.armature, settings.head.name) == (body, "Mask Body")
    bones = {row.name: row.bone for row in settings.bones}
    assert (bones["head"], bones["jaw"], bones["hand.L"]) == ("Head", "Mask/Jaw", "LeftHand")
    assert bone_called(body, bones["jaw"]) == (face, "Jaw")
    before = {action.name for action in bpy.data.actions}
    assert bpy.ops.dice.transfer() == {"FINISHED"}
    assert body.animation_data.action.name == "touch"
    assert face.animation_data.action.name.startswith("touch")
    assert bpy.ops.dice.make_landmarks() == {"FINISHED"}
    assert {item.data.pose_position for item in (body, face)} == {"REST"}
    assert bpy.ops.dice.remove_landmarks() == {"FINISHED"}
    assert {item.data.pose_position for item in (body, face)} == {"POSE"}
    assert bpy.ops.dice.remove_transfer() == {"FINISHED"}
    assert {action.name for action in bpy.data.actions} == before


def test_without_a_character_it_says_what_to_select(take: Path) -> None:
    bpy.data.objects.remove(bpy.data.objects["Hero"])
    with pytest.raises(RuntimeError, match="select the character"):
        bpy.ops.dice.transfer()


def test_twelve_points_are_made_on_the_face_moved_and_removed(take: Path) -> None:
    bpy.ops.dice.find_character()
    assert bpy.ops.dice.make_landmarks() == {"FINISHED"}
    points = [item for item in bpy.context.scene.objects if item.get("dice_landmark")]
    assert len(points) == 12
    bpy.context.view_layer.update()
    centre = np.array([0, -0.02, 1.65])
    for item in points:
        assert np.linalg.norm(np.array(item.matrix_world.translation) - centre) == pytest.approx(0.1, abs=0.01)
    assert bpy.data.objects["Hero"].data.pose_position == "REST"
    assert bpy.ops.dice.remove_landmarks() == {"FINISHED"}
    assert bpy.data.objects["Hero"].data.pose_position == "POSE"


def test_a_map_is_saved_and_loaded(take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.find_character()
    settings = character_of(bpy.context.scene)
    settings.bones[0].bone = "Neck"
    bpy.ops.dice.save_map(filepath=str(tmp_path / "map.json"))
    bpy.ops.dice.find_again()
    assert settings.bones[0].bone == "Head"
    bpy.ops.dice.load_map(filepath=str(tmp_path / "map.json"))
    assert settings.bones[0].bone == "Neck"


def test_cancelling_ends_a_real_worker(take: Path) -> None:
    scene = bpy.context.scene
    job = transfer_job.start(scene, take, "touch", [], lambda path: path.write_bytes(b"no character"))
    assert job.running
    transfer_job.cancel()
    deadline = time.monotonic() + 20
    while transfer_job.current() is not None and time.monotonic() < deadline:
        transfer_job.run_until_done()
    assert transfer_job.current() is None
