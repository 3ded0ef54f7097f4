"""Reasons of failure: which of them are one and the same."""


def kind_of(reason: str) -> str:
    """Returns a reason without its numbers: `nan in epoch 2` and `nan in epoch 3` are one reason."""
    return "".join(character for character in reason if not character.isdigit())
