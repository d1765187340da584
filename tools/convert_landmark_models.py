"""Convert MediaPipe's TFLite landmark networks to the ONNX files in dice_core/landmarks/assets.

The networks are in PyPI's wheel of mediapipe 0.10.21 and, the one of the body, in npm's package @mediapipe/holistic
0.5.1675471629 (both Apache License 2.0). In an environment of its own:

    python3.11 -m venv CONVERT
    CONVERT/bin/pip install tf2onnx==1.17.0 tensorflow-cpu==2.21.0 onnx==1.23.2 opencv-python-headless==5.0.0.93
    CONVERT/bin/pip download --no-deps -d WHEEL mediapipe==0.10.21
    npm pack @mediapipe/holistic@0.5.1675471629
    CONVERT/bin/python tools/convert_landmark_models.py WHEEL/*.whl *.tgz -o OUT --compare dice_core/landmarks/assets

Each file is made in six steps: tf2onnx translates it; outputs that the product does not read are left out with all that
leads to them alone; operators that only MediaPipe has are replaced by standard ones; clips between 0 and 6 get the name
that OpenCV knows them by; weights are stored as float16 again, as in the original; inner layers that the product reads
are listed as outputs. Each file is then run beside TensorFlow's own interpreter of the original, where that knows its
operators; `--compare` runs old and new files on the same noise.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnx.utils
import tensorflow
from onnx import helper, numpy_helper

OPSET = 16
"""The first ONNX operator set with GridSample."""

SOURCES = {
    "palm_detection/palm_detection_full": "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    "hand_landmark/hand_landmark_full": "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    "face_detection/face_detection_short_range": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "face_landmark/face_landmark_with_attention": "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
    "pose_landmark_lite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
}
"""The networks below mediapipe/modules in the wheel, or in the npm package, and their sha256."""

READ_OUTPUTS = {"pose_landmark_lite": ("Identity", "Identity_1", "Identity_3")}
"""Outputs of networks that have others, too: of the body landmarks, presence and maps, without the mask of the person
and landmarks in metres."""

INNER_LAYERS = {
    "face_landmark/face_landmark_with_attention": (
        # before the outputs: mesh, lips, then contour and iris of the eye on the picture's left, and of the other one
        *("p_re_lu_19", "p_re_lu_32", "p_re_lu_45", "p_re_lu_52", "p_re_lu_65", "p_re_lu_72"),
        *("p_re_lu_17", "p_re_lu_30", "p_re_lu_43", "p_re_lu_50", "p_re_lu_63", "p_re_lu_70"),  # one block before
        *("p_re_lu_14", "p_re_lu_27", "p_re_lu_40", "p_re_lu_60"),  # maps: of the face, the lips and both eyes
    )
}
"""Layers that are listed as outputs too: what dice_core/fitting/expression_prior.py reads of a face."""

FEATURE_SIDE = 48
"""Cells along a side of the feature map that the attention network cuts lips and eyes out of: a quarter of 192."""

OPENCV_DOMAIN = "org.opencv"
"""Of operators that are no standard ones: OpenCV looks for a layer of its own with the operator's name."""

