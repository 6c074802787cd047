// What all pages share: texts, requests with the session's CSRF word, messages, signing out.

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/** The text of a key with {names} filled in; the key itself where there is none. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const plurals = new Intl.PluralRules(document.documentElement.lang);

/** The text of a number: key.one, key.few, …, as the language has it; key.other where there is no text of that form. */
export function plural(key, count, values = {}) {
  const form = `${key}.${plurals.select(count)}`;
  return t(form in texts ? form : `${key}.other`, { count, ...values });
}

/** What the studio refused, or that it could not be reached (status 0). */
export class StudioError extends Error {
  constructor(status, code, message, detail = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/** The session's word, which every change must carry. */
export function csrf() {
  return document.querySelector('meta[name="csrf"]')?.content ?? "";
}

/** Take the word of a session that the same person began anew in another tab; says whether there is one. */
async function renewed() {
  try {
    const page = new DOMParser().parseFromString(await (await fetch(location.pathname, { cache: "no-store" })).text(), "text/html");
    const [who, word] = ["visitor", "csrf"].map((name) => page.querySelector(`meta[name="${name}"]`)?.content);
    if (!word || word === csrf() || who !== document.querySelector('meta[name="visitor"]')?.content) return false;
    document.querySelector('meta[name="csrf"]').content = word;
    return true;
  } catch {
    return false;
  }
}

/**
 * Ask the studio. `body` is sent as JSON, unless it is a Blob or bytes, which go as they are; `patienceMs` gives up a request
 * that is not answered.
 * @returns the JSON answer; throws StudioError
 */
export async function ask(method, path, body, options = {}) {
  try {
    return await askOnce(method, path, body, options);
  } catch (error) {
    if (error.code === "csrf" && (await renewed())) return askOnce(method, path, body, options);
    throw error;
  }
}

async function askOnce(method, path, body, { headers = {}, patienceMs = 0 }) {
  const raw = body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
  const sent = { "X-CSRF-Token": csrf(), Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = raw ? "application/octet-stream" : "application/json";
  const ending = new AbortController();
  const timer = patienceMs ? setTimeout(() => ending.abort(), patienceMs) : 0;
  let answer;
  let content = null;
  try {
    answer = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: ending.signal,
    });
    content = await answer.json();
  } catch {
    // Not reached, broken off, or the word of something in between, such as a hotel's sign-in page.
    if (!answer || answer.ok) throw new StudioError(0, ending.signal.aborted ? "timeout" : "offline", t("error.offline"));
  } finally {
    clearTimeout(timer);
  }
  if (answer.ok) return content;
  // Who only looks is led to the way in; what somebody has typed or filmed stays before him.
  if (answer.status === 401 && content?.error === "sign_in") {
    if (method === "GET") location.assign("/?ended");
    throw new StudioError(401, "sign_in", t("error.session_ended"));
  }
  throw new StudioError(
    answer.status,
    content?.error ?? "unexpected",
    content?.message ?? t("error.unexpected"),
    content?.detail ?? {},
  );
}

export const get = (path, options) => ask("GET", path, undefined, options);
export const post = (path, body = {}, options) => ask("POST", path, body, options);
export const put = (path, body, options) => ask("PUT", path, body, options);

/** Load the page anew, and then show a message. */
export function reloadAndSay(text) {
  sessionStorage.setItem("said", text);
  location.reload();
}

/** Show a message for a while; screen readers read it. kind: "good" or "bad". */
export function say(text, kind = "good") {
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  box.textContent = text;
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 9000 : 4000);
}

/** Make an element: h("p", { class: "soft", onclick: f }, "text", child). */
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/**
 * Let a form be sent by `send(values, form)`: its button is shut meanwhile, and a refusal is shown in its .problem line.
 * `values` holds what the form's fields hold, by name.
 */
export function onSubmit(form, send) {
  const problem = form.querySelector(".problem");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity() || form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    if (problem) problem.hidden = true;
    const buttons = [...form.querySelectorAll("button:not([type=button])")];
    buttons.forEach((button) => (button.disabled = true));
    try {
      await send(Object.fromEntries(new FormData(form)), form);
    } catch (error) {
      if (!(error instanceof StudioError)) console.error(error);
      const text = error instanceof StudioError ? error.message : t("error.unexpected");
      if (problem) {
        problem.textContent = text;
        problem.hidden = false;
      } else say(text, "bad");
    } finally {
      form.removeAttribute("aria-busy");
      buttons.forEach((button) => (button.disabled = false));
    }
  });
}

/** Do something at a click; a refusal is shown as a message. */
export function onClick(button, act) {
  button.addEventListener("click", async (event) => {
    button.disabled = true;
    try {
      await act(event);
    } catch (error) {
      if (!(error instanceof StudioError)) console.error(error);
      say(error instanceof StudioError ? error.message : t("error.unexpected"), "bad");
    } finally {
      button.disabled = false;
    }
  });
}

/** Put text on the clipboard; says whether that worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, or not https: the text stays selectable in its field
  }
}

const said = sessionStorage.getItem("said");
if (said) {
  sessionStorage.removeItem("said");
  setTimeout(() => say(said), 300); // a screen reader hears only what changes after the page is there
}

const signOut = document.querySelector("[data-sign-out]");
if (signOut) {
  onClick(signOut, async () => {
    location.assign((await post("/api/sign-out")).to);
  });
}

// On a phone the navigation is wider than the screen: show where we are.
document.querySelector("nav.areas [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

/** Times in the reader's own zone and language. */
export function localTimes(part) {
  for (const time of part.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const style = time.hasAttribute("data-day") ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
    if (!Number.isNaN(moment.valueOf())) time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, style).format(moment);
  }
}
localTimes(document);
