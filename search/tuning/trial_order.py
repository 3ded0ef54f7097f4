"""What each trial of a run is: baselines, the author's configuration, the portfolio, then what TPE draws."""

import math
from collections.abc import Collection

import numpy as np

from search.networks.trunks import author_config
from search.record import Ask
from search.trials.baselines import baselines_of
from search.tuning.history import STARTUP_TRIALS, History
from spaces.configuration import Config, at
from spaces.portfolio import MOST, Placed, portfolio
from spaces.study import Study

RATES = 2
"""Beside the study's seed, that of where the first learning rates begin."""
GOLDEN = (math.sqrt(5) - 1) / 2


def asked_first(study: Study, asked: Collection[Ask], elsewhere: Collection[Config]) -> tuple[Placed, ...]:
    """Returns the configurations of the portfolio that a run asks before it draws, in the order of trials.

    They are at most `MOST`, and half of the trials that the study had when the first draw was made: what was
    asked stays, and after a draw nothing is added.

    Args:
        study: its space and number of trials.
        asked: what earlier executions of the run asked.
        elsewhere: what another run on the same rows tried, see `warm_start`: it is not asked again.
    """
    begun = sorted((ask for ask in asked if ask.kind == "portfolio"), key=lambda ask: ask.number)
    before = [Placed(config=ask.config, drawn=ask.drawn) for ask in begun if ask.config is not None]
    if any(ask.kind == "search" for ask in asked):
        return tuple(before)
    known = {author_config(study), *elsewhere, *(placed.config for placed in before)}
    fresh = [placed for placed in portfolio(study) if placed.config not in known]
    most = min(MOST, study.budget.trials // 2)
    return (*before, *fresh[: max(0, most - len(before))])


class AskMaker:
    """Makes one ask after another.

    Args:
        study: the space, and the seed of all draws.
        history: draws by TPE, and knows what is running.
        first: see `asked_first`.
    """

    def __init__(self, study: Study, history: History, first: tuple[Placed, ...] = ()) -> None:
        self._study, self._history, self._first = study, history, first
        self._baselines = baselines_of(study)

    def make(self, number: int) -> Ask:
        """Makes the ask of a trial; one that is drawn counts as running from now on."""
        seed = int(np.random.SeedSequence([self._study.seed, number]).generate_state(1)[0] >> 1)
        if number < len(self._baselines):
            return Ask(number=number, kind="baseline", baseline=self._baselines[number], seed=seed)
        if number == len(self._baselines):
            # Not told to the sampler: it may lie outside the study's ranges.
            return Ask(number=number, kind="author", config=author_config(self._study), seed=seed)
        place = number - len(self._baselines) - 1
        if place < len(self._first):
            config, drawn = self._history.draw(number, seed, self._first[place].drawn)
            return Ask(number=number, kind="portfolio", config=config, drawn=drawn, seed=seed)
        pair = self._pair(place - len(self._first))
        config, drawn = self._history.draw(number, seed, pair | self._rate(place))
        return Ask(number=number, kind="search", config=config, drawn=drawn, seed=seed)

    def _pair(self, place: int) -> dict[str, str]:
        """Gives every head, then every pair of head and loss, an equal start before TPE chooses.

        A pair that the portfolio held has had its start.
        """
        heads = self._study.space.heads
        rounds = max(map(len, heads.values()))
        begun = {(placed.config.head, placed.config.loss) for placed in self._first}
        order = [
            (head, losses[i])
            for i in range(rounds)
            for head, losses in heads.items()
            if i < len(losses) and (head, losses[i]) not in begun
        ]
        if place >= len(order):
            return {}
        head, loss = order[place]
        drawn = {"head": head} if len(heads) > 1 else {}
        return drawn | ({f"{head}_loss": loss} if len(heads[head]) > 1 else {})

    def _rate(self, place: int) -> dict[str, float]:
        """Spreads the first learning rates over their range: a few drawn at random leave much of it out.

        They stand at the fractional parts of multiples of the golden ratio, from a random one on, which lie
        evenly however many are taken (Knuth, The Art of Computer Programming 3, 6.4).
        """
        rates = self._study.space.learning_rate
        if place >= STARTUP_TRIALS or rates.low == rates.high or self._study.warm_start is not None:
            return {}
        begin = np.random.default_rng([self._study.seed, RATES]).random()
        return {"learning_rate": at(rates, (begin + place * GOLDEN) % 1.0)}
