"""Whether a service could log, as the doctor finds out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius.config import load_config
from moobius.devtools.findings import Finding
from moobius.devtools.log_checkup import check_logs


def findings(**log_config: Any) -> list[Finding]:
    return list(check_logs(load_config({"log_config": log_config}).settings))


def test_without_a_file_there_is_the_terminal() -> None:
    assert [each.detail for each in findings()] == ["to the terminal only"]


def test_files_are_tried_and_nothing_is_left(in_folder: Path) -> None:
    (in_folder / "there.log").write_text("before")
    found = findings(
        log_file="new/folder/x.log", error_log_file="there.log", log_retention="7 days"
    )
    assert [each.status for each in found] == ["ok", "ok"]
    assert [*in_folder.iterdir()] == [in_folder / "there.log"]
    assert (in_folder / "there.log").read_text() == "before"


def test_a_file_that_cannot_be_written_is_an_error(in_folder: Path) -> None:
    (in_folder / "file").touch()
    proc, file = findings(log_file="/proc/nope/x.log", error_log_file="file/x.log")
    assert (proc.status, file.status) == ("error", "error")
    assert proc.detail == "cannot log to /proc/nope/x.log: No such file or directory"
    assert str(in_folder / "file" / "x.log") in file.detail
    assert [*in_folder.iterdir()] == [in_folder / "file"]


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("retention", ["soon", {"rotation": "sometimes"}, {"colour": "red"}])
def test_a_retention_that_loguru_does_not_know_is_an_error(retention: object) -> None:
    ok, wrong = findings(log_file="x.log", log_retention=retention)
    assert (ok.status, wrong.status) == ("ok", "error")
    assert "log_retention" in wrong.detail and '"7 days"' in wrong.advice
