// Listens to the box of an answer (answer_watch.py): tells what is typed, keeps it over a reload, moves the cursor.

const BOX = 'textarea[aria-label="Answer"]';
const PICKER = '[class*="st-key-reply_picker"] input';
const PAUSE = 600; // milliseconds without a key

const store = {
  key: (data) => `hub-answer-${data.member}-${data.conversation}`,
  read(data) {
    try { return JSON.parse(sessionStorage.getItem(this.key(data))); } catch { return null; }
  },
  write(data, text) {
    try {
      if (text) sessionStorage.setItem(this.key(data), JSON.stringify({ visit: data.visit, box: data.box, text }));
      else sessionStorage.removeItem(this.key(data));
    } catch { /* private browsing: then a reload loses it */ }
  },
};

const boxOf = (data) => document.querySelector(`.st-key-${CSS.escape(data.box)} ${BOX}`);

function told(watch, text) {
  clearTimeout(watch.timer);
  if (watch.told === text) return;
  watch.told = text;
  watch.send("typed", { box: watch.data.box, text });
}

function heard(watch, event) {
  const box = boxOf(watch.data);
  if (!box || event.target !== box) return;
  clearTimeout(watch.timer);
  if (event.type === "focusout") {
    if (watch.dirty) told(watch, box.value);
    watch.dirty = false;
    return;
  }
  watch.dirty = true;
  store.write(watch.data, box.value);
  watch.timer = setTimeout(() => told(watch, box.value), PAUSE);
}

function pressed(watch, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  const box = boxOf(watch.data), picker = document.querySelector(PICKER);
  if (!box || !picker) return;
  if (event.key === "/" && event.target === box && box.selectionStart === box.selectionEnd) {
    const before = box.value.slice(0, box.selectionStart);
    if (before && !before.endsWith("\n")) return;
    event.preventDefault();
    picker.focus();
    const down = { key: "ArrowDown", code: "ArrowDown", keyCode: 40, bubbles: true };
    setTimeout(() => picker.dispatchEvent(new KeyboardEvent("keydown", down)), 60);
  } else if (event.key === "Escape" && event.target === picker) {
    setTimeout(() => box.focus());
  }
}

function move(where, data) {
  const field = where === "replies" ? document.querySelector(PICKER) : boxOf(data);
  field?.focus();
  if (field && where === "box") field.setSelectionRange(field.value.length, field.value.length);
}

// Of another visit and nothing in the box: the page was loaded again. Of this one and another box: it was sent.
function keep(watch) {
  const data = watch.data, kept = store.read(data);
  if (kept && kept.visit !== data.visit) {
    if (!data.text && kept.text) {
      store.write(data, kept.text);
      watch.send("restored", { box: data.box, text: kept.text });
      return;
    }
  } else if (kept && kept.box !== data.box) store.write(data, "");
  setTimeout(() => { const box = boxOf(watch.data); if (box && box.value) store.write(watch.data, box.value); }, 300);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const place = parentElement.querySelector(".watch");
  const watch = (place.watch ??= {});
  if (watch.data?.box !== data.box) { clearTimeout(watch.timer); watch.told = undefined; watch.dirty = false; }
  Object.assign(watch, { data, send: setTriggerValue });
  if (!watch.bound) {
    watch.bound = true;
    watch.focused = data.focus[0];
    const listen = (name, then) => {
      const hear = (event) => {
        if (place.isConnected) then(watch, event);
        else document.removeEventListener(name, hear, true);
      };
      document.addEventListener(name, hear, true);
    };
    listen("input", heard);
    listen("focusout", heard);
    listen("keydown", pressed);
  }
  keep(watch);
  if (watch.focused !== data.focus[0]) {
    watch.focused = data.focus[0];
    setTimeout(() => move(data.focus[1], watch.data), 120);
  }
}
