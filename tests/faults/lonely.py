"""A service for `test_outage.py`, run as a program: it answers, and says what each moment costs.

Every line on standard output is: the time, the CPU seconds used so far, and what was logged.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

from loguru import logger

from moobius import Moobius, types

if TYPE_CHECKING:
    from loguru import Record


class Lonely(Moobius):
    """Answers everybody."""

    async def on_message_up(self, message: types.MessageBody) -> None:
        message.content.text = f"heard: {message.content.text}"
        message.recipients = [message.sender]
        await self.send_message(message)


def _costs(record: Record) -> str:
    return f"{time.time():.3f} {time.process_time():.4f} {{message}}\n{{exception}}"


if __name__ == "__main__":
    config = json.loads(sys.argv[1])
    service = Lonely(config=config)
    logger.remove()
    logger.add(sys.stdout, format=_costs, level="DEBUG", diagnose=False)  # as our own sinks
    asyncio.run(service.start())
