// Taking ratings in, with every fault of a file told.

import { h, onSubmit, plural, post, StudioError, t } from "/static/api.js";

const form = document.getElementById("import");
const faults = document.getElementById("faults");
const taken = document.getElementById("taken");

onSubmit(form, async () => {
  faults.hidden = taken.hidden = true;
  const file = form.elements.file.files[0];
  if (!file) throw new StudioError(422, "file_missing", t("exchange.choose"));
  const kind = file.name.toLowerCase().endsWith(".json") ? "json" : "csv";
  try {
    const { new_raters, skip_gone } = form.elements;
    const wanted = `kind=${kind}&new_raters=${new_raters.checked}&skip_gone=${skip_gone.checked}`;
    const told = await post(`/api/study/import/ratings?${wanted}`, file);
    const made = told.new_raters.length ? ` ${t("exchange.made", { names: told.new_raters.join(", ") })}` : "";
    const gone = told.gone ? ` ${plural("exchange.gone", told.gone)}` : "";
    taken.textContent = `${plural("exchange.added", told.added)} ${plural("exchange.known", told.known)}${gone}${made}`;
    taken.hidden = false;
    form.reset();
  } catch (error) {
    if (error.detail?.faults) {
      faults.replaceChildren(...error.detail.faults.map((fault) => h("li", {}, fault)));
      faults.hidden = false;
    }
    throw error;
  }
});
