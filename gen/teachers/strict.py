"""The strict profile of a schema: what the strictest servers take, and how what they make of it is read.

OpenAI's structured output takes objects with all properties required and no others, and a part of the keywords. So what may be
left out becomes required and may be null; ``without_nulls`` takes those nulls out of a value again. Keywords that are not taken
are left out: every completion is validated against the original schema anyway.
"""

from __future__ import annotations

from typing import Any

from gen.conversation import JsonObject

_REFUSED = frozenset(
    "pattern format minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems "
    "contains minContains maxContains minProperties maxProperties patternProperties propertyNames unevaluatedProperties "
    "unevaluatedItems dependentRequired dependentSchemas dependencies if then else not default examples title $schema $id $comment "
    "deprecated readOnly writeOnly contentEncoding contentMediaType".split()
)
_MAPS = frozenset(("properties", "$defs", "definitions"))
_SCHEMAS = frozenset(("items", "additionalProperties"))
_LISTS = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))


def strict(schema: JsonObject) -> JsonObject:
    """The schema in the strict profile. What fits it and is freed of nulls may still not fit ``schema``: validate it."""
    made: JsonObject = {}
    for key, value in schema.items():
        if key in _REFUSED:
            continue
        if key in _MAPS and isinstance(value, dict):
            made[key] = {name: _part(part) for name, part in value.items()}
        elif key in _SCHEMAS:
            made[key] = _part(value)
        elif key in _LISTS and isinstance(value, list):
            made["anyOf" if key == "oneOf" else key] = [_part(part) for part in value]
        else:
            made[key] = value
    if "const" in made:
        made["enum"] = [made.pop("const")]
    return _closed(made, schema)


def _part(schema: Any) -> Any:
    return strict(schema) if isinstance(schema, dict) else schema


def _closed(made: JsonObject, schema: JsonObject) -> JsonObject:
    """An object with all of its properties required, and no others."""
    if not _is_object(schema):
        return made
    needed = set(schema.get("required", ()))
    properties = {name: part if name in needed else _nullable(part) for name, part in made.get("properties", {}).items()}
    return {
        **made,
        "type": made.get("type", "object"),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _is_object(schema: JsonObject) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def _nullable(schema: Any) -> Any:
    if not isinstance(schema, dict) or allows_null(schema):
        return schema
    kind = schema.get("type")
    if kind is None or "$ref" in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    wider = {**schema, "type": [*kind, "null"] if isinstance(kind, list) else [kind, "null"]}
    return wider | {"enum": [*schema["enum"], None]} if "enum" in schema else wider


def allows_null(schema: Any) -> bool:
    """Whether null itself is a value that the schema asks for, by what it says at its top."""
    if not isinstance(schema, dict):
        return schema is True
    kind = schema.get("type")
    if "enum" in schema:
        return None in schema["enum"]
    if "const" in schema:
        return schema["const"] is None
    if kind is None:
        parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return any(allows_null(part) for part in parts) if parts else "$ref" not in schema
    return kind == "null" or (isinstance(kind, list) and "null" in kind)


def without_nulls(value: Any, schema: Any, root: JsonObject | None = None) -> Any:
    """The value without the nulls that stand for "left out": of properties that ``schema`` neither requires nor lets be null."""
    root = schema if root is None else root
    schema = _target(schema, root)
    if isinstance(value, list) and isinstance(schema, dict):
        return [without_nulls(item, schema.get("items"), root) for item in value]
    if not isinstance(value, dict) or not isinstance(schema, dict):
        return value
    branches = [_target(part, root) for key in ("anyOf", "oneOf") for part in schema.get(key, ())]
    if branches and "properties" not in schema:
        return without_nulls(value, _branch(value, branches), root)
    properties, needed = schema.get("properties", {}), schema.get("required", ())
    kept: JsonObject = {}
    for name, item in value.items():
        part = _target(properties.get(name), root)
        if item is None and name in properties and name not in needed and not allows_null(part):
            continue
        kept[name] = without_nulls(item, part, root)
    return kept


def _branch(value: JsonObject, branches: list[Any]) -> Any:
    """The branch that the value was made by: whose constants it has, and whose properties. None where no branch has them."""
    for branch in branches:
        if isinstance(branch, dict) and isinstance(branch.get("properties"), dict) and _made_by(value, branch):
            return branch
    return None


def _made_by(value: JsonObject, branch: JsonObject) -> bool:
    properties = branch["properties"]
    if not set(branch.get("required", ())) <= set(value) or not set(value) <= set(properties):
        return False
    return all(
        value[name] == part["const"] for name, part in properties.items() if name in value and isinstance(part, dict) and "const" in part
    )


def _target(schema: Any, root: JsonObject) -> Any:
    """What a local reference leads to; anything else as it is."""
    seen: set[str] = set()
    while (
        isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and schema["$ref"].startswith("#/") and schema["$ref"] not in seen
    ):
        seen.add(schema["$ref"])
        found: Any = root
        for step in schema["$ref"][2:].split("/"):
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        schema = found
    return schema
