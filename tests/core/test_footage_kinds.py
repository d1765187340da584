"""Videos as phones, cameras, recorders and editors leave them: each is read right, or refused in one sentence."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dice_core.capture import capture
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError
from dice_core.media import decoder, video
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from dice_core.take import Take, open_take
from tests.core.video_files import HEIGHT, STEP, WIDTH, combed_frames, grey_frames, number, write_video

SLOW = {"preset": "ultrafast", "crf": "12"}


def numbers(path: Path) -> list[int]:
    with open_footage(path) as footage:
        return [number(image) for _, image in footage.frames()]


@pytest.mark.parametrize(
    ("degrees", "orientation", "corner"), [(90, 8, (-9, 9)), (-90, 6, (9, -9)), (180, 3, (-9, -9))]
)
def test_a_rotation_tag_is_applied(tmp_path: Path, degrees: int, orientation: int, corner: tuple[int, int]) -> None:
    with open_footage(write_video(tmp_path / "a.mp4", grey_frames(3), rotation=degrees)) as footage:
        image = footage.read(1)
        assert footage.orientation == orientation
        assert (footage.width, footage.height) == image.shape[1::-1]
        assert (footage.width < footage.height) == (degrees != 180)
        assert image[corner][0] > 150, "the red corner"
        assert image[corner][1] < 60


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(4, 3), (128, 64)), (Fraction(8, 9), (96, 72)), (Fraction(1), (96, 64))]
)
def test_frames_have_square_pixels(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    with open_footage(write_video(tmp_path / "a.mp4", grey_frames(4), aspect=aspect)) as footage:
        assert (footage.width, footage.height) == size == footage.read(2).shape[1::-1]
        assert footage.source_size == (WIDTH, HEIGHT)
        assert number(footage.read(2)) == 2


def test_frames_larger_than_4k_are_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "LONGEST_SIDE", WIDTH // 2)
    path = write_video(tmp_path / "a.mp4", grey_frames(4), rotation=90)
    with open_footage(path) as footage:
        assert footage.source_size == (HEIGHT, WIDTH)
        assert (footage.width, footage.height) == (HEIGHT // 2, WIDTH // 2) == footage.read(2).shape[1::-1]
        assert [number(image) for _, image in footage.frames()] == [0, 1, 2, 3]


def test_what_is_captured_of_reduced_frames_fits_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def captured(name: str) -> Take:
        with open_footage(str(sample_clip()), (40, 43)) as footage:
            capture(footage, tmp_path / name, CaptureSettings(), frames=(40, 43))
        return open_take(tmp_path / name)

    full = captured("full.dicetake")
    monkeypatch.setattr(video, "LONGEST_SIDE", 300)
    reduced = captured("reduced.dicetake")
    assert reduced.camera.fx == pytest.approx(full.camera.fx)
    assert (reduced.camera.width, reduced.camera.height) == (full.camera.width, full.camera.height)
    columns = ["landmarks_head", "landmarks_hand_right"]
    for one, other in zip(full.chunks(columns), reduced.chunks(columns), strict=True):
        for name in columns:
            assert np.abs(one[name] - other[name]).mean() < 2, "pixels of 512"


def test_a_turned_pixel_is_turned_too(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey_frames(2), aspect=Fraction(4, 3), rotation=90)
    with open_footage(path) as footage:
        assert footage.source_size == (HEIGHT, WIDTH)
        assert (footage.width, footage.height) == (HEIGHT, WIDTH * 4 // 3) == footage.read(0).shape[1::-1]


def test_pixels_beyond_belief_are_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey_frames(2), aspect=Fraction(9, 1))
    with pytest.raises(InputError, match="export it with square pixels"):
        open_footage(path)


def test_uneven_frames_keep_their_times(tmp_path: Path) -> None:
    stamps = [0, 1, 2, 3, 4, 5, 18, 19, 20, 21, 22, 23]
    path = write_video(tmp_path / "a.mp4", grey_frames(12), rate=24, stamps=stamps)
    with open_footage(path) as footage:
        assert (footage.count, footage.fps) == (12, 24)
        np.testing.assert_allclose(footage.seconds * 24, stamps, atol=1e-6)
        assert [number(image) for _, image in footage.frames()] == list(range(12))
        (warning,) = footage.warnings
        assert "do not follow each other evenly, but after 42 to 542 milliseconds" in warning
    with open_footage(path, (4, 8)) as part:
        np.testing.assert_allclose(part.seconds * 24, [4, 5, 18, 19], atol=1e-6)
        assert part.fps == 24


def test_a_range_has_the_rate_of_the_whole(tmp_path: Path) -> None:
    """A phone's clip, whose frames drift against the announced rate: what comes after the range still decides."""
    stamps = [k * 1001 // 30 for k in range(60)]  # thousandths of a second at 29.97 frames
    path = write_video(tmp_path / "a.mkv", grey_frames(20) * 3, rate=1000, stamps=stamps, options=SLOW)
    with open_footage(path) as whole, open_footage(path, (0, 5)) as part:
        assert whole.warnings == part.warnings == ()
        assert whole.fps == part.fps == pytest.approx(29.97, rel=0.002)


def test_interlaced_frames_are_made_whole(tmp_path: Path) -> None:
    options = SLOW | {"x264-params": "interlaced=1:tff=1"}
    path = write_video(tmp_path / "a.mp4", combed_frames(12), options=options)
    with av.open(str(path)) as container:
        combed = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert next(iter(av.open(str(path)).decode(video=0))).interlaced_frame
    with open_footage(path) as footage:
        smooth = [image for _, image in footage.frames()]
        assert footage.count == len(smooth) == 12
        assert np.array_equal(footage.read(7), smooth[7])
        assert np.array_equal(footage.read(3), smooth[3])
    for before, after in zip(combed[2:-2], smooth[2:-2], strict=True):
        assert comb(before) > 40
        assert comb(after) < comb(before) / 4


def comb(image: np.ndarray) -> float:
    """How much rows differ from both neighbours, at its worst column."""
    rows = image[..., 1].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean(axis=0).max())


