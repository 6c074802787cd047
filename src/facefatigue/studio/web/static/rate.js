// The rater's page: one recording at a time; the next one is loaded while this one is judged.

import { get, post, plural, say, StudioError, t } from "/static/api.js";

const one = (id) => document.getElementById(id);
const form = one("word");
const look = matchMedia("(prefers-reduced-motion: reduce)");

let shown = null; // what is before the rater
let waiting = null; // the step to go on with, after feedback or going back
let ahead = null; // { media, video }: loading already
let busy = false;

const value = () => form.elements.value.value; // "" for "cannot judge", also while nothing is chosen
const isChosen = () => [...form.elements.value].some((radio) => radio.checked);

function tell(text) {
  one("status").textContent = text;
}

function open(part) {
  for (const id of ["desk", "feedback", "done", "waiting"]) one(id).hidden = id !== part;
  if (part !== "desk") one("player").querySelector("video")?.pause();
}

function makeVideo(media) {
  const video = document.createElement("video");
  video.src = media;
  video.preload = "auto";
  video.playsInline = true;
  video.controls = true;
  video.setAttribute("controlslist", "nodownload noremoteplayback");
  video.disablePictureInPicture = true;
  video.setAttribute("aria-label", t("rater.video"));
  return video;
}

function drop(video) {
  if (!video) return;
  video.pause();
  video.removeAttribute("src");
  video.load(); // lets go of what it holds of the network
  video.remove();
}

function play(media) {
  const player = one("player");
  const old = player.querySelector("video");
  if (old?.dataset.media === media) return; // after an error: the same one goes on
  const video = ahead?.media === media ? ahead.video : makeVideo(media);
  if (ahead?.media === media) ahead = null;
  video.dataset.media = media;
  one("video-problem").hidden = true;
  const fails = () => {
    if (!video.isConnected) return;
    // A broken line is no broken video: once it is back, this one is asked for again.
    if (video.error?.code === MediaError.MEDIA_ERR_NETWORK || !navigator.onLine) window.addEventListener("online", () => video.load(), { once: true });
    one("video-problem").hidden = false;
  };
  video.addEventListener("error", fails);
  video.addEventListener("loadeddata", () => {
    if (video.isConnected) one("video-problem").hidden = true;
  });
  drop(old);
  player.append(video);
  if (video.error) fails();
  // Browsers play sound by themselves only after a first click; until then the rater presses play.
  if (!look.matches) video.play().catch(() => {});
}

function load(next) {
  if (ahead && ahead.media !== next?.media) {
    drop(ahead.video);
    ahead = null;
  }
  if (next && !ahead && one("player").querySelector("video")?.dataset.media !== next.media) {
    ahead = { media: next.media, video: makeVideo(next.media) };
    ahead.video.load();
  }
}

function showProgress(progress) {
  one("progress-line").hidden = progress.total === 0;
  const text = t(progress.training ? "rater.progress_training" : "rater.progress", progress);
  const skipped = progress.skipped ? ` · ${plural("rater.skipped", progress.skipped)}` : "";
  one("progress-text").textContent = text + skipped;
  one("progress").max = Math.max(1, progress.total);
  one("progress").value = progress.done;
}

function fill(entry) {
  for (const radio of form.elements.value) radio.checked = entry.judged && radio.value === (entry.value === null ? "" : String(entry.value));
  for (const radio of form.elements.confidence) radio.checked = radio.value === String(entry.confidence);
  form.elements.note.value = entry.note;
  one("problem").hidden = true;
}

function show(step) {
  showProgress(step.progress);
  if (!step.shown) {
    shown = null;
    const before = !one("done").hidden; // it is looked again each minute
    open("done");
    if (!before) one("done-title").focus({ preventScroll: true });
    drop(one("player").querySelector("video"));
    load(null);
    return;
  }
  const isSame = shown?.assignment_id === step.shown.assignment_id;
  shown = step.shown;
  open("desk");
  if (!isSame) fill(shown);
  const again = shown.judged;
  one("training-notice").hidden = shown.kind !== "training";
  one("again-notice").hidden = !again;
  one("save").textContent = t(again ? "rater.save_change" : "rater.save");
  one("skip").hidden = again;
  one("back").textContent = t(again ? "rater.stay" : "rater.back");
  one("back").hidden = !again && (shown.kind === "training" || step.progress.done === 0);
  play(shown.media);
  load(step.ahead);
  const key = shown.kind === "training" ? "rater.place_training" : "rater.place";
  const number = again ? step.progress.done : step.progress.done + 1;
  one("place").textContent = t(key, { number, total: step.progress.total });
  if (!isSame) {
    one("place").focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }
}

function showFeedback(feedback) {
  const own = feedback.own;
  const points = Math.abs((own ?? 0) - feedback.value);
  const key = own === null ? "none" : points === 0 ? "same" : own > feedback.value ? "higher" : "lower";
  one("feedback-own").textContent = own ?? "–";
  one("feedback-value").textContent = feedback.value;
  one("feedback-words").textContent = t(`rater.feedback_${key}`, { points });
  one("feedback-note").textContent = feedback.note;
  one("feedback-note").hidden = !feedback.note;
  one("feedback-last").hidden = !feedback.last;
  open("feedback");
  one("feedback-title").focus();
}

