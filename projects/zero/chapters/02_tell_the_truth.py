# Chapter 2: tell everybody the truth.
#
# The Platform knows who joined (fetch_member_ids); the service decides who gets to see it
# (send_characters). on_channel_checkin runs when the service starts, and now and then
# afterwards: start this one while the page is open and you are back in your own list.
# Reload the page, and the list is empty again. The next chapter says why.
from moobius import Moobius, MoobiusWand


class ZeroService(Moobius):
    async def on_channel_checkin(self, channel_id):
        members = await self.fetch_member_ids(channel_id)
        await self.send_characters(characters=members, channel_id=channel_id, recipients=members)


if __name__ == '__main__':
    MoobiusWand().run(ZeroService, config='config/config.json')
