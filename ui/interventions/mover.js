// A picture whose parts can be dragged. The server draws the picture for each place that is asked for; the next place is
// asked for when the last one has been answered, so that a slow server is asked less often. Meanwhile the outline of the
// part that is held is where the pointer has it.
//
// The data is one block of bytes, as in viewer.js: length of the header, header, and the blobs that it lists.

const LEAST = 2; // percent of the picture for one press of an arrow key
const MUCH = 10; // with Shift
const REST = 600; // milliseconds without another key after which the place counts as chosen
const LOST = 3000; // milliseconds after which an answer is no longer waited for

function unpack(bytes) {
  const { head, blob } = unpacked(bytes);
  return { ...head, picture: blob("picture"), places: blob("places") };
}

// The edge of one part: black within it, white around it.
function edge({ places, width, height }, part) {
  return painted(width, height, (i) => {
    const [x, inside] = [i % width, places[i] === part];
    const near = [i - width, i + width, x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1];
    if (!near.some((j) => j >= 0 && j < places.length && (places[j] === part) !== inside)) return [0, 0, 0, 0];
    return inside ? [0, 0, 0, 255] : [255, 255, 255, 255];
  });
}

class Mover {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.parts = root.querySelector(".parts");
    this.status = root.querySelector(".status");
    this.selected = null;
    this.wanted = null; // where the selected part is to be, in percent
    this.asked = 0; // number of the last question
    this.waiting = 0; // since when its answer is waited for
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerup", () => this.released());
    this.canvas.addEventListener("pointercancel", () => this.released());
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    // A finger on a part moves it, beside it the page.
    this.canvas.addEventListener("touchstart", (event) => this.grabs(event.touches[0]) && event.preventDefault(), {
      passive: false,
    });
    // The outline covers what it is around, so it is shown to those who are about to move something.
    const whole = this.canvas.parentElement;
    for (const [name, near] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]])
      whole.addEventListener(name, () => this.outlined(near));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas.parentElement);
  }

  close() {
    this.resized.disconnect();
    clearTimeout(this.resting);
  }

  show(data, component) {
    const first = !this.data;
    if (!first && data.stamp < this.data.stamp && data.server === this.data.server) return; // overtaken by a later one
    const other = first || data.scene !== this.data.scene;
    [this.data, this.component] = [data, component];
    this.picture = painted(data.width, data.height, (i) => [...data.picture.subarray(3 * i, 3 * i + 3), 255]);
    this.edges = {};
    if (data.seq >= this.asked) this.waiting = 0;
    if (other) [this.held, this.wanted] = [null, null];
    if (!this.part()) this.selected = data.parts[0]?.id ?? null;
    if (!this.held && !this.waiting && !this.resting) this.wanted = null;
    this.canvas.setAttribute("aria-label", `${data.label}. ${data.texts.keys}`);
    this.canvas.parentElement.style.setProperty("--ratio", String(data.width / data.height));
    this.buttons();
    this.status.textContent = data.status || data.texts.hint;
    this.draw();
    this.ask();
  }

  part() {
    return this.data.parts.find((one) => one.id === this.selected);
  }

  buttons() {
    const { parts, texts } = this.data;
    const names = [...parts.map((one) => [one.id, one.name]), ["", texts.back]];
    if (this.parts.children.length !== names.length) {
      this.parts.replaceChildren(
        ...names.map(() => {
          const button = document.createElement("button");
          button.type = "button";
          button.addEventListener("click", () => (button.value ? this.select(button.value) : this.back()));
          return button;
        }),
      );
    }
    names.forEach(([id, name], k) => {
      const button = this.parts.children[k];
      [button.value, button.textContent] = [id, name];
      button.setAttribute("aria-label", id ? `${texts.move}: ${name}` : name);
      if (id) button.setAttribute("aria-pressed", String(id === this.selected));
      else button.removeAttribute("aria-pressed");
    });
  }

  outlined(near) {
    this.near = near;
    this.draw();
  }

  select(id) {
    if (id === this.selected) return;
    this.settle();
    [this.selected, this.wanted] = [id, null];
    this.buttons();
    this.draw();
  }

  back() {
    this.want({ x: 0, y: 0 });
    this.settle();
  }

  // Which part is under the pointer, by its number among the places; the shadow counts as its object.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.data.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.data.height);
    const found = this.data.parts.find((one) => one.number === this.data.places[y * this.data.width + x]);
    return found?.id === "shadow" ? "object" : found?.id;
  }

  grabs(event) {
    const there = this.data && this.at(event);
    return Boolean(there) && there !== "background";
  }

  pressed(event) {
    if (event.button !== 0 || !this.part()) return;
    const there = this.at(event);
    const known = this.data.parts.some((one) => one.id === there);
    if (known && there !== "background" && !(this.selected === "shadow" && there === "object")) this.select(there);
    const { x, y } = this.wanted ?? this.part();
    this.held = { left: event.clientX, top: event.clientY, x, y };
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // a pointer that is gone by now
    }
    this.canvas.classList.add("held");
    this.draw();
  }

  moved(event) {
    if (!this.held) return;
    const box = this.canvas.getBoundingClientRect();
    const x = this.held.x + (100 * (event.clientX - this.held.left)) / box.width;
    const y = this.held.y + (100 * (event.clientY - this.held.top)) / box.height;
    this.want({ x, y });
  }

  released() {
    if (!this.held) return;
    this.held = null;
    this.canvas.classList.remove("held");
    this.settle();
  }

  key(event) {
    const by = event.shiftKey ? MUCH : LEAST;
    const way = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!this.part() || (!way && event.key !== "Home")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!way) return this.back();
    const { x, y } = this.wanted ?? this.part();
    this.want({ x: x + way[0], y: y + way[1] });
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.settle(), REST);
  }

  want({ x, y }) {
    const within = (value) => Math.max(-100, Math.min(100, Math.round(value)));
    this.wanted = { x: within(x), y: within(y) };
    this.draw();
    this.ask();
  }

  // The place is chosen: the page and its address follow.
  settle() {
    clearTimeout(this.resting);
    this.resting = null;
    if (this.wanted) this.send(true);
  }

  ask() {
    if (!this.wanted || (this.waiting && performance.now() - this.waiting < LOST)) return;
    const part = this.part();
    if (part && (part.x !== this.wanted.x || part.y !== this.wanted.y)) this.send(false);
  }

  send(chosen) {
    if (!this.part()) return;
    this.asked = Math.max(this.asked, this.data.seq) + 1;
    this.waiting = performance.now();
    const { x, y } = this.wanted;
    this.component.setTriggerValue("move", { part: this.selected, x, y, chosen, seq: this.asked });
  }

  draw() {
    if (!this.data) return;
    const { width, height } = this.data;
    const wide = Math.round(this.canvas.clientWidth * Math.min(2, devicePixelRatio)) || width;
    const high = Math.round((wide * height) / width);
    if (this.canvas.width !== wide || this.canvas.height !== high) [this.canvas.width, this.canvas.height] = [wide, high];
    const context = this.canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, 0, 0, wide, high);
    const part = this.part();
    if (!part || part.id === "background" || !(this.near || this.held)) return;
    const outline = (this.edges[part.id] ??= edge(this.data, part.number));
    const { x, y } = this.wanted ?? part;
    context.globalAlpha = 0.7;
    context.drawImage(outline, ((x - part.x) / 100) * wide, ((y - part.y) / 100) * high, wide, high);
    context.globalAlpha = 1;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  parentElement.mover ??= new Mover(parentElement);
  parentElement.mover.show(unpack(data), { setTriggerValue });
  return () => {
    parentElement.mover?.close();
    parentElement.mover = null;
  };
}
