"""How a wrong answer is made of a right one."""


def edit(code, old, new):
    """Return code with another text in place of `old`, which it must hold."""
    assert old in code
    return code.replace(old, new)
