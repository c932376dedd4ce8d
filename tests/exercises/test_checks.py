"""Each check of an exercise: "not yet" for nothing, ✓ for what is right, the fitting hint for a mistake."""

import subprocess
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from exercises import check
from exercises.checks import CHECKS, NOT_YET

torch = pytest.importorskip("torch", reason="PyTorch is not installed, which part 2 needs (make oldest)")
F, nn = torch.nn.functional, torch.nn

DAY2 = Path(__file__).resolve().parents[2] / "day2"
split = np.array_split
rng = np.random.default_rng(1)

# A universe of 240 galaxies in which every lesson holds: gas falls with colour (with a bend), and the stellar
# mass follows from brightness and distance.
N = 240
TABLE = pd.DataFrame({"NUVr": rng.uniform(1, 7, N), "model_r": rng.uniform(13, 17, N)})
TABLE["Dlum"], TABLE["ext_r"] = rng.uniform(40, 220, N), rng.uniform(0, 0.2, N)
TABLE["SFR_best"] = rng.uniform(0.1, 5, N)
TABLE["lgMstar"] = 16 - 0.4 * TABLE["model_r"] + 0.01 * TABLE["Dlum"] + rng.normal(0, 0.1, N)
TABLE["lgGF"] = 0.3 - 0.06 * TABLE["NUVr"] ** 2 + 0.02 * TABLE["model_r"] + rng.normal(0, 0.25, N)
TABLE.loc[[3, 30, 77], "SFR_best"] = -99
TABLE.loc[[5, 6, 7, 8, 9], "NUVr"] = -99
CLEAN = TABLE[TABLE["NUVr"] != -99]
X, y = CLEAN[["NUVr", "model_r"]], CLEAN["lgGF"]
CV = KFold(5, shuffle=True, random_state=0)
MORE = X.assign(CINDX=X["NUVr"] / 3 + rng.normal(0, 0.2, len(X)))
FOLDS = split(rng.permutation(len(X)), 5)
SMALL = RandomForestRegressor(20, random_state=0)


def without(columns, forest=SMALL, score="neg_root_mean_squared_error"):
    """Scores in the folds of the forest without some columns, as RMSE."""
    return -cross_val_score(forest, MORE.drop(columns=columns), y, cv=CV, scoring=score)


CONV, PICTURE = nn.Conv2d(3, 10, kernel_size=5, stride=2, padding=1), (3, 64, 64)
IMAGES = torch.zeros(4, *PICTURE)
SPOT = np.outer([0, 1, 0], [0, 1, 0]) - 1 / 9
OLD, SLOPE, RATE = np.array([1.0, -2.0]), np.array([4.0, -1.0]), 0.1


def score_at(rate):  # lowest at 3e-3
    return 0.32 + 0.04 * np.log10(rate / 3e-3) ** 2


TRIED = [1e-5, 1e-4, 1e-3, 5e-3, 0.05, 0.5]
SWEEP = pd.DataFrame({seed: [score_at(rate) + 0.002 * seed for rate in TRIED] for seed in (0, 1)}, TRIED)

LABELS = pd.Series(rng.normal(2.6, 0.4, N), range(900001, 900001 + N))
SAID = (LABELS + rng.normal(0, 0.2, N))[[crc32(str(id).encode()) % 5 == 0 for id in LABELS.index]]

NOISE = rng.normal(size=(len(y), 300))
BEND = np.array([0.01, -0.02, 0.03, 0.0, 0.01])


def held_out(table, degree=1, way="limits as limits"):
    """Stand in for the notebook's out_of_fold: the quadratic gains BEND, or 0.1 if limits are values."""
    gain = BEND if way == "limits as limits" else 0.1
    return pd.DataFrame({"fold": range(5), "log-likelihood": -0.5 + (degree - 1) * gain})


def study(table, name, features, target, missing=-99):
    """Stand in for the notebook's template: 0.3 if nothing is wrong."""
    leaks = {"spectrum": 0.2}.get(name, 0.3) * (0.01 if "iron" in features else 1)
    return {"test RMSE": leaks if missing == 999 else 2 * leaks}


