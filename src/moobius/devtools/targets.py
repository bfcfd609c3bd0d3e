"""Which service a person means by `FILE`, `MODULE` or either of them with `:CLASS`."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from moobius.core.sdk import Moobius
from moobius.errors import ConfigError, MissingFile

_STARTERS = ("run", "run_all")


@dataclass(frozen=True)
class Target:
    """What was named.

    Attributes:
        file: The file, or `None` if a module was named.
        module: The module's name, or that of the file without `.py`.
        cls: The name of the class; empty to find the only one.
    """

    file: Path | None
    module: str
    cls: str

    @property
    def place(self) -> str:
        """The file or the module, as it was named."""
        return str(self.file or self.module)

    @property
    def folder(self) -> Path | None:
        """Where its source lies; `None` if there is no such module."""
        if self.file is not None:
            return self.file.absolute().parent
        spec = PathFinder.find_spec(self.module.partition(".")[0], [str(Path.cwd()), *sys.path])
        return Path(spec.origin).parent if spec is not None and spec.origin else None

    @property
    def starts_itself(self) -> bool:
        """Whether it is a program of its own, to be run as it stands.

        Raises:
            OSError: If its file cannot be read.
        """
        if self.file is None or self.cls:
            return False
        try:
            body = _parsed(self.file).body
        except ConfigError:
            return True  # whoever runs it is told what is wrong
        return any(_is_guard(node) for node in body) or starts_on_import(body)


def parse_target(text: str) -> Target:
    """Read `FILE[:CLASS]` or `MODULE[:CLASS]`.

    Raises:
        MissingFile: If a file is named and not there.
    """
    name, colon, cls = text.rpartition(":")
    if not (colon and cls.isidentifier()):
        name, cls = text, ""
    file = Path(name).expanduser()
    if file.suffix != ".py":
        return Target(None, name, cls)
    if not file.is_file():
        raise MissingFile(f"no file {file.absolute()}; name a Python file, or a module")
    return Target(file, file.stem, cls)


def load_service(target: Target) -> type[Moobius]:
    """Import what a target names, with its folder on the path, and return its service class.

    Raises:
        ConfigError: If there is no such module, it is no Python, it has no service class, or
            several, or it starts its service when it is imported.
    """
    module = _import_file(target.file) if target.file else _import_module(target.module)
    found = _service_classes(module)
    if target.cls:
        chosen = vars(module).get(target.cls)
        if _is_service(chosen):
            return chosen
        raise ConfigError(
            f"{target.place} has no service class {target.cls}; it has {', '.join(found) or 'none'}"
        )
    if not found:
        raise ConfigError(f"{target.place} has no subclass of Moobius; name another file")
    if len(found) > 1:
        raise ConfigError(
            f"{target.place} has {len(found)} services: {', '.join(found)}; "
            f"say which, as in {target.place}:{next(iter(found))}"
        )
    return next(iter(found.values()))


def starts_on_import(body: list[ast.stmt]) -> bool:
    """Tell whether the top level of a module runs a service, without the usual guard."""
    calls = (
        node
        for statement in body
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and not _is_guard(statement)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    )
    return any(_is_start(call) for call in calls)


def _is_start(call: ast.Call) -> bool:
    """Recognise `MoobiusWand().run(...)`, `wand.run(...)` and the same for `run_all`."""
    assert isinstance(call.func, ast.Attribute)
    return call.func.attr in _STARTERS and "wand" in ast.unparse(call.func.value).lower()


def _is_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _import_file(file: Path) -> ModuleType:
    if starts_on_import(_parsed(file).body):
        raise ConfigError(
            f"{file} runs its service as soon as it is imported: start it with `python {file}`, "
            'or put that line under `if __name__ == "__main__":`'
        )
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = file.stem if file.stem not in sys.modules else f"service_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        raise ConfigError(f"{file}, line {error.lineno or 1}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:  # what the parser cannot take
        raise ConfigError(f"{file}: this is no Python source: {error}") from None


def _import_module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"{name!r} is neither a Python file nor the name of a module")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigError(f"no module {name!r} here; name a file, as in service.py") from None
        raise


def _service_classes(module: ModuleType) -> dict[str, type[Moobius]]:
    """Return the service classes of a module; those it imports only if it has none of its own."""
    found = {name: value for name, value in vars(module).items() if _is_service(value)}
    own = {name: value for name, value in found.items() if value.__module__ == module.__name__}
    return own or found


def _is_service(value: object) -> TypeGuard[type[Moobius]]:
    return inspect.isclass(value) and issubclass(value, Moobius) and value is not Moobius
