"""Tracking of one face and up to two hands through a clip."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dice_core.errors import ShapeError
from dice_core.landmarks.arm_search import hand_at_arm, hands_by_arms
from dice_core.landmarks.detections import (
    PRESENCE_THRESHOLD,
    FaceDetection,
    FrameLandmarks,
    HandDetection,
    RatedFace,
    Side,
)
from dice_core.landmarks.face import face_tracking_region
from dice_core.landmarks.face_choice import FacePath
from dice_core.landmarks.face_search import FaceSearch
from dice_core.landmarks.hand import HandReading, tracking_region
from dice_core.landmarks.hand_search import HandSearch, best_hands, close_up, same_hand
from dice_core.landmarks.hand_track import HandTrack, continued, tracks_from_arrays, tracks_to_arrays
from dice_core.landmarks.ownership import arm_evidence, is_no_hand
from dice_core.landmarks.pose import Arms
from dice_core.landmarks.region import Region
from dice_core.landmarks.searched_views import SearchedViews
from dice_core.landmarks.side import evidence, resolve

__all__ = ["LandmarkTracker"]

_log = logging.getLogger(__name__)

SEARCH_INTERVAL = 10
"""Frames between searches for a second hand while one is tracked: the palm detector costs 21 ms. Set by hand."""

UNCHANGED_SEARCH_INTERVAL = 30
"""Frames between searches of a picture in which nothing changes and no hand was found. Set by hand."""

LOST_HAND_SEARCH_INTERVAL = 3
"""The same while a hand that was just lost is missing. Set by hand."""

THOROUGH_SEARCH_INTERVAL = 60
"""Frames between searches in turned windows around the face, while a hand is missing: one takes as long as eight to
twenty others. While a hand that was just lost is expected where it was, they wait: one that leaves the picture shows in
every window, is read in each, and found in none. Set by hand."""

ARM_INTERVAL = 10
"""Frames between looks at the arms while a hand is missing: one takes 16 ms, and the hand is then followed back as far
as this. Set by hand."""

LOST_HAND_ARM_INTERVAL = 3
"""The same while a hand that was just lost is missing. Set by hand."""

MAX_MISSED_FRAMES = 8
"""Frames for which a lost face or hand is still expected where it was: about as long as a passing occlusion. Set by
hand."""


class LandmarkTracker:
    """Landmarks of stills (`detect`) and of the successive frames of a clip (`track`).

    The result of `track` depends on nothing but the frame and `state`: a tracker to which another's state was
    restored continues exactly as the other would have.
    """

    def __init__(
        self,
        max_hands: int = 2,
        face_path: FacePath | None = None,
        frame: int = 0,
        idle_interval: int = 1,
        pace: float = 1.0,
    ) -> None:
        """max_hands : how many hands are tracked at most, 1 or 2; face_path : of the face to follow, among others;
        frame : of the path at which tracking begins; idle_interval : frames between searches while no hand is in view,
        more than 1 where hands that are found are followed back; pace : by which the intervals between searches are
        multiplied, below 1 for footage of few frames a second."""
        self.max_hands = max_hands
        self._idle_interval = idle_interval
        self._face_path = face_path
        self._frame = frame
        self._faces = FaceSearch()
        self._search = HandSearch()
        self._pace = pace
        self._searched = SearchedViews(self._interval(UNCHANGED_SEARCH_INTERVAL))
        self._hands: list[HandTrack] = []
        self._face: Region | None = None
        self._face_missed = 0
        self._next_number = 0
        self._frames_to_search = 0
        self._frames_to_arms = 0
        self._next_thorough_search = 0

    def detect(self, image: np.ndarray) -> FrameLandmarks:
        """A still by itself, searched thoroughly; leaves the state of tracking alone.

        image : (h, w, 3) uint8 RGB. Raises ShapeError for anything else.
        """
        _check(image)
        face = self._faces.face(image)
        readings = self._search.hands(image, face, self.max_hands)
        arms = None if face is None else self._search.read_arms(image, face)
        if arms is not None:
            readings = hands_by_arms(self._search, image, arms, readings, self.max_hands)
        by_arm = [0.0 if arms is None else arm_evidence(reading.points, arms) for reading in readings]
        sides = resolve([evidence(reading.right) + arm for reading, arm in zip(readings, by_arm, strict=True)])
        return FrameLandmarks(
            face,
            tuple(
                HandDetection(reading.points, reading.world, side, reading.presence, confidence, reading.region)
                for reading, (side, confidence) in zip(readings, sides, strict=True)
            ),
        )

    def faces(self, image: np.ndarray, known: FaceDetection | None = None) -> list[RatedFace]:
        """All faces of a picture, searched thoroughly; leaves the state of tracking alone.

        image : (h, w, 3) uint8 RGB; known : one that has been read already. Raises ShapeError for anything else.
        """
        _check(image)
        return self._faces.faces(image, known)

    def read_hand(self, image: np.ndarray, region: Region) -> HandReading:
        """What the hand network says of a window of a picture; leaves the state of tracking alone."""
        return self._search.read_hand(image, region)

    def read_mirrored_too(self, image: np.ndarray, hand: HandDetection) -> HandDetection:
        """A hand of a picture with the mirror image of its window read as well: its landmarks are the mean of both, or
        as they are where the mirror image shows no hand. Leaves the state of tracking alone."""
        twin = self._search.read_hand.mirrored(image, hand.region)
        if twin.presence < PRESENCE_THRESHOLD:
            return hand
        return replace(hand, points=(hand.points + twin.points) / 2, world=(hand.world + twin.world) / 2)

    def hand_at_arm(self, image: np.ndarray, face: FaceDetection, side: Side) -> HandReading | None:
        """The hand at the end of an arm of a face's person, None where none is seen; leaves the state of tracking
        alone."""
        arms = self._search.read_arms(image, face)
        return None if arms is None else hand_at_arm(self._search, image, arms, side)

    def track(self, image: np.ndarray) -> FrameLandmarks:
        """The next frame of a clip.

        image : (h, w, 3) uint8 RGB. Raises ShapeError for anything else.
        """
        _check(image)
        face = self._track_face(image)
        self._frame += 1
        return FrameLandmarks(face, self._track_hands(image, face))

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The state of `track` as plain arrays."""
        return {
            **tracks_to_arrays(self._hands),
            "face_region": np.array([] if self._face is None else self._face.to_array()),
            "face_missed": np.array(self._face_missed),
            "frame": np.array(self._frame),
            "next_number": np.array(self._next_number),
            "frames_to_search": np.array(self._frames_to_search),
            "frames_to_arms": np.array(self._frames_to_arms),
            "next_thorough_search": np.array(self._next_thorough_search),
            **self._searched.state,
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from a `state`."""
        self._hands = tracks_from_arrays(state)
        self._face = Region.from_array(state["face_region"]) if len(state["face_region"]) else None
        self._face_missed = int(state["face_missed"])
        self._frame = int(state["frame"])
        self._next_number = int(state["next_number"])
        self._frames_to_search = int(state["frames_to_search"])
        self._frames_to_arms = int(state["frames_to_arms"])
        self._next_thorough_search = int(state["next_thorough_search"])
        self._searched.restore(state)

    def _track_face(self, image: np.ndarray) -> FaceDetection | None:
        """The face where it was or, if there is a path, where that is; otherwise the detected one nearest to there, or
        the largest. Another face than that of the path is not taken.
        """
        path, frame = self._face_path, self._frame
        expected = [] if self._face is None else [self._face]
        expected += [] if path is None else [path.region(frame)]
        for region in expected:
            face = self._faces.read_face(image, region)
            if face.confidence >= PRESENCE_THRESHOLD and (path is None or path.accepts(face, frame)):
                return self._keep_face(image, face)
        regions = self._faces.face_regions(image)
        if expected:
            regions.sort(key=lambda region: np.hypot(region.x - expected[0].x, region.y - expected[0].y))
        else:
            regions.sort(key=lambda region: -region.size)
        for region in regions:
            found = self._faces.new_face(image, region)
            if found is not None and (path is None or path.accepts(found, frame)):
                return self._keep_face(image, found)
        self._face_missed += 1
        if self._face_missed > MAX_MISSED_FRAMES and self._face is not None:
            _log.debug("the face is lost")
            self._face = None
        return None

    def _keep_face(self, image: np.ndarray, face: FaceDetection) -> FaceDetection:
        region = face_tracking_region(face.points)
        self._face = region if region.is_near_image(image) else None
        self._face_missed = 0
        return face

    def _track_hands(self, image: np.ndarray, face: FaceDetection | None) -> tuple[HandDetection, ...]:
        seen, lost = self._follow_hands(image)
        missing = len(seen) < self.max_hands
        just_lost = any(track.missed == 1 for track in lost)
        self._frames_to_search -= 1
        self._frames_to_arms -= 1
        if not seen:
            self._frames_to_search = min(self._frames_to_search, self._idle_interval - 1)
        searching = missing and (just_lost or self._frames_to_search <= 0)
        fresh = self._find_hands(image, face, [reading for reading, _ in seen], bool(lost)) if searching else []
        arms = None
        if face is not None and (fresh or (missing and (just_lost or self._frames_to_arms <= 0))):
            arms = self._search.read_arms(image, face)
        if face is not None and arms is not None:
            fresh = [reading for reading in fresh if not is_no_hand(reading, face, arms)]
            readings = [*(reading for reading, _ in seen), *fresh]
            own = hands_by_arms(self._search, image, arms, readings, self.max_hands)
            fresh = [reading for reading in own if reading not in readings[: len(seen)]]
            seen = [(reading, track) for reading, track in seen if reading in own]
        for reading in fresh:
            track = self._reassociate(reading, lost, arms)
            lost = [other for other in lost if other.number != track.number]
            seen.append((reading, track))
        if searching:
            self._frames_to_search = self._interval(LOST_HAND_SEARCH_INTERVAL if lost else SEARCH_INTERVAL)
        if arms is not None:
            self._frames_to_arms = self._interval(LOST_HAND_ARM_INTERVAL if lost else ARM_INTERVAL)

        followed = []
        for reading, track in seen:
            region = tracking_region(reading.points)
            missed = 0 if region.is_near_image(image) else 1
            sided = track.with_arms(reading.points, arms)
            followed.append(sided.follow(reading, track.region if missed else region, missed))
        self._hands = followed + [track for track in lost if track.missed <= MAX_MISSED_FRAMES]
        sides = resolve([track.right for track in followed])
        return tuple(
            HandDetection(
                reading.points, reading.world, side, reading.presence, confidence, reading.region, track.number
            )
            for (reading, track), (side, confidence) in zip(seen, sides, strict=True)
        )

    def _follow_hands(self, image: np.ndarray) -> tuple[list[tuple[HandReading, HandTrack]], list[HandTrack]]:
        """The readings of the tracked hands that are still there, and the tracks of the others."""
        seen: list[tuple[HandReading, HandTrack]] = []
        lost: list[HandTrack] = []
        for track in self._hands:
            if len(seen) == self.max_hands:
                break
            reading = self._read_followed(image, track)
            if not track.accepts(reading.presence):
                lost.append(replace(track, missed=track.missed + 1))
            elif not any(same_hand(reading.points, other.points) for other, _ in seen):
                seen.append((reading, track))
        return seen, lost

    def _read_followed(self, image: np.ndarray, track: HandTrack) -> HandReading:
        """What is read where a hand is expected, or where it was, if it has turned back."""
        expected = track.expected
        if expected != track.region and expected.is_near_image(image):
            reading = self._search.read_hand(image, expected)
            if track.accepts(reading.presence):
                return reading
        return self._search.read_hand(image, track.region)

    def _find_hands(
        self, image: np.ndarray, face: FaceDetection | None, seen: list[HandReading], lost: bool
    ) -> list[HandReading]:
        """Hands of a frame other than those seen already, by the palm detector, and now and then thoroughly.

        The picture and the surroundings of the face are looked at: both for a second hand, in turns while there is
        none, and then only where something has changed. lost : whether a hand is expected where it was, which is then
        searched for at once, but not thoroughly.
        """
        windows = [None] if (near := close_up(image, face)) is None else [None, near]
        if not seen:
            turn = (self._frame - 1) // self._idle_interval % len(windows)
            is_new = lost or self._searched.is_new(turn, self._frame, image, face)
            windows = [windows[turn]] if is_new else []
        wanted = self.max_hands - len(seen)
        fresh: list[HandReading] = []
        for window in windows:
            if len(fresh) < wanted:
                regions = self._search.hand_regions(image, [*seen, *fresh], window)
                readings = [self._search.refine_hand(image, region) for region in regions[: self.max_hands]]
                fresh += [
                    reading
                    for reading in readings
                    if reading is not None and not any(same_hand(reading.points, old.points) for old in seen)
                ]
        if fresh:
            self._searched.forget()
        due = not lost and self._frame >= self._next_thorough_search
        if due and len(fresh) < wanted and face is not None:
            self._next_thorough_search = self._frame + self._interval(THOROUGH_SEARCH_INTERVAL)
            fresh += self._search.agreed_hand(image, face, [*seen, *fresh])
        return best_hands(fresh, face, wanted)

    def _interval(self, frames: int) -> int:
        return max(1, round(frames * self._pace))

    def _reassociate(self, reading: HandReading, lost: list[HandTrack], arms: Arms | None) -> HandTrack:
        """The lost track that a newly found hand continues, or a new one."""
        track = continued(reading, lost, arms)
        if track is not None:
            return track
        _log.debug("new track %d of a hand", self._next_number)
        self._next_number += 1
        return HandTrack(reading.region, 0.0, 0.0, reading.presence, 0, self._next_number - 1)


def _check(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ShapeError(f"An image has to be (height, width, 3) uint8, not {image.shape} {image.dtype}.")
