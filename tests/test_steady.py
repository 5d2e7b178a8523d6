"""The reactor's clock, in a process of its own: this one's reactor is there already."""

import subprocess
import sys

import pytest

CLOCK_SET_BACK = """
import os, threading, time
from twisted.internet import base
from {module} import {install}

moved = [0.0]
base.ReactorBase.seconds = staticmethod(lambda: time.time() - moved[0])
{install}()
from twisted.internet import reactor

def set_back():
    moved[0] = 3600.0
    print("set back", flush=True)

def on_time():
    print("on time", flush=True)
    os._exit(0)

def late():
    print("late", flush=True)
    os._exit(0)

reactor.callLater(0.05, set_back)
reactor.callLater(0.2, on_time)
threading.Timer(2.0, late).start()
reactor.run()
"""


@pytest.mark.parametrize(
    ("module", "install", "comes"),
    [("parloir.steady", "install", "on time"), ("twisted.internet.asyncioreactor", "install", "late")],
)
def test_what_was_put_off_comes_on_time_though_the_clock_is_set_back(module: str, install: str, comes: str) -> None:
    program = CLOCK_SET_BACK.format(module=module, install=install)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.split("\n")[:2] == ["set back", comes]
