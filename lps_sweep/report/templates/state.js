"use strict";
// What all parts use: packed data, short messages, the theme, and the state in the URL.

async function unpack(id) {
  // Stored once, compressed; the browser's own decoder unpacks it.
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Blob([Uint8Array.from(text, (c) => c.charCodeAt(0))]);
  return new Response(bytes.stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function once(make) {
  let made;
  return () => (made ??= make());
}

const tableTexts = once(async () => JSON.parse(await unpack("tables")));
const page = once(async () => JSON.parse(await unpack("figures")));

const said = document.getElementById("said");
let silence = 0;

function say(text) {
  said.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { said.textContent = ""; }, 4000);
}

function element(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...content);
  return made;
}

function save(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// The fragment is a place and what was chosen: #trials&theme=dark&trials.q=failed
const state = { place: "", chosen: new Map() };

function readState() {
  const [place, ...rest] = location.hash.slice(1).split("&");
  const pairs = place.includes("=") ? [place, ...rest] : rest;
  state.place = place.includes("=") ? "" : decodeURIComponent(place);
  state.chosen = new Map(new URLSearchParams(pairs.join("&")));
}

function fragment(place) {
  const chosen = new URLSearchParams([...state.chosen].sort()).toString();
  return "#" + [encodeURIComponent(place), chosen].filter(Boolean).join("&");
}

function writeState(push = false) {
  history[push ? "pushState" : "replaceState"](null, "", fragment(state.place));
}

function choose(name, value) {
  if (String(value) === (state.chosen.get(name) ?? "")) return; // browsers limit the writes
  if (value) state.chosen.set(name, String(value));
  else state.chosen.delete(name);
  writeState();
}

const root = document.documentElement, themeButton = document.getElementById("theme");
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const onTheme = [];

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

function themeChanged() {
  themeButton.setAttribute("aria-pressed", String(isDark()));
  for (const act of onTheme) act();
}

themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("lps-sweep-theme", root.dataset.theme); } catch { /* closed */ }
  choose("theme", root.dataset.theme);
  themeChanged();
});
systemDark.addEventListener("change", themeChanged);

readState();
themeChanged();
