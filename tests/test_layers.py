"""Imports point downward only (architecture, "Layers"); this reads them and holds that."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parent.parent / "src"

# Layer -> the layers it may import, besides itself. A module belongs to the longest name here
# that its own name begins with.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "private_files": set(),
    "stamps": set(),
    "_version": set(),
    "typed_json": {"errors"},
    # What users know as `types`: the words, the dataclasses, and what reads and writes them.
    "words": set(),
    "values": {"typed_json", "words"},
    "sinks": set(),
    "utils": {"errors", "typed_json", "values", "sinks"},
    "tolerant": {"words", "values"},
    "message_forms": {"utils", "words", "values", "tolerant"},
    "types": {"message_forms", "tolerant", "words", "values"},
    "config_files": {"errors", "utils"},
    "config_entries": {"errors"},
    "config": {"errors", "utils", "types", "config_files", "config_entries"},
    "config_keywords": {"errors", "config", "config_files"},
    "json_utils": {"errors", "utils", "typed_json", "config", "config_files"},
    "database": {"errors", "utils", "typed_json", "types", "config", "config_entries"},
    "network": {"errors", "stamps", "utils", "types", "tolerant", "config"},
    "core": {
        *("errors", "utils", "types", "tolerant", "message_forms"),
        *("config", "config_files", "config_keywords", "database", "network", "sinks"),
        *("messaging", "private_files", "typed_json"),
    },
    # A Platform knows no SDK.
    "local": {"errors", "stamps", "utils", "types", "config", "private_files", "_version"},
    "messaging": {"errors"},
    "storage_cli": {"errors", "typed_json", "config", "config_files", "database"},
    # On top: what people start, and the front door.
    "demo": {"errors", "utils", "types", "config", "core", "local"},
    "cli_services": {"errors", "core"},  # what `moobius ps`, `spell`, ... do
    "devtools": {  # what `moobius run`, `dev` and `doctor` do
        *("errors", "utils", "config", "config_files", "private_files", "database", "network"),
        *("core", "local", "sinks", "storage_cli", "_version"),
    },
    "command_table": {
        "errors",
        "utils",
        "types",
        "config",
        "core",
        "local",
        "demo",
        "devtools",
        "cli_services",
        "storage_cli",
        "_version",
    },
    "cli": {"errors", "core", "command_table"},
    "__main__": {"cli"},
    "legacy": {"core"},
    "": {"errors", "types", "utils", "json_utils", "core", "legacy", "_version"},
}

# The only way from core to the local Platform: these, when they need it, and this one module.
TO_LOCAL = {"moobius.core.lifecycle", "moobius.core.running.shared_platform"}
LOCAL_DOOR = "moobius.local.embedded"

# Libraries that an extra brings, imported by the function that needs them -> the extra.
EXTRAS = {"certifi": "certifi", "configobj": "messaging", "cryptography": "tls"}


class Import(NamedTuple):
    importer: str
    imported: str
    is_deferred: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((SOURCE / "moobius").rglob("*.py"))}


def layer_of(module: str) -> str:
    name = module.removeprefix("moobius").lstrip(".")
    return name.split(".")[0]


def runs_later(node: ast.AST) -> bool:
    """Tell whether what is inside is run after the import, or (for types only) never."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def imports_of(module: str) -> Iterator[Import]:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    deferred = {inner for outer in ast.walk(tree) if runs_later(outer) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node in deferred)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; absolute names are searchable"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                name = whole if whole in MODULES else str(node.module)
                yield Import(module, name, node in deferred)


IMPORTS = [found for module in MODULES for found in imports_of(module)]
OWN = [found for found in IMPORTS if found.imported.split(".")[0] == "moobius"]


def test_the_imports_are_read() -> None:
    assert Import("moobius", "moobius.types", True) in OWN
    assert Import("moobius.core.sdk", "moobius.network.ws_client", False) in OWN
    assert Import("moobius.core.lifecycle", LOCAL_DOOR, True) in OWN


def test_every_module_has_its_layer() -> None:
    assert {layer_of(module) for module in MODULES} == MAY_IMPORT.keys()


def test_the_layers_have_no_circle() -> None:
    below: set[str] = set()
    left = dict(MAY_IMPORT)
    while left:
        ready = {layer for layer, allowed in left.items() if allowed <= below}
        assert ready, f"a circle among {sorted(left)}"
        below |= ready
        left = {layer: allowed for layer, allowed in left.items() if layer not in ready}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    allowed = MAY_IMPORT[layer] | {layer}
    wrong = [
        f"{found.importer} imports {found.imported}"
        for found in OWN
        if layer_of(found.importer) == layer
        and layer_of(found.imported) not in allowed
        and not is_through_the_door(found)
    ]
    assert wrong == []


def is_through_the_door(found: Import) -> bool:
    return found.importer in TO_LOCAL and found.imported == LOCAL_DOOR and found.is_deferred


def test_core_reaches_the_local_platform_through_one_door() -> None:
    ways = [
        found
        for found in OWN
        if layer_of(found.importer) == "core" and layer_of(found.imported) == "local"
    ]
    assert {found.importer for found in ways} == TO_LOCAL
    assert all(is_through_the_door(found) for found in ways)


@pytest.mark.promise("0-03")
def test_everything_imported_is_declared() -> None:
    project = (SOURCE.parent / "pyproject.toml").read_text("utf-8")
    declared = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert declared
    names = {*re.findall(r'"([A-Za-z0-9_-]+)', declared[1]), *sys.stdlib_module_names, "moobius"}
    wrong = [
        f"{i.importer} imports {i.imported}"
        for i in IMPORTS
        if (name := i.imported.split(".")[0]) not in names
        and not (i.is_deferred and name in EXTRAS)
    ]
    assert wrong == []


def test_what_extras_bring_is_declared_by_them() -> None:
    project = (SOURCE.parent / "pyproject.toml").read_text("utf-8")
    for name, extra in EXTRAS.items():
        assert re.search(rf'^{extra} = \["{name}>=', project, re.MULTILINE)
