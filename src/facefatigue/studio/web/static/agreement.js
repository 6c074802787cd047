// Figures that follow the ratings, and remarks on recordings.

import { h, localTimes, onSubmit, post } from "/static/api.js";

const figures = document.getElementById("figures");
const isCurrent = () => figures.querySelector("[data-current]")?.dataset.current === "yes";

let shown = "";

async function refresh() {
  try {
    if (document.visibilityState === "visible") {
      const answer = await fetch("/study/agreement/figures", { cache: "no-store", redirect: "error" });
      const text = answer.ok ? await answer.text() : shown;
      if (text !== shown) {
        shown = text;
        figures.innerHTML = text; // our own template, escaped there
        localTimes(figures);
      }
    }
  } catch {
    // the studio is not there at this moment: the next time
  }
  setTimeout(refresh, isCurrent() ? 20_000 : 1_500);
}
setTimeout(refresh, isCurrent() ? 20_000 : 500);

document.querySelector("#filter select").addEventListener("change", (event) => event.target.form.requestSubmit());

for (const form of document.querySelectorAll("form.remark-form")) {
  onSubmit(form, async ({ text }) => {
    await post(`/api/study/recordings/${form.dataset.recording}/remarks`, { text });
    const when = h("time", { datetime: new Date().toISOString() });
    const entry = h("li", {}, h("span", { class: "soft small" }, `${form.dataset.name}, `, when), h("p", {}, text.trim()));
    localTimes(entry);
    form.parentElement.querySelector(".remarks").append(entry);
    form.reset();
  });
}
