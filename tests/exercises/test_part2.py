"""Answers that learners may give to the exercises of part 2: at least five right and ten wrong ones each.

Each is code that leaves `answer`, as a cell of the notebook would. A wrong one stands beside words of the
hint that it should get; "✗" where any hint will do.
"""

import numpy as np
import pandas as pd
import pytest
from edits import edit

from cells import read, solutions
from exercises.checks import NOT_YET

torch = pytest.importorskip("torch", reason="PyTorch is not installed, which part 2 needs (make oldest)")
F, nn = torch.nn.functional, torch.nn

PICTURE = (3, 64, 64)
N_LEARN, N_TEST = 100, 40


def stage(channels_in, channels_out):
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU(), nn.MaxPool2d(2))


def stages(*channels):
    return [stage(before, after) for before, after in zip(channels[:-1], channels[1:], strict=True)]


def simple_cnn():
    return nn.Sequential(*stages(3, 16, 32, 64, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 1))


class OwnNetwork(nn.Module):
    """Five stages and a last layer, written as a class; `end` is applied to the output."""

    def __init__(self, end=None):
        super().__init__()
        self.last = nn.Linear(128, 1)  # registered first: not the order in which the images pass
        self.stages = nn.ModuleList(stages(3, 16, 32, 64, 64, 128))
        self.end = end

    def forward(self, x):
        for part in self.stages:
            x = part(x)
        x = self.last(x.mean((2, 3)))
        return x if self.end is None else self.end(x)


def practice_table():
    """Stand in for `load_practice()`: 100 galaxies to learn from and 40 to test, in a mixed order."""
    rng = np.random.default_rng(3)
    ids = (1237650000000000000 + rng.choice(10**9, N_LEARN + N_TEST, replace=False)).astype(str)
    label = rng.normal(8.9, 0.2, N_LEARN + N_TEST)
    is_test = rng.permutation(N_LEARN + N_TEST) < N_TEST
    columns = {"image": "picture.jpg", "label": label, "test": is_test}
    return pd.DataFrame(columns, index=pd.Index(ids, name="id"))


practice = practice_table()
# What a network might say: it shrinks towards the mean, and errs.
said_of_all = 8.9 + 0.6 * (practice["label"] - 8.9) + np.random.default_rng(4).normal(0, 0.06, len(practice))
NAMES = {
    "np": np,
    "pd": pd,
    "torch": torch,
    "nn": nn,
    "F": F,
    "stage": stage,
    "stages": stages,
    "simple_cnn": simple_cnn,
    "OwnNetwork": OwnNetwork,
    "five": (3, 16, 32, 64, 64, 128),
    "practice": practice,
    "said_of_all": said_of_all,
    "said": said_of_all[practice["test"]],
}
CONTEXT = {
    "kernel": [],
    "shape": [nn.Conv2d(3, 10, kernel_size=5, stride=2, padding=1), PICTURE],
    "layer": [torch.randn(4, *PICTURE, generator=torch.Generator().manual_seed(0))],
    "loop": [],
    "abundance": [practice],
    "censored": [],
}

END = "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1)"
FIVE = f"answer = nn.Sequential(*stages(*five), {END})"
STEP = """
def answer(model, images, labels, optimizer):
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss
"""
CLEAR_FIRST = """
def answer(model, images, labels, optimizer):
    optimizer.zero_grad()
    loss = F.mse_loss(model(images)[:, 0], labels)
    loss.backward()
    optimizer.step()
    return loss
"""
CLOSURE = """
def answer(model, images, labels, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(images)[:, 0], labels)
        loss.backward()
        return loss
    return optimizer.step(closure)
"""
LOSS = """
def answer(prediction, label, is_limit):
    residual = prediction - label
    residual = torch.where(is_limit, residual.clamp(min=0), residual)
    return (residual**2).mean()
"""


