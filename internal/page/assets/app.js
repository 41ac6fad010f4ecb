// The page: what is known of all runs, what of it is shown, and what a person does.

import { $, el, set, show, text } from "./dom.js";
import { List } from "./cards.js";
import { Detail, labelOf } from "./detail.js";
import { Stream, decide, token } from "./link.js";
import { pressed, whenReleased } from "./press.js";
import { span } from "./time.js";

const cards = new Map();
let due = false, opened = "", live = false, lastFocus = null;

const list = new List($("groups"), (key) => { location.hash = `#/${key}`; });
const detail = new Detail($("detail"), { close: () => { location.hash = ""; }, decide: confirm, problem: (error) => refused(error.message) });

const stream = new Stream({
  state(is, wait, why) {
    live = is === "live";
    const link = $("link");
    link.dataset.state = is;
    text(link, is === "live" ? "Live" : is === "lost" ? `Not connected${why ? `: ${why}` : ""}; tried again in ${span(Math.max(1, wait / 1000))}` : is === "again" ? "Connecting again" : "Connecting");
  },
  hello(first) {
    show($("door"), false);
    show($("room"), true);
    text($("who"), first.who);
    show($("leave"), !first.local);
    const there = new Set(first.keys);
    for (const key of [...cards.keys()]) if (!there.has(key)) gone(key);
    route();
    draw();
  },
  news({ cards: changed = [], gone: left = [] }) {
    for (const card of changed) {
      const before = cards.get(card.key);
      cards.set(card.key, card);
      if (before && before.uid === card.uid && before.phase !== card.phase) say(`${card.deployment} in ${card.namespace} is ${card.phase}${card.message ? `: ${card.message}` : ""}`);
      if (card.key === opened) detail.changed(card);
    }
    for (const key of left) gone(key);
    draw();
  },
  beat({ trouble }) { notice(trouble ? `What is shown may be old: ${trouble}` : ""); },
  refused,
});

function gone(key) {
  cards.delete(key);
  list.forget(key);
  if (key === opened) detail.gone();
}

// say has a reader of the screen say something, what comes at once together.
let said = [];
function say(what) {
  if (!said.length) setTimeout(() => { text($("news"), said.length > 3 ? `${said.length} runs have changed their phase` : said.join(". ")); said = []; }, 500);
  said.push(what);
}

function notice(what) { text($("notice"), what); show($("notice"), Boolean(what)); }

// refused asks for a token anew: the one that was shown is good no longer.
function refused(why) {
  stream.stop();
  token.drop();
  live = false;
  for (const key of [...cards.keys()]) gone(key);
  detail.shut();
  opened = "";
  show($("room"), false);
  text($("who"), "");
  show($("leave"), false);
  $("link").dataset.state = "lost";
  text($("link"), "Not signed in");
  door(why);
}

function door(why) {
  show($("door"), true);
  text($("doorError"), why || "");
  $("token").focus();
}

$("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = $("token").value.trim().replace(/\s+/g, "");
  if (!value) return;
  $("token").value = "";
  text($("doorError"), "");
  token.set(value);
  stream.mark = "";
  stream.start();
});
$("leave").addEventListener("click", () => refused(""));

// draw shows what there is, once for all that changes at once.
function draw() {
  if (due) return;
  due = true;
  setTimeout(() => whenReleased(() => { due = false; drawNow(); }), 30); // and no frame: a tab that nobody sees has a title all the same
}

function drawNow() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean), chosen = $("namespace").value, ended = $("withEnded").checked;
  const all = [...cards.values()];
  const shown = all.filter((c) => (!chosen || c.namespace === chosen) && (ended || c.group !== "ended")
    && words.every((w) => `${c.key} ${c.deployment} ${c.phase} ${c.reason || ""}`.toLowerCase().includes(w)));
  list.draw(shown);
  list.mark(opened);
  const open = all.filter((c) => c.group !== "ended").length;
  text($("summary"), !all.length ? "There are no canary runs in the namespaces that you may see." :
    shown.length === all.length ? `${all.length} ${all.length === 1 ? "run" : "runs"}, ${open} of them not ended.` : `${shown.length} of ${all.length} runs.`);
  namespaces(all);
  document.title = opened && cards.get(opened) ? `${cards.get(opened).phase}: ${cards.get(opened).deployment} – Holdfast` : open ? `(${open}) Holdfast` : "Holdfast";
}

