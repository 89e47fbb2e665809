"""What a recogniser's model can tell apart, and the model made to tell less.

Of the quick network's 6,906 classes 6,174 are ideographs. Where a page shows none, scoring them is more than a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

WATCHING = 8  # of so many ideographs one stays: whatever ideograph a line shows, those get a share of the probability
FLOAT = 4  # bytes

# What has to be known of ONNX's format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. All else is kept as it is.
Field = descriptor_pb2.FieldDescriptorProto
PARTS = {
    "Model": [("graph", 7, Field.LABEL_OPTIONAL, "Graph")],
    "Graph": [
        ("initializer", 5, Field.LABEL_REPEATED, "Tensor"),
        ("output", 12, Field.LABEL_REPEATED, "Value"),
        ("value_info", 13, Field.LABEL_REPEATED, "Value"),
    ],
    "Tensor": [("dims", 1, Field.LABEL_REPEATED, Field.TYPE_INT64), ("raw_data", 9, Field.LABEL_OPTIONAL, Field.TYPE_BYTES)],
    "Value": [("name", 1, Field.LABEL_OPTIONAL, Field.TYPE_STRING)],
}


def is_ideograph(text: str) -> bool:
    return "\u3400" <= text <= "\u9fff"


def few(alphabet: Sequence[str]) -> list[int]:
    """The classes that a page without ideographs needs; last come ideographs that watch whether it is one."""
    ideographs = [number for number, text in enumerate(alphabet) if is_ideograph(text)]
    return [*sorted(set(range(len(alphabet))) - set(ideographs)), *ideographs[::WATCHING]]


def with_few(model: bytes, alphabet: Sequence[str]) -> bytes:
    """The model, which tells all of `alphabet`, telling those classes alone."""
    return with_classes(model, few(alphabet), len(alphabet))


def with_classes(model: bytes, classes: Sequence[int], of: int) -> bytes:
    """The model, which tells `of` classes, telling these alone, in this order: whatever has a number for each class keeps theirs.

    Raises: ValueError where the model has nothing of the kind.
    """
    parsed = _model().FromString(model)
    graph = parsed.graph
    scoring = [tensor for tensor in graph.initializer if tensor.dims and tensor.dims[-1] == of and tensor.raw_data]
    if not scoring or len(scoring[0].raw_data) != FLOAT * np.prod(scoring[0].dims):
        raise ValueError(f"No part of the model has {of} classes.")
    for tensor in scoring:
        weights = np.frombuffer(tensor.raw_data, np.float32).reshape(tuple(tensor.dims))
        tensor.raw_data = np.ascontiguousarray(weights[..., classes]).tobytes()
        tensor.dims[-1] = len(classes)
    # They tell of the old shapes, and may be left out.
    del graph.value_info[:]
    named = [type(output)(name=output.name) for output in graph.output]
    del graph.output[:]
    graph.output.extend(named)
    return bytes(parsed.SerializeToString())


@cache
def _model() -> Any:
    """A class for models, in a pool of its own: an application may have the onnx package too."""
    file = descriptor_pb2.FileDescriptorProto(name="part_of_onnx.proto", package="onnx", syntax="proto2")
    for part, fields in PARTS.items():
        message = file.message_type.add(name=part)
        for name, number, label, kind in fields:
            of = {"type_name": f".onnx.{kind}", "type": Field.TYPE_MESSAGE} if isinstance(kind, str) else {"type": kind}
            message.field.add(name=name, number=number, label=label, **of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("onnx.Model"))
