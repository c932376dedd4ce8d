"""Each check of an exercise: "not yet" for nothing, ✓ for what is right, the fitting hint for a mistake."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, f_regression, r_regression
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from exercises import check, practice_table
from exercises.checks import CHECKS, NOT_YET

torch = pytest.importorskip("torch", reason="PyTorch is not installed, which part 2 needs (make oldest)")
F, nn = torch.nn.functional, torch.nn

DAY2 = Path(__file__).resolve().parents[2] / "day2"
rng = np.random.default_rng(1)

# A universe of 240 galaxies in which every lesson holds: gas falls with color (with a bend), and a blind
# survey (HIsrc 1) sees those rich in gas only.
N = 240
TABLE = pd.DataFrame({"NUVr": rng.uniform(1, 7, N), "model_r": rng.uniform(13, 17, N)})
TABLE["petrR50_r"] = rng.uniform(2, 9, N)
TABLE["SFR_best"] = rng.uniform(0.1, 5, N)
TABLE["lgGF"] = 0.3 - 0.06 * TABLE["NUVr"] ** 2 + 0.02 * TABLE["model_r"] + rng.normal(0, 0.25, N)
TABLE["lgGF"] += 0.02 * (TABLE["petrR50_r"] - 5) ** 2
TABLE["HIsrc"] = np.select([TABLE["lgGF"] > 0.1, TABLE["lgGF"] > -1], [1, 2], 4)
TABLE.loc[[3, 30, 77], "SFR_best"] = -99
TABLE.loc[[5, 6, 7, 8, 9], "NUVr"] = -99
CLEAN = TABLE[TABLE["NUVr"] != -99]
X, y = CLEAN[["NUVr", "model_r"]], CLEAN["lgGF"]
CV = KFold(5, shuffle=True, random_state=0)
FOLDS = np.array_split(rng.permutation(len(X)), 5)

MORE = X.assign(CINDX=X["NUVr"] / 3 + rng.normal(0, 0.2, len(X)))
SMALL = RandomForestRegressor(3, max_depth=6, random_state=0)


def without(columns, forest=SMALL, score="neg_root_mean_squared_error"):
    """Scores in the folds of the forest without some columns, as RMSE."""
    return -cross_val_score(forest, MORE.drop(columns=columns), y, cv=CV, scoring=score)


NOISE = rng.normal(size=(len(y), 300))
BEST = SelectKBest(f_regression, k=20).fit(NOISE, y).get_support()  # chosen with all of y
FIRST = np.arange(300) < 20


def no_score(columns, target):
    """Score columns without a look at the target."""
    return np.arange(columns.shape[1])


BLIND, DETECTED = CLEAN["HIsrc"] == 1, CLEAN["HIsrc"] != 4
FEATURES = ["NUVr", "model_r"]


def excess(degree=2, fitted=BLIND):
    """Return by how much a polynomial fitted on some galaxies predicts too much gas, for all."""
    recipe = make_pipeline(StandardScaler(), PolynomialFeatures(degree), LinearRegression())
    return recipe.fit(X[fitted], y[fitted]).predict(X) - y


def rms(values):
    return (values**2).mean() ** 0.5


TRAP = rms(excess()[~BLIND])


def log_likelihood_of(table, squares):
    """Return that of a fit of color and size, and of the squares of some columns."""
    columns = [table["NUVr"], table["petrR50_r"], *(table[name] ** 2 for name in squares)]
    columns = np.column_stack(columns)
    residual = table["lgGF"] - LinearRegression().fit(columns, table["lgGF"]).predict(columns)
    return -len(table) / 2 * np.log(residual.var(ddof=0))


LINE, BOTH = (log_likelihood_of(CLEAN, squares) for squares in ([], ["NUVr", "petrR50_r"]))
BEND = np.array([log_likelihood_of(CLEAN, [name]) - LINE for name in ("NUVr", "petrR50_r")])


def study(table, name, features, target, missing=-99):
    """Stand in for the template of the notebook: split by name, fit, test."""
    table = table[table[[*features, target]].ne(missing).all(axis=1)]
    learn, test = train_test_split(sorted(set(table[name])), test_size=0.2, random_state=42)
    learn, test = table[table[name].isin(learn)], table[table[name].isin(test)]
    recipe = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge(0.1))
    recipe.fit(learn[features], learn[target])
    return {"test RMSE": rms(recipe.predict(test[features]) - test[target])}


LINES = [f"line_{i}" for i in range(8)]


def studied(name="star", features=LINES, missing=999):
    return study(practice_table(), name, features, "feh", missing)["test RMSE"]


STARS = studied()

CONV, PICTURE = nn.Conv2d(3, 10, kernel_size=5, stride=2, padding=1), (3, 64, 64)
IMAGES = torch.zeros(4, *PICTURE)
SPOT = np.outer([0, 1, 0], [0, 1, 0]) - 1 / 9

PRACTICE = pd.DataFrame({"label": rng.normal(8.7, 0.2, N)}, index=range(900001, 900001 + N))
PRACTICE["test"] = rng.random(N) < 0.3
LABELS, TEST = PRACTICE["label"], PRACTICE["test"]
ALL_SAID = LABELS + rng.normal(0, 0.1, N)
SAID = ALL_SAID[TEST]

CONTEXT = {
    "missing": (TABLE,),
    "fold": (X, y, FOLDS),
    "leak": (NOISE, y, CV),
    "drop": (SMALL, MORE, y, CV),
    "trap": (CLEAN, FEATURES),
    "bend": (CLEAN, log_likelihood_of),
    "table": (study,),
    "kernel": (),
    "shape": (CONV, PICTURE),
    "layer": (IMAGES,),
    "loop": (),
    "abundance": (PRACTICE,),
    "censored": (),
}


def forest(trees=30, seed=0, **settings):
    return RandomForestRegressor(trees, random_state=seed, **settings)


def chosen(*steps):
    """Return a pipeline that ends with a line."""
    return make_pipeline(*steps, LinearRegression())


def stage(before, after, bend=nn.ReLU):
    convolution = nn.Conv2d(before, after, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), bend(), nn.MaxPool2d(2))


def network(*channels, end=None, bend=nn.ReLU):
    stages = [stage(a, b, bend) for a, b in zip(channels[:-1], channels[1:], strict=True)]
    return nn.Sequential(*stages, *(end or (POOL, FLATTEN, LAST)))


class Then(nn.Module):
    """A network, and a function of what it says."""

    def __init__(self, inner, function):
        super().__init__()
        self.inner, self.function = inner, function

    def forward(self, images):
        return self.function(self.inner(images))


def ends_with(*bend):
    return network(*FIVE, end=(POOL, FLATTEN, LAST, *bend))


POOL, FLATTEN, LAST = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1)
FIVE = (3, 16, 32, 64, 64, 128)
STRIDED = [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(FIVE[:-1], FIVE[1:], strict=True)]
STEP = """
def one_step(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss
"""
MSE = "F.mse_loss(model(images)[:, 0], labels)"
STEP_FIRST = STEP.replace("    optimizer.zero_grad()\n", "").replace(
    "    loss =", "    optimizer.zero_grad()\n    loss ="
)
CLOSURE = """
def one_step(model, images, labels, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(images).squeeze(1), labels)
        loss.backward()
        return loss
    return optimizer.step(closure)
"""
FOLD = """
def score_of_fold(rows):
    others = np.setdiff1d(np.arange(len(X)), rows)
    fit = LinearRegression().fit(X.iloc[others], y.iloc[others])
    residual = y.iloc[rows] - fit.predict(X.iloc[rows])
    return (residual**2).mean() ** 0.5
"""
ROOT = "(residual**2).mean() ** 0.5"
LOSS = """
def limit_loss(prediction, label, is_limit):
    residual = prediction - label
    residual = torch.where(is_limit, residual.clamp(min=0), residual)
    return (residual**2).mean()
"""
LOSS_IN_TURN = """
def limit_loss(prediction, label, is_limit):
    total = 0
    for p, t, limit in zip(prediction, label, is_limit):
        if not (limit and p < t):
            total = total + (p - t) ** 2
    return total / len(label)
"""


def edit(source, old="", new=""):
    """The function of a solution, with one thing changed."""
    names = {"F": F, "torch": torch, "nn": nn, "np": np, "X": X, "y": y, "FOLDS": FOLDS}
    names["LinearRegression"] = LinearRegression
    assert old in source
    exec(source.replace(old, new), names)
    return names.popitem()[1]


RIGHT = {
    "missing": [
        3,
        3.0,
        (TABLE["SFR_best"] == -99).sum(),
        sum(TABLE["SFR_best"] == -99),
        len(TABLE.query("SFR_best == -99")),
        np.array([3]),
        torch.tensor(3),
    ],
    "fold": [
        edit(FOLD),
        edit(FOLD, ROOT, "np.sqrt(np.mean(residual**2))"),
        edit(FOLD, ROOT, "round((residual**2).mean() ** 0.5, 3)"),
        edit(FOLD, ROOT, "np.linalg.norm(residual) / len(rows) ** 0.5"),
        edit(FOLD, "np.setdiff1d(np.arange(len(X)), rows)", "[i for i in range(len(X)) if i not in rows]"),
        edit(FOLD, "np.setdiff1d(np.arange(len(X)), rows)", "~np.isin(np.arange(len(X)), rows)"),
    ],
    "leak": [
        chosen(SelectKBest(f_regression, k=20)),
        chosen(StandardScaler(), SelectKBest(f_regression, k=20)),
        chosen(SelectKBest(r_regression, k=20), StandardScaler()),
        Pipeline([("choice", SelectKBest(f_regression, k=20)), ("model", Ridge())]),
        make_pipeline(SelectKBest(f_regression, k=20), forest(5)),
        chosen(SelectFromModel(Ridge(), max_features=20, threshold=-np.inf)),
        chosen(RFE(Ridge(), n_features_to_select=20, step=0.5)),
    ],
    "drop": [
        without("CINDX"),
        [*without("CINDX")],
        tuple(without("CINDX")),
        pd.Series(without("CINDX")),
        without("CINDX").round(3),
        without("CINDX")[:, None],
        torch.tensor(without("CINDX")),
    ],
    "trap": [TRAP, float(TRAP), np.float32(TRAP), round(TRAP, 3), [TRAP], torch.tensor(TRAP)],
    "bend": [BEND, list(BEND), tuple(BEND), pd.Series(BEND), BEND.round(1), BEND[None], torch.tensor(BEND)],
    "table": [STARS, round(STARS, 2), np.float32(STARS), 1.1 * STARS, [STARS], torch.tensor(STARS)],
    "kernel": [
        SPOT,
        SPOT.tolist(),
        torch.tensor([[0, -1, 0], [-1, 4.0, -1], [0, -1, 0]]),
        [[-1, 0, -1], [0, 4, 0], [-1, 0, -1]],
        [[-1, -2, -1], [-2, 12, -2], [-1, -2, -1]],
        1e-6 * SPOT,
        pd.DataFrame(SPOT),
    ],
    "shape": [
        (10, 31, 31),
        [10, 31, 31],
        torch.Size([10, 31, 31]),
        np.array([10, 31, 31]),
        (10.0, 31.0, 31.0),
        torch.tensor([10, 31, 31]),
    ],
    "layer": [
        network(*FIVE),
        network(3, 8, 8, 8, 8, 128),
        network(3, 8, 16, 32, 64, 128, 128),
        network(*FIVE, end=(FLATTEN, nn.Linear(512, 1))),
        network(*FIVE, end=(POOL, nn.Conv2d(128, 1, 1), FLATTEN)),
        network(*FIVE, end=(nn.Conv2d(128, 1, 1), POOL, FLATTEN)),
        network(*FIVE, end=(POOL, FLATTEN, nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1))),
        network(*FIVE, end=(POOL, FLATTEN, nn.LazyLinear(1))),
        network(*FIVE, end=(POOL, FLATTEN, nn.Dropout(0.5), LAST)),
        network(*FIVE, bend=nn.Tanh),
        network(*FIVE, bend=nn.Sigmoid),
        nn.Sequential(*STRIDED, POOL, FLATTEN, LAST),
        Then(network(*FIVE, end=(POOL,)), nn.Sequential(FLATTEN, LAST)),
        Then(network(*FIVE), lambda x: 0.5 * x + 2.6),
    ],
    "loop": [
        edit(STEP),
        edit(STEP_FIRST),
        edit(CLOSURE),
        edit(STEP, "return loss", "return loss.item()"),
        edit(STEP, "return loss", "return loss.detach()"),
        edit(STEP, "zero_grad()", "zero_grad(set_to_none=False)"),
        edit(STEP, "loss.backward()", "model.zero_grad()\n    loss.backward()"),
        edit(STEP, MSE, "(model(images)[:, 0] - labels).square().mean()"),
        edit(STEP, MSE, "((model(images).squeeze() - labels) ** 2).sum() / len(labels)"),
        edit(STEP, MSE, "F.mse_loss(model(images), labels[:, None])"),
        edit(STEP, MSE, "nn.MSELoss()(model(images).flatten(), labels)"),
    ],
    "abundance": [
        SAID,
        SAID.sample(frac=1, random_state=1),
        SAID.set_axis(SAID.index.astype(str)),
        SAID.set_axis([str(id) for id in SAID.index]),
        SAID.astype("float32").rename("network"),
        SAID.round(1),
        SAID + 0.05,
    ],
    "censored": [
        edit(LOSS),
        edit(LOSS_IN_TURN),
        edit(LOSS, "residual.clamp(min=0)", "F.relu(residual)"),
        edit(LOSS, "(residual**2)", "residual.square()"),
        edit(LOSS, "(residual**2).mean()", "F.mse_loss(residual, 0 * residual)"),
        lambda p, label, limit: ((p - label) ** 2 * ~(limit & (p < label))).mean(),
        lambda p, label, limit: ((p - label)[~limit | (p > label)] ** 2).sum() / len(label),
        lambda p, label, limit: F.mse_loss(torch.where(limit, torch.maximum(p, label), p), label),
    ],
}
# exercise: words of a hint that no other hint of that check has: mistakes that should get it
WRONG = {
    "missing": {
        "isna() nor == 0": [0, TABLE["SFR_best"].isna().sum(), 0.0],
        "HAVE": [N - 3, (TABLE["SFR_best"] > 0).sum()],
        "for NUVr": [5],
        "whole `catalog`": [12, N, 3 / N, -99, (TABLE == -99).sum().sum()],
        ".sum() counts": [TABLE["SFR_best"] == -99, True],
        "holds 3": [TABLE.query("SFR_best == -99")["SFR_best"]],
        "plain numbers": ["3", TABLE.assign(name="x")],
    },
    "fold": {
        "galaxies fitted": [edit(FOLD, "iloc[rows]", "iloc[others]")],
        "on all rows": [edit(FOLD, "iloc[others]", "iloc[:]")],
        "Fitted on held_out": [
            edit(FOLD, "iloc[others]", "iloc[rows]"),
            edit(FOLD, "    fit", "    rows, others = others, rows\n    fit"),
        ],
        "That is R2": [edit(FOLD, ROOT, "fit.score(X.iloc[rows], y.iloc[rows])")],
        "mean of the squares": [edit(FOLD, " ** 0.5")],
        "it should be": [
            edit(FOLD, "    others", "    rows = FOLDS[0]\n    others"),
            edit(FOLD, ROOT, "residual.abs().mean()"),
            edit(FOLD, ROOT, "residual.mean()"),
            edit(FOLD, ROOT, "(residual**2).sum() ** 0.5"),
            edit(FOLD, ROOT, "-((residual**2).mean() ** 0.5)"),
        ],
        "returns nothing": [edit(FOLD, "return ")],
        "yours holds": [edit(FOLD, ROOT, "residual")],
        "raised KeyError": [edit(FOLD, "X.iloc[others]", "X[others]")],
        "without parentheses": [0.31, edit(FOLD)(FOLDS[1])],
    },
    "leak": {
        "Asked for is a pipeline": [
            LinearRegression(),
            0.13,
            SelectKBest(k=20),
            make_pipeline,
            NOISE[:, BEST],
        ],
        "sees 300 columns": [chosen(StandardScaler()), chosen(SelectKBest(f_regression, k="all")), chosen()],
        "sees 5 columns": [chosen(SelectKBest(f_regression, k=5))],
        "sees 10 columns": [chosen(SelectKBest(f_regression))],
        "same columns": [
            chosen(FunctionTransformer(lambda columns: columns[:, BEST])),
            chosen(FunctionTransformer(lambda columns: columns[:, FIRST])),
            chosen(SelectKBest(no_score, k=20)),
        ],
        "raised": [make_pipeline(LinearRegression(), SelectKBest(k=20), LinearRegression())],
    },
    "drop": {
        "yours holds": [without("CINDX").mean(), [0.3, 0.3, 0.3], np.tile(without("CINDX"), 2)],
        "stays": [without([]), list(without([]))],
        "but for the sign": [-without("CINDX"), list(-without("CINDX"))],
        "Not the RMSEs": [
            without("model_r"),
            without("NUVr"),
            without(["CINDX", "model_r"]),
            without("CINDX", forest(2)),
            without("CINDX", score="r2"),
            -without("CINDX", score="r2"),
            without("CINDX") ** 2,
            without("CINDX") - without([]),
        ],
    },
    "trap": {
        "at home, on": [rms(excess()[BLIND])],
        "other detections": [rms(excess()[DETECTED & ~BLIND])],
        "on all galaxies": [rms(excess())],
        "That is the line": [rms(excess(1)[~BLIND])],
        "mean excess": [excess()[~BLIND].mean()],
        "mean of the squares": [TRAP**2],
        "Fit polynomial(2) where": [
            rms(excess(3)[~BLIND]),
            rms(excess(fitted=BLIND | True)[~BLIND]),
            rms(excess(fitted=DETECTED)[~DETECTED]),
            excess()[~BLIND].std(ddof=0),
            -TRAP,
            0,
        ],
        "yours holds": [excess(), excess()[~BLIND]],
    },
    "bend": {
        "wrong order": [BEND[::-1], list(BEND[::-1])],
        "turn it round": [-BEND],
        "Subtract the line's": [BEND + LINE],
        "twice the gain": [2 * BEND],
        "per galaxy": [BEND / len(CLEAN)],
        "yours holds": [BEND.mean(), BEND[0], [*BEND, BOTH - LINE], BEND.tolist() * 2],
        "minus log_likelihood_of": [BEND + 1, [BEND[0], 0], [0, 0], [BOTH - LINE] * 2, np.exp(BEND / 100)],
        "plain numbers": [[str(gain) for gain in BEND]],
    },
    "table": {
        "both sides": [studied(name="spectrum"), [studied(name="spectrum")]],
        "made from the answer": [
            studied(features=[*LINES, "iron"]),
            studied(features=[*LINES, "iron"]) + 2e-4,
        ],
        "999": [studied(missing=-99)],
        "Too good": [0.1 * STARS, -STARS, 0, 0.7 * STARS],
        "Worse than": [2 * STARS, 999, 1.2 * STARS],
        "yours holds": [[STARS, STARS]],
        "one number": [study, {"test RMSE": STARS}],
    },
    "kernel": {
        "make that 0": [
            np.ones((3, 3)) / 9,
            np.ones((3, 3)) / 1e7,
            np.outer([0, 1, 0], [0, 1, 0]),
            [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]],
            [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
        ],
        "make it positive": [-SPOT, np.zeros((3, 3)), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]],
        "lines or edges": [
            [[-1] * 3, [2] * 3, [-1] * 3],
            [[-1, 2, -1]] * 3,
            [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]],
            [[-1, 0, 0], [0, 1, 0], [0, 0, 0]],
        ],
        "your shape": [[-1, 2, -1], 4, SPOT.ravel(), SPOT[None], np.zeros((5, 5))],
        "NaN": [np.full((3, 3), np.nan)],
        "a table of": [nn.Conv2d(1, 1, 3), "0 -1 0"],
    },
    "shape": {
        "one per kernel": [(3, 31, 31)],
        "padding: ": [(10, 30, 30), (3, 30, 30)],
        "stride: ": [(10, 62, 62)],
        "wrong order": [(31, 31, 10), (31, 10, 31)],
        "are three numbers": [31, (1, 10, 31, 31), (31, 31), 9610],
        "formula": [(3, 64, 64), (10, 3, 5), (10, 32, 32), (10, 31.5, 31.5)],
        "plain numbers": ["(10, 31, 31)"],
        "three whole numbers": [CONV, {10, 31}],
    },
    "layer": {
        "a fifth, of 128, lacks": [
            network(3, 16, 32, 64, 128),
            network(3, 16, 32, 64, 64, 64, end=(POOL, FLATTEN, nn.Linear(64, 1))),
            network(3, 16, 32, 64, 128, end=(POOL, nn.Conv2d(128, 1, 1), FLATTEN)),
            nn.Sequential(FLATTEN, nn.LazyLinear(1)),
        ],
        "numbers in a row": [
            network(*FIVE, end=(POOL, FLATTEN, nn.Linear(64, 1))),
            *(network(*FIVE, end=end) for end in ([POOL, LAST], [FLATTEN, LAST], [FLATTEN, POOL, LAST])),
        ],
        "no bend at the end": [
            *map(
                ends_with, [nn.ReLU(), nn.Sigmoid(), nn.Softmax(1), nn.Softmax(0), nn.Tanh(), nn.Softplus()]
            ),
            *map(ends_with, [nn.LogSoftmax(1), nn.LogSigmoid(), nn.ReLU6(), nn.Hardtanh()]),
            ends_with(nn.Sequential(nn.Sequential(nn.ReLU()), nn.Identity())),
            network(*FIVE, end=(nn.Conv2d(128, 1, 1), nn.ReLU(), POOL, FLATTEN)),
            *(
                Then(network(*FIVE), bend)
                for bend in (F.relu, torch.sigmoid, torch.tanh, torch.abs, torch.exp)
            ),
            Then(network(*FIVE), lambda x: F.softmax(x, dim=1)),
        ],
        "One number per galaxy": [
            *(network(*FIVE, end=end) for end in ([POOL], [POOL, FLATTEN])),
            network(*FIVE, end=(POOL, FLATTEN, nn.Linear(128, 2))),
            Then(network(*FIVE), torch.squeeze),
            Then(network(*FIVE), torch.mean),
        ],
        "Asked for is a network": [lambda: network(*FIVE), [stage(3, 16)], nn.Sequential],
        "raised RuntimeError": [nn.Sequential(stage(3, 16), stage(32, 64)), network(1, *FIVE[1:])],
    },
    "loop": {
        "adds up": [edit(STEP, "optimizer.zero_grad()"), edit(STEP, "zero_grad()", "zero_grad")],
        "The weights stay": [
            edit(STEP, "optimizer.step()"),
            edit(STEP, "step()", "step"),
            edit(STEP, "loss.backward()"),
            edit(STEP, "backward()", "backward"),
            edit(STEP, "d()\n", "d(), model.zero_grad()\n"),
            edit(
                STEP, "    loss.backward()\n    optimizer.step()", "    optimizer.step()\n    loss.backward()"
            ),
        ],
        "returns nothing": [edit(STEP, "return loss"), edit(STEP, "return loss", "print(end='')")],
        "(n, 1)": [edit(STEP, "[:, 0]")],
        "Not a step": [
            edit(STEP, "mse_loss", "l1_loss"),
            edit(STEP, MSE, MSE + " ** 0.5"),
            edit(STEP, "images)", "images + 1)"),
            edit(STEP, "labels)\n", "0 * labels)\n"),
        ],
        "Uphill": [edit(STEP, "= F", "= -F")],
        "sum of the squares": [edit(STEP, "labels)\n", "labels, reduction='sum')\n")],
        "twice the gradient": [
            edit(STEP, "optimizer.step()", "optimizer.step(), optimizer.step()"),
            edit(STEP, "loss.backward()", "loss.backward(retain_graph=True), loss.backward()"),
        ],
        "not return the loss": [
            edit(STEP, "return loss", "return 100"),
            edit(STEP, "return loss", f"return {MSE}"),
            edit(STEP, "return loss", "return loss ** 0.5"),
        ],
        "one number": [
            edit(STEP, "return loss", "return loss.item"),
            edit(STEP, "return loss", "return labels"),
        ],
        "without parentheses": [torch.tensor(0.9), nn.Linear],
        "raised TypeError": [lambda model: model],
        "raised AttributeError": [edit(STEP, "loss.backward", "loss.item().backward")],
        "raised RuntimeError": [edit(STEP, "loss.backward", "loss.detach().backward")],
    },
    "abundance": {
        "is a Series": [SAID.to_numpy(), SAID.to_frame(), SAID.tolist(), SAID.to_dict(), torch.tensor([8.7])],
        "positions": [SAID.reset_index(drop=True), pd.Series(SAID.tolist()), ALL_SAID.reset_index(drop=True)],
        "more than once": [pd.concat([SAID, SAID[:1]])],
        "trained on": [ALL_SAID, ALL_SAID[~TEST], pd.concat([SAID, ALL_SAID[~TEST][:1]])],
        "are missing": [SAID[:9], SAID.set_axis(SAID.index + 1000), pd.Series(dtype=float)],
        "standardized": [
            (SAID - LABELS.mean()) / LABELS.std(),
            (SAID - LABELS.mean()) / LABELS.std() + 0.2,
            SAID - LABELS.mean(),
        ],
        "are alike": [0 * SAID, 0 * SAID + LABELS[~TEST].mean()],
        "Those are the labels": [LABELS[TEST], LABELS[TEST].astype("float32")],
        "for everybody": [
            SAID + 9,
            2 * 8.7 - SAID,
            pd.Series(SAID.sample(frac=1, random_state=2).to_numpy(), SAID.index),
            pd.Series(ALL_SAID[~TEST].to_numpy()[: len(SAID)], SAID.index),
            10**SAID,
        ],
        "NaN": [SAID.replace(SAID.iloc[0], np.nan)],
        "plain numbers": [SAID.astype(str)],
    },
    "censored": {
        "as measurements": [lambda prediction, label, is_limit: F.mse_loss(prediction, label)],
        "Detections below": [lambda prediction, label, _: F.relu(prediction - label).square().mean()],
        "above a limit": [
            edit(LOSS, "(residual**2)", "(residual[~is_limit] ** 2)"),
            edit(LOSS, "residual.clamp(min=0)", "0 * residual"),
        ],
        "Wrong way:": [
            edit(LOSS, "n - label", "n * -1 + label"),
            edit(LOSS, "(is_limit", "(~is_limit"),
            edit(LOSS, "min=0", "max=0"),
        ],
        "over ALL galaxies": [
            edit(LOSS, "mean", "sum"),
            edit(LOSS, "(residual**2)", "(residual[residual != 0] ** 2)"),
            edit(LOSS, "(residual**2).mean()", "(residual**2).mean() ** 0.5"),
            edit(LOSS, "residual**2", "residual.abs()"),
        ],
        "it should be": [edit(LOSS, "mean()", "mean() + 1"), edit(LOSS, "(residual**2)", "residual")],
        "no gradient can flow": [
            edit(LOSS, "mean()", "mean().item()"),
            edit(LOSS, "prediction - label", "prediction.detach() - label"),
        ],
        "returns nothing": [edit(LOSS, "return ")],
        "yours holds 6": [edit(LOSS, ".mean()")],
        "raised RuntimeError": [edit(LOSS, "prediction - label", "prediction.numpy() - label")],
        "without parentheses": [torch.tensor(0.1)],
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
    assert "no exercise 'color'" in verdict("color", 1) and "missing, fold" in verdict("color", 1)


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


def test_part_1_needs_no_torch():
    code = "import sys; from exercises import check; check('fold', len); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=DAY2, capture_output=True, text=True)
    assert run.stdout.endswith("\nFalse\n"), run.stderr
