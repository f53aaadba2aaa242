// Many people, scenes or faces at once, and by keyboard. Whatever is done here is done by pressing a button of the page, which works
// without this script, too. The page answers with itself, and takes the place of what is shown (htmx); pictures stay where they are.
(function () {
  "use strict";

  const OFF = "review-keys-off";
  // in the place of ids: all that the page's other pages show, too
  const EVERYWHERE = ["everywhere"];
  // a deed under way: what it is about; deeds that were asked for meanwhile
  let acted = null;
  const waiting = [];
  // where a range begins; the item that is seen from near
  let anchor = null;
  let near = null;

  const region = () => document.getElementById("review");
  const bulk = () => document.getElementById("bulk");
  const items = () => (region() ? Array.from(region().querySelectorAll("[data-item]")) : []);
  const box = (item) => item.querySelector("input[data-pick]");
  const chosen = () => items().filter((item) => box(item) && box(item).checked);
  const everywhere = () => bulk() && bulk().querySelector("[data-everywhere]");
  const current = () => near || (document.activeElement && document.activeElement.closest("#review [data-item]"));
  const byId = (id) => document.getElementById(id);

  function say(text) {
    const spoken = byId("spoken");
    if (spoken) spoken.textContent = text;
  }

  function update() {
    const all = items().filter(box);
    const count = chosen().length;
    items().forEach((item) => item.classList.toggle("chosen", Boolean(box(item) && box(item).checked)));
    if (!bulk()) return;
    const onEveryPage = Boolean(everywhere() && everywhere().checked);
    const everything = bulk().querySelector("[data-all]");
    everything.checked = count > 0 && count === all.length;
    everything.indeterminate = count > 0 && count < all.length;
    const words = `${count} ${count === 1 ? bulk().dataset.one : bulk().dataset.many} chosen`;
    bulk().querySelector("[data-count]").textContent = count ? words : "Choose all on this page";
    bulk().querySelector("[data-deeds]").hidden = count === 0 && !onEveryPage;
  }

  // what the page is given anew after every deed
  function dress() {
    document.querySelectorAll("[data-script]").forEach((element) => (element.hidden = false));
    const list = items();
    if (list.length && !list.some((item) => item.tabIndex === 0)) list[0].tabIndex = 0;
    update();
  }

  function focus(item, scroll) {
    if (!item) return;
    items().forEach((other) => (other.tabIndex = -1));
    item.tabIndex = 0;
    if (near) return look(item);
    item.focus({ preventScroll: true });
    if (scroll) item.scrollIntoView({ block: "nearest" });
  }

  function pick(item, on) {
    if (item && box(item)) box(item).checked = on;
  }

  function range(from, to, on) {
    const list = items();
    const [first, last] = [list.indexOf(from), list.indexOf(to)].sort((a, b) => a - b);
    if (first >= 0) list.slice(first, last + 1).forEach((item) => pick(item, on));
  }

  function chose() {
    update();
    const count = chosen().length;
    say(count ? bulk().querySelector("[data-count]").textContent : "none chosen");
  }

  // the neighbour in a direction: 1 and -1 in order, "down" and "up" as they lie on the page
  function neighbour(item, direction) {
    const list = items();
    const place = list.indexOf(item);
    if (typeof direction === "number") return list[place + direction];
    const here = item.getBoundingClientRect();
    const ahead = direction === "down" ? list.slice(place + 1) : list.slice(0, place).reverse();
    const first = ahead.find((other) => Math.abs(other.getBoundingClientRect().top - here.top) > here.height / 2);
    if (!first) return undefined;
    const row = first.getBoundingClientRect().top;
    const off = (other) => Math.abs(other.getBoundingClientRect().left - here.left);
    return ahead
      .filter((other) => Math.abs(other.getBoundingClientRect().top - row) < 4)
      .reduce((best, other) => (off(other) < off(best) ? other : best), first);
  }

  function go(direction, extend) {
    const from = current();
    if (!from) {
      // the first that can be seen
      return focus(items().find((item) => item.getBoundingClientRect().bottom > 0), true);
    }
    const to = neighbour(from, direction);
    if (!to) return;
    if (extend) {
      anchor = anchor && byId(anchor) ? anchor : from.id;
      range(byId(anchor), from, false);
      range(byId(anchor), to, true);
      chose();
    }
    focus(to, true);
  }

  function press(key, ids) {
    if (acted) {
      waiting.push([key, ids]);
      return;
    }
    const button = region().querySelector(`[data-key="${key}"]`);
    if (!button) return next();
    if (button.form === bulk() && ids !== EVERYWHERE) {
      if (everywhere()) everywhere().checked = false;
      items().forEach((item) => pick(item, ids.includes(item.id)));
      update();
      if (!chosen().length) return next();
    }
    button.click();
  }

  function next() {
    if (waiting.length) press(...waiting.shift());
  }

  // what a key asks for: of those chosen, else of the one in focus, which then gives way to the next
  function act(key) {
    const button = region().querySelector(`[data-key="${key}"]`);
    if (!button) return;
    if (button.form !== bulk()) return press(key, []);
    if (!near && everywhere() && everywhere().checked) return press(key, EVERYWHERE);
    const item = current();
    const ids = near || !chosen().length ? (item ? [item.id] : []) : chosen().map((each) => each.id);
    if (!ids.some((id) => box(byId(id)))) return say("Nothing is chosen of which this can be said.");
    if (item && ids.includes(item.id)) {
      const list = items();
      const after = list.slice(list.indexOf(item)).concat(list.slice(0, list.indexOf(item)).reverse());
      focus(after.find((other) => !ids.includes(other.id)), true);
    }
    press(key, ids);
  }

  function look(item) {
    const link = item.querySelector("a[data-open]");
    if (!link) return;
    if (!region().hasAttribute("data-loupe")) return link.click();
    near = item;
    window.htmx.ajax("GET", link.href, { target: "#loupe-content", select: "#face", swap: "innerHTML" }).then(() => {
      if (!near || byId("loupe").open) return;
      byId("loupe").showModal();
      byId("loupe").focus();
    });
  }

  function keysAreOff() {
    try {
      return localStorage.getItem(OFF) === "1";
    } catch {
      return false;
    }
  }

  function showKeys() {
    byId("keys").querySelector("[data-keys-on]").checked = !keysAreOff();
    byId("keys").showModal();
  }

  const DIRECTIONS = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1, ArrowDown: "down", ArrowUp: "up" };

  document.addEventListener("keydown", function (event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const target = event.target;
    const chord = (event.ctrlKey || event.metaKey) && !event.shiftKey && key === "z";
    if (!region() || event.defaultPrevented || keysAreOff() || ((event.ctrlKey || event.metaKey || event.altKey) && !chord)) return;
    if (target.closest("select, textarea, input:not([type=checkbox]), [contenteditable]") || byId("keys").open) return;
    const plain = !target.closest("a, button, summary, input");
    if (key in DIRECTIONS) {
      const direction = near && DIRECTIONS[key] === "down" ? 1 : near && DIRECTIONS[key] === "up" ? -1 : DIRECTIONS[key];
      go(direction, event.shiftKey && !near && key.startsWith("Arrow"));
    } else if (key === "?") showKeys();
    else if (key === "Escape" && !near && chosen().length) {
      items().forEach((item) => pick(item, false));
      chose();
    } else if ((key === "x" || (key === " " && plain)) && current() && box(current()) && !near) {
      pick(current(), !box(current()).checked);
      anchor = current().id;
      chose();
    } else if (key === "Enter" && plain && current() && !near) look(current());
    else if (chord || (/^[a-z]$/.test(key) && region().querySelector(`[data-key="${key}"]`))) act(key);
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", function (event) {
    const target = event.target;
    if (!region()) return;
    if (target.closest("[data-show-keys]")) showKeys();
    const opens = target.closest("#review[data-loupe] a[data-open]");
    if (opens && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      look(opens.closest("[data-item]"));
    }
    const decides = near && target.closest("#loupe [data-key]");
    if (decides) {
      event.preventDefault();
      press(decides.dataset.key, [near.id]);
    }
    const item = target.closest("#review [data-item]");
    const ticks = target.closest("input[data-pick]");
    if (!item || !box(item) || (!ticks && target.closest("a, button, input, label, summary"))) return;
    if (!ticks) pick(item, !box(item).checked);
    if (event.shiftKey && anchor && byId(anchor)) range(byId(anchor), item, box(item).checked);
    anchor = item.id;
    if (!ticks) focus(item, false);
    chose();
  });

  // a range of cards is no piece of text
  document.addEventListener("mousedown", function (event) {
    if (event.shiftKey && event.target.closest("#review [data-item]")) event.preventDefault();
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-all]")) {
      items().forEach((item) => pick(item, event.target.checked));
      chose();
    } else if (event.target.matches("[data-everywhere]")) {
      items().forEach((item) => pick(item, event.target.checked));
      update();
      say(event.target.checked ? `${event.target.parentElement.textContent.trim()} chosen` : "none chosen");
    } else if (event.target.matches("[data-keys-on]")) {
      try {
        localStorage.setItem(OFF, event.target.checked ? "0" : "1");
      } catch {
        say("This browser does not remember it.");
      }
    }
  });

  // htmx does not see a button that lies outside of its form
  document.addEventListener("htmx:configRequest", function (event) {
    const button = event.detail.triggeringEvent && event.detail.triggeringEvent.submitter;
    if (button && button.name) event.detail.parameters[button.name] = button.value;
  });

  document.addEventListener("htmx:beforeRequest", function (event) {
    if (!event.target.closest("#review")) return;
    if (acted) return event.preventDefault();
    // a button of a single face leaves the others chosen
    const alone = event.detail.requestConfig.parameters.one;
    acted = [];
    if (event.detail.elt === bulk() && !alone) {
      // they are on their way; what is chosen from now on is for the next deed
      acted = chosen();
      acted.forEach((item) => pick(item, false));
      update();
    }
  });

  let kept = [];
  let place = null;
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target !== region()) return;
    kept = chosen().map((item) => item.id);
    const item = current();
    place = item && { id: item.id, at: items().indexOf(item), near: Boolean(near) };
  });

  document.addEventListener("htmx:afterSettle", function (event) {
    if (event.target.id !== "review") return;
    kept.forEach((id) => byId(id) && pick(byId(id), true));
    dress();
    if (place) {
      const item = byId(place.id) || items()[Math.min(place.at, items().length - 1)];
      near = place.near ? item || null : null;
      if (item) focus(item, false);
    }
    const told = document.querySelector("#messages .notice") || byId("deed");
    if (told) say(told.textContent.trim());
    ended();
  });

  function ended() {
    acted = null;
    next();
  }

  function failed() {
    if (!acted) return;
    acted.forEach((item) => pick(item, true));
    waiting.length = 0;
    const notice = document.createElement("p");
    notice.className = "notice error";
    notice.textContent = "This could not be done. Load the page anew and try again.";
    byId("messages").replaceChildren(notice);
    acted = null;
    update();
  }

  ["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, failed));

  document.addEventListener("DOMContentLoaded", function () {
    dress();
    const loupe = byId("loupe");
    if (loupe) {
      loupe.addEventListener("close", function () {
        const item = near && byId(near.id);
        near = null;
        focus(item, true);
      });
    }
  });
})();
