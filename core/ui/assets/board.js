// The plan as a board (plan_board.py). Every word is a text node. A card moves at once; where the move is refused, the
// next drawing puts it back. What it remembers between two drawings hangs on the board element: `board.kept`.

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

function button(cls, text, label) {
  const node = el("button", cls, text);
  node.type = "button";
  if (label) node.setAttribute("aria-label", label);
  return node;
}

// --- cards --------------------------------------------------------------------------------------------------------

function draw(card, board) {
  const node = el("article", "card" + (card.campaign ? " banded " + card.color : ""));
  node.dataset.id = card.id;
  const title = button("title", card.title);
  title.onclick = () => board.kept.send("open", card.id);
  node.append(title);
  if (card.words) node.append(el("p", "words", card.words));

  const facts = el("div", "facts");
  for (const icon of card.icons) {
    const mark = titled(el("img"), icon.name);
    mark.src = icon.src;
    mark.alt = icon.name;
    facts.append(mark);
  }
  if (card.when) facts.append(titled(el("span", "when", card.when), card.exact));
  if (card.mark) facts.append(titled(el("span", "chip " + card.mark.tone, card.mark.word), card.mark.title));
  if (card.campaign) facts.append(titled(el("span", "chip " + card.color, card.campaign), "Campaign"));
  if (card.comments) facts.append(el("span", "said", card.comments));
  if (card.author) facts.append(titled(el("span", "author", card.initials), card.author));
  node.append(facts);
  if (card.targets.length) {
    node.draggable = true;
    node.ondragstart = (event) => take(event, board, card, node);
    node.ondragend = () => drop(board, node);
    const menu = button("more", "⋯", `Move “${card.title}” to …`);
    menu.setAttribute("aria-haspopup", "menu");
    menu.setAttribute("aria-expanded", "false");
    menu.onclick = () => toggle(board, card, node, menu);
    node.append(menu);
  }
  return node;
}

// --- moving -------------------------------------------------------------------------------------------------------

function take(event, board, card, node) {
  board.kept.held = card;
  event.dataTransfer.setData("text/plain", String(card.id));
  event.dataTransfer.effectAllowed = "move";
  node.classList.add("held");
  board.classList.add("moving");
  for (const column of board.querySelectorAll(".column"))
    column.classList.toggle("closed", column.dataset.state !== card.state && !card.targets.some((t) => t.state === column.dataset.state));
}

function drop(board, node) {
  board.kept.held = null;
  node.classList.remove("held");
  board.classList.remove("moving");
  for (const column of board.querySelectorAll(".column")) column.classList.remove("closed", "over");
}

function move(board, card, state) {
  if (state === card.state) return;
  const node = board.querySelector(`.card[data-id="${Number(card.id)}"]`);
  const target = board.querySelector(`.column[data-state="${state}"] .cards`);
  if (node && target) {
    node.classList.add("going");
    target.prepend(node);
  }
  // What it said before counts too: the same move, tried again, is another one.
  board.kept.send("move", { id: card.id, from: card.state, to: state, turn: board.kept.turn });
}

function toggle(board, card, node, opener) {
  const open = node.querySelector("[role=menu]");
  close(board);
  if (open) return;
  const menu = el("div", "menu");
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", "Move to");
  for (const target of card.targets) {
    const item = button("item", target.word);
    item.setAttribute("role", "menuitem");
    item.onclick = () => { close(board); move(board, card, target.state); };
    menu.append(item);
  }
  menu.onkeydown = (event) => {
    const items = [...menu.children], here = items.indexOf(event.target);
    if (event.key === "Escape") { close(board); opener.focus(); }
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); items[(to + items.length) % items.length].focus(); }
  };
  opener.setAttribute("aria-expanded", "true");
  node.append(menu);
  menu.firstChild.focus();
}

function close(board) {
  board.querySelector("[role=menu]")?.remove();
  for (const one of board.querySelectorAll('[aria-expanded="true"]')) one.setAttribute("aria-expanded", "false");
}

// --- columns ------------------------------------------------------------------------------------------------------

function column(one, board) {
  const node = el("section", "column");
  node.dataset.state = one.state;
  node.setAttribute("aria-label", one.word);
  const head = el("h3", "head");
  head.append(el("span", "chip " + one.color, one.word), el("span", "count", String(one.total)));
  if (one.note) head.append(titled(el("span", "note", one.note), one.empty));
  const cards = el("div", "cards");
  cards.append(...one.cards.map((card) => draw(card, board)));
  if (!one.cards.length) cards.append(el("p", "empty", one.empty));
  if (one.more) {
    const more = button("further", one.more);
    more.onclick = () => { more.textContent = "…"; board.kept.send("more", board.kept.turn + ":" + one.cards.length); };
    cards.append(more);
  }
  node.append(head, cards);
  node.ondragover = (event) => {
    if (!board.kept.held) return;
    event.preventDefault();
    node.classList.add("over");
  };
  node.ondragleave = (event) => { if (!node.contains(event.relatedTarget)) node.classList.remove("over"); };
  node.ondrop = (event) => {
    event.preventDefault();
    if (board.kept.held) move(board, board.kept.held, one.state);
  };
  return node;
}

function tabs(box, columns, board) {
  box.replaceChildren(...columns.map((one) => {
    const tab = button("tab", one.word);
    tab.append(el("span", "count", String(one.total)));
    tab.setAttribute("aria-pressed", String(one.state === board.kept.shown));
    tab.onclick = () => { show(box, board, one.state); };
    tab.dataset.state = one.state;
    return tab;
  }));
}

function show(box, board, state) {
  board.kept.shown = state;
  for (const tab of box.children) tab.setAttribute("aria-pressed", String(tab.dataset.state === state));
  for (const one of board.querySelectorAll(".column")) one.classList.toggle("shown", one.dataset.state === state);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const board = parentElement.querySelector(".board"), box = parentElement.querySelector(".tabs");
  if (!board.kept) {
    board.kept = { shown: (data.columns.find((one) => one.cards.length) ?? data.columns[0]).state };
    board.getRootNode().addEventListener("click", (event) => {
      if (!event.target.closest?.("[role=menu], .more")) close(board);
    });
  }
  const place = new Map([...board.querySelectorAll(".column")].map((one) => [one.dataset.state, one.querySelector(".cards").scrollTop]));
  const focused = board.getRootNode().activeElement?.closest?.(".card")?.dataset.id;
  Object.assign(board.kept, { send: setTriggerValue, turn: data.turn, held: null });
  board.classList.remove("moving");
  board.replaceChildren(...data.columns.map((one) => column(one, board)));
  // An empty column leaves its room to those with long words in them.
  board.style.gridTemplateColumns = data.columns.map((one) => one.cards.length ? "minmax(9.6rem, 1.6fr)" : "minmax(7rem, 1fr)").join(" ");
  for (const one of board.querySelectorAll(".column")) one.querySelector(".cards").scrollTop = place.get(one.dataset.state) ?? 0;
  tabs(box, data.columns, board);
  show(box, board, board.kept.shown);
  if (focused) board.querySelector(`.card[data-id="${Number(focused)}"] button`)?.focus({ preventScroll: true });
}
