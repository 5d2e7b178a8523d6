"""The log: one line an event, no secrets."""

import io
import json

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
