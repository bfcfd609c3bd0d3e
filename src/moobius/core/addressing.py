"""How a frame names its recipients: by their ids if the Platform accepts that, else by a group.

Every Platform accepts the id of a group, which must be created first. One that announces
`inline_recipients` also accepts the list itself, so that a new list costs no HTTP request.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from moobius.core.client import Client
from moobius.errors import FrameTooLarge
from moobius.network.ws_payload_builder import Frame, Named
from moobius.types import Characters, to_char_id_list

INLINE = "inline_recipients"
MANY = 200  # ids; they take a quarter of the largest frame, so that recipients fit in as well


class Addressing(Client):
    """Sending frames that name lists of characters."""

    async def _send_to(
        self,
        recipients: Characters,
        build: Callable[[Named], Frame],
        channel_id: str | None = None,
    ) -> Frame | None:
        """Send a frame to recipients, and return it; `None` if there are none.

        Args:
            recipients: Ids or characters; or the id of a group.
            build: Makes the frame from the recipients as the Platform takes them: group or ids.
            channel_id: The channel; groups in user mode belong to one.
        """
        ids = to_char_id_list(recipients)
        if not ids:
            return None
        where = None if self.service_mode else channel_id
        known = self.group_lib.known(ids, self.service_mode, where)
        if known is None and INLINE in self.ws_client.features:
            try:
                # One id alone may also be that of a group somebody else has made.
                return await self._send(build(ids if len(ids) > 1 else ids[0]))
            except FrameTooLarge as error:
                logger.debug("{}; its recipients become a group", error)
        group = known or await self.group_lib.group_of(self.http_api, ids, where)
        return await self._send(build(group))

    async def _named(self, ids: list[str]) -> Named:
        """Return ids as a frame may contain them besides its recipients; long lists as a group."""
        if INLINE in self.ws_client.features and len(ids) <= MANY:
            return self.group_lib.known(ids) or ids
        return await self.group_lib.group_of(self.http_api, ids)
