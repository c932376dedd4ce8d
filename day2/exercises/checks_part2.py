"""The exercises of part 2: pictures, and networks. Only a check that runs loads PyTorch: part 1 lacks it."""

from copy import deepcopy

import numpy as np

from .answers import Hint, array, call, hint_if, number


def check_kernel(answer):
    """A 3 x 3 kernel: 0 on flat sky, positive on a bright spot, alike in all directions."""
    weights = array(answer, "a table of 3 x 3 numbers").squeeze()  # PyTorch's kernels are (1, 1, 3, 3)
    hint_if(weights.shape != (3, 3), f"Asked for are 3 rows of 3 numbers; your shape is {weights.shape}.")
    total = weights.sum()
    little = 1e-3 * np.abs(weights).max()
    hint_if(abs(total) > little, f"Its weights add up to {total:.3g}: make that 0.")
    hint_if(weights[1, 1] <= 0, "The middle of a spot meets the weight in the middle: make it positive.")
    hint_if(not np.allclose(weights, np.rot90(weights), atol=little), "It prefers lines or edges.")
    distance = np.hypot(*np.mgrid[-1:2, -1:2])
    for width in (0.7, 1, 2):  # pixels
        spot = np.exp(-0.5 * (distance / width) ** 2)
        hint_if((weights * spot).sum() <= 0, f"A round spot {width} pixels wide gets no positive number.")
    return "A bright center minus its surroundings: sky of any brightness vanishes. Networks learn it, too."


def check_shape(answer, layer, shape):
    """What shape leaves a convolution? Context: the nn.Conv2d, the (channels, rows, columns) that enter."""
    said = tuple(array(answer, "three whole numbers, (channels, rows, columns)").flatten().tolist())
    channels_in, size, _ = shape
    kernel, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    free = size + 2 * padding - kernel  # pixels that the window can move
    pixels = free // stride + 1
    without_padding = (size - kernel) // stride + 1
    right = (layer.out_channels, pixels, pixels)
    if said == right:
        return f"{said}. Without the padding: {without_padding} pixels; with stride 1: {free + 1}."
    hint_if(len(said) != 3, "Asked for are three numbers, of one picture: channels, rows, columns.")
    hint_if(
        said == (channels_in, pixels, pixels),
        "Right pixels. But the channels are the layer's: one per kernel.",
    )
    hint_if(sorted(said) == sorted(right), "Right numbers, wrong order: PyTorch puts the channels first.")
    hint_if(said[1] == without_padding, "Without the padding: it adds a margin on both sides.")
    hint_if(said[1] == free + 1, "You have forgotten the stride: the window moves by more than one pixel.")
    hint_if(said[1] == pixels + 1, "Rounded up. A window that does not fit is left out: round down.")
    raise Hint("Put n, k, padding and stride into the formula above, and round down.")


def check_layer(answer, images):
    """A CNN of five stages, the last with 128 channels. Context: some images, (n, 3, rows, columns)."""
    from torch import nn

    hint_if(not isinstance(answer, nn.Module), "Asked for is a network: nn.Sequential(stage(3, 16), ...).")
    network = deepcopy(answer).eval().to(images.device)  # a copy: the learner's network stays as it is
    layers, shape = _layers_passed(network, images)
    hint_if(shape != (len(images), 1), f"One number per galaxy should come out, (n, 1); yours is {shape}.")
    # A convolution to one channel is the last layer instead of nn.Linear, and no stage.
    stages = [layer for layer in layers if isinstance(layer, nn.Conv2d) and layer.out_channels > 1]
    channels = [layer.out_channels for layer in stages]
    hint_if(len(stages) < 5, f"It has {channels} channels: a fifth, of 128, lacks.")
    last = (stages[-1].in_channels, stages[-1].out_channels)
    hint_if(last not in [(64, 128), (128, 128)], f"The fifth stage leads from 64 to 128, not {last}.")
    bends = _bends_after(layers[-1], network, images)
    hint_if(bends, "Labels are any numbers, negative ones too: no bend (ReLU, softmax ...) at the end.")
    return f"{len(stages)} stages. Deeper is easy; if it is better, new galaxies tell."


def _layers_passed(network, images):
    """Return the convolutions and linear layers as the images pass them, and the shape of what comes out.

    Raises `Hint` if a linear layer cannot take what it gets.
    """
    from torch import nn, no_grad

    layers = []
    entering = []  # the shape that enters each layer, for one galaxy

    def remember(layer, arguments):
        layers.append(layer)
        entering.append(tuple(arguments[0].shape[1:]))

    hooks = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            hooks.append(module.register_forward_pre_hook(remember))
    try:
        with no_grad():
            output = network(images)
    except RuntimeError as error:
        hint_if(
            "mat1 and mat2" in str(error),
            f"nn.Linear gets {entering[-1]} of each galaxy: pool, flatten, and let it take in that many.",
        )
        raise
    for hook in hooks:
        hook.remove()
    return layers, tuple(output.shape)


