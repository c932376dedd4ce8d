"""Check the answers to the exercises of the notebooks: «not yet», a hint that fits the mistake, or ✓.

One function per exercise, in the dictionary `CHECKS`. It takes the answer and the context that the cell hands
over (never a stored number, so it holds for real and simulated galaxies), and returns what a right answer
teaches, returns None where nothing has been filled in, or raises `Hint`.
"""

import warnings
from types import FunctionType

import numpy as np
import pandas as pd

# scikit-learn and PyTorch are imported where they are needed: part 1 can do without the second, and who only
# loads the catalogue without both.

NOT_YET = "… not yet: fill in the cell above, run it, then run this one."
DIGITS = 0.0051  # what reading a number with two decimals off a figure may cost


class Hint(Exception):
    """What a learner should look at next."""


def check(name, answer=None, *context):
    """Print one line, or two, about the answer to an exercise; never raise, whatever the answer is.

    Parameters
    ----------
    name : str
        The exercise, a key of `CHECKS`.
    answer : object
        What the learner filled in; None and ``...`` stand for nothing.
    *context : object
        What the exercise is about (table, model, layer ...), in the order of the function of that name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a learner's model may warn at every fold
        try:
            insight = None if _empty(answer) else _find(name)(answer, *context)
            line = NOT_YET if insight is None else f"✓ {insight}"
        except Hint as hint:
            line = f"✗ {hint}"
        except (Exception, SystemExit) as error:  # the answer is anything that somebody may write
            what = "function" if isinstance(answer, FunctionType) else "answer"
            line = f"✗ Your {what} raised {type(error).__name__}: {_first_line(error)}"
    print(line)


def _find(name):
    if name not in CHECKS:
        raise Hint(f"There is no exercise {name!r}. There are: {', '.join(CHECKS)}.")
    return CHECKS[name]


def _first_line(error):
    try:
        return (str(error).strip() or "(no message)").splitlines()[0][:200]
    except Exception:
        return "(no message)"


def _empty(answer):
    return answer is None or answer is ...


def _array(answer, what):
    """Return the answer as an array of finite numbers, or say what is asked for."""
    try:
        values = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
    except Exception:
        raise Hint(f"Asked for is {what}.") from None
    if values.dtype.kind not in "iuf":
        raise Hint(f"Asked for is {what}: plain numbers, no quotes.")
    if not np.isfinite(values).all():
        raise Hint(f"Asked for is {what}; yours holds NaN or infinity.")
    return values


def _number(answer):
    values = _array(answer, "one number")
    if values.size != 1:
        raise Hint(f"Asked for is one number; yours holds {values.size}.")
    return values.item()


def _function(answer):
    if isinstance(answer, type) or not callable(answer):
        raise Hint("Hand over the function itself: its name without parentheses.")
    return answer


# --- part 1 ---


def check_missing(answer, catalog):
    """How many galaxies have no SFR_best? Context: the whole catalogue."""
    said, rate = _number(answer), catalog["SFR_best"]
    missing, isna = int((rate == -99).sum()), int(rate.isna().sum())
    if said == missing:
        return (f"{missing} of {len(catalog)}. isna() would find {isna}: to a computer -99 is a number like "
                "any other, so read what a column means before you use it.")
    if said == len(catalog):
        raise Hint("That is the length of the table. Count the rows where a condition holds.")
    if said == len(catalog) - missing:
        raise Hint("That is how many galaxies HAVE a measured SFR_best. Turn the condition round.")
    if said == isna:
        raise Hint("isna() does not know the sentinel: -99 is a number to it. Compare with -99.")
    if said == (catalog["NUVr"] == -99).sum():
        raise Hint("That is the number for NUVr. The column asked for is SFR_best.")
    raise Hint("Compare the column SFR_best with -99; the sum of True and False counts the True.")


def check_kfold(answer):
    """A function of (n, k) that returns k arrays of row numbers, shuffled, each row in exactly one."""
    for n, k in [(20, 4), (47, 7), (103, 5)]:
        folds = _function(answer)(n, k)
        if _empty(folds):
            return None
        call, folds = f"my_folds({n}, {k})", list(folds)
        if len(folds) != k:
            raise Hint(f"{call} should return {k} arrays, one per fold; yours returns {len(folds)}.")
        folds = [_array(fold, "a list of folds, each an array of row numbers") for fold in folds]
        if any(fold.ndim != 1 or fold.dtype.kind == "f" for fold in folds):
            raise Hint("Each fold should be a one-dimensional array of row numbers, and not empty.")
        rows, sizes = np.concatenate(folds), [len(fold) for fold in folds]
        if rows.min() < 0 or rows.max() >= n:
            raise Hint(f"{call} returns row numbers outside 0 to {n - 1}.")
        if len(np.unique(rows)) < len(rows):
            raise Hint("The folds overlap: a row stands in two of them. Shuffle once, then cut.")
        if len(rows) == n - n % k < n:
            raise Hint(f"{call} loses {n % k} rows: {n} // {k} rounds down. np.array_split shares them out.")
        if len(rows) < n:
            raise Hint(f"{call} loses {n - len(rows)} of {n} rows: each must stand in exactly one fold.")
        if max(sizes) - min(sizes) > 1:
            raise Hint(f"The sizes of your folds are {sizes}: they should differ by 1 at most.")
    if all(np.ptp(np.diff(np.sort(fold))) == 0 for fold in folds):  # blocks, or every k-th row
        raise Hint("The rows are not shuffled. A table may be sorted (ours is, by sky position), and then "
                   "the folds are not alike. Draw a random permutation first.")
    return f"{n} rows in {k} folds of {min(sizes)} or {max(sizes)}, each row once: KFold(shuffle=True)."


def check_degree(answer, curve):
    """Which degree? Context: scores 'R2' (held out) and 'R2 fitted', indexed by degree."""
    said, best, last = _number(answer), int(curve["R2"].idxmax()), curve.iloc[-1]
    if said not in curve.index:
        raise Hint(f"The degrees tried are {curve.index.min()} to {curve.index.max()}.")
    if said == best:
        return (f"Degree {best}: R2 = {curve.loc[best, 'R2']:.2f} held out. Degree {last.name} reaches "
                f"{last['R2 fitted']:.2f} on its own galaxies, and {last['R2']:.2f} on others.")
    if said == curve["R2 fitted"].idxmax():
        raise Hint(f"Degree {said:.0f} is the best on the galaxies fitted: it learned them by heart. "
                   f"Held out, its R2 is {curve.loc[said, 'R2']:.2f}. Look at the other curve.")
    if said < best:
        raise Hint("Too simple: the held-out score is higher at a higher degree.")
    raise Hint("Too flexible: the held-out score is higher at a lower degree; only the fitted one rises.")


def check_tree(answer, tree, galaxy):
    """What does the tree predict? Context: the fitted tree, one row of features (a Series)."""
    said, nodes = _number(answer), tree.tree_
    path = list(tree.decision_path(pd.DataFrame([galaxy])).indices)  # nodes from the root to the leaf
    leaf, values = path[-1], nodes.value[:, 0, 0]
    close = [node for node in range(nodes.node_count) if abs(said - values[node]) < DIGITS]
    if leaf in close:
        return (f"{values[leaf]:.2f}, the mean of {nodes.n_node_samples[leaf]} training galaxies. All in "
                f"this box get the same prediction: this tree knows {tree.get_n_leaves()} answers.")
    if 0 in close:
        raise Hint("That is the value in the top box, the mean of all galaxies. Answer its question.")
    if set(path) & set(close):
        raise Hint("You stopped half-way: this box asks another question. Walk down to a box without one.")
    if close:
        parent = {child: node for node in range(nodes.node_count)
                  for child in (nodes.children_left[node], nodes.children_right[node])}
        fork = close[0]
        while fork not in path:
            fork = parent[fork]
        which, name = "first" if fork == 0 else "second", galaxy.index[nodes.feature[fork]]
        raise Hint(f"That box is on the other side of the {which} question: {name} of this galaxy is "
                   f"{galaxy[name]:.2f}, the cut is at {nodes.threshold[fork]:.2f}. Below the cut goes left.")
    if said in nodes.n_node_samples:
        raise Hint("That is `samples`, the number of galaxies in a box. The prediction is its `value`.")
    raise Hint("No box of the figure holds this value. Start at the top: left means yes, right means no.")


def _held_out(model, X, y, cv):
    """Return the R2 of each fold, held out and fitted."""
    from sklearn.base import is_classifier
    from sklearn.model_selection import cross_validate

    if isinstance(model, type):
        raise Hint(f"Make one of it: {model.__name__}(), with parentheses.")
    if not all(hasattr(model, method) for method in ("fit", "predict", "get_params")):
        raise Hint("Asked for is a regressor, with .fit and .predict, as scikit-learn has many.")
    if is_classifier(model):
        raise Hint("That is a classifier: it predicts classes. lgGF is a number; asked for is a regressor.")
    scores = cross_validate(model, X, y, cv=cv, scoring="r2", return_train_score=True, error_score="raise")
    return scores["test_score"], scores["train_score"]


def check_tune(answer, plain, X, y, cv):
    """Settings of a forest. Context: scores of the plain one (row 'mean'), features, target, folds."""
    from sklearn.ensemble import RandomForestRegressor

    if not isinstance(answer, RandomForestRegressor):
        raise Hint("Asked for is a forest, RandomForestRegressor(...), with settings of your choice.")
    default, settings = RandomForestRegressor().get_params(), answer.get_params()
    same = {key for key in settings if settings[key] == default[key]}
    if not set(settings) - same - {"n_estimators", "n_jobs", "random_state", "verbose", "oob_score"}:
        raise Hint("These are the default settings, the plain forest. Try a larger min_samples_leaf, say.")
    if answer.n_estimators > 500:
        raise Hint("More than 500 trees take long and add nothing here. Turn another knob.")
    held_out, fitted = _held_out(answer, X, y, cv)
    scores = f"R2 = {held_out.mean():.4f} held out, the plain forest {plain.loc['mean', 'R2']:.4f}"
    if held_out.mean() > plain.loc["mean", "R2"]:
        return (f"{scores}. From fold to fold it varies by {held_out.std():.3f}: that puts such a gain "
                "into proportion.")
    if fitted.mean() < plain.loc["mean", "R2"] + 0.02:
        raise Hint(f"{scores}. Even on its own galaxies yours reaches only {fitted.mean():.2f}: trees "
                   "too small, they underfit. Let them grow.")
    raise Hint(f"{scores}. Try another min_samples_leaf or max_features, or more trees.")


def check_model(answer, X, y, cv):
    """A regressor that beats the linear one. Context: features, target, folds."""
    from sklearn.linear_model import LinearRegression

    mine, linear = (_held_out(model, X, y, cv)[0] for model in (answer, LinearRegression()))
    scores = f"R2 = {mine.mean():.3f} held out, the linear model {linear.mean():.3f}"
    if np.allclose(mine, linear, atol=1e-3):
        raise Hint(f"{scores}: that is the linear model again. (To scale the features does not change it.)")
    if mine.mean() < linear.mean():
        raise Hint(f"{scores}: yours is worse. Is it too stiff, or too flexible?")
    return (f"{scores}. Yours wins in {(mine > linear).sum()} of {len(mine)} folds: to compare fold by fold, "
            "on the same galaxies, says more than two means.")


def check_leak(answer, table, columns, added):
    """Which column leaks the stellar mass? Context: training table, columns before, columns added."""
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold

    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        answer = answer[0]
    if not isinstance(answer, str):
        raise Hint('Asked for is the name of one column in quotes, such as "CINDX".')
    if answer == "lgGF":
        raise Hint("That is the target, not a column of the model. Which column knows part of it?")
    if answer == "lgMstar":
        raise Hint("Close: the stellar mass leaks, but its column was not added. Which one brings it in?")
    if answer in columns:
        raise Hint(f"{answer} was there before, and any picture gives it. Look at the columns added.")
    if answer not in added:
        raise Hint(f"{answer} was not added. The new columns are {', '.join(added)}.")

    def mass_score(names):
        folds = KFold(5, shuffle=True, random_state=0)
        return _held_out(LinearRegression(), table[names], table["lgMstar"], folds)[0].mean()

    without = mass_score([*columns])
    known = {column: mass_score([*columns, column]) for column in added}
    if known[answer] < max(known.values()):
        raise Hint(f"{answer} is harmless: with it a linear model predicts lgMstar, a part of lgGF, "
                   f"with R2 = {known[answer]:.2f}, without it {without:.2f}. Try the others.")
    return (f"With {answer} a linear model predicts the stellar mass with R2 = {known[answer]:.2f}, "
            f"without it {without:.2f}.\n  Brightness and distance give the luminosity, and so the mass that "
            "stands inside lgGF. A score does not say what it is made of.")


# --- part 2 ---


def check_kernel(answer):
    """A 3 x 3 kernel: 0 on flat sky, positive on a bright spot."""
    weights = _array(answer, "a table of 3 x 3 numbers")
    if weights.shape != (3, 3):
        raise Hint(f"Asked for are three rows of three numbers; the shape of yours is {weights.shape}.")
    if not weights.any():
        raise Hint("All weights are 0: this kernel is blind. It should answer to a bright spot.")
    if abs(weights.sum()) > 1e-5 * np.abs(weights).sum():
        raise Hint(f"On flat sky of brightness 1 it gives {weights.sum():.3g}, the sum of its weights. "
                   "They should sum to 0.")
    if weights[1, 1] < 0:
        raise Hint("The sign is reversed: negative on a bright spot, positive on a hole.")
    if weights[1, 1] == 0:
        raise Hint("It finds edges: a spot in the middle meets the weight in the middle, and that is 0.")
    return "A bright centre minus its surroundings: sky of any brightness vanishes. Networks learn it, too."


def check_shape(answer, layer, shape):
    """What shape leaves a convolution? Context: the nn.Conv2d, the (channels, rows, columns) that enter."""
    import torch

    with torch.no_grad():
        right = tuple(layer(torch.zeros(1, *shape)).shape[1:])
    said = tuple(_array(answer, "three whole numbers, (channels, rows, columns)").flatten().tolist())
    size, (k, stride, padding) = shape[1], (v[0] for v in (layer.kernel_size, layer.stride, layer.padding))
    free = size + 2 * padding - k  # pixels that the window can move
    if said == right:
        return f"{said}. Without the padding: {(size - k) // stride + 1} pixels; with stride 1: {free + 1}."
    if said == (1, *right):
        raise Hint("Right for a batch of one. For a single picture leave out the first number.")
    if len(said) != 3:
        raise Hint("Asked for are three numbers: channels, rows, columns.")
    if said[1:] == right[1:] and said[0] == shape[0]:
        raise Hint("Rows and columns are right. But the channels are the layer's own: one per kernel.")
    if sorted(said) == sorted(right):
        raise Hint("The right numbers in another order: PyTorch puts the channels first.")
    for pixels, hint in [
        ((size - k) // stride + 1, "You have forgotten the padding: it adds a margin on both sides."),
        (-(-free // stride) + 1, "Rounded up: a window that sticks out of the picture does not count."),
        (free + 1, "You have forgotten the stride: the window moves by more than one pixel."),
    ]:
        if said[1:] == (pixels, pixels):
            raise Hint(hint)
    raise Hint("Put n, k, padding and stride into the formula above, and round down.")


def check_layer(answer, images):
    """A CNN of five stages. Context: some images, (n, 3, rows, columns)."""
    import torch

    if not isinstance(answer, torch.nn.Module):
        raise Hint("Asked for is a network: nn.Sequential(...) with the stages in it.")
    training = {module: module.training for module in answer.modules()}
    try:
        with torch.no_grad():
            out = answer.eval()(images)
    except RuntimeError as error:
        if "mat1 and mat2" in str(error):
            raise Hint("The last layer does not fit: nn.Linear takes in as many numbers as the last stage "
                       "has channels.") from None
        if "channels" in str(error):
            raise Hint("The channels do not fit: a stage takes in what the one before gives out.") from None
        raise
    finally:  # leave the network as it was
        for module, mode in training.items():
            module.training = mode
    if tuple(out.shape) != (len(images), 1):
        raise Hint(f"One number per galaxy should come out, the shape ({len(images)}, 1); yours gives "
                   f"{tuple(out.shape)}.")
    stages = sum(isinstance(module, torch.nn.Conv2d) for module in answer.modules())
    if stages < 5:
        raise Hint(f"It works, but it has {stages} convolutions: the fifth stage is still missing.")
    weights = sum(p.numel() for p in answer.parameters())
    return f"{stages} stages, {weights:,} weights. Deeper is easy; if it is better, new galaxies tell."


def check_step(answer, weights, gradient, rate):
    """One step of gradient descent. Context: weights, gradient, learning rate."""
    old, slope = _array(weights, "weights"), _array(gradient, "a gradient")
    new = _array(answer, "an array, as many numbers as there are weights")
    if new.shape != old.shape:
        raise Hint(f"There are {old.size} weights; the shape of yours is {new.shape}.")
    if np.allclose(new, old - rate * slope, atol=1e-6):
        return "Downhill: each weight moved against its slope, farther where it is steep."
    if np.allclose(new, old + rate * slope, atol=1e-6):
        raise Hint("Uphill: the gradient points to larger losses. Go against it, with a minus.")
    if np.allclose(new, old - slope, atol=1e-6):
        raise Hint("You have forgotten the learning rate: that step is far too long.")
    if np.allclose(np.abs(new), np.abs(rate * slope), atol=1e-6):
        raise Hint("That is the step alone. Subtract it from the weights.")
    raise Hint("weights - learning rate * gradient, for each weight by itself.")


def check_loop(answer):
    """A function one_step(model, images, labels, optimizer): one training step, returns the loss."""
    import torch
    from torch.nn.functional import mse_loss

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        images, labels = torch.randn(6, 3, 2, 2), torch.randn(6)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        used, found = [], []  # what the function does with the model, and the gradient at each step it takes
        model.register_forward_hook(lambda *_: used.append(True))
        optimizer.register_step_pre_hook(lambda *_: found.append(
            [None if p.grad is None else p.grad.clone() for p in model.parameters()]))
        for turn in (1, 2):
            loss = mse_loss(model(images)[:, 0], labels)
            right = torch.autograd.grad(loss, list(model.parameters()))
            used.clear()
            found.clear()
            returned = _function(answer)(model, images, labels, optimizer)
            if not used and not found and _empty(returned):
                return None
            if not found:
                raise Hint("No step was taken: the weights are what they were. Call optimizer.step().")
            if len(found) > 1:
                raise Hint(f"Asked for is one step; yours takes {len(found)}.")
            if any(slope is None or not slope.any() for slope in found[0]):
                raise Hint("There is no gradient when the optimizer steps. Call loss.backward() before, and "
                           "zero_grad() not between the two.")
            agrees = all(map(torch.allclose, found[0], right))
            if turn == 1 and not agrees:
                raise Hint("The gradient is not that of F.mse_loss. Do predictions and labels match? "
                           "model(images) is (n, 1), labels is (n,).")
            if not agrees:
                raise Hint("At the second step the gradient still holds the first one: PyTorch adds them up. "
                           "Call optimizer.zero_grad().")
            if _empty(returned):
                raise Hint("It trains, but the loss is not returned: end with `return loss`.")
            if abs(_number(returned) - loss.item()) > 1e-4:
                raise Hint(f"It trains, but returns {_number(returned):.3f}; the loss was {loss.item():.3f}.")
    return "Forward, backward, step, forget. Networks of any size are trained by these lines."


def check_rate(answer, rates, losses):
    """A learning rate. Context: the rates that the finder tried, rising, and the loss at each."""
    said, losses = _number(answer), np.asarray(losses)
    rates = np.asarray(rates)[: len(losses)]
    early = len(losses) // 3  # too small to do anything, and the running mean has not settled
    start, bottom = np.median(losses[:early]), early + losses[early:].argmin()
    drop, lowest = start - losses[bottom], rates[bottom]
    falls = rates[early + (losses[early:] <= start - 0.1 * drop).argmax()]
    high = losses[bottom:] > losses[bottom] + 0.3 * drop
    explodes = rates[bottom + high.argmax()] if high.any() else None
    if said <= 0:
        raise Hint("A learning rate is a positive number.")
    if explodes is not None and said >= explodes:
        raise Hint(f"At {said:.1g} the loss explodes: the curve turns up near {explodes:.1g}. Go left.")
    if said < falls:
        raise Hint(f"At {said:.1g} the loss hardly moves: too small, training would take for ever. Go right.")
    if explodes is None and said > rates[-1] / 10:
        raise Hint(f"The curve ends at {rates[-1]:.1g}: so near to it, who knows what comes next? Go left.")
    end = "" if explodes is None else f" and explodes from {explodes:.1g} on"
    side = "left of it, as it should be" if said <= lowest else "bold: a smaller one is safer"
    return f"The loss falls from {falls:.1g} on, is lowest near {lowest:.1g}{end}. Yours is {side}."


def check_censored(answer):
    """A function limit_loss(prediction, label, is_limit): squared error, free where a limit is respected."""
    import torch

    label = torch.tensor([0.1, -0.6, -1.5, -1.5, -1.2])
    limit = torch.tensor([False, False, True, True, True])
    guess = torch.tensor([0.3, -0.1, -2.2, -1.2, -1.5], requires_grad=True)
    with torch.enable_grad():
        found = _function(answer)(guess, label, limit)
    if _empty(found):
        return None
    loss, residual = _array(found, "one number, the mean over the galaxies"), (guess - label).detach()
    cost = torch.where(limit, residual.clamp(min=0), residual) ** 2
    if loss.size != 1:
        raise Hint(f"Asked for is one number, the mean over the galaxies; yours gives {loss.size}.")
    if np.isclose(loss, cost.mean()):
        if not getattr(found, "requires_grad", False):
            raise Hint("The value is right, but no gradient can flow back: no .item(), .detach() or numpy.")
        return "A limit pulls only predictions that lie above it. All others agree with what was seen."
    reverse = torch.where(limit, residual.clamp(max=0), residual) ** 2
    for wrong, hint in [
        ((residual**2).mean(), "It treats limits as measurements: predictions below should cost nothing."),
        ((residual[~limit] ** 2).mean(), "It throws the limits away: predictions above should cost."),
        (reverse.mean(), "The wrong way round: a prediction BELOW an upper limit respects it."),
        (cost.sum(), "That is the sum. Asked for is the mean over all galaxies."),
        (cost[cost > 0].mean(), "The mean goes over all galaxies, also those that cost nothing."),
    ]:
        if np.isclose(loss, wrong):
            raise Hint(hint)
    raise Hint(f"For residuals of {[round(r, 1) for r in residual.tolist()]}, the last three of limits, it "
               f"should be {cost.mean().item():.3f}; yours is {loss.item():.3f}.")


CHECKS = {name.removeprefix("check_"): f for name, f in list(globals().items()) if name.startswith("check_")}
