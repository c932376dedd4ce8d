"""What the text of part 1 says about its data, held against the names of the executed notebook.

Run inside its kernel, after a full run; the docstrings are the sentences of the notebook.
"""


@only("xgass")
def claim_sample():
    """For about 300 of them an earlier survey had found the HI."""
    assert 280 < catalog["HIsrc"].isin([1, 2]).sum() < 330


def claim_few_missing():
    """With 2 % missing the choice hardly matters."""
    assert 0.01 < missing.mean() < 0.03


def claim_gas_and_colour():
    """The bluer the galaxy, the more gas. And about a third of the points are triangles."""
    assert y.groupby(pd.qcut(X["NUVr"], 5, labels=False)).mean().is_monotonic_decreasing
    assert 0.28 < limit_share < 0.36


def claim_far_is_massive():
    """Far galaxies of this sample are massive ones, by the way it was selected."""
    assert train["zSDSS"].corr(train["lgMstar"]) > 0.6


def claim_correlations():
    """Colour stands out, concentration and size follow. The other three [are] barely [clouds with a tilt]."""
    strength = correlation.loc["lgGF", FEATURES].abs().sort_values(ascending=False)
    assert list(strength.index[:3]) == ["NUVr", "CINDX", "petrR50_r"]
    assert strength.iloc[0] > strength.iloc[1] + 0.2 and strength.iloc[2] > 0.4 and strength.iloc[3] < 0.25


def claim_mirror_images():
    """`expAB_r` and `INCL` are almost mirror images. The second of them brings next to nothing new."""
    assert correlation.loc["expAB_r", "INCL"] < -0.95
    without, full = (cross_val(LinearRegression(), x, y) for x in (X.drop(columns="INCL"), X))
    assert abs(full - without).loc["mean", "R2"] < 0.005


def claim_strip_of_limits():
    """The dense strip near -1.8 is made of upper limits."""
    assert (~detected)[y.between(-1.9, -1.7)].mean() > 0.7


def claim_linear_fit():
    """Colour rules. The points follow the dashed line with a scatter of a factor of two."""
    effect = (linear.coef_ * X.std()).abs()
    assert effect.idxmax() == "NUVr" and effect["NUVr"] > 3 * effect.drop("NUVr").max()
    assert 1.8 < 10 ** root_mean_squared_error(y, prediction) < 2.2


def claim_residuals_sag():
    """The residuals sag at both ends: they are lower at the outside than in the middle."""
    assert max(ends[0], ends[4]) < ends[1:3].min()


def claim_luck_of_a_split():
    """A paper that reports one split could have reported any of these numbers."""
    assert luck.max() - luck.min() > 0.08 and luck.std() > 0.015


def claim_last_fold_lacks_low_mass():
    """The last one has hardly any low-mass galaxies."""
    assert low_mass[-1] < 0.1 < 0.2 < min(low_mass[:-1])


def claim_six_features_beat_one():
    """The means differ by no more than about twice the spread. The second model gains in every one."""
    assert (gains > 0).all() and gains.mean() < 2.2 * six_features.std(ddof=1)
    assert compare(*again).startswith("better") and compare(colour_only, six_features).startswith("better")


def claim_rule_is_lenient():
    """Of two equally good models it calls one "better" about one time in ten."""
    equal = np.random.default_rng(0).normal(0, 1, (2000, 5))
    called = [compare(gain, np.zeros(5)).startswith("better") for gain in equal]
    assert 0.07 < np.mean(called) < 0.13


def claim_quadratic_beats_line():
    """Two simple formulas do about as well as the line, within 0.02 dex. The quadratic does [beat them]."""
    for baseline in (parabola, plane):
        simple = fold_rmse(baseline, train, y, repeated)
        assert abs(simple.mean() - line_again.mean()) < 0.02
        assert compare(simple, quadratic_again).startswith("better")
    assert compare(line_again, quadratic_again).startswith("better")


def claim_high_degree_runs_away():
    """In the corners it runs to gas fractions that do not exist."""
    surface = polynomial(MAX_DEGREE + 2).fit(X[pair], y).predict(grid)
    assert surface.max() > y.max() + 1


