// The head of a page in one line: the picture, and the classes with their probabilities, each a button that asks for
// its explanation. Opened, the picture is large and the classes stand beneath each other; that asks the server nothing.

class Strip {
  constructor(root) {
    this.root = root;
    this.picture = root.querySelector("button.picture");
    this.classes = root.querySelector(".classes");
    this.picture.addEventListener("click", () => this.open(!root.classList.contains("open")));
  }

  open(wide) {
    this.root.classList.toggle("open", wide);
    this.picture.setAttribute("aria-expanded", String(wide));
    this.picture.title = wide ? this.data.texts.close : this.data.texts.open;
  }

  show(data, explain) {
    this.data = data;
    const image = this.picture.querySelector("img");
    if (image.getAttribute("src") !== data.picture) image.src = data.picture;
    image.alt = data.caption;
    this.root.querySelector(".caption").textContent = data.caption;
    this.root.querySelector(".title").textContent = data.texts.title;
    this.classes.setAttribute("aria-label", data.texts.title);
    this.open(this.root.classList.contains("open"));
    while (this.classes.children.length > data.rows.length) this.classes.lastChild.remove();
    data.rows.forEach((row, number) => this.row(row, number, explain));
    this.root.style.visibility = "visible"; // not before its buttons have names
  }

  row(row, number, explain) {
    let button = this.classes.children[number];
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      for (const part of ["name", "value", "track"]) button.append(this.part(part));
      button.lastChild.append(this.part("bar"));
      this.classes.append(button);
    }
    button.querySelector(".name").textContent = row.name;
    button.querySelector(".value").textContent = row.value;
    button.querySelector(".bar").style.width = `${100 * row.share}%`;
    button.classList.toggle("chosen", row.chosen);
    button.setAttribute("aria-pressed", String(row.chosen));
    button.title = row.tip;
    button.onclick = () => explain(row.index);
  }

  part(name) {
    const part = document.createElement("span");
    part.className = name;
    return part;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  (root.strip ??= new Strip(root)).show(data, (index) => setTriggerValue("explain", index));
}
