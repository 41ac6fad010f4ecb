// Cards: a run at a glance. A card is made once and changed where its run did.

import { el, set, svg, text, show, keep } from "./dom.js";
import { ago, measured, span } from "./time.js";

const MARKS = { good: "✓", bad: "✕", busy: "●", asks: "‖", quiet: "○" };

export const marked = (card) => `${MARKS[card.tone] || "○"} ${card.phase}`;

export class CardView {
  constructor(open) {
    this.phase = el("span", { class: "phase" });
    this.where = el("span", { class: "where" });
    this.title = el("span", { class: "title" });
    this.name = el("span", { class: "name" });
    this.says = el("span", { class: "says" });
    this.bar = new Bar();
    this.metrics = el("span", { class: "minis" });
    this.foot = el("span", { class: "foot" });
    this.element = el("a", { class: "card" },
      el("span", { class: "head" }, this.title, this.phase), el("span", { class: "sub" }, this.where, this.name),
      this.says, this.bar.element, this.metrics, this.foot);
    this.item = el("li", {}, this.element);
    this.element.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      open(this.card.key);
    });
  }

  draw(card) {
    this.card = card;
    const { element } = this;
    element.href = `#/${card.key}`;
    element.dataset.tone = card.tone;
    element.dataset.key = card.key;
    text(this.title, card.deployment);
    text(this.phase, marked(card));
    text(this.where, card.namespace);
    text(this.name, card.name);
    text(this.says, card.message || card.reason || "");
    show(this.says, Boolean(card.message || card.reason));
    this.bar.draw(card.progress);
    keep(this.metrics, (card.metrics || []).map((m) => this.mini(m)));
    show(this.metrics, Boolean(card.metrics?.length));
    this.tick();
  }

  mini(m) {
    this.minis ||= new Map();
    const stamp = JSON.stringify(m);
    const known = this.minis.get(m.name);
    if (known?.stamp === stamp) return known.element;
    const bad = m.outcome === "Failed" || m.outcome === "Error";
    const element = el("span", { class: `mini ${m.outcome}` }, el("span", { class: "metric" }, m.name), spark(m.spark),
      el("span", { class: "value" }, bad ? "✕ " : "", m.value || word(m.outcome)), el("span", { class: "hidden" }, `, ${word(m.outcome)}${m.wanted ? `, wanted ${m.wanted}` : ""}`));
    this.minis.set(m.name, { stamp, element });
    return element;
  }

  // tick draws what moves with time alone.
  tick() {
    this.bar.tick();
    const { card } = this;
    const foot = [];
    if (card.progress) foot.push(`${span(measured(card.progress))} of ${span(card.progress.total)}`);
    if (card.scale && card.group !== "ended") foot.push(`${card.scale} ready`);
    foot.push(card.ended ? `ended ${ago(card.ended)}` : `began ${ago(card.created)}`);
    text(this.foot, foot.join(" · "));
  }
}

const WORDS = { Passed: "passed", Failed: "failed", NoData: "no data", Error: "not measured", Earlier: "asked later" };
export const word = (outcome) => WORDS[outcome] || outcome;

// Bar is how far a run has come in its steps, each as long as it takes.
export class Bar {
  constructor() {
    this.fills = [];
    this.element = el("span", { class: "bar", "aria-hidden": "true" });
  }

  draw(progress) {
    this.progress = progress;
    show(this.element, Boolean(progress));
    if (!progress) return;
    while (this.fills.length < progress.steps.length) {
      const fill = el("span", { class: "fill" });
      this.fills.push(fill);
      this.element.append(el("span", { class: "step" }, fill));
    }
    while (this.fills.length > progress.steps.length) this.fills.pop().parentElement.remove();
    progress.steps.forEach((step, i) => {
      this.fills[i].parentElement.style.flexGrow = Math.max(step.seconds, progress.total / 30, 1);
      this.fills[i].parentElement.classList.toggle("approval", Boolean(step.approval));
    });
    this.tick();
  }

  tick() {
    if (!this.progress) return;
    let left = measured(this.progress);
    this.progress.steps.forEach((step, i) => {
      const share = step.seconds ? Math.min(1, Math.max(0, left / step.seconds)) : i < this.progress.step - 1 ? 1 : 0;
      left -= step.seconds;
      const width = `${(share * 100).toFixed(1)}%`;
      if (this.fills[i].style.width !== width) this.fills[i].style.width = width;
    });
  }
}

// spark draws the last rounds: a line through the values, a mark on each that did not pass.
export function spark(dots) {
  const W = 88, H = 22, PAD = 4;
  const x = (i) => (dots.length > 1 ? PAD + (i * (W - 2 * PAD)) / (dots.length - 1) : W / 2);
  const y = (level) => H - PAD - level * (H - 2 * PAD);
  const picture = svg("svg", { class: "spark", viewBox: `0 0 ${W} ${H}`, width: W, height: H, "aria-hidden": "true" });
  const points = dots.map((d, i) => (d.level < 0 ? null : `${x(i).toFixed(1)},${y(d.level).toFixed(1)}`)).filter(Boolean);
  if (points.length > 1) picture.append(svg("polyline", { points: points.join(" ") }));
  dots.forEach((d, i) => {
    const cx = x(i), cy = y(d.level < 0 ? 0.5 : d.level);
    if (d.outcome === "Passed") {
      if (i === dots.length - 1) picture.append(svg("circle", { cx, cy, r: 2.6, class: "Passed" }));
    } else if (d.outcome === "NoData") picture.append(svg("circle", { cx, cy, r: 1.6, class: "NoData" }));
    else picture.append(svg("path", { d: `M${cx - 2.6},${cy - 2.6}l5.2,5.2m0,-5.2l-5.2,5.2`, class: d.outcome }));
  });
  return picture;
}

const GROUPS = [["asks", "Wait for somebody"], ["underway", "Under way"], ["ended", "Ended"]];

// List is all cards in their groups.
export class List {
  constructor(parent, open) {
    this.open = open;
    this.views = new Map();
    this.groups = GROUPS.map(([id, name]) => {
      const count = el("span", { class: "count" });
      const cards = el("ul", { class: "cards" });
      const section = el("section", { class: "group", "aria-labelledby": `group-${id}` }, el("h2", { id: `group-${id}` }, name, " ", count), cards);
      parent.append(section);
      return { id, section, cards, count };
    });
  }

  draw(cards) {
    for (const group of this.groups) {
      const own = cards.filter((c) => c.group === group.id);
      own.sort((a, b) => (group.id === "ended" ? (b.ended || b.created) - (a.ended || a.created) : 0) || a.namespace.localeCompare(b.namespace) || a.deployment.localeCompare(b.deployment) || a.name.localeCompare(b.name));
      show(group.section, own.length > 0);
      text(group.count, String(own.length));
      keep(group.cards, own.map((c) => this.viewOf(c).item));
    }
  }

  viewOf(card) {
    let view = this.views.get(card.key);
    if (!view) this.views.set(card.key, view = new CardView(this.open));
    if (view.card !== card) view.draw(card);
    return view;
  }

  forget(key) { this.views.get(key)?.item.remove(); this.views.delete(key); }

  mark(key) {
    for (const [own, view] of this.views) set(view.element, { "aria-current": own === key ? "true" : null });
  }

  tick() { for (const view of this.views.values()) if (view.card.group !== "ended" && view.item.isConnected) view.tick(); }
}
