// What the check found, in words that say what to do; and what there is of one's own.
import { h, onClick, t } from "/static/api.js";

/** List items for what was not good; what makes a recording unusable first. */
export function advice(recording, limits) {
  const worse = recording.findings.filter(({ level }) => level !== "good");
  const refused = worse.filter(({ level }) => level === "refused");
  const shown = refused.length ? refused : worse;
  return shown.map(({ name, level }) => {
    const words = t(`volunteer.finding.${name}.${level}`, { shortest: limits.shortest_s, longest: limits.longest_s });
    return h("li", {}, words);
  });
}

const moment = (time) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));

/** A video that is on this device only, or partly sent. */
export function waitingCard(draft, { goOn, drop }) {
  const sending = draft.status === "sending";
  const words = sending
    ? t("volunteer.waiting.sending", { percent: Math.floor(100 * (draft.share ?? 0)), when: moment(draft.made) })
    : t("volunteer.waiting.review", { when: moment(draft.made) });
  const next = h("button", { type: "button", class: "main" }, t(sending ? "volunteer.waiting.go_on" : "volunteer.waiting.look"));
  next.addEventListener("click", () => goOn(draft));
  const away = h("button", { type: "button", class: "quiet" }, t("volunteer.waiting.delete"));
  onClick(away, async () => {
    if (confirm(t("volunteer.mine.delete_sure"))) await drop(draft);
  });
  const buttons = h("div", { class: "row" }, next, away);
  return h("div", { class: "card stack" }, h("h2", {}, t("volunteer.waiting.title")), h("p", {}, words), buttons);
}

/** One's recordings, each to be played or deleted. */
export function recordingItem(recording, limits, { remove }) {
  const when = moment(recording.created_at);
  const level = { accepted: "good", refused: "bad", failed: "bad", checking: "accent", uploading: "warn" }[recording.state];
  const item = h("li", { class: "card flat" });
  const still = recording.has_still
    ? h("img", { class: "still", src: `/media/${recording.id}/still`, alt: t("volunteer.mine.still"), loading: "lazy" })
    : h("span", { class: "place" });
  const about = h(
    "div",
    {},
    h("p", { class: "strong" }, when),
    h("p", { class: "soft small" }, recording.scenario || ""),
    h("p", {}, h("span", { class: `badge ${level}` }, t(`volunteer.state.${recording.state}`))),
  );
  const buttons = h("div", { class: "row end" });
  let player = null;
  if (recording.state !== "uploading" && recording.state !== "failed") {
    const play = h("button", { type: "button", class: "small", "aria-label": t("volunteer.mine.play", { when }) }, t("volunteer.mine.play_short"));
    play.addEventListener("click", () => {
      if (player) {
        player.remove();
        player = null;
      } else {
        player = h("video", { controls: true, autoplay: true, playsinline: true, src: `/media/${recording.id}` });
        item.append(player);
      }
      play.textContent = t(player ? "volunteer.mine.hide_short" : "volunteer.mine.play_short");
      play.setAttribute("aria-expanded", String(Boolean(player)));
    });
    buttons.append(play);
  }
  const drop = h("button", { type: "button", class: "quiet small", "aria-label": t("volunteer.mine.delete", { when }) }, t("volunteer.mine.delete_short"));
  drop.addEventListener("click", () => {
    if (confirm(t("volunteer.mine.delete_sure"))) remove(recording, drop);
  });
  buttons.append(drop);
  item.append(still, h("div", { class: "row between" }, about, buttons));
  if (recording.state === "uploading") item.append(h("p", { class: "advice soft small" }, t("volunteer.mine.elsewhere")));
  if (recording.state === "refused" || recording.state === "failed") {
    item.append(h("ul", { class: "advice soft small" }, ...advice(recording, limits)));
  }
  return item;
}
