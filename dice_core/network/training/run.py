"""A training run from its configuration: data, steps, checkpoints, evaluations, and the files of the dice engine."""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dice_core.errors import InputError
from dice_core.network.model.inference import choose_device
from dice_core.network.training.augmentation import augmented
from dice_core.network.training.bodies import BODY_FILES, TrainingBodies
from dice_core.network.training.body_folder import write_open_bodies
from dice_core.network.training.checkpoints import State, finished_steps, read_state, write_network, write_state
from dice_core.network.training.configuration import Configuration
from dice_core.network.training.data.dataset import Mixture
from dice_core.network.training.data.sources import Priors, open_sets
from dice_core.network.training.evaluation import MakeScore, evaluate, flat_figures
from dice_core.network.training.log import Log
from dice_core.network.training.losses.total import LossWeights
from dice_core.network.training.processes import Group, is_any, join, leave
from dice_core.network.training.samples import Batch, collate
from dice_core.network.training.trainer import Trainer

__all__ = ["ENGINE_FOLDER", "NETWORK_FILE", "Progress", "RunResult", "check", "timed_steps", "train"]

ENGINE_FOLDER = "engine"
"""Of a run: the network and its bodies as `dice models add` installs them."""
NETWORK_FILE = "model.safetensors"

Progress = Callable[[int, int, dict[str, float]], None]
"""Called after every step with the finished and all steps, and the step's figures."""


@dataclass(frozen=True)
class RunResult:
    """step : finished steps; engine : folder for `dice models add`; figures : of the last step; metrics : of the last
    evaluation, by name, empty without one; seconds : for each step of this call, on average."""

    step: int
    engine: Path
    figures: dict[str, float]
    metrics: dict[str, float]
    seconds: float


class _Run:
    """What `train` and `check` prepare."""

    def __init__(self, configuration: Configuration, device: str | None) -> None:
        self.configuration = configuration
        self.device = choose_device(device or configuration.device)
        self.group = join(self.device)
        self.output = configuration.path(configuration.output)
        self.body_folder = self._prepared_bodies()
        bodies = TrainingBodies(self.body_folder)  # samples are made on the processor
        self.bodies = bodies if self.device.type == "cpu" else copy.deepcopy(bodies).to(self.device)
        sets = open_sets(configuration.data, configuration, bodies)
        self.mixture = Mixture(sets, [source.repeat for source in configuration.data], configuration.seed)
        self.held_out = open_sets(configuration.evaluation, configuration, bodies)
        losses, steps = configuration.losses, configuration.schedule.steps
        is_adversarial = losses.adversarial > 0 and losses.adversarial_start < steps
        priors = Priors(configuration, bodies) if is_adversarial else None
        self.trainer = Trainer(configuration, self.bodies, priors, self.group)
        size = self.group.size
        if configuration.schedule.batch % size:
            raise InputError(f"A batch of {configuration.schedule.batch} cannot be shared by {size} processes evenly.")

    def _prepared_bodies(self) -> Path:
        """Where the body files are; the open ones are written into the run's own folder."""
        configuration = self.configuration
        if configuration.bodies != "open":
            return configuration.path(configuration.bodies)
        folder = self.output / "bodies"
        if self.group.is_first and not all((folder / name).is_file() for name in BODY_FILES):
            write_open_bodies(folder)
        if self.group.size > 1:
            torch.distributed.barrier()
        return folder

    def batches(self, start: int) -> Iterator[Batch]:
        """This process's part of the batch of every step from `start` on."""
        configuration = self.configuration
        dataset = _Batches(configuration, self.mixture, self.group, self.bodies)
        steps = range(start, configuration.schedule.steps)
        if not configuration.workers:
            return (dataset[step] for step in steps)
        loader = torch.utils.data.DataLoader(
            dataset, batch_size=None, sampler=list(steps), num_workers=configuration.workers, prefetch_factor=2
        )
        return iter(loader)

    def state(self) -> State:
        """What a checkpoint keeps."""
        trainer = self.trainer
        return State(
            modules={"network": trainer.network, "discriminators": trainer.discriminators},
            optimisers={"optimiser": trainer.optimiser, "judges": trainer.discriminator_optimiser},
            scaler=trainer.scaler,
            average=trainer.average.tensors,
            step=0,
            description=_description(self.configuration),
        )

    def write_engine(self) -> Path:
        """Write the averaged network and its bodies for the dice engine."""
        folder = self.output / ENGINE_FOLDER
        settings = self.configuration.architecture.block_settings
        write_network(folder / NETWORK_FILE, self.trainer.average.tensors, settings)
        for name in BODY_FILES:
            source = self.body_folder / name
            if not (folder / name).is_file():
                shutil.copyfile(source, folder / name)
        return folder

    def metrics(self, make_score: MakeScore) -> dict[str, float]:
        """Of the averaged network, for its free meshes and, with `posed_` before the name, the body models."""
        if not self.held_out:
            return {}
        network = self.trainer.network
        kept = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.trainer.average.tensors)
        batch = self.configuration.schedule.batch
        found: dict[str, float] = {}
        for prefix, parametric in (("", False), ("posed_", True)):
            result = evaluate(network, self.held_out, self.bodies, make_score, batch, parametric)
            found |= {f"{prefix}{name}": value for name, value in flat_figures(result).items()}
        network.load_state_dict(kept)
        return found


