// Elements, and writing only what changed.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Writing only what changed keeps selection, focus and the screen reader still.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function fresh(parent, nodes) {
  parent.replaceChildren(...nodes);
}

// Moving a node takes the focus from what is in it, so only those out of place are moved.
export function inOrder(parent, nodes) {
  let place = parent.firstElementChild;
  for (const node of nodes) {
    if (node === place) place = place.nextElementSibling;
    else {
      const focused = node.contains(document.activeElement) ? document.activeElement : null;
      parent.insertBefore(node, place);
      if (focused) focused.focus();
    }
  }
}

export const button = (text, act, attributes = {}) => {
  const node = el("button", { type: "button", class: "act", ...attributes }, text);
  node.addEventListener("click", act);
  return node;
};

// A sentence the service made is in English whatever the console speaks: a screen reader must know.
export const english = (tag, text, attributes = {}) => el(tag, { lang: "en", ...attributes }, text);

// Only addresses of the web become links.
export const link = (address, text) => (address && /^https?:/.test(address) ? el("a", { href: address, rel: "noreferrer" }, text) : null);

export function remembered(name, allowed, fallback) {
  try {
    const value = localStorage.getItem(`touchline.${name}`);
    return (allowed === null ? value !== null : allowed.includes(value)) ? value : fallback; // null: any text
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`touchline.${name}`, value);
  } catch { /* a private window keeps nothing */ }
}