SMALLEST_HALVED = 16
"""Constants with no more values than this stay float32: shapes and scales, not weights. Set by hand."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel of mediapipe 0.10.21")
    parser.add_argument("package", type=Path, help="the npm package @mediapipe/holistic 0.5.1675471629")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--compare", type=Path, help="folder of ONNX files that should compute the same")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for source, digest in SOURCES.items():
        target = arguments.output / f"{Path(source).name}.onnx"
        original = read_original(source, digest, arguments.wheel, arguments.package)
        onnx.save(convert(original, source), target)
        message = f"{target}: {target.stat().st_size} bytes"
        if source not in INNER_LAYERS:  # that one has operators that TensorFlow does not know
            message += f", largest difference from the original {difference_from_original(target, original):.2g}"
        if arguments.compare:
            message += f", from the other file {largest_difference(target, arguments.compare / target.name):.2g}"
        print(message)


def read_original(source: str, digest: str, wheel: Path, package: Path) -> bytes:
    """One TFLite network of the wheel or of the npm package. Raises ValueError if it is not the expected one."""
    if "/" in source:
        content = zipfile.ZipFile(wheel).read(f"mediapipe/modules/{source}.tflite")
    else:
        with tarfile.open(package) as archive:
            member = archive.extractfile(f"package/{source}.tflite")
            assert member is not None
            content = member.read()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{source}.tflite is of another version of its package than was asked for.")
    return content


def convert(original: bytes, source: str) -> onnx.ModelProto:
    """One TFLite network as ONNX."""
    with tempfile.TemporaryDirectory() as folder:
        path, translated = Path(folder, "original.tflite"), Path(folder, "translated.onnx")
        path.write_bytes(original)
        command = [sys.executable, "-m", "tf2onnx.convert", "--tflite", str(path), "--output", str(translated)]
        subprocess.run([*command, "--opset", str(OPSET)], check=True, capture_output=True)
        model = onnx.load(translated)
    if source in READ_OUTPUTS:
        inputs = [tensor.name for tensor in model.graph.input]
        model = onnx.utils.Extractor(model).extract_model(inputs, list(READ_OUTPUTS[source]))
    write_out_custom_operators(model)
    name_clips(model)
    halve_weights(model)
    list_outputs(model, INNER_LAYERS.get(source, ()))
    onnx.checker.check_model(model)
    return model


def list_outputs(model: onnx.ModelProto, layers: tuple[str, ...]) -> None:
    """List inner layers as outputs after the network's own: OpenCV gives no others. Nothing else changes.

    Raises ValueError if a layer is not there.
    """
    shapes = {value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.value_info}
    listed = {output.name for output in model.graph.output}
    for layer in layers:
        if layer not in shapes and layer not in listed:
            raise ValueError(f"The network has no layer {layer}: tf2onnx names them otherwise.")
        if layer not in listed:
            model.graph.output.append(shapes[layer])


def name_clips(model: onnx.ModelProto) -> None:
    """Have clips between 0 and 6 be OpenCV's own operator ReLU6, which it joins with the convolution before.

    Of a standard Clip, OpenCV 5.0.0 makes a layer of its own between two changes of layout: a sixth of the time of the
    hand network. The results are the same to the last bit.
    """
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def clips(node: onnx.NodeProto) -> bool:
        bounds = [constants.get(name) for name in node.input[1:]]
        return node.op_type == "Clip" and [bound is not None and float(bound) for bound in bounds] == [0.0, 6.0]

    nodes = [
        helper.make_node(
            "ReLU6", node.input[:1], node.output, node.name, domain=OPENCV_DOMAIN, min_value=0.0, max_value=6.0
        )
        if clips(node)
        else node
        for node in graph.node
    ]
    if nodes == list(graph.node):
        return
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for tensor in list(graph.initializer):
        if tensor.name not in used:
            graph.initializer.remove(tensor)
    model.opset_import.append(helper.make_opsetid(OPENCV_DOMAIN, 1))


def halve_weights(model: onnx.ModelProto) -> None:
    """Store as float16, with a cast in front of their use, all weights that lose nothing by it.

    PReLU slopes stay float32: OpenCV needs them as constants.
    """
    graph = model.graph
    slopes = {node.input[1] for node in graph.node if node.op_type == "PRelu"}
    casts = []
    for tensor in list(graph.initializer):
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size <= SMALLEST_HALVED or tensor.name in slopes:
            continue
        half = weights.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), weights):
            continue
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(half, f"{tensor.name}_half"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


class Writer:
    """Nodes in the order in which they are computed, with names of their own for what passes between them."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._graph = graph
        self._count = 0

    def constant(self, values: Any, dtype: type = np.float32) -> str:
        name = self._name()
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """A node with one output, whose name is returned."""
        output = output or self._name()
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def cut(self, source: str, axis: int, start: int, stop: int) -> str:
        """Part of a tensor along one axis."""
        bounds = (self.constant([value], np.int64) for value in (start, stop, axis))
        return self.add("Slice", source, *bounds)

    def _name(self) -> str:
        self._count += 1
        return f"written_{self._count}"


def write_out_custom_operators(model: onnx.ModelProto) -> None:
    """Replace MediaPipe's operators, as its C++ sources define them, by standard ones."""
    replacements: dict[str, Callable[[Writer, onnx.NodeProto, dict[str, Any]], None]] = {
        "TFL_Landmarks2TransformMatrix": write_transform_matrix,
        "TFL_TransformTensorBilinear": write_cut_out,
        "TFL_TransformLandmarks": write_transform,
    }
    writer = Writer(model.graph)
    for node in model.graph.node:
        if node.op_type in replacements:
            values = {value.name: helper.get_attribute_value(value) for value in node.attribute}
            replacements[node.op_type](writer, node, values)
        else:
            writer.nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(writer.nodes)
    del model.graph.value_info[:]


def write_transform_matrix(writer: Writer, node: onnx.NodeProto, values: dict[str, Any]) -> None:
    """(1, 4, 4) matrix from a window's own cells to the feature map's, for the turned box around some landmarks.

    The window's x axis points from the left to the right reference landmark; landmarks are (1, n, 3).
    """

    def pick(indices: list[int]) -> str:
        chosen = writer.add("Gather", node.input[0], writer.constant(indices, np.int64), axis=1)
        return writer.cut(chosen, 2, 0, 2)

    way = writer.add("Sub", pick([values["right_rotation_idx"]]), pick([values["left_rotation_idx"]]))
    way = writer.add("Div", way, writer.add("ReduceL2", way, axes=[2], keepdims=1))
    cosine, sine = writer.cut(way, 2, 0, 1), writer.cut(way, 2, 1, 2)
    first = writer.add("Concat", cosine, writer.add("Neg", sine), axis=2)
    axes = writer.add("Concat", first, writer.add("Concat", sine, cosine, axis=2), axis=1)
    turned = writer.add("MatMul", pick(list(values["subset_idxs"])), axes)
    high = writer.add("ReduceMax", turned, axes=[1], keepdims=1)
    low = writer.add("ReduceMin", turned, axes=[1], keepdims=1)
    middle = writer.add("Mul", writer.add("Add", high, low), writer.constant(0.5))
    middle = writer.add("MatMul", middle, writer.add("Transpose", axes, perm=[0, 2, 1]))
    cells = np.array([values["output_width"], values["output_height"]])
    step = writer.constant([values["scale_x"], values["scale_y"]] / cells)
    linear = writer.add("Mul", axes, writer.add("Mul", writer.add("Sub", high, low), step))
    shift = writer.add("MatMul", linear, writer.constant(cells[None, :, None] / 2))
    shift = writer.add("Sub", writer.add("Transpose", middle, perm=[0, 2, 1]), shift)
    top = writer.add("Concat", linear, writer.constant(np.zeros((1, 2, 1))), shift, axis=2)
    bottom = writer.constant([[[0, 0, 1, 0], [0, 0, 0, 1]]])
    writer.add("Concat", top, bottom, axis=1, output=node.output[0])


