// Reads a consent aloud, and records how somebody says it; what was recorded is sent by the page's own form.
(function () {
  "use strict";

  const LONGEST_S = 300;
  const KINDS = ["video/webm;codecs=vp8,opus", "video/mp4", "video/webm"];
  const byId = (id) => document.getElementById(id);
  const camera = byId("camera");
  const start = byId("start");
  const again = byId("again");
  const input = document.querySelector("input[name=recording]");
  let stream = null;
  let recorder = null;
  let clock = 0;

  function tell(words) {
    byId("told").textContent = words;
  }

  if ("speechSynthesis" in window) {
    const read = byId("read");
    read.hidden = false;
    read.addEventListener("click", function () {
      window.speechSynthesis.cancel();
      const words = byId("said").innerText + ". " + byId("phrase").innerText + ".";
      const spoken = new SpeechSynthesisUtterance(words);
      spoken.lang = document.documentElement.lang;
      spoken.rate = 0.85;
      window.speechSynthesis.speak(spoken);
    });
  }

  if (!navigator.mediaDevices || !window.MediaRecorder) return;
  byId("recorder").hidden = false;

  async function switchOn() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { facingMode: "user", width: { ideal: 1280 } } });
    } catch (error) {
      tell("The camera or the microphone cannot be used. Allow both for this page, or choose a film below.");
      return;
    }
    camera.srcObject = stream;
    camera.muted = true;
    await camera.play();
    start.textContent = "Begin to record";
    tell("Look into the camera. Begin when you are ready.");
  }

  function begin() {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one));
    const pieces = [];
    recorder = new MediaRecorder(stream, kind ? { mimeType: kind, videoBitsPerSecond: 2e6 } : {});
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => keep(new Blob(pieces, { type: recorder.mimeType })));
    recorder.start(1000);
    let seconds = 0;
    tell("It is being recorded. Say the words, then the phrase.");
    clock = window.setInterval(function () {
      seconds += 1;
      if (seconds >= LONGEST_S) recorder.stop();
    }, 1000);
    start.textContent = "Stop: I have said it";
  }

  function keep(film) {
    window.clearInterval(clock);
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
    const ending = film.type.startsWith("video/mp4") ? "mp4" : "webm";
    const files = new DataTransfer();
    files.items.add(new File([film], "statement." + ending, { type: film.type }));
    input.files = files.files;
    camera.srcObject = null;
    camera.src = URL.createObjectURL(film);
    camera.muted = false;
    camera.controls = true;
    start.hidden = true;
    again.hidden = false;
    tell("Recorded. Watch it, then send it or record it again.");
    byId("send").focus();
  }

  start.addEventListener("click", function () {
    if (!stream) return switchOn();
    if (recorder && recorder.state === "recording") return recorder.stop();
    begin();
  });

  again.addEventListener("click", function () {
    URL.revokeObjectURL(camera.src);
    camera.removeAttribute("src");
    camera.controls = false;
    recorder = null;
    input.value = "";
    again.hidden = true;
    start.hidden = false;
    start.textContent = "Switch the camera on";
    switchOn();
  });
})();
