"""Metrics as text for a person to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["format_metrics", "format_table", "format_touch"]

_NONE = "-"
_LABEL_WIDTH = 24


def format_metrics(metrics: dict[str, Any]) -> str:
    """Metrics of one take, or a summary of several, a line each.

    metrics : as `measure`, `measure_tracking` or `summarise` return them; what they lack has no line.
    """
    tracked = ", ".join(f"{_title(name)} {100 * share:.0f} %" for name, share in metrics["tracked"].items())
    lines = [_line("takes", str(metrics["takes"]))] if "takes" in metrics else []
    lines += [_line("frames", str(metrics["frames"])), _line("tracked", tracked or "nothing")]
    for name, error in metrics["landmark_error_percent"].items():
        size = "of the eyes' distance" if name == "head" else "of the hand's size"
        text = f"median {error['median']:.2f} %, 95th percentile {error['p95']:.2f} % {size}" if error else _NONE
        lines.append(_line(f"landmarks, {_title(name)}", text))
    lines.append(_line("frames with a hand", str(metrics["hand_frames"])))
    if "non_col_percent" in metrics:
        lines += _plausibility_lines(metrics)
    lines.append(_line("jitter", _number(metrics["jitter_mm"], "mm", 3)))
    for name, told in metrics.get("reliability", {}).items():
        if told is not None:
            shares = ", ".join(f"{key} in {100 * told[key]:.0f} %" for key in ("right", "sure", "unsure"))
            lines.append(_line(f"probably, {_title(name)}", f"{shares} of the frames"))
    if "compared_frames" in metrics:
        lines += _truth_lines(metrics)
    touches = [format_touch(event) for event in metrics["touches"]]
    if touches:
        lines.append("touches")
        lines += [f"  {touch}" for touch in touches]
    return "\n".join(lines)


def format_table(rows: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """A line for each take.

    rows : name and metrics of each, as `measure` returns them.
    """
    header = ("take", "frames", "head %", "hand %", "Non.Col %", "deepest mm", "touch", "regions")
    table = [header]
    for name, metrics in rows:
        errors = metrics["landmark_error_percent"]
        hands = [errors[mesh]["median"] for mesh in errors if mesh != "head" and errors[mesh]]
        head = errors.get("head")
        regions = dict.fromkeys(f"{_side(event)} hand {event['region']}" for event in metrics["touches"])
        table.append(
            (
                name,
                str(metrics["frames"]),
                f"{head['median']:.2f}" if head else _NONE,
                f"{max(hands):.2f}" if hands else _NONE,
                _number(metrics["non_col_percent"], "", 1),
                _number(metrics["max_penetration_mm"], "", 2),
                str(metrics["touch_frames"]),
                ", ".join(regions) or _NONE,
            )
        )
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def _plausibility_lines(metrics: dict[str, Any]) -> list[str]:
    return [
        _line("free of collision", _number(metrics["non_col_percent"], "%", 1)),
        _line("collision distance", _number(metrics["col_dist_mm"], "mm", 3)),
        _line("deepest penetration", _number(metrics["max_penetration_mm"], "mm", 2)),
        _line("frames with touch", str(metrics["touch_frames"])),
    ]


def _truth_lines(metrics: dict[str, Any]) -> list[str]:
    lines = [
        _line("compared with the truth", f"{metrics['compared_frames']} frames"),
        _line("bodies missed", _number(metrics["missed_percent"], "%", 1)),
        _line("PVE", _number(metrics["pve_mm"], "mm", 2)),
        _line("MPJPE", _number(metrics["mpjpe_mm"], "mm", 2)),
        _line("PA-MPJPE", _number(metrics["pa_mpjpe_mm"], "mm", 2)),
        _line("Touchness", _number(metrics["touchness_percent"], "%", 1)),
        _line("F", _number(metrics["f_percent"], "%", 1)),
    ]
    for name, score in metrics["contact"].items():
        parts = ("f", "precision", "recall", "accuracy")
        text = ", ".join(f"{part if part != 'f' else 'F'} {score[part]:.2f}" for part in parts) if score else _NONE
        lines.append(_line(f"contact, {name}", text))
    return lines


def format_touch(event: dict[str, Any]) -> str:
    """A touch of a take's events as half a sentence."""
    frames = f"frames {event['first_frame']} to {event['last_frame']}"
    return f"{_side(event)} hand on {event['region']}, {frames}, {event['peak_depth_mm']:.1f} mm deep"


def _side(event: dict[str, Any]) -> str:
    return str(event["hand"]).removeprefix("hand_")


def _line(label: str, value: str) -> str:
    return f"{label:<{_LABEL_WIDTH}}{value}"


def _number(value: float | None, unit: str, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f} {unit}".rstrip()


def _title(mesh: str) -> str:
    return {"hand_left": "left hand", "hand_right": "right hand"}.get(mesh, mesh)
