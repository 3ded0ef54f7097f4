"""Whose fault a dead worker was, said by Ray 2.60 in its own words."""

import pytest
from ray.tune.search import Searcher

from search.tuning.searcher import METRIC, SAME_FAILURE, HeadSearcher
from search.tuning.worker_failures import ATTEMPTS, GRACE_S, INTERRUPTIONS, WorkerFailures, grace_s, in_short
from spaces.study_file import parse

ACTOR, OTHER = "d7d08de97135bd8b9e1d6f8201000000", "4c64b226c5c6690798cb8c3901000000"
HEADER = (
    "The actor died unexpectedly before finishing this task. class_name: with_parameters "
    f"actor_id: {ACTOR} pid: 4711 namespace: 9c932ba2-96c7-4f5b-9875-384893a5a2a9 ip: 192.0.2.2 "
)
KILLED = (
    HEADER + "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker "
    "exit detail: Worker unexpectedly exits with a connection error code 2. End of file. Some common causes "
    "include: (1) the process was killed by the OOM killer due to high memory usage, (2) ray stop was "
    "called, or (3) the worker crashed unexpectedly due to SIGSEGV or another unexpected error."
)


def memory(held: float, other: float) -> str:
    return (
        "2 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 192.0.2.2, "
        "ID: bd5a0109b9186ac473b600044194050561604f078de64b61c9a431b8) was 7.07GB used / 23.54GB limit "
        "(0.300448) OOM kill reason: Memory usage 7544766464B exceeded threshold of 7531594240B Ray killed 2 "
        "worker(s) based on the killing policy Considered workers: [ Selected to kill: "
        f"(Actor({OTHER}): job ID=01000000, lease ID=0100000084f3c257, task name=ResourceTrainable.__init__, "
        "required resources={bundle_group_2f41: 0.001, CPU_group_2f41: 1}, pid=17970, "
        f"actual memory used={other:.2f}GB, worker ID=d51fc7) Selected to kill: (Actor({ACTOR}): job "
        "ID=01000000, lease ID=000000008313453e, task name=ResourceTrainable.__init__, required "
        f"resources={{CPU_group_d078: 1}}, pid=17969, actual memory used={held:.2f}GB, worker ID=25c66b) ]"
    )


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def verdicts(deaths: WorkerFailures, reason: str, times: int, actor_id: str = ACTOR) -> list[str | None]:
    found = []
    for _ in range(times):
        deaths.begun("00007")
        found.append(deaths.verdict("00007", reason, actor_id))
    return found


@pytest.mark.parametrize(
    "reason",
    ["", KILLED, memory(2.0, 0.2), memory(1.2, 2.0), memory(2.0, 0.2).replace("actual memory used", "USS")],
)
def test_what_kills_its_worker_three_times_has_failed(reason):
    *again, failed = verdicts(WorkerFailures(None), reason, ATTEMPTS)
    assert again == [None, None]
    assert failed.startswith("its worker died 3 times")
    assert not failed.endswith((":", " "))


HOST_DIED = [
    # A raylet killed under a trial; see tests/helpers/scenarios.py.
    HEADER + "The actor died because its node has died. Node Id: "
    "40738563faa427be4b3a80df9072a857f1c44f509a771c7f046e5fb1 the actor's node was terminated unexpectedly: "
    "health check failed due to missing too many heartbeats",
    HEADER + "The actor died because its node was preempted. Node Id: 40738563",
    "The task's local raylet died. Check raylet.out for more information.",
    f"The actor {ACTOR} is unavailable: RpcError: RPC Error message: Socket closed. "
    "The task may or may not have been executed on the actor.",
    memory(0.2, 2.0),
    memory(0.9, 2.0),
    # A worker that was being started: Ray names the task that starts it, and not the actor.
    memory(0.2, 2.0).replace(f"Actor({ACTOR}): job", "Task: job"),
]


@pytest.mark.parametrize("reason", HOST_DIED)
def test_a_trial_is_not_blamed_for_its_host_or_its_neighbour(reason):
    *again, failed = verdicts(WorkerFailures(None), reason, INTERRUPTIONS)
    assert again == [None] * (INTERRUPTIONS - 1)
    assert failed.startswith("it lost its worker 20 times, by no fault of its own: ")


def test_deaths_of_both_kinds_are_counted_apart_and_trials_are_counted_apart():
    deaths = WorkerFailures(None)
    assert verdicts(deaths, KILLED, 2) == [None, None]
    assert verdicts(deaths, HOST_DIED[0], 5) == [None] * 5
    deaths.begun("00008")
    assert deaths.verdict("00008", KILLED) is None
    deaths.over("00008")
    assert verdicts(deaths, KILLED, 1) != [None]
    assert verdicts(deaths, KILLED, 2) == [None, None], "a verdict is not forgotten"


