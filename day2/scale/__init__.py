"""Past one machine: the network of part 2, trained and used by scripts.

Here stands how the threads of torch wait for each other. They would spin and take the cores from other work;
so they sleep, after a moment. It must be set before torch is loaded, so scripts and part 2 import this first.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
