"""
Checkpoints of EleutherAI sparsify, written and evaluated by sparsify.
    pip install eai-sparsify==1.3.3 torch==2.13.0 && python make_sparsify.py
"""

import json
from importlib.metadata import version

import safetensors
import torch
from recording import D, N, TOKENS, Group, randomise
from sparsify import SparseCoder, SparseCoderConfig

torch.manual_seed(7)
group = Group(
    "sparsify",
    {"eai-sparsify": version("eai-sparsify"), "torch": torch.__version__, "safetensors": safetensors.__version__},
)


def case(name, hook, *, dtype=torch.float32, width=D, expected=None, forget=(), run=True, **settings):
    config = SparseCoderConfig(**{"num_latents": N, "k": 8, **settings})
    coder = SparseCoder(width, config, dtype=dtype)
    randomise(coder.named_parameters())
    path = group.path(name) / hook
    coder.save_to_disk(path)
    if forget:
        # as versions before these settings wrote it
        fields = json.loads((path / "cfg.json").read_text())
        (path / "cfg.json").write_text(json.dumps({key: v for key, v in fields.items() if key not in forget}))
    # read again by the library, and run in f32
    loaded = SparseCoder.load_from_disk(path)
    encoder, decoder = loaded.encoder.weight.clone(), loaded.W_dec.clone()
    loaded = loaded.float()
    x = torch.randn(TOKENS, width)
    with torch.no_grad():
        acts, indices, _ = loaded.encode(x)
        codes = torch.zeros(TOKENS, loaded.num_latents).scatter(-1, indices, acts)
        # encode() gives what is left of them by a ReLU
        pre = loaded.encoder(x if loaded.cfg.transcode else x - loaded.b_dec)
        output = loaded.decode(acts, indices)
    group.record(
        name,
        hook,
        expected={"family": "sparsify", "layer": 3, "site": "residual", "kind": config.activation,
                  "hook": hook.split("/")[0], "model": None, **(expected or {})},
        tensors={"encoder": encoder, "decoder": decoder,
                 **({"x": x, "pre": pre, "codes": codes, "output": output} if run else {})},
    )


case("topk", "layers.3")
case("topk_bfloat16", "layers.3", dtype=torch.bfloat16)
case("topk_square", "layers.3", width=N)
case("topk_expansion", "layers.3", num_latents=0, expansion_factor=3)
case("topk_oldest", "layers.3", forget=("activation", "num_latents", "skip_connection", "transcode", "multi_topk"),
     num_latents=0, expansion_factor=2)
case("topk_seeds", "h.3/seed1")
case("topk_attention", "gpt_neox.layers.3.attention", expected={"site": "attention-out"})
case("topk_mlp", "layers.3.mlp", expected={"site": "mlp-out"})
case("topk_embedding", "embed_tokens", expected={"site": "embedding", "layer": 0})
case("topk_elsewhere", "layers.3.mlp.up_proj", expected={"site": "unknown"})
case("groupmax", "layers.3", activation="groupmax")
transcoder = {"site": "transcoder", "outputSite": "mlp-out"}
case("transcoder", "layers.3.mlp", transcode=True, expected=transcoder)
case("skip_transcoder", "layers.3.mlp", transcode=True, skip_connection=True,
     expected={**transcoder, "skipConnection": True})
# The library forgets with the flag that it was a transcoder, and subtracts; what is written says otherwise.
case("skip_transcoder_old", "layers.3.mlp", transcode=True, skip_connection=True, forget=("transcode",), run=False,
     expected={**transcoder, "skipConnection": True})
(group.folder / "topk_mlp" / "config.json").write_text(json.dumps({"model": "EleutherAI/pythia-160m"}))
for entry in group.manifest["cases"]:
    if entry["name"] == "topk_mlp":
        entry["expected"]["model"] = "EleutherAI/pythia-160m"
group.write()
