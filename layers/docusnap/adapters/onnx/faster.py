"""Networks put in other words, which ONNX Runtime runs faster on a CPU: the same answers but for the last digits of GELU.

It is written for the files that `models.py` names by their hashes. What it does not recognise stays as it is.

On a CPU its convolutions keep channels in blocks of eight. Operators that do not know the blocks have a tensor put in rows before them, and
in blocks again behind them; most of what is here avoids that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.graph import Wiring, as_array, attributes

PLANE, HEIGHT = [2, 3], [2]  # axes of a batch × channels × height × width
ROOT = 1.4142  # of 2
GELU = ("Div", "Erf", "Add", "Mul", "Mul")  # x/√2, its error function, +1, ·x, ·½: how the models spell x·Φ(x)
AVERAGED = ("Conv", "Add", "Add", "AveragePool")  # its bias, and what it is added to
SCORES = ("MatMul", "Add", "MatMul", "Add", "Softmax")
KEEPING = {"Relu", "MaxPool", "Resize", "Add", "Mul"}  # as many channels as their first input has
ENLARGING = ("ConvTranspose", "Add", "Relu", "ConvTranspose", "Add", "Sigmoid")
AXES_AS_INPUT = {"Squeeze", "Unsqueeze", "ReduceMean"}  # attributes in the sets of operators before
OPERATORS, FORMAT = 20, 9  # the first set with GELU in it, and the first version of the format that may name it


def run_faster(parsed: Any) -> None:
    """All that is known here."""
    wiring = Wiring(parsed.graph)
    for change in (_without_identities, _gelus, _means, _averages, _gates, _sums, _enlarging, _scores, _without_squeezes):
        change(wiring)
    _raise_operators(parsed, wiring)
    wiring.write()


def _without_identities(wiring: Wiring) -> None:
    for node in wiring.of("Identity"):
        if node.output[0] not in wiring.answers:
            wiring.drop(node)
            wiring.rename(node.output[0], node.input[0])


def _gelus(wiring: Wiring) -> None:
    """As one operator, in the tanh form: off by 0.0005 at most, and a third faster than the error function."""
    for first in wiring.of("Div"):
        chain = wiring.chain(first, GELU)
        if chain and first.input[0] in chain[3].input and _told(wiring, chain) == [ROOT, 1.0, 0.5]:
            wiring.replace(chain, wiring.node("Gelu", first.input[:1], chain[-1].output[0], approximate="tanh"))


def _told(wiring: Wiring, chain: list[Any]) -> list[float]:
    """The numbers in it, rounded as GELU's are."""
    tensors = [wiring.constant_of(chain[index]) for index in (0, 2, 4)]
    return [round(float(as_array(tensor).ravel()[0]), 4) for tensor in tensors if tensor is not None]


def _means(wiring: Wiring) -> None:
    """Over the plane: a pool, which knows the blocks."""
    for node in wiring.of("ReduceMean"):
        if attributes(node).get("axes") == PLANE and attributes(node).get("keepdims", 1):
            wiring.replace([node], wiring.node("GlobalAveragePool", node.input[:1], node.output[0]))


def _averages(wiring: Wiring) -> None:
    """Means of what a 1 × 1 convolution makes: its answer for the means of what it is given, which are fewer."""
    for first in wiring.of("Conv"):
        chain = wiring.chain(first, AVERAGED)
        if not chain or not _is_pointwise(first) or not _is_plain(chain[3]):
            continue
        conv, bias, total, pool = chain
        told, others = wiring.constant_of(bias), set(total.input) - set(bias.output) - set(wiring.constants)
        if told is None or list(told.dims[-2:]) != [1, 1] or not others:
            continue
        beside, out, pooled, make = others.pop(), pool.output[0], attributes(pool), wiring.node
        wiring.replace(
            chain,
            make("AveragePool", [beside], f"{out} beside", **pooled),
            make("AveragePool", conv.input[:1], f"{out} 1", **pooled),
            make("Conv", [f"{out} 1", conv.input[1]], f"{out} 2", **attributes(conv)),
            make("Add", [f"{out} 2", told.name], f"{out} 3"),
            make("Add", [f"{out} beside", f"{out} 3"], out),
        )


def _is_pointwise(conv: Any) -> bool:
    told = attributes(conv)
    ones = told.get("kernel_shape") == [1, 1] == told.get("strides", [1, 1])
    return ones and not any(told.get("pads", [0])) and len(conv.input) == 2 and _is_known(conv)


def _is_plain(pool: Any) -> bool:
    """Whether all its means are of as many pixels."""
    told = attributes(pool)
    return not any(told.get("pads", [0])) and not told.get("ceil_mode", 0) and _is_known(pool)


def _is_known(node: Any) -> bool:
    """Whether a node made with its `attributes` is like it: it has none of another type."""
    return len(attributes(node)) == len(node.attribute)


