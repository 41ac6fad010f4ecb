// Elements. All text is set as text: nothing that comes from a cluster is ever read as HTML.

export const $ = (id) => document.getElementById(id);

// el makes an element. Properties that begin with "on" are listeners, others with "-" or in attributes are attributes.
export function el(tag, properties, ...children) {
  const made = document.createElement(tag);
  set(made, properties);
  made.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return made;
}

const attributes = new Set(["role", "for", "datetime", "colspan", "scope", "tabindex"]);

export function set(element, properties) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.includes("-") || attributes.has(name)) {
      if (value === null || value === false) element.removeAttribute(name);
      else element.setAttribute(name, value);
    } else element[name] = value;
  }
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, properties, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// text changes the text of an element where it is another one: what stays the same is not read out anew, and a
// selection in it stays.
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

// show shows an element or hides it.
export function show(element, is) {
  if (element.hidden === is) element.hidden = !is;
}

// keep puts elements into a parent in their order and moves only those that stand elsewhere, so the focus stays.
export function keep(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const element of elements) {
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
}