CONTEXT = dict.fromkeys(CHECKS, ()) | {
    "missing": (TABLE,),
    "fold": (X, y, FOLDS),
    "guess": (X, y, CV),
    "tune": (X, y, CV),
    "drop": (SMALL, MORE, y, CV),
    "model": (X, y, CV),
    "bend": (TABLE, held_out),
    "leak": (NOISE, y, CV),
    "table": (study,),
    "shape": (CONV, PICTURE),
    "layer": (IMAGES,),
    "step": (OLD, SLOPE, RATE),
    "rate": (SWEEP, score_at),
    "own": (LABELS,),
}


def forest(trees=30, seed=0, **settings):
    return RandomForestRegressor(trees, random_state=seed, **settings)


def stage(before, after):
    convolution = nn.Conv2d(before, after, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2))


def network(*channels, end=None):
    stages = [stage(a, b) for a, b in zip(channels[:-1], channels[1:], strict=True)]
    return nn.Sequential(*stages, *(end or (POOL, FLATTEN, LAST)))


def shuffled(n):
    return np.random.default_rng(0).permutation(n)


POOL, FLATTEN, LAST = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1)
FIVE = (3, 16, 32, 64, 64, 128)
STEP = """
def one_step(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss
"""
FOLD = """
def score_of_fold(rows):
    others = np.setdiff1d(np.arange(len(X)), rows)
    fit = LinearRegression().fit(X.iloc[others], y.iloc[others])
    residual = y.iloc[rows] - fit.predict(X.iloc[rows])
    return (residual**2).mean() ** 0.5
"""
LOSS = """
def limit_loss(prediction, label, is_limit):
    residual = prediction - label
    residual = torch.where(is_limit, residual.clamp(min=0), residual)
    return (residual**2).mean()
"""


def edit(source, old="", new=""):
    """The function of a solution, with one thing changed."""
    names = {"F": F, "torch": torch, "np": np, "X": X, "y": y, "FOLDS": FOLDS} | {
        "LinearRegression": LinearRegression
    }
    assert old in source
    exec(source.replace(old, new), names)
    return names.popitem()[1]


GUESS = 0.9 * -cross_val_score(DummyRegressor(), X, y, cv=CV, scoring="neg_root_mean_squared_error").mean()

