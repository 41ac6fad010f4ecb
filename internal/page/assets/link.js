// The link to Holdfast: questions, decisions, and the stream of what changes.

import { setClock } from "./time.js";

const KEY = "holdfast-token";

// The token stays in this tab. Beside kubectl it comes in the part of the address behind #, which browsers send to
// nobody, and is taken out of the address at once.
export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  drop: () => sessionStorage.removeItem(KEY),
  take() {
    const found = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash);
    if (!found) return;
    token.set(found[1]);
    history.replaceState(null, "", location.pathname);
  },
};

// Problem is an answer that says why there is none.
export class Problem extends Error {
  constructor(code, says) { super(says); this.code = code; }
}

async function problemOf(answer) {
  let says = `Holdfast answered ${answer.status}`;
  try { says = (await answer.json()).problem || says; } catch { /* not of the page */ }
  return new Problem(answer.status, says);
}

async function call(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, cache: "no-store", credentials: "omit", headers: { ...options?.headers, Authorization: `Bearer ${token.get()}` } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "Holdfast is not reached");
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

const address = (key, rest) => `api/runs/${key.split("/").map(encodeURIComponent).join("/")}${rest}`;

export const ask = async (key, rest = "", signal) => (await call(address(key, rest), { signal })).json();

export const decide = async (key, verb, uid, reason) => (await call(address(key, `/${verb}`), {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ uid, reason }),
})).json();

const SILENT = 30000; // three beats
const LONGEST = 20000;

// Stream follows what changes. It opens again by itself, from where it was.
export class Stream {
  constructor(on) { this.on = on; this.mark = ""; this.tries = 0; }

  start() { this.stopped = false; this.open(); }

  stop() { this.stopped = true; clearTimeout(this.timer); clearTimeout(this.silence); this.abort?.abort(); }

  async open() {
    const abort = this.abort = new AbortController();
    this.on.state(this.tries ? "again" : "opening");
    this.ended = "";
    try {
      this.listen();
      const answer = await call(`api/stream?after=${encodeURIComponent(this.mark)}`, { signal: abort.signal });
      await this.read(answer.body.getReader());
      throw new Problem(this.ended ? 401 : 0, this.ended || "the connection was closed");
    } catch (error) {
      clearTimeout(this.silence);
      if (this.stopped || abort !== this.abort) return;
      if (error.code === 401 || error.code === 403) { this.on.refused(error.message); return; }
      this.later(error.code === 429 ? error.message : "");
    }
  }

  // listen ends a connection on which nothing comes.
  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.abort.abort(), SILENT);
  }

  later(why) {
    const wait = Math.min(LONGEST, 1000 * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.tries++;
    this.on.state("lost", wait, why);
    this.timer = setTimeout(() => this.open(), wait);
  }

  // now opens at once what would wait.
  now() {
    if (this.stopped || !this.timer) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.open();
  }

  async read(reader) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.listen();
      rest += decoder.decode(value, { stream: true });
      let end;
      while ((end = rest.indexOf("\n\n")) >= 0) {
        this.message(rest.slice(0, end));
        rest = rest.slice(end + 2);
      }
    }
  }

  message(block) {
    const fields = Object.fromEntries(block.split("\n").map((line) => { const at = line.indexOf(": "); return [line.slice(0, at), line.slice(at + 2)]; }));
    const data = JSON.parse(fields.data);
    if (data.now) setClock(data.now);
    switch (fields.event) {
      case "hello": this.tries = 0; this.timer = 0; this.on.state("live"); this.on.hello(data); break;
      case "news": this.on.news(data); break;
      case "beat": this.on.beat(data); break;
      case "end": this.ended = data.problem; break;
    }
    if (fields.id) this.mark = fields.id;
  }
}
