"use strict";
// Brings new mails into the page without reloading it; without this file the page has «Actualizar».
const PAUSE = 2000;
let version = document.documentElement.dataset.version;

async function renew() {
  const answer = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.getAttribute("href");
  document.title = fresh.title;
  for (const old of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (!next || next.innerHTML === old.innerHTML) continue;
    const hadFocus = old.contains(document.activeElement);
    const opened = old.querySelector("details")?.open;
    old.replaceChildren(...next.childNodes);
    if (opened) old.querySelector("details")?.setAttribute("open", "");
    if (hadFocus && focused) old.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

async function watch() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/api/version");
      const current = (await answer.json()).version;
      if (current !== version) {
        await renew();
        version = current;
      }
    } catch {
      // The demo was stopped: the next round finds it again.
    }
  }
  setTimeout(watch, PAUSE);
}

document.querySelector(".refresh")?.remove();
setTimeout(watch, PAUSE);
