"""
Checkpoints of every architecture of SAELens 5, written and evaluated by SAELens.
    pip install sae-lens==5.11.0 torch==2.13.0 && python make_sae_lens_5.py
"""

import warnings

import safetensors
import torch
from recording import D, N, TOKENS, Group, randomise
from sae_lens import __version__
from sae_lens.sae import SAE, SAEConfig

warnings.filterwarnings("ignore")
torch.manual_seed(5)
group = Group(
    "sae_lens_5",
    {"sae-lens": __version__, "torch": torch.__version__, "safetensors": safetensors.__version__},
)


def case(name, architecture, *, expected=None, heads=None, hook="blocks.7.hook_resid_post", **settings):
    config = SAEConfig.from_dict({
        "architecture": architecture, "d_in": D, "d_sae": N, "activation_fn_str": "relu", "apply_b_dec_to_input": True,
        "finetuning_scaling_factor": False, "context_size": 8, "model_name": "gpt2-small", "hook_name": hook,
        "hook_layer": 7, "hook_head_index": None, "prepend_bos": True, "dataset_path": "none",
        "dataset_trust_remote_code": False, "normalize_activations": "none", "dtype": "float32", "device": "cpu",
        "sae_lens_training_version": __version__, **settings,
    })
    sae = SAE(config)
    randomise(sae.named_parameters())
    with torch.no_grad():
        if architecture == "jumprelu":
            sae.threshold.abs_().add_(0.2)
        if settings.get("finetuning_scaling_factor"):
            sae.finetuning_scaling_factor.abs_().add_(0.5)
        sae.W_dec.mul_(torch.rand(N, 1) + 0.5)
    sae.save_model(group.path(name))
    # SAELens 5.11 refuses to load the factors that it saves
    loaded = sae if settings.get("finetuning_scaling_factor") else SAE.load_from_disk(group.path(name))
    encoder, decoder = loaded.W_enc.T.clone(), loaded.W_dec.clone()
    scale = 0.375 if settings.get("normalize_activations") == "expected_average_only_in" else None
    if scale is not None:
        loaded.fold_activation_norm_scaling_factor(scale)
    seen = []
    loaded.hook_sae_acts_pre.add_hook(lambda value, hook: seen.append(value))
    x = torch.randn(TOKENS, D)
    with torch.no_grad():
        codes = loaded.encode(x if heads is None else x.reshape(TOKENS, heads, -1))
        output = loaded.decode(codes).reshape(TOKENS, -1)
    group.record(
        name,
        options={} if scale is None else {"activationScale": scale},
        expected={"family": "sae-lens", "layer": 7, "model": "gpt2-small", "site": "residual", **(expected or {})},
        tensors={"encoder": encoder, "decoder": decoder, "x": x, "pre": seen[0], "codes": codes, "output": output},
    )


relu, jumprelu, gated, topk = ({"kind": kind} for kind in ("relu", "jumprelu", "gated", "topk"))
case("standard", "standard", expected=relu)
case("standard_without_subtraction", "standard", apply_b_dec_to_input=False, expected=relu)
case("standard_with_factors", "standard", finetuning_scaling_factor=True, expected=relu)
case("standard_layer_norm", "standard", normalize_activations="layer_norm", expected={"inputNorm": "layer-norm"})
case("standard_constant_norm", "standard", normalize_activations="constant_norm_rescale",
     expected={"inputNorm": "constant-norm"})
case("standard_scaled", "standard", normalize_activations="expected_average_only_in", expected=relu)
case("standard_hook_z", "standard", hook="blocks.7.attn.hook_z", heads=4, expected={"site": "hook-z"})
# SAELens issue 553: a TopK that calls itself standard.
case("topk_called_standard", "standard", activation_fn_str="topk", activation_fn_kwargs={"k": 7}, expected=topk)
case("topk", "topk", activation_fn_str="topk", activation_fn_kwargs={"k": 7}, expected=topk)
case("jumprelu", "jumprelu", expected=jumprelu)
case("jumprelu_with_factors", "jumprelu", finetuning_scaling_factor=True, expected=jumprelu)
case("gated", "gated", expected=gated)
group.write()
