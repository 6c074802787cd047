// One recording: countdown, film, stop; every second is kept in the browser at once.
import { dropPieces, holding, save, savePiece } from "/static/volunteer/keep.js";

// Widely supported first; Safari takes only the last.
const TYPES = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
// The studio forgives half a second at either end; the clocks of page and recorder are not the same.
const MARGIN_S = 0.4;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Count down from 3; `told(n)` each second. Stops when `cancelled()`. */
export async function countDown(told, cancelled) {
  for (const n of [3, 2, 1]) {
    if (cancelled()) return false;
    told(n);
    await wait(1000);
  }
  return !cancelled();
}

export class Recording {
  #recorder;
  #pieces = [];
  #began = 0;
  #timer = 0;
  #stopped = false;
  #saved = Promise.resolve();

  /** `told(seconds, mayStop)` several times a second. */
  constructor(stream, draft, { shortest, longest, told }) {
    this.draft = draft;
    this.shortest = shortest + MARGIN_S;
    this.longest = longest - MARGIN_S;
    this.told = told;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 2_500_000, audioBitsPerSecond: 96_000 });
    draft.type = (mimeType ?? this.#recorder.mimeType).split(";")[0] || "video/webm";
  }

  /** Film until stop(), the longest length, or the camera's end; gives the draft with its video, or without where it was stopped at once. */
  film() {
    return holding(this.draft, () => this.#film());
  }

  async #film() {
    await save(this.draft);
    if (this.#stopped) return this.draft;
    this.#recorder.ondataavailable = ({ data }) => {
      if (!data.size) return;
      const number = this.#pieces.push(data) - 1;
      this.#saved = this.#saved.then(() => savePiece(this.draft.key, number, data));
    };
    const ended = new Promise((resolve, reject) => {
      this.#recorder.onstop = resolve;
      this.#recorder.onerror = (event) => reject(event.error);
    });
    const awake = navigator.wakeLock?.request("screen").catch(() => null);
    this.#recorder.onstart = () => {
      this.#began = performance.now();
      this.#timer = setInterval(() => this.#tick(), 100);
    };
    this.#recorder.start(1000);
    try {
      await ended;
    } finally {
      clearInterval(this.#timer);
      awake?.then((lock) => lock?.release()).catch(() => {});
    }
    await this.#saved;
    this.draft.blob = new Blob(this.#pieces, { type: this.draft.type });
    this.draft.status = "review";
    this.draft.made = Date.now();
    if (await save(this.draft)) await dropPieces(this.draft.key); // else the pieces are all that the browser has kept
    return this.draft;
  }

  get seconds() {
    return (performance.now() - this.#began) / 1000;
  }

  stop() {
    this.#stopped = true;
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  #tick() {
    const seconds = this.seconds;
    if (seconds >= this.longest) this.stop();
    else this.told(seconds, seconds >= this.shortest);
  }
}
