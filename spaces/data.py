"""The settings of data sources and splits."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from spaces.base import FUNCTION, Frozen, Label, as_tuple
from spaces.eeg import Eeg
from spaces.tasks import Asked, TaskName

POSITIVE = "the label value of the positive class; needed unless labels are 0/1 or false/true"
SHORTEST_WINDOW_S = 0.001
"""Event scores count in whole milliseconds."""
WINDOW = "seconds that each row covers"
STEP = "seconds from one row's start to the next; for overlaps of over 50 rows, gaps of over 100"
SEIZURES = (
    "a file with columns recording, start and end of each seizure, in seconds of `{time}`, for event scores; "
    "without, positive rows that touch are one"
)
EXACT_NAMES = "groups and recordings whose names differ in blanks or capitals alone are different"


class _Labelled(Frozen):
    """A source whose labels say what is asked, unless the study says it."""

    task: Asked = Field(
        default="auto",
        exclude_if=lambda task: task == "auto",
        description="binary, classes, labels or number; auto: two values, more values, columns of 0 and 1, "
        "or real numbers",
    )
    if TYPE_CHECKING:  # each source has its own, where it stands in a study

        @property
        def positive(self) -> Label | tuple[Label, ...] | None: ...

    @model_validator(mode="after")
    def _positive_of_two(self) -> "_Labelled":
        if self.positive is not None and self.task not in ("auto", "binary"):
            raise ValueError(
                f"data.positive names one of two values, but data.task is {self.task}; leave one of them out"
            )
        return self

    @property
    def kind(self) -> TaskName | None:
        """What is asked, where the study says it; None where the labels do."""
        if self.task == "auto":
            return None if self.positive is None else "binary"
        return self.task


class SimulatedEeg(Frozen):
    """Simulated scalp EEG made on the spot; it says nothing about real patients."""

    source: Literal["simulated_eeg"] = "simulated_eeg"
    patients: int = Field(default=25, ge=6, description="patients, each a group")
    windows: int = Field(default=160, ge=60, description="one-second windows per patient")
    seed: int = Field(default=0, ge=0, description="of patients and signals")

    @property
    def kind(self) -> TaskName | None:
        return "binary"

    @property
    def positive(self) -> Label | None:
        return 1


class Npz(_Labelled):
    """Named arrays: inputs `(n, ...)`, labels `(n,)`, and optionally who and when."""

    source: Literal["npz"]
    path: str = Field(description="an .npz, .mat or HDF5 file, or a folder of .npy files")
    x: str = Field(default="X", description="array of inputs `(n, ...)`, one row each")
    y: str = Field(default="y", description="array of labels: `(n,)`, or `(n, K)` of 0 and 1")
    group: str | None = Field(default=None, description="array naming each row's patient or file")
    recording: str | None = Field(default=None, description="array naming each row's recording")
    time: str | None = Field(default=None, description="array with each row's start, in seconds")
    window_s: float | None = Field(default=None, ge=SHORTEST_WINDOW_S, description=WINDOW)
    step_s: float | None = Field(default=None, gt=0, description=STEP)
    seizures: str | None = Field(
        default=None,
        description="array `(k, 3)` of recording, start and end of each seizure, in seconds of `time`, for "
        "event scores; without, positive rows that touch are one",
    )
    split: str | None = Field(default=None, description="array of train, validation and test, for split.by")
    exact_names: bool = Field(default=False, description=EXACT_NAMES)
    positive: Label | None = Field(default=None, description=POSITIVE)


class Table(_Labelled):
    """A table with a row a line: features, label, and optionally who and when."""

    source: Literal["table"]
    path: str = Field(description="the file: .csv, .tsv, .csv.gz, .parquet or .feather")
    label: str | tuple[str, ...] = Field(
        description="column of labels; a list of columns of 0 and 1 where several apply"
    )
    features: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, description="columns of the inputs, or patterns such as `X*`"
    )
    shape: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="`[steps, channels]` of a row whose features are a signal, channels fastest"
    )
    group: str | None = Field(default=None, description="column naming each row's patient or file")
    group_pattern: str | None = Field(
        default=None, description="regular expression whose bracket holds the part of `group` that counts"
    )
    recording: str | None = Field(default=None, description="column naming each row's recording")
    time: str | None = Field(default=None, description="column with each row's start, in seconds")
    window_s: float | None = Field(default=None, ge=SHORTEST_WINDOW_S, description=WINDOW)
    step_s: float | None = Field(default=None, gt=0, description=STEP)
    seizures: str | None = Field(default=None, description=SEIZURES.format(time="time"))
    split: str | None = Field(default=None, description="column of train, validation and test, for split.by")
    exact_names: bool = Field(default=False, description=EXACT_NAMES)
    positive: Label | tuple[Label, ...] | None = Field(
        default=None, description=f"{POSITIVE}; a list stands for its values against the rest"
    )

    @field_validator("group_pattern")
    @classmethod
    def _has_one_bracket(cls, pattern: str | None) -> str | None:
        try:
            brackets = 1 if pattern is None else re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"must be a regular expression, but got {pattern!r}: {error}") from None
        if brackets != 1:
            raise ValueError(f"must have one bracket, such as '^(p[0-9]+)', but got {pattern!r}")
        return pattern


class Images(_Labelled):
    """A folder with one sub-folder of photos per class, or such sub-folders in train, validation and test."""

    source: Literal["images"]
    path: str = Field(description="the folder")
    size: int = Field(default=96, ge=8, le=1024, description="photos are resized to size x size pixels")
    parts: Literal["auto", "folders", "none"] = Field(
        default="auto",
        description="folders: those in it are train, validation and test; none: classes; auto: told by names",
    )
    positive: Label | None = Field(default=None, description=POSITIVE)
    on_bad_file: Literal["stop", "skip"] = Field(
        default="stop", description="a photo that cannot be read ends the run, or is left out"
    )


class Bonn(Frozen):
    """The Bonn EEG recordings (Andrzejak et al. 2001): 500 files of one channel, 23.6 s each."""

    source: Literal["bonn"]
    path: str = Field(description="bonn_eeg.zip")
    task: Literal["binary", "classes"] = Field(
        default="binary",
        exclude_if=lambda task: task == "binary",
        description="binary: seizure (set E) or not; classes: which of the five sets A to E",
    )

    @property
    def positive(self) -> Label | None:
        return "seizure" if self.task == "binary" else None

    @property
    def kind(self) -> TaskName | None:
        return self.task


class Custom(_Labelled):
    """A source of the user's own: `package.module:function`, which returns arrays as an `.npz` holds them.

    The function takes the options as keyword arguments and returns a mapping with `X` and `y`, and, where
    they are known, `group`, `recording`, `time`, `split` and `seizures`.
    """

    source: str = Field(pattern=f"^{FUNCTION}$", description="package.module:function")
    folder: str | None = Field(
        default=None, description="where the module lies; beside the study if left out"
    )
    options: Mapping[str, Any] = Field(default_factory=dict, description="arguments of the function")
    window_s: float | None = Field(default=None, ge=SHORTEST_WINDOW_S, description=WINDOW)
    step_s: float | None = Field(default=None, gt=0, description=STEP)
    exact_names: bool = Field(default=False, description=EXACT_NAMES)
    positive: Label | None = Field(default=None, description=POSITIVE)


class Arrays(_Labelled):
    """Arrays that a notebook gave to `headsearch.search`; they are kept in `prepared/` alone."""

    source: Literal["arrays"]
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="of what was given; written by a notebook")
    window_s: float | None = Field(default=None, ge=SHORTEST_WINDOW_S, description=WINDOW)
    exact_names: bool = Field(default=False, description=EXACT_NAMES)
    positive: Label | None = Field(default=None, description=POSITIVE)


class Scores(Frozen):
    """Scores of models that exist already: one file, one or several columns of scores, and labels.

    They are decided upon by `search.py decide`; there is nothing to train.
    """

    source: Literal["scores"]
    path: str = Field(description="a table (.csv, .parquet, .feather) or arrays (.npz, .mat, .h5)")
    label: str = Field(description="column of labels, of two values")
    score: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, description="columns of scores; higher means more positive"
    )
    group: str | None = Field(default=None, description="column naming each row's patient or file")
    recording: str | None = Field(default=None, description="column naming each row's recording")
    start: str | None = Field(default=None, description="column with each row's start, in seconds")
    window_s: float | None = Field(default=None, ge=SHORTEST_WINDOW_S, description=WINDOW)
    step_s: float | None = Field(default=None, gt=0, description=STEP)
    seizures: str | None = Field(default=None, description=SEIZURES.format(time="start"))
    exact_names: bool = Field(default=False, description=EXACT_NAMES)
    positive: Label | None = Field(default=None, description=POSITIVE)

    @field_validator("score")
    @classmethod
    def _different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"must name different columns, but got {', '.join(value)}")
        return value

    @property
    def kind(self) -> TaskName | None:
        return "binary"


CUSTOM = "package.module:function"
"""The tag of a source of the user's own, which stands for any such name."""


