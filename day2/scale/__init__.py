"""Past one machine: the network of part 2, trained and used by scripts. Import it before torch.

Threads that wait leave their core to others: twice as fast beside other work, and no slower alone.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # but they spin for a moment first
