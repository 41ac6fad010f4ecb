// The run that is opened.

import { el, show, text, keep } from "./dom.js";
import { Bar, marked } from "./cards.js";
import { ChartView } from "./charts.js";
import { ask as askNow } from "./link.js";
import { released, whenReleased } from "./press.js";
import { ago, date, measured, now, span } from "./time.js";

const LABELS = { promote: "Promote", abort: "Abort", pause: "Pause", resume: "Resume", approve: "Approve step", retry: "Retry" };
const ORDER = ["approve", "promote", "pause", "resume", "retry", "abort"];
const TEN = "Charts begin with the last ten rounds, which the status of a run keeps; this tab adds those that it sees.";
const ASKED = "What was before the last ten rounds is asked of the endpoint when you open the run. How those rounds came out is not known any more, so they have no marks.";
const SETTLE = 150, EVENTS_EVERY = 10000, RIGHTS_EVERY = 30000;

// ask has what it is answered drawn when nothing is pressed.
async function ask(...question) {
  const answer = await askNow(...question);
  await released();
  return answer;
}

export class Detail {
  constructor(parent, { close, decide, problem }) {
    this.parent = parent;
    this.wish = decide;
    this.problem = problem;
    this.charts = new Map();
    this.title = el("h2", { tabIndex: -1 });
    this.phase = el("span", { class: "phase" });
    this.where = el("p", { class: "where" });
    this.says = el("p", { class: "lead" });
    this.stale = el("p", { class: "notice", hidden: true });
    this.buttons = el("div", { class: "buttons", role: "group", "aria-label": "Decide" });
    this.noRight = el("p", { class: "hint" });
    this.bar = new Bar();
    this.barSays = el("p", { class: "barsays" });
    this.next = el("ul", { class: "next" });
    this.nextSection = section("What comes next", this.next);
    this.chartList = el("div", { class: "charts" });
    this.chartHint = el("p", { class: "hint" });
    this.chartSection = section("Metrics", this.chartHint, this.chartList);
    this.facts = el("dl", { class: "facts" });
    this.hooks = el("tbody");
    this.hookSection = section("Hooks", scroll("Hooks", el("table", {}, head("Hook", "Type", "Said", "Asked for", "Says"), this.hooks)));
    this.diff = el("pre", { class: "diff", tabIndex: 0 });
    this.diffSays = el("p", { class: "hint" });
    this.diffSection = section("What the update changes", this.diffSays, this.diff);
    this.eventList = el("ol", { class: "events" });
    this.eventSays = el("p", { class: "hint" });
    this.eventSection = section("Events", this.eventSays, this.eventList);
    parent.append(
      el("button", { type: "button", class: "plain back", onclick: close }, "‹ All runs"),
      el("header", { class: "runhead" }, el("div", {}, this.title, this.where), this.phase), this.stale, this.says,
      this.bar.element, this.barSays, this.buttons, this.noRight,
      this.nextSection, this.chartSection, this.hookSection, this.diffSection, this.eventSection, section("About the run", this.facts));
  }

  // open shows another run.
  open(key, card) {
    if (key === this.key) return;
    this.shut();
    this.key = key;
    this.abort = new AbortController();
    this.verbs = null;
    this.phaseSeen = this.uid = this.earlierOf = "";
    this.earlierSeen = [];
    text(this.chartHint, TEN);
    show(this.parent, true);
    if (card) this.head(card);
    else text(this.title, key);
    this.title.focus({ preventScroll: true });
    this.parent.scrollTop = 0;
    this.changed(card);
  }

  shut() {
    this.abort?.abort();
    clearTimeout(this.timer);
    this.timer = 0;
    for (const chart of this.charts.values()) chart.dispose();
    this.charts.clear();
    this.key = "";
    this.card = null;
    this.coming = this.told = this.earlierSeen = [];
    show(this.parent, false);
    this.wipe();
  }

  // wipe leaves nothing of the run that was open: the next who sits here may not see it.
  wipe() {
    for (const part of [this.nextSection, this.chartSection, this.hookSection, this.diffSection, this.eventSection]) show(part, false);
    for (const list of [this.next, this.chartList, this.facts, this.hooks, this.eventList, this.buttons, this.diff]) list.replaceChildren();
    for (const line of [this.title, this.where, this.phase, this.says, this.noRight, this.barSays, this.diffSays, this.eventSays]) text(line, "");
    show(this.stale, false);
  }

