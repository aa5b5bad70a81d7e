// The inbox list (conversation_list.py). What it remembers between two drawings hangs on the list element: `list.kept`.

function el(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text) node.textContent = text;
  return node;
}

function titled(node, title) {
  if (title) node.title = title;
  return node;
}

function preview(row) {
  const node = el("span", "preview");
  const [before, hit, after] = row.preview;
  node.append(before);
  if (hit) node.append(el("mark", "", hit));
  node.append(after);
  return node;
}

function draw(row, kept) {
  const node = el("button", "row" + (row.unread ? " unread" : ""));
  node.type = "button";
  node.tabIndex = -1;
  node.dataset.id = row.id;
  node.dataset.at = row.at;
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", String(row.id === kept.selected));

  const pick = titled(el("span", "pick"), row.network);
  if (row.icon) { const icon = el("img"); icon.src = row.icon; icon.alt = row.network; pick.append(icon); }
  if (kept.may) pick.append(el("span", "tick"));
  const end = el("span", "end");
  if (row.owner) end.append(titled(el("span", "owner" + (row.mine ? " me" : ""), row.owner), row.owner_full));
  if (row.unread) end.append(titled(el("span", "count", row.unread > 99 ? "99+" : String(row.unread)), "unread"));
  const where = el("span", "where");
  where.append(titled(el("span", "channel", row.channel), row.channel_full));
  for (const chip of row.chips) where.append(titled(el("span", "chip " + chip.tone, chip.word), chip.title));
  node.append(pick, el("span", "who", row.who), titled(el("span", "when", row.when), row.exact), preview(row), end, where);
  return node;
}

const rowsOf = (list) => [...list.querySelectorAll(".row")];
const rowOf = (list, id) => list.querySelector(`[data-id="${Number(id)}"]`);

// --- staying in place ---------------------------------------------------------------------------------------------

// A visible row that has not moved to the top since: under the pointer, else the first one.
function anchor(box, list, next) {
  const top = box.getBoundingClientRect().top, end = top + box.clientHeight;
  const still = new Map(next.map((row) => [String(row.id), String(row.at)]));
  const seen = rowsOf(list).filter((row) => {
    const place = row.getBoundingClientRect();
    return place.bottom > top && place.top < end && still.get(row.dataset.id) === row.dataset.at;
  });
  const row = seen.find((one) => one.matches(":hover")) ?? seen[0];
  return row && { id: row.dataset.id, y: row.getBoundingClientRect().top };
}

function settle(box, list, held, top) {
  const row = held && rowOf(list, held.id);
  box.scrollTop = row ? box.scrollTop + row.getBoundingClientRect().top - held.y : top;
}

function tellNew(box, list, kept) {
  const top = box.getBoundingClientRect().top;
  let above = 0;
  for (const row of rowsOf(list)) {
    if (row.getBoundingClientRect().bottom > top + 4) kept.fresh.delete(row.dataset.id);
    else if (kept.fresh.has(row.dataset.id)) above += 1;
  }
  kept.hint.textContent = above ? `${above} new above` : "";
  kept.hint.classList.toggle("shown", above > 0);
}

// --- choosing -----------------------------------------------------------------------------------------------------

function open(list, row, wait) {
  const kept = list.kept;
  for (const other of list.querySelectorAll('[aria-selected="true"]')) other.setAttribute("aria-selected", "false");
  row.setAttribute("aria-selected", "true");
  row.classList.remove("unread");
  row.querySelector(".count")?.remove();
  kept.selected = kept.last = Number(row.dataset.id);
  kept.place = rowsOf(list).indexOf(row);
  rove(list, row);
  clearTimeout(kept.timer);
  // Who runs through the list with a key held down opens the one they stop at.
  kept.timer = setTimeout(() => {
    kept.send("open", Number(row.dataset.id));
    // On a telephone the conversation stands below the list.
    if (innerWidth <= 640) document.querySelector(".st-key-opened")?.scrollIntoView({ behavior: "smooth" });
  }, wait);
}

function rove(list, row) {
  for (const other of list.querySelectorAll('.row[tabindex="0"]')) other.tabIndex = -1;
  if (row) row.tabIndex = 0;
}

function show(list) {
  const kept = list.kept;
  list.parentElement.classList.toggle("picking", kept.picked.size > 0);
  if (kept.may) for (const row of rowsOf(list)) row.setAttribute("aria-checked", String(kept.picked.has(Number(row.dataset.id))));
}