function namespaces(all) {
  const names = [...new Set(all.map((c) => c.namespace))].sort(), pick = $("namespace");
  if (names.join() === pick.dataset.names) return;
  pick.dataset.names = names.join();
  const chosen = pick.value;
  pick.replaceChildren(el("option", { value: "" }, "All namespaces"), ...names.map((name) => el("option", { value: name }, name)));
  pick.value = names.includes(chosen) ? chosen : "";
}

for (const [id, what] of [["search", "input"], ["namespace", "change"], ["withEnded", "change"]]) $(id).addEventListener(what, draw);

// route opens the run that the address names.
function route() {
  const found = /^#\/([^/]+\/[^/]+)$/.exec(location.hash);
  const key = found ? decodeURIComponent(found[1]) : "";
  if (key === opened) return;
  const before = opened;
  opened = key;
  document.body.classList.toggle("opened", Boolean(key));
  if (key) {
    detail.open(key, cards.get(key));
  } else {
    detail.shut();
    list.views.get(before)?.element.focus();
  }
  draw();
}
addEventListener("hashchange", () => { token.take(); route(); });

const ASKS = {
  promote: (c) => [`Promote ${c.deployment}?`, "The update is released, whatever was measured. The decision stands."],
  abort: (c) => [`Abort ${c.deployment}?`, "The update is reverted and remembered, so that it is not tried again. The decision stands."],
  approve: (c) => [`Approve step ${c.progress?.step ?? ""} of ${c.deployment}?`, "The run leaves the step at whose gate it waits."],
  retry: (c) => [`Retry ${c.deployment}?`, "The run begins anew with fresh pods: all steps and all counts."],
};

// confirm asks once more before what cannot be taken back.
function confirm(verb, card) {
  if (!ASKS[verb]) { act(verb, card, ""); return; }
  const [title, says] = ASKS[verb](card), ask = $("ask");
  text($("askTitle"), title);
  text($("askSays"), `${card.namespace}/${card.name}. ${says}`);
  text($("askYes"), labelOf(verb));
  $("askYes").className = verb === "abort" ? "danger" : "primary";
  text($("askError"), "");
  show($("askReason"), verb === "promote" || verb === "abort");
  $("reason").value = "";
  lastFocus = document.activeElement;
  ask.returnValue = "";
  ask.onsubmit = async (event) => {
    event.preventDefault();
    if (await act(verb, card, $("reason").value, $("askError"))) ask.close();
  };
  ask.showModal();
}
$("askNo").addEventListener("click", () => $("ask").close());
$("ask").addEventListener("close", () => lastFocus?.focus?.());

// act makes a decision, and says what came of it.
async function act(verb, card, reason, where) {
  try {
    const { says } = await decide(card.key, verb, card.uid, reason);
    say(`${card.deployment} ${says}`);
    notice("");
    detail.changed();
    return true;
  } catch (error) {
    if (error.code === 401) { $("ask").close(); refused(error.message); return false; }
    if (where) text(where, error.message);
    else notice(error.message);
    return false;
  }
}

addEventListener("keydown", (event) => {
  if (event.target.closest?.("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); location.hash = ""; $("search").focus(); }
  if (event.key === "Escape" && opened) location.hash = "";
});
addEventListener("online", () => stream.now());
document.addEventListener("visibilitychange", () => { if (!document.hidden && !live) stream.now(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => detail.again());
setInterval(() => { if (!document.hidden && !pressed()) { list.tick(); detail.tick(); } }, 1000);

token.take();
if (token.get()) {
  stream.start();
  route();
} else {
  $("link").dataset.state = "lost";
  text($("link"), "Not signed in");
  door("");
  addEventListener("hashchange", () => { if (token.get() && !live) stream.start(); });
}
set(document.documentElement, { data: { ready: "true" } });
