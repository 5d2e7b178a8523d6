"""Fixtures for the tests of plugins; a conftest.py says `pytest_plugins = ["parloir.testing_fixtures"]`."""

from collections.abc import Iterator

import pytest

from parloir.testing_facility import Clock, SampleFacility


@pytest.fixture
def facility() -> Iterator[SampleFacility]:
    """A facility of the test's own, at noon of a Wednesday."""
    with SampleFacility() as sample:
        yield sample


@pytest.fixture
def clock(facility: SampleFacility) -> Clock:
    """The clock of `facility`."""
    return facility.clock
