"""Staff at the web: they log in, see what their role and facilities let them see, and no other site acts for them."""

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection

from parloir.store import alerts, audit, staff
from parloir.store.alerts import Severity
from parloir.web.sessions import Sessions

from .web_desk import TOKEN
from .web_office import NOW, ORIGIN, OURS, Browser, Counter, cookie, counter

VISIT = {"facility": "north", "station": "pod-a-1", "visitor": "Ann Doe", "start": "now", "minutes": 10}
SLOTS = "/api/v1/slots?facility=north&after=2030-01-01T00:00:00Z&before=2030-01-08T00:00:00Z&minutes=30"


@async_yield_fixture
async def desk(tmp_path: Path) -> AsyncIterator[Counter]:
    desk = await counter(tmp_path)
    yield desk
    await desk.close()


@ensureDeferred
async def test_a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(desk: Counter) -> None:
    answer = await desk.log_in("OFFICER")
    assert (answer.status, answer.json["user"], answer.json["roles"]) == (200, "officer", ["officer"])
    ((name, morsel),) = SimpleCookie(answer.headers["Set-Cookie"]).items()
    assert name == "__Host-parloir"
    assert (morsel["path"], morsel["samesite"], morsel["domain"]) == ("/", "Strict", "")
    assert morsel["httponly"]
    assert morsel["secure"]
    assert morsel.value not in answer.body.decode()


def test_over_plain_http_the_cookie_is_not_kept_for_https_alone() -> None:
    removal = Sessions(None, "http://127.0.0.1:8080").removal  # type: ignore[arg-type]
    assert removal == "parloir=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"


@ensureDeferred
async def test_a_session_shows_who_it_is_and_ends_with_the_logout(desk: Counter) -> None:
    browser = await desk.session("guest")
    me = await browser.ask("GET", "/api/v1/me")
    assert me.json["name"] == "The guest"
    assert me.json["facilities"] == ["south"]
    assert me.json["zones"] == {"south": "America/Denver"}
    out = await browser.ask("POST", "/api/v1/logout")
    assert out.status == 204
    assert "Max-Age=0" in out.headers["Set-Cookie"]
    again = await browser.ask("GET", "/api/v1/me")
    assert (again.status, again.json["error"]["code"]) == (401, "session_over")


@ensureDeferred
async def test_whoever_is_disabled_is_out_at_once(desk: Counter) -> None:
    browser = await desk.session("officer")

    def disable(connection: Connection) -> None:
        person = staff.by_user(connection, "officer")
        assert person is not None
        staff.set_disabled(connection, person.id, True, by="test")

    await desk.office.database.run(disable)
    assert (await browser.ask("GET", "/api/v1/me")).status == 401


@ensureDeferred
async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_and_guesses_are_rationed(desk: Counter) -> None:
    wrong = await desk.log_in("officer", "wrong")
    nobody = await desk.log_in("nobody", "wrong")
    assert (wrong.status, wrong.body) == (nobody.status, nobody.body) == (401, wrong.body)
    answers = [await desk.log_in("officer", "wrong") for _ in range(5)]
    assert answers[-1].status == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (await desk.log_in("officer")).status == 429


@ensureDeferred
async def test_an_address_that_tries_many_names_is_made_to_wait(desk: Counter) -> None:
    answers = [await desk.log_in(f"nobody{number}", "wrong") for number in range(21)]
    assert [answer.status for answer in answers] == [401] * 20 + [429]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ORIGIN},
        {"X-Parloir": "1", "Origin": "https://evil.example"},
        {"X-Parloir": "1", "Origin": "null"},
    ],
)
@ensureDeferred
async def test_another_sites_page_can_neither_change_a_thing_nor_log_anybody_in(
    desk: Counter, headers: dict[str, str]
) -> None:
    browser = await desk.session("administrator")
    for method, path, body in (
        ("POST", "/api/v1/visits", VISIT),
        ("DELETE", "/api/v1/calls/live1", {"reason": "mischief"}),
        ("POST", "/api/v1/logout", None),
        ("POST", "/api/v1/plugins/north/any/thing", None),
    ):
        assert (await browser.ask(method, path, body, headers)).status == 403
    assert (await desk.log_in("officer", headers=headers)).status == 403
    assert desk.server.desk.ended == []
    assert (await browser.ask("GET", "/api/v1/me")).status == 200


@pytest.mark.parametrize(
    ("user", "books", "ends"),
    [
        ("technician", False, False),
        ("officer", False, True),
        ("scheduler", True, False),
        ("auditor", False, False),
        ("administrator", True, True),
    ],
)
@ensureDeferred
async def test_each_role_reads_all_and_does_only_what_it_is_for(
    desk: Counter, user: str, books: bool, ends: bool
) -> None:
    browser = await desk.session(user)
    await desk.server.ask("POST", "/api/v1/visits", VISIT)
    for path in ("/api/v1/visits", "/api/v1/calls", "/api/v1/calls/live1", "/api/v1/alerts", SLOTS):
        assert (await browser.ask("GET", path)).status == 200
    visit = (await browser.ask("GET", "/api/v1/visits")).json["visits"][0]
    assert (visit["link"] is not None, visit["code"] is not None) == (books, books)
    assert (await browser.ask("DELETE", "/api/v1/visits/v1", {"reason": "ill"})).status == (200 if books else 403)
    assert (await browser.ask("DELETE", "/api/v1/calls/live1", {"reason": "a fight"})).status == (204 if ends else 403)
    assert desk.server.desk.ended == ([("live1", "a fight", user)] if ends else [])


