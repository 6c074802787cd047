// The volunteer's page: one step at a time.
import { StudioError, get, onClick, onSubmit, post, say, t } from "/static/api.js";
import { CameraProblem, Guide, closeCamera, openCamera, showHints } from "/static/volunteer/camera.js";
import { problemOf } from "/static/volunteer/file.js";
import { drafts, holding, onlyInMemory, remove, removeAll, save, somethingOnlyInMemory } from "/static/volunteer/keep.js";
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
let opening = 0; // how often the camera was asked for: a browser that lets people think answers late, or twice
let guide = null;
let recording = null;
let draft = null; // what is being made or sent
let upload = null;
let looking = 0; // whether a check has an answer

/** For screen readers. */
function tell(text, urgent = false) {
  $(urgent ? "urgent" : "live").textContent = text;
}

/** Show a step and go to its heading. */
function go(name) {
  if (name !== "camera" && name !== "record" && name !== "questions") releaseCamera();
  step = name;
  for (const video of document.querySelectorAll("#recordings video")) video.pause();
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
  $("questions").reset(); // how somebody is at breakfast is not how he is at noon
  if (!limits.signed) return go("consent");
  go("home");
  await Promise.all([showWaiting(), showMine()]);
}

async function showWaiting() {
  const goOn = (one) => {
    setDraft(one);
    if (one.status === "sending") send();
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

let listed = ""; // what the list shows

/** `again`: it is only looked whether a check has an answer; what plays, or has the keyboard, stays as it is. */
async function showMine(again = false) {
  let found;
  try {
    found = await get("/api/me");
  } catch (error) {
    if (!again) return say(error.message, "bad");
    looking = setTimeout(() => step === "home" && showMine(true), 5000);
    return undefined;
  }
  if (!found.signed && !somethingOnlyInMemory()) return location.reload(); // there is a new text to be read
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
  const used = again && ($("recordings").querySelector("video") || $("recordings").contains(document.activeElement));
  if (!used && listed !== JSON.stringify(shown)) {
    listed = JSON.stringify(shown);
    $("recordings").replaceChildren(...shown.map((one) => recordingItem(one, limits, { remove: removeOne })));
    $("mine").hidden = !shown.length;
  }
  clearTimeout(looking);
  if (used || shown.some((one) => one.state === "checking")) looking = setTimeout(() => step === "home" && showMine(true), 5000);
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
  $("camera-words").textContent = t("volunteer.camera.starting");
  $("camera-words").hidden = false;
  tell(t("volunteer.camera.starting"));
  const mine = ++opening;
  if (!stream) {
    let found;
    try {
      found = await openCamera();
    } catch (error) {
      if (!(error instanceof CameraProblem)) throw error;
      return mine === opening && step === "camera" ? cameraProblem(error.message) : undefined;
    }
    if (mine !== opening || step !== "camera") return closeCamera(found); // left while the browser asked
    stream = found;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => stream === found && cameraLost());
  }
  $("camera-words").hidden = true;
  $("preview").srcObject = stream;
  await $("preview").play().catch(() => {});
  guide?.close();
  guide = new Guide($("preview"), stream, (hints, level) => {
    const words = showHints($("hints"), document.querySelector('[data-step="camera"] .stage'), hints, level);
    if (words) tell(words);
  });
  $("camera-next").disabled = false;
}

/** Unplugged, or taken by another program: what was filmed until now is kept, and looked at. */
function cameraLost() {
  releaseCamera();
  if (recording) {
    recording.stop();
    return say(t("volunteer.camera.lost.title"), "bad");
  }
  if (step === "camera" || step === "record") go("camera");
  cameraProblem("lost");
}

function cameraProblem(kind) {
  $("camera-words").hidden = true;
  $("camera-problem-title").textContent = t(`volunteer.camera.${kind}.title`);
  $("camera-problem-help").textContent = t(`volunteer.camera.${kind}.help`);
  $("camera-problem").hidden = false;
  $("camera-on").hidden = true;
}

// The picture is shown as it is filmed, upright or lying, also when a phone is turned.
for (const video of [$("preview"), $("live-picture")]) {
  for (const event of ["loadedmetadata", "resize"]) {
    video.addEventListener(event, () => {
      if (video.videoWidth) video.parentElement.style.setProperty("--shape", video.videoWidth / video.videoHeight);
    });
  }
}

onClick($("camera-retry"), camera);
$("camera-next").addEventListener("click", () => {
  guide?.close();
  guide = null;
  setDraft(newDraft({ status: "recording", answers: draft?.answers ?? {} }));
  questions();
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
  questions();
});

// Questions

function questions() {
  $("questions-title").textContent = t(draft.brought ? "volunteer.questions.title_brought" : "volunteer.questions.title");
  go("questions");
}

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
  } catch (error) {
    unexpected(error);
  } finally {
    recording = null;
    cancel = () => {};
  }
  if (cancelled) {
    await remove(draft.key);
    return home();
  }
  return draft.blob?.size ? review() : record();
}

