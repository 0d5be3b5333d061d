// The table of the trials: sort, filter, details, CSV.
const {table} = JSON.parse(document.getElementById("data").textContent);
const STEP = 100;
let sorting = {column: -1, isDescending: false};
let limit = STEP;
let order = [];
const openTrials = new Set();
const hiddenStatuses = new Set();
// What draws the curve of a trial into its details, as soon as the plots are there.
let drawCurve = null;

const statusClass = {"failed": "failed", "stopped early": "stopped", "running": "running"};
const collator = new Intl.Collator("en", {numeric: true});

function compareBy(column, sign) {
  return (one, other) => {
    const [first, second] = [table.rows[one], table.rows[other]].map((row) => ({
      key: row.keys[column], text: row.cells[column],
    }));
    const isEmpty = (cell) => cell.key === null && cell.text === "";
    // Empty cells come last in both directions.
    if (isEmpty(first) || isEmpty(second)) return isEmpty(first) - isEmpty(second) || one - other;
    if (first.key !== null && second.key !== null) return sign * (first.key - second.key) || one - other;
    return sign * collator.compare(first.text, second.text) || one - other;
  };
}

const CONDITION = /^(.+?)(<=|>=|!=|=|<|>)(.*)$/;

function columnOf(name) {
  return table.heads.findIndex((head) => head.toLowerCase() === name);
}

// Return what is wrong with a word that looks like a condition; the empty string if nothing is.
function remarkOn(word) {
  const parts = CONDITION.exec(word);
  if (!parts) return "";
  const [, name, sign, value] = parts;
  if (columnOf(name) < 0) return `. No column is called “${name}”, so “${word}” is searched as a text`;
  const needsNumber = /[<>]/.test(sign) && (value === "" || Number.isNaN(Number(value)));
  return needsNumber ? `. A number must follow “${name}${sign}”` : "";
}

// Return whether a row matches a word: column<number, column=text, or a part of any cell.
function matcher(word) {
  const parts = CONDITION.exec(word);
  const column = parts ? columnOf(parts[1]) : -1;
  if (column < 0) {
    return (row) => row.cells.some((cell) => cell.toLowerCase().includes(word)) ||
      row.name.toLowerCase() === word;
  }
  const [, , sign, value] = parts;
  const number = value === "" ? NaN : Number(value);
  const compare = {
    "<": (key) => key < number, ">": (key) => key > number,
    "<=": (key) => key <= number, ">=": (key) => key >= number,
    "=": (key) => key === number, "!=": (key) => key !== number,
  }[sign];
  return (row) => {
    const key = row.keys[column];
    if (key !== null && !Number.isNaN(number)) return compare(key);
    const isEqual = row.cells[column].toLowerCase() === value;
    return sign === "=" ? isEqual : sign === "!=" ? !isEqual : false;
  };
}

function filterWords() {
  return document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
}

function selectRows() {
  const matchers = filterWords().map(matcher);
  order = table.rows.map((_, index) => index).filter((index) => {
    const row = table.rows[index];
    return !hiddenStatuses.has(row.cells[table.status]) && matchers.every((matches) => matches(row));
  });
  if (sorting.column >= 0) order.sort(compareBy(sorting.column, sorting.isDescending ? -1 : 1));
}

function countText(shown) {
  const isOne = order.length === 1;
  const part = shown < order.length ? `${shown} of ` : "";
  const whole = order.length < table.rows.length ? ` that match${isOne ? "es" : ""}, of ${table.rows.length}` : "";
  return `${part}${order.length} trial${isOne ? "" : "s"}${whole}`;
}

