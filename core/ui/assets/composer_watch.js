// Tells the composer what is typed while one types (composer_watch.py): Streamlit takes a text only when its field is
// left, or by a key. After a pause this presses that key for whoever writes; the cursor stays where it is.

const PAUSE = 700; // milliseconds without a key …
const MOST = 4000; // … and at most so long while somebody writes without one
const FIELDS = '[data-testid="stTextArea"] textarea, [data-testid="stTextInput"] input';
const POPOVER = '[data-testid="stPopoverBody"]'; // drawn at the end of the page, wherever it belongs

function press(field) {
  const multi = field.tagName === "TEXTAREA";
  field.dispatchEvent(new KeyboardEvent("keydown", {
    key: "Enter", code: "Enter", keyCode: 13, which: 13, ctrlKey: multi, bubbles: true, cancelable: true,
  }));
}

function heard(watch, event) {
  const field = event.target;
  if (!field.matches?.(FIELDS) || !field.closest(`.st-key-${CSS.escape(watch.data.place)}, ${POPOVER}`)) return;
  clearTimeout(watch.timer);
  if (event.type !== "input" || event.isComposing) { // left: Streamlit takes it itself
    if (event.type === "focusout") watch.since = watch.field = undefined;
    return;
  }
  watch.field = field;
  watch.since ??= Date.now();
  watch.timer = setTimeout(() => take(watch), Math.max(0, Math.min(PAUSE, MOST - (Date.now() - watch.since))));
}

function take(watch) {
  const field = watch.field;
  clearTimeout(watch.timer);
  watch.since = watch.field = undefined;
  if (field && document.activeElement === field) press(field);
}

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".watch");
  const watch = (place.watch ??= {});
  watch.data = data;
  if (watch.bound) return;
  watch.bound = true;
  const hidden = () => { // another tab, or closed: what was just typed is told at once
    if (!place.isConnected) document.removeEventListener("visibilitychange", hidden);
    else if (document.hidden && watch.field) take(watch);
  };
  document.addEventListener("visibilitychange", hidden);
  for (const name of ["input", "focusout", "compositionend"]) {
    const hear = (event) => {
      if (!place.isConnected) document.removeEventListener(name, hear, true);
      else heard(watch, name === "compositionend" ? { type: "input", target: event.target } : event);
    };
    document.addEventListener(name, hear, true);
  }
}
