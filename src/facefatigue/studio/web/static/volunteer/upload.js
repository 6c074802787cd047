// A draft on its way to the studio: in chunks, each with its checksum, from wherever the studio stands; a broken connection or
// a page that was closed costs nothing but time.
import { StudioError, get, post, put } from "/static/api.js";
import { save } from "/static/volunteer/keep.js";
import { Sha256, sha256 } from "/static/volunteer/sha256.js";

const CHUNK_BYTES = 1 << 20;
// On a slow line chunks get smaller, so that what was sent is not sent again and again: 64 KiB take 30 s at 17 kbit/s.
const SMALLEST_CHUNK_BYTES = 1 << 16;
// A connection that died without a word (a phone between two networks) is given up after this long.
const PATIENCE_MS = 30_000;
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;

const passes = (error) => error instanceof StudioError && (error.status === 0 || error.status === 429 || (error.status >= 500 && error.status !== 507));

/** Wait, twice as long each time, but no longer than until the connection is back. */
function pause(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
    window.addEventListener("online", done);
  });
}

export class Upload {
  constructor(draft, { sent, waiting }) {
    this.draft = draft;
    this.sent = sent; // (share) after each chunk
    this.waiting = waiting; // (seconds) before each new try
    this.stopped = false;
    this.chunkBytes = CHUNK_BYTES;
  }

  stop() {
    this.stopped = true;
  }

  /** Until the studio has all of it; gives its recording's id. Throws StudioError where trying again is of no use. */
  async run() {
    let wait = FIRST_WAIT_S;
    if (!this.draft.sha256) {
      this.draft.sha256 = await sha256(this.draft.blob);
      await save(this.draft);
    }
    while (!this.stopped) {
      try {
        return await this.#once(() => (wait = FIRST_WAIT_S));
      } catch (error) {
        if (!passes(error)) throw error;
        const seconds = error.detail?.retry_after_s ?? wait * (0.75 + Math.random() / 2);
        this.waiting(Math.ceil(seconds));
        await pause(seconds);
        wait = Math.min(2 * wait, LONGEST_WAIT_S);
      }
    }
    return null;
  }

  async #once(progressed) {
    const { blob, type, answers, brought, sha256: digest } = this.draft;
    const announced = await post("/api/me/recordings", { size: blob.size, sha256: digest, media_type: type, brought, ...answers });
    if (this.draft.id !== announced.id) {
      this.draft.id = announced.id;
      await save(this.draft);
    }
    if (announced.state !== "uploading") return announced.id; // it was there already; the answer was lost
    let offset = announced.offset;
    let again = 0;
    for (;;) {
      this.sent(offset / blob.size);
      try {
        if (offset >= blob.size) {
          await post(`/api/me/recordings/${announced.id}/finish`);
          return announced.id;
        }
        offset = await this.#chunk(announced.id, offset);
        again = 0;
        progressed();
      } catch (error) {
        // The studio stands elsewhere, or a chunk or the whole was damaged on its way: it says from where to go on.
        const known = error instanceof StudioError && Number.isInteger(error.detail?.offset) && error.code !== "already_complete";
        if (error.code === "already_complete") return announced.id;
        if (!known || ++again > 5) throw error;
        offset = error.detail.offset;
      }
      if (this.stopped) return null;
    }
  }

  async #chunk(id, offset) {
    const bytes = new Uint8Array(await this.draft.blob.slice(offset, offset + this.chunkBytes).arrayBuffer());
    const headers = { "Upload-Offset": String(offset), "X-Chunk-SHA256": new Sha256().update(bytes).hex() };
    const began = performance.now();
    try {
      const answer = await put(`/api/me/recordings/${id}/bytes`, bytes, { headers, patienceMs: PATIENCE_MS });
      if (performance.now() - began < PATIENCE_MS / 4) this.chunkBytes = Math.min(2 * this.chunkBytes, CHUNK_BYTES);
      return answer.offset;
    } catch (error) {
      if (error.code === "timeout") this.chunkBytes = Math.max(this.chunkBytes / 2, SMALLEST_CHUNK_BYTES);
      throw error;
    }
  }
}

/** Until the check has an answer; null once `waited(seconds)` says that nobody waits for it any more. */
export async function checked(id, waited) {
  const began = performance.now();
  for (let wait = 0.7; waited((performance.now() - began) / 1000); wait = Math.min(wait * 1.3, 4)) {
    try {
      const recording = await get(`/api/me/recordings/${id}`);
      if (recording.state !== "checking" && recording.state !== "uploading") return recording;
    } catch (error) {
      if (!passes(error)) throw error;
    }
    await pause(wait);
  }
  return null;
}
