"""The exercises of part 2: pictures, and networks. Only a check that runs loads PyTorch: part 1 lacks it."""

import re
from copy import deepcopy

import numpy as np

from .answers import Hint, array, call, hint_if, number


def check_kernel(answer):
    """A 3 x 3 kernel: 0 on flat sky, positive on a bright spot, alike in all directions."""
    weights = array(answer, "a table of 3 x 3 numbers")
    hint_if(weights.shape != (3, 3), f"Asked for are 3 rows of 3 numbers; your shape is {weights.shape}.")
    total = weights.sum()
    tolerance = 1e-3 * np.abs(weights).max()
    hint_if(abs(total) > tolerance, f"Its weights add up to {total:.3g}: make that 0.")
    hint_if(weights[1, 1] <= 0, "The middle of a spot meets the weight in the middle: make it positive.")
    hint_if(not np.allclose(weights, np.rot90(weights), atol=tolerance), "It prefers lines or edges.")
    return "A bright center minus its surroundings: sky of any brightness vanishes. Networks learn it, too."


def check_shape(answer, layer, shape):
    """What shape leaves a convolution? Context: the nn.Conv2d, the (channels, rows, columns) that enter."""
    said = tuple(array(answer, "three whole numbers, (channels, rows, columns)").flatten().tolist())
    hint_if(len(said) != 3, "Asked for are three numbers, of one picture: channels, rows, columns.")
    channels, size = shape[0], shape[1]
    k, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    pixels = (size + 2 * padding - k) // stride + 1
    pixels_unpadded = (size - k) // stride + 1
    pixels_at_stride_1 = size + 2 * padding - k + 1
    right = (layer.out_channels, pixels, pixels)
    if said == right:
        return f"{said}. Without the padding: {pixels_unpadded} pixels; with stride 1: {pixels_at_stride_1}."
    hint_if(said == (channels, pixels, pixels), "Right pixels. But the channels are the layer's: "
            "one per kernel.")  # fmt: skip
    hint_if(sorted(said) == sorted(right), "Right numbers, wrong order: PyTorch puts the channels first.")
    hint_if(said[1] == pixels_unpadded, "Without the padding: it adds a margin on both sides.")
    hint_if(said[1] == pixels_at_stride_1, "You have forgotten the stride: the window moves by more than "
            "one pixel.")  # fmt: skip
    raise Hint("Put n, k, padding and stride into the formula above, and round down.")


def check_layer(answer, images):
    """A CNN of five stages, the last with 128 channels. Context: some images, (n, 3, rows, columns)."""
    from torch import nn

    hint_if(not isinstance(answer, nn.Module), "Asked for is a network: nn.Sequential(stage(3, 16), ...).")
    network = deepcopy(answer).eval()  # the learner's network stays as it is
    shape = tuple(_output(network, images).shape)
    hint_if(shape != (len(images), 1), f"One number per galaxy should come out, (n, 1); yours is {shape}.")

    channels = [part.out_channels for part in network.modules() if isinstance(part, nn.Conv2d)]
    if channels and channels[-1] == 1:  # a convolution as head
        channels.pop()
    lacks = len(channels) < 5 or channels[-1] != 128
    hint_if(lacks, f"It has {channels} channels: a fifth, of 128, lacks.")
    hint_if(_bends_at_the_end(network, images[:1]), "Labels may be negative, or larger than 1: "
            "no bend at the end.")  # fmt: skip
    return f"{len(channels)} stages. Deeper is easy; if it is better, new galaxies tell."


def _output(network, images):
    """Return what a network says of some images, or a hint if its nn.Linear cannot take them in."""
    from torch import no_grad

    try:
        with no_grad():
            return network(images)
    except RuntimeError as error:
        sizes = re.search(r"mat1 and mat2 .*\(\d+x(\d+) and (\d+)x\d+\)", str(error))
        if sizes is None:
            raise
        given, taken = sizes.groups()
    raise Hint(
        f"nn.Linear gets {given} numbers in a row and takes in {taken}: pool, flatten, and let them agree."
    )


