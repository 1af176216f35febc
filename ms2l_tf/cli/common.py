"""What every command shares: quiet logs, one-line errors, refused leftovers, exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

# Before TensorFlow is imported anywhere: its C++ banner hides the lines a user needs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import app, flags, logging

from ms2l_tf import stopping
from ms2l_tf.errors import InputError, RunAgainError, one_line
from ms2l_tf.settings import flag_files

DEBUG = flags.DEFINE_bool("debug", False, "On an error, show the whole traceback.")

USAGE_STATUS = 2
CUT_OFF_STATUS = 141  # as of a program that SIGPIPE ends
STATUSES = f"""
Exit status: 0: done; 2: input, a file, the disk or the memory is at fault, one line says how;
{stopping.TERMINATED_STATUS}: SIGTERM ended it or a worker was lost, the same command goes on; \
{stopping.INTERRUPTED_STATUS}: Ctrl-C did;
{CUT_OFF_STATUS}: nobody reads its output any more; 1: a bug.
"""
RESUMES = "the same command goes on from the last checkpoint"
# TensorFlow's errors that are about files or memory; all others tell of a bug.
_OF_THE_SYSTEM = (
    *("ResourceExhaustedError", "PermissionDeniedError", "NotFoundError"),
    *("AlreadyExistsError", "DataLossError", "UnavailableError"),
)


def refuse(reason: str, *unwanted: flags.FlagHolder[Any]) -> None:
    """Refuses the flags of `unwanted` that are given."""
    for flag in unwanted:
        if flag.present:
            raise InputError(f"--{flag.name} {reason}; leave it out")


def quiet_tensorflow() -> None:
    """Imports TensorFlow and looks for devices without the banner it writes to stderr.

    The banner comes from C++ before any Python setting reaches it, so stderr is set aside for a
    moment; if the import fails, what was written is shown.
    """
    if "tensorflow" in sys.modules or DEBUG.value:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _fail(message: str, status: int = USAGE_STATUS) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Prints nothing in the block: of several workers the chief tells, the others' errors aside."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def _cut_off() -> int:
    """Ends output whose reader, `head` perhaps, has had enough; no word to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CUT_OFF_STATUS


def _of_the_system(error: Exception) -> str:
    """One line on an error of disk, files or memory that nobody foresaw; empty for a bug."""
    if isinstance(error, OSError):
        named = error.filename2 or error.filename
        where = f"{named}: " if named is not None else ""
        return f"{where}{one_line(error)}; --debug shows where it happened"
    if isinstance(error, MemoryError):
        return f"out of memory ({one_line(error)}); lower --batch or --frames"
    tf = sys.modules.get("tensorflow")  # not imported for this: then it raised nothing
    kinds = tuple(getattr(tf.errors, name) for name in _OF_THE_SYSTEM) if tf else ()
    if not isinstance(error, kinds):
        return ""
    return f"TensorFlow: {one_line(error)}; check space on the disk, its folders and the memory"


def _drop_unwritable_output() -> None:
    """Leaves nothing in the buffer of a full disk's stdout that the interpreter would trip over."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _guarded(main: Callable[[], None], interrupted: str) -> Callable[[Sequence[str]], int]:
    def call(argv: Sequence[str]) -> int:
        logging.set_verbosity(logging.WARNING)
        try:
            if len(argv) > 1:
                raise InputError(
                    f"command line: '{argv[1]}' is not a flag; write --name=value (see --help)"
                )
            with stopping.on_signals():
                main()
            sys.stdout.flush()
        except InputError as error:
            if DEBUG.value:
                raise
            return _fail(str(error))
        except RunAgainError as error:
            if DEBUG.value:
                raise
            return _fail(str(error), stopping.TERMINATED_STATUS)
        except BrokenPipeError:
            return _cut_off()
        except KeyboardInterrupt as error:
            print(f"interrupted; {str(error) or interrupted}", file=sys.stderr)
            return getattr(error, "status", stopping.INTERRUPTED_STATUS)
        except Exception as error:
            told = _of_the_system(error)
            if not told or (flags.FLAGS.is_parsed() and DEBUG.value):  # a bug's traceback is wanted
                raise
            _drop_unwritable_output()
            return _fail(told)
        return 0

    return call


def _show(text: str) -> NoReturn:
    """Prints what was asked for instead of running the command, and exits."""
    sys.exit(_guarded(lambda: print(text), "")(sys.argv[:1]))


def _help(main: Callable[[], None]) -> str:
    """The command's own flags: absl looks for those of a console script's wrapper instead."""
    module = sys.modules[main.__module__]
    return f"{module.__doc__}\n{flags.FLAGS.module_help(module)}{STATUSES}"


def _parser(main: Callable[[], None], recipes: bool) -> Callable[[Sequence[str]], list[str]]:
    """Parses flags; an unknown or ill-typed one is one line and exit 2, not absl's usage text."""

    def parse(argv: Sequence[str]) -> list[str]:
        if {"--help", "-help", "-h"} & set(argv[1:]):
            _show(_help(main))
        if recipes and flag_files.asks_for_recipes(argv):
            _show(flag_files.recipe_list())
        try:
            return flags.FLAGS(flag_files.expanded(argv, recipes=recipes))
        except (flags.Error, InputError) as error:
            sys.exit(_fail(" ".join(str(error).split())))

    return parse


def run(
    main: Callable[[], None],
    interrupted: str = "the same command starts again",
    *,
    recipes: bool = False,
) -> None:
    """Runs a command.

    Args:
        main: takes nothing; reads the flags of its own module; raises `InputError` for bad input.
        interrupted: what to tell who stops it, unless the exception has a message.
        recipes: whether the command has a flag ``--recipe``.

    Exits 0 on success and 2, with one readable line, when the input, a file, the disk or the memory
    is at fault; `--debug` shows the traceback instead. A bug has its traceback, and status 1. 75:
    SIGTERM ended it, or a machine it trained with was lost, and the same command goes on; 130:
    Ctrl-C did. 141: nobody reads its output any more, and it stopped there.
    """
    app.run(_guarded(main, interrupted), flags_parser=_parser(main, recipes))
