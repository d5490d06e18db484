// Tables: sorting, filtering, paging and copying. Each is a `View` of rows that stay as they are.

const PAGE_ROWS = 200;
const collator = new Intl.Collator("en", { numeric: true });
const views = new Map();

function rawValue(cell) {
  return cell.dataset.sort ?? cell.textContent;
}

function compareRaw(a, b, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const x = Number(a), y = Number(b);
  return sign * (Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y);
}

class View {
  constructor(box) {
    this.box = box;
    this.name = box.dataset.table;
    this.table = box.querySelector("table");
    this.heads = [...this.table.querySelectorAll("th[data-key]")];
    this.rows = [...this.table.tBodies].flatMap((body) => [...body.rows]);
    this.found = this.rows;
    this.words = [];
    this.order = null;
    this.page = 0;
    for (const body of [...this.table.tBodies].slice(1)) body.remove();
    for (const head of this.heads) {
      head.querySelector("button").addEventListener("click", () => this.turn(head));
    }
    if (this.rows.length > 20) this.addFilter();
    this.addTools();
    if (this.rows.length > PAGE_ROWS) this.show();
  }

  addFilter() {
    this.input = element("input", {
      type: "search", placeholder: "words, or a column’s value: seed=1",
      oninput: () => this.filter(this.input.value),
    });
    this.box.prepend(element("label", { class: "filter" }, "Rows with ", this.input));
  }

  addTools() {
    const kinds = { latex: ["LaTeX", "tex"], csv: ["CSV", "csv"], markdown: ["Markdown", "md"] };
    const tools = element("p", { class: "tools" }, "Copy");
    for (const [kind, [word]] of Object.entries(kinds)) {
      const label = `Copy table ${this.name} as ${word}`;
      tools.append(" ", element("button", {
        type: "button", "aria-label": label, onclick: () => this.copy(kind, word),
      }, word));
    }
    tools.append(element("span", { class: "gap" }, "Save"));
    for (const [kind, [word, suffix]] of Object.entries(kinds)) {
      const label = `Save table ${this.name} as ${word}`;
      const act = async () => {
        save(`${this.name}.${suffix}`, (await tableTexts())[this.name][kind], "text/plain");
      };
      tools.append(" ", element("button", {
        type: "button", "aria-label": label, onclick: act,
      }, word));
    }
    this.pager = element("span", { class: "pager" });
    tools.append(" ", element("a", {
      class: "anchor", href: `#table-${this.name}`, "aria-label": `Link to table ${this.name}`,
    }, "#"), this.pager);
    this.box.append(tools);
  }

  async copy(kind, word) {
    const text = (await tableTexts())[this.name][kind];
    await copyText(text, `Copied as ${word}: the whole table.`, this.box);
  }

  turn(head) {
    const order = { none: "ascending", ascending: "descending", descending: "none" };
    const next = order[head.getAttribute("aria-sort")];
    this.sort(head, next);
    this.toPage(0);
    choose(`${this.name}.sort`, next === "none" ? "" : `${head.dataset.key}:${next}`);
  }

  sort(head, order) {
    for (const other of this.heads) other.setAttribute("aria-sort", "none");
    head?.setAttribute("aria-sort", order);
    this.order = order === "none" ? null : [head.cellIndex, order === "ascending" ? 1 : -1];
  }

  filter(text) {
    this.find(text);
    choose(`${this.name}.q`, text.trim());
    this.toPage(0);
  }

  find(text) {
    if (this.input) this.input.value = text;
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
      const [key, value] = word.split("=");
      const column = this.heads.findIndex((head) => head.dataset.key.toLowerCase() === key);
      return value !== undefined && column >= 0 ? { column, value } : { word };
    });
  }

  has(row) {
    row.text ??= row.textContent.toLowerCase();
    return this.words.every(({ column, value, word }) => {
      if (word !== undefined) return row.text.includes(word);
      const cell = row.cells[column];
      return [rawValue(cell).toLowerCase(), cell.textContent.toLowerCase()].includes(value);
    });
  }

  show() {
    const every = !narrow.length && !this.words.length;
    this.found = every ? this.rows : this.rows.filter((row) => fits(row) && this.has(row));
    if (this.order) {
      const [column, sign] = this.order;
      const keyed = this.found.map((row) => [rawValue(row.cells[column]), row]);
      this.found = keyed.sort((a, b) => compareRaw(a[0], b[0], sign)).map(([, row]) => row);
    }
    this.page = Math.max(0, Math.min(this.page, Math.ceil(this.found.length / PAGE_ROWS) - 1));
    const start = this.page * PAGE_ROWS, end = start + PAGE_ROWS;
    this.table.tBodies[0].replaceChildren(...this.found.slice(start, end));
    const all = this.found.length, last = Math.min(end, all);
    const step = (word, by, off) => {
      const attributes = { type: "button", onclick: () => this.turnPage(by) };
      return element("button", off ? { ...attributes, disabled: "" } : attributes, word);
    };
    const some = all < this.rows.length ? ` of ${this.rows.length}, filtered` : "";
    const text = `Rows ${all ? start + 1 : 0} to ${last} of ${all}${some} `;
    this.pager.replaceChildren();
    if (all > PAGE_ROWS) {
      this.pager.append(text, step("Previous", -1, !start), " ", step("Next", 1, end >= all));
    } else if (some) this.pager.append(`${all} row${all === 1 ? "" : "s"}${some}`);
  }

  toPage(page) {
    this.page = page;
    this.show();
    choose(`${this.name}.page`, this.page ? this.page + 1 : "");
  }

  turnPage(by) {
    this.toPage(this.page + by);
    this.box.querySelector(".scroll").scrollTop = 0;
    const button = [...this.pager.querySelectorAll("button")].find((one) => !one.disabled);
    button?.focus();
    say(this.pager.firstChild.textContent);
  }

  reveal(row) {
    if (!fits(row)) resetChoices();
    if (!this.found.includes(row)) this.filter("");
    const page = Math.floor(this.found.indexOf(row) / PAGE_ROWS);
    if (page !== this.page) this.toPage(page);
  }

  restore() {
    const [query, sorted, number] = ["q", "sort", "page"].map(
      (part) => state.chosen.get(`${this.name}.${part}`) ?? "");
    const [key, order] = sorted.split(":");
    const head = this.heads.find((one) => one.dataset.key === key);
    this.find(this.input ? query : "");
    const known = head && ["ascending", "descending"].includes(order);
    this.sort(head, known ? order : "none");
    this.toPage(Math.max(1, Math.trunc(Number(number)) || 1) - 1);
  }
}

async function copyText(text, done, near) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch {
    // The clipboard may be closed to pages: the text is shown, selected, to be copied by hand.
    near.querySelector(".by-hand")?.remove();
    const area = element("textarea", {
      class: "by-hand", readonly: "", rows: "6", "aria-label": "Text to copy",
      onkeydown: (event) => { if (event.key === "Escape") area.remove(); },
      onblur: () => area.remove(),
    });
    area.value = text;
    near.append(area);
    area.focus();
    area.select();
    say(document.execCommand("copy") ? done : "Press Ctrl+C to copy the selected text.");
  }
}

for (const box of document.querySelectorAll(".table")) views.set(box.dataset.table, new View(box));
