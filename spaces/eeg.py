"""The settings of EEG recordings: files, channels, filters, windows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spaces.base import Frozen, Label, as_tuple
from spaces.tasks import TaskName

Layout = Literal["auto", "chbmit", "siena", "seizeit", "tuh", "bids"]
"""How a data set lays out its folders and annotations; `auto` recognises it."""

Part = Literal["train", "validation", "test", "left_out"]

BACKGROUND, SEIZURE = "background", "seizure"
"""Labels of windows outside and inside of seizures."""

MONTAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # The 10-20 system in the order of the seizure CNN's tensor.
        "10-20": (
            *("Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz"),
            *("Fp2", "F4", "C4", "P4", "O2", "F8", "T4", "T6"),
        ),
        # Chains of neighbours from front to back, as CHB-MIT records them.
        "double_banana": (
            *("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fz-Cz", "Cz-Pz"),
            *("Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
        ),
        # The averaged-reference montage of the TUH corpus, ear to ear across the vertex (its 01_tcp_ar).
        "tcp_ar": (
            *("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
            *("A1-T3", "T3-C3", "C3-Cz", "Cz-C4", "C4-T4", "T4-A2"),
            *("Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2"),
        ),
    }
)
"""Sets of channels that have a name."""


def _montage(value: Any) -> Any:
    return MONTAGES.get(value, (value,)) if isinstance(value, str) else value


class Eeg(Frozen):
    """EDF and BDF recordings in a folder, with the annotations that lie beside them; units are microvolts."""

    source: Literal["eeg"]
    path: str = Field(description="the folder")
    layout: Layout = Field(default="auto", description="how files are named; auto: told by their names")
    channels: Annotated[tuple[str, ...], BeforeValidator(_montage)] = Field(
        default=MONTAGES["10-20"],
        min_length=1,
        description="10-20, double_banana, tcp_ar, or a list of names such as Fp1 and pairs such as Fp1-F7",
    )
    missing_channels: Literal["stop", "interpolate"] = Field(
        default="stop", description="of a file: it is a bad file, or neighbours stand in for them"
    )
    repeated_channels: Mapping[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="{T8-P8: 2}: which signal is read where a file has different ones of one name, from 1",
    )
    rate_hz: Literal[250, 256] = Field(default=256, description="signals are resampled to it")
    bandpass_hz: tuple[float, float] | None = Field(
        default=None, description="[low, high]: frequencies that are kept; all if left out"
    )
    notch_hz: float | None = Field(default=None, gt=0, description="mains frequency that is taken out")
    window_s: float = Field(default=1.0, gt=0, le=600, description="length of a window, in seconds")
    step_s: float | None = Field(default=None, gt=0, le=600, description="the window's length if left out")
    min_overlap: float = Field(
        default=0.5, gt=0, le=1, description="share of a window in seizure that makes it positive"
    )
    form: Literal["spectrogram", "raw"] = Field(
        default="spectrogram",
        description="`(32, 9, channels)` log spectra, or `(samples, channels)` microvolts",
    )
    aliases: Mapping[str, str] = Field(
        default_factory=dict, description="patients under two names: {chb21: chb01}"
    )
    parts: Mapping[Part, Annotated[tuple[str, ...], BeforeValidator(as_tuple)]] | None = Field(
        default=None,
        description="for split.by column: patients, or patterns of paths, such as {test: ['eval/*']}; "
        "left_out goes before the others, and may stand alone under any split",
    )
    bad_annotations: Literal["stop", "mend"] = Field(
        default="stop",
        description="past the signal's end, overlapping, negative or without an end: a bad file, or mended",
    )
    assumed_duration_s: float | None = Field(
        default=None,
        gt=0,
        le=86_400,
        description="mend: length of a seizure without an end; left out, it is left out with what follows",
    )
    seizure_types: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="of BIDS events: types that are seizures, besides those known as such"
    )
    other_types: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="of BIDS events: types that are not, such as [aura]; exact but for case"
    )
    classes: Mapping[str, str] = Field(
        default_factory=dict,
        exclude_if=lambda classes: not classes,
        description="{sz_foc_ia: focal, sz_gen_nm_typical: generalised}: of BIDS events, a class for each "
        "type of seizure, beside background; left out, it is seizure or background",
    )
    on_bad_file: Literal["stop", "skip"] = Field(
        default="stop", description="a file that cannot be used ends the run, or is left out"
    )

    @field_validator("channels")
    @classmethod
    def _different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len({name.casefold() for name in value}) != len(value):
            raise ValueError(f"must name each channel once, but got {list(value)}")
        return value

    @field_validator("seizure_types", "other_types")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name.strip() for name in value):
            raise ValueError(f"must not be blank, but got {list(value)}")
        return value

    @field_validator("classes")
    @classmethod
    def _classes_apart(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if not all(kind.strip() and name.strip() for kind, name in value.items()):
            raise ValueError(f"types and classes must not be blank, but got {dict(value)}")
        if BACKGROUND in value.values():
            raise ValueError(f"{BACKGROUND} is what is no seizure; list such types in other_types")
        if len({kind.strip().casefold() for kind in value}) != len(value):
            raise ValueError(f"must give each type one class, but got {list(value)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Eeg":
        if self.form == "spectrogram" and self.window_s != 1:
            raise ValueError(f"a spectrogram is of one second (window_s: 1), but got {self.window_s:g}")
        if round(self.window_s * self.rate_hz) < 1:
            raise ValueError(f"window_s must be at least one sample, but got {self.window_s:g}")
        if self.step * self.rate_hz < 1:
            raise ValueError(f"step_s must be at least one sample, but got {self.step:g}")
        seizures, others = (
            {name.strip().casefold() for name in names} for names in (self.seizure_types, self.other_types)
        )
        if both := sorted(seizures & others):
            raise ValueError(
                f"an event type is a seizure or is not, but seizure_types and other_types both list {both}"
            )
        given = {kind.strip().casefold() for kind in self.classes}
        if both := sorted(given & (seizures | others)):
            raise ValueError(f"a type of event is listed once, but classes and another list both have {both}")
        if self.assumed_duration_s is not None and self.bad_annotations != "mend":
            raise ValueError(
                "assumed_duration_s needs bad_annotations: mend, for a seizure without an end is refused "
                f"otherwise, but got bad_annotations: {self.bad_annotations}"
            )
        half = self.rate_hz / 2
        if self.bandpass_hz is not None and not 0 < self.bandpass_hz[0] < self.bandpass_hz[1] < half:
            raise ValueError(f"bandpass_hz must rise within (0, {half:g}), but got {list(self.bandpass_hz)}")
        if self.notch_hz is not None and self.notch_hz >= half:
            raise ValueError(f"notch_hz must lie below {half:g}, but got {self.notch_hz:g}")
        return self

    @property
    def step(self) -> float:
        """Seconds from one window's start to the next one's."""
        return self.window_s if self.step_s is None else self.step_s

    @property
    def answers(self) -> tuple[str, ...]:
        """Background and the classes of seizures, in the order of the study; none of two values."""
        return (BACKGROUND, *dict.fromkeys(self.classes.values())) if self.classes else ()

    @property
    def kind(self) -> TaskName | None:
        return "classes" if self.classes else "binary"

    @property
    def positive(self) -> Label | None:
        return None if self.classes else SEIZURE
