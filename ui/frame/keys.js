// The keys of a presentation. Those that only show or hide something are answered here; the others are told to the page.

const TOLD = {
  ArrowRight: "forth", PageDown: "forth", ArrowLeft: "back", PageUp: "back", Escape: "leave",
  "]": "class:1", "[": "class:-1", "+": "slider:1", "-": "slider:-1",
};
const SHOWN = { f: "data-vz-alone", r: "data-vz-hidden", h: "data-vz-read", q: "data-vz-qr" };

export default function ({ data, parentElement, setTriggerValue }) {
  const html = document.documentElement;
  const help = parentElement.querySelector("dialog");
  help.setAttribute("aria-label", data.title);
  help.querySelector("h2").textContent = data.title;
  help.querySelector("dl").replaceChildren(
    ...data.keys.flatMap(([keys, meaning]) => {
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = keys;
      text.textContent = meaning;
      return [term, text];
    }),
  );
  if (html.dataset.vzStep !== data.step) for (const name of Object.values(SHOWN)) html.removeAttribute(name);
  html.dataset.vzStep = data.step;

  const listen = (event) => {
    const busy = event.composedPath()[0];
    if (event.altKey || event.ctrlKey || event.metaKey || busy.isContentEditable) return;
    if (["INPUT", "TEXTAREA", "SELECT", "CANVAS"].includes(busy.tagName)) return;
    if (busy.getAttribute?.("role") === "slider") return;
    const key = event.key;
    if (key === "?") help.open ? help.close() : help.showModal();
    else if (help.open) return; // Escape closes it, the browser sees to that
    else if (key.toLowerCase() in SHOWN) {
      // Revealing what is still to come is the next step.
      if (key.toLowerCase() === "r" && html.dataset.vzStep === "before") setTriggerValue("key", "forth");
      else html.toggleAttribute(SHOWN[key.toLowerCase()]);
    } else if (/^[1-9]$/.test(key)) setTriggerValue("key", `scene:${key}`);
    else if (key in TOLD) setTriggerValue("key", TOLD[key]);
    else return;
    event.preventDefault();
  };
  // This runs at every update of the page, and an older listener would answer, too.
  parentElement.quiet?.();
  window.addEventListener("keydown", listen);
  parentElement.quiet = () => window.removeEventListener("keydown", listen);
  return () => {
    parentElement.quiet();
    delete html.dataset.vzStep;
    for (const name of Object.values(SHOWN)) html.removeAttribute(name);
  };
}
