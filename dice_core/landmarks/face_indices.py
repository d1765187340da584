"""Which of the 478 face landmarks the face network's extra outputs are.

The network gives the lips, both eyes and both irises a second, closer look and returns them as lists of their own.
The order of those lists is a property of the trained network: it is the one in which the network itself picks the
landmarks to look at (attribute `subset_idxs` of its Landmarks2TransformMatrix operators; MediaPipe, Apache-2.0).
"Left" and "right" are the **network's** names here: its left eye is the one on the picture's left, the subject's
right one.
"""

from __future__ import annotations

__all__ = ["EYE_CONTOUR_COUNT", "LEFT_EYE", "LEFT_IRIS", "LIPS", "RIGHT_EYE", "RIGHT_IRIS"]

EYE_CONTOUR_COUNT = 16
"""The first so many of an eye's landmarks are the opening between the lids."""

# fmt: off
LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78, 95, 88,
    178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77, 90, 180, 85, 16,
    315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408, 62, 96, 89, 179, 86, 15, 316, 403, 319,
    325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)
"""Outer and inner contour of the lips, then the rings between them."""

LEFT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26,
    112, 243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223,
    222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66,
    107, 55, 193,
)
"""Eye on the picture's left: the opening, then rings outwards to the brow."""

RIGHT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253,
    252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342,
    445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465,
    383, 300, 293, 334, 296, 336, 285, 417,
)
"""Eye on the picture's right, in the mirrored order."""
# fmt: on

LEFT_IRIS = (468, 469, 470, 471, 472)
RIGHT_IRIS = (473, 474, 475, 476, 477)
"""Centre, then four points around it."""
