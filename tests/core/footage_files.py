"""Pictures and videos of known content, made on the spot, for tests of footage."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """RGB picture whose top left quarter is red, top right green, the rest blue."""
    image = np.full((height, width, 3), BLUE, np.uint8)
    image[: height // 2, : width // 2] = RED
    image[: height // 2, width // 2 :] = GREEN
    return image


def save(path: Path, image: np.ndarray, *options: int) -> Path:
    stored = image[..., ::-1] if image.ndim == 3 and image.shape[2] == 3 else image
    assert cv2.imwrite(str(path), np.ascontiguousarray(stored), list(options))
    return path


def exif(orientation: int) -> bytes:
    """TIFF structure that holds nothing but an orientation."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def turned_jpeg(path: Path, orientation: int) -> Path:
    data = save(path, picture(), cv2.IMWRITE_JPEG_QUALITY, 100).read_bytes()
    body = b"Exif\0\0" + exif(orientation)
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return path


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def save_video(path: Path, count: int, codec: str = "MJPG", fps: float = 25.0) -> Path:
    """Video whose frame k is grey of level 10 k, with a bright top left corner."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for index in range(count):
        frame = np.full((HEIGHT, WIDTH, 3), 10 * index, np.uint8)
        frame[:16, :16] = (0, 0, 255)
        writer.write(frame)
    writer.release()
    return path


def level(image: np.ndarray) -> int:
    """Number of the frame of `save_video` that a picture shows."""
    return round(float(image[24:, 32:].mean()) / 10)


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 12)
