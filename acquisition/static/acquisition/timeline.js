// Choosing many pieces at once: shift-click and the keyboard. Without it, every box is ticked by itself.
(function () {
  "use strict";

  const form = document.getElementById("pieces");
  if (!form) return;
  const boxes = Array.from(form.querySelectorAll('input[name="id"]'));
  const all = document.getElementById("all");
  const chosen = document.getElementById("chosen");
  const total = all ? all.parentElement.textContent.replace(/\D/g, "") : "";
  let anchor = null;

  function tell() {
    const count = boxes.filter((box) => box.checked).length;
    chosen.hidden = !count && !all.checked;
    chosen.textContent = all.checked ? "All " + total + " are chosen." : count + (count === 1 ? " is chosen." : " are chosen.");
    for (const box of boxes) box.disabled = all.checked;
  }

  function chooseTo(box, checked) {
    const ends = [boxes.indexOf(anchor || box), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const other of boxes.slice(ends[0], ends[1] + 1)) other.checked = checked;
    tell();
  }

  form.querySelector(".keys").hidden = false;
  form.addEventListener("click", (event) => {
    // a label passes its click on to its box, without the key that was held
    const label = event.target.closest("label.when");
    if (label && event.shiftKey) {
      event.preventDefault();
      document.getSelection().removeAllRanges();
      chooseTo(label.control, true);
      anchor = label.control;
      anchor.focus();
      return;
    }
    const box = event.target;
    if (box.name !== "id") return;
    if (event.shiftKey && anchor) chooseTo(box, box.checked);
    anchor = box;
  });
  form.addEventListener("change", tell);
  form.addEventListener("keydown", (event) => {
    const box = event.target;
    if (box.name !== "id") return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = boxes[boxes.indexOf(box) + step];
      event.preventDefault();
      if (!next) return;
      next.focus();
      if (event.shiftKey) {
        anchor = anchor || box;
        box.checked = true;
        next.checked = true;
        tell();
      } else {
        anchor = next;
      }
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      for (const other of boxes) other.checked = true;
      tell();
    } else if (event.key === "Escape") {
      for (const other of boxes) other.checked = false;
      tell();
    }
  });
  // a browser that comes back to the page has kept the ticks
  tell();
})();
