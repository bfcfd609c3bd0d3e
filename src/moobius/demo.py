"""`moobius demo`: the project `projects/demo`, with its page opened in a browser."""

from __future__ import annotations

import atexit
import os
import runpy
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from moobius.core.lifecycle import announce
from moobius.errors import MissingFile
from moobius.local.embedded import find_or_start


def project_folder(name: str) -> Path:
    """Return the folder of a bundled project, in the installed package or in a checkout.

    Raises:
        MissingFile: If there is no such project.
    """
    package = Path(__file__).parent
    for folder in (package / "projects" / name, package.parents[1] / "projects" / name):
        if folder.is_dir():
            return folder
    raise MissingFile(f"no project {name!r} is bundled with this installation of moobius")


def run(words: Sequence[str], *, port: int | None, ephemeral: bool, browser: bool) -> int:
    """Run the demo until it is stopped, or until all it started has ended; return 0.

    Args:
        words: Arguments for the demo's `main.py`.
        port: Port of the page; `None` for the usual one, or a free one if that is taken.
        ephemeral: Keep everything in memory instead of in `.moobius` of the working directory.
        browser: Open the page where there is a desktop.
    """
    folder = project_folder("demo")
    if port is not None:
        os.environ["MOOBIUS_LOCAL_PORT"] = str(port)
    if ephemeral:
        os.environ["MOOBIUS_LOCAL_EPHEMERAL"] = "1"
    platform = find_or_start(Path.cwd(), announce=announce)
    # At the exit, after the services: registered first, called last.
    atexit.register(platform.close)
    announce("Open this page, and once more as somebody else:")
    announce(f"{platform.url}/")
    if browser and _has_desktop():
        webbrowser.open(platform.url)
    main = folder / "main.py"
    sys.argv = [str(main), *words]
    sys.path.insert(0, str(folder))
    runpy.run_path(str(main), run_name="__main__")
    return 0


def _has_desktop() -> bool:
    """Tell whether a browser window can be seen; on a server it would only be an error message."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
