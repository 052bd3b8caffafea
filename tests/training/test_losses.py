"""The losses against closed forms, and their gradients against finite differences."""

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.training.train import DARK, colour_angle, reconstruction, relative

pytestmark = pytest.mark.train


def flat(*colour):
    """A 2×3 picture of one colour, as a batch of one, double precision."""
    return torch.tensor(colour, dtype=torch.float64).reshape(1, 3, 1, 1).expand(1, 3, 2, 3).clone()


def test_reconstruction_is_the_mean_square_of_every_picture():
    batch = torch.cat([flat(0.1, 0.2, 0.3), flat(0, 0, 0)])
    expected = [(0.01 + 0.04 + 0.09) / 3, 0]
    assert reconstruction(batch, torch.zeros_like(batch)).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "angle"),
    [
        ((1, 0, 0), (0, 1, 0), math.pi / 2),
        ((1, 1, 1), (1, 0, 0), math.acos(1 / math.sqrt(3))),
        ((1, 1, 0), (1, 0, 0), math.pi / 4),
        ((0.2, 0.4, 0.6), (0.1, 0.2, 0.3), 0),
    ],
)
def test_the_angle_is_that_between_the_colours(a, b, angle):
    shifted = [flat(*colour) - DARK for colour in (a, b)]
    assert colour_angle(*shifted).item() == pytest.approx(angle, abs=2e-4)


def test_black_and_equal_pictures_have_zero_angle_and_finite_gradients():
    for colour in [(0, 0, 0), (1, 1, 1), (0.3, 0.1, 0.7)]:
        result = flat(*colour).requires_grad_()
        loss = colour_angle(result, flat(*colour)).sum()
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-9)
        assert torch.isfinite(result.grad).all()
        assert result.grad.abs().max() < 1e-6


def test_gradients_agree_with_finite_differences():
    random = torch.Generator().manual_seed(0)
    result, truth = torch.rand(2, 2, 3, 2, 2, dtype=torch.float64, generator=random)
    result.requires_grad_()
    assert torch.autograd.gradcheck(lambda image: colour_angle(image, truth), (result,))
    assert torch.autograd.gradcheck(lambda image: reconstruction(image, truth), (result,))


def test_equal_gains_weigh_the_same_for_any_error_of_y0():
    before = torch.tensor([1e-2, 1e-4])
    assert relative(before / 2, before, floor=0.0).tolist() == pytest.approx([0.5, 0.5])