@pytest.mark.parametrize(
    ("codec", "name", "pixels", "options"),
    [
        pytest.param("libsvtav1", "a.mp4", "yuv420p", {"preset": "12", "crf": "20"}, id="AV1"),
        pytest.param("libvpx-vp9", "a.webm", "yuv420p", {"deadline": "realtime", "crf": "20"}, id="VP9"),
        pytest.param(
            "libx265",
            "a.mp4",
            "yuv420p10le",
            {"preset": "ultrafast", "x265-params": "log-level=none"},
            id="HEVC of 10 bits",
        ),
        pytest.param("libvpx-vp9", "a.webm", "yuva420p", {"deadline": "realtime", "crf": "20"}, id="alpha"),
        pytest.param("prores", "a.mov", "yuv422p10le", {}, id="ProRes"),
        pytest.param("ffv1", "a.mkv", "yuv444p", {}, id="FFV1"),
        pytest.param("mpeg2video", "a.mpg", "yuv420p", {"b": "2M"}, id="MPEG-2"),
        pytest.param("gif", "a.gif", "rgb8", {}, id="GIF"),
    ],
)
def test_codecs(tmp_path: Path, codec: str, name: str, pixels: str, options: dict[str, str]) -> None:
    path = write_video(tmp_path / name, grey_frames(12), codec=codec, pixels=pixels, options=options)
    with open_footage(path) as footage:
        assert (footage.kind, footage.count, footage.width, footage.height) == ("video", 12, WIDTH, HEIGHT)
        assert footage.fps == pytest.approx(25, rel=0.01)
        assert footage.warnings == ()
        images = [image for _, image in footage.frames()]
        if pixels != "rgb8":
            assert [number(image) for image in images] == list(range(12))
        for index in (11, 4, 5, 0, 9):
            assert np.array_equal(footage.read(index), images[index]), "frames in any order are those in theirs"


def test_webm_without_length(tmp_path: Path) -> None:
    """What browsers record: written to a stream that cannot be rewound, so that its head says no length."""
    path = write_video(
        tmp_path / "a.webm",
        grey_frames(12),
        codec="libvpx-vp9",
        options={"deadline": "realtime"},
        container={"live": "1"},
    )
    with av.open(str(path)) as container:
        assert container.duration is None
    with open_footage(path) as footage:
        assert (footage.count, footage.fps, footage.warnings) == (12, 25, ())


@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
@pytest.mark.parametrize("bframes", [0, 3])
def test_a_cut_off_mp4_gives_the_same_frames_every_time(
    tmp_path: Path, share: float, bframes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0)
    frames = [np.clip(image + noise.integers(-9, 9, image.shape), 0, 255).astype(np.uint8) for image in grey_frames(20)]
    path = write_video(
        tmp_path / "a.mp4", frames, options=SLOW | {"bf": str(bframes), "g": "8"}, container={"movflags": "faststart"}
    )
    data = path.read_bytes()
    start = data.index(b"mdat")
    path.write_bytes(data[: start + round((len(data) - start) * share)])
    counts = set()
    for threads in (1, 2, 4, 2):
        monkeypatch.setattr(decoder, "MOST_THREADS", threads)
        with open_footage(path) as footage:
            counts.add(footage.count)
            assert [number(image) for _, image in footage.frames()] == list(range(footage.count))
            (warning,) = footage.warnings
            assert f"announces 20 frames but only {footage.count}" in warning
    (count,) = counts
    assert 20 * share - 6 <= count < 20