  // changed asks for what there is to a card that has changed; changes meanwhile come together.
  changed(card) {
    if (card) whenReleased(() => { if (`${card.namespace}/${card.name}` === this.key) this.head(card); });
    if (this.timer) { this.more = true; return; }
    this.more = false;
    this.timer = setTimeout(async () => {
      const { key } = this;
      await this.load();
      if (key !== this.key) return;
      this.timer = 0;
      if (this.more) this.changed();
    }, SETTLE);
  }

  gone() { if (this.key) { text(this.stale, "This run is gone: it was deleted, or you may no longer see it. What stands here is what was seen last."); show(this.stale, true); this.buttons.replaceChildren(); } }

  head(card) {
    if (this.uid && this.uid !== card.uid) { for (const chart of this.charts.values()) chart.dispose(); this.charts.clear(); this.earlierSeen = []; }
    this.card = card;
    this.uid = card.uid;
    text(this.title, card.deployment);
    text(this.where, `${card.namespace} / ${card.name}`);
    text(this.phase, marked(card));
    this.phase.dataset.tone = card.tone;
    this.bar.draw(card.progress);
    this.decisions();
    this.tick();
  }

  async load() {
    const { key, abort } = this;
    try {
      const detail = await ask(key, "", abort.signal);
      if (key !== this.key) return;
      show(this.stale, false);
      this.draw(detail);
      const stand = `${detail.card.uid} ${detail.card.phase} ${detail.card.reason} ${(detail.card.offers || []).join()} ${detail.card.progress?.step}`;
      const turned = stand !== this.phaseSeen;
      this.phaseSeen = stand;
      await Promise.all([
        turned || now() - this.rightsAt > RIGHTS_EVERY ? this.rights(key, abort.signal) : null,
        turned ? this.difference(key, abort.signal) : null,
        turned || now() - this.eventsAt > EVENTS_EVERY ? this.events(key, abort.signal) : null,
        detail.charts?.length && this.earlierOf !== this.uid ? this.earlier(key, abort.signal) : null,
      ]);
    } catch (error) {
      if (error.name === "AbortError" || key !== this.key) return;
      if (error.code === 401) { this.problem(error); return; }
      this.phaseSeen = ""; // the next look asks for all of it again
      text(this.stale, `What stands here may be old: ${error.message}.`);
      show(this.stale, true);
    }
  }

  draw(d) {
    this.head(d.card);
    text(this.says, d.says);
    show(this.nextSection, Boolean(d.next?.length));
    this.coming = (d.next || []).map((n, i) => {
      const item = this.next.children[i] || this.next.appendChild(el("li", {}, el("span", { class: "when" }), el("span")));
      text(item.lastElementChild, n.what);
      return { at: n.at, when: item.firstElementChild };
    });
    while (this.next.childElementCount > this.coming.length) this.next.lastElementChild.remove();
    const charts = d.charts || [];
    show(this.chartSection, charts.length > 0);
    keep(this.chartList, charts.map((c) => {
      if (!this.charts.has(c.name)) {
        this.charts.set(c.name, new ChartView());
        const known = this.earlierSeen.find((e) => e.name === c.name);
        if (known) this.charts.get(c.name).earlier(known);
      }
      return this.charts.get(c.name).element;
    }));
    for (const c of charts) this.charts.get(c.name).draw(c);
    show(this.hookSection, Boolean(d.hooks?.length));
    this.hooks.replaceChildren(...(d.hooks || []).map((h) => el("tr", {}, el("th", { scope: "row" }, h.name), el("td", {}, h.type), el("td", {}, h.answer || "–"), el("td", {}, h.since ? ago(h.since) : "–"), el("td", {}, h.says || ""))));
    const facts = [...d.facts, { name: "Began", says: date(d.card.created) }];
    if (d.card.ended) facts.push({ name: "Ended", says: date(d.card.ended) });
    const stamp = JSON.stringify(facts);
    if (stamp !== this.factsSeen || !this.facts.childElementCount) this.facts.replaceChildren(...facts.map((f) => el("div", {}, el("dt", {}, f.name), el("dd", {}, f.says))));
    this.factsSeen = stamp;
    this.tick();
  }

  async rights(key, signal) {
    this.rightsAt = now();
    const { verbs } = await ask(key, "/rights", signal);
    if (key !== this.key) return;
    this.verbs = new Set(verbs);
    this.decisions();
  }

