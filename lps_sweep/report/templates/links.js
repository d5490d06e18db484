// Links: places on the page, the contents, and the row of a trial.

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
  if (event.key !== "Escape" || menu.getAttribute("aria-expanded") !== "true") return;
  closeMenu();
  menu.focus();
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
  restore();
});
restore();