def write_cut_out(writer: Writer, node: onnx.NodeProto, values: dict[str, Any]) -> None:
    """The feature map, (1, 48, 48, c), seen through a window: (1, height, width, c), bilinear, zero outside the map."""
    width, height = values["output_width"], values["output_height"]
    rows, columns = np.mgrid[0:height, 0:width].reshape(2, -1)
    # The matrix works on cells' corners: a cell's middle is half a cell further on, there as in GridSample.
    cells = np.stack([columns + 0.5, rows + 0.5, np.zeros(rows.size), np.ones(rows.size)], axis=1)[None]
    matrix = writer.add("Transpose", writer.cut(node.input[1], 1, 0, 2), perm=[0, 2, 1])
    places = writer.add("MatMul", writer.constant(cells), matrix)
    above = writer.add("GreaterOrEqual", places, writer.constant(0.5))
    below = writer.add("LessOrEqual", places, writer.constant(FEATURE_SIDE - 0.5))
    inside = writer.add("Cast", writer.add("And", above, below), to=onnx.TensorProto.FLOAT)
    inside = writer.add("ReduceMin", inside, axes=[2], keepdims=0)
    mask = writer.add("Reshape", inside, writer.constant([1, 1, height, width], np.int64))
    grid = writer.add("Sub", writer.add("Mul", places, writer.constant(2 / FEATURE_SIDE)), writer.constant(1))
    grid = writer.add("Reshape", grid, writer.constant([1, height, width, 2], np.int64))
    features = writer.add("Transpose", node.input[0], perm=[0, 3, 1, 2])
    seen = writer.add("GridSample", features, grid, mode="bilinear", padding_mode="zeros", align_corners=0)
    writer.add("Transpose", writer.add("Mul", seen, mask), perm=[0, 2, 3, 1], output=node.output[0])


def write_transform(writer: Writer, node: onnx.NodeProto, values: dict[str, Any]) -> None:
    """Landmarks, (1, n, 2), through the matrix: from a window to the picture."""
    del values
    rows = writer.cut(node.input[1], 1, 0, 2)
    linear = writer.add("Transpose", writer.cut(rows, 2, 0, 2), perm=[0, 2, 1])
    shift = writer.add("Transpose", writer.cut(rows, 2, 3, 4), perm=[0, 2, 1])
    writer.add("Add", writer.add("MatMul", node.input[0], linear), shift, output=node.output[0])


def difference_from_original(path: Path, original: bytes) -> float:
    """How far a file's outputs in OpenCV lie at most from those of the TFLite network in TensorFlow, relative to their
    size, on noise."""
    interpreter = tensorflow.lite.Interpreter(model_content=original)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    noise = np.random.default_rng(0).random(entry["shape"], np.float32)
    interpreter.set_tensor(entry["index"], noise)
    interpreter.invoke()
    names = [output.name for output in onnx.load(path).graph.output]
    expected = {output["name"]: interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()}
    results = run(path, noise, names)
    return max(relative_difference(values, expected[name]) for name, values in zip(names, results, strict=True))


def largest_difference(path: Path, other: Path) -> float:
    """How far the outputs of two files lie apart at most, relative to their size, on the same noise."""
    inputs = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    names = [output.name for output in onnx.load(path).graph.output]
    noise = np.random.default_rng(0).random([dim.dim_value for dim in inputs], np.float32)
    results = [run(file, noise, names) for file in (path, other)]
    return max(relative_difference(a, b) for a, b in zip(*results, strict=True))


def run(path: Path, picture: np.ndarray, names: list[str]) -> list[np.ndarray]:
    """A file's outputs by their names, computed by OpenCV."""
    network = cv2.dnn.readNetFromONNX(str(path))
    network.setInput(picture)
    return [np.array(values) for values in network.forward(names)]


def relative_difference(values: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest expected value; of values in the same order."""
    return float(np.abs(values.ravel() - expected.ravel()).max() / np.abs(expected).max())


if __name__ == "__main__":
    main()
