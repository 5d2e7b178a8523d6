"""`parloir people import`: all or nothing, again and again, and never a shrinking list of privileged people."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.cli import main
from parloir.people_changes import Terms, plan
from parloir.people_rows import KINDS, Kind, RelationshipRow, read
from parloir.store import audit, passwords, relationships, residents, visitors
from parloir.store.audit import Record
from parloir.store.relationships import Relationship, RelationshipKind, RelationshipState
from parloir.store.residents import Resident, ResidentStatus
from parloir.store.visitors import Visitor
from tests.commands import store

RESIDENTS = """number,name,unit,status,language,accommodations,pin
001,Bob Roe,A,active,es,deaf slow_reader,4711
002,"Poe, Cy",B,,,,
"""
VISITORS = """\ufeffreference,name,born,email,phone
V1,Ann Doe,1980-01-31,ann@example.org,+1 512 555 0100
V2,Lee Law,,,

V3,Pat Clergy,,,
"""
RELATIONSHIPS = """resident,visitor,kind,state,bar_id,expires
001,V1,family,approved,,
001,V2,attorney,approved,TX 1,2030-06-30
002,V3,clergy,,,
"""
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TERMS = Terms("north", ZoneInfo("America/Chicago"), NOW, "cli:test")


class Site:
    """A configuration with a store, and files to import into it."""

    def __init__(self, configuration: Path) -> None:
        self.configuration = configuration

    def take(self, *words: str, facility: str = "north", **contents: str) -> int:
        """Import these files, named after their keywords."""
        files = []
        for name, content in contents.items():
            file = self.configuration.parent / f"{name}.csv"
            file.write_text(content, encoding="utf-8")
            files.append(str(file))
        where = ["--config", str(self.configuration), "--facility", facility]
        return main(["people", "import", *files, *where, *words])

    def everyone(self) -> tuple[list[Resident], list[Visitor], list[Relationship]]:
        """What the store has."""
        with store(self.configuration) as opened, opened.reading() as connection:
            return (
                residents.list(connection, "north"),
                visitors.list(connection, "north"),
                relationships.list(connection, "north"),
            )

    def records(self) -> list[Record]:
        """The audit chain."""
        with store(self.configuration) as opened, opened.reading() as connection:
            return audit.list(connection)


@pytest.fixture
def site(configuration: Path) -> Site:
    return Site(configuration)


@pytest.fixture
def filled(site: Site) -> Site:
    assert site.take(r=RESIDENTS, v=VISITORS, x=RELATIONSHIPS) == 0
    return site


def counsel(count: int) -> str:
    """A list of attorneys of resident 001."""
    rows = "".join(f"001,L{number},attorney,approved,TX {number},\n" for number in range(count))
    return f"resident,visitor,kind,state,bar_id,expires\n{rows}"


def lawyers(count: int) -> str:
    return "reference,name\n" + "".join(f"L{number},Lawyer {number}\n" for number in range(count))


def test_people_are_taken_from_files_in_any_order(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.take(x=RELATIONSHIPS, v=VISITORS, r=RESIDENTS) == 0
    assert capsys.readouterr().out.startswith("8 added, 0 changed, 0 ended, 1 PINs")
    inside, outside, ties = site.everyone()
    assert [(each.number, each.name, each.unit, each.language, each.accommodations) for each in inside] == [
        ("001", "Bob Roe", "A", "es", ("deaf", "slow_reader")),
        ("002", "Poe, Cy", "B", None, ()),
    ]
    assert [(each.reference, each.born, each.phone) for each in outside] == [
        ("V1", date(1980, 1, 31), "+1 512 555 0100"),
        ("V2", None, None),
        ("V3", None, None),
    ]
    by_kind = {each.kind: each for each in ties}
    attorney = by_kind[RelationshipKind.ATTORNEY]
    assert (attorney.bar_id, attorney.expires) == ("TX 1", datetime(2030, 7, 1, 5, tzinfo=UTC))
    assert attorney.decided_by is not None
    assert by_kind[RelationshipKind.CLERGY].state is RelationshipState.PENDING
    (record,) = site.records()
    assert (record.action, record.subject, record.facts["added"]) == ("people.imported", "north", 8)


def test_the_same_files_again_change_nothing_and_are_not_audited(
    filled: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    before = filled.everyone()
    capsys.readouterr()
    assert filled.take(r=RESIDENTS, v=VISITORS, x=RELATIONSHIPS) == 0
    assert capsys.readouterr().out.startswith("0 added, 0 changed, 0 ended, 0 PINs")
    assert filled.everyone() == before
    assert len(filled.records()) == 1


def test_an_empty_cell_and_a_missing_column_leave_what_is_known(filled: Site) -> None:
    assert filled.take(r="number,name,unit,status\n001,Robert Roe,,away\n") == 0
    bob = filled.everyone()[0][1]
    assert (bob.name, bob.unit, bob.status, bob.language) == ("Robert Roe", "A", ResidentStatus.AWAY, "es")


def test_a_pin_is_kept_as_a_hash_and_changes_when_the_file_does(filled: Site) -> None:
    def hashes() -> dict[str, str]:
        with store(filled.configuration) as opened, opened.reading() as connection:
            return residents.pin_hashes(connection, "north")

    first = hashes()
    assert passwords.matches(first["001"], "4711")
    assert set(first) == {"001"}
    assert filled.take(r="number,name,pin\n001,Bob Roe,2580\n") == 0
    assert passwords.matches(hashes()["001"], "2580")
    assert "2580" not in str(filled.records())


def test_a_dry_run_says_what_would_change_and_changes_nothing(filled: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = filled.everyone()
    capsys.readouterr()
    assert filled.take("--dry-run", "--complete", r="number,name,pin\n001,Bob,1234\n003,New,\n", x=counsel(0)) == 0
    out = re.sub(r"\S*/", "", capsys.readouterr().out)
    assert out.splitlines() == [
        "r.csv:2: resident 001 changed",
        "r.csv:3: resident 003 added",
        "r.csv: resident 002 ended",
        "x.csv: relationship 001 V1 family ended",
        "x.csv: relationship 001 V2 attorney ended",
        "x.csv: relationship 002 V3 clergy ended",
        "resident 001 gets another PIN",
        "this would be refused without --force:",
        "  relationship 001 V2 attorney",
        "  relationship 002 V3 clergy",
        "nothing written; it would be 1 added, 1 changed, 4 ended, 1 PINs, 2 of 2 privileged relationships weakened",
    ]
    assert filled.everyone() == before
    assert len(filled.records()) == 1


def test_every_error_of_every_file_is_said_with_its_line_and_nothing_is_written(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_residents = "number,name,status,pin,language\n1,,gone,1111,Xx\n2,Cy,,,\n\n2,Al,,,\n3,a,b,c,d,e\n"
    bad_ties = "resident,visitor,kind,state,expires\n9,V1,atorney,,soon\n2,V9,attorney,approved,\n1,V1,family,,\n"
    assert site.take(r=bad_residents, v=VISITORS, x=bad_ties) == 1
    said = re.sub(r"\S*/", "", capsys.readouterr().err).splitlines()
    assert said == [
        "r.csv:2: name: empty, fill it in",
        "r.csv:2: status: not one of the choices, write active, away or released",
        "r.csv:2: language: not of the form this column has, write a tag like en or es",
        "r.csv:2: pin: guessed at once, write 4 to 12 digits that are not all the same",
        "r.csv:5: 2 is there already, on line 3, keep one of the two",
        "r.csv:6: 6 cells under 5 columns, put text with commas in quotes",
        "x.csv:2: kind: not one of the choices, write family, friend, other, attorney, clergy, medical or consular",
        "x.csv:2: expires: not a day, write it like 1980-01-31",
        "x.csv:3: visitor: no visitor 'V9' is known, import visitors first, or with this file",
        "x.csv:4: resident: resident '1' has a fault in its own line, import residents first, or with this file",
        "parloir: 10 errors",
    ]
    assert site.everyone() == ([], [], [])
    assert site.records() == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "x.csv:1: the file is empty"),
        ("number,nam\n1,2\n", "x.csv:1: unknown column 'nam', did you mean 'name'?"),
        ("resident,visitor\n1,2\n", "x.csv:1: no column 'kind', relationships need resident, visitor, kind"),
        ("number,name,name\n", "x.csv:1: column 'name' is there twice"),
        ('number,name\n1,"Bob\n', "x.csv:2: not CSV: unexpected end of data"),
        ("resident,visitor,kind,state\n001,V1,attorney,approved\n", "x.csv:2: bar_id: an attorney is approved only"),
        ("reference,name,phone\nV1,Ann\u200b,call me\n", "x.csv:2: name: has a character that cannot be printed"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(
    filled: Site, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    assert filled.take(x=content) == 1
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_utf8_is_refused_at_its_line() -> None:
    sheet = read(Path("r.csv"), b"number,name\n1,Bob\n2,J\xf6rg\n")
    assert [str(problem) for problem in sheet.problems] == ["r.csv:3: not UTF-8, save the file as UTF-8 text"]


def test_an_import_that_would_weaken_many_privileged_relationships_is_refused_and_audited(
    filled: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert filled.take(v=lawyers(40), x=counsel(40)) == 0
    before = filled.everyone()
    assert filled.take("--complete", x=counsel(39)) == 1
    said = capsys.readouterr().err
    assert "would end or weaken 3 of 42 privileged relationships, more than 5%, so nothing was changed" in said
    assert "\n  relationship 001 L39 attorney\n" in said
    assert filled.everyone() == before
    assert filled.records()[-1].action == "people.import_refused"
    assert filled.take("--complete", "--force", "--reason", "two left the bar", x=counsel(39)) == 0
    states = {(each.kind, each.bar_id): each.state for each in filled.everyone()[2]}
    assert states[RelationshipKind.ATTORNEY, "TX 39"] is RelationshipState.REVOKED
    assert states[RelationshipKind.ATTORNEY, "TX 38"] is RelationshipState.APPROVED
    last = filled.records()[-1]
    assert (last.action, last.facts["forced"], len(last.facts["weakened"])) == (
        "people.imported",
        "two left the bar",
        3,
    )


def test_a_twentieth_may_go_without_force(filled: Site) -> None:
    assert filled.take(v=lawyers(38), x=counsel(38)) == 0
    two_less = counsel(36) + "001,V2,attorney,,TX 1,\n002,V3,clergy,,,\n"
    assert filled.take("--complete", x=two_less) == 0
    one_more = counsel(35) + "001,V2,attorney,,TX 1,\n002,V3,clergy,,,\n001,L35,attorney,pending,,\n"
    assert filled.take(x=one_more) == 0


@pytest.mark.parametrize(
    "files",
    [
        {"x": "resident,visitor,kind,expires\n001,V2,attorney,2020-01-01\n"},
        {"x": "resident,visitor,kind,state\n001,V2,attorney,pending\n"},
        {"x": "resident,visitor,kind,state\n001,V2,attorney,denied\n"},
        {"v": "reference,name,status\nV2,Lee Law,closed\n"},
        {"v": "reference,name,status\nV2,Lee Law,blocked\n"},
    ],
    ids=["expired", "downgraded", "denied", "closed", "blocked"],
)
def test_every_way_of_weakening_counts(filled: Site, files: dict[str, str]) -> None:
    assert filled.take(**files) == 1
    assert filled.take("--force", "--reason", "told so", **files) == 0


def test_what_is_left_out_ends_only_when_the_files_are_complete(filled: Site) -> None:
    assert filled.take(r="number,name\n002,Cy\n") == 0
    assert {each.status for each in filled.everyone()[0]} == {ResidentStatus.ACTIVE}
    assert filled.take("--complete", r="number,name\n002,Cy\n") == 0
    assert {each.number: each.status for each in filled.everyone()[0]} == {
        "001": ResidentStatus.RELEASED,
        "002": ResidentStatus.ACTIVE,
    }
    assert len(filled.everyone()[2]) == 3


def test_force_needs_a_reason_and_a_facility_must_be_there(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--force"], ["--reason", "x"], ["--force", "--reason", " "]):
        assert site.take(*words, r=RESIDENTS) == 1
        assert "give --force and --reason TEXT together" in capsys.readouterr().err
    assert site.take(r=RESIDENTS, facility="south") == 1
    assert "there is none of that name, only north" in capsys.readouterr().err
    assert main(["people", "import", "nowhere.csv", "--config", str(site.configuration), "--facility", "north"]) == 1
    assert "nowhere.csv cannot be read: no such file" in capsys.readouterr().err


def test_an_expiry_is_the_end_of_that_day_by_the_facilitys_clock() -> None:
    row = RelationshipRow(resident="1", visitor="V", kind=RelationshipKind.FAMILY, expires=date(2026, 3, 7))
    assert row.expiry(ZoneInfo("America/Chicago")) == datetime(2026, 3, 8, 6, tzinfo=UTC)
    day_of_change = row.model_copy(update={"expires": date(2026, 3, 8)})
    assert day_of_change.expiry(ZoneInfo("America/Chicago")) == datetime(2026, 3, 9, 5, tzinfo=UTC)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_no_file_at_all_breaks_the_reader(content: bytes) -> None:
    sheet = read(Path("any.csv"), content)
    assert all(problem.line >= 1 for problem in sheet.problems)
    assert plan({}, [sheet], TERMS).problems or not sheet.lines or sheet.kind is not None


CELL = st.sampled_from(["", "1", "001", "family", "approved", "2030-01-31", "4711", 'a"b', "ü", "x" * 300])


@given(st.sampled_from(KINDS[:2]), st.lists(st.lists(CELL, min_size=1, max_size=8), max_size=5))
def test_any_cells_are_taken_or_complained_of_and_taken_once(kind: Kind, rows: list[list[str]]) -> None:
    quoted = [",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows]
    sheet = read(Path("r.csv"), "\n".join([",".join(kind.columns), *quoted]).encode())
    first = plan({}, [sheet], TERMS)
    assert len(first.changes) == len(sheet.lines)
    known = {change.key: change.after for change in first.changes}
    assert plan(known, [sheet], TERMS).changes == ()
