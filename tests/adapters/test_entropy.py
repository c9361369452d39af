"""Randomness from the operating system."""

import pytest

from reclave.adapters.entropy import SystemEntropy


@pytest.mark.parametrize("count", [0, 1, 16, 32, 1000])
def test_as_many_bytes_come_as_were_asked_for(count: int) -> None:
    assert len(SystemEntropy().bytes(count)) == count


@pytest.mark.req("S27")
def test_no_two_draws_of_128_bits_are_alike() -> None:
    entropy = SystemEntropy()
    assert len({entropy.bytes(16) for _ in range(1000)}) == 1000
