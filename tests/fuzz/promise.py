"""What a user is promised whatever is wrong with the input, and telling where it is broken."""

from __future__ import annotations

import contextlib
import io
import pathlib
import traceback
import warnings
from collections.abc import Callable, Collection

from ms2l_tf.errors import InputError, printable
from tests.fuzz import trap
from tests.fuzz.limits import TooLong, limited_time, unlimited_memory

REFUSED = "refused"
_LONGEST = 1200  # characters of an error's line
_OWN = ("ms2l_tf", "msclr")


class Failure(Exception):
    """What must not have come of a case; `kind` is the same for all cases of one fault."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def judged(act: Callable[[], str], names: Collection[str], seconds: float) -> str:
    """Does something that a user may do.

    Args:
        act: does it, and says what came of it.
        names: one of which an error has to hold; none: any error will do.
        seconds: of a processor that it may take.

    Returns:
        What came of it: what `act` says, or `REFUSED`.

    Raises:
        Failure: it ended otherwise than a user is promised.
    """
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()) as said,
            contextlib.redirect_stdout(io.StringIO()) as told,
        ):
            warnings.simplefilter("error")
            for kind in (DeprecationWarning, ResourceWarning):  # which users are not shown
                warnings.simplefilter("ignore", kind)
            trap.sprung.clear()
            try:
                with limited_time(seconds):
                    outcome = act()
            except InputError as error:
                check_error(str(error), names)
                outcome = REFUSED
        if trap.sprung:
            raise Failure(f"runs {trap.sprung[0]}", f"something was run: {trap.sprung[:3]}")
        check_text(said.getvalue(), "says")
        check_text(told.getvalue(), "tells")
        return outcome
    except (Failure, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever it is, no user may see it
        with unlimited_memory():
            traceback.clear_frames(error.__traceback__)  # and what took the memory
            place, trace = _place(error), traceback.format_exc(-6, chain=False)
        raise Failure(f"{type(error).__name__} in {place}", trace) from None


def check_error(text: str, names: Collection[str]) -> None:
    """One line that can be printed, and names what is at fault: a file, a flag, a clip.

    Raises:
        Failure: it is not, or does not.
    """
    check_text(text, "an error")
    if "\n" in text:
        raise Failure("an error of several lines", text)
    if names and not any(printable(name) in text for name in names):
        raise Failure("an error names no place", text)


def check_text(text: str, what: str) -> None:
    """Lines of some length that can be printed; ``what`` names them.

    Raises:
        Failure: one cannot, or is too long.
    """
    for line in text.replace("\r", "\n").split("\n"):
        if not line.isprintable():
            raise Failure(f"{what} that cannot be printed", repr(line))
        if what != "tells" and len(line) > _LONGEST:
            raise Failure(f"{what} too long", line)


def _place(error: BaseException) -> str:
    """The last function of the package that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if any(name in frame.filename for name in _OWN)]
    if isinstance(error, TooLong) or not own:
        own = own[:-1] or frames[-1:]
    return f"{pathlib.Path(own[-1].filename).name}:{own[-1].name}" if own else "nowhere"
