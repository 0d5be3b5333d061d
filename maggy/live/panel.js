// Move the panels of a running experiment. A panel is HTML in the output of a cell, which the
// kernel replaces every few seconds. Between these times this model changes only what is new in it,
// so opened folds, scrolled texts and selections stay. It works without a view of its own: where it
// does not run, the HTML is all there is, and a saved notebook holds nothing else.

const PARTS = ["head", "running", "best", "failures", "output", "foot"];

const keyOf = (node) => node.getAttribute?.("data-key") ?? null;

function patchAttributes(element, fresh) {
  // Whether a fold is open is the reader's choice.
  for (const { name, value } of [...fresh.attributes]) {
    if (name !== "open" && element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  for (const { name } of [...element.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) element.removeAttribute(name);
  }
}

function patchNode(node, fresh) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== fresh.nodeValue) node.nodeValue = fresh.nodeValue;
    return;
  }
  // Output follows its end, unless the reader has scrolled away from it.
  const follows = node.classList.contains("mg-output")
    && node.scrollHeight - node.scrollTop - node.clientHeight < 8;
  patchAttributes(node, fresh);
  patchChildren(node, fresh);
  if (follows) node.scrollTop = node.scrollHeight;
}

function patchChildren(parent, fresh) {
  const freshKeys = new Set([...fresh.childNodes].map(keyOf));
  const byKey = new Map();
  for (const child of [...parent.childNodes]) {
    const key = keyOf(child);
    if (key === null) continue;
    if (freshKeys.has(key)) byKey.set(key, child);
    else child.remove();
  }
  let next = parent.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    let match = null;
    if (key !== null) match = byKey.get(key) ?? null;
    else if (next && keyOf(next) === null && next.nodeName === child.nodeName) match = next;
    if (match === null) {
      parent.insertBefore(child, next);
      continue;
    }
    byKey.delete(key);
    if (match === next) next = next.nextSibling;
    else parent.insertBefore(match, next);
    patchNode(match, child);
  }
  while (next) {
    const following = next.nextSibling;
    next.remove();
    next = following;
  }
}

// A fold or a scrolled box is the same in HTML that replaces older HTML if its keys are the same.
function placeOf(element, panel) {
  const keys = [];
  for (let node = element; node && node !== panel; node = node.parentElement) {
    keys.push(keyOf(node) ?? node.className);
  }
  return keys.join("\n");
}

function initialize({ model }) {
  const selector = `.maggy-panel[data-panel="${model.get("panel_id")}"]`;
  // The kernel opens a new model from time to time. What the reader has done outlives it.
  const memories = (globalThis.maggyPanels ??= new Map());
  if (!memories.has(selector)) {
    memories.set(selector, { openFolds: new Map(), scrolls: new Map(), known: new WeakSet() });
  }
  const { openFolds, scrolls, known } = memories.get(selector);

  function note(panel, { type, target }) {
    if (type === "scroll") {
      const isAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < 8;
      scrolls.set(placeOf(target, panel), isAtEnd ? Infinity : target.scrollTop);
      return;
    }
    openFolds.set(placeOf(target, panel), target.open);
    for (const text of target.querySelectorAll(":scope > pre.mg-output")) {
      if (!scrolls.has(placeOf(text, panel))) text.scrollTop = text.scrollHeight;
    }
  }

  function restore(panel) {
    for (const fold of panel.querySelectorAll("details")) {
      const place = placeOf(fold, panel);
      fold.open = openFolds.get(place) ?? fold.open;
      if (fold.open) openFolds.set(place, true);
    }
    for (const box of panel.querySelectorAll(".mg-rows, pre")) {
      const isOutput = box.classList.contains("mg-output");
      const top = scrolls.get(placeOf(box, panel)) ?? (isOutput ? Infinity : 0);
      box.scrollTop = Math.min(top, box.scrollHeight);
    }
  }

  function draw(panel, part) {
    const box = panel.querySelector(`:scope > [data-part="${part}"]`);
    const template = document.createElement("template");
    template.innerHTML = model.get(part);
    if (box) patchChildren(box, template.content);
  }

  function redraw(panel) {
    PARTS.forEach((part) => draw(panel, part));
  }

  function adopt() {
    for (const panel of document.querySelectorAll(selector)) {
      if (known.has(panel)) continue;
      known.add(panel);
      redraw(panel);
      restore(panel);
      // Neither event bubbles.
      panel.addEventListener("toggle", (event) => note(panel, event), true);
      panel.addEventListener("scroll", (event) => note(panel, event), true);
    }
  }

  const changes = PARTS.map((part) => [
    `change:${part}`,
    () => document.querySelectorAll(selector).forEach((panel) => draw(panel, part)),
  ]);
  changes.forEach(([event, change]) => model.on(event, change));
  // It runs before the page is painted, so nobody sees the folds closed.
  const observer = new MutationObserver((records) => {
    if (records.some(({ addedNodes }) => addedNodes.length)) adopt();
  });
  observer.observe(document.body, { childList: true, subtree: true });
  document.querySelectorAll(selector).forEach(redraw);
  adopt();
  return () => {
    observer.disconnect();
    changes.forEach(([event, change]) => model.off(event, change));
  };
}

export default { initialize };
