// Camera and microphone: opened, explained where that fails, and measured while the picture is shown.
import { t } from "/static/api.js";

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
const OVAL = { width: 0.645, height: 0.86 }; // share of the picture's height that the drawn oval takes

/** Tells, a few times a second, how face, light and sound are: calls `told({face, light, sound}, level)`. */
export class Guide {
  #canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  #detector = null;
  #faces = null;
  #busy = false;
  #timer = 0;
  #heard = 0;

  constructor(video, stream, told) {
    this.video = video;
    this.told = told;
    this.level = new Level(stream);
    if ("FaceDetector" in window) {
      try {
        this.#detector = new window.FaceDetector({ fastMode: true, maxDetectedFaces: 3 });
      } catch {
        // named, but not there on this system
      }
    }
    this.#timer = setInterval(() => this.#look(), 250);
  }

  close() {
    clearInterval(this.#timer);
    this.level.close();
  }

  #look() {
    if (!this.video.videoWidth) return;
    const level = this.level.now();
    if (level !== null && level > AUDIBLE) this.#heard = performance.now();
    const sound = level === null || performance.now() - this.#heard < 3000 ? "good" : "quiet";
    if (this.#detector && !this.#busy) this.#detect();
    this.told({ face: this.#face(), light: this.#light(), sound: this.#heard || level === null ? sound : "quiet" }, level);
  }

  async #detect() {
    this.#busy = true;
    try {
      this.#faces = await this.#detector.detect(this.video);
    } catch {
      this.#detector = this.#faces = null;
    } finally {
      this.#busy = false;
    }
  }

  #face() {
    if (!this.#detector || !this.#faces) return "guide";
    if (!this.#faces.length) return "none";
    if (this.#faces.length > 1) return "many";
    const { x, y, width, height } = this.#faces[0].boundingBox;
    const [w, h] = [this.video.videoWidth, this.video.videoHeight];
    if (width < 0.2 * Math.min(w, h)) return "closer";
    if (height > 0.9 * h || width > 0.9 * w) return "back";
    const off = Math.hypot(x + width / 2 - w / 2, y + height / 2 - h / 2);
    return x < 0 || y < 0 || x + width > w || y + height > h || off > 0.3 * Math.min(w, h) ? "middle" : "good";
  }

  #light() {
    const { width, height } = this.#canvas;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const share = this.video.videoHeight / this.video.videoWidth;
    let [sum, count] = [0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const dx = (x / width - 0.5) / ((OVAL.width * share) / 2);
        const dy = (y / height - 0.5) / (OVAL.height / 2);
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

/** Show what the guide tells. */
export function showHints(list, stage, { face, light, sound }, level) {
  const all = { face, light, sound };
  for (const [name, value] of Object.entries(all)) {
    const item = list.querySelector(`#hint-${name}`);
    const words = t(`volunteer.hint.${name}.${value}`);
    const shown = item.querySelector(".words");
    item.dataset.level = value === "good" ? "good" : value === "guide" ? "none" : "bad";
    if (shown.textContent !== words) shown.textContent = words;
  }
  stage.classList.toggle("good", (face === "good" || face === "guide") && light === "good");
  // The meter goes with loudness as heard: from -60 dBFS to 0.
  list.querySelector("meter").value = level ? Math.min(Math.max(1 + (20 * Math.log10(level)) / 60, 0), 1) : 0;
}
