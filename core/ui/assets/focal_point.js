// The point of a picture that stays in sight (focal_point.py). x and y from -1 to 1, y upwards, as networks count.

const STEP = 0.05, FAR = 0.25;
const within = (value) => Math.max(-1, Math.min(1, value));
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function side(value, low, high) {
  return Math.abs(value) < 0.03 ? "" : `${Math.round(Math.abs(value) * 100)} % ${value < 0 ? low : high}`;
}
function spoken(at) {
  return [side(at.x, "to the left", "to the right"), side(at.y, "down", "up")].filter(Boolean).join(", ") || "the middle";
}
export default function ({ data, parentElement, setStateValue }) {
  const box = parentElement.querySelector(".focal"), whole = box.querySelector(".whole");
  const image = whole.querySelector("img"), point = whole.querySelector(".point"), crops = box.querySelector(".crops");
  const at = (box.at ||= {});
  if (box.src !== data.src) {
    box.src = image.src = data.src;
    crops.replaceChildren(...data.crops.map(([name, ratio]) => {
      const figure = document.createElement("figure"), frame = document.createElement("div");
      const crop = document.createElement("img"), caption = document.createElement("figcaption");
      frame.className = "frame";
      frame.style.aspectRatio = String(ratio);
      crop.src = data.src;
      crop.alt = "";
      caption.textContent = name;
      frame.append(crop);
      figure.append(frame, caption);
      return figure;
    }));
  }
  const show = () => {
    const left = 50 + at.x * 50, top = 50 - at.y * 50;
    point.style.left = left + "%";
    point.style.top = top + "%";
    for (const crop of crops.querySelectorAll("img")) crop.style.objectPosition = `${left}% ${top}%`;
    point.setAttribute("aria-valuenow", Math.round(left));
    point.setAttribute("aria-valuetext", spoken(at));
  };
  const tell = () => {
    const told = [Math.round(at.x * 100) / 100, Math.round(at.y * 100) / 100];
    if (String(told) !== String(box.told)) setStateValue("focus", (box.told = told));
  };
  // While a finger or key is at work, what Python knows is older than what is seen.
  if (!box.busy) {
    [at.x, at.y] = [data.x, data.y];
    box.told = [data.x, data.y];
  }
  point.setAttribute("aria-label", data.label);
  image.draggable = false;
  const follow = (event) => {
    const room = image.getBoundingClientRect();
    if (!room.width || !room.height) return;
    at.x = within(((event.clientX - room.left) / room.width) * 2 - 1);
    at.y = within(1 - ((event.clientY - room.top) / room.height) * 2);
    show();
  };
  whole.onpointerdown = (event) => {
    if (event.button) return;
    event.preventDefault();
    box.busy = true;
    whole.setPointerCapture(event.pointerId);
    point.focus({ preventScroll: true });
    follow(event);
  };
  whole.onpointermove = (event) => { if (whole.hasPointerCapture(event.pointerId)) follow(event); };
  whole.onpointerup = whole.onpointercancel = () => { box.busy = false; tell(); };
  point.onkeydown = (event) => {
    const way = KEYS[event.key], middle = event.key === "Home";
    if (!way && !middle) return;
    event.preventDefault();
    const step = event.shiftKey ? FAR : STEP;
    [at.x, at.y] = middle ? [0, 0] : [within(at.x + way[0] * step), within(at.y + way[1] * step)];
    show();
    box.busy = true;
    clearTimeout(box.later); // told once the key rests
    box.later = setTimeout(() => { box.busy = false; tell(); }, 400);
  };
  show();
}
