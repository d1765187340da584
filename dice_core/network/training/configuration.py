"""The one file that a training run is described in: TOML, every setting with its default, unknown ones refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from dice_core.errors import InputError
from dice_core.network.training.architecture import PUBLISHED, REDUCED, Architecture
from dice_core.network.training.augmentation import Augmentation
from dice_core.network.training.forward import Regularisation
from dice_core.network.training.losses.total import LossWeights
from dice_core.network.training.optimisation import Optimisation
from dice_core.network.training.synthetic.surroundings import SURROUNDINGS

__all__ = ["Configuration", "DataSource", "Schedule", "read_configuration"]

PRESETS = {"published": PUBLISHED, "reduced": REDUCED}
KINDS = ("synthetic", "decaf", "in-the-wild", "freihand", "renderme")
PRECISIONS = ("full", "bfloat16", "float16")

T = TypeVar("T")


@dataclass(frozen=True)
class DataSource:
    """One set of samples.

    kind : of KINDS; folder : of data that a user holds, relative to the configuration; repeat : times a sample is seen
    in an epoch; known : groups of `samples.GROUPS` that are used, all by default, so that a set with full truth can
    stand for one with less; seed, people : of the synthetic set, 32 scenes a person; surroundings : where they are, one
    of `surroundings.SURROUNDINGS`; cache : folder that keeps its scenes, "" to make them anew each time; only : the
    first so many samples, 0 for all; subjects : of Decaf.
    """

    kind: str
    folder: str = ""
    repeat: int = 1
    known: tuple[str, ...] = ()
    seed: int = 1
    people: int = 32
    surroundings: str = "anywhere"
    cache: str = ""
    only: int = 0
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """steps : of the whole run; batch : samples of a step, over all processes; log_every, check_every, evaluate_every :
    steps between rows of the log, checkpoints and evaluations (0 for none); keep : checkpoints that stay."""

    steps: int = 1000
    batch: int = 8
    log_every: int = 10
    check_every: int = 500
    evaluate_every: int = 0
    keep: int = 2


@dataclass(frozen=True)
class Configuration:
    """output : folder of the run; bodies : folder of the licensed body files, or "open"; network : "published" or
    "reduced", with `widths` to change; start_from : a trained network of these widths to begin with, a run's
    model.safetensors or the published checkpoint, "" for a new one; precision : of PRECISIONS, what the network
    computes in; workers : processes that make samples, 0 for none. All paths are relative to the configuration's
    own."""

    output: str = "run"
    bodies: str = "open"
    network: str = "reduced"
    start_from: str = ""
    seed: int = 88
    device: str = "auto"
    precision: str = "full"
    workers: int = 0
    schedule: Schedule = field(default_factory=Schedule)
    optimisation: Optimisation = field(default_factory=Optimisation)
    losses: LossWeights = field(default_factory=LossWeights)
    regularisation: Regularisation = field(default_factory=Regularisation)
    augmentation: Augmentation = field(default_factory=Augmentation)
    widths: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[DataSource, ...] = ()
    priors: tuple[DataSource, ...] = ()
    evaluation: tuple[DataSource, ...] = ()
    folder: Path = Path()

    @property
    def architecture(self) -> Architecture:
        """The network's widths and depths."""
        base = {item.name: getattr(PRESETS[self.network], item.name) for item in fields(Architecture)}
        return _made(Architecture, {**base, **self.widths}, "widths")

    def path(self, name: str) -> Path:
        """A folder that the configuration names."""
        return self.folder / Path(name).expanduser()


def read_configuration(path: Path) -> Configuration:
    """Read and check a configuration. Raises InputError where something in it is unknown, missing or impossible."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no configuration {path}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not valid TOML: {error}.") from None
    content.pop("folder", None)
    made = _made(Configuration, {**content, "folder": path.absolute().parent}, path.name)
    _check(made)
    return made


def _check(made: Configuration) -> None:
    rules = (
        (made.network in PRESETS, f"network must be one of {', '.join(PRESETS)}"),
        (made.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}"),
        (bool(made.data), "there is no [[data]]: name at least one set of samples"),
        (made.schedule.steps > 0 and made.schedule.batch > 0, "schedule: steps and batch must be 1 or more"),
        (made.schedule.check_every > 0 and made.schedule.keep > 0, "schedule: check_every and keep must be 1 or more"),
        (0 <= made.optimisation.average < 1, "optimisation: average must be at least 0 and below 1"),
        (made.optimisation.learning_rate > 0, "optimisation: learning_rate must be above 0"),
        (0 <= made.regularisation.masked <= 1, "regularisation: masked must be between 0 and 1"),
        (0 <= made.regularisation.dropout < 1, "regularisation: dropout must be at least 0 and below 1"),
    )
    for holds, sentence in rules:
        if not holds:
            raise InputError(f"The configuration cannot be used: {sentence}.")
    for source in (*made.data, *made.priors, *made.evaluation):
        if source.kind not in KINDS:
            raise InputError(f"There is no data of the kind {source.kind!r}: use one of {', '.join(KINDS)}.")
        if source.kind != "synthetic" and not source.folder:
            raise InputError(f"Data of the kind {source.kind} needs a folder.")
        if source.repeat < 1 or source.people < 1:
            raise InputError("repeat and people of a set must be 1 or more.")
        if source.surroundings not in SURROUNDINGS:
            named = ", ".join(SURROUNDINGS)
            raise InputError(f"There are no surroundings {source.surroundings!r} of scenes: use one of {named}.")
    if made.losses.adversarial > 0 and made.losses.adversarial_start < made.schedule.steps and not made.priors:
        raise InputError("The adversarial loss needs [[priors]], real hands and heads: add some, or set it to 0.")
    made.architecture  # noqa: B018 (raises where the widths do not fit)


def _made(kind: type[T], content: Mapping[str, Any], place: str) -> T:
    """A dataclass from a table. Raises InputError at unknown names, missing ones and values of another type."""
    hints = get_type_hints(kind)
    known: dict[str, Field[Any]] = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    for name in content:
        if name not in known:
            raise InputError(f"{place} has no setting {name!r}: it knows {', '.join(sorted(known))}.")
    values = {}
    for name, item in known.items():
        if name in content:
            values[name] = _value(hints[name], content[name], f"{place}: {name}")
        elif item.default is MISSING and item.default_factory is MISSING:
            raise InputError(f"{place} lacks the setting {name!r}.")
    return kind(**values)


def _value(hint: Any, value: Any, place: str) -> Any:
    if is_dataclass(hint) and isinstance(value, Mapping):
        return _made(hint, value, place)  # type: ignore[arg-type]
    origin = getattr(hint, "__origin__", None)
    parts: tuple[Any, ...] = getattr(hint, "__args__", ())
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(kinds) != len(value):
            raise InputError(f"{place} must have {len(kinds)} values.")
        return tuple(_value(kind, each, place) for kind, each in zip(kinds, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = origin or hint
    if not isinstance(plain, type) or not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise InputError(f"{place} has a value of the wrong type: {value!r}.")
    return value