RIGHT = {
    "kernel": [
        "answer = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]",
        "answer = [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]",
        "answer = np.outer([0, 1, 0], [0, 1, 0]) - np.ones((3, 3)) / 9",
        "answer = torch.tensor([[[[-1., -2, -1], [-2, 12, -2], [-1, -2, -1]]]], requires_grad=True)",
        "answer = pd.DataFrame([[-0.125] * 3, [-0.125, 1, -0.125], [-0.125] * 3])",
        "answer = ((-1, 0, -1), (0, 4, 0), (-1, 0, -1))",
    ],
    "shape": [
        "answer = (10, 31, 31)",
        "answer = [10, 31, 31]",
        "answer = torch.Size([10, 31, 31])",
        "answer = np.array([10, 31.0, 31.0])",
        "answer = nn.Conv2d(3, 10, 5, stride=2, padding=1)(torch.zeros(1, 3, 64, 64)).shape[1:]",
        "answer = (10, (64 + 2 - 5) // 2 + 1, int((64 + 2 - 5) / 2 + 1))",
    ],
    "layer": [
        FIVE,
        "answer = nn.Sequential(*stages(*five), nn.Flatten(), nn.Linear(512, 1))",
        "answer = nn.Sequential(*stages(*five), nn.AdaptiveAvgPool2d(1), nn.Conv2d(128, 1, 1), nn.Flatten())",
        "answer = nn.Sequential(*stages(*five), nn.Conv2d(128, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())",
        "answer = nn.Sequential(*stages(*five), nn.Conv2d(128, 1, 2), nn.Flatten())",
        "answer = nn.Sequential(*stages(*five), nn.Conv2d(128, 1, 1, bias=False), nn.AdaptiveMaxPool2d(1), "
        "nn.Flatten())",
        "answer = OwnNetwork()",
        "answer = nn.Sequential(simple_cnn()[:4], stage(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(), "
        "nn.Dropout(0.5), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1))",
        "answer = nn.Sequential(*stages(*five), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.LazyLinear(1))",
        "answer = nn.Sequential(*stages(3, 8, 32, 64, 64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(), "
        "nn.Linear(128, 1, bias=False))",
    ],
    "loop": [
        STEP,
        CLOSURE,
        edit(STEP, "return loss", "return loss.item()"),
        edit(STEP, "return loss", "return loss.detach().numpy()"),
        edit(STEP, "zero_grad()", "zero_grad(set_to_none=False)"),
        edit(STEP, "optimizer.zero_grad()", "model.zero_grad()"),
        CLEAR_FIRST,
        edit(STEP, "loss.backward()", "optimizer.zero_grad()\n    loss.backward()"),
        edit(STEP, "F.mse_loss(model(images)[:, 0], labels)", "((model(images)[:, 0] - labels) ** 2).mean()"),
        edit(STEP, "F.mse_loss(model(images)[:, 0], labels)", "nn.MSELoss()(model(images), labels[:, None])"),
        edit(STEP, "model(images)[:, 0]", "model.train()(images).squeeze()"),
        edit(STEP, "optimizer.zero_grad()", "for p in model.parameters():\n        p.grad = None"),
    ],
    "abundance": [
        "answer = said",
        "answer = said.sample(frac=1, random_state=1)",
        "answer = said.astype('float32').rename('network')",
        "answer = said.set_axis(said.index.astype('int64'))",
        "answer = said.round(2)",
        "answer = pd.Series(dict(said))",
        "answer = said_of_all.loc[practice.index[practice['test']]]",
    ],
    "censored": [
        LOSS,
        "answer = lambda p, label, limit: ((p - label) ** 2 * ~(limit & (p < label))).mean()",
        "answer = lambda p, label, limit: F.mse_loss(torch.where(limit & (p < label), label, p), label)",
        """
def answer(prediction, label, is_limit):
    residual = prediction - label
    free = is_limit & (residual < 0)
    return residual[~free].square().sum() / len(label)
""",
        """
def answer(prediction, label, is_limit):
    residual = prediction - label
    residual[is_limit] = F.relu(residual[is_limit])
    return torch.mean(residual**2)
""",
        """
def answer(prediction, label, is_limit):
    total = 0
    for p, value, limit in zip(prediction, label, is_limit):
        if not (limit and p < value):
            total = total + (p - value) ** 2
    return total / len(label)
""",
        "answer = lambda p, y, m: ((~m) * (p - y) ** 2 + m * torch.clip(p - y, 0) ** 2).sum() / p.numel()",
    ],
}  # fmt: skip

