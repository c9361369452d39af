// What a browser can tell of WCAG 2.2 beyond axe. Each check returns its faults, empty where there are none.
const STOPS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
const CONTROLS = "button, .button, input:not([type=hidden], [type=checkbox], .fixed), select";
const BOXES = ".summary, .alert, .notice, .tag, .slip, .first-use, .wrong, dialog[open]";

const seen = (element) =>
  element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest(".unseen");
const within = () => document.querySelector("dialog:modal") ?? document;
const stops = () =>
  [...within().querySelectorAll(STOPS)].filter(
    (one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }),
  );
const named = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 90);
const rgba = (written) => {
  const [red, green, blue, alpha = 1] = written.match(/[\d.]+/g).map(Number);
  return [red, green, blue, alpha];
};
const luminance = ([red, green, blue]) => {
  const [r, g, b] = [red, green, blue].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = rgba(getComputedStyle(at).backgroundColor);
    if (color[3] === 1) return color;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
};
const each = (checks) => Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, check()]));
const texts = () => {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("dialog:modal") ?? document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || !seen(node.parentElement) || node.parentElement.closest(".skip, .ending, option, script")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) found.push({ text: node.data.trim(), element: node.parentElement, box });
  }
  return found;
};

let visited = [];

window.wcag = {
  quick(prefix, identifier) {
    const { messages, fields, names, targets, motion, order } = this;
    return { messages: messages(prefix), fields: fields(identifier), ...each({ names, targets, motion, order }) };
  },

  // What a page is made of, whatever it says.
  shape() {
    const marks = (one) => [...one.attributes].filter(({ name }) => ["class", "disabled", "hidden", "open", "type"].includes(name));
    return [...document.body.querySelectorAll("*")]
      .map((one) => `${one.localName} ${marks(one).map(({ name, value }) => name + value)}`)
      .join();
  },

  // 2.1.2, 2.4.3: where Tab goes from the first stop on, as places in the order of the document.
  start() {
    visited = [];
    document.addEventListener("focusin", ({ target }) => visited.push(stops().indexOf(target)));
    document.activeElement.blur();
    stops()[0]?.focus();
    return stops().length;
  },
  visited: () => visited,

  // 2.4.11: nothing lies over what has the focus.
  hidden() {
    return stops().filter((one) => {
      one.focus();
      const box = one.getBoundingClientRect();
      const [x, y] = [Math.min(box.x + box.width / 2, innerWidth - 1), Math.min(box.y + box.height / 2, innerHeight - 1)];
      const top = document.elementFromPoint(x, y);
      return !top || !(one.contains(top) || top.contains(one) || top.closest("label")?.control === one);
    }).map(named);
  },

  // 1.3.2, 2.4.3: what comes later in the document stands below what comes before it, or in a column to its right.
  order() {
    const boxes = stops().filter((one) => !one.matches(".skip")).map((one) => [one, one.getBoundingClientRect()]);
    return boxes.slice(1).filter(([, box], i) => box.bottom <= boxes[i][1].top + 1 && box.left < boxes[i][1].right).map(([one]) => named(one));
  },

  // 2.4.7, 1.4.11: the mark of the focus is 2 px at least, and 3:1 at least against what it lies on.
  focus() {
    const before = document.activeElement;
    const faults = stops().flatMap((one) => {
      one.focus();
      const style = getComputedStyle(one);
      if (style.outlineStyle === "auto") return [];
      const behind = ground(style.outlineOffset.startsWith("-") ? one : one.parentElement);
      const ratio = contrast(rgba(style.outlineColor), behind);
      const fine = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && ratio >= 3;
      return fine ? [] : [`${named(one)}: ${style.outline}, ${ratio.toFixed(1)}:1`];
    });
    before.focus();
    return faults;
  },

  // 3.3.1, 4.1.3: errors come first in title and focus; other messages are announced.
  messages(prefix) {
    const faults = [];
    const problem = document.querySelector("#errors, #alert");
    const scripted = document.documentElement.matches(".scripted");
    if (problem && scripted && document.activeElement !== problem) faults.push("the problem has not the focus");
    if (problem && problem.getAttribute("role") !== "alert") faults.push("the problem is no alert");
    if (Boolean(problem) !== document.title.startsWith(prefix)) faults.push(`title: ${document.title}`);
    for (const link of document.querySelectorAll("#errors a")) {
      const field = document.querySelector(link.hash);
      const said = (field?.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id));
      const message = said.some((one) => one?.textContent.includes(link.textContent));
      if (!field?.matches("[aria-invalid=true]") || !message) faults.push(`not said at its field: ${link.textContent}`);
    }
    for (const notice of document.querySelectorAll("main > .notice:not(.facts + *, :has(form)), #found")) {
      if (notice.getAttribute("role") !== "status") faults.push(`not announced: ${notice.textContent}`);
    }
    const notice = document.querySelector("#notice");
    if (notice && scripted && !problem && document.activeElement !== notice) faults.push("the notice has not the focus");
    return faults;
  },

  // 1.3.5, 3.3.8: what password managers and browsers fill in.
  fields(identifier) {
    const token = (input) => {
      const { name, id, type, form } = input;
      if (type === "email") return "email";
      if (name === "code") return "one-time-code";
      if (name === "current") return "current-password";
      if (type === "password") return form.elements.confirm ? "new-password" : "current-password";
      return [name, id].some((one) => one === "identifier" || one === identifier) ? "username" : "off";
    };
    const inputs = [...document.querySelectorAll("input:not([type=hidden], [type=checkbox])")];
    const wrong = inputs.filter((one) => one.autocomplete !== token(one)).map((one) => `${named(one)}: not ${token(one)}`);
    const without = inputs.filter((one) => {
      const user = one.form?.querySelector("[autocomplete=username]");
      return one.type === "password" && !(user && user.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    });
    const blocked = inputs.filter((one) => {
      const paste = new ClipboardEvent("paste", { bubbles: true, cancelable: true });
      return !one.dispatchEvent(paste) || (one.maxLength > 0 && one.maxLength < 64);
    });
    return [...wrong, ...[...without, ...blocked].map((one) => `no user name before it, or no pasting: ${named(one)}`)];
  },

  // 2.5.3: who says what is written presses what is meant.
  names() {
    const labelled = [...document.querySelectorAll("button[aria-label], a[aria-label], input[aria-label]")];
    return labelled.filter((one) => !one.ariaLabel.includes(one.innerText.trim())).map(named);
  },

  // 2.5.8: targets of 24 px, but for links within a sentence.
  targets() {
    const inline = (one) => one.localName === "a" && one.parentElement.innerText.trim() !== one.innerText.trim()
      && getComputedStyle(one).display === "inline";
    return stops().filter((one) => {
      const { width, height } = one.getBoundingClientRect();
      return Math.min(width, height) < 24 && !inline(one) && !one.matches(".fixed");
    }).map(named);
  },

  // 3.2.6: what help there is, in the order in which it stands.
  help() {
    const inside = [...document.querySelectorAll("footer h2, footer a")].map((one) => one.textContent.trim());
    return [document.querySelector("main ~ footer") ? "after main" : "elsewhere", ...inside].join(" | ");
  },

  // 1.4.4, 1.4.10, 1.4.12: nothing runs out of the page, over other text or into a box that cuts it.
  layout() {
    const faults = [];
    if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} px wide`);
    const all = texts();
    for (const [index, one] of all.entries()) {
      for (const other of all.slice(index + 1)) {
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        const least = Math.min(one.box.height, other.box.height) * 0.35;
        if (across > 2 && down > least && one.element !== other.element) faults.push(`${one.text} over ${other.text}`);
      }
    }
    for (const one of document.querySelectorAll("body *")) {
      const cuts = ["hidden", "clip"].includes(getComputedStyle(one).overflowX) && seen(one) && !one.matches("input, select, .band");
      const cut = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
      if (cuts && cut && one.innerText?.trim()) faults.push(`cut: ${named(one)}`);
    }
    return [...new Set(faults)];
  },

  words() {
    return [...new Set(texts().map((one) => one.text))];
  },

  // 1.4.12, and text alone enlarged (1.4.4): a style that no content policy stops.
  style(css) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = css ? [sheet] : [];
  },

  // Forced colours: what a colour told before, a line tells now.
  lines() {
    const bordered = (one) => {
      const style = getComputedStyle(one);
      const sides = ["Top", "Right", "Bottom", "Left"];
      return sides.some((side) => style[`border${side}Style`] !== "none" && parseFloat(style[`border${side}Width`]) >= 1);
    };
    const underlined = (one) => getComputedStyle(one).textDecorationLine.includes("underline");
    return [...document.querySelectorAll(`${CONTROLS}, ${BOXES}`)]
      .filter((one) => seen(one) && !bordered(one) && !underlined(one))
      .map(named);
  },

  // Reduced motion.
  motion() {
    return [...document.querySelectorAll("*")].filter((one) => {
      const { transitionDuration, animationName } = getComputedStyle(one);
      return parseFloat(transitionDuration) > 0 || animationName !== "none";
    }).map(named);
  },
};
