"""Wrong calls of commands: one line that says the rule and what came, exit code 2, nothing left behind."""

import pytest

from cluster.cli import main
from tests.helpers.driving import write_study
from tests.helpers.pages import made


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run `toy` of eight trials, the last of them failed, and a study in `s`."""
    home = tmp_path_factory.mktemp("wrong")
    made(home / "toy", 8, quick=True)
    write_study(home / "s")
    return home


COLUMNS = "columns: rank, trial_id, "
WRONG = [
    ("leaderbord toy", "No such command 'leaderbord'. Did you mean 'leaderboard'? (see: python search.py --"),
    ("Run s/study.yaml", "No such command 'Run'. Did you mean 'run'?"),
    (
        "spaces --setting",
        "No such option: --setting (Possible options: --settings) (see: python search.py sp",
    ),
    ("status toy other", "Got unexpected extra argument(s) (other) (see: python search.py status --help)"),
    ("status toi", "a run is a folder with a study.yaml, but toi has none"),
    ("status toy/study.yaml", "a run is a folder with a study.yaml, but toy/study.yaml has none"),
    ("status toy --format xml", "Invalid value for '--format': 'xml' is not one of 'text', 'json' (see: pyt"),
    (
        "leaderboard toi",
        "a leaderboard is written when the first trial finishes, but toi/leaderboard.parquet does",
    ),
    ("leaderboard toi-*", "a pattern must match runs with a leaderboard, but toi-* matches none"),
    (
        "leaderboard toy --top 0",
        "'--top': must be greater than or equal to 1, but got '0' (see: python searc",
    ),
    ("leaderboard --top=-3 toy", "'--top': must be greater than or equal to 1, but got '-3'"),
    (
        "leaderboard toy --top many",
        "'--top': must be a valid integer, unable to parse string as an integer, b",
    ),
    ("leaderboard toy --sort", "Option '--sort' requires an argument"),
    ("leaderboard toy --sort val_brierr", "but got 'val_brierr'; nearest is 'val_brier'; " + COLUMNS),
    (
        "leaderboard toy --where valeu>0.3",
        "--where takes an SQL condition on the columns, but got 'valeu>0.3'",
    ),
    ("leaderboard toy --where value>", "but got 'value>': Parser Error"),
    ("leaderboard toy --where value>'x'", "Conversion Error: Could not convert string 'x' to DOUBLE"),
    (
        "leaderboard toy --best-per haed",
        "--best-per takes a column, but got 'haed'; nearest is 'head'; " + COLUMNS,
    ),
    ("leaderboard toy --diff", "--diff compares two runs, but got 1: leaderboard --diff RUN_A RUN_B"),
    (
        "leaderboard toy toy --diff --sort value",
        "compares two whole runs and takes no other option, but got --so",
    ),
    ("leaderboard toy --seeds 1", "'--seeds': must be greater than or equal to 2, but got '1'"),
    ("run s/study.yam", "a study is a readable YAML file, but got s/study.yam: No such file or directory"),
    (
        "run s/study.yaml --name a/b",
        "a run's name is made of letters, digits, '.', '_' and '-', but got 'a/b'",
    ),
    (
        "run s/study.yaml --set budget.trials",
        "--set takes key=value, such as budget.trials=8, but got 'budge",
    ),
    (
        "run s/study.yaml --set budgit.trials=3",
        "unknown key 'budgit'; nearest is 'budget' (study.yaml: budgit)",
    ),
    ("run s/study.yaml --set budget.trials=abc", "but got 'abc' (study.yaml: budget.trials)"),
    ("run s/study.yaml --set data.path=no.npz", "data.path must exist, but there is no"),
    ("prepare s/data.npz", "a study is a readable YAML file, but got s/data.npz: not UTF-8 text"),
    ("describe s", "a study is a readable YAML file, but got s: Is a directory"),
    ("resume toy", "was edited since the run began: the rows of one run must be comparable; start a new run"),
    ("rescore toy --objective nothing", "must be one of f1, balanced_accuracy"),
    ("rescore toy --policy cost,c_xx=1", "unknown key 'c_xx'; nearest is 'c_fp' (--policy: threshold.c_xx)"),
    (
        "rescore toy --require sensitivity",
        "--require takes METRIC.min=NUMBER or METRIC.max=NUMBER, such as sen",
    ),
    ("promote toy --to new --trial 99999", "no trial '99999' in toy; its trials are 00000 to 00007"),
    (
        "promote toy --to new --threshold-score abc",
        "must be a valid number, unable to parse string as a number, bu",
    ),
    ("promote toy --to toy", "a bundle goes into a new or empty folder, but toy is not empty"),
    ("verify toy --k 1", "'--k': must be greater than or equal to 2, but got '1'"),
    (
        "report toy --out nowhere/x.html",
        "a page is a file in a folder that exists, but got nowhere/x.html (--out)",
    ),
    ("predict toy s/data.npz --out x", "a bundle is a folder with SHA256SUMS, but toy has none"),
    ("predict toy", "Missing argument 'DATA' (see: python search.py predict --help)"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[call for call, _ in WRONG])
def test_a_wrong_call_is_one_line(home, monkeypatch, capsys, call, message):
    monkeypatch.chdir(home)
    before = sorted(home.rglob("*"))
    assert main(call.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("search.py: ")
    assert message in line
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_right_call_beside_them_works(home, monkeypatch, form):
    monkeypatch.chdir(home)
    assert main(["status", "toy", "--format", form]) == 0