@ensureDeferred
async def test_staff_of_one_facility_neither_see_nor_touch_another(desk: Counter) -> None:
    browser = await desk.session("guest")
    await desk.server.ask("POST", "/api/v1/visits", VISIT)
    assert (await browser.ask("GET", "/api/v1/visits")).json == {"visits": []}
    assert (await browser.ask("GET", "/api/v1/calls")).json == {"calls": []}
    for method, path, body in (
        ("GET", "/api/v1/calls/live1", None),
        ("DELETE", "/api/v1/calls/live1", {"reason": "curious"}),
        ("GET", SLOTS, None),
        ("GET", "/api/v1/alerts?facility=north", None),
        ("GET", "/api/v1/plugins/north/any/thing", None),
    ):
        assert (await browser.ask(method, path, body)).status in (403, 404)
    assert desk.server.desk.ended == []


@ensureDeferred
async def test_the_bearer_token_may_do_everything_and_needs_no_cookie(desk: Counter) -> None:
    assert (await desk.server.ask("POST", "/api/v1/visits", VISIT)).json["link"]
    assert (await desk.server.ask("GET", "/api/v1/me")).json["user"] == "api"
    wrong = {"Authorization": "Bearer wrong-token-of-all", "Cookie": (await desk.session("officer")).cookie}
    assert (await desk.server.ask("GET", "/api/v1/me", headers=wrong, token=None)).status == 401
    assert TOKEN not in str(wrong)


@ensureDeferred
async def test_an_alert_is_acknowledged_once_by_name_where_one_works(desk: Counter) -> None:
    def raise_alerts(connection: Connection) -> None:
        for facility in ("north", "south", None):
            alerts.add(connection, at=NOW, facility=facility, severity=Severity.WARNING, text=f"at {facility}")

    await desk.office.database.run(raise_alerts)
    guest, officer = await desk.session("guest"), await desk.session("officer")
    texts = [each["text"] for each in (await guest.ask("GET", "/api/v1/alerts")).json["alerts"]]
    assert texts == ["at None", "at south"]
    assert len((await officer.ask("GET", "/api/v1/alerts?waiting=true")).json["alerts"]) == 3
    assert (await guest.ask("POST", "/api/v1/alerts/1/acknowledge")).status == 403
    known = await guest.ask("POST", "/api/v1/alerts/2/acknowledge")
    assert known.json["acknowledged_by"] == "guest"
    assert (await officer.ask("POST", "/api/v1/alerts/2/acknowledge")).json["acknowledged_by"] == "guest"
    assert len((await officer.ask("GET", "/api/v1/alerts?waiting=true")).json["alerts"]) == 2
    for id in ("99", "0", "-1", "x", "9" * 30, "%C2%B2"):
        assert (await officer.ask("POST", f"/api/v1/alerts/{id}/acknowledge")).status == 404
    auditor = await desk.session("auditor")
    assert (await auditor.ask("POST", "/api/v1/alerts/1/acknowledge")).status == 403


@ensureDeferred
async def test_free_times_are_asked_for_by_people_and_a_bounded_span(desk: Counter) -> None:
    answer = await desk.server.ask("GET", f"{SLOTS}&resident=r1&visitors=v1,v2")
    assert answer.json["slots"] == [
        {"station": "pod-a-1", "start": "2030-01-01T00:00:00Z", "end": "2030-01-01T00:30:00Z"}
    ]
    (search,) = desk.server.desk.searches
    assert (search.resident, search.visitors) == ("r1", ("v1", "v2"))
    for wrong in (SLOTS.replace("2030-01-08", "2031-01-08"), SLOTS.replace("2030-01-08", "2029-01-08")):
        assert (await desk.server.ask("GET", wrong)).status == 422


@ensureDeferred
async def test_every_login_is_in_the_audit_chain_and_no_password_is(desk: Counter) -> None:
    await desk.log_in("officer")
    await desk.log_in("officer", "my secret guess")
    told = str(await desk.office.database.run(audit.list))
    assert "login.refused" in told
    assert "my secret guess" not in told


@pytest.mark.parametrize("page", ["login", "staff"])
@ensureDeferred
async def test_staffs_pages_are_open_hold_nothing_and_run_nothing_inline(desk: Counter, page: str) -> None:
    answer = await Browser(desk.server, "").ask("GET", f"/{page}", headers={})
    assert answer.status == 200
    text = answer.body.decode()
    assert '<script type="module" src=' in text
    assert "style=" not in text
    assert OURS["Origin"] not in text
    assert cookie(await desk.log_in("officer")) not in text
