// Bars of the parts of a picture. A part that is pointed at lights up here and in the group's viewers, whichever of
// them is pointed at, and so does its curve where a chart of the page has one of its name.

const CHANNEL = "vizcore-view";

class Bars {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".bars");
    this.status = root.querySelector(".status");
    this.lit = null;
    const under = (event) => event.target.closest?.("[data-part]");
    const number = (bar) => (bar ? Number(bar.dataset.part) : null);
    this.list.addEventListener("pointerover", (event) => this.choose(number(under(event))));
    this.list.addEventListener("pointerleave", () => this.choose(null));
    this.list.addEventListener("blur", () => this.choose(null));
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.heard = ({ detail }) => {
      if (detail.from !== this && detail.group === this.data?.group && "part" in detail) this.light(detail.part);
    };
    this.legend = (event) => this.named(event.target.closest?.(".js-plotly-plot .legend .traces"));
    window.addEventListener(CHANNEL, this.heard);
    document.addEventListener("pointerover", this.legend);
  }

  close() {
    window.removeEventListener(CHANNEL, this.heard);
    document.removeEventListener("pointerover", this.legend);
  }

  show(data) {
    this.data = data;
    const errors = data.errors ?? data.values.map(() => 0);
    const high = Math.max(0, ...data.values.map((value, i) => value + errors[i]));
    const low = Math.min(0, ...data.values.map((value, i) => value - errors[i]));
    const span = high - low || 1;
    this.list.setAttribute("aria-label", data.label);
    this.list.setAttribute("aria-valuemax", data.numbers.length);
    this.list.replaceChildren(
      ...data.values.map((value, i) => {
        const [cell, bar] = [document.createElement("div"), document.createElement("i")];
        cell.dataset.part = data.numbers[i];
        bar.style.top = `${(100 * (high - Math.max(0, value))) / span}%`;
        bar.style.height = `${(100 * Math.abs(value)) / span}%`;
        bar.style.background = data.colours[value < 0 ? 0 : 1];
        cell.append(bar);
        if (errors[i] > 0) {
          const line = document.createElement("b");
          line.style.top = `${(100 * (high - data.values[i] - errors[i])) / span}%`;
          line.style.height = `${(200 * errors[i]) / span}%`;
          cell.append(line);
        }
        return cell;
      }),
    );
    this.light(data.numbers.includes(this.lit) ? this.lit : null);
  }

  said(i) {
    const value = digits(this.data.values[i], this.data.mark);
    const signed = this.data.values.some((one) => one < 0); // lengths have no sign
    const error = this.data.errors ? ` ± ${digits(this.data.errors[i], this.data.mark).replace("+", "")}` : "";
    return `${this.data.part.replace("{n}", this.data.numbers[i])}: ${signed ? value : value.replace("+", "")}${error}`;
  }

  choose(part) {
    if (part === this.lit) return;
    this.light(part);
    window.dispatchEvent(new CustomEvent(CHANNEL, { detail: { from: this, group: this.data.group, part } }));
  }

  light(part) {
    this.lit = part;
    const i = part === null ? -1 : this.data.numbers.indexOf(part);
    for (const [k, cell] of [...this.list.children].entries()) cell.classList.toggle("lit", k === i);
    const said = i < 0 ? this.data.label : this.said(i);
    this.list.setAttribute("aria-valuenow", Math.max(1, i + 1));
    this.list.setAttribute("aria-valuetext", said);
    this.status.textContent = said;
    this.curves(part);
  }

  // The curve of a part in the page's charts: the others fade.
  curves(part) {
    if (!this.data.curve) return;
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
      const lines = plot.querySelectorAll(".scatterlayer > .trace");
      const names = (plot.data ?? []).map((trace) => trace.name);
      const at = part === null ? -1 : names.indexOf(this.curve(part));
      if (!names.some((name) => this.partOf(name) !== null)) continue;
      for (const [k, line] of lines.entries()) line.style.opacity = at < 0 || k === at ? "" : "0.15";
    }
  }

  curve(part) {
    return this.data.curve.replace("{n}", String(part).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]));
  }

  partOf(name) {
    return this.data.curve ? (this.data.numbers.find((part) => this.curve(part) === name) ?? null) : null;
  }

  named(entry) {
    const part = entry ? this.partOf(entry.textContent.trim()) : null;
    if (part !== null) {
      this.from = entry;
      this.choose(part);
    } else if (this.from) {
      this.from = null;
      this.choose(null);
    }
  }

  key(event) {
    const { numbers } = this.data;
    const at = this.lit === null ? -1 : numbers.indexOf(this.lit);
    const there = {
      ArrowRight: Math.min(at + 1, numbers.length - 1),
      ArrowLeft: Math.max(at - 1, 0),
      Home: 0,
      End: numbers.length - 1,
    }[event.key];
    if (there === undefined) return;
    this.choose(numbers[there]);
    event.preventDefault();
    event.stopPropagation();
  }
}

export default function ({ data, parentElement }) {
  parentElement.bars ??= new Bars(parentElement);
  parentElement.bars.show(data);
  return () => {
    parentElement.bars?.close();
    parentElement.bars = null;
  };
}
