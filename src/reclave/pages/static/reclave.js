// Progressive only: every page works without this file. `script()` in assets.py takes comments and spaces out.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within) => all(selector, within)[0];
const on = (target, event, act) => target.addEventListener(event, act);

for (const box of all(".secret")) {
  const input = one("input", box);
  const button = document.createElement("button");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? box.dataset.hide : box.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${box.dataset.label}`);
  };
  button.type = "button";
  on(button, "click", () => show(input.type === "password"));
  // A password that stays readable would be offered as an ordinary field's history.
  on(input.form, "submit", () => show(false));
  show(false);
  box.classList.add("shows");
  box.append(button);
}

document.documentElement.classList.add("scripted");

// What the chosen classification does not require is locked; the server decides the same.
for (const list of all("[data-locks]")) {
  const lock = () => {
    const open = list.selectedOptions[0].dataset.requires.split(" ");
    for (const input of all("input[name^=find_]", list.form)) {
      input.disabled = !(input.required = open.includes(input.name));
    }
  };
  on(list, "change", lock);
  lock();
}

// Enter presses the button of the section that it is typed in.
for (const section of all("fieldset")) {
  on(section, "keydown", (event) => {
    if (event.key !== "Enter" || event.target.localName !== "input") return;
    event.preventDefault();
    one(".primary", section)?.click();
  });
}

// The question before a request: a dialog here, a page where scripts do not run.
for (const form of all("[data-ask]")) {
  const dialog = one("dialog", form);
  on(one("[data-close]", dialog), "click", () => dialog.close());
  on(form, "submit", (event) => {
    const pressed = event.submitter;
    const inputs = pressed ? all("input", pressed.closest("fieldset, form")) : [];
    if (pressed?.value !== "send" || !inputs.every((input) => input.checkValidity())) return;
    event.preventDefault();
    dialog.showModal();
  });
}

// A second press within 5 s sends nothing.
const busy = new WeakMap();
const free = (form) => {
  clearTimeout(busy.get(form));
  busy.delete(form);
  for (const button of all("[aria-disabled]", form)) button.removeAttribute("aria-disabled");
};
for (const form of all("form")) {
  on(form, "submit", (event) => {
    if (event.defaultPrevented) return;
    if (busy.has(form)) return event.preventDefault();
    busy.set(form, setTimeout(free, 5000, form));
    event.submitter?.setAttribute("aria-disabled", "true");
  });
}
on(window, "pageshow", (event) => event.persisted && all("form").forEach(free));

// Before its time is over a page says so, and one press moves the end where it can be moved; what was typed stays.
const ending = one("[data-left]");
if (ending) {
  const tabs = new BroadcastChannel(ending.dataset.more);
  const kept = one("#kept");
  let end, typing;
  const look = () => {
    const left = end - Date.now();
    const [soon, over] = ending.children;
    if (soon.hidden) typing = document.activeElement;
    soon.hidden = left <= 0 || left > 12e4;
    over.hidden = left > 0;
  };
  const begin = () => {
    end = Date.now() + ending.dataset.left * 1000;
    tabs.postMessage([end, kept.textContent]);
    look();
  };
  tabs.onmessage = ({ data }) => {
    [end, kept.textContent] = data;
    look();
  };
  on(ending, "click", async ({ target }) => {
    if (target.localName !== "button") return;
    const page = new DOMParser().parseFromString(await (await fetch(ending.dataset.more)).text(), "text/html");
    const fresh = one("[data-left]", page);
    ending.dataset.left = fresh?.dataset.left ?? 0;
    if (fresh) {
      ending.replaceChildren(...fresh.children);
      kept.textContent = one("#kept", page).textContent;
    }
    typing.focus();
    begin();
  });
  setInterval(look, 5000);
  begin();
}

one("#errors, #alert, #found, #notice")?.focus();
