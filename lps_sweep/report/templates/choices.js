// What the whole page is narrowed to, and what bars of means show: the selects beside the contents.

const selects = [...document.querySelectorAll(".choices select")];
const chosen = document.getElementById("chosen"), menu = document.getElementById("menu");
const barWords = new Map(selects.filter((one) => one.name === "interval")
  .flatMap((one) => [...one.options].map((option) => [option.value, option.textContent])));
const columnStyle = new CSSStyleSheet();
document.adoptedStyleSheets = [columnStyle];
let narrow = [], bars = "";

function readChoices() {
  for (const select of selects) {
    select.value = state.chosen.get(select.name) ?? "";
    if (select.selectedIndex >= 0) continue;
    select.value = ""; // a value that this report does not have
    state.chosen.delete(select.name);
  }
  const set = selects.filter((one) => one.value).map((one) => [one.name, one.value]);
  narrow = set.filter(([name]) => name !== "interval");
  bars = new Map(set).get("interval") ?? "";
}

function fits(part) {
  return narrow.every(([name, value]) => (part.dataset[name] ?? value) === value);
}

function barText(text) {
  return bars ? text.replace(barWords.get(""), barWords.get(bars)) : text;
}

// A trace with the bars that are chosen; only means over seeds have another than the drawn one.
function withBars(trace) {
  if (!bars || !trace.meta?.sd) return trace;
  const instead = bars === "sd" ? trace.meta.sd : { visible: false };
  return { ...trace, error_y: { ...trace.error_y, ...instead } };
}

function showChosen() {
  const texts = selects.filter((one) => one.value).map((one) => {
    const label = one.parentElement.firstChild.textContent.split("(")[0].trim().toLowerCase();
    return `${label} ${one.selectedOptions[0].textContent}`;
  });
  chosen.hidden = !texts.length;
  const reset = element("button", { type: "button", onclick: resetChoices }, "Reset");
  chosen.replaceChildren(`Shown: ${texts.join(", ")} `, reset);
}

function hideColumns() {
  const rules = [];
  for (const { table, heads } of views.values()) {
    const hidden = heads.map((head) => !fits(head));
    hidden.forEach((is, i) => {
      const cell = `> :nth-child(${i + 1})`, id = `#${CSS.escape(table.id)}`;
      if (is) rules.push(`${id} tbody tr ${cell}`, `${id} thead tr:last-child ${cell}`);
    });
    let place = 0;
    for (const span of table.tHead.rows.length > 1 ? table.tHead.rows[0].cells : []) {
      const width = Number(span.dataset.width ??= span.colSpan);
      const left = hidden.slice(place, place += width).filter((is) => !is).length;
      span.hidden = !left;
      span.colSpan = Math.max(1, left);
    }
  }
  columnStyle.replaceSync(rules.length ? `${rules.join()} { display: none }` : "");
}

function applyChoices() {
  const before = bars;
  readChoices();
  showChosen();
  hideColumns();
  for (const panel of document.querySelectorAll(".panel")) panel.hidden = !fits(panel);
  for (const words of document.querySelectorAll(".keys .bars")) {
    words.textContent = barWords.get(bars);
  }
  if (bars !== before) redraw((panel) => panel.data.some((trace) => trace.meta?.sd));
}

function changeChoices(pairs) {
  for (const [name, value] of pairs) {
    if (value) state.chosen.set(name, value);
    else state.chosen.delete(name);
  }
  writeState(true);
  applyChoices();
  for (const view of views.values()) view.toPage(0);
  say(chosen.hidden ? "Everything is shown." : chosen.firstChild.textContent);
}

function resetChoices() {
  const inside = chosen.contains(document.activeElement);
  changeChoices(selects.map((one) => [one.name, ""]));
  if (inside) (selects.find((one) => one.checkVisibility()) ?? menu).focus();
}

for (const select of selects) {
  select.addEventListener("change", () => changeChoices([[select.name, select.value]]));
}
