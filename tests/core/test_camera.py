from __future__ import annotations

import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.geometry.camera import Camera


def test_right_angle_along_the_longer_side() -> None:
    camera = Camera.from_fov(640, 480, 90.0)
    assert (camera.fx, camera.fy) == pytest.approx((320.0, 320.0))
    assert (camera.cx, camera.cy, camera.width, camera.height) == (319.5, 239.5, 640, 480)
    assert Camera.from_fov(480, 640, 90.0).fx == pytest.approx(320.0)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (512, 512)])
@pytest.mark.parametrize("degrees", [1.0, 40.0, 170.0])
def test_field_of_view_is_kept(size: tuple[int, int], degrees: float) -> None:
    assert Camera.from_fov(*size, degrees).fov_degrees == pytest.approx(degrees)


@pytest.mark.parametrize("degrees", [0.0, -40.0, 170.5, float("nan")])
def test_impossible_field_of_view(degrees: float) -> None:
    with pytest.raises(InputError, match="between 1 and 170"):
        Camera.from_fov(640, 480, degrees)


def test_x_is_right_and_y_is_down() -> None:
    camera = Camera(100.0, 200.0, 50.0, 40.0, 101, 81)
    assert camera.project(np.array([0.0, 0.0, 3.0])) == pytest.approx([50, 40])
    assert camera.project(np.array([1.0, 0.5, 2.0])) == pytest.approx([100, 90])


def test_rays_lead_back_through_their_pixels() -> None:
    camera = Camera(310.0, 320.0, 90.0, 70.0, 200, 150)
    pixels = np.random.default_rng(0).uniform(0, 150, (3, 4, 2))
    rays = camera.rays(pixels)
    assert rays[..., 2] == pytest.approx(1.0)
    assert camera.project(rays * 0.7) == pytest.approx(pixels)
