"""Every loss: its gradient against finite differences in float64, and values that are known otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.geometry.rotations import rotation_matrices  # noqa: E402
from dice_core.network.training.discriminators import Discriminators, hand_pose, head_pose  # noqa: E402
from dice_core.network.training.losses.adversarial import discriminator_loss, generator_loss  # noqa: E402
from dice_core.network.training.losses.depth import depth_loss, surface_depth  # noqa: E402
from dice_core.network.training.losses.interaction import collision_loss, touch_loss, vertex_normals  # noqa: E402
from dice_core.network.training.losses.supervised import (  # noqa: E402
    contact_loss,
    deformation_loss,
    deformation_magnitude,
    joints_2d_loss,
    parameter_loss,
    presence_loss,
    stiffness_mask,
    vertex_loss,
)

Tensor = torch.Tensor


def _random(*shape: int, seed: int = 0, low: float = -1, high: float = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def _sphere(radius: float = 0.1) -> tuple[Tensor, Tensor]:
    """Vertices (1, V, 3) and outward triangles of an icosphere."""
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    return torch.tensor(np.array(mesh.vertices))[None], torch.tensor(np.array(mesh.faces), dtype=torch.int64)


def _box(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    head, triangles = _sphere()
    return (
        points * 0.08,
        head.expand(len(points), -1, -1) + 0.001 * _random(len(points), *head.shape[1:], seed=5),
        triangles,
    )


CASES: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    "vertices": (lambda x: vertex_loss(x, _random(2, 7, 3, seed=1)), (_random(2, 7, 3),)),
    "joints_2d": (
        lambda x: joints_2d_loss(x, _random(2, 5, 2, seed=1), _random(2, 5, seed=2, low=0)),
        (_random(2, 5, 2),),
    ),
    "parameters": (
        lambda pose, turn: parameter_loss(
            {"rh_pose": pose, "rh_rot": turn}, {"rh_pose": _random(2, 6, seed=1), "rh_rot": _random(2, 3, seed=2)}
        ),
        (_random(2, 6, seed=3), _random(2, 3, seed=4)),
    ),
    "contact": (
        lambda x: contact_loss(x, (_random(2, 9, seed=1) > 0).double()),
        (_random(2, 9, low=0.05, high=0.95),),
    ),
    "presence": (lambda x: presence_loss(x, torch.tensor([0.0, 1.0]).double()), (_random(2, 1, low=0.1, high=0.9),)),
    "deformation": (
        lambda x: deformation_loss(x, _random(2, 6, 3, seed=1), stiffness_mask(_random(6, low=0, seed=2))),
        (_random(2, 6, 3),),
    ),
    "deformation_magnitude": (
        lambda x: deformation_magnitude(x, stiffness_mask(_random(6, low=0, seed=2))),
        (_random(2, 6, 3),),
    ),
    "touch": (
        lambda hand, head: touch_loss(hand, head, _random(2, 8, seed=2) > 0, _random(2, 9, seed=3) > 0),
        (_random(2, 8, 3), _random(2, 9, 3, seed=1)),
    ),
    "depth": (
        lambda x: depth_loss(x, _random(2, 6, seed=1, low=0.5, high=2), _random(2, 6, seed=2, low=0)),
        (_random(2, 6, low=0.5, high=2),),
    ),
    "generator": (generator_loss, (_random(3, 1, low=0.1, high=0.9),)),
    "discriminator": (discriminator_loss, (_random(3, 1, low=0.1, high=0.9), _random(3, 1, seed=1, low=0.1, high=0.9))),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    function, inputs = CASES[name]
    assert torch.autograd.gradcheck(function, tuple(each.clone().requires_grad_() for each in inputs), eps=1e-7)
    assert all(value > 0 for value in function(*inputs))


def test_gradients_of_the_collision_are_those_of_finite_differences() -> None:
    hand, head, triangles = _box(_random(2, 12, 3))
    skin = torch.arange(head.shape[1])
    inputs = (hand.clone().requires_grad_(), head.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda x, h: collision_loss(x, h, triangles, skin), inputs, eps=1e-7)
    assert (collision_loss(hand, head, triangles, skin) > 0).all()


def test_gradients_of_the_rendered_depth_are_those_of_finite_differences() -> None:
    points, places = _random(2, 5, 2, low=0.48, high=0.52), _random(2, 80, 2, seed=1, low=0.46, high=0.54)
    away = _random(2, 80, seed=2, low=-0.1, high=0.1)
    found, seen = surface_depth(points, places, away)
    assert seen.all()
    inputs = away.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: surface_depth(points, places, x)[0], inputs, eps=1e-7)
    for sample in range(2):
        for key in range(5):
            near = (places[sample] - points[sample, key]).norm(dim=1) < 4 / 224
            assert found[sample, key] == away[sample][near].min() + 1
    assert not surface_depth(points + 0.5, places, away)[1].any()


def test_the_stiffness_mask_is_the_released_formula() -> None:
    stiffness = np.linspace(0, 1, 11)
    released = np.reciprocal((1 - stiffness + 0.1) ** 1.5)  # src/tools/infer.py, lines 373 and 374
    assert np.allclose(stiffness_mask(torch.tensor(stiffness)).numpy(), released / released.min(), rtol=1e-12)


def test_the_coordinate_losses_are_the_released_formulas() -> None:
    found, true, valid = (
        _random(2, 4, 2),
        _random(2, 4, 2, seed=1),
        torch.tensor([[1.0, 0, 1, 1], [1, 1, 1, 1]]).double(),
    )
    released = (torch.abs(found - true) * valid[..., None]).numpy()  # CoordLoss, src/common/nets/loss.py
    assert np.allclose(joints_2d_loss(found, true, valid), released.sum((1, 2)) / (2 * valid.sum(1).numpy()), rtol=1e-6)
    assert np.allclose(vertex_loss(found, true), np.abs((found - true).numpy()).mean((1, 2)))


def test_rotations_half_a_turn_apart_by_sign_are_the_same() -> None:
    one = torch.tensor([[np.pi - 1e-3, 0, 0]])
    other = torch.tensor([[-np.pi - 1e-3, 0, 0]])
    assert parameter_loss({"rh_rot": one}, {"rh_rot": other}) < 1e-6
    assert parameter_loss({"rh_transl": one}, {"rh_transl": other}) > 1
    quarter = parameter_loss({"rh_rot": torch.zeros(1, 3)}, {"rh_rot": torch.tensor([[0, 0, np.pi / 2]])})
    expected = np.abs(np.eye(3) - rotation_matrices(np.array([0, 0, np.pi / 2]))).mean()
    assert float(quarter) == pytest.approx(expected, abs=1e-6)


def test_deep_hands_collide_by_their_depth() -> None:
    head, triangles = _sphere(0.1)
    inside = head[:, :5] * (0.09 / 0.1)  # 10 mm below five vertices
    outside = head[:, :5] * 1.1
    skin = torch.arange(head.shape[1])
    assert float(collision_loss(inside, head, triangles, skin)) == pytest.approx(0.010, rel=1e-3)
    assert float(collision_loss(outside, head, triangles, skin)) == 0
    far = torch.zeros(1, 1, 3, dtype=torch.float64)  # the middle is a leak, not a depth
    assert float(collision_loss(far, head, triangles, skin)) == 0
    normals = vertex_normals(head, triangles)
    assert ((normals * head / 0.1).sum(2) > 0.998).all()


def test_touching_hands_lie_on_the_skin() -> None:
    head, _ = _sphere(0.1)
    hand = head[:, :4] * 1.05  # 5 mm before four vertices
    one, other = torch.ones(1, 4, dtype=torch.bool), torch.zeros(1, head.shape[1], dtype=torch.bool)
    other[0, :4] = True
    assert float(touch_loss(hand, head, one, other)) == pytest.approx(0.005, rel=1e-6)
    assert float(touch_loss(hand, head, one, ~other & False)) == 0


def test_depth_does_not_depend_on_the_estimators_scale() -> None:
    found, estimated, weight = (_random(2, 9, seed=k, low=0.5, high=2) for k in range(3))
    assert torch.allclose(depth_loss(found, estimated, weight), depth_loss(found, 7 * estimated, weight))
    assert depth_loss(found, 3 * found, weight).max() < 1e-12
    logarithms = np.log(found.numpy()) - np.log(estimated.numpy())
    expected = [np.cov(row, aweights=w, bias=True) for row, w in zip(logarithms, weight.numpy(), strict=True)]
    assert np.allclose(depth_loss(found, estimated, weight), expected)


def test_points_without_weight_do_not_count_even_where_the_depth_is_unknown() -> None:
    found = _random(1, 4, low=0.5, high=2).requires_grad_()
    estimated = torch.tensor([[1.0, 2.0, 0.0, -1.0]], dtype=torch.float64)
    loss = depth_loss(found, estimated, torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=torch.float64))
    loss.sum().backward()
    assert torch.isfinite(found.grad).all()
    assert (found.grad[0, 2:] == 0).all()


def test_depth_stays_finite_where_a_bad_step_puts_the_surface_behind_the_camera() -> None:
    found = torch.tensor([[-0.5, 0.0, 1.0, 1.2]], dtype=torch.float64, requires_grad=True)
    loss = depth_loss(found, torch.ones(1, 4, dtype=torch.float64), torch.ones(1, 4, dtype=torch.float64))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(found.grad).all()
    assert loss > 0.5, "it counts as very near, not as right"


def test_the_discriminators_are_the_released_ones() -> None:
    pair = Discriminators()
    widths = [tuple(layer.weight.shape) for layer in pair.head.model if hasattr(layer, "weight")]
    assert widths == [(256, 153), (64, 256), (1, 64)]
    assert pair.hand.model[0].in_features == 55
    columns = {"face_shape": 100, "face_exp": 50, "face_pose": 6, "rh_betas": 10, "rh_pose": 45}
    parameters = {name: _random(2, count).float() for name, count in columns.items()}
    assert pair.head(head_pose(parameters)).shape == (2, 1)
    assert pair.hand(hand_pose(parameters)).shape == (2, 1)
    assert torch.equal(head_pose(parameters)[:, 150:], parameters["face_pose"][:, 3:])


def test_a_discriminator_learns_to_tell_two_populations_apart() -> None:
    torch.manual_seed(0)
    pair = Discriminators()
    optimiser = torch.optim.Adam(pair.hand.parameters(), 1e-3)
    real, made = torch.randn(64, 55) * 0.3, torch.randn(64, 55) * 0.3 + 0.5
    for _ in range(60):
        optimiser.zero_grad()
        discriminator_loss(pair.hand(real), pair.hand(made)).mean().backward()
        optimiser.step()
    assert pair.hand(real).mean() > 0.9
    assert pair.hand(made).mean() < 0.1
