# Chapter 4: an agent, a character with no person behind it.
#
# before_channel_init runs once, when the service is connected and knows its channels. The
# avatar may be a file of ours, which is uploaded, or a URL. Meow can be in every list, but
# receives nothing: the recipients stay the members.
from moobius import Moobius, MoobiusWand


class ZeroService(Moobius):
    async def before_channel_init(self):
        self.meow = await self.create_agent(name='Meow', avatar='resources/avatar.png')

    async def on_channel_checkin(self, channel_id):
        members = await self.fetch_member_ids(channel_id)
        characters = [self.meow] + members
        await self.send_characters(characters=characters, channel_id=channel_id, recipients=members)

    async def on_refresh(self, action):
        members = await self.fetch_member_ids(action.channel_id)
        characters = [self.meow] + members
        await self.send_characters(characters=characters, channel_id=action.channel_id, recipients=action.sender)


if __name__ == '__main__':
    MoobiusWand().run(ZeroService, config='config/config.json')
