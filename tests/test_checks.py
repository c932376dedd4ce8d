"""Each check of an exercise: «not yet» for nothing, ✓ for what is right, the fitting hint for a mistake."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from torch import nn

from xgass import check
from exercises.checks import CHECKS, NOT_YET

rng = np.random.default_rng(1)

# A universe of 240 galaxies in which every lesson holds: gas falls with colour (with a bend), and the stellar
# mass follows from brightness and distance.
N = 240
TABLE = pd.DataFrame({
    "NUVr": rng.uniform(1, 7, N), "model_r": rng.uniform(13, 17, N), "Dlum": rng.uniform(40, 220, N),
    "ext_r": rng.uniform(0, 0.2, N), "SFR_best": rng.uniform(0, 5, N),
})
TABLE["lgMstar"] = 16 - 0.4 * TABLE["model_r"] + 0.01 * TABLE["Dlum"] + rng.normal(0, 0.1, N)
TABLE["lgGF"] = 0.3 - 0.06 * TABLE["NUVr"] ** 2 + 0.02 * TABLE["model_r"] + rng.normal(0, 0.25, N)
TABLE.loc[[3, 30, 77], "SFR_best"] = -99
TABLE.loc[[5, 6, 7, 8, 9], "NUVr"] = -99
CLEAN = TABLE[TABLE["NUVr"] != -99]
X, y = CLEAN[["NUVr", "model_r"]], CLEAN["lgGF"]
CV = KFold(5, shuffle=True, random_state=0)
CURVE = pd.DataFrame({"R2 fitted": [0.7, 0.8, 0.85, 0.9], "R2": [0.69, 0.75, 0.77, -3]}, index=[1, 2, 3, 4])
FLAT = pd.DataFrame({"R2 fitted": [0.7, 0.8], "R2": [0.69, 0.6]}, index=[1, 2])
TREE = DecisionTreeRegressor(max_depth=2, random_state=0).fit(X, y)
GALAXY = X.iloc[7]
NODES = TREE.decision_path(X.iloc[[7]]).indices
SIBLING = next(child for child in (TREE.tree_.children_left[NODES[1]], TREE.tree_.children_right[NODES[1]])
               if child != NODES[2])
FAR = next(leaf for leaf in np.flatnonzero(TREE.tree_.children_left == -1) if leaf not in (NODES[2], SIBLING))
VALUE = TREE.tree_.value[:, 0, 0]
PLAIN = pd.DataFrame({"R2": [0.0], "R2 fitted": [0.0]}, index=["mean"])
for _train, _test in CV.split(X):
    _forest = RandomForestRegressor(30, random_state=0).fit(X.iloc[_train], y.iloc[_train])
    PLAIN.loc["mean", "R2"] += _forest.score(X.iloc[_test], y.iloc[_test]) / 5
    PLAIN.loc["mean", "R2 fitted"] += _forest.score(X.iloc[_train], y.iloc[_train]) / 5
CONV, PICTURE = nn.Conv2d(3, 10, kernel_size=5, stride=2, padding=1), (3, 64, 64)
IMAGES = torch.zeros(4, 3, 64, 64)
OLD, SLOPE, RATE = np.array([1.0, -2.0]), np.array([4.0, -1.0]), 0.1
RATES = np.logspace(-7, 0, 80)
LOSSES = 1.5 - 0.6 / (1 + (2e-4 / RATES)) + 3 * np.clip(np.log10(RATES / 0.02), 0, None)

CONTEXT = {
    "missing": (TABLE,), "kfold": (), "degree": (CURVE,), "tree": (TREE, GALAXY), "tune": (PLAIN, X, y, CV),
    "model": (X, y, CV), "leak": (CLEAN, ["NUVr", "model_r"], ["ext_r", "Dlum"]), "kernel": (),
    "shape": (CONV, PICTURE), "layer": (IMAGES,), "step": (OLD, SLOPE, RATE), "loop": (),
    "rate": (RATES, LOSSES), "censored": (),
}


def stage(before, after):
    convolution = nn.Conv2d(before, after, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2))


def network(*channels, last=None, flatten=True):
    stages = [stage(a, b) for a, b in zip(channels[:-1], channels[1:], strict=True)]
    end = [nn.Flatten()] if flatten else []
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), *end, nn.Linear(last or channels[-1], 1))


def shuffled(n):
    return np.random.default_rng(0).permutation(n)


def lost_rows(n, k):
    return list(shuffled(n)[: n // k * k].reshape(k, -1))


def overlapping(n, k):
    return [np.random.default_rng(i).choice(n, n // k, replace=False) for i in range(k)]


def uneven(n, k):
    return np.split(shuffled(n), range(1, k))


def train_and_test(n, k):
    return list(KFold(k, shuffle=True).split(np.zeros(n)))


def right_step(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def zero_first(model, images, labels, optimizer):
    model.zero_grad()
    loss = ((model(images).flatten() - labels) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def zeroed_in_place(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return loss.detach()


def no_zero_grad(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    return loss


def no_step(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.zero_grad()
    return loss


def no_backward(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    optimizer.step()
    optimizer.zero_grad()
    return loss


def zero_between(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss


def not_returned(model, images, labels, optimizer):
    right_step(model, images, labels, optimizer)


def table_of_differences(model, images, labels, optimizer):
    loss = ((model(images) - labels) ** 2).mean()  # (n, 1) - (n,)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def many_steps(model, images, labels, optimizer):
    right_step(model, images, labels, optimizer)
    return right_step(model, images, labels, optimizer)


def returns_other(model, images, labels, optimizer):
    right_step(model, images, labels, optimizer)
    return 100.0


def limit_loss(prediction, label, is_limit):
    residual = prediction - label
    return torch.where(is_limit, residual.clamp(min=0), residual).square().mean()


def limit_loss_by_product(prediction, label, is_limit):
    return ((prediction - label) ** 2 * ~(is_limit & (prediction < label))).mean()


def reversed_limits(prediction, label, is_limit):
    residual = prediction - label
    return torch.where(is_limit, residual.clamp(max=0), residual).square().mean()


def mean_of_those_that_cost(prediction, label, is_limit):
    counts = ~is_limit | (prediction > label)
    return ((prediction - label)[counts] ** 2).mean()


def forest(**settings):
    return RandomForestRegressor(30, random_state=0, **settings)


class Stubborn:
    """A regressor by two of its methods only: scikit-learn cannot clone it."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X))


