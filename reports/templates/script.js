"use strict";

// Sorting: a button in each header cell; numbers by their exact value, blanks last either way.

const BLANKS = new Set(["", "-", "\u2013"]);

function keyOf(cell, numeric) {
  const text = cell.textContent.trim();
  if (!numeric) return BLANKS.has(text) ? null : text;
  const value = cell.dataset.value;
  const number = value === undefined ? NaN : Number(value.replace("inf", "Infinity"));
  return Number.isNaN(number) ? null : number;
}

function compare(a, b) {
  return typeof a === "number" ? a - b || 0 : a.localeCompare(b, undefined, { numeric: true });
}

function sortBy(table, column, sign) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const numeric = rows.some((row) => row.cells[column].dataset.value !== undefined);
  const keyed = rows.map((row) => ({ row, key: keyOf(row.cells[column], numeric) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return sign * compare(a.key, b.key);
  });
  body.append(...keyed.map(({ row }) => row));
}

function makeSortable(table) {
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      sortBy(table, column, sign);
    });
  });
}

document.querySelectorAll("table.sortable").forEach(makeSortable);

// Filters: what is about another method or data set is hidden. Commas separate alternatives.

const filters = {
  method: document.getElementById("filter-method"),
  dataset: document.getElementById("filter-dataset"),
};

function matches(subject, wanted) {
  return !wanted.length || wanted.some((text) => subject.toLowerCase().includes(text));
}

function wantedBy(input) {
  return input.value.toLowerCase().split(/,(?![^[]*\])/).map((text) => text.trim()).filter(Boolean);
}

function filter() {
  const wanted = { method: wantedBy(filters.method), dataset: wantedBy(filters.dataset) };
  document.querySelectorAll("[data-method], [data-dataset]").forEach((element) => {
    element.hidden = Object.entries(wanted).some(
      ([what, texts]) => what in element.dataset && !matches(element.dataset[what], texts),
    );
  });
  const rows = Array.from(document.querySelectorAll("table.sortable tbody tr"));
  const shown = rows.filter((row) => !row.closest("[hidden]")).length;
  const all = !wanted.method.length && !wanted.dataset.length;
  document.getElementById("found").textContent = all ? "" : `${shown} of ${rows.length} rows shown`;
}

Object.values(filters).forEach((input) => input.addEventListener("input", filter));
document.getElementById("clear").addEventListener("click", () => {
  Object.values(filters).forEach((input) => { input.value = ""; });
  filter();
});

// Dark or light: as the system says until the reader does. Storage may be forbidden.

const root = document.documentElement;
const theme = document.getElementById("theme");
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function remembered() {
  try { return localStorage.getItem("howrobust-theme"); } catch { return null; }
}

function remember(name) {
  try { localStorage.setItem("howrobust-theme", name); } catch { /* this visit only */ }
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

function showTheme() {
  theme.setAttribute("aria-pressed", String(isDark()));
}

theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  remember(root.dataset.theme);
  showTheme();
});
systemDark.addEventListener("change", showTheme);
if (["dark", "light"].includes(remembered())) root.dataset.theme = remembered();
showTheme();

// A region that does not overflow needs no stop of the keyboard; one that does says so.

const fits = new ResizeObserver((entries) => {
  entries.forEach(({ target }) => {
    const region = target.closest(".scroll");
    const more = region.scrollWidth > region.clientWidth + 1;
    region.toggleAttribute("data-more", more);
    if (more) region.tabIndex = 0; else region.removeAttribute("tabindex");
  });
});
document.querySelectorAll(".scroll").forEach((region) => {
  fits.observe(region);
  fits.observe(region.firstElementChild);
});

// Paper cannot be clicked open.

let closed = [];
window.addEventListener("beforeprint", () => {
  closed = Array.from(document.querySelectorAll("details:not([open])"));
  closed.forEach((details) => { details.open = true; });
});
window.addEventListener("afterprint", () => {
  closed.forEach((details) => { details.open = false; });
});

document.getElementById("controls").hidden = false;
