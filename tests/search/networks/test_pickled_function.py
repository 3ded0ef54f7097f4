"""Functions that are kept whole: they come back, and what cannot be kept or read is told."""

import sys
import threading

import numpy as np
import pytest

from search.networks import pickled_function
from search.networks.trunks import author_config, outside_digest
from spaces.errors import RunError
from spaces.space import Trunk
from spaces.study import Study


def of_a_cell(text: str, **values):
    cell = {"__name__": "__main__", **values}
    exec(text, cell)
    return cell["build"]


CELL = """
UNITS = 3

def helper(x):
    return [x] * UNITS

def build(inputs, width):
    import numpy
    return helper(numpy.abs(inputs)) + [width]
"""


def test_a_function_comes_back_with_its_helpers_and_values(tmp_path):
    code = pickled_function.dump(of_a_cell(CELL), "notebook:build")
    assert pickled_function.load(code, "notebook:build", str(tmp_path))(-2, 0.5) == [2, 2, 2, 0.5]
    trunk = Trunk(name="notebook:build", code=code)
    assert outside_digest(author_config(Study(trunk=trunk)), (3,)) is not None


def test_what_cannot_be_kept_is_told():
    lock = of_a_cell("def build(inputs, width): return LOCK", LOCK=threading.Lock())
    with pytest.raises(RunError, match=r"build uses what cannot: TypeError: .*lock.*inside the function"):
        pickled_function.dump(lock, "build")
    numbers = np.random.default_rng(0).normal(size=100_000)
    large = of_a_cell("def build(inputs, width): return TABLE", TABLE=numbers)
    with pytest.raises(RunError, match=r"at most 200,000 characters, but build takes 1,\d{3},\d{3} with"):
        pickled_function.dump(large, "build")


def test_what_cannot_be_read_is_told(tmp_path, monkeypatch):
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(RunError, match=f"build was written by 3.1 and this is {here}; use that, or search"):
        pickled_function.load("3.1:AAAA", "build", "/")
    with pytest.raises(RunError, match=r"must load, but build gave error: .* looked for in / and on the"):
        pickled_function.load(f"{here}:AAAA", "build", "/")
    (tmp_path / "our_blocks.py").write_text("def block(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import our_blocks

    using = of_a_cell("def build(inputs, width): return block(inputs)", block=our_blocks.block)
    code = pickled_function.dump(using, "build")
    monkeypatch.delitem(sys.modules, "our_blocks")
    monkeypatch.undo()
    sys.modules.pop("our_blocks", None)
    with pytest.raises(RunError, match="ModuleNotFoundError: No module named 'our_blocks'; modules that it"):
        pickled_function.load(code, "build", "/")
    pickled_function._loaded.cache_clear()
    assert pickled_function.load(code, "build", str(tmp_path))(1, 1.0) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "mlp", "code": "3.11:AAAA"}, "code is a network of your own, but name is mlp"),
        ({"name": "a:b", "code": "exec"}, "pattern"),
    ],
)
def test_code_is_that_of_a_function(changes, message):
    with pytest.raises(ValueError, match=message):
        Trunk(**changes)
