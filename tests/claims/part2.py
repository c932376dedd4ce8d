"""What part 2 says of its data; tests/notebooks/test_runs.py says how a claim is written and run."""


def claim_split():
    """The split is that of part 1, whichever pictures are missing."""
    training, locked = train_test_split(everyone, test_size=0.2, random_state=SEED)
    assert set(test_ids) == set(locked) & set(catalog.index)
    assert {*fit_ids, *valid_ids} == set(training) & set(catalog.index)
    assert len({*fit_ids, *valid_ids, *test_ids}) == len(catalog)


@only("stand-in")
def claim_pictures_are_missing():
    """Of real galaxies some have no picture."""
    assert len(catalog) < len(everyone)


def claim_weights():
    """More weights than galaxies, by a large factor; 180 times as many as the small network."""
    assert n_weights > 10_000 * len(fit)
    assert round(n_weights / sum(p.numel() for p in small.parameters()), -1) == 180


def claim_learned():
    """The dashed line is the lazy model that predicts the mean: how far below it does each curve end?"""
    assert max(fit_curve[-1], valid_curve[-1]) < 0.65 * label_std


def claim_jump_together():
    """While the steps are large the curves jump, and mostly together; both calm down."""
    early = slice(0, EPOCHS * 3 // 4)
    assert np.corrcoef(np.log(fit_curve[early]), np.log(valid_curve[early]))[0, 1] > 0.8
    for curve in (fit_curve, valid_curve):
        assert np.ptp(curve[-4:]) < 0.2 * np.ptp(curve[early])


def claim_same_network():
    """The note after the last epoch is the network that is kept."""
    with torch.no_grad():
        out = model(x_fit[: len(valid)].to(device))[:, 0].cpu()
    assert abs(label_std * F.mse_loss(out, y_fit[: len(valid)]).sqrt() - fit_curve[-1]) < 0.01


def claim_order():
    """The predictions belong to the galaxies."""
    with torch.no_grad():
        again_ = to_dex(model(x_valid.to(device))[:, 0].cpu().numpy())
    assert np.abs(again_ - cnn).max() < 0.1


def claim_baseline_of_colours():
    """A baseline should know the colour: far better than the mean."""
    assert colour_rmse < 0.65 * label_std


def claim_random_kernels():
    """Random kernels alone get a long way; learned ones further."""
    assert cnn_rmse + 0.02 < chance_rmse < 0.75 * label_std


def claim_first_layer():
    """Can you find a difference? The first layer has moved little, others far more."""
    assert 0 < moved.iloc[0] < 0.2 and moved.median() > 2 * moved.iloc[0]


def claim_before():
    """`new_learner` gives the network as it was before."""
    assert torch.equal(random_kernels, new_learner().model[0][0].weight.detach().float().cpu())


def claim_towards_the_mean():
    """The most gas-rich tend to lie below the dashed line."""
    of_richest = residual[valid["lgGF"].nlargest(len(valid) // 10).index]
    assert of_richest.mean() < -0.05 and (of_richest < 0).mean() > 0.6


def claim_untrained():
    """Nonsense: nearly the same number for everybody."""
    assert guess.std() < 0.1 * label_std


def claim_red_and_blue():
    """Bright in red means bright in blue for most galaxies."""
    assert np.corrcoef(two.T)[0, 1] > 0.1


def claim_steps():
    """Too small a step is still on its way, too large a one climbs out; the right one falls at once."""
    start_loss = (loss_of(torch.tensor([2.5, 2.0])) - loss_of(best)).item()
    small, right, large = map(above_lowest, paths.values())
    assert large > start_loss > small > 0.05 * start_loss and abs(right) < 0.01 * start_loss
    assert (loss_of(torch.tensor(paths["about right"][3])) - loss_of(best)).item() < 0.05 * start_loss


def steps_needed(way):
    return np.argmax((loss_of(torch.tensor(way)) - loss_of(best)).numpy() < 0.01 * loss_of(best).item())


@only("mock")
def claim_long_valley():
    """In a long valley momentum gains."""
    assert curvature.max() > 4 * curvature.min()
    assert 0 < steps_needed(ways["momentum"]) < steps_needed(ways["plain"])


@only("stand-in")
def claim_round_valley():
    """In a round valley it has nothing to gain."""
    assert curvature.max() < 2 * curvature.min()
    assert 0 < steps_needed(ways["plain"]) <= steps_needed(ways["momentum"])


def claim_overshoots():
    """Momentum overshoots: it climbs again after it has been low; plain descent never does."""
    rise = {name: np.diff(loss_of(torch.tensor(way)).numpy()).max() for name, way in ways.items()}
    assert rise["momentum"] > 1e-3 > 1e-6 > rise["plain"]


def claim_eight_pictures():
    """A galaxy may be turned and mirrored in eight ways: one galaxy, eight training pictures."""
    eight = torch.stack([dihedral(colours, k) for k in range(8)])
    assert len(torch.unique(eight.flatten(1), dim=0)) == 8
    assert torch.allclose(eight.mean((1, 2, 3)), colours.mean())


def claim_augmentation():
    """Without augmentation the network learns galaxies by heart; with it the two curves stay closer."""
    as_they_are, turned = (curve[-1, 1] / curve[-1, 0] for curve in histories.values())
    assert as_they_are > turned + 0.03


def claim_rates():
    """The lowest of the six rates hardly trains, the best lies in the middle, the largest is worse again."""
    scores = sweep.mean(axis=1).to_numpy()
    assert scores[0] > 1.5 * scores.min() and scores[-1] > scores.min() + 0.02 and 0 < scores.argmin() < 5


def claim_finder():
    """Nothing happens yet; then the loss falls; at the right it stops falling. The advice pays."""
    assert loss_at[20:].min() < 0.8 * np.median(loss_at[:20])
    assert loss_at[-5:].mean() > 0.9 * loss_at[20:].min()
    assert advice < lowest / 3 and score_at(advice) < sweep.mean(axis=1).min() + 0.03


def claim_knobs():
    """Compare that with what the learning rate does."""
    assert np.ptp(by_rate) > 3 * np.ptp([*decay_rmse.values()])


def claim_weight_decay():
    """The stronger the decay, the narrower the hill."""
    widths = [weights.std() for weights in weights_after.values()]
    assert widths[0] > widths[1] > widths[2]


def claim_schedules():
    """All but the first end low."""
    ends = {name: course[-1] / max(course) for name, course in schedules.items()}
    assert ends.pop("constant") == 1 and max(ends.values()) < 0.05


def claim_more_galaxies():
    """Which curves still fall: all models do better with all galaxies than with an eighth of them."""
    assert (learning.iloc[-1] < learning.iloc[0]).all()


def claim_limits():
    """Told what a limit is, the network predicts less; the detections pay little for it."""
    lower, rmse = summary["limits: prediction minus limit, mean"], summary["RMSE, detections"]
    assert lower["limits as limits"] < lower["limits as values"] - 0.05
    assert rmse["limits as limits"] < rmse["limits as values"] + 0.06


@only("mock")
def claim_limits_and_truth():
    """The bell brings the undetected much closer to their true gas, the loss of the exercise hardly."""
    torch.manual_seed(SEED)
    hinge = simple_cnn()
    train(hinge, SMALL_EPOCHS, loss_function=lambda out, rows: limit_loss(out, y_fit[rows], limit_fit[rows]))
    by_hinge = pd.Series(to_dex(hinge(x_valid)[:, 0].detach()).numpy(), valid.index)
    as_values, as_limits = summary["limits: RMSE against the true gas"]
    gain = as_values - ((by_hinge - true_gas)[~detected] ** 2).mean() ** 0.5
    assert as_values - as_limits > 0.1 and 0 < gain < 0.3 * (as_values - as_limits)


def claim_baseline():
    """The mean of the fitted galaxies is far behind, all others have half of its error or not much more."""
    rmse = board["all"]["RMSE"]
    assert rmse.drop("mean of the fitted galaxies").max() < 0.6 * rmse["mean of the fitted galaxies"]


def claim_both():
    """Table and picture together miss less than the table alone, though it may be luck."""
    assert board["all"].loc["both", "RMSE"] < board["all"].loc["table (quadratic)", "RMSE"]


def claim_verdict():
    """The picture is not worse than mean colours by more than luck."""
    assert answers["Does the network see more than mean colours?"] in ("Yes", "Not decided")


@only("mock")
def claim_floor():
    """No model is better than the best possible; the table's is one number, the others are ranges."""
    assert all(board["all"].loc[name, "high"] > lowest for name, (lowest, highest) in reachable.items())
    assert [low < high for low, high in reachable.values()] == [False, True, True]


def claim_coverage():
    """The promise of 90 % is kept within the luck of so few galaxies."""
    assert abs(inside["picture (CNN)"].mean() - 0.9) < 3 * luck


@only("mock")
def claim_occlusion():
    """Covering the middle of a simulated galaxy matters, covering the sky does not."""
    assert changes[:, middle, middle].mean() > 0.1 > 0.03 > corners.mean().abs()


def claim_saved_network():
    """The weights, filled into a new network, predict the same."""
    assert deviation < 1e-3


def claim_script_predicts_the_same():
    """Every prediction of the script finds its galaxy, and is that of section 2."""
    assert set(done.index) == set(valid.index) and done["problem"].eq("").all() and difference < 0.05


@only("mock")
def claim_own_pictures():
    """For a shape the network sees more than the mean colours; nobody is fitted and judged."""
    rmse = np.sqrt((own_misses**2).mean())
    assert rmse["network"] < 0.8 * min(rmse["mean colours"], rmse["mean"])
    assert not set(kept["id"]) & {*test.index, *new["id"]} and len(kept) < len(mine) / 4


def claim_interval_of_a_new_picture():
    """90 % of the galaxies kept apart are within the width."""
    assert 0.85 < (own_misses["network"].abs() <= own_width).mean() < 0.95
