// A window glides over the picture, and what the network answers to the picture with it covered is looked up here: all
// answers have come with the picture, so that dragging asks the server for nothing.
//
// The map of what has been covered so far is occlusion's: each pixel has the mean drop of the windows that covered it.

const PASS = 15000; // milliseconds of one way over the picture
const TOLD = 400; // milliseconds of rest after which a place reached by keys is read out
const seen = (window.vizcoreGlided ??= new Set()); // pictures over which the window has glided, while the tab is open

function unpack(bytes) {
  const { head, blob } = unpacked(bytes);
  const [answers, winners] = [blob("answers"), blob("winners")];
  return {
    ...head,
    picture: blob("picture"),
    colours: blob("colours"),
    answers: answers && new Float32Array(answers.buffer), // (rows, columns, classes shown)
    winners: winners && new Int32Array(winners.buffer), // (rows, columns)
  };
}

// The map that grows: sums and counts of the drops, and the picture in grey with the heat over it where something is.
class Growing {
  constructor(data) {
    this.data = data;
    const size = data.width * data.height;
    this.total = new Float64Array(size);
    this.count = new Uint32Array(size);
    this.covered = new Set();
    this.canvas = painted(data.width, data.height, () => [0, 0, 0, 0]);
    this.image = this.canvas.getContext("2d").getImageData(0, 0, data.width, data.height);
  }

  add(top, left, drop) {
    const place = top * this.data.width + left;
    if (this.covered.has(place)) return false;
    this.covered.add(place);
    const { width, window: side } = this.data;
    for (let y = top; y < top + side; y++)
      for (let x = left; x < left + side; x++) {
        const i = y * width + x;
        this.total[i] += drop;
        this.count[i] += 1;
        this.paint(i);
      }
    return true;
  }

  value(i) {
    return this.count[i] ? this.total[i] / this.count[i] : 0;
  }

  paint(i) {
    const { picture, colours, limit } = this.data;
    const value = this.value(i);
    const share = Math.min(1, Math.abs(value) / limit);
    const k = 3 * Math.max(0, Math.min(255, Math.round((0.5 + value / (2 * limit)) * 255)));
    const strength = share ** 0.7; // as in the viewer at half opacity
    const grey = 0.299 * picture[3 * i] + 0.587 * picture[3 * i + 1] + 0.114 * picture[3 * i + 2];
    for (let c = 0; c < 3; c++) this.image.data[4 * i + c] = grey + strength * (colours[k + c] - grey);
    this.image.data[4 * i + 3] = 255;
  }

  show(top, left) {
    const side = this.data.window;
    this.canvas.getContext("2d").putImageData(this.image, 0, 0, left, top, side, side);
  }

  showAll() {
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
  }
}

class Gliding {
  constructor(root) {
    this.root = root;
    this.at = null; // [row, column] in the grid
    this.elapsed = 0;
    this.playing = false;
    this.visible = true;
    for (const name of ["canvas.main", ".value", ".fall", ".wins", ".bars", ".status", ".play", ".stage"])
      this[name.replace(/^.*\./, "")] = root.querySelector(name);
    this.named = root.querySelector(".answer .name");
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.listen();
  }

