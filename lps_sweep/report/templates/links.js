// Links: places on the page, the contents, and trials shown in table and figures.

function placeOf(id) {
  const found = document.getElementById(id);
  if (found) return found;
  for (const view of views.values()) {
    const row = view.rows.find((one) => one.id === id);
    if (row) return row;
  }
  return null;
}

function go(id, push = false) {
  const place = placeOf(id);
  if (!place) return;
  const row = place.closest("tr");
  const view = row && [...views.values()].find((one) => one.rows.includes(row));
  if (view) view.reveal(row);
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
  for (const inner of place.querySelectorAll(":scope > details.part")) inner.open = true;
  state.place = id;
  writeState(push);
  document.querySelector(".target")?.classList.remove("target");
  if (!place.matches("main, section")) place.classList.add("target");
  const behavior = push ? "auto" : "instant"; // a page that opens at a place does not travel to it
  place.scrollIntoView({ behavior, block: row ? "center" : "start" });
  const focus = row?.querySelector("a") ?? place;
  if (!focus.matches("a, button")) focus.tabIndex = -1;
  focus.focus({ preventScroll: true });
  if (view?.name === "trials") showTrial(row);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  closeMenu();
  const id = decodeURIComponent(link.hash.slice(1));
  go(id, true);
  if (link.matches(".anchor")) copyText(location.href, "Copied the link to this place.", document.body);
});

// Where a trial is drawn: a bar with links to its points.
async function showTrial(row) {
  closeTrial();
  const shown = row.cells[0].textContent, found = await page();
  const bar = element("div", { id: "trial", role: "region", "aria-label": `Trial ${shown}` });
  const list = element("ul", {});
  for (const place of places.filter((one) => !one.closest("[hidden]"))) {
    const traces = found.panels[place.id].data;
    const curve = traces.findIndex((one) => one.meta === shown || one.ids?.includes(shown));
    if (curve < 0) continue;
    const point = traces[curve].ids ? traces[curve].ids.indexOf(shown) : traces[curve].x.length - 1;
    const title = place.closest("section").querySelector("h2")?.textContent ?? "Summary";
    const panel = place.closest(".panel").querySelector("h4").textContent;
    list.append(element("li", {}, element("button", {
      type: "button", onclick: () => showPoint(place, curve, point),
    }, `${title}: ${panel}`)));
  }
  const words = list.children.length ? " is drawn in" : " is in no figure";
  const close = element("button", { type: "button", onclick: closeTrial }, "Close");
  bar.append(element("p", {}, element("strong", {}, `Trial ${shown}`), words), list, close);
  closeTrial();
  document.body.append(bar);
}

function closeTrial() {
  document.getElementById("trial")?.remove();
}

async function showPoint(place, curve, point) {
  closeTrial();
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
  place.scrollIntoView({ block: "center" });
  await show(place);
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  Plotly.Fx.hover(place, [{ curveNumber: curve, pointNumber: point }]);
}

// The contents: a menu on narrow screens, with the section in view marked.
const contents = menu.closest("nav");

function closeMenu() {
  menu.setAttribute("aria-expanded", "false");
}

menu.addEventListener("click", () => {
  const open = menu.getAttribute("aria-expanded") === "true";
  menu.setAttribute("aria-expanded", String(!open));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (menu.getAttribute("aria-expanded") === "true") {
    closeMenu();
    menu.focus();
  }
  closeTrial();
});
contents.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !contents.contains(event.relatedTarget)) closeMenu();
});

const entries = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
const inView = new Set();
const spy = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    if (isIntersecting) inView.add(target.id);
    else inView.delete(target.id);
  }
  const current = [...entries.keys()].find((id) => inView.has(id));
  for (const [id, link] of entries) {
    if (id === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-15% 0px -70% 0px" });
for (const section of document.querySelectorAll("main > section")) spy.observe(section);

function restore() {
  applyChoices();
  for (const view of views.values()) view.restore();
  if (state.place) go(state.place);
}

addEventListener("popstate", () => {
  readState();
  const theme = state.chosen.get("theme");
  if (theme && theme !== root.dataset.theme) {
    root.dataset.theme = theme;
    themeChanged();
  }
  restore();
});
restore();
