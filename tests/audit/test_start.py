"""What the audit of programs loads: it is started by a hook for every commit."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PROGRAM = """
import sys
from pathlib import Path
from audit.source import audit_source
text = '''
m = Sequential([Dense(2, activation="softmax")])
m.compile(loss="binary_crossentropy")
'''
found = audit_source(text, Path("program.py")).findings
print([one.rule.id for one in found], sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_finding_needs_neither_numpy_nor_pydantic():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=Path(ROOT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['HS103']")
    loaded = set(done.stdout.partition("] ")[2].strip("[]\n").replace("'", "").split(", "))
    assert "spaces" in loaded
    assert not loaded & {"numpy", "pydantic", "keras", "tensorflow", "rich", "typer"}
