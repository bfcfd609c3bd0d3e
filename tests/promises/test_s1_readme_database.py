"""What the readme of 0.0.1 promised of its database, its example as written there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moobius import MoobiusStorage
from tests.promises.stage import Recorder, Stage
from tests.support.room import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

DISK = [{"implementation": "json", "name": "data", "settings": {"root_dir": "records"}}]

# The lines of the example, and what is in memory and on disk after each. Where the readme warned
# that the disk still had 1, today's containers have stored it: only changes inside a value wait.
AS_WRITTEN = [
    ("self.bands[channel_id].data = {'key': 1}", 1, 1),
    ("self.bands[channel_id].data = {'key': 2}", 2, 2),
    ("self.bands[channel_id].data = {'key': 1}", 1, 1),
    ("self.bands[channel_id].data['key'] = 2", 2, 2),
    ("self.bands[channel_id].data = self.bands[channel_id].data", 2, 2),
    ("self.bands[channel_id].save('data')", 2, 2),
]
INSIDE_A_VALUE = [
    ("self.bands[channel_id].data = {'key': [1]}", [1], [1]),
    ("self.bands[channel_id].data['key'].append(2)", [1, 2], [1]),  # not saved!
    ("self.bands[channel_id].data = self.bands[channel_id].data", [1, 2], [1, 2]),
    ("self.bands[channel_id].data['key'].append(3)", [1, 2, 3], [1, 2]),  # not saved!
    ("self.bands[channel_id].save('data')", [1, 2, 3], [1, 2, 3]),
]


class Old(Recorder):
    """A service as 0.0.1 had them."""

    def run_line(self, line: str, channel_id: str) -> None:
        exec(line, {"self": self, "channel_id": channel_id})


@pytest.mark.promise("1-18", "1-26", "1-30", "1-31", "1-32")
async def test_the_example_of_the_readme(stage: Stage, in_folder: Path) -> None:
    room = await stage.another_room()
    (in_folder / "config").mkdir()
    (in_folder / "config/db.json").write_text(json.dumps(DISK), "utf-8")
    async with running(Old(config=room.config(), db_config="config/db.json")) as service:
        for line, in_memory, on_disk in AS_WRITTEN + INSIDE_A_VALUE:
            service.run_line(line, room.channel_id)
            assert service.channels[room.channel_id].data == {"key": in_memory}, line
            again = MoobiusStorage(str(service.client_id), room.channel_id, DISK)
            assert again.data == {"key": on_disk}, line
