"""The exercises of part 2: pictures, and networks. Only a check that runs loads PyTorch: part 1 lacks it."""

from copy import deepcopy
from zlib import crc32

import numpy as np

from .answers import Hint, array, call, hint_if, number


def check_kernel(answer):
    """A 3 x 3 kernel: 0 on flat sky, positive on a bright spot, alike in all directions."""
    weights = array(answer, "a table of 3 x 3 numbers")
    hint_if(weights.shape != (3, 3), f"Asked for are 3 rows of 3 numbers; your shape is {weights.shape}.")
    flat, middle, soft = weights.sum(), weights[1, 1], np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    hint_if(abs(flat) > 1e-3 * np.abs(weights).max(), f"Its weights add up to {flat:.3g}: make that 0.")
    hint_if(middle <= 0, "The middle of a bright spot meets the weight in the middle: make it positive.")
    alike = np.allclose(weights, np.rot90(weights), atol=1e-3 * middle)
    hint_if(not alike, "It prefers lines or edges of one direction. A spot looks alike from all four sides.")
    hint_if((weights * soft).sum() <= 0, "A spot with soft rims (1, 0.5, 0.25) gives nothing positive.")
    return "A bright centre minus its surroundings: sky of any brightness vanishes. Networks learn it, too."


def check_shape(answer, layer, shape):
    """What shape leaves a convolution? Context: the nn.Conv2d, the (channels, rows, columns) that enter."""
    said = tuple(array(answer, "three whole numbers, (channels, rows, columns)").flatten().tolist())
    size, (k, stride, padding) = shape[1], (v[0] for v in (layer.kernel_size, layer.stride, layer.padding))
    free = size + 2 * padding - k  # pixels that the window can move
    right = (layer.out_channels, free // stride + 1, free // stride + 1)
    if said == right:
        return f"{said}. Without the padding: {(size - k) // stride + 1} pixels; with stride 1: {free + 1}."
    hint_if(said == (1, *right), "Right for a batch of one. For one picture leave out the first number.")
    hint_if(len(said) != 3, "Asked for are three numbers: channels, rows, columns.")
    hint_if(any(v % 1 for v in said), "A part of a pixel is no pixel: round down.")
    hint_if(said == (shape[0], *right[1:]), "Right pixels. But the channels are the layer's: one per kernel.")
    hint_if(sorted(said) == sorted(right), "Right numbers, wrong order: PyTorch puts the channels first.")
    hint_if(said[1] == (size - k) // stride + 1, "Without the padding: it adds a margin on both sides.")
    hint_if(said[1] == -(-free // stride) + 1, "Rounded up: a window that sticks out does not count.")
    hint_if(said[1] == free + 1, "You have forgotten the stride: the window moves by more than one pixel.")
    raise Hint("Put n, k, padding and stride into the formula above, and round down.")


def check_layer(answer, images):
    """A CNN of five stages, the last with 128 channels. Context: some images, (n, 3, rows, columns)."""
    from torch import nn, no_grad

    hint_if(not isinstance(answer, nn.Module), "Asked for is a network: nn.Sequential(stage(3, 16), ...).")
    parts, met = [*deepcopy(answer).eval().modules()], []  # a copy: the learner's network stays as it is
    channels = [part.out_channels for part in parts if isinstance(part, nn.Conv2d)]
    for part in filter(lambda part: isinstance(part, nn.Linear), parts):
        part.register_forward_pre_hook(lambda _, inputs: met.append(tuple(inputs[0].shape)))
    try:
        with no_grad():
            shape = tuple(parts[0](images).shape)
    except RuntimeError as error:
        if "mat1 and mat2" in str(error):  # nn.Linear did not get what it takes
            hint_if(len(met[-1]) > 2, "nn.Flatten() is missing: nn.Linear wants numbers, not maps.")
            pixels = met[-1][1] // channels[-1]
            hint_if(pixels == 0, "The order: pool the maps, flatten, then nn.Linear.")
            hint_if(pixels > 1, f"nn.Linear gets whole maps, {pixels} pixels each: pool each to one number.")
            raise Hint("nn.Linear takes in as many numbers as the last stage has channels.") from None
        hint_if("channels" in str(error), "A stage takes in as many channels as the one before gives out.")
        raise
    hint_if(isinstance(parts[-1], nn.ReLU | nn.Sigmoid), "Some labels are negative: no bend at the end.")
    hint_if(shape != (len(images), 1), f"One number per galaxy should come out, (n, 1); yours is {shape}.")
    hint_if(len(channels) < 5 or channels[-1] != 128, f"It has {channels} channels: a fifth, of 128, lacks.")
    return f"{len(channels)} stages. Deeper is easy; if it is better, new galaxies tell."


def check_step(answer, weights, gradient, rate):
    """One step of gradient descent. Context: weights, gradient, learning rate."""
    old, slope = np.asarray(weights), np.asarray(gradient)
    new = array(answer, "an array, as many numbers as there are weights")
    hint_if(new.shape != old.shape, f"There are {old.size} weights; the shape of yours is {new.shape}.")
    if np.allclose(new, old - rate * slope, atol=1e-6):
        return "Downhill: each weight moved against its slope, farther where it is steep."
    hint_if(np.allclose(new, old + rate * slope), "Uphill, to larger losses. Go against the gradient.")
    hint_if(np.allclose(new, old - slope), "The learning rate is missing: that is far too long a step.")
    hint_if(np.allclose(new, rate * slope), "That is the step alone. Subtract it from the weights.")
    raise Hint("weights - learning rate * gradient, for each weight by itself.")


def check_loop(answer):
    """A function one_step(model, images, labels, optimizer): one training step, returns the loss."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        images, labels, found = torch.randn(6, 3, 2, 2), torch.randn(6), []
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 1))
        weights = [*model.parameters()]
        optimizer = torch.optim.SGD(weights, lr=0.1)
        optimizer.register_step_pre_hook(lambda *_: found.append(deepcopy([p.grad for p in weights])))
        for turn in (1, 2):
            found.clear()
            loss = torch.nn.functional.mse_loss(model(images)[:, 0], labels)
            right = torch.autograd.grad(loss, weights)
            returned = call(answer, model, images, labels, optimizer)
            if returned is None:
                return None
            hint_if(len(found) != 1, f"Call optimizer.step() once, with (); yours takes {len(found)} steps.")
            none = all(slope is None or not slope.any() for slope in found[0])
            hint_if(none, "No gradient when the optimizer steps: backward() before, zero_grad() not between.")
            if not all(map(torch.allclose, found[0], right)):
                hint_if(turn == 2, "PyTorch adds up the gradients of the steps. Call zero_grad().")
                uphill = all(map(torch.allclose, found[0], [-slope for slope in right]))
                hint_if(uphill, "The sign of the loss is reversed. The optimizer goes downhill by itself.")
                raise Hint("Not the gradient of F.mse_loss. Do shapes match: (n,) both, not (n, 1)?")
            wrong = abs(number(returned) - loss.item()) > 1e-4
            hint_if(wrong, f"It trains, but returns {number(returned):.3f}; the loss was {loss:.3f}.")
    return "Forward, backward, step, forget. Networks of any size are trained by these lines."


def check_rate(answer, sweep, score_at):
    """A rate and its score. Context: scores of the rates tried (a column per seed), and how to train."""
    import torch

    values = array(answer, "two numbers, (learning rate, RMSE)").flatten().tolist()
    hint_if(len(values) != 2, f"Asked for are two numbers, (learning rate, RMSE); yours holds {len(values)}.")
    rate, guess = values
    scores, tried = sweep.mean(axis=1), sweep.index
    hint_if(rate <= 0, "A learning rate is a positive number (its axis shows powers of ten).")
    hint_if(np.isclose(rate, tried, rtol=0.05, atol=0).any(), "That rate was tried. Choose one in between.")
    hint_if(0 < guess < scores.min() / 2, "No score is that low. First the learning rate, then the RMSE.")
    hint_if(not tried[0] < rate < tried[-1], "No score tells of a rate outside of those that were tried.")
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
    with torch.enable_grad():
        found = call(answer, label + residual, label, limit)
    if found is None:
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
        ("Wrong way round: a prediction BELOW a limit is free.", square * ~(limit & ~below)),
        ("is_limit is True for the limits, not the detections.", square * (limit | ~below)),
        ("The right galaxies pay, but not the mean of the squares over ALL galaxies.", cost.sum(),
         cost.sqrt(), cost.mean().sqrt(), cost[cost > 0], cost[limit].mean() + cost[~limit].mean()),
    ]:  # fmt: skip
        hint_if(any(np.isclose(loss, costs.mean()) for costs in meant), hint)
    raise Hint(f"For {residual.detach().tolist()}, the last three limits: {cost.mean():.3f}, not {loss:.3f}.")


def check_own(answer, labels):
    """Predictions by id, a Series, for the galaxies kept apart. Context: the label of all, by id."""
    series = getattr(answer, "ndim", 0) == 1 and hasattr(answer, "index")
    hint_if(not series, "Asked for is one column of the predictions, with the ids as its index.")
    apart = [id for id in labels.index if crc32(str(id).encode()) % 5 == 0]
    fitted = answer.index.isin(labels.index.difference(apart)).sum()
    hint_if(fitted, f"{fitted} of these galaxies were fitted: judge on those kept apart.")
    hint_if(sorted(answer.index) != sorted(apart), f"Give all {len(apart)} kept apart, each once, by id.")
    said, true = array(answer, "numbers"), labels[answer.index].to_numpy()
    rmse, spread = ((said - true) ** 2).mean() ** 0.5, true.std()
    hint_if(rmse < 1e-6 or np.ptp(said) < 1e-6, "The label itself, or its mean. What does the network say?")
    if rmse > 2 * spread:
        own_unit = ((said * labels.std() + labels.mean() - true) ** 2).mean() ** 0.5
        hint_if(own_unit < spread, "Standardised: go back, times the spread of the label, plus its mean.")
        raise Hint(f"RMSE {rmse:.2f}, but the label spreads by {spread:.2f}: is it another label?")
    verdict = "The name of the label was all that changed." if rmse < spread else "More epochs may help."
    return f"RMSE {rmse:.3f}, spread of the label {spread:.3f}. {verdict}"