def test_a_worker_that_dies_before_its_trial_begins_is_not_blamed_on_it_and_one_that_cannot_start_stops_all():
    deaths = WorkerFailures(None)
    assert [deaths.verdict("00007", KILLED, ACTOR) for _ in range(ATTEMPTS)] == [None] * ATTEMPTS
    assert deaths.no_worker_starts is None
    reason = "The actor died because of an error raised in its creation task, ray::HeadTrainable.__init__()"
    for trial in ("00007", "00008", "00009"):
        assert deaths.no_worker_starts is None
        assert deaths.verdict(trial, reason, ACTOR) is None, "no trial fails for a host that is unfit"
    assert deaths.no_worker_starts.startswith("a worker must start, but 3 did not: The actor died")


@pytest.mark.parametrize(("ran_s", "hung"), [(59.0, False), (60.5, True), (90.5, True)])
def test_a_worker_that_ends_past_the_limit_hung_and_is_not_tried_again(ran_s, hung):
    clock = Clock()
    deaths = WorkerFailures(1.0, clock)
    deaths.begun("00007")
    clock.now = ran_s
    verdict = deaths.verdict("00007", KILLED)
    assert (verdict is not None) == hung
    if hung:
        assert verdict.startswith(
            "a trial may take 1 minutes (budget.trial_minutes), but it hung: its worker"
        )


def test_a_new_attempt_has_the_limit_anew():
    clock = Clock()
    deaths = WorkerFailures(1.0, clock)
    for now in (0.0, 50.0):
        clock.now = now
        deaths.begun("00007")
        clock.now = now + 40
        assert deaths.verdict("00007", KILLED) is None


def test_a_short_limit_has_a_short_grace():
    assert (grace_s(600.0), grace_s(6.0)) == (GRACE_S, 6.0)


def test_a_reason_is_said_in_the_same_words_of_every_trial():
    assert in_short(KILLED) == (
        "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit "
        "detail: Worker unexpectedly exits with a connection error code 2. End of file."
    )
    assert in_short(HOST_DIED[0]) == (
        "The actor died because its node has died. Node Id: ... the actor's node was terminated "
        "unexpectedly: health check failed due to missing too many heartbeats"
    )
    assert in_short(memory(2.0, 0.2), ACTOR) == (
        "the host ran out of memory (a smaller batch_size or fewer resources.workers): 7.07 of 23.54 GB in "
        "use, 2.00 by this worker"
    )
    assert in_short("") == ""


@pytest.fixture
def searcher():
    made = HeadSearcher(parse({"trunk": {"name": "mlp"}, "budget": {"trials": 20}}), [], [], lambda ask: None)
    yield made
    made.close()


def test_while_trials_are_in_flight_a_search_has_not_ended_and_a_lost_one_comes_again(searcher):
    names = [f"t{k}" for k in range(searcher.total)]
    asks = {name: searcher.suggest(name)["ask"] for name in names}
    assert searcher.suggest("none left") is None
    assert not searcher.ended, "interrupted now, it would lack its last trials"
    *others, last = names
    for name in others:
        searcher.on_trial_complete(name, {METRIC: 0.5, "epochs": 3, "ended": True, "error": None})
    searcher.on_trial_complete(last, error=True)  # as Ray Tune says it, before the death is judged
    searcher.give_back(last)
    assert not searcher.ended
    assert searcher.suggest("again") == {"ask": asks[last]}
    assert searcher.suggest("none left") is None
    searcher.give_up("again", "its worker died 3 times")
    assert searcher.ended
    assert searcher.suggest("none left") == Searcher.FINISHED


def test_deaths_for_one_reason_end_the_search_whatever_process_they_name(searcher):
    for k in range(searcher.total):
        name = f"t{k}"
        if searcher.suggest(name) == Searcher.FINISHED:
            break
        ask = searcher.ask_of(name)
        if ask.kind == "baseline":
            searcher.on_trial_complete(name, {METRIC: 0.5, "epochs": 0, "ended": True, "error": None})
        else:
            searcher.give_up(name, in_short(memory(2.0 + k, 0.2).replace(ACTOR, f"{k:032x}"), f"{k:032x}"))
    assert k == 2 + SAME_FAILURE
    assert searcher.one_failure.startswith("the host ran out of memory")
