// Numbers as people read them. Undefined is a dash, never 0.

export const DASH = "–";

const NAMED = {
  f1: "F1",
  event_f1: "event F1",
  mcc: "MCC",
  roc_auc: "ROC AUC",
  ece: "calibration error",
  fa_per_day: "false alarms per day",
  value_fa_per_day: "false alarms per day behind value",
  train_s: "training time",
  params: "parameters",
};

export function isNumber(value) {
  return typeof value === "number" && !Number.isNaN(value);
}

// With so many decimals: 0.877.
export function fixed(value, decimals = 3) {
  if (!isNumber(value)) return DASH;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toFixed(decimals).replace(/^-/, "−");
}

// With so many significant digits, whatever the size: 0.00283, 2.8e−7, 1,024.
export function significant(value, digits = 3) {
  if (!isNumber(value)) return DASH;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e5 || size < 1e-4
      ? value.toExponential(digits - 1).replace(/\.?0*e\+?/, "e")
      : Number(value.toPrecision(digits)).toString();
  return text.replace(/-/g, "−");
}

export function count(value) {
  return isNumber(value) ? value.toLocaleString("en") : DASH;
}

export function percent(share, decimals = 1) {
  return isNumber(share) ? `${(100 * share).toFixed(decimals)}%` : DASH;
}

export function interval(low, high, decimals = 3) {
  return isNumber(low) && isNumber(high) ? `${fixed(low, decimals)}–${fixed(high, decimals)}` : "";
}

export function duration(seconds) {
  if (!isNumber(seconds)) return DASH;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (!minutes) return `${whole} s`;
  return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
}

export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

// A name of a column or a setting, as words.
export function words(name) {
  const plain = name.replace(/^val_/, "");
  return NAMED[plain] ?? plain.replaceAll("_", " ");
}
