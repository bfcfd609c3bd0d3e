# Chapter 5: members come and go.
#
# Who joins sends a refresh and is answered, but nobody told the others. Now everybody gets the
# new list when somebody joins or leaves. It is the same work each time, so it has a name:
# sync_channel.
from moobius import Moobius, MoobiusWand, types


class ZeroService(Moobius):
    async def before_channel_init(self):
        self.meow = await self.create_agent(name='Meow', avatar='resources/avatar.png')
        self.members = {}

    async def on_channel_checkin(self, channel_id):
        await self.sync_channel(channel_id)

    async def on_refresh(self, action):
        await self.sync_channel(action.channel_id)

    # triggered when a user joins a channel
    async def on_join(self, action):
        await self.sync_channel(action.channel_id)

    # triggered when a user leaves a channel
    async def on_leave(self, action):
        await self.sync_channel(action.channel_id)

    async def sync_channel(self, channel_id):
        self.members[channel_id] = await self.fetch_member_ids(channel_id)
        members = self.members[channel_id]
        characters = [self.meow] + members
        await self.send_characters(characters=characters, channel_id=channel_id, recipients=members)


if __name__ == '__main__':
    MoobiusWand().run(ZeroService, config='config/config.json')
