// Building the page out of text. Every string goes in as text content: evidence cannot bring markup,
// attributes or addresses. Nothing in these sources assigns innerHTML.

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function byId<Made extends HTMLElement = HTMLElement>(id: string): Made {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found as Made;
}

// Hidden from people who listen: the word beside it says the same.
export function icon(sign: string, className = "icon"): HTMLElement {
  const made = element("span", className, sign);
  made.setAttribute("aria-hidden", "true");
  return made;
}

export function inLanguage(language: string, node: HTMLElement): HTMLElement {
  node.lang = language;
  return node;
}

export type Row = readonly [string, Node | string];

export function definitions(rows: readonly Row[]): HTMLElement {
  const list = element("dl", "");
  for (const [name, value] of rows) list.append(element("dt", "", name), element("dd", "", value));
  return list;
}
