#!/usr/bin/env bash
# Guess: an event whose type is no seizure that the reader knows, such as an impedance check, is left out, or refused as the file is
# read, with its name.
# Seen (2026-11-28): epilepsy2bids 0.0.7 reads such a file without a word and keeps the text n/a as the type. Asked for the seizures
# or the mask, it raises AttributeError, 'str' object has no attribute 'value', whatever else the file holds. Also seizure types that
# are none of its 70, such as sz_gen_abs (an absence is sz_gen_nm_typical there).
# Why it matters: one foreign event in one recording ends the scoring of a data set, and the message names neither. What predict
# writes has the type sz.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check epilepsy2bids==0.0.7 numpy==2.4.6 pandas==3.1.1
cd "$folder"
venv/bin/python - <<'PY'
from importlib.metadata import version

from epilepsy2bids.annotations import Annotations, SeizureType

HEAD = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
ROW = "{}\t5.0\t{}\tn/a\tn/a\t2026-01-01 00:00:00\t60.0\n"


def asked(*types):
    with open("events.tsv", "w") as file:
        file.write(HEAD + "".join(ROW.format(10.0 * k, of) for k, of in enumerate(types)))
    read = Annotations.loadTsv("events.tsv")
    try:
        return [*map(str, read.getEvents())]
    except AttributeError as error:
        return f"AttributeError: {error}"


print(f"epilepsy2bids {version('epilepsy2bids')}, {len(SeizureType)} types of seizures")
found = {types: asked(*types) for types in (("sz", "sz_foc_ia"), ("sz", "impd"), ("sz", "sz_gen_abs"))}
for types, events in found.items():
    print(f"events {types}: {events}")
assert found["sz", "sz_foc_ia"] == ["(0.0, 5.0)", "(10.0, 15.0)"], "the finding has changed"
assert all(str(found["sz", other]).startswith("AttributeError") for other in ("impd", "sz_gen_abs")), "the finding has changed"
PY
