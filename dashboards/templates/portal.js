"use strict";
(() => {
  const PAGE = 60;
  const get = (id) => document.getElementById(id);
  const rows = get("rows"), end = get("end"), count = get("count");
  let all = [], found = [], shown = 0;

  const node = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const list = (texts) => {
    const made = node("ul");
    made.append(...texts.map((text) => node("li", text)));
    return made;
  };
  const cell = (...parts) => {
    const made = node("td");
    made.append(...parts);
    return made;
  };

  const row = (kpi) => {
    const made = node("tr");
    made.id = kpi.id;
    made.append(
      cell(node("div", kpi.id, "id"), node("div", kpi.name), node("div", `${kpi.pack} · ${kpi.layer} · v${kpi.version} · ${kpi.status}`, "quiet")),
      cell(node("div", kpi.purpose), node("div", kpi.verdict, "quiet")),
      cell(node("pre", kpi.formula), list(kpi.sources)),
      cell(list(kpi.rules)),
      cell(node("div", kpi.schedule), list(kpi.sla), node("div", `runbook ${kpi.runbook}`, "quiet")),
      cell(list(kpi.owners), node("div", kpi.tenants.join(", "), "quiet")),
    );
    return made;
  };

  const more = () => {
    const next = found.slice(shown, shown + PAGE);
    rows.append(...next.map((entry) => row(entry.kpi)));
    shown += next.length;
  };

  const filter = () => {
    const words = get("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = ["pack", "layer", "status"].map((name) => [name, get(name).value]).filter(([, value]) => value);
    found = all.filter(({ kpi, text }) => chosen.every(([name, value]) => kpi[name] === value) && words.every((word) => text.includes(word)));
    rows.replaceChildren();
    shown = 0;
    more();
    count.textContent = `${found.length} of ${all.length}`;
  };

  const start = (data) => {
    all = data.kpis.map((kpi) => ({ kpi, text: Object.values(kpi).flat().join("\n").toLowerCase() }));
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (wanted) get("search").value = wanted;
    filter();
    new IntersectionObserver((seen) => { if (seen[0].isIntersecting) more(); }, { rootMargin: "600px" }).observe(end);
    let waiting = 0;
    get("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); });
    get("filters").addEventListener("submit", (event) => event.preventDefault());
  };

  fetch("dictionary.json")
    .then((answer) => { if (!answer.ok) throw new Error(`status ${answer.status}`); return answer.json(); })
    .then(start)
    .catch((error) => { count.textContent = `dictionary.json could not be read (${error.message}); reload, or ask the platform's operators`; });
})();
