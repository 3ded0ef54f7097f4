"""What a search may use, and where it is kept: budget, resources, storage, study database."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from spaces.base import Frozen


class Budget(Frozen):
    """When the search ends: at whichever limit comes first."""

    trials: int = Field(
        default=32,
        ge=1,
        description="trained trials: the author's configuration, the portfolio, then draws; the baselines "
        "come on top",
    )
    hours: float | None = Field(
        default=None, gt=0, description="of one execution, from its first trial; a resumed run has them anew"
    )
    gpu_hours: float | None = Field(
        default=None, gt=0, description="of all trials of the run: training time times the share of a GPU"
    )
    trial_minutes: float | None = Field(
        default=None, gt=0, description="a trial that takes longer is a failed row; no limit if left out"
    )


MOST_FUSED = 1024
"""Trials of one program, at most."""


def _fused(value: Any) -> Any:
    if value is False:  # what YAML makes of `off`
        return "off"
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not (value in ("auto", "off") or isinstance(value, int)):
        raise ValueError(f"must be auto, off or a number of trials, but got {value!r}")
    if isinstance(value, int) and not 1 <= value <= MOST_FUSED:
        raise ValueError(f"must be 1 to {MOST_FUSED} trials, auto or off, but got {value}")
    return value


class Resources(Frozen):
    """What one trial is given."""

    cpus: int = Field(default=1, ge=1, description="threads of a trial")
    gpus: float = Field(default=0.0, ge=0, description="a share of a GPU such as 0.25, or whole ones")
    trials_per_gpu: int | None = Field(
        default=None, ge=1, description="at most so many trials on one GPU, however small their share"
    )
    gpu_memory: Literal["share", "grow"] = Field(
        default="share", description="a trial's GPU memory: its share, or whatever it comes to need"
    )
    fuse: Annotated[Literal["auto", "off"] | int, BeforeValidator(_fused)] = Field(
        default="auto",
        description="trials that one program trains at once, with Keras on JAX; "
        "auto: on a GPU as many as fit and pay, else off",
    )
    allow_cpu: bool = Field(
        default=False, description="train on the CPU where GPUs are declared but the backend sees none"
    )
    workers: int | None = Field(default=None, ge=1, description="trials at once; as many as fit if left out")

    @field_validator("gpus")
    @classmethod
    def _share_or_whole(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError(f"must be a share of one GPU or a number of whole ones, but got {value:g}")
        return value

    @model_validator(mode="after")
    def _shared_gpu(self) -> "Resources":
        if self.trials_per_gpu is not None and not 0 < self.gpus <= 1:
            raise ValueError(
                f"trials_per_gpu divides one GPU, so gpus must be a share up to 1, but is {self.gpus:g}"
            )
        return self

    @model_validator(mode="after")
    def _one_gpu_fused(self) -> "Resources":
        if isinstance(self.fuse, int) and self.gpus > 1:
            raise ValueError(
                f"fused trials share one GPU, so gpus must be at most 1 with fuse {self.fuse}, "
                f"but is {self.gpus:g}"
            )
        return self

    @property
    def gpu_share(self) -> float:
        """GPUs that one trial holds, in the four decimals that Ray counts."""
        if self.trials_per_gpu is None:
            return self.gpus
        return max(self.gpus, int(10_000 / self.trials_per_gpu) / 10_000)


class Keep(Frozen):
    """What outlives the search."""

    checkpoints: int = Field(default=5, ge=1, description="best trials whose weights are kept")


STORAGES = ("file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")
"""Schemes of the filesystems that pyarrow knows, as in `s3://bucket/runs`."""


def _database(value: str) -> str:
    if value in ("none", "sqlite"):
        return value
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgresql", "postgresql+psycopg"):
        # The value is not repeated: it may hold a password.
        raise ValueError("must be sqlite, none, or postgresql://user@host/name")
    if ":" in rest.rpartition("@")[0] or "password" in rest.lower():
        raise ValueError(
            "must not carry a password, since a run keeps its study in a file; "
            "give it by PGPASSWORD or ~/.pgpass"
        )
    return f"postgresql+psycopg://{rest}"


def without_secret(place: str) -> str:
    """Returns a storage's path or URI, unless it holds what should stand in the environment alone.

    Raises:
        ValueError: it does; the place is not repeated.
    """
    where, _, options = place.partition("://")[2].partition("?")
    words = ("key", "secret", "password", "token", "sig=")
    if ":" in where.rpartition("@")[0] or any(word in options.lower() for word in words):
        raise ValueError(
            "must not carry a secret, since a run keeps its study in a file; "
            "give it by the environment, such as AWS_SECRET_ACCESS_KEY"
        )
    return place


def _storage(value: str | None) -> str | None:
    scheme, separator, _ = (value or "").partition("://")
    if value is None or (value.strip() and not separator):
        return value
    # The value is not repeated: it may hold a secret.
    if scheme not in STORAGES:
        raise ValueError(f"must be a folder or a URI of {', '.join(STORAGES)}")
    return without_secret(value)


Storage = Annotated[str | None, AfterValidator(_storage)]
Database = Annotated[str, AfterValidator(_database)]
