// The frames of a run, played in the browser: one sheet of pictures, a range to move in and a button to play.
// Moving and playing ask the server for nothing.

const PAUSE = 110; // milliseconds from frame to frame

function unpack(bytes) {
  const { head, blob } = unpacked(bytes);
  const file = (name) => new Blob([blob(name)]);
  return { ...head, sheet: file("sheet"), last: file("last"), stretched: file("stretched") };
}

class Player {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.button = root.querySelector("button");
    this.range = root.querySelector('input[type="range"]');
    this.stretch = root.querySelector('input[type="checkbox"]');
    this.caption = root.querySelector(".caption");
    this.range.addEventListener("input", () => {
      this.stop();
      this.stretch.checked = false; // the last picture alone is shown so
      this.draw();
    });
    this.stretch.addEventListener("change", () => {
      this.stop();
      this.range.value = this.range.max;
      this.draw();
    });
    this.button.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
  }

  async show(data) {
    const other = data.key !== this.data?.key || data.captions.length !== this.data.captions.length;
    this.data = data;
    this.range.setAttribute("aria-label", data.texts.frame);
    this.canvas.setAttribute("aria-label", data.label);
    this.label();
    this.root.querySelector(".stretch span").textContent = data.texts.stretch;
    this.root.querySelector(".bar").hidden = data.captions.length < 2;
    if (!other) return this.draw();
    this.stop();
    const [sheet, last, stretched] = await Promise.all(
      [data.sheet, data.last, data.stretched].map((picture) => createImageBitmap(picture)),
    );
    if (this.data !== data) return; // a newer sheet came while this one was decoded
    Object.assign(this, { sheet, last, stretched });
    this.canvas.width = 2 * data.width; // enlarged smoothly here, not in squares by the page
    this.canvas.height = 2 * data.height;
    this.range.max = data.captions.length - 1;
    this.range.value = this.range.max;
    this.draw();
  }

  draw() {
    if (!this.sheet) return;
    const { width, height, columns, captions, texts } = this.data;
    const index = Number(this.range.value);
    const whole = [0, 0, this.canvas.width, this.canvas.height];
    const context = this.canvas.getContext("2d");
    if (index === Number(this.range.max)) {
      context.drawImage(this.stretch.checked ? this.stretched : this.last, 0, 0, width, height, ...whole);
    } else {
      const [x, y] = [(index % columns) * width, Math.floor(index / columns) * height];
      context.drawImage(this.sheet, x, y, width, height, ...whole);
    }
    this.caption.textContent = this.stretch.checked ? texts.stretched : captions[index];
    this.range.setAttribute("aria-valuetext", captions[index]);
  }

  label() {
    this.button.textContent = this.timer ? "❚❚" : "▶";
    const text = this.timer ? this.data.texts.pause : this.data.texts.play;
    this.button.setAttribute("aria-label", text);
    this.button.title = text;
    this.button.style.visibility = "visible"; // not before it has a name
  }

  play() {
    this.stretch.checked = false;
    if (Number(this.range.value) >= Number(this.range.max)) this.range.value = 0;
    this.timer = setInterval(() => {
      if (Number(this.range.value) >= Number(this.range.max)) return this.stop();
      this.range.value = Number(this.range.value) + 1;
      this.draw();
    }, PAUSE);
    this.draw();
    this.label();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.label();
  }
}

export default function ({ data, parentElement: root }) {
  root.player ??= new Player(root);
  root.player.show(unpack(data));
  return () => {
    clearInterval(root.player?.timer);
    root.player = null;
  };
}