RIGHT = {
    "missing": [3, 3.0, (TABLE["SFR_best"] == -99).sum(), sum(TABLE["SFR_best"] == -99)],
    "fold": [edit(FOLD), edit(FOLD, "(residual**2).mean() ** 0.5", "np.sqrt(np.mean(residual**2))")],
    "guess": [GUESS, np.float32(GUESS)],
    "drop": [without("CINDX"), [*without("CINDX")], pd.Series(without("CINDX"))],
    "tune": [forest(min_samples_leaf=5), forest(min_samples_leaf=8)],
    "model": [make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())],
    "bend": [BEND, list(BEND), pd.Series(BEND)],
    "leak": [make_pipeline(SelectKBest(f_regression, k=20), LinearRegression())],
    "table": [0.3, 0.31, 0.27],
    "kernel": [SPOT, SPOT.tolist(), torch.tensor([[0, -1, 0], [-1, 4.0, -1], [0, -1, 0]])],
    "shape": [(10, 31, 31), [10, 31, 31], torch.Size([10, 31, 31])],
    "layer": [network(*FIVE), network(3, 8, 8, 8, 8, 128), network(*FIVE, end=(FLATTEN, nn.Linear(512, 1)))],
    "step": [[0.6, -1.9], OLD - RATE * SLOPE, torch.tensor([0.6, -1.9])],
    "loop": [
        edit(STEP),
        edit(STEP, "return loss", "return loss.item()"),
        edit(STEP, "zero_grad()", "zero_grad(set_to_none=False)"),
        edit(STEP, "loss.backward()", "model.zero_grad()\n    loss.backward()"),
        edit(
            STEP, "F.mse_loss(model(images)[:, 0], labels)", "(model(images)[:, 0] - labels).square().mean()"
        ),
    ],
    "rate": [(2e-3, 0.32), [8e-3, 0.33], np.array([3e-3, 0.325])],
    "censored": [edit(LOSS), lambda p, label, limit: ((p - label) ** 2 * ~(limit & (p < label))).mean()],
    "own": [SAID, SAID.sample(frac=1, random_state=1)],
}
# exercise: words of a hint that no other hint of that check has: mistakes that should get it
WRONG = {
    "missing": {
        "isna() nor == 0": [0],
        "HAVE": [N - 3],
        "for NUVr": [5],
        "whole `catalog`": [12, N],
        ".sum() counts": [TABLE["SFR_best"] == -99],
        "holds 3": [TABLE.query("SFR_best == -99")["SFR_best"]],
    },
    "fold": {
        "galaxies fitted": [edit(FOLD, "iloc[rows]", "iloc[others]")],
        "on all rows": [edit(FOLD, "iloc[others]", "iloc[:]")],
        "Fitted on held_out": [
            edit(FOLD, "iloc[others]", "iloc[rows]"),
            edit(FOLD, "    fit", "    rows, others = others, rows\n    fit"),
        ],
        "That is R2": [edit(FOLD, "(residual**2).mean() ** 0.5", "fit.score(X.iloc[rows], y.iloc[rows])")],
        "it should be": [edit(FOLD, "    others", "    rows = FOLDS[0]\n    others"), edit(FOLD, "** 0.5")],
        "returns nothing": [edit(FOLD, "return ")],
        "yours holds": [edit(FOLD, "(residual**2).mean() ** 0.5", "residual")],
        "raised KeyError": [edit(FOLD, "X.iloc[others]", "X[others]")],
        "without parentheses": [0.31],
    },
    "guess": {"leaving it out": [0.1, -0.3], "less than none": [0.9], "holds 5": [np.full(5, 0.5)]},
    "drop": {
        "yours holds": [without("CINDX").mean(), [0.3, 0.3, 0.3]],
        "stays": [without([])],
        "Not the RMSEs": [without("model_r"), without("CINDX", forest(5)), -without("CINDX", score="r2")],
    },
    "tune": {
        "plain forest": [forest(), forest(400), forest(seed=9), forest(seed=None)],
        "not better by": [forest(max_depth=1), forest(max_depth=12), forest(max_features=1)],
        "a RandomForest": [ExtraTreesRegressor(), {"min_samples_leaf": 5}, RandomForestRegressor],
    },
    "model": {
        "linear model again": [LinearRegression(), make_pipeline(StandardScaler(), LinearRegression())],
        "yours is worse": [DecisionTreeRegressor(max_depth=1), KNeighborsRegressor(1)],
        "raised ValueError": [RandomForestClassifier()],
        "with parentheses": [RandomForestRegressor],
    },
    "bend": {
        "turn it round": [-BEND],
        "taken as values": [np.full(5, 0.1)],
        "holds 1": [BEND.mean()],
        "Other numbers": [BEND + 0.5],
    },
    "leak": {
        "Asked for is a pipeline": [LinearRegression(), 0.13, SelectKBest(k=20)],
        "sees 300 columns": [make_pipeline(StandardScaler(), LinearRegression())],
        "sees 5 columns": [make_pipeline(SelectKBest(f_regression, k=5), LinearRegression())],
    },
    "table": {
        "both sides": [0.2],
        "made from the answer": [0.003],
        "999": [0.6],
        "Too good": [0.1, -0.3],
        "Worse than": [0.4],
    },
    "kernel": {
        "make that 0": [np.ones((3, 3)) / 9, np.ones((3, 3)) / 1e7, np.outer([0, 1, 0], [0, 1, 0])],
        "make it positive": [-SPOT, np.zeros((3, 3)), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]],
        "lines or edges": [[[-1] * 3, [2] * 3, [-1] * 3], [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]],
        "your shape": [[-1, 2, -1]],
        "NaN": [np.full((3, 3), np.nan)],
    },
    "shape": {
        "one per kernel": [(3, 31, 31)],
        "padding: ": [(10, 30, 30)],
        "stride: ": [(10, 62, 62)],
        "wrong order": [(31, 31, 10)],
        "are three numbers": [31, (1, 10, 31, 31)],
        "formula": [(3, 64, 64), (10, 3, 5), (10, 32, 32), (10, 31.5, 31.5)],
        "plain numbers": ["(10, 31, 31)"],
    },
    "layer": {
        "a fifth, of 128, lacks": [
            network(3, 16, 32, 64, 128),
            network(3, 16, 32, 64, 64, 64, end=(POOL, FLATTEN, nn.Linear(64, 1))),
        ],
        "of each galaxy": [
            network(*FIVE, end=(POOL, FLATTEN, nn.Linear(64, 1))),
            *(network(*FIVE, end=end) for end in ([POOL, LAST], [FLATTEN, LAST], [FLATTEN, POOL, LAST])),
        ],
        "no bend at the end": [network(*FIVE, end=(POOL, FLATTEN, LAST, nn.ReLU()))],
        "One number per galaxy": [network(*FIVE, end=end) for end in ([POOL], [POOL, FLATTEN])],
        "Asked for is a network": [lambda: network(*FIVE), [stage(3, 16)], nn.Sequential],
        "raised RuntimeError": [nn.Sequential(stage(3, 16), stage(32, 64))],
    },
    "step": {
        "Uphill": [[1.4, -2.1]],
        "too long a step": [[-3.0, -1.0]],
        "each weight by itself": [[0.6, -2.0], [-1.9, 0.6], [0.4, -0.1]],
        "2 weights": [[0.6]],
        "no quotes": ["0.6, -1.9"],
    },
    "loop": {
        "adds up": [edit(STEP, "optimizer.zero_grad()"), edit(STEP, "zero_grad()", "zero_grad")],
        "takes 0 steps": [edit(STEP, "optimizer.step()"), edit(STEP, "step()", "step")],
        "No gradient": [edit(STEP, "loss.backward()"), edit(STEP, "d()\n", "d(), model.zero_grad()\n")],
        "returns nothing": [edit(STEP, "return loss")],
        "(n, 1)": [edit(STEP, "[:, 0]")],
        "Not the gradient": [edit(STEP, "mse_loss", "l1_loss"), edit(STEP, "= F", "= -F")],
        "takes 2 steps": [edit(STEP, "optimizer.step()", "optimizer.step(), optimizer.step()")],
        "not return the loss": [edit(STEP, "return loss", "return 100")],
        "one number": [edit(STEP, "return loss", "return loss.item")],
        "without parentheses": [torch.tensor(0.9)],
        "raised TypeError": [lambda model: model],
    },
    "rate": {
        "was tried": [(1e-3, 0.33), (5e-3, 0.32)],
        "First the learning rate": [(0.32, 3e-3)],
        "few steps": [(2e-5, 0.5), (2e-4, 0.37)],
        "jumps about": [(0.3, 0.4), (0.03, 0.35)],
        "you predicted": [(2e-3, 0.25), (2e-3, 0.78), (2e-3, -0.32)],
        "between those": [(1e-7, 0.33), (1, 0.33), (-3, 0.33)],
        "holds 1": [2e-3, 0.32],
    },
    "censored": {
        "as measurements": [lambda prediction, label, is_limit: F.mse_loss(prediction, label)],
        "Detections below": [lambda prediction, label, _: F.relu(prediction - label).square().mean()],
        "above a limit": [
            edit(LOSS, "(residual**2)", "(residual[~is_limit] ** 2)"),
            edit(LOSS, "residual.clamp(min=0)", "0 * residual"),
        ],
        "Wrong way:": [edit(LOSS, "n - label", "n * -1 + label"), edit(LOSS, "(is_limit", "(~is_limit")],
        "over ALL galaxies": [
            edit(LOSS, "mean", "sum"),
            edit(LOSS, "(residual**2)", "(residual[residual != 0] ** 2)"),
        ],
        "not 1.09": [edit(LOSS, "mean()", "mean() + 1")],
        "no gradient can flow": [edit(LOSS, "mean()", "mean().item()")],
        "returns nothing": [edit(LOSS, "return ")],
        "yours holds 6": [edit(LOSS, ".mean()")],
        "raised RuntimeError": [edit(LOSS, "prediction - label", "prediction.numpy() - label")],
        "without parentheses": [torch.tensor(0.1)],
    },
    "own": {
        "one column": [SAID.to_numpy(), SAID.to_frame(), SAID.tolist(), {"network": SAID}],
        "not fitted, each once": [LABELS, SAID[:9], pd.concat([SAID, SAID[:1]]), SAID.reset_index(drop=True)],
        "The label itself": [LABELS[SAID.index], 0 * SAID + LABELS.mean()],
        "another label": [SAID + 9, 3 - 2 * SAID, (SAID - LABELS.mean()) / LABELS.std()],
        "NaN": [SAID.replace(SAID.iloc[0], np.nan)],
    },
}


