// The volunteer's page: one step at a time.
import { StudioError, get, onClick, onSubmit, post, say, t } from "/static/api.js";
import { CameraProblem, Guide, closeCamera, openCamera, showHints } from "/static/volunteer/camera.js";
import { problemOf } from "/static/volunteer/file.js";
import { drafts, onlyInMemory, remove, removeAll, save } from "/static/volunteer/keep.js";
import { Recording, countDown } from "/static/volunteer/record.js";
import { advice, recordingItem, waitingCard } from "/static/volunteer/result.js";
import { Signature } from "/static/volunteer/signature.js";
import { Upload, checked } from "/static/volunteer/upload.js";

// A check takes some seconds; after this long a volunteer is told that he need not wait.
const SLOW_S = 45;

const limits = JSON.parse(document.getElementById("given").textContent);
const $ = (id) => document.getElementById(id);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

let step = null;
let stream = null; // camera and microphone, from the check until the review
let guide = null;
let recording = null;
let draft = null; // what is being made or sent
let upload = null;

/** For screen readers. */
function tell(text, urgent = false) {
  $(urgent ? "urgent" : "live").textContent = text;
}

/** Show a step and go to its heading. */
function go(name) {
  if (name !== "camera" && name !== "record" && name !== "questions") releaseCamera();
  step = name;
  for (const section of document.querySelectorAll("[data-step]")) section.hidden = section.dataset.step !== name;
  window.scrollTo(0, 0);
  document.querySelector(`[data-step="${name}"] h1`)?.focus({ preventScroll: true });
}

function releaseCamera() {
  guide?.close();
  closeCamera(stream);
  guide = stream = null;
  for (const id of ["preview", "live-picture"]) $(id).srcObject = null;
}

function newDraft(more) {
  const random = crypto.getRandomValues(new Uint32Array(2)).join("-");
  return { key: `${Date.now()}-${random}`, person: limits.code, made: Date.now(), brought: false, answers: {}, ...more };
}

function setDraft(one) {
  draft = one;
  document.body.classList.toggle("brought", Boolean(one?.brought)); // its steps are fewer
}

// Home

async function home() {
  upload?.stop();
  upload = null;
  setDraft(null);
  if (!limits.signed) return go("consent");
  go("home");
  await Promise.all([showWaiting(), showMine()]);
}

async function showWaiting() {
  const goOn = (one) => {
    setDraft(one);
    if (one.status === "sending") send().catch(unexpected);
    else review();
  };
  const drop = async (one) => {
    if (one.id) await post(`/api/me/recordings/${one.id}/retake`).catch(forgiveMissing);
    await remove(one.key);
    say(t("volunteer.waiting.deleted"));
    await home();
  };
  $("waiting").replaceChildren(...(await drafts(limits.code)).map((one) => waitingCard(one, { goOn, drop })));
}

function forgiveMissing(error) {
  if (!(error instanceof StudioError && error.status === 404)) throw error;
}

async function showMine() {
  let found;
  try {
    found = await get("/api/me");
  } catch (error) {
    return say(error.message, "bad");
  }
  // What is still on its way from this device has its own card above.
  const here = new Set((await drafts(limits.code)).map((one) => one.blob.size));
  const shown = found.recordings.filter((one) => !(one.state === "uploading" && here.has(one.size)));
  const removeOne = async (one, button) => {
    button.disabled = true;
    try {
      await post(`/api/me/recordings/${one.id}/retake`);
      say(t("volunteer.mine.deleted"));
      await showMine();
      document.querySelector('[data-step="home"] h1').focus();
    } catch (error) {
      say(error.message, "bad");
      button.disabled = false;
    }
  };
  $("recordings").replaceChildren(...shown.map((one) => recordingItem(one, limits, { remove: removeOne })));
  $("mine").hidden = !shown.length;
  if (step === "home" && shown.some((one) => one.state === "checking")) setTimeout(() => step === "home" && showMine(), 5000);
}

onSubmit($("withdraw"), async ({ confirm: code }) => {
  await post("/api/me/withdraw", { confirm: code });
  await removeAll(limits.code);
  go("gone");
});

// Consent

if ($("consent")) {
  const signature = new Signature($("drawing"));
  $("drawing-clear").addEventListener("click", () => signature.clear());
  onSubmit($("consent"), async ({ name }) => {
    await post("/api/me/consent", { text_id: limits.text, name, drawing: signature.strokes });
    limits.signed = true;
    await home();
  });
}

// Camera