quadratic = make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())
wild = make_pipeline(StandardScaler(), PolynomialFeatures(9), LinearRegression())

RIGHT = {
    "missing": [3, np.int64(3), 3.0, (TABLE["SFR_best"] == -99).sum()],
    "kfold": [lambda n, k: np.array_split(shuffled(n), k),
              lambda n, k: [shuffled(n)[i::k].tolist() for i in range(k)],
              lambda n, k: (test for _, test in KFold(k, shuffle=True).split(np.zeros(n)))],
    "degree": [3, 3.0, CURVE["R2"].idxmax()],
    "tree": [VALUE[NODES[2]], round(VALUE[NODES[2]], 2), TREE.predict(X.iloc[[7]])],
    "tune": [forest(min_samples_leaf=5), forest(min_samples_leaf=8)],
    "model": [quadratic, forest(min_samples_leaf=8)],
    "leak": ["Dlum", ["Dlum"]],
    "kernel": [[[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.outer([-1, 2, -1], [-1, 2, -1]),
               torch.tensor([[0, -1, 0], [-1, 4.0, -1], [0, -1, 0]])],
    "shape": [(10, 31, 31), [10, 31, 31], torch.Size([10, 31, 31])],
    "layer": [network(3, 16, 32, 64, 64, 128), network(3, 8, 8, 8, 8, 8)],
    "step": [[0.6, -1.9], OLD - RATE * SLOPE, torch.tensor([0.6, -1.9])],
    "loop": [right_step, zero_first, zeroed_in_place],
    "rate": [2e-3, 1e-3, np.float32(5e-3), 1e-2],
    "censored": [limit_loss, limit_loss_by_product],
}
# answer, words of the hint that no other hint of the same check has
WRONG = {
    "missing": [(0, "isna() does not know"), (N - 3, "HAVE"), (N, "length of the table"), (5, "for NUVr"),
                (12, "Compare the column"), (TABLE["SFR_best"] == -99, "plain numbers"),
                ("3", "no quotes")],
    "kfold": [(lambda n, k: np.array_split(np.arange(n), k), "not shuffled"),
              (lambda n, k: [np.arange(n)[i::k] for i in range(k)], "not shuffled"),
              (lost_rows, "rounds down"), (overlapping, "overlap"), (uneven, "differ by 1"),
              (lambda n, k: np.array_split(shuffled(n), k + 1), "one per fold"),
              (lambda n, k: np.array_split(shuffled(n) + 1, k), "outside 0 to"),
              (lambda n, k: np.array_split(shuffled(n)[:-1], k), "loses 1 of 20"),
              (lambda n, k: np.array_split(shuffled(n) / 1, k), "one-dimensional"),
              (train_and_test, "list of folds"), ([[1, 2], [3]], "without parentheses"),
              (lambda n: n, "TypeError")],
    "degree": [(4, "by heart"), (1, "Too simple"), (9, "tried are 1 to 4")],
    "tree": [(VALUE[0], "top box"), (VALUE[NODES[1]], "half-way"),
             (VALUE[SIBLING], "side of the second question"),
             (VALUE[FAR], "side of the first question"),
             (TREE.tree_.n_node_samples[NODES[2]], "`samples`"), (17.5, "No box")],
    "tune": [(forest(), "default"), (forest(max_depth=1), "underfit"), (forest(max_leaf_nodes=2), "underfit"),
             (LinearRegression(), "Asked for is a forest"), (RandomForestRegressor, "Asked for is a forest"),
             (RandomForestRegressor(9999, max_depth=3), "500 trees"),
             (RandomForestRegressor(1, max_features=0.9, random_state=0), "Try another")],
    "model": [(LinearRegression(), "linear model again"),
              (make_pipeline(StandardScaler(), LinearRegression()), "linear model again"),
              (DecisionTreeRegressor(max_depth=1), "yours is worse"), (wild, "yours is worse"),
              (RandomForestClassifier(), "classifier"), (RandomForestRegressor, "with parentheses"),
              (3.5, "Asked for is a regressor"), (Stubborn(), "Asked for is a regressor")],
    "leak": [("ext_r", "harmless"), ("lgGF", "That is the target"), ("lgMstar", "Close"),
             ("NUVr", "was there before"), ("RA", "was not added"),
             (["ext_r", "Dlum"], "one column in quotes"), (2, "one column in quotes")],
    "kernel": [(np.ones((3, 3)) / 9, "sum to 0"), ([[1, 1, 1], [1, -8, 1], [1, 1, 1]], "reversed"),
               (np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), "finds edges"), (np.zeros((3, 3)), "blind"),
               ([-1, 2, -1], "shape of yours"), (np.full((3, 3), np.nan), "NaN")],
    "shape": [((10, 32, 32), "Rounded up"), ((3, 31, 31), "channels are the layer's own"),
              ((10, 30, 30), "padding"), ((10, 62, 62), "stride"), ((31, 31, 10), "another order"),
              ((1, 10, 31, 31), "batch of one"), (31, "three numbers"), ((10, 7, 7), "formula"),
              ("(10, 31, 31)", "three whole numbers")],
    "layer": [(network(3, 16, 32, 64, 64), "still missing"),
              (network(3, 16, 32, 64, 64, 128, last=64), "last layer"),
              (network(3, 16, 32, 64, 64, 128, flatten=False), "last layer"),
              (nn.Sequential(stage(3, 16), stage(32, 64)), "channels do not fit"),
              (network(3, 8, 8, 8, 8, 8)[:-1], "One number per galaxy"),
              (nn.Sequential, "Asked for is a network"),
              ([stage(3, 16)], "Asked for is a network"), (network(3, 8, 8, 8, 8, 8, 8, 8), "RuntimeError")],
    "step": [([1.4, -2.1], "Uphill"), ([-3.0, -1.0], "learning rate"), ([0.4, -0.1], "step alone"),
             ([0.6], "2 weights"), ([0.0, 0.0], "by itself")],
    "loop": [(no_zero_grad, "adds them up"), (no_step, "No step was taken"), (no_backward, "no gradient"),
             (zero_between, "no gradient"), (not_returned, "not returned"), (table_of_differences, "match"),
             (many_steps, "yours takes 2"), (returns_other, "100.000"),
             (torch.tensor(0.9), "without parentheses"), (lambda model: model, "TypeError")],
    "rate": [(0.5, "explodes"), (1e-6, "hardly moves"), (-1, "positive"), ([1e-3, 1e-2], "holds 2")],
    "censored": [(lambda p, label, limit: ((p - label) ** 2).mean(), "as measurements"),
                 (lambda p, label, limit: ((p - label)[~limit] ** 2).mean(), "throws the limits away"),
                 (reversed_limits, "wrong way round"), (lambda *a: limit_loss(*a) * 5, "the sum"),
                 (mean_of_those_that_cost, "also those"), (lambda *a: limit_loss(*a) + 1, "yours is 1.0"),
                 (lambda *a: limit_loss(*a).item(), "no gradient can flow"),
                 (lambda p, label, limit: (p - label) ** 2, "yours gives 5"),
                 (lambda *a: a[0].numpy(), "RuntimeError"), (torch.tensor(0.1), "without parentheses")],
}


def raises(*args, **kwargs):
    raise ValueError("first line\nsecond line")


def leaves(*args, **kwargs):
    raise SystemExit(1)


class Hostile:
    """Raises whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __eq__ = __len__ = __iter__ = __bool__ = __call__ = __array__ = raises
    __hash__ = None


class BadMessage(Exception):
    def __str__(self):
        raise RuntimeError("str")


def bad_message(*args, **kwargs):
    raise BadMessage


GARBAGE = [
    "", "text", b"bytes", True, -1, 10**400, float("nan"), float("inf"), 1j, [], (), {}, set(), [None],
    [[1], [2, 3]], np.full(3, np.nan), np.array([]), np.array("x"), np.array([object()]), TABLE, X["NUVr"],
    pd.NA, pd.DataFrame(), torch.zeros(2, requires_grad=True), torch.tensor([]), nn.Linear(2, 2), nn.Conv2d,
    object(), object, int, len, ValueError("x"), Hostile(), Hostile, (i for i in range(3)), LinearRegression,
    RandomForestRegressor(n_estimators="many", min_samples_leaf=2), raises, leaves, bad_message, lambda: 1,
    lambda *a: None, lambda *a: "text", lambda *a: np.full(3, np.nan), lambda *a: 1 / 0, lambda *a: a,
    lambda *a: [a], lambda *a: [[]] * a[-1],
]


@pytest.fixture
def verdict(capsys):
    """Return what a check prints: one line or two, on stdout only."""

    def run(name, *answer):
        assert check(name, *answer) is None
        out, err = capsys.readouterr()
        assert not err and out.endswith("\n") and 1 <= len(out.splitlines()) <= 2
        assert out[:2] in ("✓ ", "✗ ", "… ")
        return out

    return run


def cases(table):
    return [pytest.param(name, *case, id=f"{name}-{i}") if isinstance(case, tuple) and table is WRONG
            else pytest.param(name, case, id=f"{name}-{i}")
            for name, entries in table.items() for i, case in enumerate(entries)]


def test_every_check_is_tested():
    assert set(CHECKS) == set(CONTEXT) == set(RIGHT) == set(WRONG)
    assert all(len(entries) >= 2 for entries in WRONG.values())


@pytest.mark.parametrize("nothing", [None, ...])
@pytest.mark.parametrize("name", CHECKS)
def test_nothing_filled_in(verdict, name, nothing):
    assert verdict(name, nothing, *CONTEXT[name]) == NOT_YET + "\n"


@pytest.mark.parametrize("name", ["kfold", "loop", "censored"])
@pytest.mark.parametrize("scaffold", [lambda *a: None, lambda *a: ...], ids=["None", "..."])
def test_untouched_function(verdict, name, scaffold):
    assert verdict(name, scaffold) == NOT_YET + "\n"


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT))
def test_right(verdict, name, answer):
    assert verdict(name, answer, *CONTEXT[name]).startswith("✓ ")


@pytest.mark.parametrize(("name", "answer", "words"), cases(WRONG))
def test_mistake_gets_the_fitting_hint(verdict, name, answer, words):
    line = verdict(name, answer, *CONTEXT[name])
    assert line.startswith("✗ ") and words in line


@pytest.mark.parametrize("name", CHECKS)
def test_garbage_never_raises_and_never_passes(verdict, name):
    for answer in GARBAGE:
        assert not verdict(name, answer, *CONTEXT[name]).startswith("✓"), answer


@pytest.mark.parametrize("name", CHECKS)
def test_wrong_context_never_raises(verdict, name):
    for context in [(), (None,), (None, None), ("x",) * 4, (1, 2, 3, 4, 5)]:
        answer = RIGHT[name][0]
        assert verdict(name, answer, *context)[0] in ("✗" if CONTEXT[name] else "✗✓")


def test_too_flexible_where_the_line_is_best(verdict):
    three = pd.concat([FLAT, FLAT.tail(1).set_axis([3]) + [0.1, -0.1]])
    assert "Too flexible" in verdict("degree", 2, three) and verdict("degree", 1, three).startswith("✓")


def test_messages_name_what_raised(verdict):
    assert verdict("kfold", raises) == "✗ Your function raised ValueError: first line\n"
    assert verdict("kfold", leaves) == "✗ Your function raised SystemExit: 1\n"
    assert verdict("kfold", bad_message) == "✗ Your function raised BadMessage: (no message)\n"
    assert "no exercise 'colour'" in verdict("colour", 1) and "missing, kfold" in verdict("colour", 1)


def test_interrupt_gets_through():
    def interrupted(n, k):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("kfold", interrupted)


def test_a_check_leaves_no_trace(verdict):
    """The random numbers of later cells, the network and the table are as if nobody had checked."""
    torch.manual_seed(0)
    before, table = torch.get_rng_state(), CLEAN.copy()
    net = RIGHT["layer"][0].train()
    running = net[0][1].running_mean.clone()
    for name, answers in RIGHT.items():
        verdict(name, answers[0], *CONTEXT[name])
    assert torch.equal(torch.get_rng_state(), before)
    assert net.training and net[0][1].training and torch.equal(net[0][1].running_mean, running)
    pd.testing.assert_frame_equal(CLEAN, table)


def test_bold_rate_is_told_apart(verdict):
    assert "left of it" in verdict("rate", 2e-3, RATES, LOSSES)
    assert "bold" in verdict("rate", 0.024, RATES, LOSSES)


def test_a_curve_that_never_explodes(verdict):
    """Batch normalization can bear any rate that the finder tries."""
    falling = 3 - 2 / (1 + 2e-3 / RATES)
    for rate in (1e-3, 5e-3, 0.1):
        assert "left of it" in verdict("rate", rate, RATES, falling)
    assert "hardly moves" in verdict("rate", 1e-5, RATES, falling)
    assert "who knows" in verdict("rate", 0.9, RATES, falling)
    assert "who knows" in verdict("rate", 100, RATES, falling)