def _bends_at_the_end(network, images):
    """Tell whether a network has a sign, a bound or one value only, whatever its weights are."""
    import torch

    layers = [part for part in network.modules() if isinstance(part, torch.nn.Linear | torch.nn.Conv2d)]
    outputs = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for seed in range(16):
            torch.manual_seed(seed)
            for part in network.modules():
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()
            for weights in layers[-1].parameters():
                weights *= 1000  # without a bend, this makes large outputs
            outputs.append(network(torch.randn_like(images)))
    outputs = torch.stack(outputs)
    one_sign = (outputs >= 0).all() or (outputs <= 0).all()
    bounded = outputs.abs().max() < 10
    return bool(one_sign or bounded)


def check_loop(answer):
    """A function one_step(model, images, labels, optimizer): one training step, returns the loss."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        images, labels = torch.randn(6, 3, 2, 2), torch.randn(6)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        earlier = 0  # the gradient of the step before
        for _ in range(2):
            loss = torch.nn.functional.mse_loss(model(images)[:, 0], labels)
            slope = _slope(loss, model)
            slope_of_pairs = _slope(torch.nn.functional.mse_loss(model(images), labels[None]), model)
            before = _weights(model)
            returned = call(answer, model, images, labels, optimizer)
            if returned is None:
                return None
            _check_step((before - _weights(model)) / 0.1, slope, slope_of_pairs, earlier, len(labels))
            hint_if(abs(number(returned) - loss.item()) > 1e-4, "It trains, but does not return the loss.")
            earlier = slope
    return "Forward, backward, step, forget. Networks of any size are trained by these lines."


def _weights(model):
    """Return a copy of all weights of a model in a row."""
    from torch import cat

    return cat([weights.detach().flatten() for weights in model.parameters()])


def _slope(loss, model):
    """Return the gradient of a loss in a row, and leave none in the model."""
    from torch import autograd, cat

    return cat([slope.flatten() for slope in autograd.grad(loss, list(model.parameters()))])


def _check_step(moved, slope, slope_of_pairs, earlier, n):
    """Compare the way that the weights went, over the learning rate, with the gradient."""
    if np.allclose(moved, slope, atol=1e-4):
        return
    mistakes = {
        "The weights stay as they were. First backward(), then optimizer.step(), each with (); "
        "zero_grad() not between them.": 0 * slope,
        "PyTorch adds up the gradients of the steps. Call zero_grad().": slope + earlier,
        "The weights move by twice the gradient: step() and backward() once each, please.": 2 * slope,
        "Uphill, to larger losses: check the sign of the loss.": -slope,
        "That is the sum of the squares. Take the mean.": n * slope,
        "Every prediction met every label. Make the shapes match: (n,) both, not (n, 1).": slope_of_pairs,
        "That step followed the gradient of the step before. First backward(), then step().": earlier
        + 0 * slope,
    }
    for hint, meant in mistakes.items():
        hint_if(np.allclose(moved, meant, atol=1e-4), hint)
    raise Hint("Not a step along the gradient of F.mse_loss(predictions, labels).")


def check_abundance(answer, practice):
    """Predictions by id, a Series, of the test galaxies. Context: table by id, with label and test."""
    hint_if(type(answer).__name__ != "Series", "Asked for is a Series: predictions, with ids as its index.")
    ids = practice.index.astype(str)
    test = practice["test"].to_numpy(dtype=bool)
    labels = practice["label"].to_numpy(dtype=float)
    _check_ids(list(answer.index.astype(str)), set(ids[test]), set(ids[~test]))

    predictions = array(answer, "a Series of numbers")
    order = answer.index.astype(str).get_indexer(ids[test])
    said, true, mean = predictions[order], labels[test], labels[~test].mean()
    hint_if(np.ptp(said) < 1e-6, "All predictions are alike. What does the network say of each galaxy?")
    hint_if(np.allclose(said, true, rtol=0, atol=1e-6), "Those are the labels. Asked for are predictions.")

    rmse, rmse_of_mean = _rmse(said, true), _rmse(mean, true)
    if rmse < rmse_of_mean:
        r2, r2_of_mean = 1 - rmse**2 / true.var(), 1 - rmse_of_mean**2 / true.var()
        words = f"RMSE {rmse:.3f}, R2 = {r2:.2f} for galaxies that it has never seen"
        return f"{words}.\n  The mean for everybody: {rmse_of_mean:.3f}, R2 = {r2_of_mean:.2f}."
    rescaled = said * labels[~test].std() + mean
    standardized = abs(said.mean()) < abs(mean) / 2 and _rmse(rescaled, true) < rmse
    hint_if(standardized, f"They lie around {said.mean():.1f}, the labels around {mean:.1f}: are they "
            "standardized? Multiply by the spread, add the mean (of the training labels).")  # fmt: skip
    raise Hint(f"RMSE {rmse:.3f}; the mean of the training labels, for everybody, has {rmse_of_mean:.3f}. "
               "Are the ids those of the predictions? Has it trained long enough?")  # fmt: skip


def _rmse(said, true):
    """Return the root of the mean of the squared differences."""
    return float(np.sqrt(np.mean((said - true) ** 2)))


def _check_ids(given, test, train):
    """Raise a hint unless the ids given are those of the test galaxies, each once."""
    positions = [str(i) for i in range(len(given))]
    hint_if(
        given == positions and not test >= set(given),
        "Its index counts 0, 1, 2 ...: positions. Use the ids of the galaxies.",
    )
    hint_if(len(set(given)) < len(given), "Some ids are there more than once. One prediction each.")
    extra, missing = len(set(given) - test), len(test - set(given))
    hint_if(train & set(given), f"{len(train & set(given))} of these galaxies were trained on. Predict those "
            "where `test` is True, and no others.")  # fmt: skip
    hint_if(extra or missing, f"{missing} of the {len(test)} test ids are missing, {extra} are of no test "
            "galaxy.")  # fmt: skip


def check_censored(answer):
    """A function limit_loss(prediction, label, is_limit): squared error, free where a limit is respected."""
    import torch

    residual = torch.tensor([0.2, 0.5, -0.4, -0.7, 0.3, -0.3], requires_grad=True)
    label = torch.linspace(-0.5, -1.5, 6)
    limit = torch.tensor([False, False, False, True, True, True])
    with torch.enable_grad():
        found = call(answer, label + residual, label, limit)
    if found is None:
        return None
    loss = number(found)
    below = residual.detach() < 0
    square = residual.detach() ** 2
    cost = square * ~(limit & below)
    if np.isclose(loss, cost.mean()):
        has_slope = getattr(found, "requires_grad", False)
        hint_if(not has_slope, "Right value, but no gradient can flow (.item()?).")
        return "A limit pulls only predictions that lie above it. All others agree with what was seen."
    mistakes = {
        "It treats limits as measurements: predictions below should cost nothing.": [square],
        "Detections below their label are free, too: that is for limits only.": [square * ~below],
        "A prediction above a limit should cost.": [square[~limit], square * ~limit],
        "Wrong way: free is a LIMIT, BELOW it.": [square * ~(limit & ~below), square * (limit | ~below)],
    }
    for hint, costs in mistakes.items():
        hint_if(np.isclose(loss, [c.mean() for c in costs]).any(), hint)
    other_means = [cost.sum(), cost.sqrt().mean(), cost.mean().sqrt(), cost[cost > 0].mean()]
    hint_if(np.isclose(loss, other_means).any(), "Not the mean of the squares over ALL galaxies.")
    residuals = "0.2, 0.5, -0.4, and for limits -0.7, 0.3, -0.3"
    raise Hint(f"For the residuals {residuals} it should be {cost.mean():.3f}; yours is {loss:.3f}.")
