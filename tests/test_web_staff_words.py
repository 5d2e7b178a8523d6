"""Staff's pages as files: both languages say the same, and scripts, words and elements fit together."""

import re

import pytest

from parloir.store.calls import CallClass
from parloir.store.staff import Role
from parloir.web.files import read_files

FILES = {name: file.content.decode() for name, file in read_files().items()}
SCRIPTS = {"login": FILES["login.js"], "staff": FILES["staff.js"]}


def _tables() -> list[dict[str, str]]:
    tables = re.findall(r"const (?:english|spanish) = {\n(.*?)\n};", FILES["staff_words.js"], re.DOTALL)
    return [dict(re.findall(r"^  (\w+): \"(.*)\",$", table, re.MULTILINE)) for table in tables]


def test_both_languages_say_the_same_things_and_have_all_that_the_pages_ask_for() -> None:
    english, spanish = _tables()
    assert list(english) == list(spanish)
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", spanish[key])), key
    asked = set(re.findall(r'phrase\("(\w+)"', " ".join(SCRIPTS.values())))
    asked |= set(re.findall(r'data-(?:phrase|label)="(\w+)"', FILES["login.html"] + FILES["staff.html"]))
    assert len(asked) > 20
    assert asked <= set(english)
    assert {*Role, *CallClass} <= set(english)


@pytest.mark.parametrize("page", ["login", "staff"])
def test_every_file_and_element_that_a_page_names_is_there(page: str) -> None:
    html = FILES[f"{page}.html"]
    assert set(re.findall(r'(?:src|href)="static/([\w.-]+)"', html)) <= set(FILES)
    looked = re.findall(r'(?:at|querySelector)\("#([\w-]+)"\)', SCRIPTS[page])
    assert looked
    assert set(looked) <= set(re.findall(r'\bid="([\w-]+)"', html))
    assert re.findall(r"\s(?:style|on\w+)=", html) == []
