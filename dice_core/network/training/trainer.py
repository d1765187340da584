"""One step of training after another: everything that changes, and nothing of files or schedules."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from dice_core.errors import InputError
from dice_core.network.training.bodies import TrainingBodies
from dice_core.network.training.configuration import Configuration
from dice_core.network.training.data.sources import Priors
from dice_core.network.training.discriminators import Discriminators, hand_pose, head_pose
from dice_core.network.training.forward import token_mask, training_pass
from dice_core.network.training.initialisation import load_weights, new_network
from dice_core.network.training.losses.adversarial import discriminator_loss
from dice_core.network.training.losses.total import Term, loss_terms, weighed_sum
from dice_core.network.training.optimisation import MovingAverage, learning_rate, make_optimiser
from dice_core.network.training.processes import Group, add_up_gradients, is_any, share_batch_norm, sums
from dice_core.network.training.samples import Batch

__all__ = ["Trainer"]

_HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_HOPELESS = 50
"""Steps one after another without a finite gradient, which are left out, after which a run ends."""
_FIRST_SCALE = 2.0**10
"""Of losses in float16, whose small gradients would be zero; torch then adapts it."""


class Trainer:
    """Network, discriminators, optimisers and moving average of a run.

    Everything random in a step follows from the run's seed and the step's number, so that a run which goes on does what
    an uninterrupted one would.
    """

    def __init__(
        self, configuration: Configuration, bodies: TrainingBodies, priors: Priors | None, group: Group
    ) -> None:
        self.configuration, self.bodies, self.group, self._priors = configuration, bodies, group, priors
        device = bodies.positions.device
        network = new_network(configuration.architecture, bodies.upsampling(), configuration.seed, bodies.counts)
        if configuration.start_from:
            load_weights(network, configuration.path(configuration.start_from))
        self.network = network.to(device)
        if group.size > 1:
            share_batch_norm(self.network)
        torch.manual_seed(configuration.seed)
        self.discriminators = Discriminators().to(device)
        settings = configuration.optimisation
        self.optimiser = make_optimiser(self.network, settings)
        self.discriminator_optimiser = make_optimiser(self.discriminators, settings)
        self.average = MovingAverage(self.network, settings.average)
        self.scaler = torch.amp.GradScaler(
            device.type, init_scale=_FIRST_SCALE, enabled=configuration.precision == "float16"
        )
        self._skipped = 0

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """Train on this process's part of a batch. number : of the step, counted from 0.

        Returns the weighed loss, every term before its weight, the discriminators' loss, the norm of the gradient and
        the rate, over all processes.
        """
        settings = self.configuration
        seed = int(np.random.default_rng([settings.seed, 2, number]).integers(2**31))
        generator = torch.Generator().manual_seed(seed)
        device = self.bodies.positions.device
        batch = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
        mask = token_mask(self.bodies.counts.tokens, settings.regularisation.masked, generator)
        torch.manual_seed(seed + self.group.rank)
        rate = self._set_rate(number)
        with self._autocast(device.type):
            outputs = training_pass(
                self.network, batch["images"], self.bodies.positions, mask, settings.regularisation.dropout
            )
        is_adversarial = settings.losses.adversarial > 0 and number >= settings.losses.adversarial_start
        judges = self.discriminators if is_adversarial else None
        terms = loss_terms(outputs, batch, self.bodies, settings.losses, judges)
        totals = sums({name: term.counts.sum() for name, term in terms.items()}, self.group)
        loss = weighed_sum(terms, settings.losses, totals)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        add_up_gradients(self.network.parameters(), self.group)
        self.scaler.unscale_(self.optimiser)
        limit = settings.optimisation.clip or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        if self._is_usable(loss.detach(), norm):
            self.scaler.step(self.optimiser)
            self.average.update(self.network, number)
        self.scaler.update()
        told = self._discriminate(outputs.as_dict(), number) if is_adversarial else 0.0
        figures = sums(_figures(loss, terms, totals), self.group)
        named = {name: float(value) for name, value in figures.items()}
        return named | {"discriminators": told, "gradient": float(norm), "rate": rate}

    def _is_usable(self, loss: torch.Tensor, norm: torch.Tensor) -> bool:
        """Whether a step may be taken. Raises InputError where none could for long: the network is lost."""
        finite = not is_any(not bool(torch.isfinite(loss + norm)), self.group)
        self._skipped = 0 if finite else self._skipped + 1
        if self._skipped >= _HOPELESS:
            raise InputError(
                "The losses are no longer finite: lower learning_rate, and go on from the last checkpoint."
            )
        # In float16 single steps fail while the scale adapts, and torch has to see them.
        return finite or self.scaler.is_enabled()

    def _set_rate(self, number: int) -> float:
        settings = self.configuration
        rate = learning_rate(number, settings.schedule.steps, settings.optimisation)
        for optimiser in (self.optimiser, self.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = rate * group["factor"]
        return rate

    def _autocast(self, device: str) -> AbstractContextManager[object]:
        half = _HALVES.get(self.configuration.precision)
        return nullcontext() if half is None else torch.autocast(device, half)

    def _discriminate(self, parameters: dict[str, torch.Tensor], number: int) -> float:
        """A step of the discriminators: real parameters against the predicted ones."""
        assert self._priors is not None
        count, device = len(parameters["rh_pose"]), parameters["rh_pose"].device
        rng = np.random.default_rng([self.configuration.seed, 3, number])
        drawn = self._priors.draw(self.configuration.schedule.batch, rng)
        # Each process takes its share of what one would draw.
        real_hands, real_heads = (each[self.group.rank :: self.group.size].to(device) for each in drawn)
        made = {name: value.detach() for name, value in parameters.items()}
        pairs = (
            (self.discriminators.hand, real_hands, hand_pose(made)),
            (self.discriminators.head, real_heads, head_pose(made)),
        )
        losses = [discriminator_loss(judge(real), judge(predicted)) for judge, real, predicted in pairs]
        total = sums({"count": torch.tensor(float(count), device=losses[0].device)}, self.group)["count"]
        loss = torch.stack(losses).sum() / 2 / total.to(losses[0])
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        add_up_gradients(self.discriminators.parameters(), self.group)
        self.discriminator_optimiser.step()
        return float(sums({"loss": loss.detach()}, self.group)["loss"])


def _figures(loss: torch.Tensor, terms: dict[str, Term], totals: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """This process's part of the loss and of every term's mean."""
    parts = {"loss": loss.detach()}
    for name, term in terms.items():
        chosen = torch.where(term.counts, term.values.detach(), torch.zeros_like(term.values))
        parts[name] = chosen.sum() / totals[name].clamp_min(1)
    return parts
