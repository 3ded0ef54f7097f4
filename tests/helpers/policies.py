"""Every threshold policy, with parameters at and away from their defaults."""

from spaces.policies import (
    Cost,
    Fixed,
    MaxBalancedAccuracy,
    MaxF1,
    PrecisionAtRecall,
    RecallAtPrecision,
    Youden,
)

WINDOW_POLICIES = [
    MaxF1(),
    MaxF1(beta=2),
    MaxF1(beta=0.5),
    Youden(policy="youden"),
    MaxBalancedAccuracy(policy="max_balanced_accuracy"),
    Cost(policy="cost"),
    Cost(policy="cost", c_fp=0.5, c_fn=10),
    Cost(policy="cost", c_fp=3),
    Cost(policy="cost", c_fp=0.3, c_fn=0.1),
    PrecisionAtRecall(policy="precision_at_recall"),
    PrecisionAtRecall(policy="precision_at_recall", recall=0.5),
    PrecisionAtRecall(policy="precision_at_recall", recall=1),
    RecallAtPrecision(policy="recall_at_precision"),
    RecallAtPrecision(policy="recall_at_precision", precision=0.5),
    RecallAtPrecision(policy="recall_at_precision", precision=1),
]


POLICIES = [
    Fixed(policy="fixed"),
    Fixed(policy="fixed", at=0.6),
    Fixed(policy="fixed", at=0.999),
    *WINDOW_POLICIES,
]
