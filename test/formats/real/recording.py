"""Writes down what a library makes of a checkpoint, for checkpoints.test.ts to compare with."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
N, D, TOKENS = 40, 16, 5


class Group:
    """The checkpoints that one script writes, each in a folder of its own, and what is expected of them."""

    def __init__(self, name, versions):
        self.name = name
        self.folder = HERE / name
        self.manifest = {"versions": versions, "cases": []}
        self.folder.mkdir(exist_ok=True)

    def path(self, case):
        path = self.folder / case
        path.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, case, at="", *, folder=None, expected, options=None, tensors):
        """
        folder: that of the case, where several share one; at: the file or folder below it; expected: fields of the loaded
        SAE; options: those of loadSae.
        tensors: `encoder` and `decoder` as stored (rows are features; their hashes go into the manifest), `x` as the
        library is given it, `pre` and `codes` [tokens, n], `output` = decode(codes).
        """
        tensors = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
        hashes = {
            name: hashlib.sha256(tensors.pop(name).double().numpy().tobytes()).hexdigest()
            for name in ("encoder", "decoder")
        }
        if tensors:
            save_file(tensors, self.folder / f"{case}.expected.safetensors")
        self.manifest["cases"].append(
            {"name": case, **({"folder": folder} if folder else {}), "at": at, "options": options or {},
             "expected": expected, "sha256": hashes, "runs": bool(tensors)}
        )

    def write(self):
        text = json.dumps(self.manifest, indent=1) + "\n"
        (self.folder / "manifest.json").write_text(text)


def randomise(parameters, scale=1.0):
    """Random numbers for parameters, those of zero norm included; biases smaller than weights."""
    with torch.no_grad():
        for name, parameter in parameters:
            size = scale * (1.0 if parameter.ndim > 1 else 0.3)
            parameter.copy_(torch.randn(parameter.shape, dtype=torch.float64) * size)
