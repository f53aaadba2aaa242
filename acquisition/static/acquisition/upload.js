// Sends files through tus: several at once, each with its progress; a file that was broken off goes on where it was.
(function () {
  "use strict";

  const AT_ONCE = 2;
  const CHUNK = 32 * 2 ** 20;
  const BADGES = { waiting: "queued", sending: "running", paused: "wait", stopped: "bad", failed: "failed", arrived: "done" };
  const page = document.getElementById("sender");
  if (!page) return;
  const stage = document.getElementById("stage");
  const drop = document.getElementById("drop");
  const input = document.getElementById("files");
  const list = document.getElementById("sendings");
  const token = page.querySelector("[name=csrfmiddlewaretoken]").value;
  const sendings = [];
  // what is sent from one visit to this page belongs together; crypto.randomUUID is there on secure pages only
  const batch = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // as the server writes sizes
  function inWords(bytes) {
    if (bytes < 2 ** 20) return (bytes / 2 ** 10).toFixed(1) + "\u00a0KB";
    if (bytes < 2 ** 30) return (bytes / 2 ** 20).toFixed(1) + "\u00a0MB";
    return (bytes / 2 ** 30).toFixed(1) + "\u00a0GB";
  }

  function say(words) {
    document.getElementById("spoken").textContent = words;
  }

  // the server answers a refusal with one sentence in plain text; what stands between may answer with a page
  function sentenceOf(error) {
    const response = error.originalResponse;
    if (!response || !response.getStatus()) return "The server cannot be reached. What has arrived is kept; go on once you are connected.";
    if ((response.getHeader("Content-Type") || "").startsWith("text/plain")) return response.getBody();
    if (response.getStatus() === 403) return "This page has become too old: load it again, then choose the file again.";
    return "Something went wrong on the server (" + response.getStatus() + "). What has arrived is kept; go on in a while.";
  }

  function statusOf(error) {
    return error.originalResponse ? error.originalResponse.getStatus() : 0;
  }

  // refused for good: sending the rest would not help
  function isFinal(status) {
    return [400, 403, 404, 413, 422].includes(status);
  }

  function forgetUnfinished(address) {
    const path = new URL(address, location.href).pathname;
    for (const row of document.querySelectorAll("[data-upload]")) {
      if (row.dataset.upload === path) row.remove();
    }
    const section = document.getElementById("unfinished");
    if (section && !section.querySelector("[data-upload]")) section.remove();
  }

  class Sending {
    constructor(file, folder) {
      this.file = file;
      this.folder = folder;
      this.row = document.getElementById("sending").content.firstElementChild.cloneNode(true);
      this.row.querySelector(".name").textContent = file.name;
      this.progress = this.row.querySelector("progress");
      this.progress.setAttribute("aria-label", "How much of " + file.name + " has arrived");
      for (const act of ["pause", "go-on", "cancel"]) {
        const button = this.button(act);
        button.setAttribute("aria-label", button.textContent + ": " + file.name);
      }
      this.button("pause").addEventListener("click", () => this.pause());
      this.button("go-on").addEventListener("click", () => this.ready());
      this.button("cancel").addEventListener("click", () => this.cancel());
      this.show(0);
      this.upload = this.makeUpload(stage.value);
      list.append(this.row);
    }

    button(act) {
      return this.row.querySelector('[data-act="' + act + '"]');
    }

    makeUpload(stageId) {
      const vault = page.dataset.vault;
      return new tus.Upload(this.file, {
        endpoint: page.dataset.endpoint,
        chunkSize: CHUNK,
        // together longer than a connection that has died may hold the file
        retryDelays: [0, 1000, 3000, 5000, 10000, 20000],
        headers: { "X-CSRFToken": token },
        metadata: { filename: this.file.name, folder: this.folder, batch: batch, vault: vault, life_stage: stageId },
        removeFingerprintOnSuccess: true,
        fingerprint: (file) => Promise.resolve(["twinvault", vault, stageId, this.folder, file.name, file.size, file.lastModified].join("|")),
        onShouldRetry: (error) => {
          const status = statusOf(error);
          return status === 0 || status === 409 || status === 423 || (status >= 500 && status !== 507);
        },
        onUploadUrlAvailable: () => forgetUnfinished(this.upload.url),
        onProgress: (sent) => this.show(sent),
        onSuccess: ({ lastResponse }) => this.arrived(lastResponse.getHeader("TwinVault-Footage"), lastResponse.getHeader("TwinVault-Said")),
        onError: (error) => this.failed(error),
      });
    }

    become(state, words) {
      this.state = state;
      this.row.className = "sending card " + state;
      const badge = this.row.querySelector(".state");
      badge.className = "badge state " + BADGES[state];
      badge.textContent = words;
      this.button("pause").hidden = state !== "waiting" && state !== "sending";
      this.button("go-on").hidden = state !== "paused" && state !== "stopped";
      this.button("cancel").hidden = state === "arrived";
      if (state !== "sending") say(this.file.name + ": " + words);
    }

    explain(sentence) {
      const place = this.row.querySelector(".sentence");
      place.textContent = sentence;
      place.hidden = !sentence;
    }

    show(sent) {
      this.progress.value = this.file.size ? sent / this.file.size : 0;
      this.row.querySelector(".amount").textContent = inWords(sent) + " of " + inWords(this.file.size);
    }

    ready() {
      this.explain("");
      this.become("waiting", "waiting");
      sendNext();
    }

    async start() {
      this.become("sending", "on its way");
      if (!this.upload.url) {
        const earlier = await this.upload.findPreviousUploads();
        if (earlier.length) this.upload.resumeFromPreviousUpload(earlier[0]);
      }
      if (this.state === "sending") this.upload.start();
    }

    pause() {
      this.become("paused", "paused");
      this.upload.abort();
      sendNext();
    }

    async cancel() {
      const begun = this.upload.url && this.state !== "failed";
      this.become("failed", "cancelled");
      try {
        await this.upload.abort(Boolean(begun));
      } catch (error) {
        this.become("stopped", "not cancelled");
        this.explain(sentenceOf(error));
        return;
      }
      sendings.splice(sendings.indexOf(this), 1);
      this.row.remove();
      input.focus();
      sendNext();
    }

    arrived(footage, said) {
      this.show(this.file.size);
      this.become("arrived", said ? "read" : "arrived");
      // of a file that only says when others were filmed
      if (said) this.explain(decodeURIComponent(said));
      sendNext();
      document.body.dispatchEvent(new Event("footage-arrived"));
      const place = this.row.querySelector(".sent");
      // the page has told about a lost connection already; the footage is in the list below all the same
      if (footage) htmx.ajax("GET", footage + "job/", { target: place, swap: "innerHTML" }).catch(() => undefined);
    }

    failed(error) {
      const final = isFinal(statusOf(error));
      this.become(final ? "failed" : "stopped", final ? "not taken in" : "stopped");
      this.explain(sentenceOf(error));
      say(this.file.name + ": " + sentenceOf(error));
      if (final) this.button("cancel").textContent = "Remove from this list";
      // a refused upload is of no use to a later visit either
      if (statusOf(error) === 422) this.upload.abort(true).catch(() => undefined);
      sendNext();
    }
  }

  function sendNext() {
    let free = AT_ONCE - sendings.filter((sending) => sending.state === "sending").length;
    for (const sending of sendings) {
      if (free <= 0) return;
      if (sending.state === "waiting") {
        sending.start();
        free -= 1;
      }
    }
  }

  // "Holiday/IMG_1.jpg" lies in "Holiday"
  function folderOf(path) {
    return path.split("/").slice(0, -1).join("/");
  }

  // [file, folder] of all that was dropped, also of what lies in folders
  async function unfold(entry) {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      return [[file, folderOf(entry.fullPath.slice(1))]];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      // a hundred at a time, and none once there are no more
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return found;
      for (const inner of some) found.push(...(await unfold(inner)));
    }
  }

  function take(files) {
    for (const [file, folder] of files) {
      if (file.name.startsWith(".")) continue;
      const sending = new Sending(file, folder);
      sendings.push(sending);
      sending.become("waiting", "waiting");
    }
    sendNext();
  }

  input.addEventListener("change", () => {
    take(Array.from(input.files, (file) => [file, folderOf(file.webkitRelativePath || "")]));
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    drop.addEventListener(kind, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    // asked for at once: the list is empty after the event
    const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const files = Array.from(event.dataTransfer.files, (file) => [file, ""]);
    if (!entries.length) take(files);
    for (const entry of entries) {
      unfold(entry)
        .then(take)
        .catch(() => say("The folder " + entry.name + " cannot be read: choose its files instead."));
    }
  });
  // a file that misses the place would otherwise replace the page
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

  window.addEventListener("beforeunload", (event) => {
    if (sendings.some((sending) => sending.state === "sending")) event.preventDefault();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-discard]");
    if (!button) return;
    button.disabled = true;
    const address = button.dataset.discard;
    const answer = await fetch(address, { method: "DELETE", headers: { "X-CSRFToken": token, "Tus-Resumable": "1.0.0" } });
    if (answer.ok || answer.status === 404) {
      forgetUnfinished(address);
      say("Discarded.");
    } else {
      button.disabled = false;
      say(await answer.text());
    }
  });
})();
