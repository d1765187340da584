"""Figures of many items as tables: overall, by factor, and by what was replaced by the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.metrics.accuracy import ContactScore

__all__ = ["FACTORS", "format_factors", "format_overall", "format_split", "summary"]

Figures = Sequence[dict[str, Any]]

FREE_FROM = 8.0
"""Millimetres between the skins from which a hand that is called touching is an error."""

GAPS = ((8.0, 20.0), (20.0, 40.0), (40.0, 80.0), (80.0, np.inf))
"""Millimetres, classes of hands that do not touch."""

VARIES = 0.05
"""Deviation of an expression in the truth from which its correlation counts."""

FEWEST = 6
"""Frames from which a correlation is given."""

SHUT = 0.5
"""Weight of a blink from which an eye shows no gaze."""

ROWS: tuple[tuple[str, str, int], ...] = (
    # label, key of a summary, decimals
    ("PVE, mm", "pve", 1),
    ("PVE of the head alone, mm", "pve_head", 1),
    ("MPJPE mean, mm", "mpjpe", 0),
    ("MPJPE median, mm", "mpjpe_median", 0),
    ("PA-MPJPE, mm", "pa_mpjpe", 1),
    ("hand's depth, signed median, mm", "depth", 0),
    ("hand's depth, 90th percentile, mm", "depth_p90", 0),
    ("contact F, head", "f_head", 2),
    ("contact F, hand", "f_hand", 2),
    ("touches missed, %", "missed", 0),
    ("called though 8 mm or more away, %", "called", 0),
    ("hand found, %", "found", 0),
    ("hand on the wrong side, %", "wrong_side", 0),
    ("hands that are not there, % of frames", "phantoms", 0),
    ("face found, %", "face_found", 0),
    ("face landmarks detected, % of eye distance", "detected", 1),
    ("head turn, degrees", "turn", 1),
    ("gaze, degrees", "gaze", 1),
    ("gaze gain, sideways", "gaze_gain", 2),
    ("expressions, correlation", "correlation", 2),
    ("expressions, gain", "gain", 2),
    ("deepest dent of touches, mm", "dent", 1),
    ("its error, median, mm", "dent_error", 1),
    ("identity error, share of the mean head's", "identity", 2),
)

SHORT = {
    "frames": "frames",
    "pve": "PVE",
    "pve_head": "head",
    "mpjpe": "MPJPE",
    "mpjpe_median": "median",
    "pa_mpjpe": "PA",
    "depth": "depth",
    "depth_p90": "p90",
    "f_head": "F head",
    "f_hand": "F hand",
    "missed": "missed",
    "called": "called",
    "found": "found",
    "wrong_side": "wrong",
    "turn": "turn",
    "gaze": "gaze",
    "correlation": "expr.",
    "gain": "gain",
}
"""Columns of the narrow tables."""


def _band(key: str, *edges: float) -> Callable[[dict[str, Any]], str]:
    def name(recipe: dict[str, Any]) -> str:
        value = abs(recipe[key])
        for low, high in zip((0.0, *edges), (*edges, np.inf), strict=True):
            if low <= value < high:
                return f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and more"
        raise AssertionError(value)

    return name


def _aim(recipe: dict[str, Any]) -> str:
    if recipe["gap"] is None:
        return "free"
    return "touch" if recipe["gap"] == 0 else _band("gap", 0.02, 0.04)(recipe) + " m before"


FACTORS: dict[str, Callable[[dict[str, Any]], str]] = {
    "kind": lambda recipe: str(recipe["kind"]),
    "light": lambda recipe: str(recipe["light"]),
    "aim": _aim,
    "field of view": _band("fov", 35, 45, 55),
    "yaw": _band("yaw", 10, 25),
    "pitch": _band("pitch", 10),
    "head's share": _band("head_share", 0.37, 0.46),
    "hands": lambda recipe: " and ".join(recipe["sides"]),
    "gesture": lambda recipe: str(recipe["gesture"]),
    "skin": lambda recipe: str(recipe["tone"]),
    "hair": lambda recipe: f"{recipe['hair']}{', beard' if recipe['beard'] else ''}",
    "background": lambda recipe: str(recipe["background"]),
    "motion blur": lambda recipe: "yes" if recipe["blur"] else "no",
    "frames a second": lambda recipe: f"{recipe['fps']:g}" if recipe["kind"] == "clip" else "still",
}
"""From an item's recipe to its value of a factor."""

