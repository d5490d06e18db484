"use strict";
// Sorting and filtering of tables; drawing of figures as they come into view.

const collator = new Intl.Collator("en", { numeric: true });

function compareKeys(a, b, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const x = Number(a), y = Number(b);
  return sign * (Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y);
}

function sortTable(head) {
  const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
  const key = (row) => row.cells[column].dataset.sort;
  body.append(...[...body.rows].sort((a, b) => compareKeys(key(a), key(b), sign)));
}

for (const head of document.querySelectorAll("th[aria-sort]")) {
  head.querySelector("button").addEventListener("click", () => sortTable(head));
}

for (const input of document.querySelectorAll(".filter input")) {
  const rows = document.getElementById(input.dataset.table).tBodies[0].rows;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

const page = JSON.parse(document.getElementById("figures").textContent);
const darkScreen = matchMedia("screen and (prefers-color-scheme: dark)");

async function unpack() {
  // plotly.js is stored once, compressed; the browser's own decoder unpacks it.
  const text = atob(document.getElementById("plotly").textContent.trim());
  const gunzip = new DecompressionStream("gzip");
  const writer = gunzip.writable.getWriter();
  writer.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  writer.close();
  const decoder = new TextDecoder(), reader = gunzip.readable.getReader();
  let code = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    code += decoder.decode(part.value, { stream: true });
  }
  const script = document.createElement("script");
  script.textContent = code + decoder.decode();
  document.head.append(script);
}

const plotlyReady = unpack();

function inTheme(value, dark) {
  if (typeof value === "string") return (dark && page.colours[value]) || value;
  if (Array.isArray(value)) return value.map((item) => inTheme(item, dark));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, inTheme(v, dark)]));
}

function draw(place, dark) {
  const figure = inTheme(page.panels[place.id], dark);
  figure.layout.template = page.templates[dark ? "dark" : "light"];
  const config = { ...page.config, toImageButtonOptions: { format: "svg", filename: place.id } };
  place.querySelector(".wait")?.remove();
  place.dataset.drawn = "1";
  return Plotly.react(place, figure.data, figure.layout, config);
}

async function show(place) {
  try {
    await plotlyReady;
    if (!place.dataset.drawn) await draw(place, darkScreen.matches);
  } catch (error) {
    const note = place.querySelector(".wait");
    if (note) note.textContent = "This browser cannot draw the figure; its numbers are in the table.";
    console.error(error);
  }
}

// What is in view comes first; the rest follows, one figure at a time.
async function showAll() {
  for (const place of document.querySelectorAll(".plot")) {
    await show(place);
    await new Promise((resume) => setTimeout(resume, 0));
  }
}

function redraw(dark) {
  for (const place of document.querySelectorAll(".plot[data-drawn]")) draw(place, dark);
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    show(entry.target);
  }
}, { rootMargin: "400px" });

const fitter = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const width = target._fullLayout?.width;
    if (width && Math.abs(width - target.clientWidth) > 1) Plotly.Plots.resize(target);
  }
});

for (const place of document.querySelectorAll(".plot")) {
  watcher.observe(place);
  fitter.observe(place);
}
showAll();
darkScreen.addEventListener("change", (event) => redraw(event.matches));

addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true;
    fold.dataset.opened = "1";
  }
  if (typeof Plotly === "undefined") return;
  for (const place of document.querySelectorAll(".plot")) draw(place, false);
});
addEventListener("afterprint", () => {
  for (const fold of document.querySelectorAll("details[data-opened]")) fold.open = false;
  redraw(darkScreen.matches);
});
