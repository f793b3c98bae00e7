"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Sorting: numbers by data-sort, texts as a reader would; what has no number comes last either way.
  const keyOf = (cell, numeric) => {
    if (!numeric) return cell.textContent.trim();
    return cell.dataset.sort === undefined ? null : Number(cell.dataset.sort);
  };
  const compare = (a, b, direction) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };
  const sortBy = (table, index) => {
    const heads = all("thead th", table);
    const head = heads[index];
    const before = head.getAttribute("aria-sort");
    const body = table.tBodies[0];
    const numeric = [...body.rows].some((row) => row.cells[index].dataset.sort !== undefined);
    const first = numeric ? "descending" : "ascending";
    const order = before === "none" ? first : before === "ascending" ? "descending" : "ascending";
    const direction = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row, place) => ({ row, place, key: keyOf(row.cells[index], numeric) }));
    rows.sort((a, b) => compare(a.key, b.key, direction) || a.place - b.place);
    body.append(...rows.map((entry) => entry.row));
    heads.forEach((other) => other.setAttribute("aria-sort", other === head ? order : "none"));
  };
  all("table.sortable").forEach((table) => {
    all("thead th", table).forEach((head, index) => {
      head.querySelector("button").addEventListener("click", () => sortBy(table, index));
    });
  });

  // Languages: whatever is about a language that is not ticked is hidden; averages stay over all languages.
  const boxes = all("input[name=lang]");
  const filterLanguages = () => {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    all("[data-langs]").forEach((element) => {
      const langs = element.dataset.langs.split(" ");
      // Rows about languages of another list (word pairs) are left alone.
      const known = langs.filter((lang) => boxes.some((box) => box.value === lang));
      element.classList.toggle("off", known.some((lang) => !shown.has(lang)));
    });
    const count = document.getElementById("languages-count");
    if (count) count.textContent = `${shown.size} of ${boxes.length} shown; averages stay over all.`;
  };
  const tick = (value) => () => {
    boxes.forEach((box) => { box.checked = value; });
    filterLanguages();
  };
  boxes.forEach((box) => box.addEventListener("change", filterLanguages));
  document.getElementById("all-languages")?.addEventListener("click", tick(true));
  document.getElementById("no-languages")?.addEventListener("click", tick(false));

  // One matrix at a time; paper and browsers without scripts show all.
  const model = document.getElementById("matrix-model");
  const choose = () => {
    const pool = document.querySelector("input[name=pool]:checked")?.value;
    all(".choice").forEach((matrix) => {
      matrix.classList.toggle("off", matrix.dataset.model !== model.value || matrix.dataset.pool !== pool);
    });
  };
  if (model) {
    [model, ...all("input[name=pool]")].forEach((control) => control.addEventListener("change", choose));
    choose();
  }
  filterLanguages();

  // Details under the pointer or the focus.
  const tip = document.getElementById("tip");
  const show = (element) => {
    tip.textContent = element.dataset.tip;
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    const left = Math.min(box.left, window.innerWidth - tip.offsetWidth - 8);
    const below = box.bottom + 6;
    const fits = below + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${fits ? below : Math.max(8, box.top - tip.offsetHeight - 6)}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const event of ["mouseover", "focusin", "click"]) {
    document.addEventListener(event, (happened) => {
      const element = happened.target.closest?.("[data-tip]");
      if (element) show(element); else hide();
    });
  }
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (pressed) => { if (pressed.key === "Escape") hide(); });

  // Paper cannot be unfolded.
  window.addEventListener("beforeprint", () => all("details").forEach((part) => { part.open = true; }));
})();