def claim_wild_curve():
    """The wild curve passes closest to the twelve; for the unseen ones it is worse than the line."""
    known, others = {}, {}
    for power in (0, 1, 9):
        fit = make_pipeline(StandardScaler(), PolynomialFeatures(power), LinearRegression())
        fit.fit(few[["NUVr"]], few["lgGF"])
        for table, score in ((few, known), (unseen, others)):
            score[power] = root_mean_squared_error(table["lgGF"], fit.predict(table[["NUVr"]]))
    assert known[9] < known[1] < known[0]
    assert others[1] < min(others[9], others[0])


def claim_overfitting():
    """On the galaxies fitted it only falls. On those held out it falls, turns, and climbs past the mean."""
    assert curve["R2 fitted"].is_monotonic_increasing
    assert best_degree == 2 and curve["R2"].iloc[-1] < -1


def claim_flags():
    """Those with the largest excess are more often confused; confusion is most frequent in red ones."""
    usual = confused[detected].mean()
    assert confused[excess[detected].nlargest(20).index].mean() > 1.5 * usual
    assert confused[red].mean() > 2 * usual and excess[confused].mean() > excess[alone].mean()
    assert not confused[~detected].any()


def claim_same_first_question():
    """The first question is the one that we found by hand."""
    assert tree.tree_.feature[0] == FEATURES.index("NUVr")
    assert abs(tree.tree_.threshold[0] - best_threshold) < 1e-3


def claim_deep_tree():
    """A deep tree knows its own galaxies by heart and is worse on new ones than a small tree."""
    assert tree_curve["R2 fitted"].iloc[-1] > 0.97
    assert tree_curve["R2"].iloc[-1] < tree_curve.loc[4, "R2"] - 0.05


def claim_no_tree_reaches_quadratic():
    """And no single tree reaches the quadratic formula."""
    assert tree_curve["R2"].max() < curve.loc[2, "R2"]


def claim_forest_far_better():
    """The forest fits its own galaxies almost as closely, and yet it does far better on new ones."""
    assert plain_scores.loc["mean", "R2 fitted"] > 0.95
    assert plain_scores.loc["mean", "R2"] > deep_tree.loc["mean", "R2"] + 0.1


def claim_settings():
    """Too few features is poor. The others differ by less than R² does from fold to fold."""
    behind = -lag.mean(axis=1)
    assert behind[share == 0.3].min() > behind[share > 0.3].max()
    assert behind[share > 0.3].max() < tried["std_test_score"].mean()


def claim_flattery_lost():
    """Here the flattery is lost in the spread."""
    assert abs(search.best_score_ - nested.loc["mean", "R2"]) < nested.loc["std", "R2"]


def claim_learning_curve():
    """For the line, more are of little use; the others still gain. The quadratic: on the most the best."""
    error = pd.DataFrame({kind: rmse.mean(axis=1) for kind, rmse in by_size.items()})
    assert error["quadratic"].iloc[0] > error["line"].iloc[0] - 0.003
    assert error.iloc[-1].idxmin() == "quadratic"
    last_doubling = error.loc[sizes[2]] - error.loc[sizes[4]]
    assert last_doubling["line"] < 0.005 and last_doubling.idxmin() == "line"


def claim_importances_disagree():
    """Impurity puts `CINDX` second and before the brightness; permutation puts it behind."""
    impurity, permutation = (importance[kind].sort_values(ascending=False) for kind in importance)
    assert impurity.index[0] == permutation.index[0] == "NUVr" and impurity.index[1] == "CINDX"
    assert permutation["model_r"] > permutation["CINDX"]


def claim_doing_without():
    """The check does the same for `model_r`, which is missed more, as permutation says."""
    cindx, model_r = (fold_rmse(looking, X.drop(columns=name), y) for name in ("CINDX", "model_r"))
    assert model_r.mean() > cindx.mean()


def claim_two_features_hide_each_other():
    """Features that repeat each other share their importance: shuffle `expAB_r`, and `INCL` still knows."""
    both, errors = ["expAB_r", "INCL"], []
    for seed in range(20):
        mixed = X_unseen.copy()
        mixed[both] = X_unseen[both].sample(frac=1, random_state=seed).to_numpy()
        errors.append(root_mean_squared_error(y_unseen, looking.predict(mixed)))
    rise = np.mean(errors) - root_mean_squared_error(y_unseen, looking.predict(X_unseen))
    assert rise > importance.loc[both, "permutation"].sum()