def test_a_cut_off_clip_of_known_length_alone_is_told(tmp_path: Path) -> None:
    """Matroska says how long it is, not how many frames it has."""
    path = write_video(tmp_path / "a.mkv", grey_frames(20) * 5, options=SLOW)
    with open_footage(path) as footage:
        assert (footage.count, footage.warnings) == (100, ())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_footage(path) as footage:
        assert 20 < footage.count < 60
        assert f"a.mkv announces 100 frames but only {footage.count} can be decoded" in footage.warnings[0]


def test_fragments_without_an_index(tmp_path: Path) -> None:
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    path = write_video(tmp_path / "a.mp4", grey_frames(12), options=SLOW | {"g": "4"}, container=fragments)
    with open_footage(path) as footage:
        assert (footage.count, footage.fps, footage.warnings) == (12, 25, ())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_footage(path) as footage:
        assert [number(image) for _, image in footage.frames()] == list(range(footage.count))
        assert 4 <= footage.count < 12
        assert len(footage.warnings) == 1


def test_a_gif_of_one_picture_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.gif", grey_frames(1), codec="gif", pixels="rgb8")
    with pytest.raises(InputError, match="save it as PNG"):
        open_footage(path)


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", grey_frames(20), codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    places = [at for at in range(data.index(b"movi"), len(data) - 4) if data[at : at + 4] == b"00dc"]
    data[places[8] + 8 : places[9]] = bytes(places[9] - places[8] - 8)
    path.write_bytes(data)
    with open_footage(path) as footage:
        assert footage.count == 19
        assert [number(image) for _, image in footage.frames()] == [k for k in range(20) if k != 8]
        np.testing.assert_allclose(footage.seconds * 25, [k for k in range(20) if k != 8], atol=1e-6)
        assert "1 part of a.avi cannot be decoded" in footage.warnings[0]


def test_a_size_that_changes_is_refused(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{k}.ts", grey_frames(5, width), options=SLOW) for k, width in enumerate((96, 128))
    ]
    path = tmp_path / "a.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(InputError, match=r"changes from 96 x 64 to 128 x 64 pixels near frame [45]: cut it there"):
        open_footage(path)


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n", "ffconcat version 1.0\nfile a.ts\n"]
)
def test_playlists_are_not_followed(tmp_path: Path, text: str) -> None:
    write_video(tmp_path / "a.ts", grey_frames(5), options=SLOW)
    (tmp_path / "list.mp4").write_text(text)
    with pytest.raises(InputError, match="neither an image nor a video"):
        open_footage(tmp_path / "list.mp4")


def test_music_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        output.mux(stream.encode(sound))
        output.mux(stream.encode(None))
    with pytest.raises(InputError, match="neither an image nor a video"):
        open_footage(path)


def test_names_that_ffmpeg_would_read_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_video(tmp_path / "a.mp4", grey_frames(3)).read_bytes()
    monkeypatch.chdir(tmp_path)
    for name in ("-i.mp4", "50%d.mp4", "concat:a.mp4", "\uc5bc\uad74 \u00e9.mp4"):
        if sys.platform == "win32" and ":" in name:
            continue
        Path(name).write_bytes(data)
        assert numbers(Path(name)) == [0, 1, 2]


def test_decoding_is_silent_about_damage(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey_frames(20), options=SLOW, container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-300])
    code = "import sys; from dice_core.media.opening import open_footage; print(open_footage(sys.argv[1]).count)"
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert 0 < int(run.stdout) < 20


def test_frames_are_what_the_encoder_was_given(tmp_path: Path) -> None:
    """Levels, not only order: the range and the matrix of YUV are undone."""
    with open_footage(write_video(tmp_path / "a.mkv", grey_frames(10), codec="ffv1", pixels="yuv444p")) as footage:
        for index, image in footage.frames():
            assert np.abs(image[-8:, -8:].astype(int) - (20 + STEP * index)).max() <= 2
            assert np.abs(image[8, 8].astype(int) - (200, 0, 0)).max() <= 3
