r"""ML Metadata's client with two things put right that keep runs off PostgreSQL (ml-metadata 1.16).

A string with a backslash breaks its SQL: libpq quotes such a string as E'…', the library takes that for '…' and puts
quotes around it once more, so that the server reads 'E' and then the string itself as SQL. JSON in a property has
backslashes as soon as a value has quotes; and a string from outside would be SQL of its writer's. So none leaves this
process: on the way out each backslash becomes the character of ASCII for "substitute", and on the way back a backslash
again.

Asked for several rows, PostgreSQL gives them as they lie, the changed ones last, where SQLite and MySQL go by their
ids. TFX counts on that: it pairs the artifacts of a cached stage with the names of its outputs one by one, and took
one output for another. So answers are put in order here.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import ml_metadata
from google.protobuf.descriptor import FieldDescriptor
from ml_metadata import MetadataStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

BACKSLASH: Final = "\\"
SUBSTITUTE: Final = "\x1a"
_ROWS: Final = ("artifacts", "executions", "contexts")  # of answers
_OPTIONS: Final = "options"  # of requests: a limit and an order


class Client(MetadataStore):
    """A client for PostgreSQL."""

    def _call_method(self, method_name: str, request: Any, response: Any) -> None:
        sent = type(request)()
        sent.CopyFrom(request)
        replace(sent, BACKSLASH, SUBSTITUTE)
        super()._call_method(method_name, sent, response)
        replace(response, SUBSTITUTE, BACKSLASH)
        if not (_OPTIONS in request.DESCRIPTOR.fields_by_name and request.HasField(_OPTIONS)):
            sort(response)


def sort(response: Message) -> None:
    """Puts rows in the order of their ids, in place; whoever gave options has said which order."""
    for field, rows in response.ListFields():
        if field.name in _ROWS and _repeated(field):
            rows.sort(key=lambda row: row.id)


def replace(message: Message, old: str, new: str) -> None:
    """Replaces text in each string of a message, in place; in keys of its maps too."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _replace_in_map(field, value, old, new)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in value if _repeated(field) else (value,):
                replace(each, old, new)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if _repeated(field):
                value[:] = [each.replace(old, new) for each in value]
            elif old in value:
                setattr(message, field.name, value.replace(old, new))


def _repeated(field: FieldDescriptor) -> bool:
    """Protobuf 6 warns of `label`, and protobuf 3 has no other."""
    found = getattr(field, "is_repeated", None)
    return field.label == FieldDescriptor.LABEL_REPEATED if found is None else bool(found)


def _replace_in_map(field: FieldDescriptor, entries: Any, old: str, new: str) -> None:
    kind = field.message_type.fields_by_name["value"].type
    for key in list(entries):
        if kind == FieldDescriptor.TYPE_MESSAGE:
            replace(entries[key], old, new)
        elif kind == FieldDescriptor.TYPE_STRING:
            entries[key] = entries[key].replace(old, new)
        if isinstance(key, str) and old in key:
            if kind == FieldDescriptor.TYPE_MESSAGE:
                entries[key.replace(old, new)].CopyFrom(entries[key])
            else:
                entries[key.replace(old, new)] = entries[key]
            del entries[key]


@contextlib.contextmanager
def everywhere() -> Iterator[None]:
    """For the block's length, whoever makes a client of ML Metadata's, TFX too, makes this one."""
    theirs = ml_metadata.MetadataStore
    ml_metadata.MetadataStore = Client
    try:
        yield
    finally:
        ml_metadata.MetadataStore = theirs
