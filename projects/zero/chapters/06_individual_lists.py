# Chapter 6: everybody sees a list of their own.
#
# The order of the list is the order on the page. Here each member comes first in their own
# list, followed by Meow and the others. One member's view now has a method of its own, so that
# a refresh is answered to the one who asked and nobody else: that is service.py.
from moobius import Moobius, MoobiusWand, types


class ZeroService(Moobius):
    async def before_channel_init(self):
        self.meow = await self.create_agent(name='Meow', avatar='resources/avatar.png')
        self.members = {}

    async def on_channel_checkin(self, channel_id):
        await self.sync_channel(channel_id)

    async def on_refresh(self, action):
        await self.sync_channel(action.channel_id)

    async def on_join(self, action):
        await self.sync_channel(action.channel_id)

    async def on_leave(self, action):
        await self.sync_channel(action.channel_id)

    async def sync_channel(self, channel_id):
        members = await self.fetch_member_ids(channel_id)
        self.members[channel_id] = members
        characters = [self.meow] + members

        for member in members:
            ind = characters.index(member) # find the recipient
            payload = [member] + characters[:ind] + characters[ind + 1:]
            await self.send_characters(characters=payload, channel_id=channel_id, recipients=member)


if __name__ == '__main__':
    MoobiusWand().run(ZeroService, config='config/config.json')
