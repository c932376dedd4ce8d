"""What the text of part 1 says about its data, held against the names of the executed notebook.

Run inside its kernel, after a full run; the docstrings are the sentences of the notebook.
"""


def claim_sample():
    """About 300 of them [known from] an earlier survey. With 2 % missing the choice hardly matters."""
    assert 280 < catalog["HIsrc"].isin([1, 2]).sum() < 330
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


@only("xgass")
def claim_unshuffled_spread_doubles():
    """On the real catalogue it is twice as large."""
    spreads = [by_order[way].loc["std", "R2"] for way in ("as the table lies", "shuffled")]
    assert 1.6 < spreads[0] / spreads[1] < 2.8


def claim_colour_is_worth_a_lot():
    """Cross-validation also shows what a feature is worth."""
    assert worth["without NUVr"].loc["mean", "R2"] < worth["six features"].loc["mean", "R2"] - 0.3


def claim_quadratic_beats_line():
    """The quadratic beats the line, on galaxies that it has not seen."""
    models_of_claim = polynomial(2), LinearRegression()
    bent, straight = (cross_validate(m, X, y, cv=cv, scoring="r2")["test_score"] for m in models_of_claim)
    assert bent.mean() > straight.mean() + 0.01 and (bent > straight).sum() >= 4


def claim_high_degree_runs_away():
    """In the corners it runs to gas fractions that do not exist."""
    surface = polynomial(MAX_DEGREE + 2).fit(X[pair], y).predict(grid)
    assert surface.max() > y.max() + 1


def claim_wild_curve():
    """The wild curve passes closest to the twelve; for the grey ones it is worse than the line."""
    known, unseen, others = {}, {}, train.drop(few.index)
    others = others[others["NUVr"].between(few["NUVr"].min(), few["NUVr"].max())]
    for power in (0, 1, 9):
        fit = make_pipeline(StandardScaler(), PolynomialFeatures(power), LinearRegression())
        fit.fit(few[["NUVr"]], few["lgGF"])
        for table, score in ((few, known), (others, unseen)):
            score[power] = root_mean_squared_error(table["lgGF"], fit.predict(table[["NUVr"]]))
    assert known[9] < known[1] < known[0]
    assert unseen[1] < min(unseen[9], unseen[0])


def claim_overfitting():
    """The blue curve only falls. The orange one falls, turns, and climbs past the lazy model."""
    assert curve["R2 fitted"].is_monotonic_increasing
    assert best_degree == 2 and curve["R2"].iloc[-1] < -1


def claim_same_first_question():
    """The first question is the one that we found by hand."""
    assert tree.tree_.feature[0] == FEATURES.index("NUVr")
    assert abs(tree.tree_.threshold[0] - best_threshold) < 0.05


def claim_deep_tree():
    """A deep tree knows its own galaxies by heart and is worse on new ones than a tree of four levels."""
    assert tree_curve["R2 fitted"].iloc[-1] > 0.97
    assert tree_curve["R2"].iloc[-1] < tree_curve.loc[4, "R2"] - 0.05


def claim_no_tree_reaches_quadratic():
    """And no single tree reaches the quadratic formula."""
    assert tree_curve["R2"].max() < curve.loc[2, "R2"]


def claim_forest_far_better():
    """The forest fits its own galaxies almost as closely, and yet it does far better on new ones."""
    assert plain_forest.loc["mean", "R2 fitted"] > 0.95
    assert plain_forest.loc["mean", "R2"] > deep_tree.loc["mean", "R2"] + 0.1


def claim_settings():
    """Too few features [are] poor. The better half differ by less than the spread over the folds."""
    by_share = tried["mean_test_score"].groupby(share).mean()
    assert by_share[0.3] < by_share.drop(0.3).min() - 0.02
    assert between_settings < 0.5 * between_folds


def claim_flattery_lost():
    """Here the flattery is lost in the spread."""
    assert abs(search.best_score_ - nested.loc["mean", "R2"]) < nested.loc["std", "R2"]


def claim_importances_disagree():
    """Concentration comes second by impurity, and falls behind by permutation. A drop in R² can exceed 1."""
    impurity, permutation = (importance[kind].sort_values(ascending=False) for kind in importance)
    assert impurity.index[0] == permutation.index[0] == "NUVr" and permutation["NUVr"] > 1
    assert impurity.index[1] == "CINDX" and "CINDX" in permutation.index[3:]


def claim_two_features_hide_each_other():
    """`expAB_r` and `INCL` hide each other: shuffle one, and the other still knows."""
    both, score, drops = ["expAB_r", "INCL"], looking.score(X_unseen, y_unseen), []
    for seed in range(20):
        mixed = X_unseen.copy()
        mixed[both] = X_unseen[both].sample(frac=1, random_state=seed).to_numpy()
        drops.append(score - looking.score(mixed, y_unseen))
    assert np.mean(drops) > importance.loc[both, "permutation"].sum()


@only("xgass")
def claim_gaussian_process():
    """On the real training set it scores R² = 0.821 in our folds, a little above the quadratic."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel

    smooth = GaussianProcessRegressor(RBF(3.0) + WhiteKernel(0.1), normalize_y=True)
    r2_of_smooth = cross_val(make_pipeline(StandardScaler(), smooth), X, y).loc["mean", "R2"]
    assert abs(r2_of_smooth - 0.821) < 0.002 and r2_of_smooth > curve.loc[2, "R2"]


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
