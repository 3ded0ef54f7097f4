"""Comments that keep findings back."""

import pytest

from audit.files import audit_file

WRONG = "x = Dense(1, activation='softmax')"


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("# headsearch: ignore[HS101]", 0),
        ("#headsearch:ignore[HS201,hs101]  since it is a test", 0),
        ("# headsearch: ignore", 0),
        ("# noqa # headsearch: ignore[HS101]", 0),
        ("# headsearch: ignore[]", 0),
        ("# headsearch: ignore[HS201]", 1),
        ("# headsearch: ignored", 1),
        ("; s = '# headsearch: ignore'", 1),
    ],
)
def test_a_comment_keeps_back_what_it_names(tmp_path, comment, found):
    path = tmp_path / "a.py"
    path.write_text(f"# headsearch: ignore\n{WRONG}  {comment}\n")
    assert len(audit_file(path).findings) == found


def test_a_rule_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(f"{WRONG}  # headsearch: ignore[HS1O1]\n")
    found = audit_file(path)
    assert len(found.findings) == 1
    assert found.unknown == ("line 1: the comment ignores 'HS1O1', which is no rule",)
