// A post as a network shows it (preview.py). Words only ever become text nodes; pictures are data addresses.

const SVG = "http://www.w3.org/2000/svg";
// Drawn for the hub, on 24 × 24, in strokes.
const ICONS = {
  reply: ["M10 8 5 12l5 4", "M5 12h9a5 5 0 0 1 5 5v1"],
  boost: ["M7 7h9a2 2 0 0 1 2 2v5", "m15 11 3 3 3-3", "M17 17H8a2 2 0 0 1-2-2v-5", "m9 13-3-3-3 3"],
  repost: ["M7 7h9a2 2 0 0 1 2 2v5", "m15 11 3 3 3-3", "M17 17H8a2 2 0 0 1-2-2v-5", "m9 13-3-3-3 3"],
  star: ["m12 4 2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.8L7 19l1.1-5.5L4 9.700l5.600-.7z"],
  like: ["M12 19s-7-4.300-7-9a3.800 3.800 0 0 1 7-2 3.800 3.800 0 0 1 7 2c0 4.700-7 9-7 9z"],
  bookmark: ["M7 5h10v14l-5-4-5 4z"],
  share: ["M12 14V4", "m8 7.500 4-4 4 4", "M6 12v7h12v-7"],
  more: ["M5.500 12h.01", "M12 12h.01", "M18.500 12h.01"],
  public: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M4 12h16", "M12 4c2.700 2.300 3.700 5 3.700 8s-1 5.700-3.700 8c-2.700-2.300-3.700-5-3.700-8s1-5.700 3.700-8z"],
  unlisted: ["M19 14.500A7.500 7.500 0 0 1 9.500 5a7.500 7.500 0 1 0 9.500 9.500z"],
  private: ["M7 11h10v8H7z", "M9 11V8.500a3 3 0 0 1 6 0V11"],
  play: ["M9 7v10l8-5z"],
  link: ["M10 14a4 4 0 0 0 5.700 0l2.600-2.600a4 4 0 0 0-5.700-5.700L11 7.300", "M14 10a4 4 0 0 0-5.700 0l-2.600 2.600a4 4 0 0 0 5.700 5.700L13 16.700"],
};
function el(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text) node.textContent = text;
  return node;
}
function icon(name, cls) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon i-${name} ${cls || ""}`);
  svg.setAttribute("aria-hidden", "true");
  for (const d of ICONS[name] || []) svg.appendChild(document.createElementNS(SVG, "path")).setAttribute("d", d);
  return svg;
}
function avatar(data) {
  const node = el("div", "avatar " + data.look.avatar, data.initials);
  node.style.setProperty("--hue", data.hue);
  node.setAttribute("aria-hidden", "true");
  return node;
}
function head(data) {
  const node = el("div", "head"), names = el("div", "names");
  names.append(el("span", "name", data.name), el("span", "handle", data.handle));
  const when = el("span", "when");
  if (data.visibility) {
    const seen = icon(data.visibility.icon, "visibility");
    seen.removeAttribute("aria-hidden");
    seen.setAttribute("role", "img");
    seen.setAttribute("aria-label", data.visibility.word);
    const title = document.createElementNS(SVG, "title");
    title.textContent = data.visibility.word;
    seen.prepend(title);
    when.append(seen);
  }
  when.append(el("span", "", "now"));
  node.append(names, when);
  return node;
}
function words(part) {
  const node = el("div", "words");
  node.dir = "auto";
  for (const [kind, text] of part.pieces) node.append(kind === "text" ? text : el("span", kind, text));
  if (!part.pieces.length && !part.media.length) node.append(el("span", "empty", "Your text will appear here."));
  return node;
}
function picture(item, alone) {
  const node = el("div", "item");
  if (item.src) {
    const image = node.appendChild(el("img"));
    image.src = item.src;
    image.alt = item.alt || (item.video ? "Video without alt text" : "Image without alt text");
    image.style.objectPosition = item.position;
  } else node.append(el("div", "gone", item.video ? "Video" : "The image can't be shown"));
  if (item.video) {
    const play = node.appendChild(el("div", "play"));
    play.append(icon("play"));
    if (item.duration) node.append(el("span", "badge time", item.duration));
  }
  if (item.alt) node.appendChild(el("span", "badge alt", "ALT")).title = item.alt;
  return node;
}
function gallery(media, look) {
  const shown = media.slice(0, 4), node = el("div", "media n" + shown.length);
  if (shown.length === 1) {
    const { width, height } = shown[0];
    const ratio = width && height ? Math.max(1 / look.tallest, Math.min(width / height, 3)) : 16 / 9;
    node.style.aspectRatio = String(ratio);
  } else node.style.aspectRatio = look.grid;
  node.append(...shown.map((item) => picture(item)));
  return node;
}
function card(told) {
  const node = el("div", "card" + (told.image ? " pictured" : ""));
  if (told.image) {
    const image = node.appendChild(el("img"));
    image.src = told.image;
    image.alt = "";
  }
  const about = node.appendChild(el("div", "about"));
  about.append(el("div", "host", told.host));
  if (told.title) about.append(el("div", "title", told.title));
  if (told.description) about.append(el("div", "description", told.description));
  if (!told.title) about.append(el("div", "description", "Link card not fetched yet."));
  return node;
}
// The text behind a content warning stays open while somebody types on.
function folded(data, part, state, again) {
  const box = el("div", "warning"), open = state.open;
  box.append(el("span", "words", data.warning));
  const toggle = box.appendChild(el("button", "fold", open ? data.look.unfold : data.look.fold));
  toggle.type = "button";
  toggle.setAttribute("aria-expanded", String(open));
  toggle.onclick = () => { state.open = !open; again(); };
  return open ? [box, ...content(data, part)] : [box];
}
function content(data, part) {
  const found = [words(part)];
  if (part.media.length) found.push(gallery(part.media, data.look));
  else if (part.card) found.push(card(part.card));
  return found;
}
function entry(data, part, last, state, again) {
  const node = el("article", "entry" + (!last && part.goes_on ? " goes-on" : "") + (part.comment ? " comment" : ""));
  const body = el("div", "body");
  if (part.place) node.append(el("div", "place", part.place));
  body.append(head(data), ...(data.warning ? folded(data, part, state, again) : content(data, part)));
  const actions = body.appendChild(el("div", "actions"));
  actions.setAttribute("aria-hidden", "true");
  actions.append(...data.look.actions.map((name) => icon(name)));
  node.append(avatar(data), body);
  const count = node.appendChild(el("div", "count " + part.tone, part.count));
  if (part.tone === "over") count.prepend("Too long: ");
  return node;
}
export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".preview");
  const state = (box.state ||= { open: false });
  const draw = () => {
    const focused = box.getRootNode().activeElement?.className === "fold";
    box.className = ["preview", data.look.css, data.dark ? "dark" : "light", data.look.beside ? "beside" : "",
      data.parts.length > 1 ? "thread" : ""].join(" ").trim();
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", data.label);
    box.replaceChildren(...data.parts.map((part, i) => entry(data, part, i === data.parts.length - 1, state, draw)));
    if (focused) box.querySelector(".fold")?.focus({ preventScroll: true });
  };
  draw();
}