  listen() {
    const canvas = this.main;
    canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    canvas.addEventListener("pointermove", (event) => this.held && this.drag(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      canvas.addEventListener(name, () => this.release());
    // A finger that begins on the window drags it; anywhere else it scrolls the page.
    canvas.addEventListener("touchstart", (event) => this.near(event.touches[0]) && event.preventDefault(), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.play.addEventListener("click", () => (this.playing ? this.pause() : this.start()));
    this.fed = (event) => {
      const block = event.detail === this.data?.key && window.vizcoreFeed?.[event.detail];
      if (block) this.show(unpack(block));
    };
    window.addEventListener("vizcore-feed", this.fed);
    this.hidden = () => this.run();
    document.addEventListener("visibilitychange", this.hidden);
    this.moved = () => this.still.matches && this.playing && this.finish();
    this.still.addEventListener("change", this.moved);
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(this.stage);
    this.inView = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      this.run();
    });
    this.inView.observe(this.stage);
  }

  close() {
    window.removeEventListener("vizcore-feed", this.fed);
    document.removeEventListener("visibilitychange", this.hidden);
    this.still.removeEventListener("change", this.moved);
    this.resized.disconnect();
    this.inView.disconnect();
    this.playing = false;
    clearTimeout(this.telling);
  }

  show(data) {
    const old = this.data;
    if (old && data.stamp[0] === old.stamp[0] && data.stamp[1] < old.stamp[1]) return;
    const other = !old || old.subject !== data.subject;
    if (!other && !data.answers && old.answers) return; // what is there already is not taken away again
    const place = !other && this.at && old.answers ? [old.rows[this.at[0]], old.columns[this.at[1]]] : null;
    this.data = data;
    this.stage.parentElement.classList.toggle("waiting", !data.answers);
    this.stage.style.aspectRatio = `${data.width} / ${data.height}`;
    this.stage.parentElement.style.setProperty("--ratio", String(data.width / data.height));
    for (const element of this.root.querySelectorAll("[data-text]")) element.textContent = data.texts[element.dataset.text];
    this.main.setAttribute("aria-label", data.texts.label);
    if (other) {
      this.playing = false;
      this.at = null;
      this.elapsed = 0;
      this.picture = painted(data.width, data.height, (i) => [...data.picture.subarray(3 * i, 3 * i + 3), 255]);
      this.growing = null;
    }
    this.lay();
    if (data.answers) this.take(old, place, other);
    this.label();
    this.redraw();
  }

  // The answers have come, or those of a finer grid or of another class.
  take(old, place, other) {
    const { data } = this;
    const begun = this.growing;
    this.scale();
    this.growing = new Growing(data);
    if (place) this.at = [nearest(data.rows, place[0]), nearest(data.columns, place[1])];
    if (!begun && !seen.has(data.subject) && !this.still.matches) return this.start();
    if (!begun || this.complete) return this.whole(other || !place);
    for (const one of begun.covered) {
      const [top, left] = [Math.floor(one / data.width), one % data.width];
      const [row, column] = [data.rows.indexOf(top), data.columns.indexOf(left)];
      if (row >= 0 && column >= 0) this.growing.add(top, left, this.drop(row, column));
    }
    this.growing.showAll();
  }

  // The rows of the bars, once for each set of classes.
  lay() {
    const { data } = this;
    const cells = [];
    data.classes.forEach((name, k) => {
      const mark = k === data.target ? " chosen" : "";
      for (const [kind, text] of [["name", name], ["track", ""], ["number", ""]]) {
        const cell = document.createElement("div");
        cell.className = kind + mark;
        cell.textContent = text;
        if (kind === "track") cell.append(document.createElement("i"));
        cells.push(cell);
      }
    });
    this.bars.replaceChildren(...cells);
    this.named.textContent = data.classes[data.target] ?? "";
    this.read();
  }

  scale() {
    const { colours, limit, mark } = this.data;
    const strip = new ImageData(256, 1);
    for (let i = 0; i < 256; i++) strip.data.set([...colours.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    this.root.querySelector(".legend").getContext("2d").putImageData(strip, 0, 0);
    this.root.querySelector(".low").textContent = digits(-limit, mark);
    this.root.querySelector(".high").textContent = digits(limit, mark);
  }

  answers(row, column) {
    const { data } = this;
    const count = data.classes.length;
    const from = (row * data.columns.length + column) * count;
    return data.answers.subarray(from, from + count);
  }

  drop(row, column) {
    return this.data.whole[this.data.target] - this.answers(row, column)[this.data.target];
  }

  percent(share) {
    return `${(100 * share).toFixed(1).replace("-", "−").replace(".", this.data.mark)}\u00a0%`;
  }

  // What the network answers with the window where it is; without one, what it answers to the picture.
  read() {
    const { data } = this;
    const answers = this.at && data.answers ? this.answers(...this.at) : data.whole;
    data.classes.forEach((_, k) => {
      this.bars.children[3 * k + 1].firstChild.style.transform = `scaleX(${answers[k]})`;
      this.bars.children[3 * k + 2].textContent = this.percent(answers[k]);
    });
    this.value.textContent = this.percent(answers[data.target]);
    const [fall, wins] = this.at && data.answers ? this.said() : [data.answers ? "" : data.texts.waiting, ""];
    this.fall.textContent = fall;
    this.wins.textContent = wins;
    this.main.dataset.place = this.at ? `${data.columns[this.at[1]]},${data.rows[this.at[0]]}` : "";
  }

  said() {
    const { data } = this;
    const change = -100 * this.drop(...this.at);
    const points = Math.abs(change).toFixed(1).replace(".", data.mark);
    const [row, column] = this.at;
    const winner = data.winners[row * data.columns.length + column];
    const kind = points === `0${data.mark}0` ? "same" : change < 0 ? "falls" : "rises";
    const wins = winner === data.best ? "" : data.texts.wins.replace("{winner}", () => data.names[winner]);
    return [data.texts[kind].replace("{amount}", points), wins];
  }

  // The window over its place; the map gains what it covers.
  put(row, column) {
    const { data } = this;
    this.at = [row, column];
    if (this.growing.add(data.rows[row], data.columns[column], this.drop(row, column)))
      this.growing.show(data.rows[row], data.columns[column]);
    this.soon();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.read();
      this.redraw();
    });
  }

  redraw() {
    const { data } = this;
    if (!data) return;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.stage.clientWidth * ratio));
    const height = Math.max(1, Math.round((width * data.height) / data.width));
    if (this.main.width !== width || this.main.height !== height) {
      this.main.width = width;
      this.main.height = height;
    }
    const context = this.main.getContext("2d");
    const unit = width / data.width;
    context.imageSmoothingEnabled = unit < 3 * ratio;
    context.drawImage(this.picture, 0, 0, width, height);
    if (this.growing) context.drawImage(this.growing.canvas, 0, 0, width, height);
    if (!this.at) return;
    const [left, top, side] = [data.columns[this.at[1]] * unit, data.rows[this.at[0]] * unit, data.window * unit];
    context.fillStyle = data.fill;
    context.fillRect(left, top, side, side);
    for (const [thick, colour] of [[4, "white"], [2, "black"]]) {
      context.lineWidth = thick * ratio;
      context.strokeStyle = colour;
      context.strokeRect(left, top, side, side);
    }
  }

  start() {
    if (!this.data?.answers) return;
    if (this.complete || !this.at) {
      this.elapsed = 0;
      this.complete = false;
      this.growing = new Growing(this.data);
    }
    this.playing = true;
    this.label();
    this.run();
  }

  pause() {
    this.playing = false;
    this.label();
  }

  label() {
    const { texts } = this.data;
    this.play.querySelector(".icon").textContent = this.playing ? "❚❚" : "▶";
    this.play.querySelector(".word").textContent = this.playing ? texts.pause : texts.play;
    this.main.dataset.playing = String(this.playing);
  }

  // Go on from frame to frame while the tab and the picture are seen.
  run() {
    if (this.running || !this.playing || !this.visible || document.hidden) return;
    this.running = true;
    let before = performance.now();
    const step = (now) => {
      this.running = this.playing && this.visible && !document.hidden;
      if (!this.running) return;
      this.elapsed += Math.min(100, Math.max(0, now - before));
      before = now;
      this.glide(this.elapsed / PASS);
      if (this.playing) requestAnimationFrame(step);
      else this.running = false;
    };
    requestAnimationFrame(step);
  }

  // There and back along rows that overlap by two thirds of the window.
  glide(share) {
    const { data } = this;
    const rows = lines(data.rows, data.window / 3);
    const way = Math.min(share, 1) * rows.length;
    const line = Math.min(rows.length - 1, Math.floor(way));
    const along = Math.min(1, way - line);
    const column = Math.round((line % 2 ? 1 - along : along) * (data.columns.length - 1));
    // A slow browser shows fewer frames; the windows between them count for the map all the same.
    if (this.at && this.at[0] === rows[line])
      for (let k = Math.min(this.at[1], column); k <= Math.max(this.at[1], column); k++) this.put(rows[line], k);
    this.put(rows[line], column);
    if (share >= 1) this.finish();
  }

  finish() {
    this.playing = false;
    this.whole(true);
    this.label();
    this.soon();
  }

  // The map of all windows; and the window, if it has no place of its own, where the score falls most.
  whole(rest) {
    const { data } = this;
    let best = [0, 0];
    for (let row = 0; row < data.rows.length; row++)
      for (let column = 0; column < data.columns.length; column++) {
        this.growing.add(data.rows[row], data.columns[column], this.drop(row, column));
        if (this.drop(row, column) > this.drop(...best)) best = [row, column];
      }
    this.growing.showAll();
    this.complete = true;
    seen.add(data.subject);
    if (rest) this.at = best;
    this.read();
  }

  place(event) {
    const box = this.main.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.data.width, ((event.clientY - box.top) / box.height) * this.data.height];
  }

  near(event) {
    if (!this.at || !this.data?.answers) return false;
    const [x, y] = this.place(event);
    const [left, top, side] = [this.data.columns[this.at[1]], this.data.rows[this.at[0]], this.data.window];
    const room = side / 2; // a finger is wide
    return x > left - room && x < left + side + room && y > top - room && y < top + side + room;
  }

  pressed(event) {
    if (event.button !== 0 || !this.data?.answers) return;
    this.pause();
    this.held = true;
    this.main.classList.add("held");
    try {
      this.main.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already cannot be captured, and need not be.
    }
    this.drag(event);
  }

  drag(event) {
    const { data } = this;
    const [x, y] = this.place(event);
    this.put(nearest(data.rows, y - data.window / 2), nearest(data.columns, x - data.window / 2));
  }

  release() {
    this.held = false;
    this.main.classList.remove("held");
  }

  key(event) {
    const step = event.shiftKey ? 4 : 1;
    const moves = { ArrowLeft: [0, -step], ArrowRight: [0, step], ArrowUp: [-step, 0], ArrowDown: [step, 0] };
    if (!this.data?.answers || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " ") this.playing ? this.pause() : this.start();
    else if (event.key in moves) {
      this.pause();
      const [row, column] = this.at ?? [0, 0];
      const [down, right] = moves[event.key];
      const within = (value, edges) => Math.max(0, Math.min(edges.length - 1, value));
      this.put(within(row + down, this.data.rows), within(column + right, this.data.columns));
      clearTimeout(this.telling);
      this.telling = setTimeout(() => this.tell(), TOLD);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Only what was asked for by keys is read out: a window that moves by itself would never stop talking.
  tell() {
    const { data } = this;
    const [row, column] = this.at;
    const where = data.texts.place.replace("{x}", data.columns[column]).replace("{y}", data.rows[row]);
    const said = [this.percent(this.answers(row, column)[data.target]), ...this.said()].filter(Boolean);
    this.status.textContent = `${where}: ${data.classes[data.target]} ${said.join(". ")}`;
  }
}

function nearest(edges, value) {
  let best = 0;
  for (let k = 1; k < edges.length; k++) if (Math.abs(edges[k] - value) < Math.abs(edges[best] - value)) best = k;
  return best;
}

// The indices of edges that are about ``apart`` from each other, the first and the last among them.
function lines(edges, apart) {
  const found = [0];
  for (let k = 1; k < edges.length - 1; k++) if (edges[k] - edges[found.at(-1)] >= apart) found.push(k);
  return edges.length > 1 ? [...found, edges.length - 1] : found;
}

export default function (component) {
  const root = component.parentElement;
  root.gliding ??= new Gliding(root);
  const mounted = unpack(component.data);
  root.gliding.show(mounted);
  root.gliding.fed({ detail: mounted.key });
  return () => {
    root.gliding?.close();
    root.gliding = null;
  };
}
