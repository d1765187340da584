"""A part of a solved motion, for a take that is trimmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dice_core.transfer.files import Motion

__all__ = ["trimmed"]


def trimmed(motion: Motion, first: int, last: int) -> Motion:
    """A motion's frames from one to another, both included, with what these need.

    first, last : frames of the footage. Touches that lie outside are left out, and so are dents and groups of contact
    that do nothing between them.
    """
    rows = (motion.frame >= first) & (motion.frame <= last)
    touching = np.array([t["first_frame"] <= last and t["last_frame"] >= first for t in motion.touches], bool)
    dents = np.asarray(motion.dent_weights[rows].any(axis=0))
    contact = np.asarray(motion.contact_curves[rows].any(axis=0))
    return replace(
        motion,
        frame=motion.frame[rows],
        pose_matrices=motion.pose_matrices[rows],
        hand_weight=motion.hand_weight[rows],
        expression_weights=motion.expression_weights[rows],
        dent_names=_chosen(motion.dent_names, dents),
        dent_deltas=motion.dent_deltas[dents],
        dent_weights=motion.dent_weights[rows][:, dents],
        contact_names=_chosen(motion.contact_names, contact),
        contact_weights=motion.contact_weights[contact],
        contact_curves=motion.contact_curves[rows][:, contact],
        touches=[touch for touch, own in zip(motion.touches, touching, strict=True) if own],
        touch_influence=motion.touch_influence[rows][:, touching],
    )


def _chosen(names: tuple[str, ...], which: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(names, which, strict=True) if chosen)
