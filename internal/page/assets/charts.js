// Charts: a metric of the run that is opened, with its rounds' outcomes, and in words and numbers beside it.

import { el, show, text, keep } from "./dom.js";
import { date, hour } from "./time.js";
import { word } from "./cards.js";

const MOST = 600; // rounds that a tab remembers of a metric
const ROWS = 100; // and those of them that are in its table

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const n = (v) => (v === null || v === undefined ? null : v);
const short = (v) => (v === null || v === undefined ? "–" : Number(v.toPrecision(4)).toString());

// ChartView is one metric. It remembers the rounds that it has seen: the status of a run keeps the last ten. What was before it knows
// from the endpoint: values, of rounds whose outcomes nobody knows any more.
export class ChartView {
  constructor() {
    this.rounds = new Map();
    this.before = [];
    this.growth = new Map();
    this.name = el("h4");
    this.wanted = el("span", { class: "wanted" });
    this.says = el("p", { class: "chartsays" });
    this.beforeSays = el("p", { class: "chartsays before" });
    this.canvas = el("div", { class: "canvas", "aria-hidden": "true" });
    this.legend = el("p", { class: "legend", "aria-hidden": "true" });
    this.evidence = new EvidenceView();
    this.rows = el("tbody");
    this.count = el("span");
    this.query = el("pre");
    this.asked = el("details", {}, el("summary", {}, "Query as it was asked"), this.query);
    this.element = el("article", { class: "chart" }, el("header", {}, this.name, this.wanted), this.says, this.beforeSays, this.canvas, this.legend, this.evidence.element,
      el("details", {}, el("summary", {}, "Values of ", this.count), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values" },
        el("table", {}, el("thead", {}, el("tr", {}, ...["Time", "Outcome", "Value", "Wanted", "Says"].map((h) => el("th", { scope: "col" }, h)))), this.rows))), this.asked);
  }

  // earlier adds what the endpoint says of the time before.
  earlier(e) {
    this.before = e.rounds || [];
    text(this.beforeSays, e.says || "");
    if (this.chart) this.draw(this.chart);
  }

  draw(chart) {
    this.chart = chart;
    for (const round of chart.rounds || []) this.rounds.set(round.at, round);
    for (const old of [...this.rounds.keys()].sort((a, b) => a - b).slice(0, Math.max(0, this.rounds.size - MOST))) this.rounds.delete(old);
    const seen = [...this.rounds.values()].sort((a, b) => a.at - b.at);
    const rounds = [...this.before.filter((r) => !seen.length || r.at < seen[0].at), ...seen];
    show(this.beforeSays, Boolean(this.beforeSays.textContent));
    text(this.name, chart.name);
    text(this.wanted, chart.wanted ? `wanted: ${chart.wanted}` : "");
    text(this.says, chart.says);
    text(this.query, chart.query || "");
    show(this.asked, Boolean(chart.query));
    text(this.count, rounds.length > ROWS ? `the newest ${ROWS} of ${rounds.length} rounds` : `${rounds.length} ${rounds.length === 1 ? "round" : "rounds"}`);
    this.table(rounds.slice(-ROWS));
    this.evidence.draw(chart);
    const drawn = rounds.some((r) => r.value !== undefined);
    show(this.canvas, drawn);
    show(this.legend, drawn);
    if (drawn) this.plot(rounds);
  }

  table(rounds) {
    this.lines ||= new Map();
    const rows = rounds.slice().reverse().map((r) => {
      if (!this.lines.has(r.at)) {
        this.lines.set(r.at, el("tr", { class: r.outcome }, el("td", {}, el("time", { datetime: new Date(r.at).toISOString(), title: date(r.at) }, hour(r.at))), el("td", {}, word(r.outcome)),
          el("td", {}, r.text || "–"), el("td", {}, range(r)), el("td", {}, r.says || "")));
      }
      return this.lines.get(r.at);
    });
    keep(this.rows, rows);
    const shown = new Set(rounds.map((r) => r.at));
    for (const at of this.lines.keys()) if (!shown.has(at)) this.lines.delete(at);
  }

  // plot draws canary, the other side and what is wanted.
  plot(rounds) {
    const xs = rounds.map((r) => r.at / 1000), compares = Boolean(this.chart.compares);
    const of = (f) => rounds.map(f);
    const series = [xs, of((r) => n(r.value)), of((r) => n(r.low)), of((r) => n(r.high)), of((r) => n(r.from)), of((r) => n(r.to)), of(() => (compares ? 1 : null))];
    this.outcomes = rounds;
    const shape = compares ? "compares" : "value";
    if (this.uplot && this.shape === shape) {
      this.uplot.setData(series);
      return;
    }
    this.dispose();
    this.shape = shape;
    this.uplot = new uPlot(this.options(compares), series, this.canvas);
    this.label(compares, rounds);
    this.observer = new ResizeObserver(() => { const width = this.canvas.clientWidth; if (width && this.uplot) this.uplot.setSize({ width, height: HEIGHT }); });
    this.observer.observe(this.canvas);
  }

  label(compares, rounds) {
    const part = (name, says) => el("span", { class: `key ${name}` }, says);
    const parts = [part("canary", compares ? "canary, as a factor of the other side" : "canary")];
    if (compares) parts.push(part("other", `${this.chart.other || "baseline"} (1 by itself)`), part("sure", "bounds of the factor"));
    if (rounds.some((r) => r.low !== undefined || r.high !== undefined)) parts.push(part("band", "wanted"));
    parts.push(part("failed", "✕ failed"), part("nodata", "○ no data"));
    this.legend.replaceChildren(...parts);
  }

  options(compares) {
    const colors = { line: style("--line-canary"), band: style("--band"), edge: style("--band-edge"), sure: style("--sure"), other: style("--line-other"), grid: style("--grid"), text: style("--muted"), bad: style("--bad"), card: style("--card") };
    const axis = { stroke: colors.text, grid: { stroke: colors.grid, width: 1 }, ticks: { stroke: colors.grid, width: 1, size: 4 }, font: "12px system-ui, sans-serif" };
    const none = { show: false };
    return {
      width: this.canvas.clientWidth || 600, height: HEIGHT, legend: none, pxAlign: 1, padding: [12, 30, 0, 0],
      cursor: { y: false, points: none, drag: { x: false, y: false } },
      scales: { x: { time: true, range: (_, a, b) => (a === b ? [a - 30, b + 30] : [a, b]) }, y: { range: (u, a, b) => this.reach(u, a, b) } },
      axes: [{ ...axis, space: 70, size: 30, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400], values: (_, at) => at.map((t) => hour(t * 1000)) }, { ...axis, size: 56, values: (_, at) => at.map(short) }],
      series: [{}, { stroke: colors.line, width: 2, spanGaps: true, points: { show: true, size: 6, fill: colors.card, stroke: colors.line, width: 2 } },
        { stroke: colors.edge, width: 1, points: none, spanGaps: true }, { stroke: colors.edge, width: 1, points: none, spanGaps: true },
        { stroke: colors.sure, width: 1, dash: [3, 3], points: none, show: compares }, { stroke: colors.sure, width: 1, dash: [3, 3], points: none, show: compares },
        { stroke: colors.other, width: 1.5, dash: [6, 4], points: none, spanGaps: true }],
      hooks: { drawClear: [(u) => this.band(u, colors)], draw: [(u) => this.marks(u, colors)], setCursor: [(u) => this.point(u)] },
    };
  }

  // reach is what the vertical axis shows: all values and the ends of what is wanted, with some room.
  reach(u, a, b) {
    let low = Infinity, high = -Infinity;
    for (const r of this.outcomes) {
      for (const v of [r.value, r.low, r.high, this.chart.compares ? 1 : undefined]) {
        if (v !== undefined && v !== null) { low = Math.min(low, v); high = Math.max(high, v); }
      }
      if (r.from !== undefined) low = Math.min(low, r.from);
      if (r.to !== undefined) high = Math.max(high, Math.min(r.to, (r.value || 1) * 3));
    }
    if (low === Infinity) return [a ?? 0, b ?? 1];
    if (!this.chart.compares && !this.outcomes.some((r) => r.low !== undefined || r.high !== undefined)) low = Math.min(low, 0);
    const room = (high - low || Math.abs(high) || 1) * 0.12;
    return [low >= 0 && low - room < 0 ? 0 - room / 4 : low - room, high + room];
  }

  // band fills what is wanted, round by round: an end that is open reaches to the edge.
  band(u, colors) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colors.band;
    const x = (r) => u.valToPos(r.at / 1000, "x", true), y = (v, open) => (v === undefined ? open : u.valToPos(v, "y", true));
    const with_ = this.outcomes.filter((r) => r.low !== undefined || r.high !== undefined);
    let left = bbox.left;
    with_.forEach((r, i) => {
      const next = with_[i + 1];
      if (next && next.low === r.low && next.high === r.high) return; // one piece, without seams
      const right = next ? (x(next) + x(r)) / 2 : bbox.left + bbox.width, top = y(r.high, bbox.top);
      ctx.fillRect(left, top, right - left, y(r.low, bbox.top + bbox.height) - top);
      left = right;
    });
    ctx.restore();
  }

  // marks are the outcomes of rounds that did not pass.
  marks(u, colors) {
    const { ctx, bbox } = u, size = 4 * devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([]);
    for (const r of this.outcomes) {
      if (r.outcome === "Passed" || r.outcome === EARLIER) continue;
      const x = u.valToPos(r.at / 1000, "x", true);
      const y = r.value === undefined ? bbox.top + bbox.height - 2 * size : u.valToPos(r.value, "y", true);
      ctx.beginPath();
      if (r.outcome === "NoData") {
        ctx.strokeStyle = colors.text;
        ctx.arc(x, y, size, 0, 2 * Math.PI);
      } else {
        ctx.strokeStyle = colors.bad;
        ctx.moveTo(x - size, y - size); ctx.lineTo(x + size, y + size);
        ctx.moveTo(x + size, y - size); ctx.lineTo(x - size, y + size);
      }
      ctx.stroke();
    }
    ctx.restore();
  }

  // point says the round under the pointer.
  point(u) {
    const r = this.outcomes[u.cursor.idx];
    if (!r || u.cursor.left < 0) { this.canvas.title = ""; return; }
    this.canvas.title = `${hour(r.at)}  ${word(r.outcome)}${r.text ? `: ${r.text}` : ""}${range(r) !== "–" ? `, wanted ${range(r)}` : ""}`;
  }

  dispose() {
    this.observer?.disconnect();
    this.uplot?.destroy();
    this.uplot = this.observer = null;
  }

  // again draws in other colours.
  again() { if (this.uplot) { this.dispose(); this.draw(this.chart); } }
}