def _gates(wiring: Wiring) -> None:
    """Channels weighed by a look at the whole plane: x·s, or x + x·s, which is x·(s + 1).

    The product is in rows. A pool of one pixel, which changes nothing, puts it in blocks once, for all that ask for it.
    """
    for product in wiring.of("Mul"):
        for plane, gate in (product.input, reversed(product.input)):
            maker = wiring.maker.get(gate)
            if maker is None or maker.op_type != "HardSigmoid" or maker.input[0] == plane:
                continue
            last, factor, following = product, gate, wiring.asking(product.output[0])
            if len(following) == 1 and following[0].op_type == "Add" and set(following[0].input) == {plane, product.output[0]}:
                (last,), factor = following, f"{gate} + 1"
                wiring.insert_after(maker, wiring.node("Add", [gate, wiring.weights(f"1 for {gate}", np.ones(1, np.float32))], factor))
            out = last.output[0]
            wiring.replace(
                [product] if last is product else [product, last],
                wiring.node("Mul", [plane, factor], f"{out} in rows"),
                wiring.node("MaxPool", [f"{out} in rows"], out, kernel_shape=[1, 1]),
            )


def _sums(wiring: Wiring) -> None:
    """Planes put side by side for a convolution: a convolution of each, added up, since the copy is the largest value of all."""
    for first in wiring.of("Concat"):
        chain = wiring.chain(first, ("Concat", "Conv"))
        if not chain or attributes(first).get("axis") != 1 or attributes(chain[1]).get("group", 1) != 1 or not _is_known(chain[1]):
            continue
        conv, channels = chain[1], [_channels(wiring, name) for name in first.input]
        told, out = wiring.constants.get(conv.input[1]), conv.output[0]
        if told is None or not all(channels) or sum(channels) != told.dims[1]:
            continue
        made: list[Any] = []
        parts = np.split(as_array(told), np.cumsum(channels)[:-1], axis=1)
        for number, (plane, part) in enumerate(zip(first.input, parts, strict=True), 1):
            name, before = wiring.weights(f"{out} from {number}", np.ascontiguousarray(part)), made[-1:]
            made.append(wiring.node("Conv", [plane, name, *([] if before else conv.input[2:])], f"{name} alone", **attributes(conv)))
            if before:
                total = out if number == len(parts) else f"{name} added"
                made.append(wiring.node("Add", [before[0].output[0], made[-1].output[0]], total))
        wiring.replace(chain, *made)


def _channels(wiring: Wiring, name: str) -> int:
    """Of a plane that a convolution made, perhaps some operators ago; 0 where something else did."""
    node = wiring.maker.get(name)
    while node is not None and node.op_type in KEEPING:
        node = wiring.maker.get(node.input[0])
    kernel = None if node is None or node.op_type != "Conv" else wiring.constants.get(node.input[1])
    return 0 if kernel is None else int(kernel.dims[0])


def _enlarging(wiring: Wiring) -> None:
    """A plane doubled by a transposed convolution, and again: each pixel becomes 4 × 4, which two plain convolutions work out where it is.

    Only then the results are spread out, instead of sixteen channels of a plane four times as large.
    """
    for first in wiring.of("ConvTranspose"):
        chain = wiring.chain(first, ENLARGING)
        if not chain or not all(_doubles(wiring, node) for node in (first, chain[3])):
            continue
        kernels = [as_array(wiring.constants[node.input[1]]) for node in (first, chain[3])]
        told = [wiring.constant_of(node) for node in (chain[1], chain[4])]
        if None in told or kernels[1].shape[1] != 1:
            continue
        biases = [as_array(tensor).ravel() for tensor in told]
        weights = [wiring.weights(f"{first.name} {name}", values) for name, values in _in_place(*kernels, *biases).items()]
        out, make = chain[-1].output[0], wiring.node
        wiring.replace(
            chain,
            make("Conv", [first.input[0], *weights[:2]], f"{out} 1", kernel_shape=[1, 1]),
            make("Relu", [f"{out} 1"], f"{out} 2"),
            make("Conv", [f"{out} 2", *weights[2:]], f"{out} 3", kernel_shape=[1, 1]),
            make("Sigmoid", [f"{out} 3"], f"{out} 4"),
            make("DepthToSpace", [f"{out} 4"], out, blocksize=4),
        )


def _doubles(wiring: Wiring, node: Any) -> bool:
    """Whether it makes of each pixel 2 × 2, and no more."""
    told = attributes(node)
    plain = told.get("group", 1) == 1 and not any(told.get("pads", [0])) and told.get("dilations", [1, 1]) == [1, 1]
    return (
        plain and told.get("strides") == told.get("kernel_shape") == [2, 2] and len(node.input) == 2 and node.input[1] in wiring.constants
    )


