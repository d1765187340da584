"""How well takes are transferred onto characters, measured on each character's own mesh.

    python tools/benchmark_transfer.py CHARACTERS WORK [--only NAME] [--takes NAME ...] [--held-out] [--keys]

CHARACTERS is a folder of NAME.npz, as tools/make_characters.py writes them; WORK keeps synthetic performances and
what is measured, so that an interrupted run goes on (--again measures anew). docs/transfer.md says what each figure is.
--takes "sample as dice" measures the sample on bodies of the dice engine's form.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dice_core.cli  # noqa: F401 - first, because it says how many threads numpy may use

# isort: split
import numpy as np
from tqdm import tqdm
from transfer.baseline import copied_hand
from transfer.figures import (
    as_mixtures,
    contact_figures,
    hand_tracks,
    jitter,
    key_figures,
    rotation_figures,
    with_gains,
)
from transfer.performances import GESTURES, HELD_OUT, open_performance
from transfer.posing import Posed

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import DiceError
from dice_core.take import Take
from dice_core.transfer.files import Character, read_character
from dice_core.transfer.made_keys import make_keys
from dice_core.transfer.settings import TransferSettings
from dice_core.transfer.solve import Solution, solve_all
from dice_core.transfer.target import TargetHead, understand_head


def main() -> int:
    """Measure, print the table, and write the figures where asked to."""
    options = _parser().parse_args()
    names = sorted(path.stem for path in options.characters.glob("*.npz"))
    names = [name for name in names if not options.only or name in options.only]
    takes = options.takes or (list(HELD_OUT) if options.held_out else ["sample", *GESTURES])
    options.work.mkdir(parents=True, exist_ok=True)
    results = []
    for name in tqdm(names, disable=not sys.stderr.isatty()):
        character = read_character(options.characters / f"{name}.npz")
        head = cache(partial(understand_head, character, lambda: None))
        keys = cache(lambda character=character, head=head: _keys(character, head()))
        if options.keys:
            print(f"{name:24} {_key_line(keys())}", flush=True)
            continue
        for take in takes:
            file = options.work / f"{name}--{take.replace(' ', '_')}.json"
            if options.again or not file.exists():
                try:
                    measured = _measure(character, open_performance(take, options.work), head) | {
                        "keys": (keys() or {}).get("explained")
                    }
                except DiceError as error:
                    measured = {"error": str(error)}
                file.write_text(json.dumps({"character": name, "take": take} | measured), encoding="utf-8")
            results.append(json.loads(file.read_text()))
            print(_line(results[-1]), flush=True)
    if options.keys:
        return 0
    print()
    print(_table(results))
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("characters", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", action="append", metavar="NAME", help="this character; may be given again")
    parser.add_argument("--takes", nargs="+", metavar="NAME")
    parser.add_argument("--held-out", action="store_true", help="the performances that nothing was tuned on")
    parser.add_argument("--keys", action="store_true", help="measure made keys alone")
    parser.add_argument("--again", action="store_true", help="measure anew what WORK holds")
    parser.add_argument("--json", type=Path)
    return parser


def _measure(character: Character, take: Take, head: Callable[[], TargetHead]) -> dict[str, Any]:
    begun = time.process_time()
    target = head()
    understood = time.process_time() - begun
    solution = solve_all(take, character, TransferSettings(), target=target)
    seconds = time.process_time() - begun
    performance = solution.performance
    posed = Posed(character, solution.motion)
    result: dict[str, Any] = {
        "seconds": seconds,
        "of_which_head": understood,
        "frames": len(performance.frame),
        "warnings": solution.motion.report["warnings"],
        "hands": {},
    }
    for side, frames in solution.hands.items():
        tracked = performance.hands[side].tracked
        tracks = hand_tracks(solution, posed, frames.rig, tracked)
        own = _plain(contact_figures(target, performance, side, frames.rig, tracks))
        copied = replace(tracks, skin=copied_hand(performance, side, frames.rig), face=tracks.bare)
        own["baseline"] = _plain(contact_figures(target, performance, side, frames.rig, copied))
        own["rotation_degrees"] = [float(x) for x in np.round(rotation_figures(solution, performance, side), 2)]
        source = performance.hands[side].vertices[:, frames.samples].astype(float)
        places = frames.rig.places.chosen(frames.samples)
        moved = np.array([places.of(skin) for skin in tracks.skin])
        own["jitter"] = [jitter(moved, tracked), jitter(source, tracked)]
        result["hands"][side] = own
    result["head_degrees"] = _head_degrees(solution)
    return result


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    return figures | {"distances": [float(x) for x in np.round(figures["distances"], 5)]}


def _keys(character: Character, target: TargetHead) -> dict[str, float] | None:
    """How much of a character's own expressions keys that are made for it explain; None where it has none."""
    if len({row["source"] for row in character.expressions}) < len(EXPRESSION_NAMES) - 2:
        return None
    made = make_keys(target, eyes_by_bone=False, should_stop=lambda: None)
    used = target.skin_vertices
    true: dict[str, np.ndarray] = {}
    for row in character.expressions:
        # One expression may be two keys, such as a left and a right half.
        rows = [k for k, key in enumerate(character.shape_key_names) if key == row["target"]]
        delta = character.shape_key_deltas[rows].sum(axis=0)[used]
        true[row["source"]] = true.get(row["source"], np.zeros_like(delta)) + delta
    names = [name for name in EXPRESSION_NAMES if name in true]
    ours = np.array([made.deltas[EXPRESSION_NAMES.index(name)][used] for name in names])
    theirs = np.array([true[name] for name in names])
    return {
        "explained": key_figures(ours, theirs),
        "with gains": key_figures(with_gains(ours, theirs), theirs),
        "as mixtures": key_figures(as_mixtures(ours, theirs), theirs),
    }


