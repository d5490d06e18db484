// Figures: drawn when they come near the screen, in the colours of the theme.

const plotlyReady = once(async () => {
  const code = await unpack("plotly");
  const script = document.createElement("script");
  script.textContent = code;
  document.head.append(script);
  drawn.page = await page();
  return drawn.page;
});
const drawn = { page: null, forPrint: false };

function inTheme(value, dark, colours) {
  if (typeof value === "string") return (dark && colours[value]) || value;
  if (Array.isArray(value)) return value.map((item) => inTheme(item, dark, colours));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [k, inTheme(v, dark, colours)]));
}

function draw(place) {
  const dark = isDark() && !drawn.forPrint, found = drawn.page;
  const figure = inTheme(found.panels[place.id], dark, found.colours);
  figure.data = figure.data.map(withBars);
  figure.layout.template = found.templates[dark ? "dark" : "light"];
  place.querySelector(".wait")?.remove();
  const first = !place.dataset.drawn;
  if (first && figure.layout.meta?.linked) adoptZoom(place, figure.layout);
  place.dataset.drawn = "1";
  Plotly.react(place, figure.data, figure.layout, found.config);
  if (!first) return;
  place.on("plotly_click", (event) => openPoint(event.points[0]));
  if (figure.layout.meta?.linked) place.on("plotly_relayout", (change) => zoomAlike(place, change));
}

// A panel that is drawn late begins where the reader has zoomed to.
function adoptZoom(place, layout) {
  const other = place.closest("figure").querySelector(".plot[data-drawn]");
  for (const axis of other ? ["xaxis", "yaxis"] : []) {
    const { range, autorange } = other.layout[axis];
    Object.assign(layout[axis], { range, autorange });
  }
}

let zooming = false;
async function zoomAlike(place, change) {
  const ranges = Object.entries(change).filter(([key]) => /^[xy]axis\.(auto)?range/.test(key));
  if (zooming || !ranges.length) return;
  zooming = true;
  const others = [...place.closest("figure").querySelectorAll(".plot[data-drawn]")]
    .filter((other) => other !== place);
  await Promise.all(others.map((other) => Plotly.relayout(other, Object.fromEntries(ranges))));
  zooming = false;
}

function trialOf(trace, number) {
  const id = trace.ids?.[number] || trace.meta;
  return typeof id === "string" ? id : "";
}

function openPoint(point) {
  const trial = trialOf(point.data, point.pointNumber);
  if (trial) go(`trial-${trial.replace(/[^\w-]/g, "_")}`, true);
}

async function show(place) {
  try {
    await plotlyReady();
    if (!place.dataset.drawn) draw(place);
  } catch (error) {
    const note = place.querySelector(".wait");
    if (note) note.textContent = "This browser cannot draw the figure; its numbers are in the table.";
    console.error(error);
  }
}

async function saveImage(place, format) {
  await show(place);
  const found = drawn.page, panel = found.panels[place.id];
  const legend = found.legends[place.id.replace(/-\d+$/, "")];
  const data = [
    ...panel.data.map((trace) => ({ ...withBars(trace), showlegend: false })),
    ...legend.map((trace) => ({ ...trace, name: barText(trace.name) })),
  ];
  const layout = {
    ...panel.layout, template: found.templates.light, paper_bgcolor: "#ffffff",
    title: { text: panel.title, x: 0.02, font: { size: 14 } }, showlegend: legend.length > 0,
    legend: { orientation: "h", y: -0.22 }, margin: { l: 60, r: 20, t: 70, b: 60 },
  };
  const size = { width: 760, height: panel.layout.height + 160, scale: format === "png" ? 2 : 1 };
  const url = await Plotly.toImage({ data, layout }, { format, ...size });
  element("a", { href: url, download: `${panel.name}.${format}` }).click();
}

async function saveJson(place) {
  await plotlyReady();
  const { data, layout, name } = drawn.page.panels[place.id];
  const whole = { data, layout: { ...layout, template: drawn.page.templates.light } };
  save(`${name}.json`, JSON.stringify(whole), "application/json");
}

const places = [...document.querySelectorAll(".plot")];

for (const figure of document.querySelectorAll("figure")) {
  const tools = figure.querySelector(".tools"), own = [...figure.querySelectorAll(".plot")];
  const each = (act) => async () => {
    for (const place of own) if (!place.closest("[hidden]")) await act(place);
  };
  for (const [word, act] of [
    ["SVG", (place) => saveImage(place, "svg")], ["PNG", (place) => saveImage(place, "png")],
    ["JSON", saveJson],
  ]) {
    const label = `Save as ${word}: ${figure.querySelector("h3").firstChild.textContent.trim()}`;
    tools.append(" ", element("button", {
      type: "button", "aria-label": label, onclick: each(act),
    }, `Save ${word}`));
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    show(entry.target);
  }
}, { rootMargin: "600px" });

const fitter = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const width = target._fullLayout?.width;
    if (width && target.clientWidth && Math.abs(width - target.clientWidth) > 1) {
      Plotly.Plots.resize(target);
    }
  }
});

for (const place of places) {
  watcher.observe(place);
  fitter.observe(place);
}

function redraw(which = () => true) {
  for (const place of places) {
    if (place.dataset.drawn && which(drawn.page.panels[place.id])) draw(place);
  }
}

onTheme.push(() => redraw());

const opened = [];
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true;
    opened.push(fold);
  }
  drawn.forPrint = true;
  if (drawn.page) for (const place of places) if (!place.closest("[hidden]")) draw(place);
  for (const svg of document.querySelectorAll(".plot .main-svg")) {
    const { width, height } = svg.closest(".plot")._fullLayout;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`); // paper is narrower than the screen
  }
});
addEventListener("afterprint", () => {
  for (const fold of opened.splice(0)) fold.open = false;
  drawn.forPrint = false;
  for (const svg of document.querySelectorAll(".plot .main-svg")) svg.removeAttribute("viewBox");
  if (drawn.page) redraw();
});
