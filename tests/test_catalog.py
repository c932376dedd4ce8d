"""The catalogue reader, the order of the places, and the line that says which universe is used."""

import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest
import xgass_tables as tables
from misbehaving_server import jpeg
from xgass_tables import ASCII, FITS, REAL

from xgass import DataError, catalog, download, load_catalog

needs_real = pytest.mark.skipif(
    not (REAL / FITS).is_file(), reason="the real catalogue is not in ../shared/xgass"
)


@pytest.fixture(scope="module")
def df():
    return tables.as_real()


@pytest.fixture(scope="module")
def fits(df, tmp_path_factory):
    return tables.write_fits(df, tmp_path_factory.mktemp("fits") / FITS).read_bytes()


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """An empty data folder with the simulated catalogue, and no network."""

    def no_network(folder, check, budget):
        raise DataError("no network connection to nowhere")

    for name in ("XGASS_DATA", "XGASS_SOURCE", "TUTORIAL_FAST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "data" / "mock").mkdir(parents=True)
    shutil.copy(tables.MOCK / "catalog.csv", tmp_path / "data" / "mock")
    monkeypatch.setattr(catalog, "DATA", tmp_path / "data")
    monkeypatch.setattr(catalog, "download_catalogue", no_network)
    monkeypatch.setattr(catalog, "download_pictures", lambda *args: pytest.fail("a download was started"))
    return tmp_path / "data"


def put(folder, raw, name=FITS):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return folder


def pictures(folder, ids, count):
    folder.mkdir(parents=True, exist_ok=True)
    raw = jpeg()
    for gass in ids[:count]:
        (folder / f"{gass}.jpg").write_bytes(raw)


def line(capsys, tmp_path):
    """The one line that was printed; never with a path of this machine."""
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and str(tmp_path) not in out
    return out


# -------------------------------------------------------------------------------------- reading a file


def test_fits_and_text_give_the_same_table(df, fits, tmp_path):
    from_fits = catalog.read_catalogue(put(tmp_path / "a", fits) / FITS)
    assert from_fits.index.dtype == np.int64 and from_fits.index.name == "GASS" and len(from_fits) == 1179
    assert all(dtype.isnative for dtype in from_fits.dtypes if isinstance(dtype, np.dtype))
    assert from_fits["SDSS"].iloc[3] == "J000003.00+000000.0"
    assert from_fits["NUVr"].to_numpy() == pytest.approx(df["NUVr"].to_numpy(), rel=1e-6)
    assert (from_fits["NUVr"] == -99).sum() == 22
    for separator, comment in [(" ", "#"), ("   ", "# "), (" ", ""), (",", ""), (", ", "#"), ("\t", "#")]:
        raw = tables.text(df, separator, comment)
        from_text = catalog.read_catalogue(put(tmp_path / "a", raw, ASCII) / ASCII)
        pd.testing.assert_frame_equal(from_text, from_fits)
    windows = "\ufeff" + tables.text(df).replace("\n", "\r\n")
    pd.testing.assert_frame_equal(catalog.read_catalogue(put(tmp_path, windows, ASCII) / ASCII), from_fits)


def test_columns_in_any_order_and_more_of_them(df, tmp_path):
    other = df[df.columns[::-1]].assign(more=1, text="x")
    for raw, name in [
        (tables.text(other), ASCII),
        (tables.write_fits(other, tmp_path / "o.fits").read_bytes(), FITS),
    ]:
        got = catalog.read_catalogue(put(tmp_path, raw, name) / name)
        assert got["lgGF"].to_numpy() == pytest.approx(df["lgGF"].to_numpy(), rel=1e-6)
        assert got["more"].sum() == 1179 and (got["text"] == "x").all()


def test_mock_has_the_types_of_the_real_table(fits, tmp_path):
    mock = load_catalog("mock")
    real = catalog.read_catalogue(put(tmp_path, fits) / FITS)
    assert mock.attrs["source"] == "mock" and list(mock.columns) == catalog.COLUMNS[1:]
    assert (real[mock.columns].dtypes == mock.dtypes).all()


def edit(**columns):
    return lambda df: tables.text(df.astype({name: object for name in columns}).assign(**columns))


def first(name, value):
    return lambda df: tables.text(df.astype({name: object}).assign(**{name: [value, *df[name].iloc[1:]]}))


WRONG_TEXT = {
    "empty": (lambda df: "", "empty"),
    "only blanks": (lambda df: " \n \n", "empty"),
    "a web page": (lambda df: "<!DOCTYPE html><html>404</html>\n", "web page"),
    "no rows": (lambda df: tables.text(df.iloc[:0]), "0 rows"),
    "a few rows": (lambda df: tables.text(df.iloc[:500]), "500 rows"),
    "a row too many": (lambda df: tables.text(pd.concat([df, df.iloc[:1]])), "1180 rows"),
    "far too many rows": (lambda df: "a b\n" + "1 2\n" * 1_000_000, "1000000 rows"),
    "no header": (lambda df: tables.text(df).split("\n", 1)[1], "columns are missing"),
    "a missing column": (lambda df: tables.text(df.drop(columns="NUVr")), "missing: NUVr"),
    "cut in a row": (lambda df: tables.text(df)[:-300], "cut off"),
    "cut in the last number": (lambda df: tables.text(df)[:-2], "cut off"),
    "cut at a value": (lambda df: tables.text(df)[:-300].rsplit(" ", 3)[0] + "\n", "values for"),
    "text as a number": (first("NUVr", "blue"), "NUVr is not numeric"),
    "a blank value": (first("NUVr", '""'), "NUVr"),
    "not a number": (first("lgGF", "nan"), "lgGF"),
    "infinite": (first("petrR50_r", "inf"), "petrR50_r"),
    "overflowing": (first("petrR50_r", "1e999"), "petrR50_r"),
    "huge": (first("model_r", "1e30"), "model_r"),
    "a huge id": (first("GASS", "99999999999999999999999"), "GASS"),
    "a fractional id": (first("GASS", "3151.5"), "GASS"),
    "a negative id": (first("GASS", "-4"), "ids that cannot be"),
    "an id twice": (
        lambda df: tables.text(df.assign(GASS=[df.GASS.iloc[1], *df.GASS.iloc[1:]])),
        "comes twice",
    ),
    "a simulated id": (first("GASS", "900001"), "simulated"),
    "all ids simulated": (lambda df: tables.text(df.assign(GASS=df.GASS + 890_000)), "simulated"),
    "a fractional HIsrc": (first("HIsrc", "3.5"), "HIsrc"),
    "a wrong position": (first("DEC", "91"), "RA or DEC"),
    "a column twice": (lambda df: tables.text(df.rename(columns={"SDSS": "RA"})), "comes twice"),
    "another encoding": (lambda df: tables.text(df).encode("utf-16"), "not a text file"),
    "bytes": (lambda df: bytes(range(256)) * 100, "not a text file"),
    "a million columns": (lambda df: ",".join(map(str, range(700_000))) + "\n", "columns"),
    "many long rows": (lambda df: tables.text(df) + ("1 " * 500_000 + "\n") * 4, "values for"),
    "six megabytes": (lambda df: tables.text(df) + "#" * 6_000_000 + "\n", "larger than 5 MB"),
}


@pytest.mark.parametrize("fault", WRONG_TEXT)
def test_a_wrong_text_file_is_refused_by_name(fault, df, tmp_path):
    make, why = WRONG_TEXT[fault]
    put(tmp_path, make(df), ASCII)
    started = time.monotonic()
    with pytest.raises(DataError, match=why) as error:
        catalog.read_catalogue(tmp_path / ASCII)
    assert time.monotonic() - started < 5
    assert (
        ASCII in str(error.value) and str(tmp_path) not in str(error.value) and "\n" not in str(error.value)
    )


@pytest.mark.parametrize("length", [0, 79, 2000, 2880, 5760, 12_000, 100_000, -3000, -40_000])
def test_a_cut_fits_file_is_refused_by_name(length, fits, tmp_path):
    put(tmp_path, fits[:length])
    with pytest.raises(DataError, match=FITS):
        catalog.read_catalogue(tmp_path / FITS)


def test_other_files_under_a_fits_name_are_refused(df, fits, tmp_path):
    no_column = tables.write_fits(df.drop(columns="lgGF"), tmp_path / "n.fits").read_bytes()
    huge_claim = fits.replace(b"NAXIS2  =                 1179", b"NAXIS2  =         999999999999")
    assert huge_claim != fits
    wrong = [b"<html>", tables.text(df).encode(), b"SIMPLE  =" * 1000, no_column, huge_claim, b"\0" * 20_000]
    for raw in wrong:
        with pytest.raises(DataError, match=FITS):
            catalog.read_catalogue(put(tmp_path, raw) / FITS)
    with pytest.raises(DataError, match=FITS):
        catalog.read_catalogue(tmp_path / "nowhere" / FITS)


def test_real_ids_in_the_mock_are_refused(df, data):
    put(data / "mock", df[catalog.COLUMNS].to_csv(index=False), "catalog.csv")
    with pytest.raises(DataError, match="catalog.csv: ids that cannot be: real galaxies"):
        load_catalog("mock")


# --------------------------------------------------------------------------------- the order of places


def test_without_anything_the_mock_is_used_and_the_line_says_why(capsys, tmp_path):
    assert load_catalog().attrs["source"] == "mock"
    assert line(capsys, tmp_path) == (
        "Using the SIMULATED sample: 1179 mock galaxies "
        "(the real catalogue could not be downloaded: no network connection to nowhere).\n"
    )


def test_the_folder_of_the_environment_comes_first(df, fits, data, monkeypatch, capsys, tmp_path):
    put(data / "xgass", tables.text(df.assign(zSDSS=0.02)), ASCII)
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path / "mine", fits)))
    got = load_catalog()
    assert got.attrs["source"] == "xgass" and got["zSDSS"].nunique() > 1
    assert (
        line(capsys, tmp_path) == "Using the real xGASS catalogue: 1179 galaxies (Catinella et al. 2018).\n"
    )
    monkeypatch.delenv("XGASS_DATA")
    assert (load_catalog()["zSDSS"] == 0.02).all()