class _Batches:
    """Batches by the number of their step, as torch's loader wants them; a step's samples depend on nothing else."""

    def __init__(self, configuration: Configuration, mixture: Mixture, group: Group, bodies: TrainingBodies) -> None:
        self._configuration, self._mixture, self._group = configuration, mixture, group
        self._counts, self._dtype = bodies.counts, bodies.positions.dtype

    def __len__(self) -> int:
        return self._configuration.schedule.steps

    def __getitem__(self, step: int) -> Batch:
        size, configuration = self._configuration.schedule.batch, self._configuration
        samples = []
        for place in range(step * size + self._group.rank, (step + 1) * size, self._group.size):
            rng = np.random.default_rng([configuration.seed, 4, place])
            samples.append(augmented(self._mixture.sample(place), configuration.augmentation, rng))
        return collate(samples, self._counts, self._dtype)


def _description(configuration: Configuration) -> dict[str, Any]:
    """What must be the same for a run to go on exactly; how often it writes and where may change."""
    described = asdict(configuration)
    for name in ("output", "folder", "device", "workers", "evaluation"):
        described.pop(name)
    for name in ("log_every", "check_every", "evaluate_every", "keep"):
        described["schedule"].pop(name)
    return described


def train(
    configuration: Configuration,
    make_score: MakeScore,
    *,
    resume: bool = False,
    device: str | None = None,
    progress: Progress = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Train until the last step, or until `should_stop`; a checkpoint is written in either case.

    make_score : of the metrics, for evaluations; resume : go on from the last checkpoint, if there is one.
    Raises InputError where the output folder has checkpoints and `resume` is not asked for, and as the readers of
    configuration and data.
    """
    run = _Run(configuration, device)
    schedule, trainer, folder = configuration.schedule, run.trainer, run.output / "checkpoints"
    state = run.state()
    earlier = finished_steps(folder)
    if earlier and not resume:
        raise InputError(f"{run.output} holds a run already: give --resume, or choose another output folder.")
    if earlier:
        read_state(folder, earlier[-1], state)
    columns = ["loss", *_term_names(), "discriminators", "gradient", "rate"]
    log = Log(run.output / "log.csv", columns, state.step) if run.group.is_first else None
    figures: dict[str, float] = {}
    metrics: dict[str, float] = {}
    first, started = state.step, time.monotonic()
    for batch in run.batches(state.step):
        figures = trainer.step(state.step, batch)
        state.step += 1
        is_last = state.step == schedule.steps
        stopped = is_any(should_stop(), run.group)
        if run.group.is_first:
            if log is not None and (state.step % schedule.log_every == 0 or is_last):
                log.add(state.step, figures)
            progress(state.step, schedule.steps, figures)
            if state.step % schedule.check_every == 0 or is_last or stopped:
                write_state(folder, state, schedule.keep)
            if run.held_out and (is_last or (schedule.evaluate_every and state.step % schedule.evaluate_every == 0)):
                metrics = run.metrics(make_score)
                Log(run.output / "metrics.csv", list(metrics), state.step - 1).add(state.step, metrics)
        if stopped:
            break
    seconds = (time.monotonic() - started) / max(state.step - first, 1)
    if run.group.is_first:
        run.write_engine()
        if first == state.step and run.held_out:
            metrics = run.metrics(make_score)
    leave(run.group)
    return RunResult(state.step, run.output / ENGINE_FOLDER, figures, metrics, seconds)


def check(configuration: Configuration, device: str | None = None) -> dict[str, float]:
    """Read a configuration's data and take one step, without writing anything but the open bodies.

    Returns the step's figures. Raises as `train`, and InputError where a sample of any set cannot be read.
    """
    one_step = replace(configuration, workers=0, schedule=replace(configuration.schedule, steps=1))
    run = _Run(one_step, device)
    for dataset in (*run.mixture.sets, *run.held_out):
        for number in sorted({0, len(dataset) // 2, len(dataset) - 1}):
            collate([dataset.sample(number)], run.bodies.counts)
    figures = run.trainer.step(0, next(iter(run.batches(0))))
    leave(run.group)
    return figures


def timed_steps(configuration: Configuration, count: int, device: str | None = None) -> float:
    """Seconds for each of some steps after the first, on average, without what making the samples takes."""
    run = _Run(configuration, device)
    batch = next(run.batches(0))
    run.trainer.step(0, batch)
    started = time.perf_counter()
    for number in range(1, count + 1):
        run.trainer.step(number, batch)
    return (time.perf_counter() - started) / count


def _term_names() -> list[str]:
    return [name for name in vars(LossWeights()) if name != "adversarial_start"]
