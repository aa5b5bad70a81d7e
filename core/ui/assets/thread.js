// The messages of a conversation (thread.py). Whatever anybody wrote only ever becomes a text node.

const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'”’»])/gi;
function el(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text) node.textContent = text;
  return node;
}
function link(url, text, cls) {
  const node = el("a", cls, text);
  if (!/^https?:\/\//i.test(url)) return node;
  node.href = url;
  node.target = "_blank";
  node.rel = "noopener noreferrer nofollow";
  return node;
}
function words(text) {
  const node = el("div", "bubble");
  node.dir = "auto";
  text.split(LINK).forEach((part, i) => node.append(i % 2 ? link(part, part) : part));
  return node;
}
function head(author, handle, when, exact, url) {
  const node = el("div", "head");
  node.append(el("span", "author", author));
  if (handle) node.append(el("span", "handle", handle));
  const time = url ? link(url, when, "when") : el("span", "when", when);
  time.title = exact;
  node.append(time);
  return node;
}
// Counts on by itself; what the hub tells next corrects it.
function countdown(m) {
  const node = el("span", "state " + m.tone, m.state), end = performance.now() + 1000 * m.left;
  const tick = setInterval(() => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left <= 0 || !node.isConnected) clearInterval(tick);
    node.textContent = left > 0 ? `Goes out in ${left} s` : "Sending …";
  }, 1000);
  return node;
}
// --- the menu: one for all messages, which a new drawing of the thread leaves alone ---

function dots(m, menu) {
  const button = el("button", "dots");
  button.type = "button";
  button.dataset.key = m.id + " menu";
  button.title = "More";
  button.setAttribute("aria-label", "More about the message of " + m.author);
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", String(menu.matches(":popover-open") && menu.opener === button.dataset.key));
  const svg = button.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const x of [5, 12, 19]) {
    const dot = svg.appendChild(document.createElementNS(svg.namespaceURI, "circle"));
    for (const [name, value] of [["cx", x], ["cy", 12], ["r", 2]]) dot.setAttribute(name, value);
  }
  button.popoverTargetElement = menu; // opens and closes it, after the click below has filled it
  button.onclick = () => {
    if (!menu.matches(":popover-open")) fill(menu, m, button);
  };
  return button;
}
function fill(menu, m, button) {
  menu.opener = button.dataset.key;
  menu.setAttribute("aria-label", button.getAttribute("aria-label"));
  menu.replaceChildren(...m.menu.map(([name, label, final]) => {
    const item = el("button", "item" + (final ? " final" : ""), label);
    item.type = "button";
    item.tabIndex = -1;
    item.setAttribute("role", "menuitem");
    item.onclick = () => {
      menu.hidePopover();
      menu.dots()?.setAttribute("aria-busy", "true");
      menu.send("act", { name, id: m.id });
    };
    return item;
  }));
}
function step(menu, event) {
  const items = [...menu.children], at = items.indexOf(event.target), last = items.length - 1;
  const to = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last }[event.key];
  if (event.key === "Tab") menu.hidePopover(); // and on it goes from the dots
  if (to === undefined) return;
  event.preventDefault();
  items[to].focus();
}
function toggled(menu, open) {
  const dots = menu.dots();
  dots?.setAttribute("aria-expanded", String(open));
  if (!open) {
    // The browser gives the focus back to the dots that were there when it opened; they may have been drawn anew.
    const lost = document.activeElement === document.body || menu.contains(menu.getRootNode().activeElement);
    if (lost) dots?.focus({ preventScroll: true });
    return;
  }
  if (dots) place(menu, dots.getBoundingClientRect());
  menu.firstElementChild?.focus({ preventScroll: true });
}
// Below its dots, or above them where there is no room.
function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + height + 8 <= innerHeight;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
}

function follow(menu, box) {
  if (!menu.matches(":popover-open")) return;
  const at = menu.dots()?.getBoundingClientRect(), room = box.getBoundingClientRect();
  if (at && at.bottom > room.top && at.top < room.bottom) place(menu, at);
  else menu.hidePopover();
}

// --- messages ---

function draw(m, may, menu) {
  const node = el("article", "message " + m.side + (m.deleted ? " deleted" : ""));
  node.append(head(m.author, m.handle, m.when, m.exact, m.url));
  if (m.text) node.append(words(m.text));
  if (m.media.length) {
    const media = el("div", "media");
    for (const item of m.media) media.append(link(item.url, item.label));
    node.append(media);
  }
  const foot = el("div", "foot");
  if (m.mood) {
    const mood = foot.appendChild(el("span", "mood " + m.mood.tone, m.mood.word));
    mood.title = m.mood.title;
  }
  for (const mark of m.marks) foot.append(el("span", "state good", mark));
  if (m.state) foot.append(m.left == null ? el("span", "state " + m.tone, m.state) : countdown(m));
  if (may && m.menu.length) foot.append(dots(m, menu));
  for (const [name, label] of may ? m.actions : []) {
    const button = el("button", "act" + (name === "reply" ? " reply" : ""), label);
    button.type = "button";
    button.dataset.key = m.id + " " + name;
    button.onclick = () => { button.disabled = true; menu.send("act", { name, id: m.id }); };
    foot.append(button);
  }
  if (m.why) foot.append(el("div", "why", m.why));
  if (foot.childNodes.length) node.append(foot);
  return node;
}
function about(post) {
  const node = el("div", "about");
  node.append(head(post.title, "", post.when, post.exact, post.url), el("div", "text", post.text));
  return node;
}
export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".thread"), menu = parentElement.querySelector(".menu");
  menu.send = setTriggerValue;
  menu.dots = () => [...box.querySelectorAll(".dots")].find((one) => one.dataset.key === menu.opener);
  menu.onkeydown = (event) => step(menu, event);
  menu.ontoggle = (event) => toggled(menu, event.newState === "open");
  box.onscroll = () => follow(menu, box);
  const same = box.dataset.id === String(data.id);
  if (!same && menu.matches(":popover-open")) menu.hidePopover();
  const focused = box.getRootNode().activeElement?.dataset.key;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const fromEnd = box.scrollHeight - box.scrollTop;
  const grew = same && data.messages[0]?.id !== Number(box.dataset.first);
  const parts = data.messages.map((m) => draw(m, data.may, menu));
  if (data.earlier) {
    const more = el("button", "earlier", "Show earlier messages");
    more.type = "button";
    more.onclick = () => { more.textContent = "…"; setTriggerValue("earlier", data.messages.length); };
    parts.unshift(more);
  }
  if (data.about) parts.unshift(about(data.about));
  const top = box.scrollTop;
  // The last answer has left: the page around may go back to looking less often.
  if (same && box.dataset.busy && !data.busy) setTriggerValue("settled", data.id);
  box.dataset.busy = data.busy ? "1" : "";
  box.replaceChildren(...parts);
  box.dataset.id = data.id;
  box.dataset.first = data.messages[0]?.id ?? "";
  if (!same || atEnd) box.scrollTop = box.scrollHeight;
  else box.scrollTop = grew ? box.scrollHeight - fromEnd : top;
  // Whoever is at a button by keyboard stays there.
  if (focused) [...box.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus({ preventScroll: true });
  follow(menu, box);
}
