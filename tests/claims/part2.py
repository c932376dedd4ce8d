"""What part 2 says of its data; tests/notebooks/test_runs.py says how a claim is written and run."""


def claim_split():
    """The split is that of part 1, whichever pictures are missing."""
    training, locked = train_test_split(everyone, test_size=0.2, random_state=SEED)
    assert set(test_ids) == set(locked) & set(catalog.index)
    assert {*fit_ids, *valid_ids} == set(training) & set(catalog.index)


@only("stand-in")
def claim_pictures_are_missing():
    """Of real galaxies some have no picture."""
    assert len(catalog) < len(everyone)


def claim_weights():
    """More weights than galaxies, by a large factor."""
    assert n_weights > 10_000 * len(fit)


def claim_learned():
    """The dashed line is the lazy model that predicts the mean: how far below it does each curve end?"""
    assert max(train_curve[-1], valid_curve[-1]) < 0.65 * label_std


def claim_calms_down():
    """While the steps are large the validation curve may jump, and it calms down as they get smaller."""
    assert np.ptp(valid_curve[-4:]) < 0.2 * np.ptp(valid_curve[:8])


def claim_towards_the_mean():
    """The most gas-rich tend to lie below the dashed line."""
    assert residual[valid["lgGF"].nlargest(len(valid) // 10).index].mean() < -0.1


def claim_untrained():
    """Nonsense: nearly the same number for everybody."""
    assert guess.std() < 0.1 * label_std


def claim_red_and_blue():
    """Bright in red means bright in blue for most galaxies."""
    assert np.corrcoef(two.T)[0, 1] > 0.1


@only("mock")
def claim_long_valley():
    """In a long valley the right step creeps, and momentum gets to the end much sooner."""
    assert curvature.max() > 9 * curvature.min()
    assert abs(end["with momentum"]) < 0.1 * end["about right"]


@only("stand-in")
def claim_round_valley():
    """In a round valley momentum has nothing to gain."""
    assert curvature.max() < 2 * curvature.min()
    assert end["with momentum"] > end["about right"] - 1e-6


def claim_steps():
    """Too small a step is still on its way, too large a one climbs out; the right one falls at once."""
    start = (loss_of(torch.tensor([2.5, 2.0])) - loss_of(best)).item()
    assert end["too large"] > start > end["step too small"] > 0.05 * start
    assert (loss_of(torch.tensor(paths["about right"][3])) - loss_of(best)).item() < 0.05 * start


def claim_adam():
    """Adam may be slower here."""
    assert abs(end["about right"]) < end["Adam"] < end["step too small"]


def claim_eight_pictures():
    """A galaxy may be turned and mirrored in eight ways: one galaxy, eight training pictures."""
    eight = torch.stack([dihedral(colours, k) for k in range(8)])
    assert len(torch.unique(eight.flatten(1), dim=0)) == 8
    assert torch.allclose(eight.mean((1, 2, 3)), colours.mean())


def claim_augmentation():
    """Without augmentation the network learns galaxies by heart; with it the two curves stay closer."""
    as_they_are, turned = (curve[-1, 1] / curve[-1, 0] for curve in histories.values())
    assert as_they_are > turned > 1


def claim_finder():
    """The loss falls, then it explodes; the rate that we used lies on the slope, well before the minimum."""
    lowest = 20 + loss_at[20:].argmin()
    assert loss_at[-1] > 1.5 * loss_at[lowest]
    ours = loss_at[np.searchsorted(rates, 5e-3)]
    assert 5e-3 < rates[lowest] / 3 and loss_at[lowest] < ours < np.median(loss_at[:20])


def claim_weight_decay():
    """The stronger the decay, the narrower the hill. It is a mild medicine."""
    widths = [weights.std() for weights in weights_after.values()]
    assert widths[0] > widths[1] > widths[2]
    assert abs(decay_rmse[0.3] - decay_rmse[0]) < 0.03 and max(decay_rmse.values()) < decay_rmse[0] + 0.1


def claim_schedules():
    """All but the first end low."""
    ends = {name: course[-1] / max(course) for name, course in schedules.items()}
    assert ends.pop("constant") == 1 and max(ends.values()) < 0.05


def claim_limits():
    """Told what a limit is, the network respects more; detections are predicted about as before."""
    respected, rmse = summary["limits respected"], summary["RMSE, detections"]
    assert respected["limits as limits"] > respected["limits as values"] + 0.03
    assert abs(rmse["limits as limits"] - rmse["limits as values"]) < 0.03


@only("mock")
def claim_limits_and_truth():
    """Where the truth is known, the gas of the undetected galaxies comes out closer to it."""
    missed_by = summary["RMSE against the truth, not detected"]
    assert missed_by["limits as limits"] < missed_by["limits as values"]


def claim_eight_orientations():
    """Test-time augmentation is an improvement that costs no training."""
    assert np.sqrt(((averaged - valid["lgGF"]) ** 2).mean()) < cnn_rmse


def claim_baseline():
    """Every model beats the mean of the training set."""
    rmse = board.loc["all", "RMSE"]
    assert rmse.drop("mean of the training set").max() < 0.6 * rmse["mean of the training set"]


def claim_both():
    """Table and picture together are better than the table alone, by more than luck."""
    gain = resampled["all", "table (quadratic)"] - resampled["all", "both"]
    assert np.percentile(gain, 2.5) > 0


@only("mock")
def claim_floor():
    """No model is better than the best possible one."""
    assert all(board.loc[("all", name), "high"] > value for name, value in floor.items())


def claim_coverage():
    """The promise of 90 % is for the average over all galaxies, within the luck of so few."""
    assert abs(inside.mean() - 0.9) < 3 * luck


@only("mock")
def claim_occlusion():
    """Covering the middle of a simulated galaxy matters, covering the sky does not."""
    assert changes[:, 6:8, 6:8].mean() > 0.1 > 0.03 > corners.mean().abs()


def claim_saved_network():
    """The weights, filled into a new network, predict the same."""
    assert deviation < 1e-3


def claim_script_predicts_the_same():
    """Every prediction of the script finds its galaxy, and is that of this notebook."""
    assert set(done.index) == set(test.index) and difference < 0.05