WRONG = {
    "kernel": [
        ("make that 0", "answer = np.ones((3, 3)) / 9"),
        ("make that 0", "answer = np.ones((3, 3)) / 1e7"),
        ("make that 0", "answer = [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]]"),
        ("make that 0", "answer = [[-1, -1, -1], [-1, 1, -1], [-1, -1, -1]]"),
        ("make that 0", "answer = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]"),
        ("make that 0", "answer = np.round(np.outer([0, 1, 0], [0, 1, 0]) - np.ones((3, 3)) / 9, 2) + 0.01"),
        ("make it positive", "answer = [[1, 1, 1], [1, -8, 1], [1, 1, 1]]"),
        ("make it positive", "answer = np.zeros((3, 3))"),
        ("make it positive", "answer = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]"),
        ("lines or edges", "answer = [[-1] * 3, [2] * 3, [-1] * 3]"),
        ("lines or edges", "answer = [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]"),
        ("lines or edges", "answer = [[0, 0, 0], [-1, 2, -1], [0, 0, 0]]"),
        ("lines or edges", "answer = [[-1, -1, 0], [-1, 6, -1], [0, -1, -1]]"),
        ("round spot", "answer = [[1.75, -2, 1.75], [-2, 1, -2], [1.75, -2, 1.75]]"),
        ("your shape", "answer = [-1, -1, -1, -1, 8, -1, -1, -1, -1]"),
        ("your shape", "answer = np.pad([[8.0]], 2) - 8 / 25"),
        ("NaN", "answer = np.full((3, 3), np.nan)"),
        ("Asked for is", "answer = nn.Conv2d(1, 1, 3)"),
    ],
    "shape": [
        ("one per kernel", "answer = (3, 31, 31)"),
        ("padding: ", "answer = (10, 30, 30)"),
        ("stride: ", "answer = (10, 62, 62)"),
        ("wrong order", "answer = (31, 31, 10)"),
        ("are three numbers", "answer = 31"),
        ("are three numbers", "answer = (1, 10, 31, 31)"),
        ("are three numbers", "answer = (31, 31)"),
        ("round down", "answer = (10, 32, 32)"),
        ("round down", "answer = (10, 31.5, 31.5)"),
        ("formula", "answer = (3, 64, 64)"),
        ("formula", "answer = (10, 3, 5)"),
        ("formula", "answer = (10, 64, 64)"),
        ("formula", "answer = (30, 31, 31)"),
        ("formula", "answer = (10, 31, 32)"),
        ("plain numbers", "answer = '(10, 31, 31)'"),
    ],
    "layer": [
        ("a fifth, of 128, lacks", "answer = simple_cnn()"),
        ("a fifth, of 128, lacks", f"answer = nn.Sequential(*stages(3, 16, 32, 64, 128), {END})"),
        ("from 64 to 128", "answer = nn.Sequential(*stages(3, 16, 32, 64, 64, 64), nn.AdaptiveAvgPool2d(1), "
         "nn.Flatten(), nn.Linear(64, 1))"),
        ("from 64 to 128", f"answer = nn.Sequential(*stages(3, 8, 8, 8, 8, 128), {END})"),
        ("from 64 to 128", "answer = nn.Sequential(*stages(3, 16, 32, 128, 64, 64), nn.AdaptiveAvgPool2d(1), "
         "nn.Flatten(), nn.Linear(64, 1))"),
        ("of each galaxy", f"answer = nn.Sequential(*stages(*five), {edit(END, '128', '64')})"),
        ("of each galaxy",
         "answer = nn.Sequential(*stages(*five), nn.AdaptiveAvgPool2d(1), nn.Linear(128, 1))"),
        ("of each galaxy", "answer = nn.Sequential(*stages(*five), nn.Flatten(), nn.Linear(128, 1))"),
        *[("no bend", f"answer = nn.Sequential(*stages(*five), {END}, nn.{bend})")
          for bend in ("ReLU()", "Sigmoid()", "Tanh()", "Softmax(dim=1)", "Softmax(dim=0)", "LeakyReLU(0.1)",
                       "Softplus()", "GELU()", "ELU()", "Hardtanh(-5, 5)", "ReLU(inplace=True)")],
        ("no bend", "answer = nn.Sequential(*stages(*five), nn.AdaptiveAvgPool2d(1), nn.Conv2d(128, 1, 1), "
         "nn.ReLU(), nn.Flatten())"),
        ("no bend", "answer = OwnNetwork(end=F.relu)"),
        ("no bend", "answer = OwnNetwork(end=lambda x: F.softmax(x, dim=1))"),
        ("no bend", "answer = OwnNetwork(end=lambda x: torch.tanh(x))"),
        ("no bend", "answer = OwnNetwork(end=lambda x: x.clamp(-2, 2))"),
        ("no bend", "answer = OwnNetwork(end=torch.zeros_like)"),
        ("One number per galaxy", "answer = nn.Sequential(*stages(*five), nn.AdaptiveAvgPool2d(1))"),
        ("One number per galaxy",
         "answer = nn.Sequential(*stages(*five), nn.AdaptiveAvgPool2d(1), nn.Flatten())"),
        ("One number per galaxy", f"answer = nn.Sequential(*stages(*five), {edit(END, '128, 1', '128, 2')})"),
        ("One number per galaxy", "answer = OwnNetwork(end=lambda x: x[:, 0])"),
        ("Asked for is a network", f"answer = lambda: nn.Sequential(*stages(*five), {END})"),
        ("Asked for is a network", "answer = stages(*five)"),
        ("Asked for is a network", "answer = OwnNetwork"),
        ("raised RuntimeError", "answer = nn.Sequential(stage(3, 16), stage(32, 64))"),
    ],
    "loop": [
        ("adds up", edit(STEP, "    optimizer.zero_grad()\n", "")),
        ("adds up", edit(STEP, "zero_grad()", "zero_grad")),
        ("stay", edit(STEP, "    optimizer.step()\n", "")),
        ("stay", edit(STEP, "step()", "step")),
        ("stay", edit(STEP, "    loss.backward()\n", "")),
        ("stay", edit(STEP, "loss.backward()", "loss.backward()\n    optimizer.zero_grad()")),
        ("Two steps", edit(STEP, "optimizer.step()", "optimizer.step()\n    optimizer.step()")),
        ("returns nothing", edit(STEP, "    return loss\n", "")),
        ("Do shapes match", edit(STEP, "[:, 0]", "")),
        ("absolute errors", edit(STEP, "mse_loss", "l1_loss")),
        ("Uphill", edit(STEP, "= F", "= -F")),
        ("the sum", edit(STEP, "labels)\n", "labels, reduction='sum')\n")),
        ("the root", edit(STEP, "labels)\n", "labels) ** 0.5\n")),
        ("move otherwise", edit(STEP, "mse_loss", "huber_loss")),
        ("move otherwise", edit(STEP, "F.mse_loss(model(images)[:, 0], labels)", "model(images).mean()")),
        ("move otherwise",
         edit(STEP, "    loss =", "    optimizer = torch.optim.SGD(model.parameters(), 0.07)\n    loss =")),
        ("move otherwise",
         edit(STEP, "    optimizer.step()", "    for p in model.parameters():\n"
         "        p.data -= 0.07 * p.grad")),
        ("move otherwise",
         edit(STEP, "optimizer.step()", "optimizer.step()\n"
         "    loss2 = F.mse_loss(model(images)[:, 0], labels)"
         "\n    optimizer.zero_grad()\n    loss2.backward()\n    optimizer.step()")),
        ("move otherwise", edit(STEP, "images)", "images[:4])").replace("labels)\n", "labels[:4])\n")),
        ("does not return the loss", edit(STEP, "return loss", "return 100")),
        ("does not return the loss", edit(STEP, "return loss", "return loss.item() ** 0.5")),
        ("does not return the loss",
         edit(STEP, "return loss", "return F.mse_loss(model(images)[:, 0], labels)")),
        ("one number", edit(STEP, "return loss", "return loss.item")),
        ("one number", edit(STEP, "return loss", "return model(images)")),
        ("without parentheses", "answer = torch.tensor(0.9)"),
        ("raised TypeError", "answer = lambda model: model"),
        ("raised RuntimeError", edit(STEP, "model(images)", "model(images).detach()")),
    ],
    "abundance": [
        ("one column", "answer = said.to_numpy()"),
        ("one column", "answer = said.to_frame()"),
        ("one column", "answer = said.tolist()"),
        ("one column", "answer = dict(said)"),
        ("0 lack, and 100 ids", "answer = said_of_all"),
        ("galaxies fitted", "answer = said_of_all[~practice['test']]"),
        ("31 lack", "answer = said[:9]"),
        ("more than once", "answer = pd.concat([said, said[:1]])"),
        ("0, 1, 2", "answer = said.reset_index(drop=True)"),
        ("40 lack", "answer = said.set_axis(np.flatnonzero(practice['test']))"),
        ("40 lack", "answer = said.set_axis(said.index.astype(float))"),
        ("40 lack", "answer = said.set_axis(said.index + '.jpg')"),
        ("standardized", "answer = (said - 8.9) / 0.2"),
        ("standardized", "answer = said - 8.9"),
        ("same number for everybody", "answer = 0 * said + practice.loc[~practice['test'], 'label'].mean()"),
        ("labels themselves", "answer = practice.loc[practice['test'], 'label']"),
        ("labels themselves", "answer = practice.loc[practice['test'], 'label'].round(2)"),
        ("in another order", "answer = said.set_axis(said.sample(frac=1, random_state=0).index)"),
        ("in another order", "answer = said.sort_values().set_axis(said.index)"),
        ("in another order", "answer = 17.8 - said"),
        ("in another order", "answer = said + 0.5"),
        ("in another order", "answer = 10**(said - 8)"),
        ("NaN", "answer = said.replace(said.iloc[0], np.nan)"),
        ("plain numbers", "answer = said.astype(str)"),
        ("plain numbers", "answer = practice.loc[practice['test'], 'image']"),
    ],
    "censored": [
        ("as measurements", "answer = lambda prediction, label, is_limit: F.mse_loss(prediction, label)"),
        ("Detections below",
         "answer = lambda prediction, label, _: F.relu(prediction - label).square().mean()"),
        ("above a limit", edit(LOSS, "(residual**2)", "(residual[~is_limit] ** 2)")),
        ("above a limit", edit(LOSS, "residual.clamp(min=0)", "0 * residual")),
        ("Wrong way:", edit(LOSS, "n - label", "n * -1 + label")),
        ("Wrong way:", edit(LOSS, "(is_limit", "(~is_limit")),
        ("Wrong way:", edit(LOSS, "min=0", "max=0")),
        ("over ALL galaxies", edit(LOSS, "mean", "sum")),
        ("over ALL galaxies", edit(LOSS, "(residual**2)", "(residual[residual != 0] ** 2)")),
        ("over ALL galaxies", edit(LOSS, "residual**2", "residual.abs()")),
        ("over ALL galaxies", edit(LOSS, ".mean()", ".mean() ** 0.5")),
        ("not 1.09", edit(LOSS, "mean()", "mean() + 1")),
        ("the last three limits", edit(LOSS, "(residual**2).mean()", "residual.mean()")),
        ("the last three limits", edit(LOSS, "residual.clamp(min=0)", "0.5 * residual")),
        ("wrong gradient", edit(LOSS, "mean()", "mean().item()")),
        ("wrong gradient", edit(LOSS, "prediction - label", "prediction.detach() - label")),
        ("wrong gradient", edit(LOSS, "residual.clamp(min=0)", "residual.clamp(min=0).detach()")),
        ("returns nothing", edit(LOSS, "return ", "")),
        ("yours holds 6", edit(LOSS, ".mean()", "")),
        ("raised RuntimeError", edit(LOSS, "prediction - label", "prediction.numpy() - label")),
        ("without parentheses", "answer = torch.tensor(0.1)"),
    ],
}  # fmt: skip


