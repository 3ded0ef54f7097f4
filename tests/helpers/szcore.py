"""Scores files of events as szcore-evaluation 0.0.7 does, with timescoring alone."""

import csv
from pathlib import Path

import numpy as np
from timescoring import scoring
from timescoring.annotations import Annotation


def szcore(reference: Path, hypothesis: Path) -> tuple[int, int, int, int]:
    """Detected seizures, false detections, seizures, and seconds, over all patients of a BIDS data set.

    A detection is looked for under the relative path of its reference, in masks of one sample per second. One
    that is missing, or of another length, counts as no detection.
    """
    sums = np.zeros(4, int)
    for file in reference.glob("sub-*/**/*_events.tsv"):
        ref, hyp = (_mask(path) for path in (file, hypothesis / file.relative_to(reference)))
        hyp = hyp if len(hyp) == len(ref) else np.zeros_like(ref)
        counts = scoring.EventScoring(Annotation(ref, 1), Annotation(hyp, 1))
        sums += [counts.tp, counts.fp, counts.refTrue, len(ref)]
    tp, fp, seizures, seconds = sums.tolist()
    return tp, fp, seizures, seconds


def _mask(path: Path) -> np.ndarray:
    text = path.read_text() if path.is_file() else ""
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    mask = np.zeros(int(float(rows[0]["recordingDuration"])) if rows else 0)
    for row in rows:
        if row["eventType"] == "sz":
            start = float(row["onset"])
            mask[int(start) : int(start + float(row["duration"]))] = 1
    return mask