@only("xgass")
def claim_gaussian_process():
    """On the real training set it is a little better than the quadratic (0.278 against 0.282 dex)."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel

    smooth = GaussianProcessRegressor(RBF(3.0) + WhiteKernel(0.1), normalize_y=True)
    rmse_of_smooth = fold_rmse(make_pipeline(StandardScaler(), smooth), X, y).mean()
    assert abs(rmse_of_smooth - 0.278) < 0.001 and abs(fold_rmse(polynomial(2), X, y).mean() - 0.282) < 0.001


def claim_tobit_is_steepest():
    """The lines cross among the blue galaxies and part for the red ones. The Tobit line is the steepest."""
    *others, (constant, slope) = lines.values()
    for other, other_slope in others:
        assert slope < other_slope
        assert 1 < (other - constant) / (slope - other_slope) < 3.5
        assert other + 6 * other_slope > constant + 6 * slope + 0.2


def claim_tobit_respects_limits():
    """Tobit respects far more of the limits, has a somewhat larger error, predicts a little less gas."""
    values, _, tobit = lines
    assert respected[tobit] > max(0.5, 0.2 + respected[values])
    assert summary["RMSE, detections"][values] < summary["RMSE, detections"][tobit] < 0.4
    assert residuals[tobit].mean() < residuals[values].mean()


def claim_tobit_near_the_truth():
    """Those are wrong by a factor of five. (Tobit is still off by a factor of three there.)"""
    *others, tobit = 10 ** against_truth["not detected"]
    assert 4.5 < min(others) < max(others) < 5.9 and 2.7 < tobit < 3.5


def claim_no_model_beats_a_constant_on_limits():
    """Within the limits, no model is clearly better than a constant that knows them."""
    assert leaderboard.loc["limits"]["R2 low"].max() < 0


def claim_forest_bias():
    """It puts the limits too high and, a little, the detections too low."""
    assert forest_bias[False] > 0.05 and -0.1 < forest_bias[True] < 0


def claim_leaderboard():
    """All models are far better than the mean. The intervals of the better models overlap."""
    of_mean, *of_models = board["RMSE"]
    assert max(of_models) < 0.6 * of_mean
    assert board.loc["random forest, tuned", "RMSE high"] > board.loc["linear", "RMSE low"]


def claim_among_the_published():
    """The best of them stand among the published ones."""
    assert published["RMSE (dex)"].min() < board["RMSE"].min() < published["RMSE (dex)"].median()


def claim_coverage():
    """The promise is one on average. The detections get less than their share."""
    assert abs(inside.mean() - 0.9) < 3 * sampling_error
    assert by_kind[True] < 0.9 < by_kind[False]


@only("xgass")
def claim_scores_of_2022():
    """On the real catalogue the first two are what the 2022 edition of this notebook reported."""
    assert np.allclose(list(ways.values())[:2], [0.7873, 0.7623], atol=6e-4)


def claim_leak():
    """A better score, and yet something is wrong. Add `Dlum` to the six features, and it hardly moves."""
    assert gain > 0.03
    with_distance, without = (cross_val(optical_forest, x, y) for x in (X.join(train["Dlum"]), X))
    assert abs(with_distance - without).loc["mean", "R2"] < 0.01


def claim_too_much_gas():
    """With none like them in the training set, the forest gives them too much gas."""
    rise = shift.loc["trained on low mass only"] - shift.loc["trained on all masses"]
    assert rise["RMSE"] > 0.01 and rise["bias"] > 0.04


@only("xgass")
def claim_little_is_lost_abroad():
    """Little is lost there, for our simulation was built to resemble this very catalogue."""
    assert np.ptp(transfer.to_numpy()) < 0.03


def claim_seeds_travel():
    """The same, for the seeds travel with the tasks."""
    assert np.allclose(r2_of_tasks, search.cv_results_["mean_test_score"], atol=1e-9)


def claim_summary():
    """A quadratic formula does as well, or a little better. To about a factor of two."""
    assert curve.loc[2, "R2"] > cross_val(tuned_forest, X, y).loc["mean", "R2"] - 0.005
    assert 1.75 < 10 ** board["RMSE"].min() < 2.25
