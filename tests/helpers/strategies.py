"""Scores and labels drawn by Hypothesis."""

import numpy as np
from hypothesis import strategies as st

floats32 = st.floats(-1e6, 1e6, width=32)


@st.composite
def rows(draw, score=None, both=True):
    """Labels, float32 scores with many ties, and dyadic weights."""
    score = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 0.5, 3.0]) if score is None else score
    n = draw(st.integers(2, 16))
    y = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    if both:
        y[:2] = [True, False]
    scores = np.array(draw(st.lists(score, min_size=n, max_size=n)), np.float32)
    weight = np.array(draw(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.25]), min_size=n, max_size=n)))
    return y, scores, weight


any_scores = st.one_of(st.sampled_from([-2.0, -0.5, 0.0, -0.0, 0.25, 3.0]), floats32)
