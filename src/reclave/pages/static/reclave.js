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

// A second press within 5 s sends nothing.
const busy = new WeakMap();
const free = (form) => {
  clearTimeout(busy.get(form));
  busy.delete(form);
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
};
for (const form of all("form")) {
  form.addEventListener("submit", (event) => {
    if (busy.has(form)) return event.preventDefault();
    busy.set(form, setTimeout(free, 5000, form));
    event.submitter?.setAttribute("aria-disabled", "true");
  });
}
addEventListener("pageshow", (event) => event.persisted && all("form").forEach(free));

document.querySelector("#errors, #alert")?.focus();