def test_a_folder_that_lacks_the_catalogue_is_passed_over_and_said(fits, data, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XGASS_DATA", str(tmp_path / "nowhere"))
    assert load_catalog().attrs["source"] == "mock"
    assert "XGASS_DATA: no xGASS catalogue in that folder; the real" in line(capsys, tmp_path)
    put(data / "xgass", fits)
    assert load_catalog().attrs["source"] == "xgass"
    assert "XGASS_DATA: no xGASS catalogue" in line(capsys, tmp_path)


def test_a_broken_file_in_the_folder_asked_for_is_an_error(fits, monkeypatch, tmp_path):
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path / "mine", fits[:50_000])))
    with pytest.raises(DataError, match=FITS):
        load_catalog()
    put(tmp_path / "mine", tables.text(tables.as_real()), ASCII)  # a good file beside it is enough
    assert load_catalog().attrs["source"] == "xgass"


def test_mock_files_named_as_real_are_refused(data, monkeypatch, tmp_path):
    folder = put(tmp_path / "mine", (data / "mock" / "catalog.csv").read_bytes(), ASCII)
    monkeypatch.setenv("XGASS_DATA", str(folder))
    with pytest.raises(DataError, match="simulated galaxies"):
        load_catalog()


def test_a_broken_file_in_the_cache_is_downloaded_again(df, fits, data, monkeypatch, capsys, tmp_path):
    put(data / "xgass", b"<html>")
    assert load_catalog().attrs["source"] == "mock"
    assert f"{FITS} is a web page" in line(capsys, tmp_path)
    monkeypatch.setattr(catalog, "download_catalogue", lambda *args: put(data / "xgass", fits) / FITS)
    assert load_catalog().attrs["source"] == "xgass"


