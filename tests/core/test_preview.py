"""Previews of takes of known geometry: what is drawn where, and what a user is told."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.errors import InputError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.preview import composition
from dice_core.preview.eyes import eye_coordinates
from dice_core.preview.render import render_preview
from dice_core.preview.shading import CONTACT_COLOUR, Drawing, PaintedMesh, Painter, draw
from dice_core.preview.viewpoint import ORBIT_DEGREES, plan_orbit
from dice_core.take import Take, open_take
from dice_core.take.frames import FrameReader
from tests.core.synthetic_bodies import HAND_RADIUS, HEAD_CENTRE, HEAD_RADIUS, sphere_take
from tests.core.video_files import write_video

GREEN = (20, 150, 60)  # RGB of the footage
HEIGHT = 480  # of a panel for footage of 320 x 240
WIDTH = 640


def positions(count: int = 6) -> np.ndarray:
    """A hand that comes in from the picture's right and touches in the last frames."""
    reach = HEAD_RADIUS + HAND_RADIUS + np.maximum(np.linspace(0.03, -0.01, count), 0)
    return HEAD_CENTRE + reach[:, None] * np.array([1.0, 0, 0])


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Six frames over green footage; the hand is absent in frame 1, interpolated in frame 2."""
    footage = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(footage), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 30, (320, 240))
    for _ in range(6):
        writer.write(np.full((240, 320, 3), GREEN[::-1], np.uint8))
    writer.release()
    tracked = np.array([1, 0, 2, 1, 1, 1])
    return sphere_take(tmp_path / "a.dicetake", positions(), tracked=tracked, footage=footage)


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(int)


def test_picture_is_a_strip_of_four_panels(take: Take, tmp_path: Path) -> None:
    assert render_preview(take, tmp_path / "out.png") == []
    image = read(tmp_path / "out.png")
    assert image.shape == (HEIGHT, 2 * WIDTH + 2 * HEIGHT, 3)
    assert np.abs(image[:, :WIDTH] - GREEN).max() < 12
    overlay = image[:, WIDTH : 2 * WIDTH]
    middle = overlay[HEIGHT // 2, WIDTH // 2]
    assert np.abs(middle - GREEN).max() > 60
    assert np.abs(overlay[HEIGHT // 2, 60] - GREEN).max() < 12


def test_overlay_covers_what_the_camera_sees(take: Take, tmp_path: Path) -> None:
    """The head's sphere appears as a disc of known radius around its projected centre."""
    render_preview(take, tmp_path / "out.png", frame=1)
    overlay = read(tmp_path / "out.png")[:, WIDTH : 2 * WIDTH]
    changed = np.abs(overlay - GREEN).max(axis=2) > 30
    row = np.flatnonzero(changed[HEIGHT // 2])
    tangent = HEAD_RADIUS / np.sqrt(HEAD_CENTRE[2] ** 2 - HEAD_RADIUS**2)
    assert (row[-1] - row[0]) / 2 == pytest.approx(2 * 400 * tangent, abs=2)
    assert (row[-1] + row[0]) / 2 == pytest.approx(WIDTH / 2, abs=1)


def test_contact_is_painted_and_absent_hands_are_not_there(take: Take) -> None:
    reader, painter = FrameReader(take), Painter(take.meshes)
    mesh = painter.paint(reader.read(5))
    head = len(take.meshes["head"].rest_vertices)
    touching = reader.read(5).bodies["hand_right"].contact > 0.5
    assert touching.any()
    painted = np.abs(mesh.colours[head:] - CONTACT_COLOUR).max(axis=1) < 0.15
    assert np.array_equal(painted, touching)
    assert len(painter.paint(reader.read(1)).vertices) == head
    assert mesh.faces.max() == len(mesh.vertices) - 1


def test_side_views_see_the_hand_on_its_side(take: Take) -> None:
    """The camera goes to the side of the hand, where the hand is nearer than the head; the other side hides it."""
    reader = FrameReader(take)
    orbit = plan_orbit(reader, take.frames)
    assert orbit is not None
    assert orbit.side == 1
    bodies = reader.read(5).bodies
    depth = {
        degrees: [orbit.view(body.surface, degrees)[:, 2].mean() for body in (bodies["head"], bodies["hand_right"])]
        for degrees in (ORBIT_DEGREES, -ORBIT_DEGREES)
    }
    assert depth[ORBIT_DEGREES][1] < depth[ORBIT_DEGREES][0]
    assert depth[-ORBIT_DEGREES][1] > depth[-ORBIT_DEGREES][0]
    camera = orbit.camera(200)
    for degrees in (ORBIT_DEGREES, -ORBIT_DEGREES):
        for body in bodies.values():
            pixels = camera.project(orbit.view(body.surface, degrees))
            assert pixels.min() > 0
            assert pixels.max() < 199


def test_view_keeps_distances(take: Take) -> None:
    orbit = plan_orbit(FrameReader(take), take.frames)
    assert orbit is not None
    points = np.random.default_rng(0).normal(size=(10, 3))
    seen = orbit.view(points, 37.0)
    before, after = (np.linalg.norm(each[:, None] - each, axis=2) for each in (points, seen))
    np.testing.assert_allclose(before, after, atol=1e-12)


def test_surface_toward_the_light_is_brighter(take: Take) -> None:
    """The key light is at the upper left: the sphere is brighter there than at the lower right."""
    drawing = draw(Painter(take.meshes).paint(FrameReader(take).read(1)), take.camera)
    offset = 40
    upper_left, lower_right = drawing.colour[120 - offset, 160 - offset], drawing.colour[120 + offset, 160 + offset]
    assert drawing.coverage[120 - offset, 160 - offset] == drawing.coverage[120 + offset, 160 + offset] == 1
    assert upper_left.sum() > 1.4 * lower_right.sum()


def test_video_has_a_frame_for_each_of_the_take(take: Take, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    assert render_preview(take, tmp_path / "out.MP4", progress=lambda done, total: calls.append((done, total))) == []
    assert calls == [(k, 6) for k in range(1, 7)]
    video = cv2.VideoCapture(str(tmp_path / "out.MP4"))
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    assert size == (WIDTH + HEIGHT, HEIGHT)
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(30)
    frames = []
    while (answer := video.read())[0]:
        frames.append(answer[1].astype(int))
    assert len(frames) == 6
    hand = frames[5][HEIGHT // 2, WIDTH // 2 + 2 * 85]
    without = frames[1][HEIGHT // 2, WIDTH // 2 + 2 * 85]
    assert np.abs(without - GREEN[::-1]).max() < 20
    assert np.abs(hand - without).max() > 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dicetake", "clip.mp4", "out.MP4"]
    mode = (tmp_path / "out.MP4").stat().st_mode
    (tmp_path / "beside").touch()
    assert mode == (tmp_path / "beside").stat().st_mode, "others may read it as they may any new file"


def test_video_is_one_that_browsers_play(take: Take, tmp_path: Path) -> None:
    render_preview(take, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.width % 2 == stream.height % 2 == 0
        assert (stream.frames, stream.average_rate) == (6, 30)
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it plays while it loads"


def test_uneven_frames_are_shown_at_their_times(take: Take, tmp_path: Path) -> None:
    times = np.array([0.0, 1 / 30, 2 / 30, 0.5, 0.7, 1.5])
    for chunk in take.info["chunks"]:
        file = take.path / chunk["file"]
        arrays = dict(np.load(file))
        np.savez(file, **(arrays | {"time": 3.0 + times[arrays["frame"]]}))
    render_preview(open_take(take.path), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as video:
        shown = [frame.time for frame in video.decode(video=0)]
    np.testing.assert_allclose(shown, times, atol=1e-3)


def test_pixels_that_are_not_square_are_shown_square(take: Take, tmp_path: Path) -> None:
    """Of footage squeezed to three quarters of its width the preview is that of the unsqueezed one."""
    render_preview(take, tmp_path / "out.png", frame=5)
    footage = write_video(
        tmp_path / "squeezed.mp4", [np.full((240, 240, 3), GREEN, np.uint8)] * 6, aspect=Fraction(4, 3)
    )
    take.info["camera"] = {"fx": 300.0, "fy": 400.0, "cx": 119.5, "cy": 119.5}
    digest = hashlib.sha256(footage.read_bytes()).hexdigest()
    take.info["source"] |= {"width": 240, "path": str(footage), "sha256": digest}
    assert render_preview(Take(take.path, take.info), tmp_path / "squeezed.png", frame=5) == []
    expected, found = read(tmp_path / "out.png"), read(tmp_path / "squeezed.png")
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 1.5


@pytest.mark.parametrize("size", [(512, 1), (1, 512), (65_535, 2)])
def test_footage_of_any_shape_is_drawn(tmp_path: Path, size: tuple[int, int]) -> None:
    take = sphere_take(tmp_path / "a.dicetake", positions())
    take.info["source"] |= {"width": size[0], "height": size[1]}
    render_preview(take, tmp_path / "out.png")
    assert read(tmp_path / "out.png").size
    render_preview(take, tmp_path / "out.mp4")
    assert cv2.VideoCapture(str(tmp_path / "out.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 6


def test_eyes_that_are_one_point_are_no_trouble() -> None:
    head = load_head().mesh
    vertices = head.rest_vertices.copy()
    vertices[head.region_vertices("eyeball.L", "eyeball.R")] = 0
    with np.errstate(all="raise"):
        assert np.isfinite(eye_coordinates(replace(head, rest_vertices=vertices))).all()


def test_irises_turn_with_the_eyes() -> None:
    """Both eyes look to the subject's left by 30 degrees: the irises move to the picture's right."""
    head = load_head().mesh
    eyes = eye_coordinates(head)
    balls = [head.region_vertices(name) for name in ("eyeball.L", "eyeball.R")]
    assert (np.hypot(*eyes.T)[~(balls[0] | balls[1])] > 3).all()
    vertices = head.rest_vertices.astype(np.float64) + np.array([0, 0, 0.6])
    camera = Camera.from_fov(800, 800, 30)
    middles = []
    for degrees in (0.0, 30.0):
        turned = vertices.copy()
        angle = np.radians(degrees)
        spin = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
        for ball in balls:
            centre = (turned[ball].min(axis=0) + turned[ball].max(axis=0)) / 2
            turned[ball] = (turned[ball] - centre) @ spin.T + centre
        parts = [triangles(head)[ball[triangles(head)].all(axis=1)] for ball in balls]
        for part in parts:
            mesh = PaintedMesh(turned, part, np.full((len(turned), 3), 0.95), eyes)
            drawing = draw(mesh, camera)
            blue = (drawing.coverage > 0) & (drawing.colour[..., 0] < 0.9 * drawing.colour[..., 2])
            rows, columns = np.nonzero(blue)
            middles.append((columns.mean(), rows.mean(), np.sqrt(blue.sum() / np.pi)))
    ahead, aside = np.array(middles[:2]), np.array(middles[2:])
    pixel = camera.fx / vertices[balls[0], 2].min()
    assert ahead[:, 2] / pixel == pytest.approx([0.006, 0.006], abs=0.0012), "irises have a radius of 6 mm"
    assert (aside[:, 0] - ahead[:, 0]) / pixel == pytest.approx([0.0075, 0.0075], abs=0.0025)
    assert aside[:, 1] == pytest.approx(ahead[:, 1], abs=4)


def test_a_failure_is_not_hidden_by_the_file_that_is_still_open(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to delete a file that the video writer still has open, and that error would be the one shown."""
    open_writers: set[int] = set()

    class Writer:
        def __init__(self, *_: object) -> None:
            open_writers.add(id(self))

        def write(self, *_: object) -> None:
            raise MemoryError("the real failure")

        def close(self) -> None:
            open_writers.discard(id(self))

    class WindowsPath(type(tmp_path)):  # type: ignore[misc]
        def unlink(self, missing_ok: bool = False) -> None:
            if open_writers:
                raise PermissionError(13, "The process cannot access the file because it is being used")
            super().unlink(missing_ok)

    monkeypatch.setattr("dice_core.preview.render.VideoWriter", Writer)
    monkeypatch.setattr("dice_core.preview.render.Path", WindowsPath)
    with pytest.raises(MemoryError, match="the real failure"):
        render_preview(take, tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dicetake", "clip.mp4"]


def test_a_still_has_a_video_of_one_second(tmp_path: Path) -> None:
    take = sphere_take(tmp_path / "a.dicetake", positions(1))
    take.info["source"] |= {"fps": 0.0, "kind": "image"}
    render_preview(take, tmp_path / "out.mp4")
    video = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(1)
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 1


def test_missing_footage_is_told_and_drawn_without(tmp_path: Path) -> None:
    take = sphere_take(tmp_path / "a.dicetake", positions())
    for name in ("out.png", "out.mp4"):
        (warning,) = render_preview(take, tmp_path / name)
        assert "missing.mp4" in warning
    assert tuple(read(tmp_path / "out.png")[5, WIDTH - 5]) == composition.BACKGROUND


def test_another_file_in_the_footages_place_is_told(take: Take, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 6)
    (warning,) = render_preview(take, tmp_path / "out.png")
    assert warning.endswith("clip.mp4 is not the file that was captured: what it shows may be something else.")


def test_footage_that_is_too_short_is_told(take: Take, tmp_path: Path) -> None:
    longer = sphere_take(tmp_path / "b.dicetake", positions(9), footage=tmp_path / "clip.mp4")
    (warning,) = render_preview(longer, tmp_path / "out.mp4")
    assert "shorter" in warning


def test_take_without_bodies(tmp_path: Path) -> None:
    """Nothing was found in the footage: a preview all the same."""
    take = sphere_take(tmp_path / "a.dicetake", positions(2))
    for chunk in take.info["chunks"]:
        file = take.path / chunk["file"]
        arrays = dict(np.load(file))
        np.savez(file, **(arrays | {key: value * 0 for key, value in arrays.items() if key.startswith("tracked")}))
    render_preview(open_take(take.path), tmp_path / "out.png")
    assert read(tmp_path / "out.png").shape[0] == HEIGHT


@pytest.mark.parametrize(
    ("output", "frame", "message"),
    [
        ("out.gif", None, "change the ending"),
        ("nowhere/out.png", None, "folder that exists"),
        ("nowhere/out.mp4", None, "folder that exists"),
        ("out.png", 77, "no frame 77"),
    ],
)
def test_bad_requests_are_input_errors(
    take: Take, tmp_path: Path, output: str, frame: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        render_preview(take, tmp_path / output, frame=frame)


def test_lay_over_mixes_by_coverage() -> None:
    footage = np.full((2, 2, 3), 100, np.uint8)
    coverage = np.array([[0, 1], [0, 0.5]], np.float32)
    drawing = Drawing(np.ones((2, 2, 3), np.float32) * coverage[..., None], coverage)
    result = composition.lay_over(footage, drawing)
    full = 100 + (255 - 100) * composition.OVERLAY_OPACITY
    assert result[0, 0, 0] == 100
    assert result[0, 1, 0] == pytest.approx(full, abs=1)
    assert result[1, 1, 0] == pytest.approx((100 + full) / 2, abs=1)
