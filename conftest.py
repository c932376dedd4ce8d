"""For nbval, which runs the notebooks as tests: patience on a busy machine."""


def pytest_collection_modifyitems(items):
    """Let nbval wait for the output of a cell as long as any cell may take.

    It waits 5 s, and no option reaches that (github.com/computationalmodelling/nbval/issues/231).
    """
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = 600
