"""What is wrong with a storage configuration is known before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius.database.storage_check import check_containers
from moobius.errors import ConfigError
from tests.support.ports import free_port


def test_what_can_be_opened_later_is_accepted_and_not_opened(in_folder: Path) -> None:
    check_containers(
        [
            {"implementation": "JSONdb", "name": "scores", "settings": {"root_dir": "data"}},
            {"implementation": "redis", "name": "away", "settings": {"port": free_port(), "x": 1}},
            {"implementation": None, "name": "nothing"},
        ]
    )
    assert [*in_folder.iterdir()] == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"implementation": "jsn"}, "no storage engine 'jsn'; there are: json, null, redis"),
        ({"name": "x y"}, "'x y' cannot be the name of a container: use an identifier"),
        ({"name": "save"}, "'save' is taken"),
        ({"settings": {"root_dir": 5}}, "'root_dir' is 5; it must be the name of a file or folder"),
    ],
)
def test_what_can_never_be_opened_is_refused(entry: dict[str, Any], words: str) -> None:
    whole = {"implementation": "json", "name": "box", **entry}
    with pytest.raises(ConfigError) as caught:
        check_containers([whole])
    assert words in str(caught.value) and "\n" not in str(caught.value)