async function camera() {
  go("camera");
  $("camera-problem").hidden = true;
  $("camera-on").hidden = false;
  $("camera-next").disabled = true;
  tell(t("volunteer.camera.starting"));
  try {
    stream ??= await openCamera();
  } catch (error) {
    if (!(error instanceof CameraProblem)) throw error;
    return cameraProblem(error.message);
  }
  if (step !== "camera") return releaseCamera(); // left while the browser asked
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    if (stream) {
      releaseCamera();
      recording?.stop();
      if (step === "camera" || step === "record") go("camera");
      cameraProblem("lost");
    }
  });
  $("preview").srcObject = stream;
  await $("preview").play().catch(() => {});
  guide = new Guide($("preview"), stream, (hints, level) => showHints($("hints"), document.querySelector('[data-step="camera"] .stage'), hints, level));
  $("camera-next").disabled = false;
}

function cameraProblem(kind) {
  $("camera-problem-title").textContent = t(`volunteer.camera.${kind}.title`);
  $("camera-problem-help").textContent = t(`volunteer.camera.${kind}.help`);
  $("camera-problem").hidden = false;
  $("camera-on").hidden = true;
}

onClick($("camera-retry"), camera);
$("camera-next").addEventListener("click", () => {
  guide?.close();
  guide = null;
  setDraft(newDraft({ status: "recording", answers: draft?.answers ?? {} }));
  go("questions");
});

// An existing file

$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  if (!file) return;
  const problem = await problemOf(file, limits);
  $("file-problem").textContent = problem ?? "";
  $("file-problem").hidden = !problem;
  $("file").value = "";
  if (problem) return;
  setDraft(newDraft({ status: "review", brought: true, blob: file, type: file.type || "video/mp4" }));
  go("questions");
});

// Questions

$("questions").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const problem = form.querySelector(".problem");
  const bad = [...form.elements].find((field) => !field.checkValidity());
  problem.hidden = !bad;
  if (bad) {
    problem.textContent = t(bad.type === "radio" ? "volunteer.questions.missing" : "volunteer.questions.range");
    say(problem.textContent, "bad"); // the line itself is at the form's end, out of sight
    return bad.focus();
  }
  document.querySelectorAll(".toast.bad").forEach((toast) => toast.remove());
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  draft.answers = Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
  if (!draft.brought) return record();
  await save(draft);
  return review();
});

// Recording

function record() {
  if (!stream) return camera();
  go("record");
  $("live-picture").srcObject = stream;
  $("live-picture").play().catch(() => {});
  $("record-start").hidden = false;
  $("record-stop").hidden = $("recording-sign").hidden = $("countdown").hidden = true;
  $("record-progress").value = 0;
  $("record-words").textContent = t("volunteer.record.ready");
  $("record-start").focus({ preventScroll: true });
}

async function film() {
  let cancelled = false;
  cancel = () => (cancelled = true);
  $("record-start").hidden = true;
  $("record-stop").hidden = false;
  $("record-stop").disabled = true;
  $("countdown").hidden = false;
  const began = await countDown(
    (n) => {
      $("countdown").textContent = n;
      tell(String(n), true);
    },
    () => cancelled || step !== "record",
  );
  $("countdown").hidden = true;
  if (!began) return;
  $("recording-sign").hidden = false;
  tell(t("volunteer.record.began"), true);
  let said = false;
  recording = new Recording(stream, draft, {
    shortest: limits.shortest_s,
    longest: limits.longest_s,
    told: (seconds, mayStop) => {
      $("clock").textContent = clock(seconds);
      $("record-progress").value = seconds / limits.longest_s;
      $("record-stop").disabled = !mayStop;
      const left = Math.ceil((mayStop ? recording.longest : recording.shortest) - seconds);
      $("record-words").textContent = t(mayStop ? "volunteer.record.enough" : "volunteer.record.more", { seconds: left });
      if (mayStop && !said) {
        said = true;
        tell($("record-words").textContent);
        $("record-stop").focus({ preventScroll: true });
      }
    },
  });
  cancel = () => {
    cancelled = true;
    recording?.stop();
  };
  try {
    draft = await recording.film();
  } finally {
    recording = null;
    cancel = () => {};
  }
  if (cancelled) {
    await remove(draft.key);
    return home();
  }
  return review();
}

let cancel = () => {};
$("record-start").addEventListener("click", () => film().catch(unexpected));
$("record-stop").addEventListener("click", () => recording?.stop());
$("record-cancel").addEventListener("click", () => {
  const filming = recording !== null;
  cancel();
  if (!filming) home();
});
document.addEventListener("visibilitychange", () => {
  // A phone stops the camera of a page that is not seen: what is there until now is kept, and looked at.
  if (document.hidden && recording) {
    recording.stop();
    say(t("volunteer.record.hidden"), "bad");
  }
});

