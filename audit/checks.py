"""The rules that need a model alone: last layer, loss, labels and metrics."""

from audit.case import Case
from audit.finding import Finding
from audit.head_checks import of_head
from audit.heads import head_of, told
from audit.label_checks import of_labels, of_weights
from audit.metric_checks import of_metrics
from audit.model_facts import ModelFacts


def check(model: ModelFacts) -> list[Finding]:
    """Returns what is wrong with a model, as far as it is known; nothing that is unknown is guessed."""
    found: list[Finding] = []
    for k, output in enumerate(model.outputs):
        head = head_of(output)
        if head is None:
            continue
        metrics = model.metrics[k] if k < len(model.metrics) else ()
        loss = model.losses[k] if k < len(model.losses) else None
        labels = told(model.labels[k] if k < len(model.labels) else None, metrics, head)
        case = Case(
            model=model,
            head=head,
            loss=loss,
            labels=None if loss is not None and loss.own_labels else labels,
            metrics=metrics,
        )
        of_pair = of_head(case)
        # What follows from a wrong last layer or loss is mended with it.
        wrong = any(one.rule.id != "HS109" for one in of_pair)
        found += of_pair
        if not wrong:
            found += of_labels(case)
        found += of_metrics(case, wrong=wrong)
        if len(model.outputs) == 1:
            found += of_weights(case)
    return found