def _in_place(
    first: NDArray[np.float32], second: NDArray[np.float32], first_bias: NDArray[np.float32], second_bias: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Two kernels of inputs × outputs × 2 × 2, the second with one output, as two of outputs × inputs × 1 × 1."""
    inputs, middle = first.shape[:2]
    # Channels of the first: row and column of the four pixels, then its own; each is enlarged by itself.
    fourfold = first.transpose(2, 3, 1, 0).reshape(4 * middle, inputs, 1, 1)
    sixteenfold = np.zeros((4, 4, 4, middle), np.float32)  # row and column of the sixteen, which of the four, its channels
    for row in range(4):
        for column in range(4):
            sixteenfold[row, column, 2 * (row // 2) + column // 2] = second[:, 0, row % 2, column % 2]
    return {
        "four": np.ascontiguousarray(fourfold),
        "four bias": np.tile(first_bias, 4),
        "sixteen": sixteenfold.reshape(16, 4 * middle, 1, 1),
        "sixteen bias": np.repeat(second_bias, 16),
    }


def _scores(wiring: Wiring) -> None:
    """The classes' biases as weights of one more input, which is always 1: thousands of sums a step less."""
    for first in wiring.of("MatMul"):
        chain = wiring.chain(first, SCORES)
        told = [wiring.constant_of(node) for node in chain[:4]]
        if not told or None in told:
            continue
        inner, inner_bias, outer, outer_bias = map(as_array, told)
        names = [
            wiring.weights(f"{first.name} {name}", values)
            for name, values in {
                "inner": np.pad(inner, ((0, 0), (0, 1))),
                "inner bias": np.append(inner_bias, np.float32(1)),
                "outer": np.vstack([outer, outer_bias]),
            }.items()
        ]
        out, make = chain[3].output[0], wiring.node
        wiring.replace(
            chain[:4],
            make("MatMul", [first.input[0], names[0]], f"{out} 1"),
            make("Add", [f"{out} 1", names[1]], f"{out} 2"),
            make("MatMul", [f"{out} 2", names[2]], out),
        )


def _without_squeezes(wiring: Wiring) -> None:
    """What takes a height of 1 away and gives it back, around operators that do not care, is left out."""
    while any(_undone(wiring, node) or _sunk(wiring, node) for node in _squeezed(wiring)):
        pass
    for node in reversed(wiring.of("Squeeze")):
        if _is_idle(wiring, node):
            wiring.drop(node)


def _is_idle(wiring: Wiring, node: Any) -> bool:
    return not wiring.asking(node.output[0]) and node.output[0] not in wiring.answers


def _squeezed(wiring: Wiring) -> Iterator[Any]:
    for kind in ("Transpose", "Unsqueeze", "BatchNormalization", "HardSigmoid", "Mul"):
        yield from wiring.of(kind)


def _undone(wiring: Wiring, node: Any) -> bool:
    """Whether it and the one before it come to nothing: then they are gone."""
    before = wiring.maker.get(node.input[0])
    undoing = {"Transpose": ("Transpose", {"perm": [0, 2, 1]}), "Unsqueeze": ("Squeeze", {"axes": HEIGHT})}
    if before is None or node.op_type not in undoing or node.output[0] in wiring.answers:
        return False
    if undoing[node.op_type] != (before.op_type, attributes(before)) or attributes(node) != attributes(before):
        return False
    wiring.drop(node)
    wiring.rename(node.output[0], before.input[0])
    if _is_idle(wiring, before):
        wiring.drop(before)
    return True


def _sunk(wiring: Wiring, node: Any) -> bool:
    """Whether it came behind Squeeze: then that comes behind it."""
    made = 2 if node.op_type == "Mul" else 1  # of its inputs; others are weights
    squeezes = [wiring.maker.get(name) for name in node.input[:made]]
    if node.op_type in {"Transpose", "Unsqueeze"}:
        return False
    if any(squeeze is None or squeeze.op_type != "Squeeze" or attributes(squeeze).get("axes") != HEIGHT for squeeze in squeezes):
        return False
    out, inputs = node.output[0], [squeeze.input[0] for squeeze in squeezes if squeeze is not None]
    moved = type(node)()
    moved.CopyFrom(node)
    moved.input[:made] = inputs
    moved.output[0] = f"{out} of height"
    wiring.replace([node], moved, wiring.node("Squeeze", [moved.output[0]], out, **attributes(squeezes[0])))
    return True


def _raise_operators(parsed: Any, wiring: Wiring) -> None:
    """To the set that has GELU. Those that the networks use mean the same in it, but for where axes are told."""
    before = next(operators for operators in parsed.opset_import if not operators.domain)
    if not wiring.of("Gelu") or before.version >= OPERATORS:
        return
    parsed.ir_version, before.version = max(parsed.ir_version, FORMAT), OPERATORS
    for node in wiring.nodes:
        if node.op_type in AXES_AS_INPUT and "axes" in (told := attributes(node)):
            axes = wiring.weights(f"axes of {node.output[0]}", np.array(told.pop("axes"), np.int64))
            node.CopyFrom(wiring.node(node.op_type, [*node.input, axes], node.output[0], **told))
