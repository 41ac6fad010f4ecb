// Times, by the clock of the server: that of the browser's machine may be wrong.

let ahead = 0; // of the browser's clock, in milliseconds

export function setClock(serverNow) { ahead = Date.now() - serverNow; }

export const now = () => Date.now() - ahead;

// span says a length of time, of seconds: "1m20s".
export function span(seconds) {
  seconds = Math.max(0, Math.floor(seconds));
  const d = Math.floor(seconds / 86400), h = Math.floor(seconds / 3600) % 24, m = Math.floor(seconds / 60) % 60, s = seconds % 60;
  if (d) return `${d}d${h ? `${h}h` : ""}`;
  if (h) return `${h}h${m ? `${m}m` : ""}`;
  if (m) return `${m}m${s ? `${s}s` : ""}`;
  return `${s}s`;
}

// ago says how long ago a time was.
export function ago(at) {
  const seconds = (now() - at) / 1000;
  return seconds < 5 ? "just now" : `${span(seconds < 600 ? seconds : Math.floor(seconds / 60) * 60)} ago`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const hour = (at) => clock.format(at);
export const date = (at) => day.format(at);

// measured is how many seconds a run has been measured by now, and of how many.
export function measured(p) {
  if (!p) return null;
  const on = p.since ? Math.max(0, (now() - p.since) / 1000) : 0;
  return Math.min(p.measured + on, p.limit);
}
