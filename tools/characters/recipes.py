"""The test characters: who they are, on which rig, with which keys, and what is unusual about their scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .makehuman import Body

__all__ = ["RECIPES", "Recipe"]

_MAN = Body(gender=0.0, age=0.7, muscle=0.75, weight=0.6, height=0.62)
_WOMAN = Body(gender=1.0, age=0.66, muscle=0.5, weight=0.45, height=0.45, origin="asian")
_CHILD = Body(gender=0.6, age=0.36, muscle=0.5, weight=0.55, height=0.5)
_LONG_FACE = Body(
    gender=0.0,
    age=0.85,
    muscle=0.4,
    weight=0.25,
    changes={"head/head-scale-vert-incr": 1.0, "chin/chin-height-incr": 0.8, "head/head-scale-horiz-decr": 0.6},
)
_HUGE_HANDS = Body(
    gender=0.2,
    age=0.7,
    origin="african",
    changes={"hands/l-hand-scale-incr": 1.6, "hands/r-hand-scale-incr": 1.6},
)
_TOON = Body(
    gender=0.9,
    age=0.6,
    changes={
        "eyes/l-eye-scale-incr": 1.0,
        "eyes/r-eye-scale-incr": 1.0,
        "nose/nose-scale-depth-decr": 1.0,
        "nose/nose-scale-horiz-decr": 1.0,
        "nose/nose-scale-vert-decr": 1.0,
    },
)


@dataclass(frozen=True)
class Recipe:
    """A test character.

    body : whose mesh; rig : in the wheel; weights : of that rig; names : style of its bones' names, "" as in the wheel.
    keys : style of its shape keys, "" for none; parts : objects that the mesh is split into, "" for one.
    head : "" for the body's own, "product" for this project's head, "foreign" for one from a file.
    remeshed : whether its triangles are none of MakeHuman's, whose topology this project's head has.
    face_rig : whether the head's meshes have an armature of their own, whose bones copy the body's.
    stylised : whether the eyes are made larger and the rest of the face smaller than any person's.
    scale : of the armature object (x mirrored where negative); unit : metres a unit of the scene.
    """

    body: Body
    rig: str
    weights: str
    names: str = ""
    keys: str = ""
    parts: str = ""
    head: str = ""
    remeshed: bool = False
    face_rig: bool = False
    stylised: bool = False
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn: float = 0.0
    unit: float = 1.0
    subdivision: bool = False
    left_out: frozenset[str] = field(default_factory=frozenset)


_DEFAULT = ("standard/rig.default", "standard/weights.default")
_MIXAMO = ("standard/rig.mixamo", "standard/weights.mixamo")
_MANNEQUIN = ("standard/rig.game_engine", "standard/weights.game_engine")
_CMU = ("standard/rig.cmu_mb", "standard/weights.cmu_mb")
_RIGIFY = ("rigify/rig.human_toes", "rigify/weights.human_toes")

RECIPES: Mapping[str, Recipe] = {
    "man_rigify": Recipe(_MAN, *_RIGIFY, names="rigify", keys="arkit"),
    "woman_mixamo": Recipe(_WOMAN, *_MIXAMO, keys="underscored"),
    "child_mannequin": Recipe(_CHILD, *_MANNEQUIN),
    "long_face_cmu": Recipe(_LONG_FACE, *_CMU, keys="live link"),
    "huge_hands_mixamo": Recipe(_HUGE_HANDS, *_MIXAMO),
    "man_biped_mirrored": Recipe(
        _MAN, *_DEFAULT, names="biped", scale=(-1.0, 1.0, 1.0), place=(1.5, 0.4, 0.2), turn=0.6, subdivision=True
    ),
    "woman_vroid_centimetres": Recipe(_WOMAN, *_DEFAULT, names="vroid", keys="live link", parts="several", unit=0.01),
    "woman_auto_rig_pro": Recipe(_WOMAN, *_DEFAULT, names="arp", keys="character creator"),
    "man_unnamed": Recipe(_MAN, *_MANNEQUIN, names="meaningless", keys="arkit"),
    "product_head_makehuman": Recipe(_WOMAN, *_DEFAULT, keys="underscored", parts="several", head="product"),
    "stylised_metarig": Recipe(_TOON, *_RIGIFY, stylised=True, place=(0.0, -2.0, 0.0)),
    "woman_mixamo_remeshed": Recipe(_WOMAN, *_MIXAMO, keys="underscored", remeshed=True),
    "woman_unreal_two_rigs": Recipe(_WOMAN, *_DEFAULT, names="unreal", keys="arkit", parts="several", face_rig=True),
    "foreign_head_unreal": Recipe(_MAN, *_DEFAULT, names="unreal", keys="foreign", parts="several", head="foreign"),
}
"""Each by its name; `foreign_head_unreal` needs a file with a head."""
