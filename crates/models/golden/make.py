"""Computes golden outputs of the built-in models with onnxruntime, which is independent of tare's engines.

    cargo xtask golden NAME

calls it with a folder of models, a folder of their input tensors, and this folder. The pipeline
`shapegen` is computed if MODELS holds shapegen-denoiser.onnx and shapegen-decoder.onnx:

    python make.py MODELS TENSORS crates/models/golden

Needs onnxruntime 1.31.1, onnx 1.23.2 and numpy. Writes NAME.json with sampled elements and the norm of every output.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

SAMPLES = 64


def describe(name, values):
    flat = values.astype(numpy.float64).ravel()
    positions = sorted({int(i) for i in numpy.linspace(0, flat.size - 1, SAMPLES)})
    return {
        "name": name,
        "shape": list(values.shape),
        "norm": float(numpy.linalg.norm(flat)),
        "positions": positions,
        "values": [float(flat[i]) for i in positions],
    }


def main(models, tensors, out):
    assert onnxruntime.__version__ == "1.31.1", onnxruntime.__version__
    for path in sorted(pathlib.Path(models).glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        inputs = {i.name: numpy.load(input_file(tensors, path.stem, i.name)) for i in session.get_inputs()}
        names = [o.name for o in session.get_outputs()]
        outputs = [describe(name, value) for name, value in zip(names, session.run(names, inputs))]
        golden = {"onnxruntime": onnxruntime.__version__, "outputs": outputs}
        pathlib.Path(out, f"{path.stem}.json").write_text(json.dumps(golden, indent=1) + "\n")
        print(path.stem, [(o["name"], o["shape"], o["norm"]) for o in outputs][:3])
    if (pathlib.Path(models) / "shapegen-denoiser.onnx").exists():
        shapegen(models, tensors, out)


def shapegen(models, tensors, out):
    """Independent implementation of the sampling and decoding in crates/models/src/shapegen.rs, written from its description."""
    def session(name):
        return onnxruntime.InferenceSession(str(pathlib.Path(models, f"shapegen-{name}.onnx")), providers=["CPUExecutionProvider"])

    denoiser, decoder = session("denoiser"), session("decoder")
    x, condition, times = (numpy.load(input_file(tensors, "shapegen", name)) for name in ("latents", "condition", "times"))
    for now, then in zip(times, times[1:]):
        [velocity] = denoiser.run(None, {"latents": x, "time": [[now]], "condition": condition})
        x = x + (then - now) * velocity
    side = 32
    centers = (2 * numpy.arange(side) + 1) / side - 1
    grid = numpy.stack(numpy.meshgrid(centers, centers, centers, indexing="ij"), axis=-1)
    chunks = grid.reshape(-1, 1, 4096, 3).astype(numpy.float32)
    logits = [decoder.run(None, {"points": points, "latents": x})[0] for points in chunks]
    volume = numpy.concatenate([part.ravel() for part in logits]).reshape(side, side, side)
    golden = {"onnxruntime": onnxruntime.__version__, "outputs": [describe("occupancy", volume)]}
    pathlib.Path(out, "shapegen.json").write_text(json.dumps(golden, indent=1) + "\n")
    print("shapegen", volume.shape, float(numpy.linalg.norm(volume)))


def input_file(tensors, model, name):
    [found] = pathlib.Path(tensors).glob(f"{model}.input.{name}.npy")
    return found


main(*sys.argv[1:])
