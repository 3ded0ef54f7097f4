"""The rules that need a model alone: last layer, loss, labels and metrics."""

from audit.finding import Finding
from audit.model_facts import ModelFacts
from audit.rules import RULES


def check(model: ModelFacts) -> list[Finding]:
    """Returns what is wrong with a model, as far as it is known; nothing that is unknown is guessed."""
    found = []
    for output in model.outputs:
        if output.layers and output.layers[-1].units == 1 and output.layers[-1].activation == "softmax":
            layer = output.layers[-1]
            found.append(
                Finding(
                    rule=RULES["HS101"],
                    path=model.path,
                    line=layer.place.start[0],
                    column=layer.place.start[1] + 1,
                    code=layer.place.code,
                    message="softmax over one unit is the constant 1: the network cannot answer anything else",
                    fix="one unit with a sigmoid and binary cross-entropy",
                    seen=model.seen,
                )
            )
    return found
