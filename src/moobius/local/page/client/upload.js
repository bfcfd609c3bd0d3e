/** Put a file on the Platform (platform.md 2.9) and describe it as the content of a message. */

import { Unreachable } from "./api.js";

/** First part of the MIME type to the subtype of message that shows it; all else is a file. */
const SUBTYPES = { image: "image", audio: "audio" };

export const subtypeOf = (file) => SUBTYPES[file.type.split("/")[0]] ?? "file";

/** Upload a file and return `{subtype, content}`. */
export async function upload(calls, file) {
  const { url, fields } = await calls.uploadForm(extensionOf(file));
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file); // last: a store may ignore what follows it
  const response = await fetch(url, { method: "POST", body: form }).catch((error) => {
    throw new Unreachable(error);
  });
  if (!response.ok) throw new Error(`${file.name} was not stored: status ${response.status}.`);
  const path = new URL(url + fields.key, window.location.href).href;
  return { subtype: subtypeOf(file), content: { path, filename: file.name, size: file.size } };
}

/** A pasted picture may have no name with a dot; then its type says what it is. */
function extensionOf({ name, type }) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1) : (type.split("/")[1] ?? "bin").replace(/\W.*/, "");
}
