"""Decides whether the name of an event is a seizure, something else, or in doubt."""

import re
from collections.abc import Sequence

TUH_SEIZURES = frozenset(
    {"seiz", "fnsz", "gnsz", "spsz", "cpsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz"}
)
TUH_OTHERS = frozenset({"bckg", "nesz"})
"""Labels of the TUH annotation guidelines (Ochal et al. 2020); a non-epileptic seizure, `nesz`, has no
signs in the EEG."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NOUNS = TUH_SEIZURES | _listed("sz seizure seizures ictal ncse spasm spasms convulsion convulsions")
"""Words that name a seizure."""

_STATUS = re.compile(r"\bstatus epilepticus\b")

_QUALIFIERS = _listed(
    """
    a b c the of and with to in by on from as or other non no not without onset
    focal multifocal generalized generalised bilateral unilateral partial simple complex primary primarily
    secondary secondarily generalization generalisation evolving spreading propagating becoming
    motor nonmotor convulsive nonconvulsive tonic clonic tonicclonic atonic myoclonic myoclonus absence
    absences typical atypical hyperkinetic hypermotor hypomotor gelastic dacrystic versive autonomic sensory
    cognitive emotional dyscognitive akinetic astatic eyelid myoclonia automatism automatisms behavior
    behaviour behavioral behavioural arrest petit grand mal gtc gtcs btcs fbtc fbtcs fia fias fa fas
    aware awareness impaired retained preserved intact unaware loss consciousness
    unknown unclassified unspecified undetermined
    electrographic electrical electroclinical clinical subclinical sign signs symptom symptoms manifestation
    manifestations correlate eeg epileptic epilepsy epilepticus
    left right temporal frontal parietal occipital central insular mesial lateral anterior posterior
    hemisphere hemispheric lobe lobar
    neonatal infantile febrile brief short long prolonged subtle nocturnal diurnal sleep awake asleep
    type event events phase activity period episode cluster rhythm rhythmic pattern discharge discharges
    """
)
"""Words that may stand beside the nouns without a doubt that it is a seizure."""

_NEGATIONS = frozenset({"no", "non", "not", "without", "pre", "post", "inter"})
"""Right before the noun these words say that it is no seizure."""

_BETWEEN_SEIZURES = _listed(
    """
    interictal preictal postictal nonictal prodrome prodromal pnes psychogenic
    ied ieds spike spikes polyspike polyspikes spsw sharp epileptiform gped gpeds pled pleds lpd lpds gpd gpds
    bipd bipds lrda grda slowing
    """
)
_ARTEFACTS = _listed(
    """
    impd impedance impedances artifact artifacts artefact artefacts artf eye eyes eyem eybl blink blinks
    blinking chew chewing musc muscle muscles muscular emg ekg ecg electrode electrodes elec elpp elst pop
    pops swallow swallowing sweat sweating shiv shiver shivering shivers movement movements talking speech
    cough coughing snoring yawning noise calibration saturation disconnected disconnection
    """
)
_STATES = _listed(
    """
    background baseline normal rest resting sleep asleep awake wake wakefulness drowsy drowsiness n1 n2 n3 n4
    s1 s2 s3 s4 rem nrem arousal arousals spindle spindles vertex photic photostimulation ips flash flashes
    hyperventilation hv
    """
)
_RECORDER = _listed("boundary recording montage filter gain trial trials stimulus stimuli response fixation")
_OTHERS = TUH_OTHERS | _BETWEEN_SEIZURES | _ARTEFACTS | _STATES | _RECORDER
"""Words that name something else."""

_FILLERS = _listed(
    """
    a the of and with to in by on off at from start starts started stop stops stopped begin begins end ends
    ended new change changed check marker eeg activity event events period phase state left right bilateral
    frontal temporal occipital parietal central wave waves slow complex complexes discharge discharges stage
    open opened opening close closed closing stimulation lateral horizontal vertical deep light rhythm pre
    post segment mild moderate k w r hz
    """
)
"""Words that may stand beside those of `_OTHERS`."""

_MISSING = frozenset({"", "n/a", "na", "nan", "none", "null", "-"})
_HED_SCORE = re.compile(r"sz\d*([_-][a-z0-9]+)*")
_UNSURE_PARTS = _listed(
    """
    no non not pre post inter free like end ends stop off offset on onset start begin artifact artefact
    possible probable suspected maybe unsure
    """
)
"""Words that may follow `sz_` but are not of HED-SCORE."""


def is_missing(kind: str) -> bool:
    """Whether a cell says that there is no name."""
    return kind.strip().casefold() in _MISSING


def is_seizure(kind: str, seizures: Sequence[str] = (), others: Sequence[str] = ()) -> bool | None:
    """Whether the name of an event names a seizure; None where it cannot be told.

    A seizure is a code of HED-SCORE (`sz`, `sz_foc_ia`) or TUH (`fnsz`), or words that name one with none
    beside it but known ones (focal, non-convulsive, without generalization). Something else is what is known
    as such (`bckg`, artefacts, spikes, sleep) or says that it is no seizure ("no seizure", seizure-free).

    Args:
        kind: the name, in any case.
        seizures: further names of seizures, exact but for case.
        others: further names of what is none; both come before what is known here.
    """
    folded = kind.strip().casefold()
    if folded in {name.strip().casefold() for name in seizures}:
        return True
    if folded in {name.strip().casefold() for name in others} or is_missing(kind):
        return False
    if "?" in kind:
        return None
    if _HED_SCORE.fullmatch(folded) and not _UNSURE_PARTS & set(re.split(r"[_-]", folded)):
        return True
    words = _words(kind)
    nouns = [k for k, word in enumerate(words) if word in _NOUNS]
    if nouns:
        return _names_seizure(words, nouns)
    known = any(word in _OTHERS for word in words) and all(word in _OTHERS | _FILLERS for word in words)
    return False if known else None


def mentions_seizure(text: str, seizures: Sequence[str] = (), others: Sequence[str] = ()) -> bool:
    """Whether a text beside an event without a type names a seizure, or may do so."""
    told = is_seizure(text, seizures, others)
    return bool(told) or (told is None and any(word in _NOUNS for word in _words(text)))


def _words(kind: str) -> list[str]:
    """Words in lower case, status epilepticus as seizure: `focalSeizure2` is focal, seizure; N2 stays n2."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).casefold()
    words = re.findall(r"[^\W\d_]+(?:\d+)?", apart)
    plain = [word if word in _OTHERS else word.rstrip("0123456789") for word in words]
    return _STATUS.sub("seizure", " ".join(plain)).split()


def _names_seizure(words: Sequence[str], nouns: Sequence[int]) -> bool | None:
    """Whether words name a seizure; the words at the places `nouns` do by themselves."""
    first, last = nouns[0], nouns[-1]
    before, after = words[:first], words[last + 1 :]
    others = [word for k, word in enumerate(words) if k not in nouns]
    if len(nouns) == 1:
        epileptic = before[:-1] if before[-1:] == ["epileptic"] else before  # "non-epileptic seizure"
        negated = epileptic[-1:] != [] and epileptic[-1] in _NEGATIONS
        apart = after[:1] in (["free"], ["like"])
        if (negated or apart) and set(others) <= _QUALIFIERS | _NEGATIONS | {"free", "like", "interval"}:
            return False
    if not set(others) <= _QUALIFIERS:
        return None
    if {"no", "without"} & set(before):
        return None  # "no clinical seizure" may be an electrographic one
    if "of" in before and {"absence", "absences"} & set(before):
        return None
    if "epileptic" in after and _NEGATIONS & set(after):
        return None
    return None if "onset" in after or words[-1] in _NEGATIONS else True
