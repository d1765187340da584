"""Configurations: every wrong one is answered with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.network.training.architecture import PUBLISHED, REDUCED  # noqa: E402
from dice_core.network.training.configuration import read_configuration  # noqa: E402
from dice_core.network.training.data.dataset import Shown  # noqa: E402
from dice_core.network.training.losses.total import LossWeights  # noqa: E402
from dice_core.network.training.optimisation import Optimisation, learning_rate  # noqa: E402

DATA = '[losses]\nadversarial = 0\n[[data]]\nkind = "synthetic"\n'


def _read(folder: Path, text: str) -> object:
    path = folder / "a.toml"
    path.write_text(text, encoding="utf-8")
    return read_configuration(path)


def test_what_is_left_out_has_the_releases_values(tmp_path: Path) -> None:
    made = _read(tmp_path, 'network = "published"\n[[data]]\nkind = "synthetic"\n[[priors]]\nkind = "synthetic"\n')
    assert made.architecture == PUBLISHED  # type: ignore[attr-defined]
    assert made.losses == LossWeights()  # type: ignore[attr-defined]
    weights = vars(LossWeights())
    assert [weights[name] for name in ("vertices", "joints_3d", "joints_2d", "contact")] == [1000, 1000, 500, 300]
    assert [weights[name] for name in ("presence", "parameters", "deformation")] == [500, 500, 5000]
    assert [weights[name] for name in ("collision", "touch", "depth", "adversarial")] == [500, 100, 100, 5]
    settings = made.optimisation  # type: ignore[attr-defined]
    assert (settings.learning_rate, settings.betas, settings.weight_decay) == (1e-4, (0.9, 0.999), 1e-4)
    assert made.seed == 88  # type: ignore[attr-defined]


def test_widths_change_a_preset(tmp_path: Path) -> None:
    made = _read(tmp_path, DATA + "[widths]\nfeatures = 64\nmesh = [32, 16]\n")
    assert made.architecture.features == 64  # type: ignore[attr-defined]
    assert made.architecture.mesh == (32, 16)  # type: ignore[attr-defined]
    assert made.architecture.stem == REDUCED.stem  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learning = 3\n" + DATA, "has no setting 'learning': it knows"),
        (DATA + "[optimisation]\nrate = 1.0\n", "optimisation has no setting 'rate'"),
        ('seed = "x"\n' + DATA, "seed has a value of the wrong type"),
        ("seed = true\n" + DATA, "seed has a value of the wrong type"),
        ("[optimisation]\nbetas = [0.9]\n" + DATA, "betas must have 2 values"),
        ('network = "huge"\n' + DATA, "network must be one of published, reduced"),
        ('precision = "half"\n' + DATA, "precision must be one of"),
        ("seed = 1\n", r"there is no \[\[data\]\]"),
        ("[schedule]\nsteps = 0\n" + DATA, "steps and batch must be 1 or more"),
        ('[[data]]\nkind = "photos"\n', "no data of the kind 'photos'"),
        ('[losses]\nadversarial = 0\n[[data]]\nkind = "decaf"\n', "kind decaf needs a folder"),
        ('[[data]]\nkind = "synthetic"\n[losses]\nadversarial_start = 5\n', r"needs \[\[priors\]\]"),
        ("[[data]]\n[losses]\nadversarial = 0\n", "lacks the setting 'kind'"),
        (DATA + "[widths]\nheads = 3\n", "cannot have 3 attention heads"),
        ('[losses]\nadversarial = 0\n[[data]]\nkind = "synthetic"\nsurroundings = "sea"\n', "no surroundings 'sea'"),
        ("steps = \n", "is not valid TOML"),
    ],
)
def test_wrong_ones_are_refused_with_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        _read(tmp_path, text)


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no configuration .*b\.toml"):
        read_configuration(tmp_path / "b.toml")


def test_the_rate_falls_late_in_the_run() -> None:
    settings = Optimisation(learning_rate=1.0, warm_up=4)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[49:51] == [1.0, 0.1]


def test_an_epoch_shows_every_sample_as_often_as_its_set_says() -> None:
    shown = Shown([3, 2], [1, 4], seed=7)
    assert len(shown) == 11
    first = [shown.at(place) for place in range(11)]
    assert sorted(first) == sorted([(0, 0), (0, 1), (0, 2)] + [(1, 0), (1, 1)] * 4)
    second = [shown.at(place) for place in range(11, 22)]
    assert sorted(first) == sorted(second)
    assert first != second
    again = Shown([3, 2], [1, 4], seed=7)
    assert [again.at(place) for place in range(15, 22)] == second[4:]  # a run that goes on in the middle
