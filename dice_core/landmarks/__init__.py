"""Where the face and the hands are in a picture: landmark networks on OpenCV's DNN module, followed over a clip."""

from __future__ import annotations

from dice_core.landmarks.detections import FaceDetection, FrameLandmarks, HandDetection
from dice_core.landmarks.networks import loading_networks, model_identities
from dice_core.landmarks.tracker import LandmarkTracker

__all__ = [
    "FaceDetection",
    "FrameLandmarks",
    "HandDetection",
    "LandmarkTracker",
    "loading_networks",
    "model_identities",
]
