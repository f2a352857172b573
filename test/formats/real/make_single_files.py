"""
SAEs that are a single file of torch.save. Those of OpenAI are written and evaluated by its code; Goodfire and the SAEs of
attention outputs have no library, so that the modules below follow their model cards.
    pip install torch==2.13.0 safetensors==0.8.0 && pip install --no-deps
        git+https://github.com/openai/sparse_autoencoder@4965b94 && python make_single_files.py
"""

import importlib.util
import json
import sys
import types

import torch
from recording import D, N, TOKENS, Group, randomise

# Its __init__ imports nothing more than this, but its paths want blobfile.
package = types.ModuleType("sparse_autoencoder")
package.__path__ = list(importlib.util.find_spec("sparse_autoencoder").submodule_search_locations)
sys.modules["sparse_autoencoder"] = package

from sparse_autoencoder.model import Autoencoder, TopK

torch.manual_seed(11)
VERSIONS = {"torch": torch.__version__}


def record(group, name, at, encoder, decoder, x, pre, codes, output, **expected):
    group.record(name, at, expected=expected, tensors={
        "encoder": encoder, "decoder": decoder, "x": x, "pre": pre, "codes": codes, "output": output})


openai = Group("openai", {**VERSIONS, "sparse_autoencoder": "4965b94"})


def openai_case(name, location, *, site, hook, tied=False, k=None, inputs=D, **expected):
    ae = Autoencoder(N, inputs, activation=torch.nn.ReLU() if k is None else TopK(k), tied=tied, normalize=k is not None)
    randomise(ae.named_parameters())
    at = f"gpt2-small/{location}/autoencoders/6.pt"
    (openai.path(name) / at).parent.mkdir(parents=True, exist_ok=True)
    torch.save(ae.state_dict(), openai.path(name) / at)
    loaded = ae if tied else Autoencoder.from_state_dict(torch.load(openai.path(name) / at), strict=False)
    x = 3 * torch.randn(TOKENS, inputs) + 1
    with torch.no_grad():
        codes, info = loaded.encode(x)
        pre = loaded.encode_pre_act(loaded.preprocess(x)[0])
        record(openai, name, at, ae.encoder.weight, ae.encoder.weight if tied else ae.decoder.weight.T, x, pre, codes,
               loaded.decode(codes, info), family="openai", layer=6, model="gpt2-small", site=site, hook=hook,
               kind="relu" if k is None else "topk", inputNorm="none" if k is None else "layer-norm", **expected)


openai_case("topk", "resid_post_mlp_v5_32k", k=7, site="residual", hook="blocks.6.hook_resid_post")
openai_case("topk_attention", "resid_delta_attn_v5_128k", k=3, site="attention-out", hook="blocks.6.hook_attn_out")
openai_case("topk_square", "resid_post_attn_v5_32k", k=7, inputs=N, site="residual", hook="blocks.6.hook_resid_mid")
openai_case("relu", "resid_delta_mlp", site="mlp-out", hook="blocks.6.hook_mlp_out")
openai_case("relu_tied", "mlp_post_act_v4", tied=True, site="unknown", hook="blocks.6.mlp.hook_post")
openai.write()


class LinearLayers(torch.nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.encoder_linear = torch.nn.Linear(inputs, N)
        self.decoder_linear = torch.nn.Linear(N, inputs)


goodfire = Group("goodfire", VERSIONS)
for name, at, inputs, dtype in (
    ("llama_3_1", "Llama-3.1-8B-Instruct-SAE-l19.pth", D, torch.bfloat16),
    ("llama_3_3", "Llama-3.3-70B-Instruct-SAE-l50.pt", N, torch.float32),
):
    module = LinearLayers(inputs)
    randomise(module.named_parameters())
    module = module.to(dtype)
    torch.save(module.state_dict(), goodfire.path(name) / at)
    encoder, decoder = module.encoder_linear.weight.clone(), module.decoder_linear.weight.T.clone()
    module, x = module.float(), torch.randn(TOKENS, inputs)
    pre = module.encoder_linear(x)
    layer = int(at.split("-l")[1].split(".")[0])
    record(goodfire, name, at, encoder, decoder, x, pre, pre.relu(), module.decoder_linear(pre.relu()), family="goodfire",
           layer=layer, hook=f"blocks.{layer}.hook_resid_post", site="residual", kind="relu",
           model=f"meta-llama/{at.split('-SAE')[0]}")
goodfire.write()

hook_z = Group("hook_z", VERSIONS)
for name, inputs in (("gpt2", D), ("gpt2_square", N)):
    state = {key: torch.nn.Parameter(torch.randn(shape)) for key, shape in (
        ("W_enc", (inputs, N)), ("W_dec", (N, inputs)), ("b_enc", (N,)), ("b_dec", (inputs,)))}
    at = "gpt2-small_L5_Hcat_z_lr1.20e-03_ds24576_v9"
    torch.save(state, hook_z.path(name) / f"{at}.pt")
    config = {"seed": 49, "act_size": inputs, "dict_size": N, "act_name": "blocks.5.attn.hook_z", "layer": 5, "site": "z"}
    (hook_z.path(name) / f"{at}_cfg.json").write_text(json.dumps(config))
    x = torch.randn(TOKENS, inputs)
    pre = (x - state["b_dec"]) @ state["W_enc"] + state["b_enc"]
    record(hook_z, name, f"{at}.pt", state["W_enc"].T, state["W_dec"], x, pre, pre.relu(),
           pre.relu() @ state["W_dec"] + state["b_dec"], family="hook-z", layer=5, hook="blocks.5.attn.hook_z",
           site="hook-z", kind="relu", model="gpt2-small")
hook_z.write()
