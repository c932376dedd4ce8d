"""Download the real data into data/xgass: ``python -m xgass``, which is what ``make data`` runs."""

import sys

from .catalog import DATA, get_catalogue
from .download import ASKED_BUDGET, SDSS_CREDIT, XGASS_CREDIT, DataError
from .pictures import SCALE, SIZE, download_pictures, find_pictures


def main() -> int:
    """Get what is missing, say what is there; return the exit status."""
    folder = DATA / "xgass"
    try:
        df = get_catalogue(ASKED_BUDGET)
        print(f"Catalogue: {len(df)} galaxies in data/xgass ({XGASS_CREDIT}).")
        print(f"Pictures: {SIZE} x {SIZE} px, {SCALE} arcsec/px ({SDSS_CREDIT}).")
        digest = download_pictures(df, folder / "images")
        count = len(find_pictures(folder, df.index))
        print(f"Pictures: {count} of {len(df)} are in data/xgass/images.")
        print(f"sha256 of data/xgass/images/manifest.csv: {digest}")
        if count < len(df):
            print("`make data` asks again for the others.")
        return 0
    except DataError as error:
        way_out = "What has arrived is kept: put that right, and `make data` goes on from there."
        print(f"{error}. {way_out}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What has arrived is kept: `make data` goes on from there.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
