"""The exercises of part 2: pictures, and networks. Only a check that runs loads PyTorch: part 1 lacks it."""

from copy import deepcopy
from zlib import crc32

import numpy as np

from .answers import Hint, array, call, hint_if, number


def check_kernel(answer):
    """A 3 x 3 kernel: 0 on flat sky, positive on a bright spot, alike in all directions."""
    weights = array(answer, "a table of 3 x 3 numbers")
    hint_if(weights.shape != (3, 3), f"Asked for are 3 rows of 3 numbers; your shape is {weights.shape}.")
    flat, largest = weights.sum(), np.abs(weights).max()
    hint_if(abs(flat) > 1e-3 * largest, f"Its weights add up to {flat:.3g}: make that 0.")
    hint_if(weights[1, 1] <= 0, "The middle of a spot meets the weight in the middle: make it positive.")
    hint_if(not np.allclose(weights, np.rot90(weights), atol=1e-3 * largest), "It prefers lines or edges.")
    return "A bright centre minus its surroundings: sky of any brightness vanishes. Networks learn it, too."


def check_shape(answer, layer, shape):
    """What shape leaves a convolution? Context: the nn.Conv2d, the (channels, rows, columns) that enter."""
    said = tuple(array(answer, "three whole numbers, (channels, rows, columns)").flatten().tolist())
    size, (k, stride, padding) = shape[1], (v[0] for v in (layer.kernel_size, layer.stride, layer.padding))
    free = size + 2 * padding - k  # pixels that the window can move
    right = (layer.out_channels, free // stride + 1, free // stride + 1)
    if said == right:
        return f"{said}. Without the padding: {(size - k) // stride + 1} pixels; with stride 1: {free + 1}."
    hint_if(len(said) != 3, "Asked for are three numbers, of one picture: channels, rows, columns.")
    hint_if(said == (shape[0], *right[1:]), "Right pixels. But the channels are the layer's: one per kernel.")
    hint_if(sorted(said) == sorted(right), "Right numbers, wrong order: PyTorch puts the channels first.")
    hint_if(said[1] == (size - k) // stride + 1, "Without the padding: it adds a margin on both sides.")
    hint_if(said[1] == free + 1, "You have forgotten the stride: the window moves by more than one pixel.")
    raise Hint("Put n, k, padding and stride into the formula above, and round down.")


def check_layer(answer, images):
    """A CNN of five stages, the last with 128 channels. Context: some images, (n, 3, rows, columns)."""
    from torch import nn, no_grad

    hint_if(not isinstance(answer, nn.Module), "Asked for is a network: nn.Sequential(stage(3, 16), ...).")
    parts, met = [*deepcopy(answer).eval().modules()], [()]  # a copy: the learner's network stays as it is
    channels = [part.out_channels for part in parts if isinstance(part, nn.Conv2d)]
    for part in filter(lambda part: isinstance(part, nn.Linear), parts):
        part.register_forward_pre_hook(lambda _, inputs: met.append(tuple(inputs[0].shape[1:])))
    try:
        with no_grad():
            shape = tuple(parts[0](images).shape)
    except RuntimeError as error:
        got = f"nn.Linear gets {met[-1]} of each galaxy: pool, flatten, and let it take in that many."
        hint_if("mat1 and mat2" in str(error), got)
        raise
    hint_if(isinstance(parts[-1], nn.ReLU | nn.Sigmoid), "Some labels are negative: no bend at the end.")
    hint_if(shape != (len(images), 1), f"One number per galaxy should come out, (n, 1); yours is {shape}.")
    hint_if(len(channels) < 5 or channels[-1] != 128, f"It has {channels} channels: a fifth, of 128, lacks.")
    return f"{len(channels)} stages. Deeper is easy; if it is better, new galaxies tell."


def check_step(answer, weights, gradient, rate):
    """One step of gradient descent. Context: weights, gradient, learning rate."""
    new = array(answer, "an array, as many numbers as there are weights")
    hint_if(
        new.shape != weights.shape, f"There are {weights.size} weights; the shape of yours is {new.shape}."
    )
    if np.allclose(new, weights - rate * gradient, atol=1e-6):
        return "Downhill: each weight moved against its slope, farther where it is steep."
    hint_if(np.allclose(new, weights + rate * gradient), "Uphill, to larger losses. Go against the gradient.")
    hint_if(
        np.allclose(new, weights - gradient), "The learning rate is missing: that is far too long a step."
    )
    raise Hint("weights - learning rate * gradient, for each weight by itself.")


def check_loop(answer):
    """A function one_step(model, images, labels, optimizer): one training step, returns the loss."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        images, labels, found = torch.randn(6, 3, 2, 2), torch.randn(6), []
        model = torch.nn.Sequential(torch.nn.Flatten(), line := torch.nn.Linear(12, 1))
        optimizer = torch.optim.SGD(weights := [line.weight, line.bias], lr=0.1)
        optimizer.register_step_pre_hook(lambda *_: found.append(deepcopy([p.grad for p in weights])))
        for turn in (1, 2):
            found.clear()
            loss = torch.nn.functional.mse_loss(model(images)[:, 0], labels)
            right = torch.autograd.grad(loss, weights)
            if (returned := call(answer, model, images, labels, optimizer)) is None:
                return None
            hint_if(len(found) != 1, f"Call optimizer.step() once, with (); yours takes {len(found)} steps.")
            none = all(slope is None or not slope.any() for slope in found[0])
            hint_if(none, "No gradient when the optimizer steps: backward() before, zero_grad() not between.")
            if not all(map(torch.allclose, found[0], right)):
                hint_if(turn == 2, "PyTorch adds up the gradients of the steps. Call zero_grad().")
                raise Hint("Not the gradient of F.mse_loss. Do shapes match: (n,) both, not (n, 1)?")
            hint_if(abs(number(returned) - loss.item()) > 1e-4, "It trains, but does not return the loss.")
    return "Forward, backward, step, forget. Networks of any size are trained by these lines."


def check_rate(answer, sweep, score_at):
    """A rate and its score. Context: scores of the rates tried (a column per seed), and how to train."""
    import torch

    values = array(answer, "two numbers, (learning rate, RMSE)").flatten().tolist()
    hint_if(len(values) != 2, f"Asked for are two numbers, (learning rate, RMSE); yours holds {len(values)}.")
    scores, tried, (rate, guess) = sweep.mean(axis=1), sweep.index, values
    hint_if(np.isclose(rate, tried, rtol=0.05, atol=0).any(), "That rate was tried. Choose one in between.")
    hint_if(0 < guess < scores.min() / 2, "No score is that low. First the learning rate, then the RMSE.")
    hint_if(not tried[0] < rate < tried[-1], "Choose a rate between those that were tried.")
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        score = float(score_at(rate))
    luck = max(0.02, 2 * (sweep.max(axis=1) - sweep.min(axis=1)).median())
    found = f"At {rate:.1e} it reached {score:.3f} dex, the best of those tried {scores.min():.3f}."
    way = "small: too few steps to get there" if rate < scores.idxmin() else "large: it jumps about"
    hint_if(not score < scores.min() + luck, f"{found} Too {way}.")
    hint_if(abs(guess - score) > luck, f"{found} A good rate; but you predicted {guess:.3f}.")
    return f"{found} You predicted {guess:.3f}. Scores of two seeds differ, too; {luck:.2f} dex is luck."


def check_censored(answer):
    """A function limit_loss(prediction, label, is_limit): squared error, free where a limit is respected."""
    import torch

    residual = torch.tensor([0.2, 0.5, -0.4, -0.7, 0.3, -0.3], requires_grad=True)
    label, limit = torch.linspace(-0.5, -1.5, 6), torch.tensor([False, False, False, True, True, True])
    if (found := call(answer, label + residual, label, limit)) is None:
        return None
    loss, below, square = number(found), residual.detach() < 0, residual.detach() ** 2
    cost = square * ~(limit & below)
    if np.isclose(loss, cost.mean()):
        hint_if(not getattr(found, "requires_grad", 0), "Right value, but no gradient can flow (.item()?).")
        return "A limit pulls only predictions that lie above it. All others agree with what was seen."
    for hint, *meant in [
        ("It treats limits as measurements: predictions below should cost nothing.", square),
        ("Detections below their label are free, too: that is for limits only (is_limit).", square * ~below),
        ("A prediction above a limit should cost.", square[~limit], square * ~limit),
        ("Wrong way: free is a LIMIT, BELOW it.", square * ~(limit & ~below), square * (limit | ~below)),
        ("Not the mean of the squares over ALL galaxies.", cost.sum(), cost.sqrt(), cost[cost > 0]),
    ]:
        hint_if(any(np.isclose(loss, costs.mean()) for costs in meant), hint)
    raise Hint(f"For {residual.detach().tolist()}, the last three limits: {cost.mean():.3f}, not {loss:.3f}.")


def check_own(answer, labels):
    """Predictions by id, a Series, for the galaxies kept apart. Context: the label of all, by id."""
    hint_if(type(answer).__name__ != "Series", "Asked for is one column, a Series with the ids as index.")
    apart = [id for id in labels.index if crc32(str(id).encode()) % 5 == 0]
    hint_if(sorted(answer.index) != sorted(apart), f"Give the {len(apart)} not fitted, each once, by id.")
    said, true = array(answer, "numbers"), labels[answer.index].to_numpy()
    rmse, spread = ((said - true) ** 2).mean() ** 0.5, true.std()
    hint_if(rmse < 1e-6 or np.ptp(said) < 1e-6, "The label itself, or its mean. What does the network say?")
    hint_if(rmse > 2 * spread, f"RMSE {rmse:.2f}, but the label spreads by {spread:.2f}: another label?")
    return f"RMSE {rmse:.3f}, spread of the label {spread:.3f}. The name of the label was all that changed."
