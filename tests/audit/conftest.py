"""Programs that are data for the audit are not tests, whatever they are called, and are not imported."""

collect_ignore = ["programs", "held_out", "fresh"]
