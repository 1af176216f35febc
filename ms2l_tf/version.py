"""The version, once, and those of the libraries that numbers depend on."""

from __future__ import annotations

from importlib import metadata

__version__ = "0.1.0"

_LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def library_versions() -> dict[str, str | None]:
    """Versions of the libraries that numbers depend on; None: not installed by that name."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(package: str) -> str | None:
    for name in (package, f"{package}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
