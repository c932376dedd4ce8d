"""What is missing is said in one line before anything runs (on Colab: tests/colab); what works is silent."""

import subprocess
import sys

import pytest
from data_made import ROOT

from xgass import DataError, preflight


def test_an_old_python_is_named(monkeypatch):
    preflight(2)
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    with pytest.raises(DataError, match="^part 1 .*3.11 or newer is needed, this is 3.10.*choose a kernel"):
        preflight(1)


def test_a_python_with_nothing_installed_names_all_of_it(tmp_path):
    command = [sys.executable, "-S", "-c", "import xgass; xgass.preflight(2)"]
    env = {"PYTHONPATH": str(ROOT / "day2"), "HOME": str(tmp_path)}
    last = subprocess.run(command, env=env, capture_output=True, text=True).stderr.splitlines()[-1]
    assert all(f"{name} is not installed" in last for name in ("pandas", "astropy", "scikit-learn", "torch"))
    assert '%pip install "numpy" "scipy"' in last


def test_a_mac_with_an_intel_processor_is_sent_to_colab(monkeypatch):
    """PyTorch has no release for it: `%pip install torch` would find nothing."""
    module = sys.modules["xgass.preflight"]
    monkeypatch.setattr(module.sys, "platform", "darwin")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "torch" else True)
    with pytest.raises(DataError, match=r"Intel processor. .*: open part 2 on Google Colab") as caught:
        preflight(2)
    assert "%pip" not in str(caught.value)
    preflight(1)
