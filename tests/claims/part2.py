"""What part 2 says of its data; tests/notebooks/test_runs.py says how a claim is written and run."""


def claim_split():
    """The split is that of part 1; galaxies without a picture are left out after it."""
    training, locked = train_test_split(everyone, test_size=0.2, random_state=SEED)
    assert set(test_ids) == set(locked) & set(catalog.index)
    assert {*fit_ids, *valid_ids} == set(training) & set(catalog.index)
    assert len({*fit_ids, *valid_ids, *test_ids}) == len(catalog)


@only("stand-in")
def claim_pictures_are_missing():
    """Of real galaxies some have no picture."""
    assert len(catalog) < len(everyone)


def claim_one_side_of_the_split():
    """Only the fitted galaxies change the network, and only they give mean and spread."""
    assert len(learn.dls.train_ds) == len(fit) and len(learn.dls.valid_ds) == len(valid)
    assert abs(y_fit.mean()) < 1e-5 and abs(y_fit.std() - 1) < 1e-5
    assert np.allclose(x_fit.mean((0, 2, 3)), 0, atol=1e-4)


def claim_weights():
    """Eleven million weights; 180 times as many as the small network."""
    of_model, of_small = (sum(p.numel() for p in network.parameters()) for network in (model, small))
    assert round(of_model / 1e6) == 11
    assert round(of_model / of_small, -1) == 180


def claim_learned():
    """Both curves end at about half of the lazy model's error, or less, and close to each other."""
    ends = np.array([watch.in_use[-1], valid_curve[-1]])
    assert ends.max() < 0.6 * label_std
    assert ends.max() < 1.2 * ends.min()


