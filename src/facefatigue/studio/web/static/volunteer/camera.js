// Camera and microphone: opened, explained where that fails, and measured while the picture is shown.
import { post, t } from "/static/api.js";

const WANTED = {
  video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
  audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false },
};

/** Why the camera could not be opened: a key of the texts. */
export class CameraProblem extends Error {}

const KINDS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export async function openCamera() {
  if (!window.isSecureContext) throw new CameraProblem("insecure");
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) throw new CameraProblem("unsupported");
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    console.warn(error);
    throw new CameraProblem(KINDS[error.name] ?? "busy");
  }
}

export function closeCamera(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

/** How loud the microphone is, 0 to 1 (RMS); null where it cannot be told. */
export class Level {
  #context;
  #analyser;
  #samples;

  constructor(stream) {
    try {
      this.#context = new AudioContext();
      this.#analyser = this.#context.createAnalyser();
      this.#analyser.fftSize = 2048;
      this.#samples = new Float32Array(this.#analyser.fftSize);
      this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    } catch (error) {
      console.warn(error);
      this.#analyser = null;
    }
  }

  now() {
    if (!this.#analyser) return null;
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return Math.sqrt(this.#samples.reduce((sum, x) => sum + x * x, 0) / this.#samples.length);
  }

  close() {
    this.#context?.close().catch(() => {});
  }
}

// As the studio's check: a face darker than this is warned about (mean luma, 0 to 1). Above: more than half is white.
const DARK = 0.2;
const BRIGHT = 0.92;
// -50 dBFS, well above the noise of a quiet room.
const AUDIBLE = 0.003;
// The drawn oval: as large as fits into this share of the picture's sides, and this wide for its height.
const OVAL = { share: 0.86, shape: 0.75 };
// What the studio's face detector gets to see: the shorter side in pixels, and how often.
const SEEN_PX = 120;
const SEEN_EVERY_MS = 1000;
// A hint is read out once it has stood for so long.
const STEADY_MS = 1500;

/** Tells, a few times a second, how face, light and sound are: calls `told({face, light, sound}, level)`. */
export class Guide {
  #canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  #seen = document.createElement("canvas");
  #face = "guide";
  #closed = false;
  #timer = 0;
  #heard = 0;

  constructor(video, stream, told) {
    this.video = video;
    this.told = told;
    this.level = new Level(stream);
    this.#timer = setInterval(() => this.#look(), 250);
    this.#watchFace();
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    this.level.close();
  }

  #look() {
    if (!this.video.videoWidth) return;
    const level = this.level.now();
    if (level !== null && level > AUDIBLE) this.#heard = performance.now();
    const sound = level === null || performance.now() - this.#heard < 3000 ? "good" : "quiet";
    this.told({ face: this.#face, light: this.#light(), sound: this.#heard || level === null ? sound : "quiet" }, level);
  }

  /** Browsers find no faces by themselves: the studio looks at a small picture each second, and keeps none. */
  async #watchFace() {
    while (!this.#closed) {
      if (this.video.videoWidth && document.visibilityState === "visible") {
        try {
          this.#face = (await post(...this.#picture())).face ?? "guide";
        } catch {
          this.#face = "guide"; // the connection is broken, or the studio has no time: the drawn oval remains
        }
      }
      await new Promise((resolve) => setTimeout(resolve, SEEN_EVERY_MS));
    }
  }

  /** Address and body of what is asked: rows of red, green and blue. */
  #picture() {
    const { videoWidth, videoHeight } = this.video;
    const scale = SEEN_PX / Math.min(videoWidth, videoHeight);
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    Object.assign(this.#seen, { width, height });
    const context = this.#seen.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(this.video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const rgb = new Uint8Array(3 * width * height);
    for (let from = 0, to = 0; from < data.length; from += 4) {
      rgb[to++] = data[from];
      rgb[to++] = data[from + 1];
      rgb[to++] = data[from + 2];
    }
    return [`/api/me/framing?width=${width}&height=${height}`, rgb, { patienceMs: 5000 }];
  }

  #light() {
    const { width, height } = this.#canvas;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const shape = this.video.videoWidth / this.video.videoHeight;
    const high = OVAL.share * Math.min(1, shape / OVAL.shape); // of the picture's height
    const wide = (high * OVAL.shape) / shape; // of its width
    let [sum, count] = [0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const dx = (x / width - 0.5) / (wide / 2);
        const dy = (y / height - 0.5) / (high / 2);
        if (dx * dx + dy * dy > 1) continue;
        const at = 4 * (y * width + x);
        sum += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
        count++;
      }
    }
    const luma = sum / Math.max(count, 1) / 255;
    return luma < DARK ? "dark" : luma > BRIGHT ? "bright" : "good";
  }
}

let [standing, since, read] = ["", 0, ""];

/** Show what the guide tells; gives what is to be read out, if that is new. */
export function showHints(list, stage, { face, light, sound }, level) {
  const all = { face, light, sound };
  for (const [name, value] of Object.entries(all)) {
    const item = list.querySelector(`#hint-${name}`);
    const words = t(`volunteer.hint.${name}.${value}`);
    const shown = item.querySelector(".words");
    item.dataset.level = value === "good" ? "good" : value === "guide" ? "none" : "bad";
    if (shown.textContent !== words) shown.textContent = words;
  }
  stage.classList.toggle("good", face === "good" && light === "good");
  // The meter goes with loudness as heard: from -60 dBFS to 0.
  list.querySelector("meter").value = level ? Math.min(Math.max(1 + (20 * Math.log10(level)) / 60, 0), 1) : 0;
  const words = Object.entries({ face, light }).map(([name, value]) => t(`volunteer.hint.${name}.${value}`)).join(" ");
  if (words !== standing) [standing, since] = [words, performance.now()];
  if (words === read || performance.now() - since < STEADY_MS) return "";
  return (read = words);
}
