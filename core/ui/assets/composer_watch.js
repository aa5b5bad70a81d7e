// Tells the composer what is typed while one types (composer_watch.py): Streamlit takes a text only when its field is
// left, or by a key. After a pause this presses that key for whoever writes; the cursor stays where it is.

const PAUSE = 700; // milliseconds without a key
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
  if (event.type !== "input" || event.isComposing) return; // left: Streamlit takes it itself
  watch.timer = setTimeout(() => { if (document.activeElement === field) press(field); }, PAUSE);
}

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".watch");
  const watch = (place.watch ??= {});
  watch.data = data;
  if (watch.bound) return;
  watch.bound = true;
  for (const name of ["input", "focusout", "compositionend"]) {
    const hear = (event) => {
      if (!place.isConnected) document.removeEventListener(name, hear, true);
      else heard(watch, name === "compositionend" ? { type: "input", target: event.target } : event);
    };
    document.addEventListener(name, hear, true);
  }
}
