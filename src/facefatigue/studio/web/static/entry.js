// Signing in, and an owner's first password.
import { StudioError, onSubmit, post, say } from "/static/api.js";

const signIn = document.getElementById("sign-in");
if (signIn) {
  document.getElementById("ended").hidden = location.search !== "?ended";
  onSubmit(signIn, async ({ name, password }) => {
    location.assign((await post("/api/sign-in", { name, password })).to);
  });
}

const ownerLink = document.getElementById("owner-link");
if (ownerLink) {
  onSubmit(ownerLink, async ({ name, password, again }, form) => {
    if (password !== again) throw new StudioError(422, "different", form.dataset.different);
    location.replace((await post("/api/owner-link", { token: form.dataset.token, name, password })).to);
  });
}

for (const box of document.querySelectorAll("[data-show-password]")) {
  box.addEventListener("change", () => {
    for (const field of box.form.querySelectorAll('[name="old"], [name="password"], [name="again"]')) field.type = box.checked ? "text" : "password";
  });
}

const password = document.getElementById("password");
if (password) {
  onSubmit(password, async ({ old, password: fresh, again }, form) => {
    if (fresh !== again) throw new StudioError(422, "different", form.dataset.different);
    await post("/api/password", { old, new: fresh });
    form.reset();
    say(form.dataset.done);
  });
}
