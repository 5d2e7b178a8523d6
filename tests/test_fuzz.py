"""The fuzzer's targets hold for its seeds, whole and damaged; `python -m tests.fuzz` looks much further."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

EVERY = [(name, number, seed) for name, (_, seeds) in TARGETS.items() for number, seed in enumerate(seeds())]


@pytest.mark.parametrize(("name", "number", "seed"), EVERY, ids=[f"{name}-{number}" for name, number, _ in EVERY])
def test_seeds_are_no_findings(name: str, number: int, seed: bytes) -> None:
    TARGETS[name][0](seed)


wounds = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 8), st.binary(max_size=8)), max_size=5)


@given(st.sampled_from(EVERY), wounds)
def test_damaged_seeds_are_no_findings(chosen: tuple[str, int, bytes], cuts: list[tuple[float, int, bytes]]) -> None:
    name, _, data = chosen
    for at, length, put in cuts:
        place = int(at * len(data))
        data = data[:place] + put + data[place + length :]
    TARGETS[name][0](data)
