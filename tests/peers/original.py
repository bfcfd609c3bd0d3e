"""A published original SDK as a black box: its environment, and a program that runs on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.patience import until
from tests.support.program import Program

PUPPET = Path(__file__).parent / "programs" / "puppet.py"
MARK = "EVENT "
ANSWERS = ("returned", "failed")

Event = dict[str, Any]


class CannotBeHad(Exception):
    """The package index does not answer, or does not have the version."""


def make_environment(folder: Path, version: str, authority: str) -> Path:
    """Install a version into an environment of its own; return that environment's Python.

    Args:
        folder: Where; what is there already is used.
        version: Of the published package.
        authority: A certificate (PEM) that it shall trust. The original trusts certifi's bundle
            and nothing else, so it goes in there: the one thing a user has to prepare too.
    """
    python = folder / "bin" / "python"
    done = folder / "done"
    if done.exists() and done.read_text() == authority:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", f"moobius=={version}"]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise CannotBeHad(f"moobius=={version}: {installed.stderr[-500:]}")
    where = [str(python), "-c", "import certifi; print(certifi.where())"]
    bundle = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    with bundle.open("a") as stream:
        stream.write(f"\n{authority}")
    done.write_text(authority)
    return python


class Original(Program):
    """The puppet, on an original SDK.

    Args:
        python: Of the SDK's environment.
        folder: To run in.
        environment: Further variables.
        files: Name -> content, written as JSON; see the puppet.
    """

    def __init__(
        self, python: Path, folder: Path, environment: Mapping[str, str] = {}, **files: Any
    ) -> None:
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        super().__init__(folder, str(PUPPET), python=str(python), **environment)
        self._seen = 0
        self._calls = 0

    @property
    def events(self) -> list[Event]:
        """Everything it has told so far."""
        lines = self.output.split("\n")[:-1]  # the last one may be on its way
        return [json.loads(line.removeprefix(MARK)) for line in lines if line.startswith(MARK)]

    async def event(self, name: str, suits: Callable[[Any], bool] = lambda value: True) -> Any:
        """Wait for the next event of this name that suits; return its value.

        What came before it is passed over: events are asked for in the order they happen.
        """
        found: list[Any] = []

        def is_there() -> bool:
            for event in self.events[self._seen :]:
                self._seen += 1
                if event["event"] == name and suits(event["value"]):
                    found.append(event["value"])
                    return True
            return False

        await self._until(is_there)
        return found[0]

    async def call(self, verb: str, **arguments: Any) -> Any:
        """Make a call of the SDK; return its result. Events that come before that are kept."""
        self._calls += 1
        number = self._calls
        self.write_line(json.dumps({"call": verb, "with": arguments, "number": number}))

        def answers() -> list[Event]:
            ended = [event for event in self.events if event["event"] in ANSWERS]
            return [event for event in ended if event["value"][0] == number]

        await self._until(lambda: bool(answers()))
        (answer,) = answers()
        _, result = answer["value"]
        assert answer["event"] == "returned", result
        return result

    async def _until(self, is_so: Callable[[], bool]) -> None:
        def is_so_or_it_lives() -> bool:
            if is_so():
                return True
            self.check_alive()
            return False

        await until(is_so_or_it_lives, lambda: f"it did not happen: {self.output[-4000:]}")
