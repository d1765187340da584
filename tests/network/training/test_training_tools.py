"""The tools that measure training: their configurations can be read, and say what the experiment says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

import weak_supervision  # noqa: E402

from dice_core.network.training.configuration import read_configuration  # noqa: E402


@pytest.mark.parametrize("name", [weak_supervision.FIRST, *weak_supervision.VARIANTS])
def test_every_variant_can_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.toml"
    options = weak_supervision._parser().parse_args(
        ["out", "--first", "800", "--steps", "400", "--known", "4", "--weak", "8"]
    )
    path.write_text(weak_supervision.configuration_text(name, options), encoding="utf-8")
    made = read_configuration(path)
    assert [source.known for source in made.data] in ([()], [(), ("keypoints", "depth")])
    is_first = name == weak_supervision.FIRST
    assert (len(made.data) == 2) == (not is_first and weak_supervision.VARIANTS[name].weak)
    assert made.start_from == ("" if is_first else "first/engine/model.safetensors")
    seeds = {source.seed for source in (*made.data, *made.evaluation, *made.priors)}
    assert len(seeds) == len(made.data) + 2  # nobody is in two sets
    assert made.data[0].repeat == 2  # as many scenes with all truth as without, where both are seen
    assert made.losses.adversarial_start == (200 if is_first else 100)  # a quarter of the steps


def test_the_ablation_takes_one_loss_away_at_a_time() -> None:
    both = weak_supervision.VARIANTS["both halves"]
    assert both.depth > 0 < both.adversarial
    assert (
        weak_supervision.VARIANTS["without depth"].depth == 0 < weak_supervision.VARIANTS["without depth"].adversarial
    )
    one = weak_supervision.VARIANTS["without adversarial"]
    assert one.adversarial == 0 < one.depth
