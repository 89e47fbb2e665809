"""Models changed before they are loaded: the file read, its graph rewired, and written again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from numpy.typing import NDArray

Change = Callable[[Any], None]  # of a parsed model, in place
FLOAT_BYTES, CHANNELS = 4, 3
LARGE = 4096  # bytes
LINE = 64  # bytes of a processor's cache line
EXTERNAL = 1  # where a tensor's data is: not in the model
# What has to be known of ONNX's format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. All else is kept as it is.
Field = descriptor_pb2.FieldDescriptorProto
ONE, REPEATED = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED
INT64, STRING, BYTES = Field.TYPE_INT64, Field.TYPE_STRING, Field.TYPE_BYTES
PARTS = {
    "Model": [("ir_version", 1, ONE, INT64), ("graph", 7, ONE, "Graph"), ("opset_import", 8, REPEATED, "Operators")],
    "Operators": [("domain", 1, ONE, STRING), ("version", 2, ONE, INT64)],
    "Graph": [
        ("node", 1, REPEATED, "Node"),
        ("initializer", 5, REPEATED, "Tensor"),
        ("input", 11, REPEATED, "Value"),
        ("output", 12, REPEATED, "Value"),
        ("value_info", 13, REPEATED, "Value"),
    ],
    "Node": [
        ("input", 1, REPEATED, STRING),
        ("output", 2, REPEATED, STRING),
        ("name", 3, ONE, STRING),
        ("op_type", 4, ONE, STRING),
        ("attribute", 5, REPEATED, "Attribute"),
    ],
    "Attribute": [
        ("name", 1, ONE, STRING),
        ("i", 3, ONE, INT64),
        ("s", 4, ONE, BYTES),
        ("ints", 8, REPEATED, INT64),
        ("type", 20, ONE, INT64),
    ],
    "Tensor": [
        ("dims", 1, REPEATED, INT64),
        ("data_type", 2, ONE, INT64),
        ("name", 8, ONE, STRING),
        ("raw_data", 9, ONE, BYTES),
        ("external_data", 13, REPEATED, "Entry"),
        ("data_location", 14, ONE, INT64),
    ],
    "Entry": [("key", 1, ONE, STRING), ("value", 2, ONE, STRING)],
    "Value": [("name", 1, ONE, STRING), ("type", 2, ONE, "Type")],
    "Type": [("tensor_type", 1, ONE, "TensorType")],
    "TensorType": [("shape", 2, ONE, "Shape")],
    "Shape": [("dim", 1, REPEATED, "Dimension")],
    "Dimension": [("dim_value", 1, ONE, INT64), ("dim_param", 2, ONE, STRING)],
}


class Attribute(IntEnum):
    """Types of attributes."""

    INT, STRING, INTS = 2, 3, 7


class Tensor(IntEnum):
    """Types of tensors."""

    FLOAT, INT64 = 1, 7


def changed(model: bytes, changes: Iterable[Change]) -> Any:
    """The parsed content of a model file, changed. Raises: ValueError where a change does not fit the model."""
    parsed = parsed_model(model)
    for change in changes:
        change(parsed)
    # They tell of the old shapes, and may be left out.
    del parsed.graph.value_info[:]
    return parsed


def taken_out(parsed: Any) -> dict[str, NDArray[np.float32]]:
    """The large constants by their names; the model says then that they are kept elsewhere.

    Writing them into the model and reading them out of it again is a quarter of the time of loading: they are copied into memory that was
    never touched before, and other threads wait. Cost: they are kept beside what ONNX Runtime makes of them, 30 to 45 MB for all models.
    """
    floats = (tensor for tensor in parsed.graph.initializer if tensor.data_type == Tensor.FLOAT and tensor.HasField("raw_data"))
    # Each look at the content is a copy of it: one is enough.
    large = [(tensor, values) for tensor in floats if (values := as_array(tensor)).nbytes >= LARGE]
    for tensor, values in large:
        tensor.ClearField("raw_data")
        tensor.data_location = EXTERNAL
        for key, value in (("location", "memory"), ("length", str(values.nbytes))):
            tensor.external_data.add(key=key, value=value)
    return dict(zip([tensor.name for tensor, _ in large], aligned([values for _, values in large]), strict=True))


def aligned(arrays: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Copies that begin where vector instructions read fastest."""
    memory = np.empty(sum(array.nbytes + LINE for array in arrays) + LINE, np.uint8)
    copies, at = [], -memory.ctypes.data % LINE
    for array in arrays:
        copies.append(memory[at : at + array.nbytes].view(np.float32).reshape(array.shape))
        copies[-1][...] = array
        at += -(-array.nbytes // LINE) * LINE
    return copies


def parsed_model(model: bytes) -> Any:
    """Of ONNX's messages what is named in PARTS; the rest is kept, unseen."""
    return _model().FromString(model)


def take_grey(parsed: Any) -> None:
    """One channel instead of three that are alike: the first convolution has a third of the work, and the input a third of the size.

    Raises: ValueError where the model does not begin with a convolution of three channels.
    """
    graph = parsed.graph
    first = next((node for node in graph.node if graph.input[0].name in node.input), None)
    kernel = next((tensor for tensor in graph.initializer if first is not None and tensor.name in first.input[1:2]), None)
    if first is None or first.op_type != "Conv" or kernel is None or kernel.dims[1] != CHANNELS:
        raise ValueError("The model does not begin with a convolution of three channels.")
    kernel.raw_data = as_array(kernel).sum(axis=1, keepdims=True).tobytes()
    kernel.dims[1] = 1
    channels = graph.input[0].type.tensor_type.shape.dim[1]
    channels.Clear()
    channels.dim_value = 1


def keep_classes(parsed: Any, classes: Sequence[int], of: int) -> None:
    """Of the `of` classes that the model tells, these alone, in this order: whatever has a number for each class keeps theirs.

    Raises: ValueError where the model has nothing of the kind.
    """
    graph = parsed.graph
    scoring = [tensor for tensor in graph.initializer if tensor.dims and tensor.dims[-1] == of and tensor.raw_data]
    if not scoring or len(scoring[0].raw_data) != FLOAT_BYTES * np.prod(scoring[0].dims):
        raise ValueError(f"No part of the model has {of} classes.")
    for tensor in scoring:
        tensor.raw_data = np.ascontiguousarray(as_array(tensor)[..., classes]).tobytes()
        tensor.dims[-1] = len(classes)
    named = [type(output)(name=output.name) for output in graph.output]
    del graph.output[:]
    graph.output.extend(named)


class Wiring:
    """The nodes of a graph, and who makes and who asks for each value."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self.nodes = list(graph.node)
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.answers = {value.name for value in graph.output}
        self.maker = {name: node for node in self.nodes for name in node.output}
        self._asking: dict[str, list[Any]] = {}
        for node in self.nodes:
            self._ask(node)

    def of(self, kind: str) -> list[Any]:
        return [node for node in self.nodes if node.op_type == kind]

    def asking(self, name: str) -> list[Any]:
        return self._asking.get(name, [])

    def constant_of(self, node: Any) -> Any:
        """The tensor that it adds to a value, or takes it times; none where both are values."""
        return next((self.constants[name] for name in node.input if name in self.constants), None)

    def chain(self, first: Any, kinds: Sequence[str]) -> list[Any]:
        """The nodes of these kinds, each the only one that asks for the one before it; none where they are others."""
        chain = [first]
        while len(chain) < len(kinds) and chain[-1].output[0] not in self.answers:
            following = {id(node): node for node in self.asking(chain[-1].output[0])}
            if len(following) != 1:
                break
            chain += following.values()
        return chain if [node.op_type for node in chain] == list(kinds) else []

    def node(self, kind: str, inputs: Iterable[str], output: str, **told: Any) -> Any:
        """A new node; `told`: its attributes."""
        made = self._graph.node.add(name=f"{kind} {output}", op_type=kind, input=inputs, output=[output])
        for name, value in told.items():
            if isinstance(value, str):
                made.attribute.add(name=name, s=value.encode(), type=Attribute.STRING)
            elif isinstance(value, int):
                made.attribute.add(name=name, i=value, type=Attribute.INT)
            else:
                made.attribute.add(name=name, ints=value, type=Attribute.INTS)
        return made

    def weights(self, name: str, values: NDArray[Any]) -> str:
        """A new constant. Returns its name."""
        kind = Tensor.FLOAT if values.dtype == np.float32 else Tensor.INT64
        self.constants[name] = self._graph.initializer.add(name=name, dims=values.shape, data_type=kind, raw_data=values.tobytes())
        return name

    def insert_after(self, node: Any, *others: Any) -> None:
        at = self._at(node) + 1
        self.nodes[at:at] = others
        for other in others:
            self.maker[other.output[0]] = other
            self._ask(other)

    def drop(self, node: Any) -> None:
        del self.nodes[self._at(node)]
        for name in node.input:
            self._asking[name] = [other for other in self._asking[name] if other is not node]

    def replace(self, nodes: Sequence[Any], *others: Any) -> None:
        """The others make what the last of the nodes made."""
        self.insert_after(nodes[-1], *others)
        for node in nodes:
            self.drop(node)

    def rename(self, old: str, new: str) -> None:
        """Who asked for the old value asks for the new one."""
        for node in self._asking.pop(old, []):
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new
            self._asking.setdefault(new, []).append(node)

    def write(self) -> None:
        """Into the graph; constants that nobody asks for are left out, or ONNX Runtime warns of each."""
        del self._graph.node[:]
        self._graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        unused = [index for index, tensor in enumerate(self._graph.initializer) if tensor.name not in used]
        for index in reversed(unused):
            del self._graph.initializer[index]

    def _ask(self, node: Any) -> None:
        for name in node.input:
            self._asking.setdefault(name, []).append(node)

    def _at(self, node: Any) -> int:
        return next(index for index, other in enumerate(self.nodes) if other is node)


def as_array(tensor: Any) -> NDArray[np.float32]:
    return np.frombuffer(tensor.raw_data, np.float32).reshape(tuple(tensor.dims))


def attributes(node: Any) -> dict[str, Any]:
    """Those that are an integer or several."""
    several = {told.name: list(told.ints) for told in node.attribute if told.type == Attribute.INTS}
    return several | {told.name: told.i for told in node.attribute if told.type == Attribute.INT}


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
