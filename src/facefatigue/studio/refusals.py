"""What a studio does not do when it is asked to, and why, in a form that a page can show."""

from __future__ import annotations

from facefatigue.errors import FaceFatigueError


class Refusal(FaceFatigueError):  # noqa: N818  # mostly an answer, not a fault
    """The request was understood and is not granted; the server answers with it instead of a traceback.

    Args:
        status: HTTP status, 400 to 499.
        code: Key of the text that is shown ("error.<code>" among the texts), stable for scripts.
        message: One English line, shown where there is no text for the code.
        detail: Whatever the page needs to go on, as JSON values.
    """

    def __init__(self, status: int, code: str, message: str, **detail: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
