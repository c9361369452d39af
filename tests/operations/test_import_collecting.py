"""The garbage collector while an import runs: seldom, and as before afterwards."""

import gc

import pytest

from reclave.operations.import_accounts.collecting import rare_collections


def test_it_looks_seldom_within_and_as_often_as_before_afterwards() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with rare_collections():
        assert gc.isenabled()
        assert gc.get_threshold()[0] >= 50_000
        assert gc.get_freeze_count() > frozen
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_it_is_as_before_after_a_failure_too() -> None:
    before = gc.get_threshold()
    with pytest.raises(OSError, match="the disk is full"), rare_collections():
        raise OSError("the disk is full")
    assert gc.get_threshold() == before
