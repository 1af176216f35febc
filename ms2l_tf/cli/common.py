"""What every command shares: quiet logs, one-line errors, refused leftovers, exit codes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import NoReturn

# Before TensorFlow is imported anywhere: its C++ banner hides the lines a user needs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import app, flags, logging

from ms2l_tf.cli import flag_files
from ms2l_tf.errors import InputError

DEBUG = flags.DEFINE_bool("debug", False, "On an error, show the whole traceback.")

USAGE_STATUS = 2
CUT_OFF_STATUS = 141  # as of a program that SIGPIPE ends
RESUMES = "the same command goes on from the last checkpoint"


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


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return USAGE_STATUS


def _cut_off() -> int:
    """Ends output whose reader, `head` perhaps, has had enough; no word to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CUT_OFF_STATUS


def _show(text: str) -> NoReturn:
    """Prints what was asked for instead of running the command, and exits."""
    try:
        print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.exit(_cut_off())
    sys.exit(0)


def _guarded(main: Callable[[], None], interrupted: str) -> Callable[[Sequence[str]], int]:
    def call(argv: Sequence[str]) -> int:
        logging.set_verbosity(logging.WARNING)
        try:
            if len(argv) > 1:
                raise InputError(
                    f"command line: '{argv[1]}' is not a flag; write --name=value (see --help)"
                )
            main()
            sys.stdout.flush()
        except InputError as error:
            if DEBUG.value:
                raise
            return _fail(str(error))
        except BrokenPipeError:
            return _cut_off()
        except KeyboardInterrupt:
            print(f"interrupted; {interrupted}", file=sys.stderr)
            return 130
        return 0

    return call


def _help(main: Callable[[], None]) -> str:
    """The command's own flags: absl looks for those of a console script's wrapper instead."""
    module = sys.modules[main.__module__]
    return f"{module.__doc__}\n{flags.FLAGS.module_help(module)}"


def _parser(main: Callable[[], None], recipes_of: str) -> Callable[[Sequence[str]], list[str]]:
    """Parses flags; an unknown or ill-typed one is one line and exit 2, not absl's usage text."""

    def parse(argv: Sequence[str]) -> list[str]:
        if {"--help", "-help", "-h"} & set(argv[1:]):
            _show(_help(main))
        if recipes_of and flag_files.asks_for_recipes(argv):
            _show(flag_files.recipe_list(recipes_of))
        try:
            return flags.FLAGS(flag_files.expanded(argv, recipes_of))
        except (flags.Error, InputError) as error:
            sys.exit(_fail(" ".join(str(error).split())))

    return parse


def run(
    main: Callable[[], None],
    interrupted: str = "the same command starts again",
    *,
    recipes_of: str = "",
) -> None:
    """Runs a command.

    Args:
        main: takes nothing; reads the flags of its own module; raises `InputError` for bad input.
        interrupted: what to tell who stops it with Ctrl-C.
        recipes_of: name of the command, if it has a flag ``--recipe``.

    Exits 0 on success and 2, with one readable line, when the input is at fault; `--debug` shows
    the traceback instead. 141: nobody reads its output any more, and it stopped there.
    """
    app.run(_guarded(main, interrupted), flags_parser=_parser(main, recipes_of))
