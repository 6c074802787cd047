// What was filmed and is not with the studio yet, kept in this browser (IndexedDB) whatever happens to the page.
// One draft: {key, person, status: "recording" | "review" | "sending", type, blob, answers, brought, sha256, id, made}

const NAME = "facefatigue-studio";
let opened = null;
const memory = new Map(); // where the browser keeps nothing (some private windows)
let inMemory = false;

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

async function within(stores, mode, work) {
  const db = await database();
  const transaction = db.transaction(stores, mode, { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
  const result = await work(transaction);
  await done;
  return result;
}

/** Whether drafts are gone when the page is closed. */
export const onlyInMemory = () => inMemory;

/** Keep a draft; the browser is asked not to throw it away. */
export async function save(draft) {
  memory.set(draft.key, draft);
  try {
    await within(["drafts"], "readwrite", (t) => request(t.objectStore("drafts").put(draft)));
    navigator.storage?.persist?.().catch(() => {});
  } catch (error) {
    console.warn("drafts are kept in memory only", error);
    inMemory = true;
  }
}

/** Keep the next second of a recording that is still going on. */
export async function savePiece(key, number, blob) {
  if (inMemory) return;
  try {
    await within(["pieces"], "readwrite", (t) => request(t.objectStore("pieces").put({ key, number, blob })));
  } catch (error) {
    console.warn("a piece could not be kept", error);
  }
}

const piecesOf = (key) => IDBKeyRange.bound([key, 0], [key, Infinity]);

/** Forget what came in pieces: the whole is kept now. */
export async function dropPieces(key) {
  if (inMemory) return;
  await within(["pieces"], "readwrite", (t) => request(t.objectStore("pieces").delete(piecesOf(key))));
}

export async function remove(key) {
  memory.delete(key);
  if (inMemory) return;
  await within(["drafts", "pieces"], "readwrite", async (t) => {
    await request(t.objectStore("drafts").delete(key));
    await request(t.objectStore("pieces").delete(piecesOf(key)));
  });
}

/** All drafts of a person, oldest first; a recording that was cut off is put together from its pieces. */
export async function drafts(person) {
  let found = [...memory.values()];
  if (!inMemory) {
    try {
      found = await within(["drafts", "pieces"], "readonly", async (t) => {
        const all = await request(t.objectStore("drafts").getAll());
        for (const draft of all) {
          if (draft.status !== "recording") continue;
          const pieces = await request(t.objectStore("pieces").getAll(piecesOf(draft.key)));
          draft.blob = new Blob(pieces.map((piece) => piece.blob), { type: draft.type });
        }
        return all;
      });
    } catch {
      inMemory = true;
    }
  }
  return found.filter((draft) => draft.person === person && draft.blob?.size).sort((a, b) => a.made - b.made);
}

/** After a withdrawal: nothing of this person stays here. */
export async function removeAll(person) {
  for (const draft of await drafts(person)) await remove(draft.key);
}
