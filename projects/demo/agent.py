"""The demo agent: a program that sits in the channel as a member, with an account like yours.

DemoAgentTutorial.md walks through this file.
"""

from moobius import Moobius


class DemoAgent(Moobius):
    """Says hello and answers when it is spoken to."""

    async def on_start(self):
        for channel_id in self.channels:
            members = await self.fetch_member_ids(channel_id)
            await self.send_message("Hello, I am the agent!", channel_id, recipients=members)

    async def on_message_down(self, message):
        # Its own messages come back to it too. Answering those would never end.
        if message.sender == self.client_id:
            return
        match (message.content.text or "").strip().lower():
            case "agent ping":
                answer = "Agent pong!"
            case "agent who":
                answer = f"I am {self.client_id}, and you are {message.sender}."
            case _:
                return
        await self.send_message(answer, message.channel_id, recipients=message.sender)
