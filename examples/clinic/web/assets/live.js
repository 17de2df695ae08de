// Shows changes as they happen. Without this script the page works by reloading it.
const events = new EventSource(document.body.dataset.events);
let waiting;

// The first message comes when the page has connected: everything may have changed before.
events.onmessage = () => {
  clearTimeout(waiting);
  waiting = setTimeout(load, 100);
};

async function load() {
  const reply = await fetch(document.body.dataset.page);
  if (reply.status === 404) location.reload(); // It is another patient's now.
  if (!reply.ok) return;
  const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
  for (const list of document.querySelectorAll("[data-list]")) {
    merge(list, fresh.getElementById(list.id));
  }
}

// Keeps the elements that did not change, and with them the focus.
function merge(list, fresh) {
  const old = new Map([...list.children].map((item) => [item.id, item]));
  const items = [...fresh.children].map((item) => {
    const there = old.get(item.id);
    if (!there) return item;
    if (there.dataset.version === item.dataset.version) return there;
    // Somebody is typing here, or is about to press a button: show the news only.
    if (there.contains(document.activeElement) || there.querySelector("details[open]")) {
      there.querySelector("[data-live]").replaceWith(item.querySelector("[data-live]"));
      there.className = item.className;
      return there;
    }
    return item;
  });
  // First remove what is gone: an element that has to be moved loses the focus.
  for (const item of old.values()) {
    if (!items.includes(item)) item.remove();
  }
  items.forEach((item, i) => {
    if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
  });
}