/** Ask the studio; while it answers nothing else can be asked. A recording that is gone makes way for the next one. */
async function ask(act) {
  if (busy) return;
  busy = true;
  form.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    if (!(error instanceof StudioError)) console.error(error);
    const text = error instanceof StudioError ? error.message : t("error.unexpected");
    if (error.code === "assignment_gone" || error.code === "rating_final") {
      say(error.code === "assignment_gone" ? t("rater.gone") : text, "bad");
      waiting = null;
      await get("/api/rate/next").then(show, (again) => say(again.message, "bad"));
    } else if (one("desk").hidden) say(text, "bad");
    else {
      one("problem").textContent = text;
      one("problem").hidden = false;
    }
  } finally {
    busy = false;
    form.removeAttribute("aria-busy");
  }
}

const save = () =>
  ask(async () => {
    if (!isChosen()) {
      one("problem").textContent = t("rater.choose");
      one("problem").hidden = false;
      return;
    }
    const said = value();
    const step = await post(`/api/rate/${shown.assignment_id}`, {
      value: said === "" ? null : Number(said),
      confidence: Number(form.elements.confidence.value) || null,
      note: form.elements.note.value,
    });
    waiting = null;
    tell(t("rater.saved", { value: said === "" ? t("rater.cannot") : said }));
    if (step.feedback) {
      waiting = step;
      showProgress(step.progress);
      load(step.shown);
      showFeedback(step.feedback);
    } else show(step);
  });

const skip = () =>
  ask(async () => {
    if (shown.judged) return;
    const step = await post(`/api/rate/${shown.assignment_id}/skip`);
    tell(t("rater.put_off"));
    show(step);
  });

const back = () =>
  ask(async () => {
    if (waiting) {
      const step = waiting;
      waiting = null;
      show(step);
      return;
    }
    const before = await post("/api/rate/back");
    const step = await get("/api/rate/next");
    waiting = step;
    show({ shown: before.shown, ahead: step.shown, progress: step.progress });
  });

const next = () => {
  const step = waiting;
  waiting = null;
  if (step) show(step);
};

const again = () => ask(async () => show(await get("/api/rate/next")));

function choose(wanted) {
  const radio = [...form.elements.value].find((entry) => entry.value === wanted);
  if (!radio) return;
  radio.checked = true;
  one("problem").hidden = true;
  tell(t("rater.chosen", { value: wanted === "" ? t("rater.cannot") : wanted }));
}

function shift(by) {
  const now = Number(value());
  if (now) choose(String(Math.min(5, Math.max(1, now + by))));
}

function turnConfidence() {
  const radios = [...form.elements.confidence];
  const now = radios.findIndex((radio) => radio.checked);
  radios.forEach((radio, number) => (radio.checked = number === now + 1));
  const key = now + 1 < radios.length ? `rater.confidence.${now + 2}` : "rater.confidence_none";
  tell(`${t("rater.confidence")} ${t(key)}`);
}

function seek(by) {
  const video = one("player").querySelector("video");
  if (video?.duration) video.currentTime = Math.min(video.duration, Math.max(0, video.currentTime + by));
}

function playOrStop() {
  const video = one("player").querySelector("video");
  if (video?.paused) video.play().catch(() => {});
  else video?.pause();
}

// Who speaks to the computer, or presses keys unawares, can turn single keys off (WCAG 2.1.4); this browser remembers it.
const keysOn = one("keys-on");
keysOn.checked = localStorage.getItem("rating-keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("rating-keys", keysOn.checked ? "on" : "off"));

function onKey(event) {
  if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || one("help").open) return;
  if (event.key === "?" && event.target !== form.elements.note) return one("help").showModal();
  if (!one("feedback").hidden && event.key === "Enter" && event.target.tagName !== "BUTTON") return next();
  if (one("desk").hidden) return;
  if (event.target === form.elements.note) {
    if (event.key === "Escape") one("place").focus({ preventScroll: true });
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      save();
    }
    return;
  }
  const isRadio = event.target.type === "radio";
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(event.code)?.[1];
  const acts = {
    ".": () => shift(0.5),
    ",": () => shift(-0.5),
    x: () => choose(""),
    c: turnConfidence,
    n: () => form.elements.note.focus(),
    s: skip,
    b: () => !one("back").hidden && back(),
  };
  let act = digit ? () => choose(String(Math.min(5, Number(digit) + (event.shiftKey ? 0.5 : 0)))) : acts[event.key.toLowerCase()];
  if (!act && event.key === "Enter" && event.target.tagName !== "BUTTON") act = save;
  if (!act && event.key === " " && event.target.tagName !== "BUTTON" && event.target.tagName !== "VIDEO" && !isRadio) act = playOrStop;
  if (!act && !isRadio && event.target.tagName !== "VIDEO") {
    if (event.key === "ArrowLeft") act = () => seek(-5);
    if (event.key === "ArrowRight") act = () => seek(5);
  }
  if (!act || event.repeat) return;
  event.preventDefault();
  act();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
// At "input": a "change" comes when the mouse is pressed on a button, which would move away below it.
form.addEventListener("input", () => (one("problem").hidden = true));
one("skip").addEventListener("click", skip);
one("back").addEventListener("click", back);
one("done-back").addEventListener("click", back);
one("done-again").addEventListener("click", again);
one("feedback-next").addEventListener("click", next);
one("help-button").addEventListener("click", () => one("help").showModal());
document.addEventListener("keydown", onKey);
// Recordings arrive while a study runs; who waits with nothing to rate sees them by himself.
setInterval(() => {
  if (!one("done").hidden && document.visibilityState === "visible") again();
}, 60_000);
again();
