"""The rules of evaluation: what is fitted, split and chosen on which rows; estimators of scikit-learn."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit import decode_checks
from audit.arrays import as_array
from audit.call import Call, Changed, Runner
from audit.labels import counted, facts_of, integers, one_hot
from audit.model_facts import LabelFacts
from audit.split_parts import GROUPED
from audit.values import NONE, UNKNOWN, Array, Estimator, Fitted, Items, Known, known

_SCALERS = frozenset(
    {
        *("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "PowerTransformer", "PCA"),
        *("QuantileTransformer", "SelectKBest", "SelectPercentile", "SelectFromModel", "RFE", "RFECV"),
        *("VarianceThreshold", "SimpleImputer", "KNNImputer", "IterativeImputer", "TruncatedSVD", "FastICA"),
        *("LinearDiscriminantAnalysis", "TfidfVectorizer", "KBinsDiscretizer", "NMF", "Imputer"),
    }
)
_RESAMPLERS = frozenset(
    {
        *(
            "SMOTE",
            "ADASYN",
            "RandomOverSampler",
            "RandomUnderSampler",
            "BorderlineSMOTE",
            "SMOTEENN",
            "SVMSMOTE",
        ),
        *("SMOTETomek", "NearMiss", "TomekLinks", "SMOTENC", "KMeansSMOTE"),
    }
)
_ENCODERS = ("LabelEncoder", "LabelBinarizer", "MultiLabelBinarizer", "OneHotEncoder", "OrdinalEncoder")
_SPLITTERS = ("KFold", "StratifiedKFold", "ShuffleSplit", "StratifiedShuffleSplit", "RepeatedStratifiedKFold")
_GROUPED = (
    *("GroupKFold", "GroupShuffleSplit", "LeaveOneGroupOut", "StratifiedGroupKFold", "LeavePGroupsOut"),
    *("LeaveOneOut", "PredefinedSplit"),
)


def estimator(call: Call) -> Any:
    """An object of scikit-learn or imbalanced-learn."""
    if call.name in _GROUPED:
        call.runner.split_by_group = True
    kept = tuple(
        (name, call.keywords[name])
        for name in ("classes", "random_state", "shuffle")
        if name in call.keywords
    )
    return call.runner.put(Estimator(call.name, kept))


def fitted(call: Call) -> Any:
    """`fit`, `fit_transform` and `fit_resample` of an estimator."""
    own: Estimator = call.owner
    value = call.get(0, "X", "y", "raw_documents")
    array = as_array(call, value)
    if own.kind in _ENCODERS:
        changed = replace(own, labels=facts_of(value, call.place))
        encoded = replace(array, labels=_encoded(call, changed, array))
        return Changed(changed, (call.ref or Known(None)) if call.name == "fit" else encoded)
    if own.kind not in _SCALERS | _RESAMPLERS:
        return Changed(own, UNKNOWN)
    on_test = array.part == "test" and own.kind in _SCALERS
    if on_test:
        call.runner.report(
            "HS502",
            call.place,
            f"{own.kind} is fitted on the test rows: they are scaled unlike the training rows, by what only "
            "they tell",
            f"fit it on the training rows, and here call {call.name.replace('fit_', '')} alone"
            if call.name != "fit"
            else "fit it on the training rows alone",
        )
    made = Fitted(own.kind, call.place, array.roots)
    on_all = () if array.part else (made,)
    changed = replace(own, fitted=None if array.part else made)
    if call.name == "fit":
        call.runner.fits += on_all
        return Changed(changed, call.ref or Known(None))
    again = replace(array, fitted=(*array.fitted, *on_all), labels=LabelFacts())
    if own.kind in _RESAMPLERS:
        labels = as_array(call, call.get(1, "y"))
        return Changed(changed, Items((again, replace(labels, fitted=(*labels.fitted, *on_all)))))
    return Changed(changed, again)


def transformed(call: Call) -> Any:
    """`transform` of an estimator."""
    own: Estimator = call.owner
    array = as_array(call, call.get(0, "X", "y"))
    if own.kind in _ENCODERS:
        return replace(array, labels=_encoded(call, own, array))
    made = replace(array, labels=LabelFacts())
    if own.fitted is not None and own.fitted.roots & array.roots and not array.part:
        return replace(made, fitted=(*array.fitted, own.fitted))
    return made


def _encoded(call: Call, own: Estimator, array: Array) -> LabelFacts:
    facts = own.labels
    classes = facts.classes
    if own.kind == "LabelEncoder":
        return integers(classes, call.place, "LabelEncoder")
    if own.kind == "MultiLabelBinarizer":
        columns = counted(dict(own.options).get("classes"))
        return LabelFacts(
            encoding="multi_hot",
            classes=columns,
            columns=columns,
            rank=2,
            low=0,
            high=1,
            place=call.place,
            seen="MultiLabelBinarizer",
        )
    if own.kind == "LabelBinarizer":
        if classes == 2:
            return integers(2, call.place, "LabelBinarizer", rank=2)
        if classes is not None:
            return one_hot(facts, classes, call.place, "LabelBinarizer")
        return LabelFacts(rank=2, place=call.place, seen="LabelBinarizer")
    if own.kind == "OneHotEncoder":
        return one_hot(facts, None, call.place, "OneHotEncoder")
    return LabelFacts(place=call.place)


def split(call: Call) -> Any:
    """`train_test_split`."""
    arrays = [as_array(call, one) for one in call.args]
    _after_fits(call, arrays)
    first = call.node_of(0)
    people = isinstance(first, ast.Name) and GROUPED.match(first.id)
    if people or any(one.statistic == "unique" for one in arrays):
        # Not rows are split, but whose they are.
        call.runner.split_by_group = True
    elif arrays and known(call.get(None, "shuffle")) is not False:
        call.runner.random_splits.append(call.place)
        if any(one.overlaps for one in arrays):
            call.runner.overlapping[call.place.start] = (call.place, frozenset({"first", "last"}))
    return Items(tuple(replace(one, part=part) for one in arrays for part in ("train", "test")))


def _after_fits(call: Call, arrays: list[Array]) -> None:
    for array in arrays:
        if array.part:
            continue
        earlier = {one.place.start: one for one in array.fitted}
        for one in call.runner.fits:
            if one.roots & array.roots and array.roots:
                earlier[one.place.start] = one
        for one in earlier.values():
            fitted_before(call.runner, one, call.place.start[0])


def fitted_before(runner: Runner, one: Fitted, line: int) -> None:
    """Reports what was fitted on all rows before they were split.

    Args:
        line: where they are split.
    """
    harm = (
        "copies or blends of test rows come among the training rows"
        if one.kind in _RESAMPLERS
        else "the training rows know of the test rows"
    )
    runner.report(
        "HS502",
        one.place,
        f"{one.kind} is fitted on all rows, and line {line} splits them into training and test rows "
        f"afterwards: {harm}, and what is measured on the test rows flatters",
        "split first, and fit on the training rows alone",
    )


def folds(call: Call) -> Any:
    """`split` of KFold and its neighbours."""
    own: Estimator = call.owner
    array = as_array(call, call.get(0, "X"))
    if own.kind in _SPLITTERS:
        _after_fits(call, [array])
        groups = call.get(2, "groups")
        if groups is None and array.statistic != "unique":
            call.runner.random_splits.append(call.place)
            shuffled = "Shuffle" in own.kind or known(dict(own.options).get("shuffle")) is True
            if array.overlaps and shuffled:
                call.runner.overlapping[call.place.start] = (call.place, frozenset({"first", "last"}))
    return Items((Items((UNKNOWN, UNKNOWN)),), open=True)


def curve(call: Call) -> Any:
    """`roc_curve` and `precision_recall_curve`: rates and the thresholds that give them."""
    labels, scores = as_array(call, call.get(0, "y_true")), call.get(1, "y_score", "probas_pred", "y_prob")
    if isinstance(scores, Array) and scores.served is not None and not _turned(call):
        decode_checks.as_labels(call.runner, call.node, scores, scored=True)
    part = "test" if labels.part == "test" else "other"
    one = Array(chosen=(call.place, part), statistic="merit")
    return Items((one, one, replace(one, statistic="thresholds")))


def _turned(call: Call) -> bool:
    """Says whether a score is told to take class 0 for the positive one, or is given labels so made."""
    if call.get(None, "pos_label") not in (None, NONE, Known(1)):
        return True
    node = call.node_of(0, "y_true")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value  # `(y == 0).astype(int)`
    match node:
        case ast.BinOp() | ast.Compare() | ast.UnaryOp():
            return True
        case ast.Subscript(slice=ast.Tuple(elts=[*_, ast.Constant(value=0)])):  # a column of one-hot labels
            return True
    return False


def scored(call: Call) -> Any:
    """A score of labels against decisions or scores."""
    labels, given = as_array(call, call.get(0, "y_true")), call.get(1, "y_pred", "y_score")
    if not isinstance(given, Array) or given.served is None:
        return UNKNOWN
    ranked = call.name in ("roc_auc_score", "average_precision_score", "brier_score_loss")
    if not _turned(call):
        decode_checks.as_labels(call.runner, call.node, given, scored=ranked)
    if given.statistic == "candidate" and not ranked:
        part = "test" if labels.part == "test" else "other"
        return Array(chosen=(call.place, part), statistic="merit")
    return UNKNOWN


def scaled(call: Call) -> Any:
    """`scale` and the like, which are fitted on what they scale."""
    array = as_array(call, call.get(0, "X"))
    return replace(array, fitted=(*array.fitted, Fitted(call.name, call.place)), labels=LabelFacts())


def shuffled(call: Call) -> Any:
    """`shuffle` and `resample` of scikit-learn."""
    return call.args[0] if len(call.args) == 1 else Items(tuple(call.args))


def permuted(call: Call) -> Any:
    """`np.random.permutation` of rows or of their number."""
    array = call.get(0, "x")
    if not isinstance(array, Array):
        return UNKNOWN
    if GROUPED.match(array.name) or array.statistic == "unique":
        # People are brought into another order, or what is theirs.
        call.runner.split_by_group = call.runner.split_by_group or array.statistic != "count"
        return UNKNOWN
    rows = array.statistic == "count" and array.many is True
    if not array.overlaps and not rows:
        return UNKNOWN
    return replace(array, shuffled=call.place, statistic="")


SPLITS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        **{
            f"sklearn.{name}": estimator
            for name in sorted(_SCALERS | {*_ENCODERS, *_SPLITTERS, *_GROUPED, "ColumnTransformer"})
        },
        **{f"imblearn.{name}": estimator for name in sorted(_RESAMPLERS)},
        "sklearn.train_test_split": split,
        "numpy.random.permutation": permuted,
        **{f"sklearn.{name}": curve for name in ("roc_curve", "precision_recall_curve")},
        **{
            f"sklearn.{name}": scored
            for name in (
                *("f1_score", "accuracy_score", "precision_score", "recall_score", "confusion_matrix"),
                *("classification_report", "roc_auc_score", "average_precision_score", "fbeta_score"),
                *("balanced_accuracy_score", "matthews_corrcoef", "cohen_kappa_score", "brier_score_loss"),
            )
        },
        **{
            f"sklearn.{name}": scaled
            for name in ("scale", "minmax_scale", "robust_scale", "maxabs_scale", "quantile_transform")
        },
        **{f"sklearn.{name}": shuffled for name in ("shuffle", "resample")},
    }
)
"""What scikit-learn and imbalanced-learn offer, by canonical name."""
ESTIMATORS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("fit", "fit_transform", "fit_resample", "fit_sample"), fitted),
        "transform": transformed,
        "split": folds,
    }
)
"""Methods of estimators."""
