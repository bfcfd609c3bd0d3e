"""Run the demo.

python main.py          the service
python main.py test     the service, and four spells cast on it after ten seconds
python main.py agent    the service, and an agent beside it
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from agent import DemoAgent
from service import DemoService

from moobius import MoobiusWand
from moobius.errors import MoobiusError

CONFIG = Path(__file__).parent / "config"
SPELL_DELAY = float(os.environ.get("DEMO_SPELL_DELAY", "10"))
BOMB = "BOMB! " * 100_000  # more than a frame can carry

SERVICE = {"config": CONFIG / "config.json"}
AGENT = {"config": CONFIG / "agent.json", "is_agent": True}


def run_service():
    MoobiusWand().run(DemoService, **SERVICE)


def run_with_spells():
    wand = MoobiusWand()
    service = wand.run(DemoService, background=True, **SERVICE)
    time.sleep(SPELL_DELAY)
    wand.spell(service, "SYNC")
    asyncio.run(wand.aspell(service, "ASYNC"))
    wand.spell(service, BOMB)
    wand.spell(service, "SURVIVE")
    wand.join()


def run_with_agent():
    wand = MoobiusWand()
    wand.run(DemoService, background=True, **SERVICE)
    wand.run(DemoAgent, background=True, **AGENT)
    wand.join()


WAYS = {"": run_service, "test": run_with_spells, "agent": run_with_agent}

# Without this line a background service, which imports this file, would start another one.
if __name__ == "__main__":
    way = WAYS.get(" ".join(sys.argv[1:]))
    if way is None:
        sys.exit(__doc__)
    try:
        way()
    except MoobiusError as error:  # a background service's: a wrong password, for one
        sys.exit(f"demo: {error}")
