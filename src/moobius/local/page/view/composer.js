/** Where a member writes: recipients, attachments, the text, Send. */

import { button, fill, h } from "./dom.js";
import { Recipients } from "./recipients.js";
import { sizeText } from "./time.js";

/** Return the composer; files may also be pasted into it, or dropped on `host`. */
export function composer(room, host) {
  const text = h("textarea", { "aria-label": "Message", rows: "1", autocomplete: "off" });
  const recipients = new Recipients(room, () => {
    // On the first draw the constructor has not returned yet.
    queueMicrotask(() => (text.placeholder = `Message ${recipients.words}`));
  });
  const attachments = new Attachments();
  const form = h(
    "form.composer",
    { "aria-label": "Write a message" },
    recipients.root,
    attachments.root,
    h(
      "div.line",
      {},
      attachments.picker,
      text,
      h("button.primary", { type: "submit" }, "Send"),
    ),
  );

  const send = () => {
    const { audience } = recipients;
    if (text.value.trim()) room.say("text", { text: text.value.trimEnd() }, audience);
    text.value = "";
    text.focus();
    attach(attachments.take(), audience);
  };
  const attach = async (files, audience) => {
    for (const file of files) {
      try {
        await room.attach(file, audience);
      } catch (error) {
        attachments.add([file]); // nothing is lost: it can be sent again
        room.emit("trouble", error);
      }
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  text.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    attachments.add(event.clipboardData.files);
  });
  acceptDrops(host, (files) => attachments.add(files));
  return form;
}

/** Files that leave with the next message. */
class Attachments {
  #files = [];
  root = h("ul.attachments", { "aria-label": "Attachments", hidden: true });

  constructor() {
    const input = h("input", { type: "file", multiple: true, "aria-label": "Attach a file" });
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = ""; // the same file may be chosen again
    });
    this.picker = h("label.attach", { title: "Attach a file" }, input, "+");
  }

  add(files) {
    this.#files.push(...files);
    this.#draw();
  }

  take() {
    const files = this.#files;
    this.#files = [];
    this.#draw();
    return files;
  }

  #draw() {
    this.root.hidden = this.#files.length === 0;
    const rows = this.#files.map((file) => h("li", {}, preview(file), file.name, this.#tools(file)));
    fill(this.root, rows);
  }

  #tools(file) {
    const remove = () => {
      this.#files = this.#files.filter((other) => other !== file);
      this.#draw();
    };
    return [
      h("span.soft", {}, sizeText(file.size)),
      button(".quiet", { "aria-label": `Remove ${file.name}`, onclick: remove }, "×"),
    ];
  }
}

function preview(file) {
  if (!file.type.startsWith("image/")) return null;
  const src = URL.createObjectURL(file);
  return h("img", { src, alt: "", onload: () => URL.revokeObjectURL(src) });
}

function acceptDrops(host, take) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  host.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    host.classList.add("dropping");
  });
  host.addEventListener("dragleave", (event) => {
    if (!host.contains(event.relatedTarget)) host.classList.remove("dropping");
  });
  host.addEventListener("drop", (event) => {
    host.classList.remove("dropping");
    if (!hasFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
}
