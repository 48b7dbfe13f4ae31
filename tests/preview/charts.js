// Drawings over time, as SVG.
function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The frame of a drawing: an SVG, its inner area, and where a moment lies in it.
function frame(host, left, { start, end }, label) {
  const { width, height } = host.getBoundingClientRect();
  const area = { left, top: 6, right: width - 20, bottom: height - 20 };
  const svg = element("svg", { width, height });
  host.append(svg);
  const x = (moment) => area.left + ((moment - start) / (end - start)) * (area.right - area.left);
  for (let at = 0; at <= end - start; at += 30) {
    const place = x(start + at);
    svg.append(element("line", { x1: place, x2: place, y1: area.top, y2: area.bottom, stroke: "#eaeef2" }));
    const minutes = `${Math.floor(at / 60)}:${String(at % 60).padStart(2, "0")}`;
    svg.append(element("text", { x: place, y: area.bottom + 15, "text-anchor": "middle" }, minutes));
  }
  if (label) {
    const middle = (area.top + area.bottom) / 2;
    svg.append(element("text", { x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, label));
  }
  return { svg, area, x };
}

function values(series) {
  return series.values.map(([moment, value]) => [moment, Number(value)]).filter(([, value]) => Number.isFinite(value));
}

// Each series on top of those before it.
function stacked(all) {
  const sums = new Map();
  return all.map((points) => points.map(([moment, value]) => {
    const below = sums.get(moment) || 0;
    sums.set(moment, below + value);
    return [moment, below + value, below];
  }));
}

function lines(host, panel, named, range) {
  const { defaults } = panel.fieldConfig;
  const custom = defaults.custom;
  const series = named.map(([, one]) => values(one));
  const drawn = custom.stacking.mode === "normal" ? stacked(series) : series.map((points) => points.map((point) => [...point, 0]));
  const marks = (defaults.thresholds ? defaults.thresholds.steps : []).filter((step) => step.value !== null);
  const highest = Math.max(0, ...drawn.flat().map((point) => point[1]), ...marks.map((step) => step.value));
  const top = defaults.max || highest * 1.08 || 1;
  const { svg, area, x } = frame(host, 78, range, custom.axisLabel);
  const y = (value) => area.bottom - (Math.min(value, top) / top) * (area.bottom - area.top);
  for (const tick of ticks(top)) {
    if (defaults.decimals === 0 && !Number.isInteger(tick)) continue;
    svg.append(element("line", { x1: area.left, x2: area.right, y1: y(tick), y2: y(tick), stroke: "#e3e7eb" }));
    svg.append(element("text", { x: area.left - 6, y: y(tick) + 4, "text-anchor": "end" }, format(tick, defaults.unit, defaults.decimals)));
  }
  const shades = colours(panel, named);
  drawn.forEach((points, index) => {
    const colour = shades[index];
    for (const part of unbroken(points, range.step)) {
      const path = through(part, x, y, custom.lineInterpolation === "stepAfter");
      const floor = part.map((point) => [point[0], point[2]]).reverse();
      const back = floor.map(([moment, value]) => `L${x(moment)},${y(value)}`).join("");
      svg.append(element("path", { d: path + back + "Z", fill: colour, "fill-opacity": custom.fillOpacity / 100 }));
      svg.append(element("path", { d: path, fill: "none", stroke: colour, "stroke-width": custom.lineWidth, "stroke-linejoin": "round" }));
    }
  });
  for (const step of marks) {
    const at = y(step.value);
    svg.append(element("line", { x1: area.left, x2: area.right, y1: at, y2: at, stroke: COLOURS[step.color], "stroke-dasharray": "6 4", "stroke-width": 1.5 }));
  }
}

// Where Prometheus has nothing, nothing is drawn.
function unbroken(points, step) {
  const parts = [];
  for (const point of points) {
    const last = parts.length ? parts[parts.length - 1] : null;
    if (last && point[0] - last[last.length - 1][0] <= step * 1.5) last.push(point);
    else parts.push([point]);
  }
  return parts;
}

function through(points, x, y, inSteps) {
  return points.map(([moment, value], index) => {
    if (index === 0) return `M${x(moment)},${y(value)}`;
    return (inSteps ? `L${x(moment)},${y(points[index - 1][1])}` : "") + `L${x(moment)},${y(value)}`;
  }).join("");
}

function states(host, panel, named, range) {
  const longest = Math.max(...named.map(([name]) => name.length));
  const { svg, area, x } = frame(host, Math.min(14 + longest * 6.6, 330), range);
  const height = (area.bottom - area.top) / named.length;
  named.forEach(([name, series], index) => {
    const top = area.top + index * height;
    svg.append(element("text", { x: area.left - 8, y: top + height / 2 + 4, "text-anchor": "end" }, name));
    for (const part of unbroken(values(series), range.step)) {
      for (let from = 0; from < part.length; ) {
        let to = from;
        while (to < part.length && part[to][1] === part[from][1]) to += 1;
        const [left, right] = [x(part[from][0]), x(Math.min(part[to - 1][0] + range.step, range.end))];
        const fill = threshold(part[from][1], panel.fieldConfig.defaults);
        svg.append(element("rect", { x: left, width: Math.max(right - left, 1), y: top + height * 0.1, height: height * 0.8, fill, "fill-opacity": 0.75 }));
        if (right - left > 44) {
          const text = mapped(part[from][1], panel.fieldConfig.defaults);
          svg.append(element("text", { x: left + 5, y: top + height / 2 + 4, style: "fill: #fff" }, text));
        }
        from = to;
      }
    }
  });
}

// Prometheus' buckets hold what lies in those below them as well.
function heatmap(host, panel, named, range) {
  const bound = (one) => Number(one.metric.le.replace("+Inf", "Infinity"));
  const buckets = named.map(([, one]) => one).sort((one, other) => bound(one) - bound(other));
  const counts = buckets.map((one) => new Map(values(one)));
  const single = counts.map((here, index) => new Map([...here].map(([moment, value]) => {
    const below = index ? counts[index - 1].get(moment) || 0 : 0;
    return [moment, Math.max(value - below, 0)];
  })));
  const used = single.map((here) => Math.max(0, ...here.values()) > 0.01);
  const [first, last] = [Math.max(used.indexOf(true) - 1, 0), Math.min(used.lastIndexOf(true) + 1, buckets.length - 1)];
  const most = Math.max(...single.flatMap((here) => [...here.values()]));
  const { svg, area, x } = frame(host, 78, range, "answered within");
  const height = (area.bottom - area.top) / (last - first + 1);
  for (let index = first; index <= last; index += 1) {
    const top = area.bottom - (index - first + 1) * height;
    const upper = bound(buckets[index]);
    const label = upper === Infinity ? "more" : format(upper, panel.options.yAxis.unit);
    svg.append(element("text", { x: area.left - 6, y: top + height / 2 + 4, "text-anchor": "end" }, label));
    for (const [moment, value] of single[index]) {
      if (value <= 0.01 || moment + range.step > range.end) continue;
      const [left, right] = [x(moment), x(moment + range.step)];
      svg.append(element("rect", { x: left, width: right - left + 0.3, y: top + 0.5, height: height - 1, fill: orange((value / most) ** panel.options.color.exponent) }));
    }
    svg.append(element("line", { x1: area.left, x2: area.right, y1: top, y2: top, stroke: "#eaeef2" }));
  }
  return most;
}

function orange(share) {
  const [light, dark] = [[254, 237, 212], [140, 45, 4]];
  return `rgb(${light.map((from, index) => Math.round(from + (dark[index] - from) * share)).join(",")})`;
}
