"""Whole runs of the command: killed and continued, shared by two processes, and captured with."""

from __future__ import annotations

import csv
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import load_file  # noqa: E402

from dice_core.cli import main  # noqa: E402
from dice_core.network.files.checkpoint import load_network  # noqa: E402
from dice_core.network.loading import LoadedNetwork  # noqa: E402
from dice_core.network.model.dice import HAND_KEYPOINTS, HEAD_KEYPOINTS  # noqa: E402
from dice_core.network.training.body_folder import write_open_bodies  # noqa: E402
from dice_core.network.training.checkpoints import finished_steps  # noqa: E402
from dice_core.sample import sample_clip  # noqa: E402
from dice_core.take import open_take  # noqa: E402
from tests.network.training.runs import command, write_configuration  # noqa: E402

SECONDS = 900  # a busy machine has taken minutes for what takes seconds


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _finish(process: object) -> str:
    out, err = process.communicate(timeout=SECONDS)  # type: ignore[attr-defined]
    assert process.returncode == 0, err  # type: ignore[attr-defined]
    return str(out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, scene_cache: Path) -> Path:
    """An uninterrupted run, with drop-out, masks, augmentation and both discriminators."""
    folder = tmp_path_factory.mktemp("whole")
    out = _finish(command(write_configuration(folder, scene_cache, evaluate_every="0")))
    assert "6 steps are done" in out
    return folder / "run"


