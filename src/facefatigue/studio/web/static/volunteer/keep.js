// What was filmed and is not with the studio yet, kept in this browser (IndexedDB) whatever happens to the page.
// One draft: {key, person, status: "recording" | "review" | "sending", type, blob, answers, brought, sha256, id, made}

const NAME = "facefatigue-studio";
let opened = null;
const memory = new Map(); // what the browser did not take: some private windows keep nothing, and a disk can be full
const torn = new Set(); // recordings of which a piece could not be kept: what follows it is of no use

function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

function database() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("drafts", { keyPath: "key" });
      asked.result.createObjectStore("pieces", { keyPath: ["key", "number"] });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

async function once(stores, mode, work) {
  const db = await database();
  const transaction = db.transaction(stores, mode, { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
  done.catch(() => {}); // where `work` fails first, that is what is told
  const result = await work(transaction);
  await done;
  return result;
}

async function within(stores, mode, work) {
  try {
    return await once(stores, mode, work);
  } catch (error) {
    // Safari closes the database of a page that was in the background: open it anew, once.
    if (!["InvalidStateError", "UnknownError"].includes(error?.name)) throw error;
    opened = null;
    return once(stores, mode, work);
  }
}

/** Whether a draft is gone when the page is closed. */
export const onlyInMemory = (draft) => memory.has(draft?.key);

/** Whether there is any such draft. */
export const somethingOnlyInMemory = () => memory.size > 0;

/** Keep a draft; the browser is asked not to throw it away. Says whether it did. */
export async function save(draft) {
  try {
    await within(["drafts"], "readwrite", (t) => request(t.objectStore("drafts").put(draft)));
    memory.delete(draft.key);
    navigator.storage?.persist?.().catch(() => {});
    return true;
  } catch (error) {
    console.warn("a draft is kept in memory only", error);
    memory.set(draft.key, draft);
    return false;
  }
}

/** Keep the next second of a recording that is still going on. */
export async function savePiece(key, number, blob) {
  if (torn.has(key)) return;
  try {
    await within(["pieces"], "readwrite", (t) => request(t.objectStore("pieces").put({ key, number, blob })));
  } catch (error) {
    console.warn("a piece could not be kept", error);
    torn.add(key);
  }
}

const piecesOf = (key) => IDBKeyRange.bound([key, 0], [key, Infinity]);

/** Forget what came in pieces: the whole is kept now. */
export async function dropPieces(key) {
  try {
    await within(["pieces"], "readwrite", (t) => request(t.objectStore("pieces").delete(piecesOf(key))));
  } catch (error) {
    console.warn("pieces could not be removed", error); // they go with the draft
  }
}

/** Forget a draft, wherever it is kept. */
export async function remove(key) {
  memory.delete(key);
  try {
    await within(["drafts", "pieces"], "readwrite", async (t) => {
      await request(t.objectStore("drafts").delete(key));
      await request(t.objectStore("pieces").delete(piecesOf(key)));
    });
  } catch (error) {
    console.warn("a draft could not be removed", error); // where nothing is kept, nothing stays
  }
}

async function kept() {
  try {
    return await within(["drafts", "pieces"], "readonly", async (t) => {
      const all = await request(t.objectStore("drafts").getAll());
      for (const draft of all) {
        if (draft.status !== "recording") continue;
        const pieces = await request(t.objectStore("pieces").getAll(piecesOf(draft.key)));
        draft.blob = new Blob(pieces.map((piece) => piece.blob), { type: draft.type });
      }
      return all;
    });
  } catch (error) {
    console.warn("this browser keeps nothing", error);
    return [];
  }
}

async function allOf(person) {
  const found = new Map((await kept()).map((draft) => [draft.key, draft]));
  for (const draft of memory.values()) found.set(draft.key, draft); // newer than what was kept before
  return [...found.values()].filter((draft) => draft.person === person);
}

const lockOf = (key) => `draft ${key}`;

/** Do something with a draft that no other tab offers meanwhile. */
export function holding(draft, work) {
  return navigator.locks ? navigator.locks.request(lockOf(draft.key), work) : work();
}

/**
 * All drafts of a person that wait to be gone on with, oldest first; a recording that was cut off is put together from its
 * pieces. What another tab films or sends at this moment is not among them.
 */
export async function drafts(person) {
  const held = new Set(((await navigator.locks?.query())?.held ?? []).map((lock) => lock.name));
  const found = (await allOf(person)).filter((draft) => draft.blob?.size && !held.has(lockOf(draft.key)));
  return found.sort((a, b) => a.made - b.made);
}

/** After a withdrawal: nothing of this person stays here. */
export async function removeAll(person) {
  for (const draft of await allOf(person)) await remove(draft.key);
}