function showTable() {
  selectRows();
  const body = document.querySelector("#table tbody");
  body.replaceChildren(...order.slice(0, limit).flatMap(rowElements));
  const shown = Math.min(limit, order.length);
  document.getElementById("count").textContent = countText(shown) + filterWords().map(remarkOn).join("");
  document.getElementById("more").hidden = shown === order.length;
  for (const [column, head] of [...document.querySelectorAll("#table th")].entries()) {
    const isSorted = column === sorting.column;
    head.querySelector("button span").textContent = isSorted ? (sorting.isDescending ? " ↓" : " ↑") : "";
    if (isSorted) head.setAttribute("aria-sort", sorting.isDescending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  if (drawCurve) for (const place of body.querySelectorAll(".curve")) drawCurve(place);
}

function rowElements(index) {
  const row = table.rows[index];
  const isOpen = openTrials.has(index);
  const cells = row.cells.map((text, column) => {
    const kinds = [table.right[column] ? "right" : "", column === table.status ? statusClass[text] ?? "" : ""];
    return element("td", {class: kinds.join(" ").trim() || null, text, title: text.length > 24 ? text : null});
  });
  if (index === 0 && table.hasBest) cells[0].textContent = `★ ${cells[0].textContent}`;
  const kinds = ["trial", index === 0 && table.hasBest ? "best" : "", isOpen ? "open" : ""];
  const toggle = () => toggleTrial(index);
  const line = element("tr", {
    class: kinds.filter(Boolean).join(" "), tabindex: "0", "data-trial": index, "aria-expanded": String(isOpen),
    on: {click: toggle, keydown: (event) => { if (event.key === "Enter") toggle(); }},
  }, ...cells);
  return isOpen ? [line, detailsElement(index)] : [line];
}

function detailsElement(index) {
  const groups = table.rows[index].details.map(([title, facts]) => element("div", {},
    element("h3", {text: title}),
    element("dl", {}, ...facts.flatMap(([name, value]) => [
      element("dt", {text: name}), element("dd", {text: value}),
    ]))));
  const curve = element("div", {class: "curve", "data-trial": index, hidden: true});
  const cell = element("td", {colspan: table.heads.length}, element("div", {class: "groups"}, ...groups, curve));
  return element("tr", {class: "details"}, cell);
}

function toggleTrial(index) {
  if (!openTrials.delete(index)) openTrials.add(index);
  showTable();
  for (const listener of selectionListeners) listener();
  const line = document.querySelector(`#table tr[data-trial="${index}"]`);
  if (line) line.focus({preventScroll: true});
}
const selectionListeners = [];

// Show the details of a trial that somebody has clicked in a plot.
function openTrial(index) {
  if (!order.includes(index)) {
    document.getElementById("filter").value = "";
    hiddenStatuses.clear();
    showStatuses();
    selectRows();
  }
  limit = Math.max(limit, order.indexOf(index) + 1);
  openTrials.add(index);
  showTable();
  for (const listener of selectionListeners) listener();
  document.querySelector(`#table tr[data-trial="${index}"]`).scrollIntoView({block: "center"});
}

function showStatuses() {
  document.getElementById("statuses").replaceChildren(...table.statuses.map((status) => element("button", {
    type: "button", class: "quiet", text: status, "aria-pressed": String(!hiddenStatuses.has(status)),
    on: {click: () => {
      if (!hiddenStatuses.delete(status)) hiddenStatuses.add(status);
      limit = STEP;
      showStatuses();
      showTable();
    }},
  })));
}

// A spreadsheet takes a text that begins with such a sign for a formula.
function csvCell(text) {
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
  const safe = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(text) && !isNumber ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvText() {
  const value = (row, column) => row.keys[column] === null ? row.cells[column] : String(row.keys[column]);
  const lines = order.map((index) => table.heads.map((_, column) => csvCell(value(table.rows[index], column))));
  return [table.heads.map(csvCell), ...lines].map((cells) => cells.join(",")).join("\n") + "\n";
}

function downloadCsv() {
  const address = URL.createObjectURL(new Blob([csvText()], {type: "text/csv"}));
  element("a", {href: address, download: "trials.csv"}).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function sortBy(column) {
  const isSame = sorting.column === column;
  // Of a metric the largest is seldom wrong; a third click restores the first order.
  if (isSame && sorting.isDescending) sorting = {column: -1, isDescending: false};
  else sorting = {column, isDescending: isSame};
  showTable();
}

if (table) {
  document.querySelector("#table thead").append(element("tr", {}, ...table.heads.map((head, column) =>
    element("th", {class: table.right[column] ? "right" : null, title: head.length > 24 ? head : null},
      element("button", {type: "button", on: {click: () => sortBy(column)}}, head, element("span"))))));
  let timer = 0;
  document.getElementById("filter").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { limit = STEP; showTable(); }, 100);
  });
  document.getElementById("more").addEventListener("click", () => { limit = Infinity; showTable(); });
  document.getElementById("csv").addEventListener("click", downloadCsv);
  addEventListener("beforeprint", () => { limit = Math.max(limit, 1000); showTable(); });
  const example = `${table.heads[table.metric].slice(0, 40)}>0.5`;
  document.getElementById("filter").placeholder = `Filter: a text, or a column such as ${example}`;
  showStatuses();
  showTable();
}