def test_enough_answers_are_tried():
    assert set(CONTEXT) == set(solutions(read(2)))
    for name in CONTEXT:
        assert len(RIGHT[name]) >= 5, name
        assert len(WRONG[name]) >= 10, name


@pytest.mark.parametrize(("name", "code"), [(name, code) for name in RIGHT for code in RIGHT[name]])
def test_right(verdict, answer_of, name, code):
    line = verdict(name, answer_of(code, NAMES), *CONTEXT[name])
    assert line.startswith("✓ "), line


@pytest.mark.parametrize(("name", "mistake"), [(name, mistake) for name in WRONG for mistake in WRONG[name]])
def test_mistake_gets_the_fitting_hint(verdict, answer_of, name, mistake):
    hint, code = mistake
    line = verdict(name, answer_of(code, NAMES), *CONTEXT[name])
    assert line.startswith("✗ "), line
    assert hint in line


@pytest.mark.parametrize("name", ["loop", "censored"])
def test_untouched_function(verdict, name):
    for scaffold in (lambda *a: None, lambda *a: ...):
        assert verdict(name, scaffold) == NOT_YET + "\n"


def test_a_check_leaves_no_trace(verdict, answer_of):
    """The random numbers of later cells, the network and the table are as if nobody had checked."""
    network = answer_of(FIVE, NAMES).train()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    table = practice.copy()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    verdict("layer", network, *CONTEXT["layer"])
    verdict("loop", answer_of(STEP, NAMES))
    verdict("abundance", said_of_all[practice["test"]], practice)
    assert torch.equal(torch.get_rng_state(), before)
    assert network.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    pd.testing.assert_frame_equal(practice, table)
