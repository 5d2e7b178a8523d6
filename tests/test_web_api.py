"""The HTTP API as its callers see it: what it takes, what it refuses and how it says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from .web_desk import TOKEN
from .web_server import Server, serve

VISIT = {"facility": "north", "station": "pod-a-1", "visitor": "Ann Doe", "start": "now", "minutes": 10}


@async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = await serve(tmp_path)
    yield server
    await server.web.close()


@ensureDeferred
async def test_a_visit_is_added_with_its_link_and_code_and_then_listed(server: Server) -> None:
    added = await server.ask("POST", "/api/v1/visits", VISIT)
    assert added.status == 201
    assert added.json["link"] == "https://visits.example/visit/link1"
    assert added.json["code"] == "000001"
    assert added.json["state"] == "scheduled"
    assert added.json["rings"] is True
    listed = await server.ask("GET", "/api/v1/visits?facility=north&state=scheduled")
    assert listed.json == {"visits": [added.json]}
    assert (await server.ask("GET", "/api/v1/visits?facility=south")).json == {"visits": []}


@ensureDeferred
async def test_a_start_may_be_in_any_zone(server: Server) -> None:
    answer = await server.ask("POST", "/api/v1/visits", VISIT | {"start": "2030-01-31T18:30:00-06:00"})
    assert answer.json["start"] == "2030-02-01T00:30:00Z"
    assert answer.json["end"] == "2030-02-01T00:40:00Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": "soon"}, "minutes"),
        ({"visitor": ""}, "visitor"),
        ({"visitor": "Ann\nDoe"}, "visitor"),
        ({"visitor": "A" * 201}, "visitor"),
        ({"start": "2030-01-31T18:30:00"}, "start"),
        ({"start": "tomorrow"}, "start"),
        ({"colour": "blue"}, "colour"),
        ({"station": "pod-z-9"}, "station"),
    ],
)
@ensureDeferred
async def test_a_wrong_field_is_named(server: Server, change: dict[str, object], field: str) -> None:
    answer = await server.ask("POST", "/api/v1/visits", VISIT | change)
    assert answer.status == 422
    assert answer.json["error"]["field"].split(".")[0] == field
    assert answer.json["error"]["message"]


@ensureDeferred
async def test_a_taken_station_is_a_conflict_that_names_the_other_visit(server: Server) -> None:
    await server.ask("POST", "/api/v1/visits", VISIT)
    answer = await server.ask("POST", "/api/v1/visits", VISIT)
    assert answer.status == 409
    assert answer.json["error"]["code"] == "station_taken"
    assert "v1" in answer.json["error"]["message"]


@ensureDeferred
async def test_a_visit_is_cancelled_with_a_reason_once(server: Server) -> None:
    await server.ask("POST", "/api/v1/visits", VISIT)
    cancelled = await server.ask("DELETE", "/api/v1/visits/v1", {"reason": "lockdown"})
    assert cancelled.status == 200
    assert cancelled.json["state"] == "cancelled"
    assert server.desk.cancelled == [("v1", "lockdown")]
    assert (await server.ask("DELETE", "/api/v1/visits/v1", {"reason": "again"})).status == 409
    assert (await server.ask("DELETE", "/api/v1/visits/v9", {"reason": "none"})).status == 404


@ensureDeferred
async def test_calls_are_listed_by_whether_they_live_and_shown_with_their_timeline(server: Server) -> None:
    def ids(answer: object) -> list[str]:
        assert isinstance(answer, dict)
        return [call["id"] for call in answer["calls"]]

    assert ids((await server.ask("GET", "/api/v1/calls")).json) == ["live1", "gone1"]
    assert ids((await server.ask("GET", "/api/v1/calls?live=true")).json) == ["live1"]
    assert ids((await server.ask("GET", "/api/v1/calls?live=false")).json) == ["gone1"]
    shown = (await server.ask("GET", "/api/v1/calls/gone1")).json
    assert shown["class"] == "ordinary"
    assert shown["reason"] == "LimitReached"
    assert shown["timeline"] == [
        {"number": 1, "wall": "2026-03-01T12:00:00Z", "monotonic": 123, "kind": "opened", "data": {"by": "visit"}}
    ]


@ensureDeferred
async def test_a_call_is_ended_only_with_a_reason_by_body_or_query(server: Server) -> None:
    missing = await server.ask("DELETE", "/api/v1/calls/live1")
    assert (missing.status, missing.json["error"]["field"]) == (422, "reason")
    assert (await server.ask("DELETE", "/api/v1/calls/live1", {"reason": "fight"})).status == 204
    assert (await server.ask("DELETE", "/api/v1/calls/live1?reason=shift%20ends")).status == 204
    assert server.desk.ended == [("live1", "fight", "api"), ("live1", "shift ends", "api")]
    assert (await server.ask("DELETE", "/api/v1/calls/none?reason=x")).status == 404


@ensureDeferred
async def test_nothing_is_answered_without_the_token(server: Server) -> None:
    for method, path in (("GET", "/api/v1/visits"), ("GET", "/api/v1/calls/live1"), ("GET", "/metrics")):
        for token in (None, "wrong"):
            answer = await server.ask(method, path, token=token)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="parloir"'
            assert answer.json["error"]["code"] == "unauthorized"


@ensureDeferred
async def test_guessing_the_token_is_slowed_down_even_for_a_right_guess(server: Server) -> None:
    statuses = [(await server.ask("GET", "/api/v1/visits", token=f"guess-{n}")).status for n in range(12)]
    assert statuses[:10] == [401] * 10
    assert statuses[11] == 429
    assert (await server.ask("GET", "/api/v1/visits", token=TOKEN)).status == 429


@ensureDeferred
async def test_a_body_that_is_not_json_by_type_or_content_is_refused(server: Server) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await server.ask("POST", "/api/v1/visits", b"a=b", form)).status == 415
    for body in (b"{", b"\xff", b"[" * 30_000):
        answer = await server.ask("POST", "/api/v1/visits", body, {"Content-Type": "application/json"})
        assert (answer.status, answer.json["error"]["code"]) == (400, "not_json")
    assert (await server.ask("POST", "/api/v1/visits", [1])).status == 422


@ensureDeferred
async def test_a_body_over_the_limit_is_refused_and_not_kept(server: Server) -> None:
    answer = await server.ask("POST", "/api/v1/visits", VISIT | {"visitor": "A" * 70_000})
    assert (answer.status, answer.json["error"]["code"]) == (413, "too_large")


@ensureDeferred
async def test_a_repeated_or_unknown_query_is_refused(server: Server) -> None:
    assert (await server.ask("GET", "/api/v1/calls?live=true&live=false")).status == 422
    assert (await server.ask("GET", "/api/v1/calls?alive=true")).json["error"]["field"] == "alive"
    assert (await server.ask("GET", "/api/v1/calls?live=%ff")).status == 400


@ensureDeferred
async def test_unknown_paths_and_methods_are_answered_in_json(server: Server) -> None:
    assert (await server.ask("GET", "/api/v1/nothing")).json["error"]["code"] == "not_found"
    answer = await server.ask("PUT", "/api/v1/visits", {})
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]


@ensureDeferred
async def test_the_openapi_document_describes_every_operation_with_schemas_that_exist(server: Server) -> None:
    document = (await server.ask("GET", "/api/openapi.json", token=None)).json
    assert {(m, p) for p, methods in document["paths"].items() for m in methods} == {
        ("post", "/api/v1/visits"),
        ("get", "/api/v1/visits"),
        ("delete", "/api/v1/visits/{id}"),
        ("get", "/api/v1/calls"),
        ("get", "/api/v1/calls/{id}"),
        ("delete", "/api/v1/calls/{id}"),
        ("get", "/api/v1/slots"),
        ("get", "/api/v1/alerts"),
        ("post", "/api/v1/alerts/{id}/acknowledge"),
        ("get", "/api/v1/stations"),
        ("get", "/api/v1/stations/{facility}/{station}/trace"),
        ("get", "/api/v1/bans"),
        ("delete", "/api/v1/bans/{address}"),
        ("get", "/api/v1/me"),
        ("post", "/api/v1/login"),
        ("post", "/api/v1/logout"),
    }
    assert set(_references(document)) <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert "class" in document["components"]["schemas"]["CallDetail"]["properties"]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if "$ref" in node else []
        return here + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []


@ensureDeferred
async def test_health_is_open_and_degrades_with_its_parts(server: Server) -> None:
    well = await server.ask("GET", "/healthz", token=None)
    assert (well.status, well.json) == (200, {"status": "ok", "parts": {"relay": True}})
    server.health["relay"] = False
    ill = await server.ask("GET", "/healthz", token=None)
    assert (ill.status, ill.json["status"]) == (503, "degraded")


@ensureDeferred
async def test_metrics_are_shown_in_prometheus_format(server: Server) -> None:
    server.metrics.counter("parloir_calls_ended_total", "Calls that ended.")
    server.metrics.count("parloir_calls_ended_total", reason='Odd"\n')
    server.metrics.gauge("parloir_calls_live", "Calls now.", lambda: 3)
    answer = await server.ask("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'parloir_calls_ended_total{reason="Odd\\"\\n"} 1\n' in answer.body.decode()
    assert "# TYPE parloir_calls_live gauge\nparloir_calls_live 3\n" in answer.body.decode()