def test_the_real_data_can_be_forced(fits, data, monkeypatch):
    with pytest.raises(DataError) as error:
        load_catalog("xgass")
    assert (
        "no network" in str(error.value)
        and "make data" in str(error.value)
        and "XGASS_DATA" in str(error.value)
    )
    monkeypatch.setenv("XGASS_SOURCE", "xgass")
    with pytest.raises(DataError, match="cannot be had"):
        load_catalog()
    assert load_catalog("mock").attrs["source"] == "mock"  # the argument wins
    put(data / "xgass", fits)
    assert load_catalog().attrs["source"] == "xgass"
    monkeypatch.setenv("XGASS_SOURCE", "mock")
    assert load_catalog().attrs["source"] == "mock"
    assert load_catalog("xgass").attrs["source"] == "xgass"
    monkeypatch.setenv("XGASS_SOURCE", "reality")
    with pytest.raises(DataError, match="reality"):
        load_catalog()


def test_a_missing_mock_says_what_to_do(data):
    (data / "mock" / "catalog.csv").unlink()
    with pytest.raises(DataError, match="git checkout -- data/mock.*no network"):
        load_catalog()


def test_fast_mode_takes_the_same_galaxies_each_time(df, fits, data, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    put(data / "xgass", fits)
    got = load_catalog()
    assert len(got) == 300 and "300 of 1179 galaxies, TUTORIAL_FAST=1" in line(capsys, tmp_path)
    assert (
        got.index.isin(df["GASS"]).all() and not got.index.is_monotonic_increasing
    )  # in the order of the file
    put(
        data / "xgass", tables.write_fits(df.sample(frac=1, random_state=0), tmp_path / "s.fits").read_bytes()
    )
    assert set(load_catalog().index) == set(got.index)
    pictures(data / "xgass" / "images", df["GASS"].tolist(), 1179)
    assert set(load_catalog(images=True).index) == set(got.index)
    monkeypatch.setenv("TUTORIAL_FAST", "0")
    assert len(load_catalog()) == 1179
    assert len(load_catalog("mock")) == 1179


# --------------------------------------------------------------------------------------- with pictures


def test_pictures_of_the_mock(data, capsys, tmp_path):
    ids = load_catalog("mock").index.tolist()
    capsys.readouterr()
    with pytest.raises(DataError, match="only 0 of 1179 pictures.*git checkout"):
        load_catalog("mock", images=True)
    pictures(data / "mock" / "images", ids, 1179)
    got = load_catalog("mock", images=True)
    assert len(got) == 1179 and "image" in got
    assert all(path.endswith(f"{gass}.jpg") and os.path.isfile(path) for gass, path in got["image"].items())
    assert line(capsys, tmp_path).startswith("Using the SIMULATED sample: 1179 mock galaxies")


def test_the_bundled_sample_is_complete(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(catalog, "DATA", tables.ROOT / "data")
    got = load_catalog("mock", images=True)
    assert len(got) == 1179 and got.index.min() > 900_000
    assert line(capsys, tables.ROOT) == "Using the SIMULATED sample: 1179 mock galaxies (asked for).\n"


def test_an_incomplete_real_universe_is_refused(df, fits, data, monkeypatch, capsys, tmp_path):
    ids = df["GASS"].tolist()
    mine = put(tmp_path / "mine", fits)
    monkeypatch.setenv("XGASS_DATA", str(mine))
    pictures(data / "mock" / "images", load_catalog("mock").index.tolist(), 1179)
    pictures(mine / "images", ids, 1120)  # 95 % are 1120.05
    capsys.readouterr()
    assert load_catalog(images=True).attrs["source"] == "mock"
    assert "only 1120 of 1179 pictures are there, `make data`" in line(capsys, tmp_path)
    with pytest.raises(DataError, match="only 1120 of 1179 pictures"):
        load_catalog("xgass", images=True)
    pictures(mine / "images", ids, 1121)
    got = load_catalog(images=True)
    assert got.attrs["source"] == "xgass" and got.index.tolist() == ids[:1121]
    assert "1121 of 1179 galaxies, those with a picture (Cat" in line(capsys, tmp_path)
    (mine / "images" / f"{ids[0]}.jpg").write_bytes(b"")  # an empty file is no picture
    assert load_catalog(images=True).attrs["source"] == "mock"
    assert len(load_catalog()) == 1179  # without pictures nothing is refused


def test_a_smoke_test_needs_twenty_pictures_and_the_fast_mode(df, fits, data, monkeypatch, capsys, tmp_path):
    ids = df["GASS"].tolist()
    mine = put(tmp_path / "mine", fits)
    monkeypatch.setenv("XGASS_DATA", str(mine))
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    pictures(data / "mock" / "images", load_catalog("mock").index.tolist(), 0)
    pictures(mine / "images27", ids, 19)  # the only folder whose name starts with images
    with pytest.raises(DataError, match="only 19 of 1179"):
        load_catalog("xgass", images=True)
    pictures(mine / "images27", ids, 27)
    capsys.readouterr()
    got = load_catalog(images=True)
    assert got.index.tolist() == ids[:27] and got.attrs["source"] == "xgass"
    assert "27 of 1179 galaxies, TUTORIAL_FAST=1, a smoke test with 27 pictures" in line(capsys, tmp_path)
    pictures(mine / "images27", ids, 700)
    assert len(load_catalog(images=True)) == 300  # not more than the fast mode takes
    (mine / "images-of-another-survey").mkdir()  # now it is not clear which
    with pytest.raises(DataError, match="only 0 of 1179"):
        load_catalog("xgass", images=True)
    monkeypatch.delenv("TUTORIAL_FAST")
    (mine / "images-of-another-survey").rmdir()
    with pytest.raises(DataError, match="only 700 of 1179"):
        load_catalog("xgass", images=True)


def test_fast_mode_uses_its_subset_as_soon_as_that_has_pictures(
    df, fits, data, monkeypatch, capsys, tmp_path
):
    put(data / "xgass", fits)
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    subset = load_catalog().index.tolist()
    pictures(data / "xgass" / "images", subset, 290)
    capsys.readouterr()
    got = load_catalog(images=True)
    assert set(got.index) == set(subset[:290])
    assert "smoke" not in line(capsys, tmp_path)


def test_links_out_of_the_folder_are_refused(df, fits, data, monkeypatch, tmp_path):
    ids = df["GASS"].tolist()
    mine = put(tmp_path / "mine", fits)
    monkeypatch.setenv("XGASS_DATA", str(mine))
    pictures(mine / "images", ids, 1178)
    link = mine / "images" / f"{ids[-1]}.jpg"
    link.symlink_to(mine / "images" / f"{ids[0]}.jpg")  # within the folder is fine
    assert len(load_catalog(images=True)) == 1179
    link.unlink()
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    link.symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(DataError, match=f"{ids[-1]}.jpg in images is a link that leads out"):
        load_catalog(images=True)


def test_a_missing_download_is_made_by_itself_but_not_in_the_fast_mode(df, fits, data, monkeypatch):
    put(data / "xgass", fits)
    asked = []

    def fetch(table, folder):
        asked.append(len(table))
        pictures(folder, df["GASS"].tolist(), 1150)

    monkeypatch.setattr(catalog, "download_pictures", fetch)
    assert len(load_catalog("xgass", images=True)) == 1150 and asked == [1179]
    assert len(load_catalog("xgass", images=True)) == 1150 and asked == [1179]  # enough: not asked again
    shutil.rmtree(data / "xgass" / "images")
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    with pytest.raises(DataError, match="only 0 of 1179"):
        load_catalog("xgass", images=True)
    assert asked == [1179]


def test_a_download_that_breaks_off_is_said_and_what_came_is_used_if_it_is_enough(
    df, fits, data, monkeypatch, capsys, tmp_path
):
    put(data / "xgass", fits)
    pictures(data / "mock" / "images", load_catalog("mock").index.tolist(), 1179)
    counts = iter([600, 1150])

    def fetch(table, folder):
        pictures(folder, df["GASS"].tolist(), next(counts))
        raise DataError("no picture service works")

    monkeypatch.setattr(catalog, "download_pictures", fetch)
    capsys.readouterr()
    assert load_catalog(images=True).attrs["source"] == "mock"
    why = "no picture service works; only 600 of 1179 pictures are there, `make data` gets the others"
    assert why in line(capsys, tmp_path)
    assert len(load_catalog(images=True)) == 1150
    assert "1150 of 1179 galaxies, those with a picture" in line(capsys, tmp_path)


def test_loading_with_pictures_is_quick(df, fits, data):
    put(data / "xgass", fits)
    pictures(data / "xgass" / "images", df["GASS"].tolist(), 1179)
    started = time.monotonic()
    load_catalog("xgass", images=True)
    assert time.monotonic() - started < 2


# -------------------------------------------------------------------------------------- the real table


@needs_real
def test_the_real_catalogue_gives_the_known_numbers(monkeypatch, capsys, tmp_path):
    """Linear fits with published-once numbers: they change if rows, order or values do."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import r2_score, root_mean_squared_error
    from sklearn.model_selection import KFold, cross_val_score, train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    monkeypatch.setenv("XGASS_DATA", str(REAL))
    df = load_catalog()
    assert (
        line(capsys, tmp_path) == "Using the real xGASS catalogue: 1179 galaxies (Catinella et al. 2018).\n"
    )
    assert (
        (df["HIsrc"] == 4).sum() == 375
        and (df["NUVr"] == -99).sum() == 22
        and (df["SFR_best"] == -99).sum() == 8
    )
    df = df[df["NUVr"] > -90]
    X, y = df[["model_r", "NUVr", "expAB_r", "petrR50_r", "CINDX", "INCL"]], df["lgGF"]
    fit = LinearRegression().fit(X, y).predict(X)
    assert r2_score(y, fit) == pytest.approx(0.7873, abs=5e-5)
    assert root_mean_squared_error(y, fit) == pytest.approx(0.3066, abs=5e-5)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
    assert LinearRegression().fit(X_train, y_train).score(X_test, y_test) == pytest.approx(0.7623, abs=5e-5)
    quadratic = make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())
    shuffled = cross_val_score(quadratic, X, y, cv=KFold(5, shuffle=True, random_state=0))
    assert shuffled.mean() == pytest.approx(0.822, abs=0.01)


def test_the_readme_describes_every_column_and_source():
    text = (tables.ROOT / "data" / "README.md").read_text()
    assert [name for name in catalog.COLUMNS if f"`{name}`" not in text] == []
    assert download.CATALOGUE[0].sha256 in text and "MNRAS 476, 875" in text and "CC-BY" in text


@needs_real
def test_the_real_file_has_the_known_hash():
    import pooch

    assert pooch.file_hash(str(REAL / FITS)) == download.CATALOGUE[0].sha256


@needs_real
def test_the_real_pictures_serve_a_smoke_test(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XGASS_DATA", str(REAL))
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    got = load_catalog(images=True)
    assert len(got) == 27 and got["image"].map(os.path.isfile).all()
    assert "a smoke test with 27 pictures" in line(capsys, tmp_path)