def _bends_after(layer, network, images):
    """Tell whether a ReLU, a softmax or another bend follows the last layer. Changes the weights.

    The layer is made to give 0, 100 and -1000, whatever it sees. On a straight line the output moves ten
    times as far by -1000 as by 100. By -100 it would move as far, but so it does behind a sigmoid or tanh,
    which are symmetric.
    """
    from torch import allclose, nn, no_grad

    def output_if_it_gives(value):
        layer.bias = nn.Parameter(layer.weight.new_full((len(layer.weight),), value))
        return network(images)

    with no_grad():
        layer.weight.fill_(0)
        at_0 = output_if_it_gives(0.0)
        up = output_if_it_gives(100.0) - at_0
        down = at_0 - output_if_it_gives(-1000.0)
    is_straight = up.abs().min() > 1e-3 and allclose(10 * up, down, rtol=1e-3)
    return not is_straight


def check_loop(answer):
    """A function one_step(model, images, labels, optimizer): one training step, returns the loss."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        weights, losses = _two_steps(answer)
        right, right_losses = _two_steps(_right_step)
        if not torch.allclose(weights, right, atol=1e-5):
            for wrong_step, hint in MISTAKES_OF_A_STEP:
                wrong, _ = _two_steps(wrong_step)
                hint_if(torch.allclose(weights, wrong, atol=1e-5), hint)
            raise Hint("The weights move otherwise: not along the gradient of F.mse_loss by one step().")
    returned = [number(loss) for loss in losses]
    expected = [number(loss) for loss in right_losses]
    hint_if(not np.allclose(returned, expected, atol=6e-4), "It trains, but does not return the loss.")
    return "Forward, backward, step, forget. Networks of any size are trained by these lines."


def _two_steps(one_step):
    """Train a line by two steps, on a batch each; return its weights after each, (2, 13), and the losses.

    The optimizer has momentum, so that only its own step() moves the weights as it should.
    """
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.07, momentum=0.9)
    batches = [(torch.randn(6, 3, 2, 2), torch.randn(6)) for _ in range(2)]
    weights = []
    losses = []
    for images, labels in batches:
        losses.append(call(one_step, model, images, labels, optimizer))
        weights.append(torch.cat([values.detach().flatten().clone() for values in model.parameters()]))
    return torch.stack(weights), losses


def _squared_error(model, images, labels):
    """Return the mean of the squares."""
    return (model(images)[:, 0] - labels).square().mean()


def _right_step(model, images, labels, optimizer, loss_of=_squared_error):
    """Do what is asked for, perhaps with another loss."""
    optimizer.zero_grad()
    loss = loss_of(model, images, labels)
    loss.backward()
    optimizer.step()
    return loss


def _step_that_keeps_gradients(model, images, labels, optimizer):
    loss = _squared_error(model, images, labels)
    loss.backward()
    optimizer.step()
    return loss


def _step_that_stays(model, images, labels, optimizer):
    return _squared_error(model, images, labels)


def _double_step(model, images, labels, optimizer):
    loss = _squared_error(model, images, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    optimizer.step()
    return loss


def _uphill_step(model, images, labels, optimizer):
    def minus_the_error(model, images, labels):
        return -_squared_error(model, images, labels)

    return _right_step(model, images, labels, optimizer, minus_the_error)


def _broadcasting_step(model, images, labels, optimizer):
    def all_pairs(model, images, labels):
        return (model(images) - labels).square().mean()  # (n, 1) minus (n,) is (n, n)

    return _right_step(model, images, labels, optimizer, all_pairs)


def _summing_step(model, images, labels, optimizer):
    def sum_of_squares(model, images, labels):
        return _squared_error(model, images, labels) * len(labels)

    return _right_step(model, images, labels, optimizer, sum_of_squares)


def _root_step(model, images, labels, optimizer):
    def root_of_the_error(model, images, labels):
        return _squared_error(model, images, labels).sqrt()

    return _right_step(model, images, labels, optimizer, root_of_the_error)


def _absolute_step(model, images, labels, optimizer):
    def absolute_error(model, images, labels):
        return (model(images)[:, 0] - labels).abs().mean()

    return _right_step(model, images, labels, optimizer, absolute_error)


MISTAKES_OF_A_STEP = [
    (
        _step_that_stays,
        "The weights of `model` stay. Call backward(), then optimizer.step(); no zero_grad() between.",
    ),
    (_step_that_keeps_gradients, "PyTorch adds up the gradients of the steps. Call zero_grad()."),
    (_double_step, "Two steps along one gradient. Call optimizer.step() once."),
    (_uphill_step, "Uphill, to larger losses: the loss has the wrong sign."),
    (_broadcasting_step, "Do shapes match? (n, 1) minus (n,) is (n, n): take the column [:, 0]."),
    (_summing_step, "That is the sum of the squares. Asked for is their mean."),
    (_root_step, "That is the root. Asked for is the mean of the squares."),
    (_absolute_step, "Those are absolute errors. Asked for are squares, F.mse_loss."),
]


def check_censored(answer):
    """A function limit_loss(prediction, label, is_limit): squared error, free where a limit is respected."""
    import torch

    residual = torch.tensor([0.2, 0.5, -0.4, -0.7, 0.3, -0.3], requires_grad=True)
    label = torch.linspace(-0.5, -1.5, 6)
    is_limit = torch.tensor([False, False, False, True, True, True])
    with torch.enable_grad():
        found = call(answer, label + residual, label.clone(), is_limit.clone())
    loss = number(found)

    square = residual.detach() ** 2
    below = residual.detach() < 0
    cost = square * ~(is_limit & below)
    if np.isclose(loss, cost.mean(), atol=1e-6):
        hint_if(
            not _pulls(found, residual, cost), "Right value, wrong gradient. Is a part detached (.item()?)."
        )
        return "A limit pulls only predictions that lie above it. All others agree with what was seen."
    not_the_mean = "Not the mean of the squares over ALL galaxies."
    a_limit_costs = "A prediction above a limit should cost."
    wrong_way = "Wrong way: free is a LIMIT, BELOW it."
    mistakes = [
        (square, "It treats limits as measurements: predictions below should cost nothing."),
        (square * ~below, "Detections below their label are free, too: that is for limits only (is_limit)."),
        (square[~is_limit], a_limit_costs),
        (square * ~is_limit, a_limit_costs),
        (square * ~(is_limit & ~below), wrong_way),
        (square * (is_limit | ~below), wrong_way),
        (cost.sum(), not_the_mean),
        (cost.sqrt(), not_the_mean),
        (cost.mean().sqrt(), not_the_mean),
        (cost[cost > 0], not_the_mean),
    ]
    for costs, hint in mistakes:
        hint_if(np.isclose(loss, costs.mean()), hint)
    raise Hint(f"For {residual.detach().tolist()}, the last three limits: {cost.mean():.3f}, not {loss:.3f}.")


def _pulls(loss, residual, cost):
    """Tell whether the gradient of a loss is that of the mean of `cost`, (n,), by `residual`, (n,)."""
    import torch

    if not getattr(loss, "requires_grad", False):
        return False
    (slope,) = torch.autograd.grad(loss.sum(), residual)
    right = 2 * residual.detach() * (cost > 0) / len(cost)
    return torch.allclose(slope, right, atol=1e-5)


def check_abundance(answer, practice):
    """Predictions for the test galaxies, a Series by id. Context: the table of `load_practice`."""
    hint_if(type(answer).__name__ != "Series", "Asked for is one column, a Series with the ids as index.")
    test = practice[practice["test"]]
    learn = practice[~practice["test"]]
    said = answer.set_axis(answer.index.astype(str))
    _same_ids(said.index, test.index.astype(str), learn.index.astype(str))

    predicted = array(said.loc[test.index.astype(str)], "one number per galaxy")
    label = test["label"].to_numpy()
    rmse = np.sqrt(np.mean((predicted - label) ** 2))
    by_the_mean = np.sqrt(np.mean((learn["label"].mean() - label) ** 2))
    spread = label.std()
    r2 = 1 - (rmse / spread) ** 2
    hint_if(r2 > 0.98, f"R2 = {r2:.3f}: those are the labels themselves. What does the network say?")
    hint_if(np.ptp(predicted) < 0.01 * spread, "The same number for everybody. Does the network look?")
    offset = abs(predicted.mean() - label.mean())
    standardized = offset > 2 * spread and abs(predicted.mean()) < 1
    hint_if(standardized, "Their mean is near 0: still standardized. Times the spread, plus the mean.")
    score = f"RMSE {rmse:.3f}, R2 {r2:.2f}; the mean for everybody has {by_the_mean:.3f}"
    hint_if(rmse >= by_the_mean, f"{score}. Another label, another unit, or the ids in another order?")
    return f"{score}. The name of the label was all that changed."


def _same_ids(said, test, learn):
    """Raise a hint unless the ids said are those of the test galaxies, each once, in any order."""
    positions = [str(position) for position in range(len(said))]
    hint_if(list(said) == positions, "Its index is 0, 1, 2 ...: give it the ids of the test galaxies.")
    hint_if(said.has_duplicates, "Some ids come more than once: one number per galaxy.")
    hint_if(set(said) == set(learn), "Those are the galaxies fitted. Asked for are those with `test`.")
    missing, extra = len(set(test) - set(said)), len(set(said) - set(test))
    hint_if(
        missing or extra,
        f"Of the {len(test)} test galaxies {missing} lack, and {extra} ids are none of them.",
    )