OF_ALL = ("kind", "frames a second")
"""Factors that tell clips from stills, or from each other."""


def summary(figures: Figures) -> dict[str, float | None]:
    """Means over the frames, and over the hands in them, of some items.

    figures : as `capturing.figures_of` returns them. Values by the keys of `ROWS`, and "frames"; None where there is
    nothing to measure. Hands that were not found count as touches missed and in the contact F, not in the distances.
    """
    frames = [frame for item in figures for frame in item["frames"]]
    heads = [frame["head"] for frame in frames if frame["head"] is not None]
    hands = [hand for frame in frames for hand in frame["hands"]]
    found = [hand for hand in hands if hand["found"]]
    touching = [hand for hand in hands if hand["touches"]]
    # A hand that was not found cannot be called touching.
    away = [hand for hand in found if hand["gap"] >= FREE_FROM]
    depths = _values(found, "depth")
    joints = _values(found, "mpjpe")
    dents = np.array([head["dent"] for head in heads if head["dent"] is not None]).reshape(-1, 2)
    dents = dents[(dents > 0).all(axis=1)]
    identity = np.array([item["identity"] for item in figures if item["identity"] is not None]).reshape(-1, 2)
    return {
        "frames": float(len(frames)),
        "pve": _mean(_values(heads, "pve")),
        "pve_head": _mean(_values(heads, "pve_head")),
        "mpjpe": _mean(joints),
        "mpjpe_median": float(np.median(joints)) if len(joints) else None,
        "pa_mpjpe": _mean(_values(found, "pa_mpjpe")),
        "depth": float(np.median(depths)) if len(depths) else None,
        "depth_p90": float(np.percentile(np.abs(depths), 90)) if len(depths) else None,
        "f_head": _f([head["contact"] for head in heads if head["contact"] is not None]),
        "f_hand": _f([hand["contact"] for hand in hands]),
        "missed": _percent([not hand["called"] for hand in touching]),
        "called": _percent([hand["called"] for hand in away]),
        "found": _percent([hand["found"] for hand in hands]),
        "wrong_side": _percent([hand["wrong_side"] for hand in found]),
        "phantoms": _percent([frame["phantoms"] > 0 for frame in frames]),
        "face_found": _percent([frame["head"] is not None for frame in frames]),
        "detected": _mean(_values(heads, "detected")),
        "turn": _mean(_values(heads, "turn")),
        **_gaze(heads),
        **_expressions(heads),
        "dent": _mean(dents[:, 0]),
        "dent_error": float(np.median(dents[:, 0] - dents[:, 1])) if len(dents) else None,
        "identity": float(identity[:, 0].sum() / identity[:, 1].sum()) if identity.any() else None,
    }


def format_overall(figures: Figures) -> str:
    """The figures of stills, stills in soft light, and clips, side by side; then false touches by gap."""
    groups = {
        "stills": [item for item in figures if item["recipe"]["kind"] == "still"],
        "in soft light": [i for i in figures if i["recipe"]["kind"] == "still" and i["recipe"]["light"] == "soft"],
        "clips": [item for item in figures if item["recipe"]["kind"] == "clip"],
    }
    sums = {f"{name} ({len(items)})": summary(items) for name, items in groups.items() if items}
    table = [["", *sums]]
    table += [[label, *(_text(each[key], digits) for each in sums.values())] for label, key, digits in ROWS]
    found = [hand for item in figures for frame in item["frames"] for hand in frame["hands"] if hand["found"]]
    gaps = []
    for low, high in GAPS:
        called = [hand["called"] for hand in found if low <= hand["gap"] < high]
        title = f"{low:g} to {high:g} mm" if np.isfinite(high) else f"{low:g} mm and more"
        gaps.append(f"{title} {_text(_percent(called), 0)} % of {len(called)}")
    return f"{_aligned(table)}\n\nCalled touching by the distance of the hand: {'; '.join(gaps)}."


