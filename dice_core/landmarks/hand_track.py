"""One hand followed from frame to frame: where it is read next, whether a reading is it, and on which side it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dice_core.landmarks.detections import PRESENCE_THRESHOLD
from dice_core.landmarks.hand import HandReading, hand_size
from dice_core.landmarks.hand_search import NEW_HAND_THRESHOLD
from dice_core.landmarks.ownership import arm_evidence
from dice_core.landmarks.pose import Arms
from dice_core.landmarks.region import Region
from dice_core.landmarks.side import accumulate, evidence

__all__ = ["HandTrack", "continued", "tracks_from_arrays", "tracks_to_arrays"]

TRUST_LIMIT = 0.65
"""A track whose presence falls below this on average over the last frames is dropped: a window that slid from a hand
onto the face can be read as a hand with 0.5 to 0.8; on hands, even half hidden ones, presence stays above 0.9. Set
by hand between the two; which clips the ranges were read from is not recorded."""

TRUST_DECAY = 0.8
"""Share of that average that is kept at the next frame: one blurred frame does not end a track. Set by hand."""

AHEAD = 0.75
"""Share of the last frame's way by which a hand is looked for farther on. Tuned on 21 public clips of signing, tried on
34 others: of hands that move by more than 0.3 of their size in a frame, 40 % were read more than 0.1 of it away from
what the network reads in a window around them, and 25 % are with it; 132 are lost in place of 155."""

SHORTEST_WAY = 0.025
"""Sides of its window that a hand moves in a frame at least, if it is looked for farther on: what is less may be the
jitter of its points. Set by hand: twice as much leaves a part of those hands behind."""

LONGEST_WAY = 1.0
"""Sides of its window that a hand moves in a frame at most; what seems to is another one, or was misread. Set by hand.
"""

REASSOCIATION_DISTANCE = 1.5
"""A hand that is found within so many sizes of itself of where one was lost continues that one's track. Set by hand."""

UNSURE_OF_SIDE = 1.0
"""Log odds of a reading's side below which it may continue a track of the other side: a blurred hand looks like either.
Set by hand."""


@dataclass(frozen=True)
class HandTrack:
    """Where a hand is, the evidence for its side by itself and by its arm, its mean presence, frames since it was seen,
    its number, and its way in the last frame, pixels (None before it is followed)."""

    region: Region
    evidence: float
    arm: float
    trust: float
    missed: int
    number: int
    way: tuple[float, float] | None = None

    @property
    def expected(self) -> Region:
        """Where to read the hand next: farther on, if it moves."""
        if self.way is None or self.missed:
            return self.region
        length = float(np.hypot(*self.way)) / self.region.size
        if length < SHORTEST_WAY:
            return self.region
        share = AHEAD * min(1.0, LONGEST_WAY / length)
        return replace(self.region, x=self.region.x + share * self.way[0], y=self.region.y + share * self.way[1])

    @property
    def right(self) -> float:
        """Log odds for the right hand by all that is known."""
        return self.evidence + self.arm

    def accepts(self, presence: float) -> bool:
        """Whether a reading is this hand; one that was lost has to pass the threshold of a new one."""
        if self.missed:
            return presence >= NEW_HAND_THRESHOLD
        return presence >= PRESENCE_THRESHOLD and self._blend(presence) >= TRUST_LIMIT

    def follow(self, reading: HandReading, region: Region, missed: int) -> HandTrack:
        """The track after a reading."""
        trust = max(self._blend(reading.presence), TRUST_LIMIT if self.missed else 0.0)
        side = accumulate(self.evidence, reading.right)
        way = (region.x - self.region.x, region.y - self.region.y)
        if self.way is None or self.missed or missed:  # the detector's windows are not those around what was read
            way = (0.0, 0.0)
        return replace(self, region=region, evidence=side, trust=trust, missed=missed, way=way)

    def with_arms(self, points: np.ndarray, arms: Arms | None) -> HandTrack:
        """The track after a look at the arms, if there was one; what an earlier one showed holds until it changes."""
        arm = 0.0 if arms is None else arm_evidence(points, arms)
        return replace(self, arm=arm or self.arm)

    def _blend(self, presence: float) -> float:
        return TRUST_DECAY * self.trust + (1 - TRUST_DECAY) * presence


def continued(reading: HandReading, lost: Sequence[HandTrack], arms: Arms | None) -> HandTrack | None:
    """Of some lost tracks the one that a newly found hand continues: of those that can be on its side the nearest one
    that is near or of the same arm; None where there is none. arms : where they are now, if that was looked for."""
    arm = 0.0 if arms is None else arm_evidence(reading.points, arms)
    right = evidence(reading.right) + arm

    def distance(track: HandTrack) -> float:
        return float(np.hypot(track.region.x - reading.region.x, track.region.y - reading.region.y))

    for track in sorted(lost, key=distance):
        near = distance(track) < REASSOCIATION_DISTANCE * hand_size(reading.points)
        if (track.right * right >= 0 or abs(right) < UNSURE_OF_SIDE) and (near or track.arm * arm > 0):
            return track
    return None


def tracks_to_arrays(tracks: Sequence[HandTrack]) -> dict[str, np.ndarray]:
    """Some tracks as plain arrays, as a capture keeps them to go on after a kill."""
    return {
        "hand_regions": np.array([track.region.to_array() for track in tracks]).reshape(-1, 4),
        "hand_evidence": np.array([track.evidence for track in tracks], np.float64),
        "hand_arms": np.array([track.arm for track in tracks], np.float64),
        "hand_trust": np.array([track.trust for track in tracks], np.float64),
        "hand_missed": np.array([track.missed for track in tracks], np.int64),
        "hand_numbers": np.array([track.number for track in tracks], np.int64),
        "hand_ways": np.array([track.way or (0.0, 0.0) for track in tracks], np.float64).reshape(-1, 2),
    }


def tracks_from_arrays(arrays: Mapping[str, np.ndarray]) -> list[HandTrack]:
    """Inverse of `tracks_to_arrays`, which may be among others."""
    columns = ("hand_regions", "hand_evidence", "hand_arms", "hand_trust", "hand_missed", "hand_numbers", "hand_ways")
    return [
        HandTrack(
            Region.from_array(region),
            float(side),
            float(arm),
            float(trust),
            int(missed),
            int(number),
            (float(way[0]), float(way[1])),
        )
        for region, side, arm, trust, missed, number, way in zip(*(arrays[name] for name in columns), strict=True)
    ]
