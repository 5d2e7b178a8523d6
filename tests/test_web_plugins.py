"""Plugins at the web: their routes and pages, for whom they are, and what a broken plugin can do to others: nothing."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection

from parloir.api import HttpRoute, Page, Reply, Request
from parloir.store import participants, visitors, visits
from parloir.web import asker, plugin_routes

from .policy_plugins import answering
from .web_office import NOW, OURS, Counter, counter

BASE = "/api/v1/plugins/north/lists"
RELEASE = Event()


async def echo(request: Request) -> Reply:
    return Reply(
        {"user": request.user, "roles": request.roles, "query": dict(request.query), "body": request.body}, 201
    )


def hang(request: Request) -> Reply:
    RELEASE.wait(10)
    return Reply(None)


def leave(request: Request) -> Reply:
    raise SystemExit("the secret of the plugin")


def where(request: Request) -> Reply:
    return Reply(current_thread().name)


def wrong(value: Any) -> Callable[[Request], Any]:
    return lambda request: value


def statement(request: Request) -> Reply:
    return Reply("<p>Año</p>", media="text/html")


def hook(request: Request) -> Reply:
    return Reply({"raw": request.raw.decode(), "headers": dict(request.headers), "roles": request.roles})


WRONG = (
    None,
    {"body": 1},
    Reply(object()),
    Reply(1, 99),
    Reply(1, 1000),
    Reply(float("nan")),
    Reply("x" * 2**21),
    Reply("x", media="text/x"),
)
ROUTES = (
    HttpRoute("GET", "statement", ("officer",), statement),
    HttpRoute("POST", "hook", ("webhook",), hook),
    HttpRoute("POST", "echo", ("officer", "visitor"), echo),
    HttpRoute("GET", "own", ("visitor",), echo),
    HttpRoute("GET", "page", ("visit",), echo),
    HttpRoute("GET", "deep/where", ("auditor",), where),
    HttpRoute("GET", "hang", ("officer",), hang),
    HttpRoute("GET", "leave", ("officer",), leave),
    *(HttpRoute("GET", f"wrong/{number}", ("officer",), wrong(value)) for number, value in enumerate(WRONG)),
)


@async_yield_fixture
async def desk(tmp_path: Path) -> AsyncIterator[Counter]:
    site = tmp_path / "lists-pages"
    site.mkdir()
    (site / "index.html").write_text("<h1>Lists</h1>")
    (site / "page.js").write_text("1;")
    (site / "notes.txt").write_text("not for pages")
    (tmp_path / "secret.html").write_text("secret")
    (site / "link.html").symlink_to(tmp_path / "secret.html")
    pages = (Page("Lists", ("officer",), str(site)), Page("Books", ("auditor",), str(tmp_path / "books")))
    RELEASE.clear()
    desk = await counter(tmp_path / "home", {"lists": answering(register_routes=ROUTES, register_pages=pages)})
    yield desk
    RELEASE.set()
    await desk.close()


@ensureDeferred
async def test_a_route_is_told_who_asks_and_what(desk: Counter) -> None:
    officer = await desk.session("officer")
    answer = await officer.ask("POST", f"{BASE}/echo?unit=A&day=1", {"names": ["Ann"]})
    assert answer.status == 201
    assert answer.json == {
        "user": "officer",
        "roles": ["officer"],
        "query": {"unit": "A", "day": "1"},
        "body": {"names": ["Ann"]},
    }
    assert answer.headers["Cache-Control"] == "no-store"


@ensureDeferred
async def test_a_route_is_only_for_its_roles_its_method_and_its_facility(desk: Counter) -> None:
    auditor, guest = await desk.session("auditor"), await desk.session("guest")
    assert (await auditor.ask("POST", f"{BASE}/echo", {})).status == 403
    assert (await guest.ask("POST", f"{BASE}/echo", {})).status == 403
    assert (await desk.server.ask("POST", f"{BASE}/echo", {}, token=None)).status == 401
    other = await desk.server.ask("PUT", f"{BASE}/echo", {})
    assert (other.status, other.headers["Allow"]) == (405, "POST")
    for path in (f"{BASE}/none", "/api/v1/plugins/north/none/echo", "/api/v1/plugins/east/lists/echo"):
        assert (await desk.server.ask("POST", path, {})).json["error"]["message"]
        assert (await desk.server.ask("POST", path, {})).status == 404
    assert (await desk.server.ask("POST", "/api/v1/plugins/south/lists/echo", {})).status == 404


@ensureDeferred
async def test_the_plugins_code_runs_in_its_own_thread(desk: Counter) -> None:
    answer = await desk.server.ask("GET", f"{BASE}/deep/where")
    assert answer.json == "plugin north.lists"


@ensureDeferred
async def test_a_portal_asks_for_a_visitor_on_record_and_nobody_else_can(desk: Counter) -> None:
    def register(connection: Connection) -> str:
        return visitors.add(connection, facility="north", name="Ann Doe").id

    ann = await desk.office.database.run(register)
    headers = {"X-Parloir-Visitor": ann}
    mine = await desk.server.ask("GET", f"{BASE}/own", headers=headers)
    assert (mine.json["user"], mine.json["roles"]) == (ann, ["visitor"])
    assert (await desk.server.ask("GET", f"{BASE}/own")).status == 403
    assert (await desk.server.ask("GET", f"{BASE}/own", headers={"X-Parloir-Visitor": "nobody"})).status == 422
    assert (await desk.server.ask("GET", f"{BASE}/deep/where", headers=headers)).status == 403
    officer = await desk.session("officer")
    assert (await officer.ask("GET", f"{BASE}/own", headers=headers)).status == 403


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"[" * 60_000, {"Content-Type": "application/json"}, 400),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'"' + b"x" * 70_000 + b'"', {"Content-Type": "application/json"}, 413),
    ],
)
@ensureDeferred
async def test_a_body_that_is_no_json_or_too_long_never_reaches_the_plugin(
    desk: Counter, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await desk.server.ask("POST", f"{BASE}/echo", body, headers)).status == status


@ensureDeferred
async def test_a_route_that_fails_says_so_without_its_secrets_and_staff_are_alerted(desk: Counter) -> None:
    answer = await desk.server.ask("GET", f"{BASE}/leave")
    assert (answer.status, answer.json["error"]["code"]) == (500, "plugin_failed")
    assert b"secret" not in answer.body
    assert [each.code for each in desk.house.alerts] == ["route_failed"]
    assert (await desk.server.ask("POST", f"{BASE}/echo", {})).status == 201


@pytest.mark.parametrize("number", range(len(WRONG)))
@ensureDeferred
async def test_an_answer_that_is_no_reply_is_the_plugins_failure(desk: Counter, number: int) -> None:
    assert (await desk.server.ask("GET", f"{BASE}/wrong/{number}")).json["error"]["code"] == "plugin_failed"


@ensureDeferred
async def test_a_route_that_hangs_is_given_up_and_others_are_served(
    desk: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_routes, "DEADLINE", 0.2)
    late = await desk.server.ask("GET", f"{BASE}/hang")
    assert (late.status, late.json["error"]["code"]) == (504, "plugin_late")
    assert (await desk.server.ask("GET", f"{BASE}/deep/where")).status == 200


@ensureDeferred
async def test_a_page_is_served_to_its_role_and_listed_for_it(desk: Counter) -> None:
    officer, auditor = await desk.session("officer"), await desk.session("auditor")
    (link,) = (await officer.ask("GET", "/api/v1/me")).json["pages"]
    assert link == {
        "facility": "north",
        "plugin": "lists",
        "title": "Lists",
        "href": "/plugins/north/lists/lists-pages/",
    }
    page = await officer.ask("GET", link["href"])
    assert (page.status, page.body) == (200, b"<h1>Lists</h1>")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    script = await officer.ask("GET", f"{link['href']}page.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert (await auditor.ask("GET", link["href"])).status == 403
    first = await officer.ask("GET", "/plugins/north/lists/")
    assert (first.status, first.headers["Location"]) == (302, link["href"])


@ensureDeferred
async def test_whoever_is_not_logged_in_is_led_to_the_login_and_back(desk: Counter) -> None:
    answer = await desk.server.ask("GET", "/plugins/north/lists/lists-pages/", token=None)
    assert answer.status == 302
    assert answer.headers["Location"] == "/login?next=/plugins/north/lists/lists-pages/"


@pytest.mark.parametrize(
    "path",
    ["../secret.html", "%2e%2e/secret.html", "..%2fsecret.html", "link.html", "notes.txt", "none.js", "%00.html", ""],
)
@ensureDeferred
async def test_nothing_outside_of_the_pages_folder_is_served(desk: Counter, path: str) -> None:
    officer = await desk.session("officer")
    base = "/plugins/north/lists/lists-pages/" if path else "/plugins/north/lists/books/"
    answer = await officer.ask("GET", f"{base}{path}")
    assert answer.status in (403, 404)
    assert b"secret" not in answer.body


@ensureDeferred
async def test_a_route_answers_a_document_that_can_do_nothing(desk: Counter) -> None:
    answer = await desk.server.ask("GET", f"{BASE}/statement")
    assert answer.body.decode() == "<p>Año</p>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]


@ensureDeferred
async def test_a_webhook_is_asked_by_strangers_and_sees_what_they_signed_but_no_secrets(desk: Counter) -> None:
    headers = {"X-Signature": "abc", "Cookie": "a=b"}
    answer = await desk.server.ask("POST", f"{BASE}/hook", {"id": 7}, headers, token=None)
    assert answer.json["raw"].replace(" ", "") == '{"id":7}'
    assert answer.json["headers"]["x-signature"] == "abc"
    assert "cookie" not in answer.json["headers"]
    assert answer.json["roles"] == ["webhook"]
    assert (await desk.server.ask("POST", f"{BASE}/none", {}, token=None)).status == 401
    for _ in range(asker.KNOCKS):
        answer = await desk.server.ask("POST", f"{BASE}/hook", {}, token=None)
    assert answer.status == 429


@ensureDeferred
async def test_a_visits_page_asks_for_its_visitor_by_the_links_secret(desk: Counter) -> None:
    def book(connection: Connection) -> tuple[str, str]:
        ann = visitors.add(connection, facility="north", name="Ann Doe").id
        visit = visits.add(connection, facility="north", station="pod-a-1", visitor="Ann Doe", start=NOW, minutes=30)
        participants.put(connection, visit.id, [ann])
        return ann, visit.token

    ann, token = await desk.office.database.run(book)
    page = {**OURS, "X-Parloir-Visit": token}
    mine = await desk.server.ask("GET", f"{BASE}/page", headers=page, token=None)
    assert (mine.json["user"], mine.json["roles"]) == (ann, ["visit"])
    assert (await desk.server.ask("GET", f"{BASE}/own", headers=page, token=None)).status == 403
    assert (await desk.server.ask("GET", f"{BASE}/page", headers={"X-Parloir-Visit": token}, token=None)).status == 403
    assert (await desk.server.ask("GET", f"{BASE}/deep/where", headers=page, token=None)).status == 403
    unknown = {**OURS, "X-Parloir-Visit": "unknown"}
    assert (await desk.server.ask("GET", f"{BASE}/page", headers=unknown, token=None)).status == 401
