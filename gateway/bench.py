"""`parloir bench`: what a call costs this machine, measured on a real relay process with real SRTP over loopback."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from parloir.bench_result import Result, Taps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `parloir bench`."""
    add = parser.add_argument
    add("--calls", type=_calls, default=8, metavar="N", help="bridged calls with sound and picture (default: 8)")
    add("--seconds", type=_seconds, default=10.0, metavar="S", help="how long to measure, 2 to 600 (default: 10)")
    add("--record", action="store_true", help="record every call, and say what that adds to a packet's cost")
    add("--listeners", type=_listeners, default=0, metavar="N", help="let N browsers hear each call, and say the same")
    add("--json", action="store_true", help="print the result as JSON")
    add("--profile", type=Path, metavar="FILE", help="run the relay under cProfile, which slows it, and write to FILE")


def main(options: argparse.Namespace) -> int:
    """Measure and print; progress goes to standard error. Raises BenchFailed."""
    from parloir import steady

    steady.install()
    from twisted.internet import reactor

    from parloir.bench_run import run

    taps = Taps(options.record, options.listeners)
    result = run(reactor, options.calls, options.seconds, options.profile, _progress, taps)
    print(json.dumps(asdict(result)) if options.json else _table(result))
    return 0


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(result: Result) -> str:
    return "\n".join(
        (
            f"calls                        {result.calls}",
            f"packets forwarded            {result.forwarded} in {result.seconds:.1f} s",
            f"CPU per forwarded packet     {result.cpu_us_per_packet:.1f} us (relay process, both directions)",
            f"CPU of the relay             {result.cpu_percent:.1f} % of a core",
            f"packets lost                 {result.lost}",
            f"latency added, p50 / p99     {result.latency_p50_ms:.2f} / {result.latency_p99_ms:.2f} ms",
            f"memory per call              {result.memory_per_call_kib:.0f} KiB",
            f"calls per core               {result.calls_per_core}",
            *(
                (
                    f"packets to listeners         {result.heard}",
                    f"CPU added by the taps        {result.added_us_per_packet:.1f} us per forwarded packet",
                )
                if result.added_us_per_packet is not None
                else ()
            ),
        )
    )


def _calls(text: str) -> int:
    calls = int(text)
    if not 1 <= calls <= 500:
        raise argparse.ArgumentTypeError("from 1 to 500 calls")
    return calls


def _listeners(text: str) -> int:
    listeners = int(text)
    if not 0 <= listeners <= 16:
        raise argparse.ArgumentTypeError("from 0 to 16 listeners")
    return listeners


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 2 <= seconds <= 600:
        raise argparse.ArgumentTypeError("from 2 to 600 seconds")
    return seconds
