"""An executor without a thread, so that there is one way to hand work over."""

from __future__ import annotations

from concurrent.futures import Executor, Future


class Inline(Executor):
    """Runs at once, in the calling thread, what it is given; an error is raised there."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Call ``fn`` with these arguments; the future that comes back is done."""
        future: Future[object] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
