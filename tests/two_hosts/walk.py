"""The walk through a cluster in docs/cluster.md: its lines, as they stand there."""

from tests.conftest import ROOT


def blocks() -> list[list[str]]:
    """Returns the commands of each code block of docs/cluster.md, without their comments."""
    section = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    found = []
    for block in section.split("```")[1::2]:
        _, *lines = block.splitlines()
        found.append([command for line in lines if (command := line.split("  #")[0].strip())])
    return found
