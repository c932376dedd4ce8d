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
    """Of two equally good models it calls one or the other "better" about one time in five."""
    equal = np.random.default_rng(0).normal(0, 1, (2000, 5))
    called = [compare(gain, np.zeros(5)).startswith(("better", "worse")) for gain in equal]
    assert 0.15 < np.mean(called) < 0.25


def claim_quadratic_beats_line():
    """Two simple formulas come within 0.02 dex of the line in six. The quadratic beats both."""
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
    """For the line, more are of little use; the others fall for longer. The quadratic ends as the best."""
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
    """Without `model_r` the forest loses more than without `CINDX`."""
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
    """They cross among the blue galaxies and part for the red ones. Limits as limits: the steepest."""
    ends_of = {way: bells(pd.DataFrame({"NUVr": [1, 3.5, 6]}))[0] for way, bells in ways.items()}
    tobit = ends_of.pop("limits as limits")
    for other in ends_of.values():
        assert tobit[0] > other[0] and tobit[1] < other[1] and tobit[2] < other[2] - 0.2


def claim_likelihood_and_rmse_disagree():
    """By the log-likelihood, limits as limits win by far. By the RMSE of the detections they lose."""
    likelihood = {way: out["log-likelihood"].mean() for way, out in by_way.items()}
    rmse_there = {way: rmse_of(detected, out["centre"], y) for way, out in by_way.items()}
    *others, tobit = by_way
    assert likelihood[tobit] > max(likelihood[way] for way in others) + 0.1
    assert rmse_there[tobit] > max(rmse_there[way] for way in others)


@only("xgass")
def claim_likelihoods():
    """Held out, on the real training set: -0.579 per galaxy, and -0.451."""
    assert abs(by_way["limits as values"]["log-likelihood"].mean() + 0.579) < 0.002
    assert abs(by_way["limits as limits"]["log-likelihood"].mean() + 0.451) < 0.002


def claim_selecting_on_the_outcome():
    """On the detections the true mean itself is worse. The other columns agree with the log-likelihood."""
    values, tobit, best = (against.loc[w] for w in ("limits as values", "limits as limits", "the true mean"))
    assert values.iloc[0] < min(tobit.iloc[0], best.iloc[0])
    assert (best.iloc[1:] < tobit.iloc[1:]).all() and (tobit.iloc[1:] < values.iloc[1:] - 0.05).all()


def claim_half_without_neighbours():
    """Neighbours in the radio beam add to that; without them about half of the difference remains."""
    differences = [
        rmse_of(rows, centres["the true mean"], mock_train["lgGF"])
        - rmse_of(rows, centres["limits as values"], mock_train["lgGF"])
        for rows in (seen, seen & (truth["gas_neighbour"] == 0))
    ]
    assert 0.35 < differences[1] / differences[0] < 0.65


def claim_scatter_depends_on_colour():
    """Colour tells the gas of a blue galaxy closely, that of a red one hardly."""
    gain_of_colour = gain_per_fold(varying, constant)
    assert gain_of_colour.mean() > 1.5 * corrected_error(gain_of_colour)
    blue, red_ones = (varying["scatter"][rows].median() for rows in (X["NUVr"] < 3, X["NUVr"] > 5))
    assert red_ones > 1.8 * blue


def claim_the_bend_is_the_floor():
    """A quadratic beats the line in RMSE, limits as values. Nothing is left of the gain."""
    in_rmse = line_rmse - bent_rmse
    assert in_rmse.mean() > 3 * corrected_error(in_rmse)
    for honest in (my_gain, gain_per_fold(bent_varying, varying)):
        assert honest.mean() < corrected_error(honest)
        assert honest.mean() + 3 * corrected_error(honest) < np.log(line_rmse / bent_rmse).mean()


def claim_leaderboard():
    """Left: the formula and the forest do well. Right: the models that read limits as limits lead."""
    ours = leaderboard.drop(index="my_model", errors="ignore")
    tobits, values = ours.iloc[-2:], ours.iloc[1:-2]
    assert set(values["RMSE"].nsmallest(2).index) == {formula, grove}
    assert values["RMSE"].max() < 0.6 * ours["RMSE"].iloc[0]
    assert tobits["RMSE"].min() > values["RMSE"].max()
    assert tobits["log-likelihood"].min() > values["log-likelihood"].max()


def claim_width_by_colour():
    """Easier to tell at both ends, and harder between. The detections get less than their share."""
    assert max(width_by_colour.iloc[[0, 3]]) < max(width_by_colour.iloc[1:3])
    assert (inside.mean() - 0.9).abs().max() < 3 * np.sqrt(0.09 / len(test))
    assert (inside[test_detected].mean() < 0.9).all()


def claim_leaks():
    """A column made from the answer. A clear success, by cross-validation, from nothing."""
    first, *more = (scores.loc["mean", "R2"] for scores in leaky.values())
    assert min(more) > first + 0.02
    assert r2_of_noise.mean() > 1.5 * r2_of_noise.std() > 0
    assert cross_val_score(my_pipeline, noise, y, cv=cv).mean() < 0.02


def claim_confounder():
    """The gain is real. In this sample distance alone gives much of the stellar mass."""
    gain_by_distance = without - with_distance
    assert gain_by_distance.mean() > 2 * corrected_error(gain_by_distance) and far_is_massive > 0.6


def claim_too_much_gas():
    """With none like them, the error grows, and so does the bias, towards too much gas."""
    rise = shift.loc["trained on low mass only"] - shift.loc["trained on all masses"]
    assert rise["RMSE"] > 0.01 and rise["bias"] > 0.04


@only("xgass")
def claim_little_is_lost_abroad():
    """Little, for this simulation was built to resemble this very catalogue."""
    assert np.ptp(transfer.to_numpy()) < 0.03


def claim_seeds_travel():
    """The same, for the seeds travel with the tasks."""
    assert np.allclose(r2_of_tasks, search.cv_results_["mean_test_score"], atol=1e-9)


def claim_saved_text():
    """What a colleague needs fits into a small text file: nothing else is needed."""
    one_there = predict_one(text, test.iloc[0])
    assert len(text) < 5000 and one_there[1] < one_there[0] < one_there[2]
    assert abs(json.loads(text)["test RMSE"] - leaderboard.loc[formula, "RMSE"]) < 0.05


def claim_summary():
    """A quadratic does as well, or a little better. The entry to a factor of two, the gas less closely."""
    assert fold_rmse(polynomial(2), X, y).mean() < fold_rmse(tuned_forest, X, y).mean() + 0.003
    assert 1.75 < 10 ** leaderboard["RMSE"].min() < 2.25
    assert 10 ** against.loc["the true mean", "truth, all"] > 2.25
    assert 10 ** against.loc["limits as values", "truth, all"] > 3
