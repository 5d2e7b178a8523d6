"""The archive over HTTP: what a search finds, who may do what, and that it is on record first."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.store import audit

from .web_archive import archive, stock
from .web_office import Counter, counter


@async_yield_fixture
async def shelves(tmp_path: Path) -> AsyncIterator[Counter]:
    made = await counter(tmp_path, archive=archive(tmp_path))
    await made.office.database.run(stock)
    yield made
    await made.close()


async def found(shelves: Counter, user: str = "auditor", **wanted: str) -> list[str]:
    """The ids that a search finds."""
    answer = await (await shelves.session(user)).ask("GET", f"/api/v1/recordings?{urlencode(wanted)}")
    assert answer.status == 200, answer.body
    return [each["id"] for each in answer.json["recordings"]]


async def acts(shelves: Counter, id: str) -> list[tuple[str, str, str]]:
    """What the audit chain has of a recording: who, what, why."""
    work: Any = lambda connection: audit.list(connection, subject=f"recording {id}")  # noqa: E731
    return [(each.actor, each.action, each.facts.get("reason", "")) for each in await shelves.office.database.run(work)]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["r2", "r1", "r0"]),
        ({"person": "sam"}, ["r0"]),
        ({"person": "eve m"}, ["r1"]),
        ({"person": "1002"}, ["r2"]),
        ({"station": "pod-a-2"}, ["r1"]),
        ({"after": "2026-03-02T00:00:00-06:00", "before": "2026-03-03T00:00:00-06:00"}, ["r1"]),
        ({"class": "ordinary"}, ["r2", "r1", "r0"]),
        ({"class": "privileged"}, []),
        ({"note": "COMPLAINT"}, ["r1"]),
        ({"note": "raised"}, ["r1"]),
        ({"person": "sam", "note": "complaint"}, []),
    ],
)
@ensureDeferred
async def test_recordings_are_found_by_person_station_day_class_and_note(
    shelves: Counter, wanted: dict[str, str], ids: list[str]
) -> None:
    assert await found(shelves, **wanted) == ids


@ensureDeferred
async def test_search_goes_as_far_as_who_asks_may_go(shelves: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parloir.web.recordings.MOST", 1)
    assert await found(shelves, "guest") == ["r2"]
    guest, auditor = await shelves.session("guest"), await shelves.session("auditor")
    assert (await guest.ask("GET", "/api/v1/recordings?facility=north")).status == 403
    assert (await guest.ask("GET", "/api/v1/recordings/r0")).status == 403
    assert not (await guest.ask("GET", "/api/v1/recordings")).json["more"]
    answer = await auditor.ask("GET", "/api/v1/recordings")
    assert (len(answer.json["recordings"]), answer.json["more"]) == (1, True)


@pytest.mark.parametrize("wrong", ["class=secret", "text=ann", "after=2026-03-02", f"note={'x' * 201}"])
@ensureDeferred
async def test_search_for_what_there_cannot_be_is_refused(shelves: Counter, wrong: str) -> None:
    auditor = await shelves.session("auditor")
    assert (await auditor.ask("GET", f"/api/v1/recordings?{wrong}")).status == 422


@ensureDeferred
async def test_notes_on_the_call_are_shown_with_its_recording_and_stay(shelves: Counter) -> None:
    auditor = await shelves.session("auditor")
    shown = (await auditor.ask("GET", "/api/v1/recordings/r1")).json
    assert shown["notes"] == [{"text": "raised voices", "made": "2026-03-02T18:02:00Z", "made_by": "lee"}]
    (mark,) = shown["marks"]
    assert (mark["text"], mark["made_by"]) == ("a complaint", "kim")
    assert (await auditor.ask("DELETE", f"/api/v1/recordings/r1/marks/{mark['id']}")).status == 204
    left = (await auditor.ask("GET", "/api/v1/recordings/r1")).json
    assert (left["marks"], left["notes"]) == ([], shown["notes"])
    assert (await auditor.ask("GET", "/api/v1/recordings/r0")).json["notes"] == []


@ensureDeferred
async def test_note_that_no_database_can_hold_is_refused(shelves: Counter) -> None:
    auditor = await shelves.session("auditor")
    for text in ("\0", " ", "x" * 1001):
        assert (await auditor.ask("POST", "/api/v1/recordings/r1/marks", {"text": text})).status == 422


@ensureDeferred
async def test_hold_is_placed_and_lifted_with_a_reason_by_those_who_may(shelves: Counter) -> None:
    path = "/api/v1/recordings/r0/hold"
    for user in ("officer", "technician", "scheduler", "guest"):
        browser = await shelves.session(user)
        for method in ("POST", "DELETE"):
            assert (await browser.ask(method, path, {"reason": "case 5"})).status == 403, user
    assert await acts(shelves, "r0") == []
    auditor = await shelves.session("auditor")
    for empty in ({}, {"reason": " "}):
        assert (await auditor.ask("POST", path, empty)).status == 422
    assert (await auditor.ask("POST", path, {"reason": "case 5"})).status == 201
    shown = (await auditor.ask("GET", "/api/v1/recordings/r0")).json
    assert shown["recording"]["held"]
    assert [(each["reason"], each["placed_by"]) for each in shown["holds"]] == [("case 5", "auditor")]
    administrator = await shelves.session("administrator")
    assert (await administrator.ask("DELETE", path, {"reason": "closed"})).status == 204
    assert not (await auditor.ask("GET", "/api/v1/recordings/r0")).json["recording"]["held"]
    assert await acts(shelves, "r0") == [
        ("auditor", "recording.held", "case 5"),
        ("administrator", "recording.released", "closed"),
    ]


@ensureDeferred
async def test_no_hold_without_its_audit_record(shelves: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the store is gone")

    auditor = await shelves.session("auditor")
    with monkeypatch.context() as broken:
        broken.setattr("parloir.calls.shelf.audit.append", fail)
        assert (await auditor.ask("POST", "/api/v1/recordings/r0/hold", {"reason": "case 5"})).status == 500
    shown = (await auditor.ask("GET", "/api/v1/recordings/r0")).json
    assert (shown["recording"]["held"], shown["holds"]) == (False, [])


@pytest.mark.parametrize("what", ["playback", "bundle"])
@ensureDeferred
async def test_nothing_is_made_for_whom_no_policy_permits_it(shelves: Counter, what: str) -> None:
    for user, status in (("officer", 403), ("auditor", 403), ("technician", 403), ("guest", 403)):
        browser = await shelves.session(user)
        assert (await browser.ask("POST", f"/api/v1/recordings/r0/{what}", {"reason": "a tip"})).status == status
    assert (await (await shelves.session("auditor")).ask("GET", f"/api/v1/recordings/r0/{what}")).status == 404
    assert await acts(shelves, "r0") == []
