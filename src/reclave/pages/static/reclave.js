// Progressive only: every page works without this file.
const all = (selector) => document.querySelectorAll(selector);

for (const box of all(".secret")) {
  const input = box.querySelector("input");
  const button = document.createElement("button");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? box.dataset.hide : box.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${box.dataset.label}`);
  };
  button.type = "button";
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => show(input.type === "password"));
  // A password that stays readable would be offered as an ordinary field's history.
  input.form.addEventListener("submit", () => show(false));
  show(false);
  box.classList.add("shows");
  box.append(button);
}

document.documentElement.classList.add("scripted");

// What the chosen classification does not require is locked; the server decides the same.
for (const list of all("[data-locks]")) {
  const lock = () => {
    const open = list.selectedOptions[0].dataset.requires.split(" ");
    for (const input of list.form.querySelectorAll("input[name^=find_]")) {
      input.disabled = !(input.required = open.includes(input.name));
    }
  };
  list.addEventListener("change", lock);
  lock();
}

// Enter presses the button of the section that it is typed in.
for (const section of all("fieldset")) {
  section.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.localName !== "input") return;
    event.preventDefault();
    section.querySelector(".primary")?.click();
  });
}

// The question before a request: a dialog here, a page where scripts do not run.
for (const form of all("[data-ask]")) {
  const dialog = form.querySelector("dialog");
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    const pressed = event.submitter;
    const inputs = [...(pressed?.closest("fieldset, form").querySelectorAll("input") ?? [])];
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
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
};
for (const form of all("form")) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (busy.has(form)) return event.preventDefault();
    busy.set(form, setTimeout(free, 5000, form));
    event.submitter?.setAttribute("aria-disabled", "true");
  });
}
addEventListener("pageshow", (event) => event.persisted && all("form").forEach(free));

document.querySelector("#errors, #alert, #found")?.focus();