let cancel = () => {};
$("record-start").addEventListener("click", () =>
  film().catch((error) => {
    unexpected(error);
    if (step === "record") record();
  }),
);
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
  $("review-short").hidden = true;
  const measured = () => {
    player.ondurationchange = null;
    const short = player.duration < limits.shortest_s - 0.5; // the studio forgives half a second
    $("review-short").hidden = !short;
    if (short) tell($("review-short").textContent);
  };
  player.onloadedmetadata = () => {
    if (player.duration !== Infinity) return measured();
    // A browser's own recording has no length until its end was looked for.
    player.ondurationchange = () => {
      measured();
      player.currentTime = 0;
    };
    player.currentTime = 1e7;
  };
  $("review-again").textContent = t(draft.brought ? "volunteer.review.other" : "volunteer.review.again");
  $("review-memory").hidden = !onlyInMemory(draft);
}

$("review-send").addEventListener("click", () => {
  $("review").pause();
  send();
});
onClick($("review-again"), async () => {
  $("review").pause();
  const { answers, brought, key } = draft;
  await remove(key);
  setDraft(brought ? null : newDraft({ status: "recording", answers }));
  return brought ? go("file") : camera();
});

// Sending and the answer

function send() {
  const one = draft;
  go("send");
  $("send-problem").hidden = true;
  $("send-safe").textContent = t(onlyInMemory(one) ? "volunteer.review.memory" : "volunteer.send.safe");
  $("send-safe").hidden = false;
  $("send-leave").hidden = true;
  $("send-title").textContent = t("volunteer.send.title");
  $("send-progress").value = one.share ?? 0;
  $("send-words").textContent = t("volunteer.send.preparing");
  return holding(one, () => sendOne(one)).catch((error) => {
    if (!(error instanceof StudioError)) console.error(error);
    if (draft !== one || step !== "send") return;
    const code = error instanceof StudioError ? error.code : "unexpected";
    const consent = onlyInMemory(one) ? "volunteer.send.consent_here" : "volunteer.send.consent";
    const own = { disk_full: "volunteer.send.full", no_consent: consent }[code];
    $("send-words").textContent = own ? t(own) : error instanceof StudioError ? error.message : t("error.unexpected");
    tell($("send-words").textContent, true);
    $("send-problem").hidden = false;
    $("send-retry").focus({ preventScroll: true });
  });
}

async function sendOne(one) {
  one.status = "sending";
  await save(one);
  let quarter = 0;
  let kept = one.share;
  upload = new Upload(one, {
    sent: (share) => {
      const percent = Math.floor(100 * share);
      one.share = share;
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
      if (kept !== one.share) save(one); // the whole video is written with it: not at every try
      kept = one.share;
    },
  });
  const own = upload;
  const id = await own.run();
  if (id === null) return undefined; // the page went on to something else
  await remove(one.key);
  if (own.stopped) return undefined;
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
    return step === "send" && upload === own;
  });
  return found === null || step !== "send" ? undefined : result(found);
}

$("send-retry").addEventListener("click", send);

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
  if (recording || somethingOnlyInMemory()) event.preventDefault();
});

home().catch(unexpected);
