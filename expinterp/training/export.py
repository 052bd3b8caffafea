"""Write the network as one self-contained ONNX file that states its contract, and read it back.

The network is a chain of four kinds of layers, so its graph is written node by node. It holds
nothing about the machine that wrote it, and equal weights always give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from expinterp.errors import ModelError
from expinterp.files import replacing
from expinterp.refine import open_refiner
from expinterp.refine.contract import CONTRACT, INPUTS, OUTPUT, checksum
from expinterp.training.network import OFFSET, SIGHTS, Network, NetworkShape, input_matrix

OPSET = 17
IR_VERSION = 8  # old enough for ONNX Runtime 1.18, the oldest we support
KINDS = {"Slice", "Concat", "Conv", "Relu", "DepthToSpace", "Sub"}  # of nodes
BLOCK = 16  # channels: ONNX Runtime is quick at a first layer that reads a multiple of them
MOST_SPARE = 3  # channels that are added for that, at most
BLANK = "0" * 64  # zeros in place of the checksum while it is computed


def export_network(network: Network, target: Path, facts: Mapping[str, str]) -> None:
    """Write `network` to `target`, all at once.

    Parameters
    ----------
    facts : mapping of str to str
        Metadata besides the contract: training data, licence, settings.
    """
    content = build_model(network, facts).SerializeToString()
    content = content.replace(BLANK.encode(), checksum(content, BLANK).encode())
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, overwrite=True) as stream:
        stream.write(content)


def build_model(network: Network, facts: Mapping[str, str]) -> ModelProto:
    """Build the graph and its metadata, with `BLANK` as the checksum."""
    nodes, weights = _stack(network.shape)
    name = "stack"
    for index, layer in enumerate(network.chain):
        parameters = {f"{index}.{key}": value for key, value in _arrays(layer, network, index)}
        weights += [numpy_helper.from_array(value, key) for key, value in parameters.items()]
        nodes.append(_node(layer, [name, *parameters], f"layer{index}"))
        name = nodes[-1].output[0]
    if network.shape.plain:
        nodes.append(helper.make_node("Sub", [name, INPUTS[0]], [OUTPUT]))
    nodes[-1].output[0] = OUTPUT
    ports = [
        helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, 3, "rows", "cols"])
        for port in (*network.shape.ports, OUTPUT)
    ]
    graph = helper.make_graph(nodes, "lrl", ports[:-1], ports[-1:], weights)
    model = helper.make_model(
        graph,
        producer_name="expinterp",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(model, {**facts, **_stated(network)})
    return model


def _spare(shape: NetworkShape) -> int:
    """Return how many channels the first layer reads besides the inputs, with weight 0."""
    missing = -3 * len(shape.inputs) % BLOCK
    return missing if missing <= MOST_SPARE else 0


def _stack(shape: NetworkShape) -> tuple[list[NodeProto], list[TensorProto]]:
    """Concatenate the inputs; the spare channels are copies of the first ones."""
    spare, inputs = _spare(shape), list(shape.inputs)
    if not spare:
        return [helper.make_node("Concat", inputs, ["stack"], axis=1)], []
    numbers = {"first": 0, "end": spare, "axis": 1}
    copied = helper.make_node("Slice", [inputs[0], *numbers], ["spare"])
    nodes = [copied, helper.make_node("Concat", [*inputs, "spare"], ["stack"], axis=1)]
    return nodes, [numpy_helper.from_array(np.array([n]), key) for key, n in numbers.items()]


def _stated(network: Network) -> dict[str, str]:
    sizes = {"alignment": str(network.shape.fold), "halo": str(network.halo), "checksum": BLANK}
    return {**CONTRACT, "inputs": ",".join(network.shape.ports), **sizes}


def _arrays(
    layer: nn.Module, network: Network, index: int
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield weight and bias; the first layer includes `input_matrix`, `OFFSET` and `_spare`."""
    if not isinstance(layer, nn.Conv2d):
        return
    weight, bias = layer.weight.detach().double(), cast(torch.Tensor, layer.bias).detach().double()
    if index == 0:
        weight = _mix(weight, input_matrix(network.shape))
        bias = bias - OFFSET * weight.sum(dim=(1, 2, 3))
        weight = nn.functional.pad(weight, (0, 0, 0, 0, 0, _spare(network.shape)))
    yield "weight", weight.float().numpy()
    yield "bias", bias.float().numpy()


