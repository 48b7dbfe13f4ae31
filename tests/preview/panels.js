// Puts the panels of a dashboard where its JSON says, and fills them with what Prometheus has answered.
function html(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function legendName(target, metric) {
  const named = (target.legendFormat || "").replace(/{{\s*(\w+)\s*}}/g, (_, label) => metric[label] || "");
  return named || Object.values(metric).join(" ") || "value";
}

// Each series with its name, in the order of the panel's questions.
function namedSeries(panel, answers) {
  return panel.targets.flatMap((target, index) => {
    const found = (answers[index] || []).map((one) => [legendName(target, one.metric), one]);
    return found.sort(([one], [other]) => one.localeCompare(other));
  });
}

function legend(box, panel, named) {
  const shades = colours(panel, named);
  const list = html("div", "legend");
  named.forEach(([name], index) => {
    const item = html("span");
    const mark = html("i");
    mark.style.background = shades[index];
    item.append(mark, name);
    list.append(item);
  });
  box.append(list);
}

function scale(box, most) {
  const bar = html("div", "legend");
  const strip = html("i");
  strip.style.cssText = `width: 160px; height: 9px; background: linear-gradient(90deg, ${orange(0)}, ${orange(0.5)}, ${orange(1)})`;
  bar.append("few", strip, `${Math.round(most)} in ${PAGE.rateInterval}`);
  box.append(bar);
}

function table(box, panel, answers) {
  const { excludeByName, indexByName, renameByName } = panel.transformations[0].options;
  const { defaults } = panel.fieldConfig;
  const rows = answers.flat().map((one) => ({ ...one.metric, Value: Number(one.value[1]) }));
  const names = [...new Set(rows.flatMap(Object.keys))].filter((name) => !excludeByName[name]);
  names.sort((one, other) => (indexByName[one] ?? 99) - (indexByName[other] ?? 99));
  const made = html("table");
  const head = html("tr");
  names.forEach((name) => head.append(html("th", name === "Value" ? "number" : "", renameByName[name] || name)));
  made.append(head);
  for (const row of rows) {
    const line = html("tr");
    names.forEach((name) => {
      const value = name === "Value" && defaults.mappings ? mapped(row.Value, defaults) : row[name];
      line.append(html("td", name === "Value" ? "number" : "", String(value ?? "")));
    });
    made.append(line);
  }
  box.append(made);
}

// One value for each series, with its name where there are several or the panel gives one.
function stat(box, panel, named) {
  const { defaults } = panel.fieldConfig;
  const all = html("div", "stats");
  for (const [name, one] of named) {
    const value = Number(one.value[1]);
    const shown = html("div", "stat", mapped(value, defaults));
    shown.style.color = threshold(value, defaults);
    if (name !== "value") shown.prepend(html("small", "", name));
    all.append(shown);
  }
  box.append(all);
}

function fill(box, panel, answers) {
  const named = namedSeries(panel, answers);
  if (named.length === 0) return box.append(html("div", "empty", "No data"));
  if (panel.type === "stat") return stat(box, panel, named);
  if (panel.type === "table") return table(box, panel, answers);
  const drawing = html("div", "drawing");
  box.append(drawing);
  if (panel.type === "timeseries") legend(box, panel, named);
  if (panel.type === "heatmap") {
    // The scale takes its place before the drawing is measured.
    const place = html("div");
    place.style.height = "18px";
    box.append(place);
    return scale(place, heatmap(drawing, panel, named, PAGE.range));
  }
  return panel.type === "timeseries" ? lines(drawing, panel, named, PAGE.range) : states(drawing, panel, named, PAGE.range);
}

function show() {
  const { dashboard, answers } = PAGE;
  const header = html("header");
  header.append(html("h1", "", dashboard.title), html("p", "", dashboard.description));
  const variables = html("div", "variables");
  for (const variable of dashboard.templating.list) {
    const chip = html("span", "", `${variable.label}: `);
    chip.append(html("b", "", PAGE.variables[variable.name]));
    variables.append(chip);
  }
  header.append(variables);
  const main = html("main");
  document.body.append(header, main);
  for (const panel of dashboard.panels) {
    const { x, y, w, h } = panel.gridPos;
    const box = html("section", panel.type === "row" ? "row" : "panel");
    box.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    main.append(box);
    if (panel.type === "row") {
      box.append(panel.title, html("small", "", panel.description));
      continue;
    }
    box.append(html("h2", "", panel.title));
    fill(box, panel, answers[panel.id]);
  }
}

show();
