"""Objects inside a Keras configuration: records that can be saved, and reading them back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import keras


class Record:
    """A frozen dataclass that Keras can save, once it is registered; its tuples come back."""

    def get_config(self) -> dict[str, Any]:
        """The fields, as plain data."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: _plain(getattr(self, field.name)) for field in fields}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The record of what `get_config` gave."""
        return cls(**{name: _restored(value) for name, value in config.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return keras.saving.serialize_keras_object(value)
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _restored(value: Any) -> Any:
    if isinstance(value, Mapping):
        return keras.saving.deserialize_keras_object(value)
    return tuple(_restored(entry) for entry in value) if isinstance(value, list) else value


def deserialised(config: Mapping[str, Any], custom_objects: Any = None) -> dict[str, Any]:
    """A configuration with its objects instead of what `serialize_keras_object` made of them."""
    return {
        name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        for name, value in config.items()
    }
