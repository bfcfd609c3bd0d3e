/** The characters a member sees, in the order the service gave. */

import { avatar } from "./avatar.js";
import { coalesced, fill, h } from "./dom.js";

/** More than this many faces help nobody; the count still tells. */
const MOST = 200;

export function characterList(room) {
  const list = h("ul.characters", { "aria-label": "Characters" });
  const draw = coalesced(() => {
    const { characters, member } = room;
    const chips = characters.slice(0, MOST).map((id) => {
      const profile = member.profiles.get(id);
      const title = profile.description || profile.name;
      return h("li.character", { title }, avatar(profile), h("span", {}, profile.name));
    });
    const hidden = characters.length - chips.length;
    fill(list, chips, hidden > 0 && h("li.soft", {}, `and ${hidden} more`));
    if (!characters.length) fill(list, h("li.empty", {}, emptyText(room)));
  });
  room.on("characters", draw);
  room.on("channel", draw);
  draw();
  return list;
}

function emptyText({ characterList: sent }) {
  if (sent) return "The list of characters is empty: you see nobody.";
  return "The service has not sent a list yet; that is normal until it does.";
}