function pick(list, row, range) {
  const kept = list.kept, id = Number(row.dataset.id);
  if (!kept.may) return;
  const rows = rowsOf(list).map((one) => Number(one.dataset.id));
  const from = rows.indexOf(kept.last), to = rows.indexOf(id);
  if (range && from >= 0) {
    for (const one of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) kept.picked.add(one);
  } else if (!kept.picked.delete(id)) kept.picked.add(id);
  kept.last = id;
  show(list);
  clearTimeout(kept.picking);
  kept.picking = setTimeout(() => kept.send("pick", { ids: [...kept.picked], epoch: kept.epoch }), 150);
}

function step(list, by) {
  const rows = rowsOf(list), kept = list.kept;
  const here = rows.findIndex((row) => Number(row.dataset.id) === kept.selected);
  // What was open has left the list: its place is taken by the next one.
  const to = here >= 0 ? here + by : kept.place === undefined ? 0 : by > 0 ? kept.place : kept.place - 1;
  const row = rows[Math.max(0, Math.min(to, rows.length - 1))];
  if (to >= rows.length && kept.more) kept.more.click();
  if (!row || Number(row.dataset.id) === kept.selected) return;
  open(list, row, 120);
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function listen(list) {
  const heard = (event) => {
    if (!list.isConnected) return document.removeEventListener("hub-inbox", heard);
    if (event.detail.step) step(list, event.detail.step);
    if (event.detail.pick) {
      const row = list.getRootNode().activeElement?.closest?.(".row") ?? rowOf(list, list.kept.selected);
      if (row) pick(list, row, false);
    }
    if (event.detail.drop && list.kept.picked.size) {
      list.kept.picked.clear();
      show(list);
      list.kept.send("pick", { ids: [], epoch: list.kept.epoch });
    }
  };
  document.addEventListener("hub-inbox", heard);
  list.onclick = (event) => {
    const row = event.target.closest(".row");
    if (!row) return;
    if (list.kept.may && (event.shiftKey || event.ctrlKey || event.metaKey || event.target.closest(".pick"))) {
      pick(list, row, event.shiftKey);
    } else open(list, row, 0);
  };
  list.onmousedown = (event) => { if (event.shiftKey) event.preventDefault(); }; // marks no text
  list.onkeydown = (event) => {
    const rows = rowsOf(list), here = rows.indexOf(event.target.closest(".row"));
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || !rows[to]) return;
    event.preventDefault();
    rove(list, rows[to]);
    rows[to].focus();
  };
}

// --- drawing ------------------------------------------------------------------------------------------------------

function begin(box, list) {
  list.kept = { picked: new Set(), fresh: new Set(), hint: el("button", "new") };
  list.kept.hint.type = "button";
  list.kept.hint.onclick = () => { box.scrollTo({ top: 0, behavior: "smooth" }); rowsOf(list)[0]?.focus({ preventScroll: true }); };
  box.prepend(list.kept.hint);
  box.onscroll = () => tellNew(box, list, list.kept);
  listen(list);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".scroll"), list = box.querySelector(".list");
  if (!list.kept) begin(box, list);
  const kept = list.kept, same = kept.asked === data.asked;
  Object.assign(kept, { send: setTriggerValue, may: data.may, asked: data.asked });
  box.classList.toggle("may", data.may);
  if (kept.told !== data.selected) kept.selected = kept.told = data.selected;
  if (kept.epoch !== data.epoch) { kept.epoch = data.epoch; kept.picked = new Set(data.picked); }
  const shown = new Set(data.rows.map((row) => row.id));
  for (const id of kept.picked) if (!shown.has(id)) kept.picked.delete(id);

  const focused = list.getRootNode().activeElement?.dataset?.id, top = box.scrollTop;
  // At the very top new ones may come in; but never under a pointer about to click.
  const held = same && (top > 0 || list.matches(":hover")) ? anchor(box, list, data.rows) : null;
  const newest = Math.max(...rowsOf(list).map((row) => Number(row.dataset.at)));
  if (!same) kept.fresh.clear();
  else for (const row of data.rows) if (row.unread && row.at > newest && newest > 0) kept.fresh.add(String(row.id));

  list.replaceChildren(...data.rows.map((row) => draw(row, kept)));
  kept.more?.remove();
  kept.more = null;
  if (data.more) {
    kept.more = el("button", "more", data.more);
    kept.more.type = "button";
    kept.more.onclick = () => { kept.more.textContent = "…"; setTriggerValue("more", data.rows.length); };
    box.append(kept.more);
  }
  settle(box, list, held, same ? top : 0);
  rove(list, rowOf(list, focused ?? kept.selected) ?? rowsOf(list)[0]);
  if (focused) rowOf(list, focused)?.focus({ preventScroll: true });
  show(list);
  tellNew(box, list, kept);
}
