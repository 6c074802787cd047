// An existing file, looked at before it is sent.
import { t } from "/static/api.js";

/** What is wrong with a file, as far as the browser can tell; the studio's check is the judge. */
export async function problemOf(file, limits) {
  if (file.size > limits.most_bytes) return t("volunteer.file.too_large", { size: Math.floor(limits.most_bytes / 1e6) });
  if (file.type && !file.type.startsWith("video/")) return t("volunteer.file.not_video");
  const seconds = await new Promise((resolve) => {
    const video = document.createElement("video");
    video.preload = "metadata";
    video.onloadedmetadata = () => resolve(video.duration);
    video.onerror = () => resolve(null); // of a kind that this browser does not play
    video.src = URL.createObjectURL(file);
    setTimeout(() => resolve(null), 5000);
  });
  if (!Number.isFinite(seconds) || !seconds) return null;
  const shown = { seconds: Math.round(seconds), shortest: limits.shortest_s, longest: limits.longest_s };
  if (seconds < limits.shortest_s - 0.5) return t("volunteer.file.too_short", shown);
  return seconds > limits.longest_s + 0.5 ? t("volunteer.file.too_long", shown) : null;
}
