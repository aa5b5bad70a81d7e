// Keys of the inbox (inbox_keys.py). What concerns the list goes to it as `hub-inbox` events (conversation_list.js).

const OFF = "hub-inbox-keys-off";

function typing(event) {
  const on = event.composedPath()[0];
  if (!(on instanceof Element)) return false;
  if (on.isContentEditable || on.closest("select, textarea, [role=combobox], [role=menu], [role=dialog]")) return true;
  const box = on.closest("input");
  return box !== null && !["checkbox", "radio", "button"].includes(box.type);
}

function off() {
  try { return localStorage.getItem(OFF) === "1"; } catch { return false; }
}

function turn(isOff) {
  try { localStorage.setItem(OFF, isOff ? "1" : "0"); } catch { /* private browsing: only for now */ }
}

function take(event) {
  event.preventDefault();
  event.stopPropagation();
}

function tell(detail) {
  document.dispatchEvent(new CustomEvent("hub-inbox", { detail }));
}

function focus(selector) {
  const box = document.querySelector(selector);
  box?.focus();
  box?.scrollIntoView({ block: "nearest" });
  return Boolean(box);
}

const BROWSER = {
  j: () => tell({ step: 1 }),
  k: () => tell({ step: -1 }),
  x: () => tell({ pick: true }),
  Escape: () => tell({ drop: true }),
  r: () => focus('textarea[aria-label="Answer"]'),
  "/": () => focus('input[aria-label="Search"]'),
};

function heard(event, keys) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && event.composedPath()[0].matches?.('textarea[aria-label="Answer"], input[aria-label="Search"]')) {
    event.composedPath()[0].blur();
    return;
  }
  if (typing(event) || keys.dialog.open) return;
  if (event.key === "?") { take(event); keys.dialog.showModal(); return; }
  if (off()) return;
  const act = keys.actions[event.key];
  if (!act && !BROWSER[event.key]) return;
  if (event.repeat && event.key !== "j" && event.key !== "k") return;
  if (event.key !== "Escape") take(event);
  if (act) keys.send("act", act);
  else BROWSER[event.key]();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const dialog = parentElement.querySelector("dialog");
  const keys = (dialog.kept ??= { dialog });
  Object.assign(keys, { send: setTriggerValue, actions: data.actions });
  if (!dialog.bound) {
    dialog.bound = true;
    const hear = (event) => {
      if (dialog.isConnected) heard(event, keys);
      else document.removeEventListener("keydown", hear, true);
    };
    document.addEventListener("keydown", hear, true); // before Streamlit, for which r means "run again"
    const list = dialog.querySelector("dl"), use = dialog.querySelector("input");
    for (const [key, words] of data.keys) {
      const name = document.createElement("dt"), what = document.createElement("dd"), cap = document.createElement("kbd");
      cap.textContent = key;
      what.textContent = words;
      name.append(cap);
      list.append(name, what);
    }
    use.checked = !off();
    use.onchange = () => turn(!use.checked);
    const door = parentElement.querySelector(".door");
    door.onclick = () => dialog.showModal();
    door.hidden = false; // from now on keys are heard
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  }
}
