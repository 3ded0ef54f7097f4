"""One output of a model with its loss, labels and metrics, as the rules look at it."""

from dataclasses import dataclass, replace

from audit.finding import Edit, Finding
from audit.heads import Head
from audit.model_facts import LabelFacts, LossFacts, MetricFacts, ModelFacts, Place, Written
from audit.rules import RULES, Severity


@dataclass(frozen=True, kw_only=True)
class Case:
    """One output of a model; see `ModelFacts`."""

    model: ModelFacts
    head: Head
    loss: LossFacts | None = None
    labels: LabelFacts | None = None
    metrics: tuple[MetricFacts, ...] = ()

    @property
    def layer(self) -> str:
        """How the last layer is written, in short."""
        head = self.head
        inside = [] if head.units is None else [str(head.units)]
        if head.activation not in ("linear", None) and head.last is head.base:
            inside.append(str(head.activation))
        written = f"{head.base.kind}({', '.join(inside)})"
        if head.last is not head.base and head.activation is not None:
            return f"{written} and {head.activation}"
        return written

    def found(
        self,
        rule: str,
        place: Place,
        message: str,
        fix: str,
        edits: tuple[Edit | None, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """Returns a finding.

        Args:
            rule: its id.
            place, message, fix: as of `Finding`.
            edits: they hold None where a part of the fix cannot be applied: then none is.
            severity: where it is milder than that of the rule.
        """
        known = tuple(edit for edit in edits if edit is not None)
        broken = RULES[rule]
        return Finding(
            rule=broken if severity is None else replace(broken, severity=severity),
            path=self.model.path,
            line=place.start[0],
            column=place.start[1] + 1,
            code=place.code,
            message=message,
            fix=fix,
            edits=known if len(known) == len(edits) else (),
            seen=self.model.seen,
        )

    @property
    def loss_place(self) -> Place:
        """Where the loss is said."""
        return self.model.place if self.loss is None else self.loss.place


def replaced(written: Written | None, text: str) -> Edit | None:
    """Returns the edit that puts another name in a literal's or a class's place, None where none can."""
    if written is None:
        return None
    old, place = written.text, written.place
    if old[:1] in ("'", '"') and old[-1:] == old[:1]:
        return Edit(start=place.start, end=place.end, text=f"{old[0]}{text}{old[0]}")
    return None


def renamed(written: Written | None, name: str) -> Edit | None:
    """Returns the edit that calls another class of the same module, None where its name would be unknown."""
    if written is None or "." not in written.text or written.text[:1] in ("'", '"'):
        return None
    module = written.text.rpartition(".")[0]
    return Edit(start=written.place.start, end=written.place.end, text=f"{module}.{name}")


_CLASSES = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


def other_loss(loss: LossFacts | None, name: str) -> Edit | None:
    """Returns the edit that takes another loss."""
    if loss is None or loss.label_smoothing != 0.0:
        return None
    return renamed(loss.name_at, _CLASSES[name]) if loss.called else replaced(loss.name_at, name)
