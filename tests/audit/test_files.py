"""Which files of folders are audited, and what is said of one that cannot be read."""

import pytest

from audit.files import audit_file, files_of
from spaces.errors import RunError

WRONG = "x = Dense(1, activation='softmax')\n"


def test_folders_are_searched_for_programs_of_their_owner(tmp_path):
    kept = ("a.py", "b/c.ipynb", "b/d.keras", "e.PY")
    for name in (
        *kept,
        "x.txt",
        ".hidden/a.py",
        "__pycache__/a.py",
        "env/pyvenv.cfg",
        "env/lib/a.py",
        "model.h5",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert files_of([tmp_path]) == tuple(
        tmp_path / name for name in ("a.py", "e.PY", "b/c.ipynb", "b/d.keras")
    )
    again = files_of([tmp_path / "a.py", tmp_path, tmp_path / ".hidden"])
    assert again[0] == tmp_path / "a.py"
    assert again[-1] == tmp_path / ".hidden/a.py"
    assert len(again) == 5


def test_a_folder_without_any_is_refused(tmp_path):
    with pytest.raises(
        RunError, match=r"a folder must hold .py, .ipynb, .keras files to be audited, but .* has none"
    ):
        files_of([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.py", b"x = (", "'(' was never closed"),
        ("a.py", b"x = '\xff'", "is not Python: invalid or missing encoding declaration"),
        ("a.py", b"# coding: nonsense\n", "is not Python: unknown encoding: nonsense"),
        ("a.py", b"# coding: ascii\n#" + b" " * 300 + b"\n\n# \xe9", "is not Python: 'ascii' codec"),
        ("a.py", b"x = 1\0", "source code string cannot contain null bytes"),
        ("a.py", b"(" * 100_000, "too many nested parentheses"),
        ("a.ipynb", b"\xff", "is no notebook: 'utf-8' codec"),
        ("a.ipynb", b"{", "a notebook must be JSON"),
        ("a.txt", b"", "a file to audit must be one of .py, .ipynb, .keras, but its suffix is '.txt'"),
        ("a", b"", "but its suffix is ''"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    found = audit_file(tmp_path / name)
    assert said in str(found.error)
    assert found.findings == ()


def test_a_file_that_is_not_there(tmp_path):
    assert audit_file(tmp_path / "a.py").error == "cannot be read: No such file or directory"


def test_a_huge_file_is_refused(tmp_path):
    with (tmp_path / "a.py").open("wb") as file:
        file.truncate(65 * 2**20)
    assert audit_file(tmp_path / "a.py").error == "must have at most 64 MB to be read"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings_are_those_of_python(tmp_path, encoding):
    text = f"# coding: {encoding.removesuffix('-sig')}\ns = 'é'; {WRONG}"
    (tmp_path / "a.py").write_bytes(text.encode(encoding))
    assert [(one.line, one.rule.id) for one in audit_file(tmp_path / "a.py").findings] == [(2, "HS101")]
