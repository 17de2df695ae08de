// Replaces the parts of the page that changed. Reloading the page would move the
// focus to its beginning.
const pause = 5000;

async function refresh() {
  try {
    const reply = await fetch(location.href, { cache: "no-store" });
    const next = new DOMParser().parseFromString(await reply.text(), "text/html");
    document.title = next.title;
    for (const part of document.querySelectorAll("[data-live]")) {
      const changed = next.getElementById(part.id);
      if (changed && changed.innerHTML !== part.innerHTML) {
        replace(part, changed);
      }
    }
    if (!next.querySelector("script")) {
      return; // nothing more will change
    }
  } catch {
    // The emulator may be restarting.
  }
  setTimeout(refresh, pause);
}

function replace(part, changed) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.replaceChildren(...changed.childNodes);
  if (focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

setTimeout(refresh, pause);
