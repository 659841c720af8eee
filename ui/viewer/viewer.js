// One picture with a map over it. Blending, threshold, zoom and the value under the cursor live here, in the browser:
// none of them asks the server for anything. Python is told only of clicks and of finished brush strokes.
//
// The data is one block of bytes: the length of a JSON header (uint32, little-endian), the header, then the blobs that
// the header lists by name, offset and length.

const CHANNEL = "vizcore-view";
const WHOLE = { scale: 1, x: 0.5, y: 0.5 };
const views = (window.vizcoreViews ??= {}); // the last view of each picture, by group and subject, while the tab is open

function unpack(bytes) {
  const { head, blob } = unpacked(bytes);
  const [map, parts] = [blob("map"), blob("parts")];
  return {
    ...head,
    picture: blob("picture"),
    map: map ? new Float32Array(map.buffer) : null,
    parts: parts ? new Int32Array(parts.buffer) : null,
    colours: blob("colours"),
    mask: blob("mask"),
  };
}

function rgba(rgb, width, height) {
  const image = new ImageData(width, height);
  for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) {
    image.data[j] = rgb[i];
    image.data[j + 1] = rgb[i + 1];
    image.data[j + 2] = rgb[i + 2];
    image.data[j + 3] = 255;
  }
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function colourIndex(value, data) {
  const limit = data.limit || 1;
  const share = data.signed ? 0.5 + value / (2 * limit) : value / limit;
  return Math.max(0, Math.min(255, Math.round(share * 255)));
}

