"""The shape of a domain's YAML, as JSON Schema: a value of the wrong kind is named with file and line before anything uses it.

What names mean, and which keys there are, is checked by the stage that a part belongs to.
"""

from __future__ import annotations

from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

from gen.conversation import JsonObject
from gen.errors import BadInput
from gen.tools.validation import validator
from gen.yaml_file import YamlFile

TEXT: JsonObject = {"type": "string"}
TEXTS: JsonObject = {"type": "array", "items": TEXT}
WEIGHT: JsonObject = {"type": "number", "minimum": 0}


def each(schema: JsonObject) -> JsonObject:
    """The schema of a mapping from any name to this."""
    return {"type": "object", "additionalProperties": schema}


def check_shape(source: YamlFile, key: str, schema: JsonObject) -> None:
    """Raise BadInput, with the line, where what stands under a top-level key has not this shape. What is not there is fine."""
    value: Any = source.data.get(key)
    if value is None:
        return
    try:
        if validator(key, schema).is_valid(value):
            return
    except (TypeError, ValueError):  # dates and other values that JSON does not have: the slow way says which
        pass
    error = best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        place = (key, *error.absolute_path)
        raise BadInput(
            f"{'.'.join(map(str, place))}: {error.message}", where=source.where(*place), hint="see docs/architecture.md for the format"
        )
