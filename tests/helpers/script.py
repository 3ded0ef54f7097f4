"""A sampler whose answers are written down beforehand."""


class Script:
    """Answers with what it was told, else the first choice or the lower end; remembers every question."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, {}

    def suggest_float(self, name, low, high, *, log=False):
        assert name not in self.asked, f"{name} was drawn twice"
        self.asked[name] = (low, high, log)
        return self.answers.get(name, low)

    def suggest_categorical(self, name, choices):
        assert name not in self.asked, f"{name} was drawn twice"
        self.asked[name] = tuple(choices)
        answer = self.answers.get(name, choices[0])
        assert answer in choices
        return answer
