// What all pages share: texts, requests with the session's CSRF word, messages, signing out.

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/** The text of a key with {names} filled in; the key itself where there is none. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The text of key.one or key.other. */
export function plural(key, count, values = {}) {
  return t(`${key}.${count === 1 ? "one" : "other"}`, { count, ...values });
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

/**
 * Ask the studio. `body` is sent as JSON, unless it is a Blob or bytes, which go as they are.
 * @returns the JSON answer, or null where there is none; throws StudioError
 */
export async function ask(method, path, body, { headers = {}, signal } = {}) {
  const raw = body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
  const sent = { "X-CSRF-Token": csrf(), Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = raw ? "application/octet-stream" : "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new StudioError(0, "offline", t("error.offline"));
  }
  let content = null;
  try {
    content = await answer.json();
  } catch {
    // no content, or an error of something between us and the studio
  }
  if (!answer.ok) {
    if (answer.status === 401 && content?.error === "sign_in") location.assign("/");
    throw new StudioError(
      answer.status,
      content?.error ?? "unexpected",
      content?.message ?? t("error.unexpected"),
      content?.detail ?? {},
    );
  }
  return content;
}

export const get = (path, options) => ask("GET", path, undefined, options);
export const post = (path, body = {}, options) => ask("POST", path, body, options);
export const put = (path, body, options) => ask("PUT", path, body, options);

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

const signOut = document.querySelector("[data-sign-out]");
if (signOut) {
  onClick(signOut, async () => {
    location.assign((await post("/api/sign-out")).to);
  });
}

// On a phone the navigation is wider than the screen: show where we are.
document.querySelector("nav.areas [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  const style = time.hasAttribute("data-day") ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
  if (!Number.isNaN(moment.valueOf())) time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, style).format(moment);
}
