"""Bones and shape keys found by their names alone, on the names that rigs in use have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dice_blender.character.bone_names import roles_by_name
from dice_blender.character.expression_names import Expression, match_expressions
from dice_blender.character.mapping import CharacterMap, load_map, save_map
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import InputError

from .rig_names import RIGS


def _sides_complete(expected: dict[str, str]) -> None:
    assert {role[:-2] for role in expected if role.endswith(".L")} == {r[:-2] for r in expected if r.endswith(".R")}


@pytest.mark.parametrize("rig", RIGS)
def test_every_bone_is_found_and_none_is_wrong(rig: str) -> None:
    expected, others = RIGS[rig]
    _sides_complete(expected)
    names = [*others, *expected.values()]
    _, found = roles_by_name(names, moving_skin=expected.values())
    assert found == expected


@pytest.mark.parametrize("rig", ["mixamo", "unreal 5 with a metahuman's face", "vroid studio"])
def test_exporters_prefixes_and_separators_do_not_matter(rig: str) -> None:
    expected, _ = RIGS[rig]
    renamed = {bone: "Armature|ns:" + bone.replace(":", "_") for bone in expected.values()}
    _, found = roles_by_name(renamed.values())
    assert found == {role: renamed[bone] for role, bone in expected.items()}


def test_names_that_say_nothing_are_no_rig() -> None:
    assert roles_by_name([f"Bone.{n:03d}" for n in range(60)]) == ("", {})


def underscored(name: str) -> str:
    for side in ("Left", "Right"):
        if name.endswith(side) and name[: -len(side)] not in ("jaw", "mouth"):
            return f"{name[: -len(side)]}_{side[0]}"
    return name


STYLES = {
    "arkit": lambda name: name,
    "ict and faceit": underscored,
    "live link": lambda name: name[0].upper() + name[1:],
    "maya": lambda name: f"blendShape1.{name}",
    "with dots": lambda name: underscored(name).replace("_", "."),
}


@pytest.mark.parametrize("style", STYLES)
def test_all_expressions_are_found_in_every_spelling(style: str) -> None:
    keys = [STYLES[style](name) for name in EXPRESSION_NAMES]
    found = match_expressions(["Basis", "MouthOpenWide", "browAngry", *keys])
    assert {entry.source: entry.target for entry in found} == dict(zip(EXPRESSION_NAMES, keys, strict=True))


def test_character_creator_with_its_numbers_and_in_its_extended_profile() -> None:
    older = ["A14_Eye_Blink_Left", "A15_Eye_Blink_Right", "A25_Jaw_Open", "A10_Eye_Look_Out_Left", "A01_Brow_Inner_Up"]
    assert {e.source: e.target for e in match_expressions(older)} == {
        "eyeBlinkLeft": "A14_Eye_Blink_Left",
        "eyeBlinkRight": "A15_Eye_Blink_Right",
        "jawOpen": "A25_Jaw_Open",
        "eyeLookOutLeft": "A10_Eye_Look_Out_Left",
        "browInnerUp": "A01_Brow_Inner_Up",
    }
    newer = ["Eye_Blink_L", "Mouth_Smile_R", "Brow_Raise_Inner_L", "Brow_Raise_Inner_R", "Jaw_L", "Mouth_R", "Mouth_L"]
    newer += ["Eye_L_Look_L", "Eye_L_Look_R", "Eye_R_Look_R", "Eye_R_Look_L", "Mouth_Up_Upper_L", "Cheek_Raise_R"]
    found = [(e.source, e.target) for e in match_expressions(newer)]
    assert sorted(found) == sorted(
        [
            ("eyeBlinkLeft", "Eye_Blink_L"),
            ("mouthSmileRight", "Mouth_Smile_R"),
            ("browInnerUp", "Brow_Raise_Inner_L"),
            ("browInnerUp", "Brow_Raise_Inner_R"),
            ("jawLeft", "Jaw_L"),
            ("mouthRight", "Mouth_R"),
            ("mouthLeft", "Mouth_L"),
            ("eyeLookOutLeft", "Eye_L_Look_L"),
            ("eyeLookInLeft", "Eye_L_Look_R"),
            ("eyeLookOutRight", "Eye_R_Look_R"),
            ("eyeLookInRight", "Eye_R_Look_L"),
            ("mouthUpperUpLeft", "Mouth_Up_Upper_L"),
            ("cheekSquintRight", "Cheek_Raise_R"),
        ]
    )


def test_metahumans_curves() -> None:
    names = ["eyeBlinkL", "jawOpen", "mouthCornerPullR", "browRaiseInL", "browRaiseInR", "eyeLookRightL", "jawFwd"]
    found = [(e.source, e.target) for e in match_expressions([f"CTRL_expressions_{name}" for name in names])]
    assert sorted(found) == sorted(
        [
            ("eyeBlinkLeft", "CTRL_expressions_eyeBlinkL"),
            ("jawOpen", "CTRL_expressions_jawOpen"),
            ("mouthSmileRight", "CTRL_expressions_mouthCornerPullR"),
            ("browInnerUp", "CTRL_expressions_browRaiseInL"),
            ("browInnerUp", "CTRL_expressions_browRaiseInR"),
            ("eyeLookInLeft", "CTRL_expressions_eyeLookRightL"),
            ("jawForward", "CTRL_expressions_jawFwd"),
        ]
    )


def test_halves_get_the_weight_of_the_whole() -> None:
    found = match_expressions(["browInnerUp_L", "browInnerUp_R", "cheekPuff_L", "cheekPuff_R"])
    assert [entry.source for entry in found] == ["browInnerUp", "browInnerUp", "cheekPuff", "cheekPuff"]


def test_a_map_survives_its_file(tmp_path: Path) -> None:
    mapping = CharacterMap({"head": "Kopf"}, [Expression("jawOpen", "Mund", 0.8, -0.1)])
    save_map(tmp_path / "map.json", mapping)
    assert load_map(tmp_path / "map.json") == mapping


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no map"),
        ("[]", "no map"),
        (
            json.dumps({"format": "dice-character-map", "version": 1, "bones": {"tail": "x"}, "expressions": []}),
            "roles",
        ),
        (
            json.dumps(
                {
                    "format": "dice-character-map",
                    "version": 1,
                    "bones": {},
                    "expressions": [{"source": "jawOpen", "target": "a", "gain": 1e9}],
                }
            ),
            "gain",
        ),
        ("[" * 100_000, "no map"),
    ],
)
def test_a_map_that_is_none_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_map(path)
    assert str(caught.value).count(". ") == 0
