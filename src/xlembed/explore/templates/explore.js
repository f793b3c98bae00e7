"use strict";
(() => {
  const PER_PAGE = 10;
  const SHOW = { all: "every unit", a: "only A right", b: "only B right", none: "both wrong", both: "both right" };
  const SHOW_ONE = { all: "every unit", a: "first document right", none: "first document wrong" };
  const SORT = { a: "A ahead of B", b: "B ahead of A", far: "far apart, either way", task: "order of the task" };
  const SORT_UNJUDGED = { a: "A and B apart", task: "order of the task" };
  const SORT_ONE = { a: "best first", b: "worst first", task: "order of the task" };
  const START = { a: "0", b: "1", show: "all", mode: "", from: "", to: "", ea: "", eb: "", sort: "a", v: "", q: "", page: "1", whole: "" };
  const byId = (id) => document.getElementById(id);
  const plain = (text) => text.normalize("NFKC").toLowerCase();

  // Data arrive as scripts that call explorerData, since a page opened as a file may not fetch.
  const waiting = new Map();
  window.explorerData = (kind, part, value) => waiting.get(`${kind}-${part}`)?.done(value);
  const load = (kind, part) => {
    const name = `${kind}-${part}`;
    if (!waiting.has(name)) {
      const entry = {};
      entry.promise = new Promise((done, failed) => {
        entry.done = done;
        const script = document.createElement("script");
        script.src = `data/${name}.js`;
        script.onerror = () => failed(new Error(`data/${name}.js is missing beside this page`));
        document.head.append(script);
      });
      waiting.set(name, entry);
    }
    return waiting.get(name).promise;
  };

  // Elements are made, never written: what texts hold is shown, not run.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
    element.append(...children.filter((child) => child !== null));
    return element;
  };

  let index, queries, texts, state, shown;
  const count = (n) => n.toLocaleString("en");
  const rr = (model, unit) => (index.rank[model][unit] ? 1 / index.rank[model][unit] : 0);
  const isRight = (model, unit) => index.error[model][unit] < 0;
  const alone = () => index.models.length < 2;
  const sorts = () => (index.judged ? (alone() ? SORT_ONE : SORT) : alone() ? { task: SORT_ONE.task } : SORT_UNJUDGED);
  const ahead = (unit) => rr(state.a, unit) - (alone() ? 0 : rr(state.b, unit));

  const readHash = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    state = { ...START };
    for (const name of Object.keys(START)) if (given.has(name)) state[name] = given.get(name);
    if (!((alone() ? SHOW_ONE : SHOW)[state.show])) state.show = START.show;
    if (!sorts()[state.sort]) state.sort = Object.keys(sorts())[0];
    for (const name of ["a", "b"]) {
      const known = Number.isInteger(+state[name]) && +state[name] >= 0 && +state[name] < index.models.length;
      state[name] = known ? +state[name] : Math.min(+START[name], index.models.length - 1);
    }
  };
  const writeHash = () => {
    const changed = Object.entries(state).filter(([name, value]) => String(value) !== START[name]);
    history.replaceState(null, "", changed.length ? `#${new URLSearchParams(changed)}` : "#queries");
  };

  const outcome = (unit) => {
    const a = isRight(state.a, unit);
    if (alone()) return a ? "a" : "none";
    const b = isRight(state.b, unit);
    return a && b ? "both" : a ? "a" : b ? "b" : "none";
  };
  const fits = (model, unit, wanted) => {
    if (wanted === "") return true;
    const flag = index.flags.indexOf(wanted);
    if (flag >= 0) return Boolean(index.flag[model][unit] & (1 << flag));
    return wanted === (isRight(model, unit) ? "right" : index.kinds[index.error[model][unit]]);
  };
  const choose = () => {
    const words = plain(state.q).split(/\s+/).filter(Boolean);
    const found = queries.map((query, i) => words.every((word) => texts[i].includes(word)));
    const units = [];
    for (let unit = 0; unit < index.query.length; unit += 1) {
      const query = index.query[unit];
      if (found[query]
        && (state.show === "all" || outcome(unit) === state.show)
        && (state.mode === "" || String(index.macro[unit]) === state.mode)
        && (state.v === "" || verdictOf(query) === (state.v === "none" ? "" : state.v))
        && (state.from === "" || index.langs[queries[query][1]] === state.from)
        && (state.to === "" || index.langs[index.lang[unit]] === state.to)
        && fits(state.a, unit, state.ea) && (alone() || fits(state.b, unit, state.eb))) units.push(unit);
    }
    const key = { a: (u) => -ahead(u), b: ahead, far: (u) => -Math.abs(ahead(u)), task: () => 0 }[state.sort];
    if (key) {
      const keys = new Map(units.map((unit) => [unit, key(unit)]));
      const place = (unit) => (state.sort === "task" ? index.query[unit] : unit);
      units.sort((x, y) => keys.get(x) - keys.get(y) || place(x) - place(y));
    }
    return units;
  };

  // Verdicts: of check-queries, and over them those marked here, which the browser keeps until they are saved
  const VERDICTS = ["accept", "review", "reject"];
  const marks = Object.create(null); // ids may be called like what every object has
  const store = (work) => { try { return work(window.localStorage); } catch { return null; } }; // some browsers keep nothing of files
  const verdictOf = (query) => marks[queries[query][0]] ?? index.verdicts[query] ?? "";
  const mark = (id, verdict) => {
    marks[id] = verdict;
    store((kept) => kept.setItem(`xlembed-verdicts-${index.task}`, JSON.stringify(marks)));
    drawSave();
  };
  const readMarks = () => {
    const kept = JSON.parse(store((found) => found.getItem(`xlembed-verdicts-${index.task}`)) ?? "{}");
    for (const [id, verdict] of Object.entries(kept)) if (VERDICTS.includes(verdict)) marks[id] = verdict;
  };
  const verdictTable = () => {
    const cell = (text) => `"${text.replaceAll('"', '""')}"`;
    const rows = queries.map(([id], query) => [id, verdictOf(query)]).filter(([, verdict]) => verdict);
    return ["query_id,verdict", ...rows.map(([id, verdict]) => `${cell(id)},${verdict}`), ""].join("\n");
  };
  const drawSave = () => {
    const save = byId("save");
    const marked = Object.keys(marks).length;
    save.hidden = marked === 0;
    save.textContent = `Save verdicts (${count(marked)} marked here)`;
  };
  byId("save").addEventListener("click", () => {
    const link = make("a", { href: URL.createObjectURL(new Blob([verdictTable()], { type: "text/csv" })), download: "verdicts.csv" });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  const verdictBox = (query) => {
    const [id] = queries[query];
    const box = make("select", { name: "verdict" });
    for (const verdict of [...(verdictOf(query) ? [] : [""]), ...VERDICTS]) box.append(make("option", { value: verdict }, verdict || "no verdict"));
    box.value = verdictOf(query);
    box.addEventListener("change", () => { if (box.value) mark(id, box.value); });
    const reasons = index.reasons[query] ? ` ${index.reasons[query]}` : "";
    return make("p", { class: "marking" }, make("label", {}, "Shall it stay? ", box), reasons);
  };

  // Filters
  const select = (name, label, options) => {
    const box = make("select", { name });
    for (const [value, text] of options) {
      const option = make("option", { value }, text);
      option.selected = String(state[name]) === value;
      box.append(option);
    }
    return make("label", {}, label, box);
  };
  const drawFilters = () => {
    const models = index.models.map((name, i) => [String(i), name]);
    const any = [["", "any"]];
    const langs = [...any, ...index.langs.map((lang) => [lang, lang])];
    const errors = [...any, ["right", "right"], ...index.kinds.map((kind) => [kind, kind]), ...index.flags.map((flag) => [flag, `flag: ${flag}`])];
    const modes = [...any, ...index.macros.map((title, i) => [String(i), title]).filter(([i]) => index.macro.includes(+i))];
    const entries = (of) => Object.entries(of);
    const search = make("input", { type: "search", name: "q", value: state.q });
    const whole = make("input", { type: "checkbox", name: "whole", value: "1" });
    whole.checked = state.whole === "1";
    byId("filters").replaceChildren(
      select("a", alone() ? "Model" : "Model A", models),
      ...(alone() ? [] : [select("b", "Model B", models)]),
      ...(index.judged ? [select("show", "Show", entries(alone() ? SHOW_ONE : SHOW))] : []),
      select("sort", "Sort by", entries(sorts())),
      ...(index.judged ? [select("mode", "Mode", modes)] : []),
      select("from", "Language of the query", langs),
      ...(index.judged ? [
        select("to", "Language of the answer", langs),
        select("ea", alone() ? "Kind of error" : "A's kind of error", errors),
        ...(alone() ? [] : [select("eb", "B's kind of error", errors)]),
      ] : []),
      select("v", "Verdict", [...any, ...VERDICTS.map((verdict) => [verdict, verdict]), ["none", "none"]]),
      make("label", { class: "wide" }, "Words in the query or its id", search),
      make("label", { class: "box" }, whole, " whole texts"),
      make("button", { type: "reset" }, "Show all again"),
    );
  };
  const take = () => {
    const given = Object.fromEntries(new FormData(byId("filters")));
    state = { ...START, ...given, a: +given.a, b: +(given.b ?? 0), page: "1" };
    update();
  };

  // List
  const textOf = ([id, lang, title, text]) => make("div", { class: "text", dir: "auto", lang: index.langs[lang] },
    title ? make("span", { class: "title" }, `${title} `) : null, text, " ", make("bdi", { class: "id", lang: "en" }, `(${id})`));
  const scoreOf = (score) => (score === null ? "" : score.toPrecision(3));
  const rankText = (rank, score) => (rank ? `rank ${count(rank)}${score === null ? "" : ` (${scoreOf(score)})`}` : "not found");
  const said = (model, unit) => {
    const flags = index.flags.filter((_, i) => index.flag[model][unit] & (1 << i));
    const first = isRight(model, unit) ? ["✓ right"] : [`✗ ${index.kinds[index.error[model][unit]]}`, ...flags];
    const rank = index.rank[model][unit];
    return make("p", { class: "verdict-line" }, make("b", {}, first.join(", ")), ` – right answer: ${rank ? `rank ${count(rank)}` : "not found"}`);
  };
  const hits = (top, documents) => make("ol", { class: index.judged ? "hits" : "hits bare" }, ...top.map(([number, score, good], i) =>
    make("li", { class: good ? "hit good" : "hit" },
      make("span", { class: "rank" }, String(i + 1)),
      index.judged ? make("span", { class: "mark" }, good ? "✓ right" : "✗ wrong") : null,
      make("span", { class: "lang" }, index.langs[documents.get(number)[1]]),
      make("span", { class: "score" }, scoreOf(score)),
      textOf(documents.get(number)))));
  const answers = (sides, letters, documents) => {
    const ranks = new Map();
    sides.forEach(([, right], side) => right.forEach(([number, rank, score]) => {
      if (!ranks.has(number)) ranks.set(number, []);
      ranks.get(number)[side] = rankText(rank, score);
    }));
    const lines = [...ranks].map(([number, of]) => make("li", { class: "hit" },
      make("span", { class: "ranks" }, letters.map((letter, i) => `${letter} ${of[i] ?? "lower"}`.trim()).join(", ")),
      make("span", { class: "lang" }, index.langs[documents.get(number)[1]]), textOf(documents.get(number))));
    const more = sides[0][2] > ranks.size ? `, ${ranks.size} of ${count(sides[0][2])}` : "";
    return make("div", { class: "answers" }, make("h4", {}, `Right answer${sides[0][2] > 1 ? "s" : ""}${more}`), make("ul", { class: "hits" }, ...lines));
  };
  const card = (unit, of, documents) => {
    const [id, lang, text] = queries[index.query[unit]];
    const models = alone() ? [state.a] : [state.a, state.b];
    const letters = alone() ? [""] : ["A", "B"];
    const sides = models.map((model) => of[model]);
    return make("article", { class: "unit" },
      make("h3", { dir: "auto", lang: index.langs[lang] }, text),
      make("p", { class: "meta" }, `${id} · ${index.langs[lang]}${index.judged ? ` → ${index.langs[index.lang[unit]]} · ${index.macros[index.macro[unit]]}` : ""}`),
      verdictBox(index.query[unit]),
      index.judged ? answers(sides, letters, documents) : null,
      make("div", { class: "sides" }, ...models.map((model, i) => make("section", { "aria-label": `Ranking by ${index.models[model]}` },
        make("h4", {}, `${letters[i]} ${index.models[model]}${index.labels[model] ? ` (${index.labels[model]})` : ""}`.trim()),
        index.judged ? said(model, unit) : null,
        sides[i][0].length ? hits(sides[i][0], documents) : make("p", {}, "nothing retrieved")))));
  };

  let turn = 0;
  const drawList = async () => {
    const mine = (turn += 1);
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    const page = Math.min(pages, Math.max(1, Math.trunc(+state.page) || 1));
    state.page = String(page);
    const start = (page - 1) * PER_PAGE;
    const units = shown.slice(start, start + PER_PAGE);
    const part = (kind, i) => Math.floor(i / index.perPart[kind]);
    const rows = await Promise.all(units.map(async (unit) => (await load("units", part("units", unit)))[unit % index.perPart.units]));
    const models = new Set(alone() ? [state.a] : [state.a, state.b]);
    const wanted = new Set(rows.flatMap((row) => [...models].flatMap((m) => [...row[m][0], ...row[m][1]].map(([number]) => number))));
    const documents = new Map(await Promise.all([...wanted].map(async (number) =>
      [number, (await load("documents", part("documents", number)))[number % index.perPart.documents]])));
    if (mine !== turn) return; // asked for something else meanwhile
    byId("list").replaceChildren(...units.map((unit, i) => card(unit, rows[i], documents)));
    byId("list").classList.toggle("whole", state.whole === "1");
    byId("status").textContent = shown.length
      ? `${index.judged ? "Units" : "Queries"} ${count(start + 1)} to ${count(start + units.length)} of ${count(shown.length)}${shown.length < index.query.length ? ` (of ${count(index.query.length)} in all)` : ""}`
      : "No unit is like that: choose less, or show all again.";
    drawPager(page, pages);
    writeHash();
    document.documentElement.dataset.ready = "1";
  };
  const drawPager = (page, pages) => {
    const to = (text, target) => {
      const button = make("button", { type: "button" }, text);
      button.disabled = target < 1 || target > pages || target === page;
      button.addEventListener("click", () => turnTo(target));
      return button;
    };
    document.querySelectorAll(".pager").forEach((pager) => {
      const field = make("input", { type: "number", min: "1", max: String(pages), value: String(page), "aria-label": "Page" });
      field.addEventListener("change", () => turnTo(+field.value));
      pager.replaceChildren(to("First", 1), to("Previous", page - 1), "page", field, `of ${count(pages)}`, to("Next", page + 1), to("Last", pages));
      pager.hidden = pages < 2;
    });
  };
  const failed = (error) => {
    byId("status").textContent = error.message;
    byId("status").classList.add("bad");
  };
  const turnTo = (page) => {
    state.page = String(page);
    drawList().then(() => byId("status").focus()).catch(failed);
  };
  const update = () => {
    shown = choose();
    drawList().catch(failed);
  };
  const fromHash = () => {
    readHash();
    drawFilters();
    update();
  };

  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    history.replaceState(null, "", "#queries");
    fromHash();
  });
  let pause;
  byId("filters").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(take, 150); // while one types
  });
  window.addEventListener("hashchange", () => { if (location.hash !== "#why") fromHash(); });
  Promise.all([load("index", 0), load("queries", 0)]).then(([found, asked]) => {
    index = found;
    queries = asked;
    texts = queries.map(([id, , text]) => plain(`${id} ${text}`));
    readMarks();
    drawSave();
    fromHash();
  }).catch(failed);
})();
