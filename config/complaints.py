"""What pydantic found wrong, said to the operator: the path in the file, the message and the remedy."""

from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from parloir.config.document import Document
from parloir.config.errors import Key, Unfit

_GROUP = ("this is not a group of keys", "write KEY: VALUE lines, indented, below it, or remove it")
_REMEDIES = {
    "bool_type": ("this is not true or false", "write true or false"),
    "int_type": ("this is not a whole number", "write a whole number without quotes"),
    "int_from_float": ("this is not a whole number", "write a whole number"),
    "float_type": ("this is not a number", "write a number without quotes"),
    "string_type": ("this is not text", "write text, in quotes if it looks like something else"),
    "path_type": ("this is not a path", "write the name of a file or folder"),
    "dict_type": _GROUP,
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "tuple_type": ("this is not a list", "write it in brackets like [one, two]"),
    "finite_number": ("this is not a number", "write a number"),
    "string_too_short": ("this is empty", "fill it in or remove the key"),
    "too_short": ("this is empty", "name at least one"),
}


def complain(document: Document, root: type[BaseModel], error: ValidationError) -> None:
    """Add each of the error's faults to the document's problems, save those of values already reported missing."""
    faults = error.errors(include_url=False, include_input=False)
    for fault in faults:
        key = fault["loc"][-1:] == ("[key]",)
        path = tuple(str(part) for part in (fault["loc"][:-1] if key else fault["loc"]))
        if fault["type"] == "default_factory_not_called" or _is_missing(document, path):
            continue
        if fault["type"] == "too_short" and any(other["loc"][:-1] == fault["loc"] for other in faults):
            continue
        message, remedy = _bad_name(path[-1]) if key else _said(fault, root, path)
        document.complain(path, message, remedy)


def _is_missing(document: Document, path: Key) -> bool:
    return any(path[:length] in document.missing for length in range(len(path) + 1))


def _bad_name(name: str) -> tuple[str, str]:
    return f"{name!r} cannot be a name", "use letters, digits, '-' and '_' only, beginning with a letter or digit"


def _said(fault: Any, root: type[BaseModel], path: Key) -> tuple[str, str]:
    """Message and remedy for one fault."""
    context = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            return "unknown key", _nearest(path[-1], _keys(root, path[:-1]))
        case "missing":
            return "missing", f"add '{path[-1]}: ...'"
        case "literal_error":
            choices = str(context["expected"]).replace("'", "")
            return "not one of the choices", f"write {choices}"
        case "value_error" if isinstance(unfit := context.get("error"), Unfit):
            return unfit.message, unfit.remedy
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return _bound(fault["type"], context)
        case "string_too_long":
            return "this is too long", f"write at most {context['max_length']} characters"
    return _REMEDIES.get(fault["type"], (str(fault["msg"]), "see docs/configuration.md"))


def _bound(kind: str, context: dict[str, Any]) -> tuple[str, str]:
    words = {
        "greater_than": ("gt", "too small", "more than"),
        "greater_than_equal": ("ge", "too small", "at least"),
        "less_than": ("lt", "too large", "less than"),
        "less_than_equal": ("le", "too large", "at most"),
    }
    name, message, bound = words[kind]
    return message, f"write {bound} {context[name]:g}"


def _nearest(name: str, known: list[str]) -> str:
    if near := get_close_matches(name, known, 1):
        return f"did you mean '{near[0]}'?"
    return f"remove it or use one of {', '.join(known)}" if known else "remove it"


def _keys(root: type[BaseModel], path: Key) -> list[str]:
    """The keys that may stand at a path of the schema."""
    here: Any = root
    for part in path:
        here = _inside(_bare(here), part)
    here = _bare(here)
    return list(_fields(here)) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _bare(annotation: Any) -> Any:
    """An annotation without Annotated and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(option for option in get_args(annotation) if option is not NoneType))
    return annotation


def _inside(annotation: Any, part: str) -> Any:
    """What an annotation says of the value under one key or at one place of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _fields(annotation).get(part)
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None