def format_factors(figures: Figures) -> str:
    """A line of figures for each value of each factor, of the stills alone but for `OF_ALL`: a clip's many frames are
    alike, and would outweigh them."""
    table = [["factor", "value", *SHORT.values()]]
    stills = [item for item in figures if item["recipe"]["kind"] == "still"]
    for factor, value_of in FACTORS.items():
        chosen = figures if factor in OF_ALL or not stills else stills
        values = sorted({value_of(item["recipe"]) for item in chosen})
        for number, value in enumerate(values):
            items = [item for item in chosen if value_of(item["recipe"]) == value]
            table.append(["" if number else factor, value, *_cells(summary(items))])
    return _aligned(table)


def format_split(figures: dict[str, Figures]) -> str:
    """A line of figures for each set of stages replaced by the truth."""
    table = [["true instead of found", *SHORT.values()]]
    table += [[replaced, *_cells(summary(items))] for replaced, items in figures.items()]
    return _aligned(table)


def _cells(values: dict[str, float | None]) -> list[str]:
    digits = {key: decimals for _, key, decimals in ROWS}
    return [_text(values[key], digits.get(key, 0)) for key in SHORT]


def _gaze(heads: list[dict[str, Any]]) -> dict[str, float | None]:
    """Angle between the true gaze and the found one, and the gain of its sideways part, where an eye is open."""
    pairs = []
    blinks = [EXPRESSION_NAMES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
    for head in heads:
        found, true = head["gaze"] or (None, None)
        shut = head["expression"][1] is not None and min(head["expression"][1][blink] for blink in blinks) > SHUT
        if found is not None and true is not None and not shut:
            pairs.append((found, true))
    if not pairs:
        return {"gaze": None, "gaze_gain": None}
    angles = np.array(pairs)
    directions = _direction(angles)
    cosine = np.clip((directions[:, 0] * directions[:, 1]).sum(axis=1), -1, 1)
    sideways = angles[:, :, 0] - angles[:, :, 0].mean(axis=0)
    variance = float((sideways[:, 1] ** 2).sum())
    gain = float((sideways[:, 0] * sideways[:, 1]).sum() / variance) if len(pairs) >= FEWEST and variance > 0 else None
    return {"gaze": float(np.degrees(np.arccos(cosine)).mean()), "gaze_gain": gain}


def _direction(angles: np.ndarray) -> np.ndarray:
    """(..., 3) unit vectors of [left, up] (..., 2) in degrees."""
    left, up = np.radians(angles[..., 0]), np.radians(angles[..., 1])
    return np.stack([np.cos(up) * np.sin(left), np.sin(up), np.cos(up) * np.cos(left)], axis=-1)


def _expressions(heads: list[dict[str, Any]]) -> dict[str, float | None]:
    """Correlation of found with true weights and their slope, the mean of the expressions that vary.

    Heads with expressions of another make are left out.
    """
    pairs = [head["expression"] for head in heads if None not in head["expression"]]
    pairs = [(found, true) for found, true in pairs if len(found) == len(true)]
    if len(pairs) < FEWEST:
        return {"correlation": None, "gain": None}
    found, true = np.array(pairs).transpose(1, 0, 2)
    varies = true.std(axis=0) > VARIES
    if not varies.any():
        return {"correlation": None, "gain": None}
    found, true = found[:, varies] - found[:, varies].mean(axis=0), true[:, varies] - true[:, varies].mean(axis=0)
    shared, variance = (found * true).mean(axis=0), (true**2).mean(axis=0)
    # What never moves does not follow: its correlation is 0.
    correlation = shared / np.maximum(found.std(axis=0) * np.sqrt(variance), 1e-9)
    return {"correlation": float(correlation.mean()), "gain": float((shared / variance).mean())}


def _f(counts: list[list[int]]) -> float | None:
    """F of contact, all frames together; None where nothing touches and nothing is called."""
    total = np.array(counts).reshape(-1, 4).sum(axis=0)
    if not total[:3].any():
        return None
    result = ContactScore(*total.tolist()).result()
    return None if result is None else result["f"]


def _values(rows: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([row[key] for row in rows if row.get(key) is not None], float)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _percent(values: list[bool]) -> float | None:
    return 100 * float(np.mean(values)) if values else None


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _aligned(table: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )
