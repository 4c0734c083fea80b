"""Every way the lab can fail, each with the exit code that the command ends with.

A lost packet is data and never an error. A missing Docker is an error and never data.
"""


def last_words(stderr: str, code: int | None) -> str:
    """Why a program failed, in one line: the last that it wrote, else its exit code."""
    said = [line.strip() for line in stderr.splitlines() if line.strip()]
    return said[-1] if said else f"exit code {code}"


class LabError(Exception):
    """The lab or an expectation failed. The text is one line: what, where, and the cure."""

    exit_code = 1


class BadInput(LabError):
    """Something that the user typed cannot be meant: what, where, got, allowed.

    >>> str(BadInput("--loss", "10 percent", "is no percentage; write 10%"))
    "--loss: '10 percent' is no percentage; write 10%"
    """

    exit_code = 2

    def __init__(self, where: str, got: object, problem: str) -> None:
        super().__init__(f"{where}: {str(got)!r} {problem}")
        self.where = where
        self.got = got
        self.problem = problem


class EngineError(LabError):
    """The container engine is missing, does not answer, or refused."""


class ComposeError(LabError):
    """Docker Compose is missing, too old, or could not do what the lab asked of it."""


class ImageError(LabError):
    """The node image is missing and could not be had or built."""


class ImpairmentError(LabError):
    """The kernel did not take an impairment, or reads back another one than was asked."""


class NoSuchLab(LabError):
    """The lab named is not up."""


class NotHere(LabError):
    """What was to be measured can't be measured on this machine; the text says why."""


class ProbeError(LabError):
    """A probe could not measure: it ended badly or its report makes no sense."""