const HEIGHT = 210;
const EARLIER = "Earlier"; // in the place of an outcome

const range = (r) => {
  if (r.low === undefined && r.high === undefined) return "–";
  if (r.low === undefined) return `at most ${short(r.high)}`;
  if (r.high === undefined) return `at least ${short(r.low)}`;
  return `${short(r.low)} to ${short(r.high)}`;
};

// EvidenceView is what a comparison of counts has come to, and how it has grown.
class EvidenceView {
  constructor() {
    this.says = el("p");
    this.rows = el("tbody");
    this.worse = new Meter("that it is worse", "bad");
    this.notWorse = new Meter("that it is not", "good");
    this.canvas = el("div", { class: "canvas small", "aria-hidden": "true" });
    this.seen = new Map();
    this.element = el("div", { class: "evidence" }, el("h5", {}, "Evidence"), this.says,
      el("table", { class: "sides" }, el("thead", {}, el("tr", {}, ...["Side", "Went wrong", "Of all", "Share"].map((h) => el("th", { scope: "col" }, h)))), this.rows),
      this.worse.element, this.notWorse.element);
  }

  draw(chart) {
    const e = chart.evidence;
    show(this.element, Boolean(e));
    if (!e) return;
    text(this.says, e.says);
    this.rows.replaceChildren(...[e.canary, e.other].map((s) => el("tr", {}, el("th", { scope: "row" }, s.name), el("td", {}, s.bad.toLocaleString()), el("td", {}, s.total.toLocaleString()),
      el("td", {}, s.total ? `${((100 * s.bad) / s.total).toPrecision(3)} %` : "–"))));
    this.worse.draw(e.at, e.worse);
    this.notWorse.draw(e.at, e.notWorse);
  }
}

// Meter is how far the evidence for something has come, and how it got there.
class Meter {
  constructor(says, tone) {
    this.seen = new Map();
    this.fill = el("span", { class: "fill" });
    this.grown = el("span", { class: "grown", "aria-hidden": "true" });
    this.number = el("span", { class: "number" });
    this.element = el("div", { class: `meter ${tone}` }, el("span", { class: "what" }, says), el("span", { class: "bar", "aria-hidden": "true" }, el("span", { class: "step" }, this.fill)), this.number, this.grown);
  }

  draw(at, share) {
    this.seen.set(at, share);
    while (this.seen.size > 120) this.seen.delete(this.seen.keys().next().value);
    this.fill.style.width = `${share * 100}%`;
    text(this.number, share >= 1 ? "shown" : `${Math.floor(share * 100)} % of what decides`);
    const columns = [...this.seen.entries()].sort((a, b) => a[0] - b[0]);
    while (this.grown.childElementCount < columns.length) this.grown.append(el("span"));
    while (this.grown.childElementCount > columns.length) this.grown.lastElementChild.remove();
    columns.forEach(([, v], i) => { this.grown.children[i].style.height = `${Math.max(4, v * 100)}%`; });
  }
}
