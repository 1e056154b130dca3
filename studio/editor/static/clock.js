// Seconds as people read and type them.

/** 3725.25 -> "1:02:05"; with digits 2, "1:02:05.25". Always with hours: concerts are long. */
export function clock(seconds, digits = 0) {
  const scale = 10 ** digits;
  const whole = Math.round(Math.max(0, seconds) * scale) / scale;
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${h}:${String(m).padStart(2, "0")}:${s}`;
}

/** "1:02:05.25", "2:05" or "125" -> seconds; null if it is no time. */
export function seconds(text) {
  const parts = text.trim().split(":");
  if (parts.length > 3 || parts.some((part) => !/^\d+(\.\d+)?$/.test(part))) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** 272 -> "4 min 32 s": how long something lasts. */
export function span(seconds_) {
  if (seconds_ < 60) return `${seconds_.toFixed(1)} s`;
  const minutes = Math.floor(seconds_ / 60);
  const rest = Math.round(seconds_ - 60 * minutes);
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
