"""The pool of lines under load, by sipp: a hundred calls at once, a steady stream of short ones, and a full pool."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def measured(*options: str) -> dict[str, Any]:
    """What the benchmark finds."""
    command = [sys.executable, "-m", "tests.benchmarks.sip_pool", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.load
def test_a_hundred_calls_are_held_at_once() -> None:
    found = measured("held", "--calls", "101", "--hold", "10")
    held = found["held"]
    assert (held["begun"], held["answered"], held["faults"]) == (100, 100, [])
    assert held["most at once"] == 100
    assert found["slots left"] == 101


@pytest.mark.load
def test_ten_calls_a_second_for_a_minute_though_some_phones_never_answer_our_bye() -> None:
    found = measured("rate", "--calls", "41", "--rate", "10", "--seconds", "60")
    assert (found["rate"]["begun"], found["rate"]["answered"], found["rate"]["faults"]) == (600, 600, [])
    assert found["slots left"] == 41


def test_an_emergency_call_goes_through_a_full_pool() -> None:
    found = measured("full", "--calls", "8")
    assert (found["full"]["begun"], found["full"]["answered"], found["full"]["faults"]) == (8, 8, [])