def _head_degrees(solution: Solution) -> float:
    """Largest angle between the head bone's turn and the take's."""
    if "head" not in solution.motion.role_names:
        return 0.0
    row = solution.motion.role_names.index("head")
    bone = solution.target.character.bone_names.index(solution.motion.bone_names[row])
    rest = solution.target.character.bone_matrices[bone, :3, :3]
    turn = solution.motion.pose_matrices[:, row, :3, :3] @ np.linalg.inv(rest)
    axes = solution.target.similarity.rotation
    wanted = axes @ solution.performance.rotation @ axes.T
    trace = np.trace(turn @ np.swapaxes(wanted, 1, 2), axis1=1, axis2=2)
    return float(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))).max())


def _key_line(keys: dict[str, float] | None) -> str:
    if keys is None:
        return "has no keys of its own"
    return "  ".join(f"{name} {100 * value:4.1f} %" for name, value in keys.items())


def _line(result: dict[str, Any]) -> str:
    title = f"{result['character']:24} {result['take']:16}"
    if "error" in result:
        return f"{title} {result['error']}"
    return f"{title} {_summary([result])}"


def _table(results: list[dict[str, Any]]) -> str:
    good = [result for result in results if "error" not in result]
    lines = []
    for part in ("character", "take"):
        names = dict.fromkeys(result[part] for result in good)
        lines += [f"{name:41} {_summary([one for one in good if one[part] == name])}" for name in names]
        lines.append("")
    able = [result for result in good if not _limited(result)]
    unable = [result for result in good if _limited(result)]
    lines.append(f"{'hands that can show the gesture':41} {_summary(able)}")
    lines.append(f"{'hands of which the report says they cannot':41} {_summary(unable)}")
    lines.append(f"{'all':41} {_summary(good)}")
    lines.append(f"{'baseline: copied rotations, wrist IK':41} {_summary(good, baseline=True)}")
    return "\n".join(lines)


def _limited(result: dict[str, Any]) -> bool:
    """Whether the transfer itself says that the character's hand cannot show what the take's does."""
    return any(
        reason in words for words in result["warnings"] for reason in ("for the face (", "bones for its fingers")
    )


def _summary(results: list[dict[str, Any]], baseline: bool = False) -> str:
    hands = [hand for result in results for hand in result["hands"].values()]
    own = [hand["baseline"] for hand in hands] if baseline else hands
    if not own:
        return "no hands"
    touching, free = sum(h["touching"] for h in own), sum(h["free"] for h in own)
    kept = 100 * sum(h["kept"] for h in own) / max(touching, 1)
    added = 100 * sum(h["added"] for h in own) / max(touching + free, 1)
    distance = np.concatenate([np.array(h["distances"]) / h["face_height"] * 100 for h in own])
    middle, high = np.percentile(distance, [50, 95]) if len(distance) else (0.0, 0.0)
    text = f"kept {kept:5.1f} %  distance {middle:4.1f} / {high:4.1f} %  added {added:4.1f} %"
    text += f"  deepest {1000 * max(h['deepest'] for h in own):4.1f} mm"
    if baseline:
        return text
    angles = np.concatenate([np.array(h["rotation_degrees"]) for h in hands])
    shake = sum(h["jitter"][0] for h in hands) / max(sum(h["jitter"][1] for h in hands), 1e-12)
    text += f"  turn {np.median(angles) if len(angles) else 0:4.1f} deg  jitter {shake:4.2f}"
    keys = [result["keys"] for result in results if result["keys"] is not None]
    if keys:
        text += f"  keys {100 * np.mean(keys):4.1f} %"
    return text + f"  {max(result['seconds'] for result in results):5.1f} s"


if __name__ == "__main__":
    sys.exit(main())