def test_a_run_leaves_its_log_checkpoints_metrics_and_network(whole: Path) -> None:
    rows = _rows(whole)
    assert [row["step"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert float(rows[0]["adversarial"] or 0) == 0  # begins with the second step
    assert float(rows[1]["adversarial"]) > 0
    assert float(rows[1]["discriminators"]) > 0
    assert finished_steps(whole / "checkpoints") == [4, 6]
    assert not list(whole.rglob("*.part"))
    with (whole / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        (metrics,) = csv.DictReader(stream)
    assert float(metrics["pve_mm"]) > 0
    assert float(metrics["posed_pve_mm"]) > 0
    assert 0 <= float(metrics["contact_head_accuracy"]) <= 1
    assert load_network(whole / "engine" / "model.safetensors").counts.total == 843


@pytest.mark.skipif(os.name != "posix", reason="kills a process by a signal")
def test_a_killed_run_goes_on_to_the_same_weights_bit_by_bit(tmp_path: Path, scene_cache: Path, whole: Path) -> None:
    path = write_configuration(tmp_path, scene_cache, evaluate_every="0")
    after = int(np.random.default_rng().integers(2, 6))  # any step after the first checkpoint
    process = command(path)
    log = tmp_path / "run" / "log.csv"
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not (log.is_file() and len(_rows(tmp_path / "run")) >= after):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=SECONDS)
    _finish(command(path, "--resume"))
    for name in ("checkpoints/step-00000006.safetensors", "engine/model.safetensors"):
        expected, found = load_file(whole / name), load_file(tmp_path / "run" / name)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            assert torch.equal(value, found[key]), (after, key)
    assert _rows(tmp_path / "run") == _rows(whole)


def test_bodies_of_the_users_own_with_coarser_meshes_make_a_network_of_fewer_tokens(
    tmp_path: Path, scene_cache: Path
) -> None:
    write_open_bodies(tmp_path / "bodies", 60, (400, 100))
    path = write_configuration(tmp_path, scene_cache, bodies='"bodies"', steps="2")
    assert "2 steps are done" in _finish(command(path))
    engine = tmp_path / "run" / "engine"
    assert load_network(engine / "model.safetensors").counts.total == HAND_KEYPOINTS + HEAD_KEYPOINTS + 60 + 100
    assert (engine / "MANO_RIGHT.pkl").read_bytes() == (tmp_path / "bodies" / "MANO_RIGHT.pkl").read_bytes()


def test_a_run_begins_with_the_network_it_is_told_to(tmp_path: Path, scene_cache: Path, whole: Path) -> None:
    trained = whole / "engine" / "model.safetensors"
    still = {"optimisation": "learning_rate = 1e-30\nweight_decay = 0.0", "steps": "1", "start_from": f'"{trained}"'}
    _finish(command(write_configuration(tmp_path, scene_cache, "again", **still)))
    expected, found = (load_file(path) for path in (trained, tmp_path / "again" / "engine" / "model.safetensors"))
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        if "running_" not in key and "num_batches" not in key:  # statistics of the step's own pictures
            assert torch.allclose(value, found[key], rtol=0, atol=1e-20), key
    write_open_bodies(tmp_path / "bodies", 60, (400, 100))
    other = write_configuration(tmp_path, scene_cache, "other", bodies='"bodies"', start_from=f'"{trained}"')
    process = command(other)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "is a network of other widths or bodies (" in err
    assert "Traceback" not in err


def test_two_processes_compute_what_one_does(tmp_path: Path, scene_cache: Path) -> None:
    """Without drop-out, whose numbers each process draws for itself.

    In small steps: Adam divides by the gradient's size, so that the rounding of sums, which is another one for batches
    of another size, turns weights with hardly any gradient by as much as all others.
    """
    settings = {"regularisation": "dropout = 0.0", "steps": "3", "losses": "adversarial_start = 0"}
    settings["optimisation"] = "learning_rate = 1e-6"
    one = write_configuration(tmp_path, scene_cache, "one", **settings)
    two = write_configuration(tmp_path, scene_cache, "two", **settings)
    _finish(command(one))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    pair = [command(two, extra={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(2)]
    for process in pair:
        _finish(process)
    for row, other in zip(_rows(tmp_path / "one"), _rows(tmp_path / "two"), strict=True):
        assert float(other["loss"]) == pytest.approx(float(row["loss"]), rel=1e-5), row["step"]
        for name in ("vertices", "contact", "joints_2d", "depth", "adversarial", "discriminators"):
            assert float(other[name]) == pytest.approx(float(row[name]), rel=1e-4), (row["step"], name)
        # Of the nearest vertex to a key point, between which and its neighbour rounding may choose.
        assert float(other["gradient"]) == pytest.approx(float(row["gradient"]), rel=5e-3), row["step"]


def test_the_network_is_installed_and_captures_the_sample(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICE_DATA", str(tmp_path / "data"))
    assert main(["models", "add", str(whole / "engine")]) == 0
    take = tmp_path / "a.dicetake"
    assert main(["capture", str(sample_clip()), "-o", str(take), "--engine", "dice", "--frames", "35:37"]) == 0
    LoadedNetwork.release()
    opened = open_take(take)
    assert set(opened.meshes) == {"head", "hand_right"}
    assert opened.array("head.vertices").shape == (2, 5023, 3)
    assert opened.array("hand_right.vertices").shape == (2, 778, 3)
    assert np.isfinite(opened.array("head.vertices")).all()
    # An untrained network shows the mean head: upright, before the camera, of a head's size.
    size = np.ptp(opened.array("head.vertices")[0], axis=0)
    assert 0.2 < size[1] < 0.35
    assert main(["metrics", str(take), "--json"]) == 0


def test_runs_are_not_mixed_up(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = whole.parent / "run.toml"
    assert main(["train", str(path)]) == 2
    assert "holds a run already: give --resume" in capsys.readouterr().err
    other = whole.parent / "other.toml"
    other.write_text(path.read_text().replace("batch = 2", "batch = 4"), encoding="utf-8")
    assert main(["train", str(other), "--resume"]) == 2
    assert "started with other settings (schedule)" in capsys.readouterr().err


def test_a_check_takes_one_step_and_writes_no_run(
    tmp_path: Path, scene_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_configuration(tmp_path, scene_cache, precision='"bfloat16"', losses="adversarial = 0.0")
    assert main(["train", str(path), "--check"]) == 0
    out = capsys.readouterr().out
    assert "can be used" in out
    assert "vertices" in out
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert not (tmp_path / "run" / "log.csv").exists()
