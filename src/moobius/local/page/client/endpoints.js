/** The endpoints this page uses, by what they do (platform.md 2.4 to 2.9). */

import { call } from "./api.js";

export const HISTORY_PAGE = 64;

/** What can be asked before anybody signs in; the local Platform only. */
export const local = {
  info: () => call("GET", "/local/info"),
  people: () => call("GET", "/local/people"),
};

/** Return the calls of one signed-in session. */
export const endpoints = (session) => ({
  me: () => session.get("/user/info"),
  rename: (name, description) => session.post("/user/info", { name, description }),
  profiles: (ids) => session.post("/character/fetch_profile", { character_list: ids }),
  channels: () => session.get("/channel/list"),
  popular: () => session.get("/channel/popular"),
  createChannel: (name, description) =>
    session.post("/channel/create", {
      channel_name: name,
      context: { channel_description: description },
    }),
  /** One page, newest first; `before` is a time in seconds and exclusive. */
  history: (channel_id, before) =>
    session.get("/channel/history_message", {
      channel_id,
      limit: HISTORY_PAGE,
      ...(before === undefined ? {} : { before }),
    }),
  group: async (group_id) => (await session.get("/service/group", { group_id })).characters ?? [],
  temporaryGroup: async (channel_id, characters) =>
    (await session.post("/user/group/temp", { channel_id, characters })).group_id,
  uploadForm: (extension) => session.get("/file/upload", { extension }),
});
