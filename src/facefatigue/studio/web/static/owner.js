// The owner's pages. What an element does is written on it: data-copy, data-post, data-form, …
import { copy, h, localTimes, onClick, onSubmit, post, reloadAndSay, say, StudioError, t } from "/static/api.js";

const all = (selector) => document.querySelectorAll(selector);
const sure = (element) => !element.dataset.sure || window.confirm(element.dataset.sure);

async function copied(text, field) {
  if (await copy(text)) say(t("base.copied"));
  else {
    field?.select();
    say(t("owner.copy_failed"), "bad");
  }
}

/** Give the buttons and pictures of a list what they do; a list may be loaded anew. */
function bind(part) {
  const within = (selector) => part.querySelectorAll(selector);
  within("[data-copy]").forEach((button) =>
    button.addEventListener("click", () => copied(button.dataset.copy, button.parentElement.querySelector("input"))),
  );

  // A still that is not there (yet) leaves a plain place.
  within("img.still").forEach((image) => {
    const gone = () => image.replaceWith(h("span", { class: "still" }));
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) gone();
    else image.addEventListener("error", gone);
  });

  // Buttons that change something, and then show the page anew.
  within("[data-post]").forEach((button) =>
    onClick(button, async () => {
      if (!sure(button)) return;
      await post(button.dataset.post, JSON.parse(button.dataset.body ?? "{}"));
      reloadAndSay(t("base.done"));
    }),
  );
  within("[data-relink]").forEach((button) =>
    onClick(button, async () => {
      if (!sure(button)) return;
      showLinks([{ label: button.dataset.label, link: (await post(button.dataset.relink)).link }]);
      await renewList();
    }),
  );
}
bind(document);

/** Load the page's list anew, with those who were just invited in it. */
async function renewList() {
  const list = document.querySelector("[data-rows]");
  const answer = await fetch(location.href, { cache: "no-store", redirect: "error" }).catch(() => null);
  if (!answer?.ok) return; // it is there when the page is loaded the next time
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-rows]");
  list.replaceChildren(...fresh.children);
  localTimes(list);
  bind(list);
}

// Filters apply at once; dialogs open and close.
all("[data-submit]").forEach((field) => field.addEventListener("change", () => field.form.requestSubmit()));
all("[data-open]").forEach((button) => button.addEventListener("click", () => document.getElementById(button.dataset.open).showModal()));
all("[data-close]").forEach((button) => button.addEventListener("click", () => button.closest("dialog").close()));
all("[data-select]").forEach((field) => field.addEventListener("focus", () => field.select()));

// Forms that are sent as JSON under the names of their fields.
all("[data-form]").forEach((form) =>
  onSubmit(form, async (values) => {
    if (!sure(form)) return;
    const unfinished = form.dataset.unfinished && /\[[^\]]*\]/.test(values.body);
    if (unfinished && !window.confirm(form.dataset.unfinished)) return;
    for (const name of (form.dataset.numbers ?? "").split(" ").filter(Boolean)) values[name] = values[name] === "" ? null : Number(values[name]);
    for (const name of (form.dataset.flags ?? "").split(" ").filter(Boolean)) values[name] = form.elements[name].checked;
    await post(form.dataset.form, values);
    if ("stay" in form.dataset) say(t("base.saved"));
    else reloadAndSay(t("base.saved"));
  }),
);

// New links, each in a field of its own to be copied.
function showLinks(rows) {
  const box = document.getElementById("new-links");
  const list = box.querySelector("[data-list]");
  const fields = rows.map(({ label, link }) => {
    const field = h("input", { readonly: true, value: link, "aria-label": label });
    field.addEventListener("focus", () => field.select());
    return h(
      "div",
      { class: "stack tight" },
      h("span", { class: "strong" }, label),
      h("div", { class: "secret" }, field, h("button", { type: "button", onclick: () => copied(link, field) }, t("base.copy"))),
    );
  });
  list.replaceChildren(...fields);
  const every = box.querySelector("[data-copy-all]");
  if (every) {
    every.hidden = rows.length < 2;
    every.onclick = () => copied(rows.map(({ label, link }) => `${label}\t${link}`).join("\n"));
  }
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
  box.querySelector("button").focus();
}

async function invite(names, dialog) {
  const { people } = await post("/api/study/people", { names });
  dialog?.close(); // before the links are shown: what is behind a dialog cannot be focused
  showLinks(people.map(({ code, name, link }) => ({ label: name ? `${code}, ${name}` : code, link })));
  await renewList();
}

all("[data-invite]").forEach((button) => onClick(button, () => invite([""])));
all("[data-invite-several]").forEach((form) =>
  onSubmit(form, async ({ names }) => {
    const lines = names.split("\n").map((line) => line.trim()).filter(Boolean);
    if (!lines.length) throw new StudioError(422, "invalid", t("owner.invite.names.missing"));
    await invite(lines, form.closest("dialog"));
    form.reset();
  }),
);

all("[data-new-account]").forEach((form) =>
  onSubmit(form, async ({ name, role }) => {
    const made = await post("/api/study/accounts", { name, role });
    showLinks([{ label: made.name, link: made.link }]);
    form.reset();
    await renewList();
  }),
);

// Scenarios: a list that can be put in order, by buttons and so by keyboard.
for (const form of all("[data-scenarios]")) {
  const list = form.querySelector("[data-list]");

  const row = (id, value) => {
    const field = h("input", { value, maxlength: 100, required: true });
    const button = (text, act) => h("button", { type: "button", class: "small quiet", onclick: act }, text);
    const up = button("↑", () => { item.previousElementSibling?.before(item); name(); up.focus(); });
    const down = button("↓", () => { item.nextElementSibling?.after(item); name(); down.focus(); });
    const remove = button("✕", () => { (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("input").focus(); item.remove(); name(); });
    const item = h("li", id ? { "data-id": id } : {}, field, up, down, remove);
    field.addEventListener("input", name);
    return item;
  };
  const name = () =>
    [...list.children].forEach((item, place) => {
      const [field, up, down, remove] = [item.querySelector("input"), ...item.querySelectorAll("button")];
      field.setAttribute("aria-label", t("owner.scenario.name", { number: place + 1 }));
      up.setAttribute("aria-label", t("owner.scenario.up", { name: field.value }));
      down.setAttribute("aria-label", t("owner.scenario.down", { name: field.value }));
      remove.setAttribute("aria-label", t("owner.scenario.remove", { name: field.value }));
    });

  list.replaceChildren(...[...list.children].map((item) => row(item.dataset.id, item.dataset.value)));
  name();
  form.querySelector("[data-add]").addEventListener("click", () => {
    const item = row(null, "");
    list.append(item);
    name();
    item.querySelector("input").focus();
  });
  onSubmit(form, async () => {
    const scenarios = [...list.children].map((item) => ({ id: item.dataset.id ? Number(item.dataset.id) : null, name: item.querySelector("input").value }));
    await post("/api/study/scenarios", { scenarios });
    reloadAndSay(t("base.saved"));
  });
}

all("[data-check-log]").forEach((button) =>
  onClick(button, async () => {
    const { entries, broken, last } = await post("/api/study/log/check");
    const box = document.querySelector("[data-log-result]");
    box.textContent = broken.length ? t("owner.log.broken", { count: broken.length, first: broken[0] }) : t("owner.log.whole", { count: entries, last });
    box.className = `notice ${broken.length ? "bad" : "good"}`;
    box.hidden = false;
  }),
);
