"""Devices for tests of the reference."""

import pytest
import torch


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """The CPU always, and CUDA where there is a device; new tensors of the test lie on it."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch.cuda.is_available() is False: no GPU to compare with")
    with torch.device(request.param) as chosen:
        yield chosen


@pytest.fixture
def randn(device):
    """Normal float64 numbers on the device, the same on every device."""
    generator = torch.Generator("cpu").manual_seed(20)

    def make(*shape):
        numbers = torch.randn(*shape, generator=generator, dtype=torch.float64, device="cpu")
        return numbers.to(device)

    return make
