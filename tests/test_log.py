"""The log: one line an event, no secrets."""

import io
import json
import os
from contextlib import suppress
from errno import ENOSPC

from parloir.log import json_log, redacted


def test_event_is_one_json_line_with_its_call() -> None:
    out = io.StringIO()
    json_log(out)("call.ringing", call="c1", text="two\nlines")
    assert out.getvalue().count("\n") == 1
    line = json.loads(out.getvalue())
    assert (line["event"], line["call"], line["text"]) == ("call.ringing", "c1", "two\nlines")


def test_secret_fields_are_withheld() -> None:
    shown = redacted({"link_token": "abc", "code": "123456", "password": "x", "station": "pod-a-1"})
    assert shown == {"link_token": "withheld", "code": "withheld", "password": "withheld", "station": "pod-a-1"}


def test_a_log_that_nobody_reads_any_more_stops_nothing() -> None:
    reader, writer = os.pipe()
    out = os.fdopen(writer, "w")
    log = json_log(out)
    log("call.ringing", call="c1")
    os.close(reader)
    for number in range(3000):
        log("call.ended", call=f"c{number}")
    with suppress(BrokenPipeError):
        out.close()


def test_what_a_full_disk_kept_from_the_log_is_lost_and_what_follows_is_written() -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(ENOSPC, "No space left on device")
            return super().write(text)

    out = Full()
    log = json_log(out)
    log("call.ringing", call="c1")
    out.full = False
    log("call.ended", call="c2")
    assert json.loads(out.getvalue())["call"] == "c2"
