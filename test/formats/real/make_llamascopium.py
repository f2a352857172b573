"""
Checkpoints of OpenMOSS llamascopium, written and evaluated by llamascopium.
    pip install llamascopium==2.0.0b34 transformer-lens==2.18.0 torch==2.13.0 && python make_llamascopium.py
"""

import json
from importlib.metadata import version

import safetensors
import torch
from llamascopium.models.crosscoder import Crosscoder, CrosscoderConfig
from llamascopium.models.sae import SAEConfig, SparseAutoEncoder
from recording import D, N, TOKENS, Group, randomise
from safetensors.torch import load_file, save_file

torch.manual_seed(8)
group = Group(
    "llamascopium",
    {"llamascopium": version("llamascopium"), "torch": torch.__version__, "safetensors": safetensors.__version__},
)
HOOK = "blocks.5.hook_resid_post"
NORMS = {HOOK: 7.5, "blocks.5.ln2.hook_normalized": 3.25, "blocks.5.hook_mlp_out": 0.875}


def initialise(model, norms):
    randomise(model.named_parameters())
    with torch.no_grad():
        if model.cfg.act_fn == "jumprelu":
            model.activation_function.log_jumprelu_threshold.uniform_(-1.5, 0.5)
        model.W_D.mul_(torch.rand(*model.W_D.shape[:-1], 1) + 0.25)
    model.set_dataset_average_activation_norm(norms)
    return model


def case(name, *, expected=None, hook_out=HOOK, hook_in=HOOK, prepare=None, **settings):
    config = SAEConfig(**{
        "hook_point_in": hook_in, "hook_point_out": hook_out, "d_model": D, "expansion_factor": 2.5, "act_fn": "jumprelu",
        **settings,
    })
    model = initialise(SparseAutoEncoder(config), {hook: NORMS[hook] for hook in (hook_in, hook_out)})
    path = group.path(name)
    model.save_pretrained(path, fold_activation_scale=prepare == "fold")
    model.cfg.save_hyperparameters(path)
    model = SparseAutoEncoder.from_pretrained(str(path))
    encoder, decoder = model.W_E.T, model.W_D
    x = torch.randn(TOKENS, D) * 2
    with torch.no_grad():
        scaled, factors = model.normalize_activations({hook_in: x}, return_scale_factor=True)
        codes, pre = model.encode(scaled[hook_in], return_hidden_pre=True)
        output = model.decode(codes)
        factor = model.compute_norm_factor(x, hook_out) if hook_in != hook_out else factors[hook_in]
        output = output / factor
    norm = model.decoder_norm() if config.act_fn == "topk" and config.sparsity_include_decoder_norm else 1
    is_sae = hook_in == hook_out
    runs = not config.use_glu_encoder
    group.record(
        name,
        expected={"family": "llamascopium", "layer": 5, "model": None, "kind": config.act_fn,
                  "site": "residual" if is_sae else "transcoder", "hook": hook_in, **(expected or {})},
        tensors={"encoder": encoder, "decoder": decoder,
                 **({"x": x, "pre": pre * norm, "codes": codes * norm, "output": output} if runs else {})},
    )


case("jumprelu")
case("jumprelu_folded", prepare="fold")
case("jumprelu_without_decoder_norm", sparsity_include_decoder_norm=False)
case("jumprelu_without_decoder_bias", use_decoder_bias=False)
case("jumprelu_token_wise", norm_activation="token-wise", expected={"inputNorm": "constant-norm"})
case("jumprelu_square", expansion_factor=1.0)
case("relu", act_fn="relu")
case("topk", act_fn="topk", top_k=7)
case("topk_without_decoder_norm", act_fn="topk", top_k=7, sparsity_include_decoder_norm=False)
case("transcoder", hook_in="blocks.5.ln2.hook_normalized", hook_out="blocks.5.hook_mlp_out",
     expected={"outputSite": "mlp-out"})
case("glu", use_glu_encoder=True, expected={"decoderOnly": True})

# The Llama Scope of DeepSeek-R1-Distill: other names, matrices the other way round.
source = load_file(group.folder / "jumprelu" / "sae_weights.safetensors")
names = {"W_E": "encoder.weight", "b_E": "encoder.bias", "W_D": "decoder.weight", "b_D": "decoder.bias",
         "activation_function.log_jumprelu_threshold": "log_jumprelu_threshold"}
renamed = {names.get(name, name): (tensor.T if tensor.ndim == 2 else tensor).contiguous()
           for name, tensor in source.items()}
save_file(renamed, group.path("distill") / "sae_weights.safetensors")
(group.path("distill") / "config.json").write_text((group.folder / "jumprelu" / "config.json").read_text())
original = group.manifest["cases"][0]
group.manifest["cases"].append({**original, "name": "distill"})
(group.folder / "distill.expected.safetensors").write_bytes(
    (group.folder / "jumprelu.expected.safetensors").read_bytes())

# A crosscoder: the decoder of each layer.
hooks = [f"blocks.{layer}.hook_resid_post" for layer in (2, 4, 9)]
model = initialise(
    Crosscoder(CrosscoderConfig(hook_points=hooks, d_model=D, expansion_factor=2.5, act_fn="jumprelu")),
    {hook: 3.0 + place for place, hook in enumerate(hooks)},
)
path = group.path("crosscoder")
model.save_pretrained(path)
model.cfg.save_hyperparameters(path)
for head, layer in enumerate((2, 4, 9)):
    group.record(
        f"crosscoder_{layer}",
        f"#{layer}",
        folder="crosscoder",
        expected={"family": "llamascopium", "layer": layer, "model": None, "kind": "jumprelu", "site": "crosscoder",
                  "outputSite": "residual", "hook": hooks[head], "decoderOnly": True},
        tensors={"encoder": model.W_E[head].T, "decoder": model.W_D[head]},
    )
group.write()
