"use strict";
// What all parts use: packed data, short messages, and the state in the URL.

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

// The fragment is a place and what was chosen: #trials&metric=seen&trials.q=failed
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

const systemDark = matchMedia("(prefers-color-scheme: dark)");

readState();
