"""The Sparkplug B payload as a protocol buffer (specification 3.0, 6.4), described at run time: no generated code.

Field numbers and types are the specification's; extensions that it reserves are kept as unknown fields. protobuf is
loaded at first use.
"""

from functools import cache
from typing import Any, Final

MESSAGES: Final = {
    "DataSet.DataSetValue": "int_value=1:uint32? long_value=2:uint64? float_value=3:float? double_value=4:double? "
    "boolean_value=5:bool? string_value=6:string?",
    "DataSet.Row": "elements=1:DataSet.DataSetValue*",
    "DataSet": "num_of_columns=1:uint64 columns=2:string* types=3:uint32* rows=4:DataSet.Row*",
    "Template.Parameter": "name=1:string type=2:uint32 int_value=3:uint32? long_value=4:uint64? float_value=5:float? "
    "double_value=6:double? boolean_value=7:bool? string_value=8:string?",
    "Template": "version=1:string metrics=2:Metric* parameters=3:Template.Parameter* template_ref=4:string is_definition=5:bool",
    "PropertyValue": "type=1:uint32 is_null=2:bool int_value=3:uint32? long_value=4:uint64? float_value=5:float? "
    "double_value=6:double? boolean_value=7:bool? string_value=8:string? propertyset_value=9:PropertySet? "
    "propertysets_value=10:PropertySetList?",
    "PropertySet": "keys=1:string* values=2:PropertyValue*",
    "PropertySetList": "propertyset=1:PropertySet*",
    "MetaData": "is_multi_part=1:bool content_type=2:string size=3:uint64 seq=4:uint64 file_name=5:string file_type=6:string "
    "md5=7:string description=8:string",
    "Metric": "name=1:string alias=2:uint64 timestamp=3:uint64 datatype=4:uint32 is_historical=5:bool is_transient=6:bool "
    "is_null=7:bool metadata=8:MetaData properties=9:PropertySet int_value=10:uint32? long_value=11:uint64? "
    "float_value=12:float? double_value=13:double? boolean_value=14:bool? string_value=15:string? bytes_value=16:bytes? "
    "dataset_value=17:DataSet? template_value=18:Template?",
    "Payload": "timestamp=1:uint64 metrics=2:Metric* seq=3:uint64 uuid=4:string body=5:bytes",
}  # fmt: skip
"""`name=number:type` of every field; `*` is repeated, `?` one of the alternatives called `value`."""

_PACKAGE: Final = "lineshaft.sparkplug"


@cache
def payload_class() -> Any:
    """The class of payload messages; its nested messages are made through its fields."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="sparkplug.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=_flat(name))
        for text in fields.split():
            _describe(message, text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


def read_payload(data: bytes) -> Any:
    """The payload message of some bytes; None where they are none."""
    try:
        return payload_class().FromString(data)
    except _decode_error():
        return None


@cache
def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError


def _describe(message: Any, text: str) -> None:
    """Add the field that `name=number:type` says."""
    name, _, rest = text.partition("=")
    number, _, kind = rest.partition(":")
    field = message.field.add(name=name, number=int(number))
    field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
    if kind.endswith("?"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="value")
        field.oneof_index = 0
    kind = kind.rstrip("*?")
    if kind in MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{_flat(kind)}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")


def _flat(name: str) -> str:
    return name.replace(".", "")
