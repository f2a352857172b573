"""
Files as torch.save writes them, with the numbers of their tensors, for torch.test.ts to compare with.
    pip install torch==2.13.0 safetensors==0.8.0 && python make_torch_files.py
"""

import collections
import io
import json
import pickle
import tarfile
import warnings
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
torch.manual_seed(0)
HERE = Path(__file__).parent
manifest = {"torch": torch.__version__, "read": [], "refused": []}


def named(value, name=""):
    """Tensors and plain values by their names, those of containers in one another joined by dots."""
    if isinstance(value, dict):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = [(str(i), item) for i, item in enumerate(value)]
    else:
        return {name: value}
    return {k: v for key, item in pairs for k, v in named(item, f"{name}.{key}" if name else key).items()}


def readable(name, value, **settings):
    path = HERE / f"{name}.pt"
    torch.save(value, path, **settings)
    check = torch.load(path, weights_only=False)
    everything = named(check)
    tensors = {key: item.detach() for key, item in everything.items() if isinstance(item, torch.Tensor)}
    save_file({key: item.contiguous().clone() for key, item in tensors.items()}, HERE / f"{name}.expected.safetensors")
    values = {key: item for key, item in everything.items() if not isinstance(item, torch.Tensor)}
    manifest["read"].append({"name": name, "values": values})


def refused(name, value, message, **settings):
    torch.save(value, HERE / f"refused_{name}.pt", **settings)
    manifest["refused"].append({"name": f"refused_{name}", "message": message})


floats = torch.randn(6, 4, dtype=torch.float64)
types = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8]
everything = {str(dtype).removeprefix("torch."): (floats * 50).to(dtype) for dtype in types}
everything |= {"uint8": (floats.abs() * 50).to(torch.uint8), "bool": floats > 0, "scalar": torch.tensor(7, dtype=torch.int32)}
everything |= {"empty": torch.zeros(0, 4), "one": torch.ones(1), "special": torch.tensor([float("inf"), float("nan"), -0.0])}
readable("types", everything)
for protocol in (2, 3, 4, 5):
    readable(f"protocol_{protocol}", {"w": torch.randn(3, 2), "k": 2 ** protocol, "name": "é" * 300}, pickle_protocol=protocol)
readable("bare_tensor", torch.randn(3, 5))

base = torch.randn(8, 6)
cube = torch.randn(2, 3, 4)
readable("views", {
    "base": base,
    "transposed": base.T,
    "rows": base[2:5],
    "columns": base[:, 1:4],
    "every_second": base[::2, ::3],
    "transposed_columns": base[:, 1:4].T,
    "diagonal": base.diagonal(),
    "element": base[3, 4],
    "column": base[:, 2],
    "expanded": torch.tensor([0.5]).expand(10),
    "expanded_rows": base[1].expand(4, 6),
    "windows": torch.arange(10.0).as_strided((4, 3), (2, 1)),
    "permuted": cube.permute(2, 0, 1),
    "one_row": base[7:8],
    "one_column": base[:, 5:6],
    "nothing": base[:0],
})
state = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5))
readable("state", state.state_dict())
readable("parameters", {"w": torch.nn.Parameter(torch.randn(2, 3)), "frozen": torch.nn.Parameter(torch.ones(2), False)})
optimizer = torch.optim.Adam(state.parameters(), lr=1e-3)
state(torch.randn(4, 3)).sum().backward()
optimizer.step()
readable("containers", {
    "step": 3, "big": 2 ** 40, "negative": -5, "rate": 1e-3, "nothing": None, "yes": True, "no": False, "text": "ReLU",
    "list": [1, [2, torch.ones(2)], (3, "four", [])], "tuple": (torch.zeros(1), 5, 6, 7), 7: "number as key",
    "ordered": collections.OrderedDict(a=torch.ones(1), b=collections.OrderedDict()),
    "optimizer": optimizer.state_dict(),
})
torch.serialization.set_crc32_options(False)
readable("without_checksums", {"w": torch.randn(3, 2)})
torch.serialization.set_crc32_options(True)

torch.manual_seed(1)
weights = {"w": torch.randn(2, 2)}
refused("legacy", weights, "before 1.6", _use_new_zipfile_serialization=False)
refused("module", torch.nn.Linear(2, 2), "import of torch.nn.modules.linear.Linear")
refused("numpy", {"w": numpy.ones(2)}, "import of numpy")
refused("set", {"w": {1, 2}}, "import of __builtin__.set")
refused("complex", {"w": torch.ones(2, dtype=torch.complex64)}, "import of torch.ComplexFloatStorage")
refused("sparse", {"w": torch.eye(3).to_sparse()}, "import of torch._utils._rebuild_sparse_tensor")
refused("float8", {"w": torch.ones(2).to(torch.float8_e4m3fn)}, "import of torch._utils._rebuild_tensor_v3")
refused("negated", {"w": torch.ones(2, dtype=torch.complex64).conj().imag}, "a plain tensor")
refused("meta", {"w": torch.empty(2, device="meta")}, "import of torch._utils._rebuild_meta_tensor_no_storage")
refused("dtype", {"dtype": torch.float32}, "import of torch.float32")
refused("bytes", {"w": b"ab"}, "import of _codecs.encode")


class Malicious:
    def __reduce__(self):
        return eval, ("1 + 1",)


refused("malicious", {"w": Malicious()}, "import of __builtin__.eval")
torch.jit.script(torch.nn.Linear(2, 2)).save(HERE / "refused_script.pt")
manifest["refused"].append({"name": "refused_script", "message": "TorchScript"})
(HERE / "refused_pickle.pt").write_bytes(pickle.dumps({"w": 1}))
manifest["refused"].append({"name": "refused_pickle", "message": "a bare pickle"})
with tarfile.open(HERE / "refused_tar.pt", "w", format=tarfile.USTAR_FORMAT) as archive:
    for name in ("sys_info", "pickle", "storages", "tensors"):
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
manifest["refused"].append({"name": "refused_tar", "message": "a tar archive"})
save_file(weights, HERE / "refused_safetensors.pt")
manifest["refused"].append({"name": "refused_safetensors", "message": "found safetensors"})

(HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