def _mix(weight: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Return the weight that reads x where `weight` reads matrix·x."""
    return torch.einsum("oikl,ij->ojkl", weight, matrix)


def _node(layer: nn.Module, inputs: list[str], output: str) -> NodeProto:
    if isinstance(layer, nn.Conv2d):
        rows, cols = layer.kernel_size
        pad = [int(side) for side in layer.padding]
        return helper.make_node(
            "Conv",
            inputs,
            [output],
            kernel_shape=[rows, cols],
            strides=list(layer.stride),
            pads=[*pad, *pad],
            group=layer.groups,
        )
    if isinstance(layer, nn.ReLU):
        return helper.make_node("Relu", inputs, [output])
    if isinstance(layer, nn.PixelShuffle):
        side = layer.upscale_factor
        return helper.make_node("DepthToSpace", inputs, [output], blocksize=side, mode="CRD")
    message = f"no ONNX node is known for {type(layer).__name__}; add it to _node"
    raise TypeError(message)


def import_network(path: Path) -> Network:
    """Read a model file that `export_network` wrote.

    Raises
    ------
    ModelError
        If the file cannot be read, or its graph is not a chain of `Network`.
    """
    open_refiner(path, device="cpu", threads=1)  # raises ModelError if it is no model
    try:
        model = onnx.load(path)
        network = Network(_shape_of(model))
        _fill(network, model)
    except (KeyError, IndexError, StopIteration, RuntimeError, ValueError) as error:
        message = f"{path} is no network of 'expinterp train'; choose another with --model"
        raise ModelError(message) from error
    return network


def _shape_of(model: ModelProto) -> NetworkShape:
    """Read size and kind of a network from its graph; several errors if it is no such chain."""
    nodes = list(model.graph.node)
    if not {node.op_type for node in nodes} <= KINDS:
        msg = "the graph has nodes of other kinds"
        raise ValueError(msg)
    pairs = [pair for pair in pairwise(nodes) if pair[1].op_type == "Conv"]
    layers = [node for before, node in pairs if before.op_type != "Conv"]  # one for each ReLU
    sides = [_attribute(node, "kernel_shape")[0] for node in layers]
    weights = {each.name: each.dims for each in model.graph.initializer}
    stack = next(node for node in nodes if node.op_type == "Concat")
    seen = {inputs: sight for sight, inputs in SIGHTS.items()}
    return NetworkShape(
        fold=sides[0],
        width=weights[layers[0].input[1]][0],
        kernels=tuple(sides[1:-1]),
        separable=len(layers) < len(pairs) or set(sides[1:-1]) <= {1},
        sight=seen[tuple(name for name in stack.input if name != "spare")],
        plain=nodes[-1].op_type == "Sub",
    )


def _attribute(node: NodeProto, name: str) -> Any:
    return next(helper.get_attribute_value(each) for each in node.attribute if each.name == name)


@torch.no_grad()
def _fill(network: Network, model: ModelProto) -> None:
    """Copy the weights of a graph into a network of the same shape."""
    held = {
        each.name: torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in model.graph.initializer
    }
    weight = held["0.weight"].double()[:, : 3 * len(network.shape.inputs)]
    held["0.bias"] = (held["0.bias"].double() + OFFSET * weight.sum(dim=(1, 2, 3))).float()
    held["0.weight"] = _mix(weight, torch.linalg.inv(input_matrix(network.shape))).float()
    network.chain.load_state_dict({key: held[key] for key in network.chain.state_dict()})
