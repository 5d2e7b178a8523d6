"""What `parloir check` says of plugins."""

from datetime import date
from pathlib import Path

import pytest

from parloir.cli import main
from parloir.config import caps
from parloir.config.caps import Caps
from parloir.config.schema import Facility, Rates
from parloir.policy import price_check

HEAD = """\
gateway: {data_dir: data}
facilities:
  north:
    name: North
    timezone: America/Chicago
    stations: {pod-a-1: {address: "sip:1001@127.0.0.1:5090"}}
    plugins:
"""


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        ("      schedulin: {}\n", "did you mean 'scheduling'?"),
        ("      contacts: {lists: {mosst: 3}}\n", "unknown key"),
    ],
)
def test_check_names_a_plugins_fault_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plugins: str, said: str
) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(HEAD + plugins)
    assert main(["check", str(file)]) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert f"{file}:8" in printed


def test_check_accepts_the_plugins_that_come_with_parloir(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(HEAD + "      scheduling: {}\n      contacts: {}\n      limits: {}\n")
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        ("", "facilities.north.recording.on_failure: must be given, for plugin recording may have calls recorded"),
        ("    recording: {tone: 15}\n", "write recording: {on_failure: end}, or go_on"),
        ("    recording: {on_failure: maybe}\n", "facilities.north.recording.on_failure"),
        ("    recording: {on_failure: end}\n", ""),
        ("    recording: {on_failure: go_on}\n", ""),
    ],
)
def test_facility_that_records_says_what_becomes_of_a_failed_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recording: str, said: str
) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(
        HEAD.replace("{data_dir: data}", "{data_dir: data}\nrecording: {key_file: keys}")
        + f"      recording: {{record: ordinary}}\n{recording}"
    )
    assert main(["check", str(file)]) == (1 if said else 0)
    assert said in capsys.readouterr().err


BILLED = """\
      billing: {accounts: [visitor], rates: [{medium: video, per_minute: "0.19"}, {per_minute: "%s"}]}
"""


@pytest.mark.parametrize(
    ("tier", "price", "said"),
    [
        (
            "",
            "0.11",
            ["no tier although billing rates calls", "$0.11 a minute of audio is over"],
        ),
        ("jail-350-999", "0.13", ["$0.13 a minute of audio is over the legal cap of $0.12", "not confirmed"]),
        ("jail-350-999", "0.12", ["not confirmed by a person"]),
    ],
)
def test_check_warns_of_prices_that_the_law_may_not_allow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tier: str, price: str, said: list[str]
) -> None:
    file = tmp_path / "parloir.yaml"
    rates = f"    rates: {{tier: {tier}}}\n" if tier else ""
    file.write_text(HEAD.replace("    plugins:\n", f"{rates}    plugins:\n") + BILLED % price)
    assert main(["check", str(file)]) == 0
    printed = capsys.readouterr().err
    assert all(f"{each}" in printed for each in said)
    assert ("over the legal cap" in printed) is any("over" in each for each in said)


def test_check_names_a_tier_without_caps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(HEAD.replace("    plugins:\n", "    rates: {tier: jail-350-99}\n    plugins: {}\n"))
    assert main(["check", str(file)]) == 1
    printed = capsys.readouterr().err
    assert f"{file}:7" in printed
    assert "no legal cap is known for 'jail-350-99', did you mean 'jail-350-999'?" in printed


def test_data_older_than_a_year_are_said_to_be() -> None:
    known = Caps(caps.read("t.csv", "jail,audio,2026-01-01,,0.10,0.02,in_force,An order,2026-01-01,A. Lawyer"))
    facility = Facility(name="North", timezone="America/Chicago", rates=Rates(tier="jail"))

    def said(today: date) -> list[str]:
        found = price_check.doubts(("facilities", "north"), facility, "billing", object(), known, today)
        return [message for _, message, _ in found]

    assert said(date(2027, 1, 1)) == []
    assert said(date(2027, 1, 2)) == ["the legal caps that hold here were looked up on 2026-01-01"]


def test_rates_are_printed_with_their_source_and_who_confirmed_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rates", "--date", "2026-11-22", "--tier", "jail-350-999"]) == 0
    printed = capsys.readouterr().out
    assert "jail-350-999  audio   $0.12  $0.10  $0.02     2026-04-06  -      2025-11-07  no " in printed
    assert "were not checked against the law" in printed
    assert main(["rates", "--date", "2026-04-05", "--tier", "prison"]) == 0
    assert "video: no cap in force is known, so nothing may be charged" in capsys.readouterr().out
    assert main(["rates", "--tier", "jail"]) == 1
    assert "no tier 'jail': there are prison," in capsys.readouterr().err
