"""The demo agent: a program that sits in the channel as a member, with an account like yours.

DemoAgentTutorial.md walks through this file.
"""

from moobius import Moobius


class DemoAgent(Moobius):
    """Says hello and answers when it is spoken to."""

    async def on_start(self):
        self.greeted = set()

    async def on_update_characters(self, update):
        # The service shows us who is there; it does so again whenever somebody comes or goes.
        if update.channel_id not in self.greeted:
            self.greeted.add(update.channel_id)
            everybody = [item.character for item in update.content]
            await self.send_message("Hello!", update.channel_id, recipients=everybody)

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
