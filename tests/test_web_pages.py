"""The pages as files: their headers, their cache, and that nothing in them breaks the policy they are served by."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.web.files import read_files

from .web_server import Server, serve


@async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = await serve(tmp_path)
    yield server
    await server.web.close()


@ensureDeferred
async def test_every_answer_carries_the_cautious_headers(server: Server) -> None:
    for path in ("/visit/secret", "/static/visit.js", "/api/v1/visits", "/nothing", "/healthz"):
        headers = (await server.ask("GET", path, token=None)).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Strict-Transport-Security"]
        assert headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "wss://visits.example" in policy
        assert "unsafe" not in policy


@ensureDeferred
async def test_the_page_is_the_same_for_every_link_and_does_not_hold_the_token(server: Server) -> None:
    known, unknown = [await server.ask("GET", f"/visit/{token}", token=None) for token in ("secret-1", "secret-2")]
    assert known.status == 200
    assert known.headers["Content-Type"] == "text/html; charset=utf-8"
    assert known.body == unknown.body
    assert b"secret" not in known.body


@ensureDeferred
async def test_a_file_that_the_browser_has_is_not_sent_again(server: Server) -> None:
    first = await server.ask("GET", "/static/visit.js", token=None)
    assert first.headers["Content-Type"].startswith("text/javascript")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await server.ask("GET", "/static/visit.js", headers={"If-None-Match": first.headers["ETag"]}, token=None)
    assert (again.status, again.body) == (304, b"")
    other = await server.ask("GET", "/static/visit.js", headers={"If-None-Match": '"old"'}, token=None)
    assert other.status == 200


@ensureDeferred
async def test_only_the_pages_files_are_served(server: Server) -> None:
    for path in ("/static/../site.py", "/static/%2e%2e/site.py", "/static/", "/static/none.js", "/visit/a/b"):
        assert (await server.ask("GET", path, token=None)).status == 404


def test_the_page_has_no_inline_script_or_style() -> None:
    page = read_files()["visit.html"].content.decode()
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    assert "<style" not in page
    assert re.findall(r"\s(style|on\w+)=", page) == []


def test_every_module_and_sheet_that_is_named_is_there() -> None:
    files = read_files()
    for name, file in files.items():
        text = file.content.decode()
        named = re.findall(r'(?:from "\./|\.\./static/)([\w.-]+)"', text)
        assert set(named) <= set(files), name


def test_both_languages_say_the_same_things_and_the_page_asks_for_nothing_else() -> None:
    files = {name: file.content.decode() for name, file in read_files().items()}
    tables = re.findall(r"const (?:english|spanish) = {\n(.*?)\n};", files["strings.js"], re.DOTALL)
    english, spanish = (dict(re.findall(r"^  (\w+): \"(.*)\",$", table, re.MULTILINE)) for table in tables)
    assert list(english) == list(spanish)
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", spanish[key])), key
    asked = set(re.findall(r'words\("(\w+)"', " ".join(files.values())))
    asked |= set(re.findall(r'data-(?:text|label)="(\w+)"', files["visit.html"]))
    assert asked <= set(english)


def test_every_element_that_the_scripts_look_for_is_in_the_page() -> None:
    files = {name: file.content.decode() for name, file in read_files().items()}
    ids = set(re.findall(r'\bid="([\w-]+)"', files["visit.html"]))
    looked = re.findall(r'\b(?:find|attach|say)\("([\w-]+)"', " ".join(files.values()))
    assert len(looked) > 20
    assert set(looked) <= ids
