// Counts into metrics, by the formulas of search/scores/metrics.py; undefined is NaN (0 / 0), never 0.

export function sensitivity({ tp, fn }) {
  return tp / (tp + fn);
}

export function specificity({ tn, fp }) {
  return tn / (tn + fp);
}

export function precision({ tp, fp }) {
  return tp / (tp + fp);
}

export function f1({ tp, fp, fn }) {
  return (2 * tp) / (2 * tp + fp + fn);
}

export function balancedAccuracy(counts) {
  return (sensitivity(counts) + specificity(counts)) / 2;
}

export function accuracy({ tp, fp, tn, fn }) {
  return (tp + tn) / (tp + fp + tn + fn);
}

export function mcc({ tp, fp, tn, fn }) {
  const detected = Math.sqrt((tp + fp) * (tn + fn));
  const labelled = Math.sqrt((tp + fn) * (tn + fp));
  return (tp * tn - fp * fn) / (detected * labelled);
}

export const METRICS = {
  sensitivity,
  specificity,
  precision,
  f1,
  balanced_accuracy: balancedAccuracy,
  accuracy,
  mcc,
};

export function cost({ fp, fn }, costs) {
  return costs.fp * fp + costs.fn * fn;
}

// The four counts at a stored cut of a trial.
export function countsAt(detail, cut, rows, positives) {
  const tp = detail.tp[cut];
  const fp = detail.fp[cut];
  return { tp, fp, tn: rows - positives - fp, fn: positives - tp };
}

// Event metrics at a stored cut, by the formulas of search/events/scoring.py.
export function eventsAt(events, cut, whole) {
  const tp = events.tp[cut];
  const fp = events.fp[cut];
  const fn = whole.ref - tp;
  return {
    event_sensitivity: sensitivity({ tp, fn }),
    event_precision: precision({ tp, fp }),
    event_f1: f1({ tp, fp, fn }),
    fa_per_day: fp / (whole.seconds / 86400),
  };
}

export function sigmoid(score) {
  const small = Math.exp(-Math.abs(score));
  return (score >= 0 ? 1 : small) / (1 + small);
}
