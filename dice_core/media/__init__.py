"""Footage in: images, image sequences and videos, frame by frame as RGB.

This package imports nothing by itself, so that `dice_core.media.formats` can be used where there is no OpenCV.
"""
