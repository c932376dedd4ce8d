"""What every test starts from: no setting of the shell that runs it, and no window for a figure."""

import os

for name in ("XGASS_DATA", "XGASS_SOURCE", "TUTORIAL_FAST"):
    os.environ.pop(name, None)
os.environ["MPLBACKEND"] = "Agg"
