"""The README's walk through a cluster: its lines, as they stand there."""

from tests.conftest import ROOT


def blocks() -> list[list[str]]:
    """Returns the commands of each code block of the README's section on clusters, without their comments."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## A cluster\n")[1].split("\n## ")[0]
    found = []
    for block in section.split("```")[1::2]:
        _, *lines = block.splitlines()
        found.append([command for line in lines if (command := line.split("  #")[0].strip())])
    return found
