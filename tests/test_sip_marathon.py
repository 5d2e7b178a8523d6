"""A line that has carried many calls carries the next."""

import subprocess
import sys


def test_a_line_carries_more_answered_calls_than_the_conference_has_ports() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.line_marathon", "300"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