// Review

function review() {
  go("review");
  const player = $("review");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(draft.blob);
  player.onloadedmetadata = () => {
    if (player.duration !== Infinity) return;
    // A browser's own recording has no length until its end was looked for.
    player.ondurationchange = () => {
      player.ondurationchange = null;
      player.currentTime = 0;
    };
    player.currentTime = 1e7;
  };
  $("review-again").textContent = t(draft.brought ? "volunteer.review.other" : "volunteer.review.again");
  $("review-memory").hidden = !onlyInMemory();
}

$("review-send").addEventListener("click", () => {
  $("review").pause();
  send().catch(unexpected);
});
onClick($("review-again"), async () => {
  $("review").pause();
  const { answers, brought, key } = draft;
  await remove(key);
  setDraft(brought ? null : newDraft({ status: "recording", answers }));
  return brought ? go("file") : camera();
});

// Sending and the answer

async function send() {
  go("send");
  $("send-problem").hidden = true;
  $("send-safe").hidden = false;
  $("send-leave").hidden = true;
  $("send-title").textContent = t("volunteer.send.title");
  $("send-progress").value = draft.share ?? 0;
  $("send-words").textContent = t("volunteer.send.preparing");
  draft.status = "sending";
  await save(draft);
  let quarter = 0;
  upload = new Upload(draft, {
    sent: (share) => {
      const percent = Math.floor(100 * share);
      draft.share = share;
      $("send-progress").value = share;
      $("send-words").textContent = t("volunteer.send.percent", { percent });
      if (Math.floor(percent / 25) > quarter) {
        quarter = Math.floor(percent / 25);
        tell($("send-words").textContent);
      }
    },
    waiting: (seconds) => {
      $("send-words").textContent = navigator.onLine ? t("volunteer.send.retry_in", { seconds }) : t("volunteer.send.waiting");
      tell(t("volunteer.send.waiting"));
      save(draft);
    },
  });
  let id;
  try {
    id = await upload.run();
  } catch (error) {
    if (!(error instanceof StudioError)) throw error;
    $("send-words").textContent = error.code === "disk_full" ? t("volunteer.send.full") : error.message;
    tell($("send-words").textContent, true);
    $("send-problem").hidden = false;
    return undefined;
  }
  if (id === null) return undefined; // the page went on to something else
  await remove(draft.key);
  $("send-progress").value = 1;
  $("send-safe").hidden = true;
  $("send-words").textContent = t("volunteer.send.checking");
  tell(t("volunteer.send.checking"));
  const found = await checked(id, (seconds) => {
    if (seconds > SLOW_S && $("send-leave").hidden && step === "send") {
      $("send-leave").hidden = false;
      $("send-words").textContent = t("volunteer.send.slow");
      tell(t("volunteer.send.slow"));
    }
    return step === "send" && upload !== null;
  });
  return found === null || step !== "send" ? undefined : result(found);
}

$("send-retry").addEventListener("click", () => send().catch(unexpected));

function result(found) {
  const good = found.state === "accepted";
  const items = advice(found, limits);
  $("result-mark").textContent = good ? "✓" : "!";
  $("result-mark").classList.toggle("good", good);
  $("result-title").textContent = t(good ? "volunteer.result.good.title" : "volunteer.result.bad.title");
  const lead = good ? (items.length ? "volunteer.result.warning.lead" : "volunteer.result.good.lead") : "volunteer.result.bad.lead";
  $("result-lead").textContent = t(lead);
  $("advice").replaceChildren(...items);
  $("result-again").hidden = good;
  $("result-home").classList.toggle("main", good);
  $("result-again").onclick = () => {
    const { answers, brought } = draft;
    if (!good) post(`/api/me/recordings/${found.id}/retake`).catch(forgiveMissing).catch(console.warn);
    setDraft(brought ? null : newDraft({ status: "recording", answers }));
    return brought ? go("file") : camera();
  };
  go("result");
}

function unexpected(error) {
  console.error(error);
  say(error instanceof StudioError ? error.message : t("error.unexpected"), "bad");
}

const steps = { home, camera, file: () => go("file") };
for (const button of document.querySelectorAll("[data-go]")) {
  button.addEventListener("click", () => Promise.resolve(steps[button.dataset.go]()).catch(unexpected));
}
window.addEventListener("beforeunload", (event) => {
  if (recording || (onlyInMemory() && draft?.blob)) event.preventDefault();
});

home().catch(unexpected);
