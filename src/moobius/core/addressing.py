"""Whom a frame names: the ids themselves where the Platform takes them, else a group's id.

Every Platform takes the id of a group, which has to be made first. One that announces
`inline_recipients` takes the list as it is, and a list that is new costs no request.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from moobius.core.client import Client
from moobius.errors import FrameTooLarge
from moobius.network.ws_payload_builder import Frame, Named
from moobius.types import Characters, to_char_id_list

INLINE = "inline_recipients"
MANY = 200  # ids, a quarter of the largest frame: as many recipients still fit beside them


class Addressing(Client):
    """Sending frames that name lists of characters."""

    async def _send_to(
        self,
        recipients: Characters,
        build: Callable[[Named], Frame],
        channel_id: str | None = None,
    ) -> Frame | None:
        """Send a frame to whoever is listed; `None` if that is nobody.

        Args:
            recipients: Ids or characters; or a group, by its id.
            build: Makes the frame, given how the Platform is to be told of them.
            channel_id: Where, which in user mode is part of what a group is.
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
        """Return how to name characters beside the recipients; long lists become a group."""
        if INLINE in self.ws_client.features and len(ids) <= MANY:
            return self.group_lib.known(ids) or ids
        return await self.group_lib.group_of(self.http_api, ids)