def claim_jump_together():
    """Early on the curves jump, mostly together; the jumps end as the rate falls."""
    early = slice(0, EPOCHS * 3 // 4)
    assert np.corrcoef(np.log(watch.in_use[early]), np.log(valid_curve[early]))[0, 1] > 0.8
    for curve in (watch.in_use, valid_curve):
        assert np.ptp(curve[-4:]) < 0.25 * np.ptp(curve[early])


def claim_one_cycle():
    """The rate begins small, rises to the largest, and falls to nearly zero."""
    assert rates[0] < 0.1 * RATE
    assert abs(rates.max() - RATE) < 0.01 * RATE
    assert rates[-1] < 0.01 * RATE


def claim_two_modes():
    """By the batch the weights were good all along; what is remembered lags behind, then catches up."""
    in_use, in_training = np.array(watch.in_use), np.array(watch.in_training)
    assert in_training.max() < 0.75 * label_std
    assert in_use[worst] > 1.3 * in_training[worst]
    assert abs(in_use[-1] - in_training[-1]) < 0.05


def claim_a_look_changes_nothing():
    """To look in both modes leaves what the layers remember as it was."""
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {layer.momentum for layer in norms} == {0.1}
    assert abs(error_of(model, x_fit[: len(x_valid)], y_fit[: len(x_valid)]) - watch.in_use[-1]) < 0.01


def claim_order():
    """The predictions belong to the galaxies, whatever their order."""
    shuffled = valid.sample(20, random_state=1)
    assert np.abs(predict(shuffled, [0]) - cnn[shuffled.index]).max() < 0.05
    assert np.corrcoef(cnn, valid["lgGF"])[0, 1] > 0.7


def claim_eight_do_no_harm():
    """Eight orientations cost no training, and do no harm."""
    assert rmse(eight, valid["lgGF"]) < rmse(cnn, valid["lgGF"]) + 0.003


def claim_towards_the_mean():
    """The most gas-rich lie below the dashed line."""
    richest = valid["lgGF"].nlargest(len(valid) // 10).index
    missed = (eight - valid["lgGF"])[richest]
    assert missed.mean() < -0.05
    assert (missed < 0).mean() > 0.6


@only("mock")
def claim_entry_not_gas():
    """The network reproduces upper limits as if they were the gas: it predicts the catalog's entry."""
    gas = pd.read_csv("../data/mock/truth.csv", index_col="GASS")["lgGF_true"][valid.index]
    to_entry, to_gas = (rmse(eight[~detected], other[~detected]) for other in (valid["lgGF"], gas))
    assert to_entry < 0.3
    assert to_gas > 2 * to_entry


def claim_rings():
    """A baseline should see the picture, but simply: the rings know far more than the mean."""
    assert ring_brightness(valid).shape == (len(valid), 9)
    assert rmse(by_rings, valid["lgGF"]) < 0.65 * label_std


def claim_random_kernels():
    """Random kernels get a long way; the rest is what the training has brought."""
    learned, random = rmse(cnn, valid["lgGF"]), rmse(by_chance, valid["lgGF"])
    assert learned + 0.015 < random < 0.75 * label_std


def claim_before():
    """`new_learner()` gives the network as it was before: the same start each time."""
    assert torch.equal(start[0][0].weight.cpu(), new_learner().model[0][0].weight.cpu())


def claim_never_cleared():
    """At -1.4 the true slope says back, but the old slopes outweigh it, and w runs on to -2.28."""
    assert abs(w.item() + 2.28) < 1e-5
    assert true_slope < 0 < w.grad.item()


def claim_untrained():
    """What comes out of an untrained network is nearly the same number for everybody."""
    assert to_dex(flow[:, 0]).std() < 0.1 * label_std


def claim_valley():
    """Bright in red means bright in blue: the sum of the weights is better known than their difference."""
    assert np.corrcoef(two.T)[0, 1] > 0.1
    of_sum, of_difference = (best + torch.tensor([0.5, 0.5]), best + torch.tensor([0.5, -0.5]))
    assert loss_of(of_sum) > loss_of(of_difference)


def claim_steps():
    """Too small a rate is on its way; above 2 / the largest second derivative each step lands higher."""
    lowest_loss, first_loss = loss_of(best).item(), loss_of(torch.tensor(paths["too small"][0])).item()
    small_end, right_end, large_end = (loss_of(torch.tensor(way[-1])).item() for way in paths.values())
    assert lowest_loss + 0.05 * (first_loss - lowest_loss) < small_end < first_loss < large_end
    assert right_end < lowest_loss + 0.01 * (first_loss - lowest_loss)
    assert loss_of(torch.tensor(descend(lambda w: SGD(w, lr=1.95 / steepest))[-1])) < first_loss


def claim_eight_pictures():
    """One galaxy, eight training pictures."""
    pictures = torch.stack([dihedral(colors, k) for k in range(8)])
    assert len(torch.unique(pictures.flatten(1), dim=0)) == 8


def claim_by_heart():
    """Few, as they are: known by heart, while the others have gained nothing since."""
    curve = histories["few, as they are"]
    assert curve[-1, 0] < 0.25 * curve[-1, 1]
    assert curve[-1, 1] > curve[: len(curve) // 2, 1].min() - 0.02


def claim_cures():
    """Turning narrows the gap; more galaxies close it, and lower the error of new ones by much more."""
    gaps = [curve[-1, 1] / curve[-1, 0] for curve in histories.values()]
    assert gaps[0] > 1.5 * gaps[1] > 1.5 * gaps[2]
    as_they_are, turned, all_of_them = (curve[-1, 1] for curve in histories.values())
    assert turned < as_they_are + 0.01
    assert turned - all_of_them > max(0.015, as_they_are - turned)


@only("mock")
def claim_small_is_enough():
    """On these simulated pictures the small network does as well as the large one."""
    assert abs(histories["all, turned"][-1, 1] - rmse(cnn, valid["lgGF"])) < 0.025


def claim_same_number_of_steps():
    """Few galaxies get eight times the epochs: as many steps."""
    steps = [epochs * np.ceil(len(data[0]) / BATCH) for data, epochs, _ in trials.values()]
    assert max(steps) <= 1.05 * min(steps)


def claim_rates():
    """Below, the training does not get there; above, it jumps about; between, a wide range will do."""
    by_rate = sweep.mean(axis=1)
    assert by_rate.iloc[0] > 1.5 * by_rate.min()
    assert by_rate.iloc[-1] > by_rate.min() + 0.015
    assert 2 <= len(good) and good.index.max() >= 10 * good.index.min()


def claim_weight_decay():
    """Section 2 used next to nothing; with 3 only weights that the data need stay large."""
    left = [np.prod(1 - rates * decay) for decay in (WEIGHT_DECAY, 3)]
    assert left[0] > 0.98 and left[1] < 0.1


def claim_the_same_optimizer():
    """`adamw` is AdamW as in section 2: the same settings, weight decay on all weights."""
    ours = adamw(small.parameters(), lr=RATE).param_groups
    of_fastai = learn.opt.opt.param_groups
    for name in ("eps", "weight_decay"):
        assert {group[name] for group in ours} == {group[name] for group in of_fastai}
    assert {group["weight_decay"] for group in ours} == {WEIGHT_DECAY}


def claim_adam():
    """Plain descent falls to the floor in one step and hardly moves along it; Adam comes nearest the star."""
    above = {
        name: (loss_in_units(torch.tensor(way[-1])) - loss_in_units(lowest)).item()
        for name, way in ways.items()
    }
    assert above["plain"] > 5 * above["momentum"] > above["Adam"]
    assert abs(ways["plain"][1, 0] - lowest[0]) < 0.05
    assert abs(ways["plain"][-1, 1] - lowest[1]) > 0.2 * abs(ways["plain"][0, 1] - lowest[1])
    assert 80 < (units[:, 0].var() / units[:, 1].var()) < 120


def claim_baseline():
    """All models are far better than the mean of the fitted galaxies."""
    assert board["RMSE"].drop("mean of the fitted galaxies").max() < 0.6 * board["RMSE"].iloc[0]


def claim_both():
    """Table and picture together miss less than the table alone, though it may be luck."""
    assert board.loc["both", "RMSE"] < board.loc["table (quadratic)", "RMSE"]


@only("mock")
def claim_built_in():
    """The part that is drawn into the picture is 58 % of the variance of the scatter around the table."""
    parts = pd.read_csv("../data/mock/truth.csv", index_col="GASS")[["gas_seen", "gas_unseen"]]
    variances = parts.var()
    assert abs(variances["gas_seen"] / variances.sum() - 0.58) < 0.04


def claim_five_starts():
    """Five starts have a spread of 0.0065 dex; the network of section 2 is like one of them."""
    five = np.array([0.288, 0.283, 0.296, 0.299, 0.289])
    assert abs(five.std(ddof=1) - START["picture (CNN)"]) < 3e-4
    if UNIVERSE == "mock":
        assert abs(rmse(eight, valid["lgGF"]) - five.mean()) < 3 * five.std(ddof=1)


def claim_two_kinds_of_luck():
    """The interval of the verdict takes in both kinds of luck and three questions."""
    for question, (one, other) in questions.items():
        low_end, high_end = paired(predictions[one], predictions[other], test["lgGF"])
        of_both = answers[question]["high"] - answers[question]["low"]
        assert of_both > 1.1 * (high_end - low_end)
        assert of_both > 4.7 * START[other]


def claim_verdict():
    """The picture is not worse than its rings by more than luck."""
    assert answers["Does the network see more than the rings?"]["high"] > 0


@only("mock")
def claim_gas_of_the_undetected():
    """The gas of the galaxies that were not detected is missed by far more than their entry."""
    assert gas_missed > 0.6
    assert gas_missed > 2 * board.loc["picture (CNN)", "limits"]
