"""Run a notebook in a kernel of its own, and ask that kernel more."""

import contextlib
import os
import re
import subprocess
from datetime import datetime

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from cells import clear, section_of

INLINE_FIGURES = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
SECONDS_PER_CELL = 1800


@contextlib.contextmanager
def live(nb, name, folder, arguments=(), **env):
    """Run a notebook top to bottom, on the interpreter that runs this file; its kernel lives on in the block.

    Parameters
    ----------
    nb : notebook
        It gets the new outputs; the old ones go before anything runs.
    name : str
        Its name in a message.
    folder : Path
        Where the kernel starts.
    arguments : sequence of str
        Given to the kernel when it starts.
    **env : str
        Environment variables beside those of this process.

    Yields
    ------
    client : nbclient.NotebookClient
        `ask(client, source)` runs more code in the kernel.
    failure : str
        Which cell failed and why, in a few lines; empty when none did.
    """
    clear(nb)
    # Without folders to look in, "python3" can only be this interpreter: no kernel of the user's own wins.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        nb,
        km=manager,
        timeout=SECONDS_PER_CELL,
        coalesce_streams=True,
        extra_arguments=list(arguments),
        resources={"metadata": {"path": str(folder)}},
    )
    # nbclient answers widgets while it waits for the kernel, and may then miss, for ever, that the cell ended
    # (github.com/jupyter/nbclient/issues/312). Unanswered, a slider draws its figure into the cell.
    client.comm_open_handlers = {"jupyter.widget": lambda message: None}
    try:
        yield client, failure_of(client, name, env)
    finally:
        run_sync(manager.shutdown_kernel)(now=True)


def failure_of(client, name, env):
    """Run the notebook of a client; return which cell failed and why, in a few lines, or ""."""
    started = [0]  # the indices of cells; a kernel may die before the first

    def note_start(cell, cell_index):
        started.append(cell_index)

    client.on_cell_execute = note_start
    try:
        # The kernel's own log is not for the reader: what cells write to stderr is in their outputs.
        client.execute(env={**os.environ, **INLINE_FIGURES, **env}, stderr=subprocess.DEVNULL)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        index = started[-1]
        section = section_of(client.nb, index)
        return f"{name} failed in cell {index + 1}, section '{section}':\n{reason(error)}"
    return ""


def ask(client, source):
    """Run more code in the kernel of a client; return its outputs. The notebook that ran keeps its own."""
    cell = new_code_cell(source)
    client.nb = new_notebook(cells=[cell])  # a table of fastai updates itself in the notebook of the client
    client.execute_cell(cell, 0, store_history=False)
    return cell.outputs


def reason(error):
    """Return the failing line and the message of an error, indented."""
    if not isinstance(error, CellExecutionError):
        first_line = str(error).strip().splitlines()[0]
        return f"    {type(error).__name__}: {first_line}"
    message = f"    {error.ename}: {error.evalue}"[:500]
    without_colors = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback)
    arrow = re.search(r"(?m)^-+> ?\d+ .*$", without_colors)
    if arrow:
        return f"    {arrow.group()}\n{message}"
    return message


def moment(text):
    """Return the time that a message of a kernel names."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def section_seconds(nb):
    """Return {top-level heading: seconds of its code cells} from the times that nbclient recorded."""
    seconds = {}
    for index, cell in enumerate(nb.cells):
        times = cell.metadata.get("execution", {})
        if "iopub.execute_input" in times and "shell.execute_reply" in times:
            took = moment(times["shell.execute_reply"]) - moment(times["iopub.execute_input"])
            section = section_of(nb, index)
            seconds[section] = seconds.get(section, 0) + took.total_seconds()
    return seconds
