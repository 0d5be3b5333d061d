"use strict";

// Light or dark: the colours of the plots, whose names the figures use, and the button.
const themes = {
  light: {
    "@finished": "#0072B2", "@stopped": "#E69F00", "@failed": "#D55E00", "@helps": "#009E73", "@copy": "#AA3377",
    "@beyond": "#7b8794", "@best": "#000000", "@faint": "#eef0f3", "@paper": "#ffffff",
    "@text": "#1d2129", "@muted": "#5c6675", "@grid": "#e6e9ee",
  },
  dark: {
    "@finished": "#56B4E9", "@stopped": "#E69F00", "@failed": "#FF8552", "@helps": "#2FC79A", "@copy": "#E07BB5",
    "@beyond": "#8b97a6", "@best": "#ffffff", "@faint": "#252b34", "@paper": "#1b1f26",
    "@text": "#e6e9ee", "@muted": "#9aa5b4", "@grid": "#2c333d",
  },
};
const darkness = matchMedia("(prefers-color-scheme: dark)");
let theme = darkness.matches ? "dark" : "light";
const themeListeners = [];

function setTheme(name) {
  theme = name;
  document.documentElement.dataset.theme = name;
  for (const listener of themeListeners) listener();
}

// Return a copy of a figure's part in which names of colours are colours.
function themed(value) {
  if (typeof value === "string") return themes[theme][value] ?? value;
  if (Array.isArray(value)) {
    return typeof value[0] === "number" ? value : value.map(themed);
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, themed(part)]));
}

// Make an element. Texts are set as texts, so that nothing in them becomes markup.
function element(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

document.documentElement.dataset.theme = theme;
darkness.addEventListener("change", () => setTheme(darkness.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () => setTheme(theme === "dark" ? "light" : "dark"));
let themeOnScreen = theme;
addEventListener("beforeprint", () => {
  themeOnScreen = theme;
  for (const part of document.querySelectorAll("details")) part.open = true;
  setTheme("light");
});
addEventListener("afterprint", () => setTheme(themeOnScreen));
