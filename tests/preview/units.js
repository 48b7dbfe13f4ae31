// Numbers and colours as Grafana shows them.
const PALETTE = ["#3274d9", "#e0a30b", "#37872d", "#e0600a", "#c4162a", "#8f3bb8", "#1f9ea8", "#b15a86", "#6d6d6d", "#8aa62d", "#2c3e8f", "#a0522d"];
const COLOURS = { green: "#37872d", red: "#c4162a", orange: "#e0600a", blue: "#1f60c4", transparent: "transparent" };
const UNITS = { reqps: " req/s", ops: " ops/s", percent: "%" };

function plain(value, decimals) {
  if (decimals !== undefined) return value.toFixed(decimals);
  return String(Number(value.toPrecision(3)));
}

function short(value, decimals) {
  for (const [size, suffix] of [[1e9, " Bil"], [1e6, " Mil"], [1e3, " K"]]) {
    if (Math.abs(value) >= size) return plain(value / size, decimals) + suffix;
  }
  return plain(value, decimals);
}

function seconds(value) {
  if (value === 0) return "0 s";
  if (Math.abs(value) < 1e-3) return plain(value * 1e6) + " µs";
  if (Math.abs(value) < 1) return plain(value * 1e3) + " ms";
  if (Math.abs(value) < 600) return plain(value) + " s";
  return plain(value / 60) + " min";
}

function format(value, unit, decimals) {
  if (unit === "s") return seconds(value);
  if (unit === "currencyUSD") return "$" + short(value, decimals);
  return short(value, decimals) + (UNITS[unit] || "");
}

function mapped(value, defaults) {
  for (const mapping of defaults.mappings || []) {
    const found = mapping.options[String(value)];
    if (found) return found.text;
  }
  return format(value, defaults.unit, defaults.decimals);
}

function threshold(value, defaults) {
  const steps = (defaults.thresholds || { steps: [] }).steps;
  const reached = steps.filter((step) => step.value === null || value >= step.value);
  return COLOURS[(reached.pop() || { color: "blue" }).color];
}

// Round numbers from 0 up to this.
function ticks(top) {
  const rough = top / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= rough);
  const found = [];
  for (let tick = 0; tick <= top * 1.0001; tick += step) found.push(Number(tick.toPrecision(12)));
  return found;
}

// The colour of each series: what the panel says of its name, else the next of the palette.
function colours(panel, named) {
  const fixed = new Map(panel.fieldConfig.overrides.map((one) => [one.matcher.options, one.properties[0].value.fixedColor]));
  const others = PALETTE.filter((colour) => ![...fixed.values()].some((name) => COLOURS[name] === colour));
  return named.map(([name], index) => (fixed.has(name) ? COLOURS[fixed.get(name)] : others[index % others.length]));
}
