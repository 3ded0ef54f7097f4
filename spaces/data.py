"""What a study says about its data: the source, the positive label and the splits."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Label = bool | int | float | str
"""One original label value, as it stands in the user's data."""


class Frozen(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class SimulatedEeg(Frozen):
    """Simulated scalp EEG made on the spot; it says nothing about real patients."""

    source: Literal["simulated_eeg"] = "simulated_eeg"
    patients: int = Field(default=25, ge=6, description="patients, each a group")
    windows: int = Field(default=160, ge=60, description="one-second windows per patient")
    seed: int = Field(default=0, ge=0)

    @property
    def positive(self) -> Label | None:
        return 1


class Npz(Frozen):
    """Arrays in one `.npz` file: inputs `(n, ...)`, labels `(n,)`, and optionally who and when."""

    source: Literal["npz"]
    path: str
    x: str = "X"
    y: str = "y"
    group: str | None = Field(default=None, description="array naming each row's patient or file")
    recording: str | None = Field(default=None, description="array naming each row's recording")
    time: str | None = Field(default=None, description="array with each row's start, in seconds")
    window_s: float | None = Field(default=None, gt=0, description="seconds that each row covers")
    positive: Label | None = None


class Images(Frozen):
    """A folder with one sub-folder of photos per class."""

    source: Literal["images"]
    path: str
    size: int = Field(default=96, ge=8, le=1024, description="photos are resized to size x size pixels")
    positive: Label | None = None


class Bonn(Frozen):
    """The Bonn EEG recordings (Andrzejak et al. 2001): 500 files of one channel, 23.6 s each."""

    source: Literal["bonn"]
    path: str = Field(description="bonn_eeg.zip")

    @property
    def positive(self) -> Label | None:
        return "seizure"


Data = Annotated[SimulatedEeg | Npz | Images | Bonn, Field(discriminator="source")]


class Split(Frozen):
    """How rows are divided into train, validation and test."""

    by: Literal["group", "window"] = "group"
    train: float = Field(default=0.6, gt=0, lt=1)
    validation: float = Field(default=0.2, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    i_accept_leakage: bool = False

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Split":
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"split.train + split.validation + split.test must be 1, but got {total:g}")
        return self
