"""What `parloir check` says of plugins."""

from pathlib import Path

import pytest

from parloir.cli import main

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