def leaves(*args):
    raise SystemExit(1)


GARBAGE = [
    *("", "text", b"bytes", True, -1, 10**400, float("nan"), float("inf"), 1j, pd.NA, int, len, object()),
    *([], (), {}, set(), [None], [[1], [2, 3]], np.full(3, np.nan), np.array([]), np.array([object()])),
    *(TABLE, X["NUVr"], pd.DataFrame(), torch.zeros(2, requires_grad=True), torch.tensor([]), IMAGES),
    *(nn.Conv2d, ValueError("x"), (i for i in range(3)), forest("many", max_depth=2), leaves, lambda: 1),
    *(lambda *a: 1 / 0, lambda *a: "text", lambda *a: [[]] * a[-1], lambda *a: [a]),
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


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_filled_in(verdict, name):
    for nothing in (None, ...):
        assert verdict(name, nothing, *CONTEXT[name]) == NOT_YET + "\n"


@pytest.mark.parametrize("name", ["fold", "loop", "censored"])
def test_untouched_function(verdict, name):
    for scaffold in (lambda *a: None, lambda *a: ...):
        assert verdict(name, scaffold, *CONTEXT[name]) == NOT_YET + "\n"


@pytest.mark.parametrize("name", CHECKS)
def test_right(verdict, name):
    for answer in RIGHT[name]:
        line = verdict(name, answer, *CONTEXT[name])
        assert line.startswith("✓ "), (answer, line)


@pytest.mark.parametrize("name", CHECKS)
def test_mistake_gets_the_fitting_hint(verdict, name):
    for words, answers in WRONG[name].items():
        for answer in answers:
            line = verdict(name, answer, *CONTEXT[name])
            assert line.startswith("✗ ") and words in line, (words, answer, line)


@pytest.mark.parametrize("name", CHECKS)
def test_garbage_never_raises_and_never_passes(verdict, name):
    for answer in GARBAGE:
        assert not verdict(name, answer, *CONTEXT[name]).startswith("✓"), answer
    for context in [(), (None,), (None, None), (1, 2, 3, 4)]:
        assert verdict(name, RIGHT[name][0], *context)[0] in ("✗" if CONTEXT[name] else "✗✓")


def test_messages_name_what_raised(verdict):
    assert "raised ValueError: invalid" in verdict("fold", lambda rows: int("x\ny"), X, y, FOLDS)
    assert verdict("fold", leaves, X, y, FOLDS) == "✗ Your function raised SystemExit: 1\n"
    assert "no exercise 'colour'" in verdict("colour", 1) and "missing, fold" in verdict("colour", 1)


def test_interrupt_gets_through():
    def interrupted(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("fold", interrupted, X, y, FOLDS)


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


def test_a_win_by_luck_is_no_win(verdict):
    straight = X["NUVr"] + np.random.default_rng(2).normal(0, 3, len(X))
    line = verdict("model", Ridge(30), X, straight, CV)
    assert line.startswith("✗") and "by fold it gains +" in line and "may be luck" in line


def test_a_model_that_minds_units_is_told_so(verdict):
    line = verdict("model", KNeighborsRegressor(), X.assign(model_r=1000 * X["model_r"]), y, CV)
    assert line.startswith("✗") and "StandardScaler" in line


def test_part_1_needs_no_torch():
    code = "import sys; from exercises import check; check('fold', len); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=DAY2, capture_output=True, text=True)
    assert run.stdout.endswith("\nFalse\n"), run.stderr