// The map as a picture. Up to half opacity zero stays transparent and the limit covers most, so that the picture shows
// where the map says nothing; above that the whole map closes over the picture, which is gone at full opacity.
function heat(data, threshold, opacity) {
  const canvas = document.createElement("canvas");
  canvas.width = data.width;
  canvas.height = data.height;
  const image = new ImageData(data.width, data.height);
  for (let i = 0; i < data.map.length; i++) {
    const value = data.map[i];
    const visible = Number.isFinite(value) && Math.abs(value) >= threshold * data.limit;
    const k = 3 * colourIndex(value, data);
    const strength = Math.min(1, Math.max(0, data.signed ? Math.abs(value) : value) / data.limit) ** 0.7;
    const alpha = opacity <= 0.5 ? 2 * opacity * strength : strength + (2 * opacity - 1) * (1 - strength);
    image.data.set([data.colours[k], data.colours[k + 1], data.colours[k + 2], visible ? 255 * alpha : 0], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function grey(rgb) {
  const result = new Uint8Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3)
    result.fill(0.299 * rgb[i] + 0.587 * rgb[i + 1] + 0.114 * rgb[i + 2], i, i + 3);
  return result;
}

// What is brushed, as a veil over the picture.
function veil(strokes, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < strokes.length; i++) if (strokes[i]) image.data.set([128, 128, 128, 217], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// The edge of one part of the picture: black within it, white around it.
function edge({ parts, width, height }, part) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const inside = parts[i] === part;
      const near = [y > 0 && i - width, y < height - 1 && i + width, x > 0 && i - 1, x < width - 1 && i + 1];
      if (near.some((j) => j !== false && (parts[j] === part) !== inside))
        image.data.set(inside ? [0, 0, 0, 255] : [255, 255, 255, 255], 4 * i);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.view = WHOLE;
    this.cursor = null;
    this.marked = null; // the part that is pointed at, here or beside the picture
    this.touched = matchMedia("(hover: none)").matches; // by a finger, until a mouse comes
    this.strokes = null;
    this.stage = root.querySelector(".stage");
    this.canvas = root.querySelector("canvas.main");
    this.status = root.querySelector(".status");
    this.opacity = root.querySelector("input.opacity");
    this.threshold = root.querySelector("input.threshold");
    this.legend = root.querySelector("canvas.legend");
    this.listen();
  }

  listen() {
    const redraw = () => this.draw();
    this.opacity.addEventListener("input", () => this.blend("opacity"));
    this.threshold.addEventListener("input", () => this.blend("threshold"));
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "touch") return; // what was tapped stays read off
      this.point(null);
      this.lead();
      redraw(); // without the brush
    });
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointerup", (event) => this.released(event));
    this.canvas.addEventListener("pointercancel", () => this.abandoned());
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("dblclick", () => this.look(WHOLE));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => {
      this.point(null);
      this.lead();
      redraw();
    });
    for (const [name, factor] of [[".closer", 1.5], [".farther", 1 / 1.5], [".whole", 0]])
      this.root.querySelector(name).addEventListener("click", () => this.zoom(factor, 0.5, 0.5));
    this.fed = (event) => {
      const bytes = window.vizcoreFeed?.[event.detail];
      if (bytes && event.detail === this.data?.key) this.show(unpack(bytes), this.component);
    };
    window.addEventListener("vizcore-feed", this.fed);
    this.root.querySelector(".start").addEventListener("click", () => this.component.setTriggerValue("start", true));
    this.root.querySelector(".save").addEventListener("click", () => this.save());
    this.heard = (event) => {
      if (event.detail.from === this || event.detail.group !== this.data?.group) return;
      if (event.detail.view) this.keep(event.detail.view);
      if (event.detail.blend && this.data.map) {
        this[event.detail.blend].value = event.detail.value;
        this.mapped = null;
      }
      if ("cursor" in event.detail && this.data.follow) this.trail(event.detail.cursor);
      if ("part" in event.detail && this.data.parts) this.mark(event.detail.part);
      if (event.detail.joined && this.data.controls === "remote") {
        this.tell({ view: this.view });
        for (const blend of ["opacity", "threshold"]) this.tell({ blend, value: this[blend].value });
      }
      redraw();
    };
    window.addEventListener(CHANNEL, this.heard);
    this.resized = new ResizeObserver(redraw);
    this.resized.observe(this.stage);
  }

  close() {
    window.removeEventListener(CHANNEL, this.heard);
    window.removeEventListener("vizcore-feed", this.fed);
    this.resized.disconnect();
  }

  tell(detail) {
    window.dispatchEvent(new CustomEvent(CHANNEL, { detail: { from: this, group: this.data.group, ...detail } }));
  }

  show(data, component) {
    const first = !this.data;
    const old = this.data;
    this.component = component;
    // Messages can overtake each other: an older one than what is shown is dropped.
    if (old && data.stamp[0] === old.stamp[0] && data.stamp[1] < old.stamp[1]) return;
    const same = old?.picture && data.picture.length === old.picture.length && data.picture.every((v, i) => v === old.picture[i]);
    this.root.querySelector(".viewer").classList.toggle("waiting", data.waiting);
    if (data.waiting && old?.map && same) {
      const { map, colours, limit, signed, unit } = old;
      data = { ...data, map, colours, limit, signed, unit };
    }
    this.data = data;
    if (first || old.subject !== data.subject) this.view = views[`${data.group} ${data.subject}`] ?? WHOLE;
    this.picture = rgba(data.picture, data.width, data.height);
    this.grey = data.map ? rgba(grey(data.picture), data.width, data.height) : null;
    this.mapped = this.edged = null;
    this.stage.dataset.waiting = data.texts.waiting;
    const face = this.root.querySelector(".viewer").classList;
    face.toggle("bare", !data.map && !data.waiting);
    face.toggle("compact", data.controls === "compact");
    face.toggle("remote", data.controls === "remote");
    this.canvas.style.cursor = data.mode === "inspect" ? "crosshair" : data.mode === "brush" ? "cell" : "pointer";
    this.canvas.style.touchAction = data.mode === "brush" ? "none" : ""; // or a finger would scroll the page instead
    this.stage.style.aspectRatio = `${data.width} / ${data.height}`;
    this.stage.parentElement.style.setProperty("--ratio", String(data.width / data.height)); // its height is bounded, by its width
    if (first || this.opacityFrom !== data.opacity) {
      this.opacity.value = data.opacity;
      this.opacityFrom = data.opacity;
    }
    for (const [name, text] of Object.entries(data.texts)) {
      for (const element of this.root.querySelectorAll(`[data-text="${name}"]`)) element.textContent = text;
      for (const element of this.root.querySelectorAll(`[data-label="${name}"]`)) {
        element.setAttribute("aria-label", text);
        element.title = text;
      }
    }
    this.root.querySelector(".start").hidden = !data.texts.start;
    this.canvas.setAttribute("aria-label", `${data.label}. ${data.texts.keys}`);
    // What is brushed lives here; the server's answers lag behind it. Only a new mask, or none, replaces it.
    if (first || !this.strokes || old.round !== data.round || this.strokes.length !== data.width * data.height) {
      this.strokes = data.mask ? Uint8Array.from(data.mask) : new Uint8Array(data.width * data.height);
      this.covered = null;
    }
    this.scale();
    this.draw();
    this.point(this.cursor);
    if (first) this.tell({ joined: true }); // whoever holds the group's controls answers with what they are set to
  }

  scale() {
    if (!this.data.map) return;
    const context = this.legend.getContext("2d");
    const strip = new ImageData(256, 1);
    for (let i = 0; i < 256; i++) {
      strip.data.set([this.data.colours[3 * i], this.data.colours[3 * i + 1], this.data.colours[3 * i + 2], 255], 4 * i);
    }
    context.putImageData(strip, 0, 0);
    const { limit, mark, unit } = this.data;
    this.root.querySelector(".low").textContent = this.data.signed ? digits(-limit, mark) : "0";
    this.root.querySelector(".zero").textContent = this.data.signed ? "0" : "";
    this.root.querySelector(".high").textContent = digits(limit, mark);
    this.root.querySelector(".unit").textContent = unit;
  }

  blend(name) {
    this.mapped = null; // painted anew with the new opacity or threshold
    this.draw();
    this.tell({ blend: name, value: this[name].value });
  }

  // Where the picture lies on the canvas, in canvas pixels.
  frame() {
    const size = this.canvas.width * this.view.scale;
    const tall = this.canvas.height * this.view.scale;
    return { left: this.canvas.width / 2 - this.view.x * size, top: this.canvas.height / 2 - this.view.y * tall, size, tall };
  }

  draw() {
    if (!this.data) return;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.stage.clientWidth * ratio));
    const height = Math.max(1, Math.round((width * this.data.height) / this.data.width));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.stage.dataset.scale = this.view.scale.toFixed(2);
    const context = this.canvas.getContext("2d");
    const { left, top, size, tall } = this.frame();
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = this.view.scale < 3 && !this.data.pixelated;
    context.globalAlpha = 1;
    context.drawImage(this.picture, left, top, size, tall);
    if (this.data.map) {
      const opacity = Number(this.opacity.value);
      this.mapped ??= heat(this.data, Number(this.threshold.value), opacity);
      context.globalAlpha = Math.min(1, 2 * opacity); // colours of the picture would be read as heat
      context.drawImage(this.grey, left, top, size, tall);
      context.globalAlpha = 1;
      context.imageSmoothingEnabled = false;
      context.drawImage(this.mapped, left, top, size, tall);
    }
    context.globalAlpha = 1;
    if (this.data.mode === "brush") {
      this.covered ??= veil(this.strokes, this.data.width, this.data.height);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.covered, left, top, size, tall);
      if (this.cursor) this.drawBrush(context, this.cursor, left, top, size / this.data.width, ratio);
    }
    if (this.data.box) this.drawBox(context, this.data.box, left, top, size / this.data.width, ratio);
    if (this.data.parts && this.marked !== null) {
      this.edged ??= edge(this.data, this.marked);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.edged, left, top, size, tall);
    }
    const unit = size / this.data.width;
    if (this.cursor && this.following) {
      this.drawBox(context, [this.cursor.y - 1, this.cursor.x - 1, this.cursor.y + 2, this.cursor.x + 2], left, top, unit, ratio);
    } else if (this.cursor && this.keyboard && this.data.mode !== "brush") {
      this.drawBox(context, [this.cursor.y, this.cursor.x, this.cursor.y + 1, this.cursor.x + 1], left, top, unit, ratio);
    }
  }

  // The disc that one touch of the brush covers.
  drawBrush(context, { x, y }, left, top, unit, ratio) {
    for (const [width, colour] of [[4, "white"], [2, "black"]]) {
      context.lineWidth = width * ratio;
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(left + (x + 0.5) * unit, top + (y + 0.5) * unit, (this.data.brush + 0.5) * unit, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  drawBox(context, [y0, x0, y1, x1], left, top, unit, ratio) {
    for (const [width, colour] of [[4, "white"], [2, "black"]]) {
      context.lineWidth = width * ratio;
      context.strokeStyle = colour;
      context.strokeRect(left + x0 * unit, top + y0 * unit, (x1 - x0) * unit, (y1 - y0) * unit);
    }
  }

  pixel(event) {
    const box = this.canvas.getBoundingClientRect();
    const { left, top, size, tall } = this.frame();
    const x = ((event.clientX - box.left) / box.width) * this.canvas.width;
    const y = ((event.clientY - box.top) / box.height) * this.canvas.height;
    const column = Math.floor(((x - left) / size) * this.data.width);
    const row = Math.floor(((y - top) / tall) * this.data.height);
    const inside = column >= 0 && row >= 0 && column < this.data.width && row < this.data.height;
    return inside ? { x: column, y: row } : null;
  }

  point(cursor) {
    this.cursor = cursor;
    if (!this.data) return;
    let text = this.touched ? this.data.texts.tap : this.data.texts.hint;
    if (cursor) {
      const i = cursor.y * this.data.width + cursor.x;
      const part = this.data.parts?.[i] ?? -1;
      text = part < 0 ? `x ${cursor.x}, y ${cursor.y}` : this.named(part);
      if (this.data.map) text += `: ${digits(this.data.map[i], this.data.mark)}`;
      else if (part < 0) text += `: RGB ${[0, 1, 2].map((c) => this.data.picture[3 * i + c]).join(" ")}`;
    }
    this.status.textContent = text;
  }

  named(part) {
    return this.data.part.replace("{n}", part);
  }

  // A part that is pointed at in the bars beside the picture, as if the picture were pointed at.
  mark(part) {
    this.marked = part;
    this.edged = null;
    const at = part === null ? -1 : this.data.parts.indexOf(part);
    if (at < 0) return this.point(null);
    this.status.textContent = this.named(part) + (this.data.map ? `: ${digits(this.data.map[at], this.data.mark)}` : "");
  }

  // Tell the group's followers which place is pointed at, as shares of the picture: theirs may have other pixels.
  lead() {
    this.following = false;
    this.status.setAttribute("aria-live", "polite");
    if (this.data?.parts) this.leadPart();
    if (!this.data?.follow) return;
    const { cursor } = this;
    const place = cursor && { x: (cursor.x + 0.5) / this.data.width, y: (cursor.y + 0.5) / this.data.height };
    this.tell({ cursor: place });
  }

  leadPart() {
    const { cursor, data } = this;
    const part = cursor ? data.parts[cursor.y * data.width + cursor.x] : -1;
    const now = part < 0 ? null : part;
    if (now === this.marked) return;
    this.marked = now;
    this.edged = null;
    this.draw();
    this.tell({ part: now });
  }

  trail(place) {
    this.following = Boolean(place);
    this.status.setAttribute("aria-live", "off"); // one voice for the whole group
    this.point(place && { x: Math.floor(place.x * this.data.width), y: Math.floor(place.y * this.data.height) });
  }

  moved(event) {
    this.keyboard = false;
    this.touched = event.pointerType === "touch";
    if (this.drag?.brush) {
      this.cursor = this.pixel(event);
      this.paint(this.cursor, this.drag.last);
      this.drag.last = this.cursor;
      return;
    }
    if (this.drag) {
      const box = this.canvas.getBoundingClientRect();
      const dx = (event.clientX - this.drag.x) / box.width;
      const dy = (event.clientY - this.drag.y) / box.height;
      if (Math.abs(dx) + Math.abs(dy) > 0.01) this.drag.far = true;
      if (this.drag.far && this.view.scale > 1)
        this.look({ ...this.view, x: this.drag.view.x - dx / this.view.scale, y: this.drag.view.y - dy / this.view.scale });
    }
    const followed = this.following;
    this.point(this.pixel(event));
    this.lead();
    if (this.data.mode === "brush" || followed) this.draw(); // the brush follows the pointer
  }

  pressed(event) {
    if (event.button !== 0) return;
    this.touched = event.pointerType === "touch";
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already cannot be captured, and need not be.
    }
    const brush = this.data.mode === "brush" && !event.shiftKey;
    this.drag = { x: event.clientX, y: event.clientY, view: { ...this.view }, far: false, brush };
    if (brush) {
      this.drag.last = this.pixel(event);
      this.paint(this.drag.last);
    }
  }

  // The browser took the pointer away (to scroll, say): what has been brushed so far counts.
  abandoned() {
    const brush = this.drag?.brush;
    this.drag = null;
    if (brush) this.send();
  }

  released(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.brush) return this.send();
    const at = this.pixel(event);
    if (at && !drag.far) {
      if (this.touched) this.tapped(at);
      this.click(at);
    }
  }

  // A finger does not hover: its tap reads a value off.
  tapped(at) {
    this.point(at);
    this.lead();
    this.draw();
  }

  click(at) {
    if (this.data.mode === "click") this.component.setTriggerValue("click", { x: at.x, y: at.y });
  }

  // Cover the disc at a pixel, and those on the way there: a fast pointer reports only a few places.
  paint(to, from) {
    if (to) {
      const start = from ?? to;
      const steps = Math.max(1, Math.ceil(Math.hypot(to.x - start.x, to.y - start.y) / Math.max(1, this.data.brush / 2)));
      for (let i = 0; i <= steps; i++)
        this.dab(Math.round(start.x + ((to.x - start.x) * i) / steps), Math.round(start.y + ((to.y - start.y) * i) / steps));
      this.covered = null;
    }
    this.draw();
  }

  dab(cx, cy) {
    const { width, height, brush } = this.data;
    for (let y = Math.max(0, cy - brush); y <= Math.min(height - 1, cy + brush); y++)
      for (let x = Math.max(0, cx - brush); x <= Math.min(width - 1, cx + brush); x++)
        if ((x - cx) ** 2 + (y - cy) ** 2 <= brush * brush) this.strokes[y * width + x] = 1;
  }

  // The mask as lengths of runs, beginning with a run of zeros: a few dozen numbers in place of thousands of pixels.
  send() {
    const runs = [];
    let value = 0;
    let length = 0;
    for (const pixel of this.strokes) {
      if (pixel === value) length += 1;
      else {
        runs.push(length);
        value = pixel;
        length = 1;
      }
    }
    runs.push(length);
    this.component.setTriggerValue("mask", runs);
  }

  // The picture as it is shown, with title and legend beneath, as a file.
  save() {
    const margin = this.data.map ? 76 : 30;
    const width = Math.max(480, this.canvas.width);
    const height = Math.round((width * this.canvas.height) / this.canvas.width);
    const sheet = document.createElement("canvas");
    sheet.width = width;
    sheet.height = height + margin;
    const context = sheet.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.imageSmoothingEnabled = false;
    const { cursor, data } = this;
    this.cursor = null; // what is pointed at and selected is no part of the picture
    this.data = { ...data, box: null, parts: null };
    this.draw();
    context.drawImage(this.canvas, 0, 0, width, height);
    this.cursor = cursor;
    this.data = data;
    this.draw();
    context.fillStyle = "black";
    context.font = "15px sans-serif";
    context.fillText(this.data.label, 4, height + 20, width - 8);
    if (this.data.map) {
      context.drawImage(this.legend, 4, height + 30, width - 8, 16);
      for (const [name, align, x] of [["low", "left", 4], ["zero", "center", width / 2], ["high", "right", width - 4]]) {
        context.textAlign = align;
        const unit = name === "high" && this.data.unit ? `\u00a0${this.data.unit}` : "";
        context.fillText(this.root.querySelector(`.${name}`).textContent + unit, x, height + 64);
      }
    }
    const link = document.createElement("a");
    link.download = `${this.data.key}.png`;
    link.href = sheet.toDataURL("image/png");
    link.click();
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey && this.view.scale === 1 && event.deltaY > 0) return; // let the page scroll
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.canvas && this.root.activeElement !== this.canvas)
      return;
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    this.zoom(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  // Zoom by a factor about the point (px, py) of the canvas, both in [0,1]; factor 0 shows the whole picture.
  zoom(factor, px, py) {
    if (factor === 0) return this.look(WHOLE);
    const scale = Math.max(1, Math.min(16, this.view.scale * factor));
    const keep = (centre, p) => centre + (p - 0.5) / this.view.scale - (p - 0.5) / scale;
    this.look({ scale, x: keep(this.view.x, px), y: keep(this.view.y, py) });
  }

  keep(view) {
    this.view = view;
    views[`${this.data.group} ${this.data.subject}`] = view;
  }

  look(view) {
    const edge = 0.5 / view.scale;
    const clamp = (value) => Math.max(edge, Math.min(1 - edge, value));
    this.keep({ scale: view.scale, x: clamp(view.x), y: clamp(view.y) });
    this.draw();
    this.tell({ view: this.view });
  }

  key(event) {
    const step = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      const at = this.cursor ?? { x: Math.floor(this.data.width / 2), y: Math.floor(this.data.height / 2) };
      this.keyboard = true;
      this.point({
        x: Math.max(0, Math.min(this.data.width - 1, at.x + dx)),
        y: Math.max(0, Math.min(this.data.height - 1, at.y + dy)),
      });
      this.lead();
      this.draw();
    } else if (event.key === "+" || event.key === "=") this.zoom(1.5, 0.5, 0.5);
    else if (event.key === "-") this.zoom(1 / 1.5, 0.5, 0.5);
    else if (event.key === "0") this.zoom(0, 0.5, 0.5);
    else if ((event.key === "Enter" || event.key === " ") && this.cursor) {
      if (this.data.mode === "brush") {
        this.paint(this.cursor);
        this.send();
      } else this.click(this.cursor);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default function (component) {
  const root = component.parentElement;
  root.viewer ??= new Viewer(root); // the root outlives new data, and with it zoom, opacity and cursor
  const mounted = unpack(component.data);
  root.viewer.show(mounted, component);
  root.viewer.fed({ detail: mounted.key });
  return () => {
    root.viewer?.close();
    root.viewer = null;
  };
}
