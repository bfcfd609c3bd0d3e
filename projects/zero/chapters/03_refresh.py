# Chapter 3: answer a refresh.
#
# A page that is loaded, or switches to this channel, starts from nothing and sends "refresh".
# We answer with the list, and send it to the one who asked: recipients may be a list of ids,
# or a single one.
from moobius import Moobius, MoobiusWand


class ZeroService(Moobius):
    async def on_channel_checkin(self, channel_id):
        members = await self.fetch_member_ids(channel_id)
        await self.send_characters(characters=members, channel_id=channel_id, recipients=members)

    # triggered when the browser refreshes
    async def on_refresh(self, action):
        members = await self.fetch_member_ids(action.channel_id)
        await self.send_characters(characters=members, channel_id=action.channel_id, recipients=action.sender)


if __name__ == '__main__':
    MoobiusWand().run(ZeroService, config='config/config.json')