def _source(value: Any) -> Any:
    source = value.get("source") if isinstance(value, dict) else getattr(value, "source", None)
    return CUSTOM if isinstance(source, str) and re.fullmatch(FUNCTION, source) else source


Data = Annotated[
    Annotated[SimulatedEeg, Tag("simulated_eeg")]
    | Annotated[Npz, Tag("npz")]
    | Annotated[Table, Tag("table")]
    | Annotated[Images, Tag("images")]
    | Annotated[Bonn, Tag("bonn")]
    | Annotated[Eeg, Tag("eeg")]
    | Annotated[Arrays, Tag("arrays")]
    | Annotated[Scores, Tag("scores")]
    | Annotated[Custom, Tag(CUSTOM)],
    Discriminator(_source),
]
SOURCE_TAGS = tuple(get_args(kind)[1].tag for kind in get_args(get_args(Data)[0]))
"""Tags of the kinds of `data:`."""


class Split(Frozen):
    """How rows are divided into train, validation and test."""

    by: Literal["group", "recording", "time", "window", "column"] = Field(
        default="group",
        description="what stays whole; recording and time: for one patient; column: the parts the data name",
    )
    blocks: int = Field(
        default=10, ge=3, description="of by time: blocks of equal length a recording is cut into"
    )
    gap_s: float = Field(
        default=60.0, ge=0, description="of by time: rows nearer to a block of another part are left out"
    )
    train: float = Field(default=0.6, gt=0, lt=1, description="share of the rows that weights are fitted on")
    validation: float = Field(
        default=0.2, gt=0, lt=1, description="share that the search, thresholds and calibration see"
    )
    test: float = Field(default=0.2, gt=0, lt=1, description="share that only promote opens")
    seed: int = Field(default=0, ge=0, description="of who falls into which part")
    i_accept_leakage: bool = Field(
        default=False, description="search although parts share rows, groups or windows; every row says so"
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Split":
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"split.train + split.validation + split.test must be 1, but got {total:g}")
        return self
