"""`parloir bench`: its arithmetic, and that a small run loses nothing."""

import argparse
import json
import subprocess
import sys

import pytest

from parloir.bench import add_arguments
from parloir.bench_result import BenchFailed, Moment, result


def test_the_result_is_worked_out_from_two_moments() -> None:
    found = result(2, Moment(1.0, 1000, 10.0), Moment(1.5, 11_000, 15.0), 3, [1_000_000] * 99 + [9_000_000], 300)
    assert (found.forwarded, found.cpu_us_per_packet, found.cpu_percent) == (10_000, 50.0, 10.0)
    assert (found.latency_p50_ms, found.latency_p99_ms) == (1.0, 9.0)
    assert (found.lost, found.memory_per_call_kib, found.calls_per_core) == (3, 150.0, 62)


def test_a_run_that_forwarded_nothing_has_no_result() -> None:
    with pytest.raises(BenchFailed):
        result(1, Moment(0, 5, 0), Moment(1, 5, 1), 0, [1], 0)


@pytest.mark.parametrize("words", [["--calls", "0"], ["--calls", "501"], ["--seconds", "1"], ["--seconds", "1e9"]])
def test_what_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert "from" in capsys.readouterr().err


def test_two_calls_are_measured_and_lose_nothing() -> None:
    command = [sys.executable, "-m", "parloir.cli", "bench", "--calls", "2", "--seconds", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["calls"], found["lost"]) == (2, 0)
    assert found["forwarded"] > 500
    assert "2 calls: " in done.stderr
