"""Contact as a table of each frame, and touches as JSON."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dice_core.cli import main
from dice_core.interchange import write_contact
from dice_core.sample import sample_truth
from dice_core.take import TouchEvent, open_take
from tests.core.roof_take import roof_take
from tests.core.take_files import HEAD, SOURCE, frames, started, values


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_has_the_largest_contact_and_dent_of_each_region(tmp_path: Path) -> None:
    take = roof_take(tmp_path)
    assert main(["mesh", str(take.path), "--contact", str(tmp_path / "contact.csv")]) == 0
    rows = rows_of(tmp_path / "contact.csv")
    # Three regions of the roof (one has no vertices) in five frames, two of the hand in three.
    assert len(rows) == 3 * 5 + 2 * 3
    assert {row["region"] for row in rows if row["mesh"] == "head"} == {"low", "high", "ridge"}
    for row in rows:
        place = int(row["frame"]) - 10
        mesh = take.meshes[row["mesh"]]
        within = mesh.region_vertices(row["region"])
        contact = take.array(f"{row['mesh']}.contact")[place, within]
        moved = np.linalg.norm(take.array(f"{row['mesh']}.deformation")[place, within], axis=1)
        assert float(row["contact"]) == pytest.approx(contact.max(), abs=1e-4)
        assert float(row["dent_mm"]) == pytest.approx(1000 * moved.max(), abs=1e-2)
        assert float(row["second"]) == pytest.approx(int(row["frame"]) / SOURCE.fps, abs=1e-4)


def test_touches_are_those_of_the_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take = open_take(sample_truth())
    assert main(["mesh", str(take.path), "--contact", str(tmp_path / "touches.json")]) == 0
    assert f"{len(take.events)} touches" in capsys.readouterr().out
    written = json.loads((tmp_path / "touches.json").read_text())
    assert (written["take"], written["fps"]) == ("sample_truth", 24.0)
    known = TouchEvent.__dataclass_fields__
    assert [TouchEvent(**{key: touch[key] for key in known}) for touch in written["touches"]] == take.events
    first = written["touches"][0]
    assert first["first_second"] == pytest.approx(first["first_frame"] / 24, abs=1e-4)


def test_a_range_leaves_out_touches_outside_it(tmp_path: Path) -> None:
    event = open_take(sample_truth()).events[0]
    for chosen, there in ((f"0:{event.first_frame}", False), (f"0:{event.first_frame + 1}", True)):
        out = tmp_path / "touches.json"
        assert main(["mesh", str(sample_truth()), "--contact", str(out), "--frames", chosen]) == 0
        assert bool(json.loads(out.read_text())["touches"]) == there


def test_both_forms_in_one_command(tmp_path: Path) -> None:
    take = roof_take(tmp_path)
    out = tmp_path / "new folder"
    command = ["mesh", str(take.path), "--contact", str(out / "c.csv"), "--contact", str(out / "t.JSON")]
    assert main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == ["c.csv", "t.JSON"]


def peak_memory(folder: Path, chunks: int) -> int:
    """Bytes that a table of so many chunks of 20 frames takes at most."""
    writer = started(folder / f"{chunks}.dicetake", first_frame=0, frame_count=20 * chunks)
    writer.add_mesh(HEAD)
    for first in range(0, 20 * chunks, 20):
        writer.write_chunk(frames(first, 20) | values(HEAD, 20, first))
    writer.finish(complete=True)
    tracemalloc.start()
    try:
        write_contact(open_take(writer.path), folder / "contact.csv")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_take(tmp_path: Path) -> None:
    peak_memory(tmp_path, 1)  # what is imported and cached on the way
    assert peak_memory(tmp_path, 40) < 1.5 * peak_memory(tmp_path, 4)
