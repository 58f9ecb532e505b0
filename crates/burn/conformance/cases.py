"""Writes the ONNX backend node tests and `light` networks, and which of them onnxruntime passes.

    python cases.py FOLDER

Needs onnx 1.23.2, onnxruntime 1.31.1 and numpy. For each case at opset 22 and below it writes FOLDER/NAME/model.onnx,
input_K.pb and output_K.pb, and a line to FOLDER/cases.tsv: the name, whether onnxruntime passes, the relative and the absolute
tolerance.
"""

import pathlib
import sys
import warnings

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

HIGHEST_OPSET = 22

# Their weights are constants, so that their files are small.
LIGHT = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
LIGHT_TOLERANCE = (1e-3, 1e-6)


def opset(model):
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)


def write(path, value, info):
    if info.type.HasField("tensor_type") and not isinstance(value, list) and value is not None:
        proto = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(numpy.asarray(value), info.name)
        path.write_bytes(proto.SerializeToString())


def passes(case, inputs, outputs):
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(case.model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run(None, {i.name: v for i, v in zip(session.get_inputs(), inputs)})
        for expected, output in zip(outputs, found):
            numpy.testing.assert_allclose(output, expected, rtol=case.rtol, atol=case.atol)
            if numpy.asarray(expected).dtype != numpy.asarray(output).dtype:
                return False
        return True
    except Exception:
        return False


def network(path, folder):
    """Writes a network with a seeded input and the output of onnxruntime."""
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    random = numpy.random.default_rng(0)
    inputs = {i.name: random.random(i.shape, dtype=numpy.float32) for i in session.get_inputs()}
    outputs = session.run(None, inputs)
    model = onnx.load(path)
    weights = {weight.name for weight in model.graph.initializer}
    fed = [i for i in model.graph.input if i.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(fed)
    out = pathlib.Path(folder, path.stem)
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(model.SerializeToString())
    for index, info in enumerate(fed):
        write(out / f"input_{index}.pb", inputs[info.name], info)
    for index, (value, info) in enumerate(zip(outputs, model.graph.output)):
        write(out / f"output_{index}.pb", value, info)
    relative, absolute = LIGHT_TOLERANCE
    return f"{path.stem}\tpasses\t{relative}\t{absolute}\n"


def main(folder):
    assert onnx.__version__ == "1.23.2" and onnxruntime.__version__ == "1.31.1", (onnx.__version__, onnxruntime.__version__)
    warnings.simplefilter("ignore")
    lines = []
    for case in collect_testcases(None):
        if case.model is None or opset(case.model) > HIGHEST_OPSET:
            continue
        out = pathlib.Path(folder, case.name)
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.onnx").write_bytes(case.model.SerializeToString())
        [(inputs, outputs), *_] = case.data_sets
        for index, (value, info) in enumerate(zip(inputs, case.model.graph.input)):
            write(out / f"input_{index}.pb", value, info)
        for index, (value, info) in enumerate(zip(outputs, case.model.graph.output)):
            write(out / f"output_{index}.pb", value, info)
        verdict = "passes" if passes(case, inputs, outputs) else "fails"
        lines.append(f"{case.name}\t{verdict}\t{case.rtol}\t{case.atol}\n")
    for path in sorted(LIGHT.glob("light_*.onnx")):
        lines.append(network(path, folder))
    # Last, so that this file exists only if all others do.
    pathlib.Path(folder, "cases.tsv").write_text("".join(sorted(lines)))
    print(len(lines), "cases and networks")


main(sys.argv[1])