  // earlier asks once for what was before the rounds that the status has. A page that has too much to do is asked again with the next change.
  async earlier(key, signal) {
    const { uid } = this;
    this.earlierOf = uid;
    try {
      const d = await ask(key, "/earlier", signal);
      if (key !== this.key || uid !== this.uid) return;
      this.earlierSeen = d.metrics || [];
      text(this.chartHint, d.says || ASKED);
      for (const e of this.earlierSeen) this.charts.get(e.name)?.earlier(e);
    } catch (error) {
      if (error.name === "AbortError" || error.code === 401) throw error;
      if (key !== this.key) return;
      if (error.code === 503 && this.earlierOf === uid) this.earlierOf = "";
      text(this.chartHint, `${TEN} Earlier values are not known: ${error.message}.`);
    }
  }

  // decisions has a button for each verb that would do something and that the person may use.
  decisions() {
    const offers = this.card?.offers || [];
    if (!this.verbs) { this.buttons.replaceChildren(); text(this.noRight, ""); return; }
    const shown = ORDER.filter((v) => offers.includes(v) && this.verbs.has(v));
    const buttons = shown.map((verb) => {
      const known = this.buttons.querySelector(`[data-verb="${verb}"]`);
      return known || el("button", { type: "button", class: verb === "abort" ? "danger" : verb === "promote" || verb === "approve" ? "primary" : "", data: { verb }, onclick: () => this.wish(verb, this.card) }, LABELS[verb]);
    });
    keep(this.buttons, buttons);
    text(this.noRight, offers.length && !shown.length ? "You may look at this run and not decide it (that takes the verb patch on canaryruns here, and no policy against it)." : "");
  }

  async difference(key, signal) {
    const d = await ask(key, "/difference", signal);
    if (key !== this.key) return;
    if (!d.difference && !d.hidden && this.diff.childElementCount) return; // it was held until now
    show(this.diffSection, Boolean(d.difference || d.hidden));
    text(this.diffSays, d.hidden ? `Not shown: ${d.hidden}` : "");
    show(this.diffSays, Boolean(d.hidden));
    show(this.diff, Boolean(d.difference));
    const kinds = { "+": "added", "-": "removed", "@": "place" };
    this.diff.replaceChildren(...(d.difference || "").trimEnd().split("\n").map((l) => el("span", { class: /^(\+\+\+|---) /.test(l) ? "place" : kinds[l[0]] || "" }, `${l}\n`)));
  }

  async events(key, signal) {
    this.eventsAt = now();
    const d = await ask(key, "/events", signal);
    if (key !== this.key) return;
    show(this.eventSection, true);
    const list = d.events || [];
    text(this.eventSays, d.hidden ? `Not shown: ${d.hidden}` : list.length ? "" : "There are none, or none any more: clusters keep events for an hour.");
    show(this.eventSays, Boolean(d.hidden || !list.length));
    this.told = [];
    this.eventList.replaceChildren(...list.map((e) => {
      const when = el("time", { datetime: new Date(e.at).toISOString(), title: date(e.at) });
      this.told.push({ at: e.at, when });
      return el("li", { class: e.warning ? "warning" : "" }, when, el("strong", {}, e.warning ? "⚠ " : "", e.reason), el("span", {}, e.says, e.count > 1 ? ` (${e.count} times)` : ""));
    }));
    this.tick();
  }

  tick() {
    if (!this.key) return;
    this.bar.tick();
    const p = this.card?.progress;
    text(this.barSays, p ? `${capital(p.says)}. Measured ${span(measured(p))} of ${span(p.total)}.` : "");
    for (const c of this.coming || []) text(c.when, c.at ? (c.at > now() ? `in ${span((c.at - now()) / 1000)}: ` : "now: ") : "");
    for (const e of this.told || []) text(e.when, ago(e.at));
    if (this.card && this.card.group !== "ended" && now() - this.eventsAt > EVENTS_EVERY) this.changed();
  }

  again() { for (const chart of this.charts.values()) chart.again(); }
}

const capital = (s) => s.charAt(0).toUpperCase() + s.slice(1);
const head = (...names) => el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name))));
const scroll = (name, ...children) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, ...children);
function section(name, ...children) { return el("section", { class: "part" }, el("h3", {}, name), ...children); }
export const labelOf = (verb) => LABELS[verb] || verb;
