// While a button of the mouse, or a finger, is down nothing is drawn: what moves away from under it, or is made anew, would not be
// clicked, and what has come into its place might be.

let waiting = null, timer = 0;

// pressed says whether one is down.
export const pressed = () => waiting !== null;

// whenReleased does something at once, or as soon as the click is over.
export function whenReleased(something) {
  if (waiting) waiting.push(something);
  else something();
}

// released is there as soon as nothing is down.
export const released = () => new Promise((done) => { whenReleased(done); });

function release() {
  if (!waiting) return;
  clearTimeout(timer);
  timer = setTimeout(() => { // the click comes right after it
    const all = waiting || [];
    waiting = null;
    for (const something of all) something();
  });
}

addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  clearTimeout(timer);
  waiting ||= [];
}, true);
for (const over of ["pointerup", "pointercancel"]) addEventListener(over, release, true);
addEventListener("pointermove", (event) => { if (!event.buttons) release(); }, true); // it was let go where the page is not told
addEventListener("blur", (event) => { if (event.target === window) release(); }); // the release goes to another window
