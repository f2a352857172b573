"""
Checkpoints of every architecture of SAELens 6, written and evaluated by SAELens.
    pip install sae-lens==6.54.12 torch==2.13.0 && python make_sae_lens_6.py
"""

import warnings

import sae_lens
import safetensors
import torch
from recording import D, N, TOKENS, Group, randomise
from sae_lens.registry import get_sae_class, get_sae_training_class
from sae_lens.saes.sae import SAE, SAEMetadata

warnings.filterwarnings("ignore")
torch.manual_seed(6)
group = Group(
    "sae_lens_6",
    {"sae-lens": sae_lens.__version__, "torch": torch.__version__, "safetensors": safetensors.__version__},
)
HOOK = "blocks.7.hook_resid_post"
KINDS = {"standard": "relu", "transcoder": "relu", "skip_transcoder": "relu", "jumprelu_transcoder": "jumprelu",
         "jumprelu_skip_transcoder": "jumprelu", "batchtopk": "jumprelu", "matryoshka_batchtopk": "jumprelu"}


def make(architecture, *, training=False, hook=HOOK, **settings):
    cls, config_class = (get_sae_training_class if training else get_sae_class)(architecture)
    metadata = SAEMetadata(model_name="gpt2-small", hook_name=hook)
    config = config_class(**{"d_in": D, "d_sae": N, "metadata": metadata, **settings})
    sae = cls(config)
    randomise((name, p) for name, p in sae.named_parameters() if not name.startswith("attn_layers"))
    with torch.no_grad():
        for name in ("threshold", "log_threshold"):
            if getattr(sae, name, None) is not None:
                getattr(sae, name).abs_().add_(0.2)
        sae.W_dec.mul_(torch.rand(N, 1) + 0.5)
        if hasattr(sae, "topk_threshold"):
            sae.topk_threshold.fill_(0.75)
    return sae


def run(sae, x):
    """Pre-activations and codes in the units of the library's codes, and what it decodes them to."""
    seen = []
    sae.hook_sae_acts_pre.add_hook(lambda value, hook: seen.append(value))
    with torch.no_grad():
        codes = sae.encode(x)
        output = sae.decode(codes)
    pre = seen[0]
    if getattr(sae.cfg, "rescale_acts_by_decoder_norm", False):
        pre = pre * sae.W_dec.norm(dim=-1)
    return pre, codes, output


def case(name, architecture, *, training=False, inference=True, scale=None, expected=None, heads=None, **settings):
    sae = make(architecture, training=training, **settings)
    path = group.path(name)
    if training and inference:
        sae.save_inference_model(path)
    else:
        sae.save_model(path)
    if training and not inference:
        loaded = sae
    else:
        loaded = SAE.load_from_disk(path, dtype="float32")
    stored = SAE.load_from_disk(path) if inference else sae
    encoder, decoder = stored.W_enc.T.clone(), stored.W_dec.clone()
    if scale is not None:
        loaded.fold_activation_norm_scaling_factor(scale)
    x = torch.randn(TOKENS, loaded.cfg.d_in)
    pre, codes, output = run(loaded, x if heads is None else x.reshape(TOKENS, heads, -1))
    group.record(
        name,
        options={} if scale is None else {"activationScale": scale},
        expected={
            "family": "sae-lens", "layer": 7, "model": "gpt2-small", "site": "residual",
            "kind": KINDS.get(architecture, architecture), **(expected or {}),
        },
        tensors={
            "encoder": encoder, "decoder": decoder, "x": x, "pre": pre, "codes": codes,
            "output": output.reshape(TOKENS, -1),
        },
    )


for dtype in ("float64", "float32", "float16", "bfloat16"):
    case(f"standard_{dtype}", "standard", dtype=dtype)
case("standard_square", "standard", d_sae=N, d_in=N)
case("standard_without_subtraction", "standard", apply_b_dec_to_input=False)
case("standard_layer_norm", "standard", normalize_activations="layer_norm", expected={"inputNorm": "layer-norm"})
case("standard_constant_norm", "standard", normalize_activations="constant_norm_rescale",
     expected={"inputNorm": "constant-norm"})
case("standard_scaled", "standard", normalize_activations="expected_average_only_in", scale=0.375)
case("standard_hook_z", "standard", hook="blocks.7.attn.hook_z", reshape_activations="hook_z", heads=4,
     expected={"site": "hook-z"})
case("standard_training", "standard", training=True)
case("topk", "topk", k=7)
case("topk_by_decoder_norm", "topk", k=7, rescale_acts_by_decoder_norm=True)
case("topk_training", "topk", training=True, k=7, rescale_acts_by_decoder_norm=True)
case("jumprelu", "jumprelu")
case("jumprelu_bfloat16", "jumprelu", dtype="bfloat16")
case("jumprelu_scaled", "jumprelu", normalize_activations="expected_average_only_in", scale=0.375)
case("jumprelu_training", "jumprelu", training=True)
case("gated", "gated")
case("gated_training", "gated", training=True)
case("gated_scaled", "gated", normalize_activations="expected_average_only_in", scale=0.375)
case("batchtopk", "batchtopk", training=True, k=7)
case("batchtopk_by_decoder_norm", "batchtopk", training=True, k=7, rescale_acts_by_decoder_norm=True)
case("matryoshka", "matryoshka_batchtopk", training=True, k=7, matryoshka_widths=[8, 16, N])
for name in ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder"):
    case(name, name, d_out=24, apply_b_dec_to_input=False, hook="blocks.7.ln2.hook_normalized",
         expected={"site": "transcoder", "skipConnection": "skip" in name})

# What training alone knows: the threshold is one number, and the activation at training is BatchTopK.
for name, by_norm in (("batchtopk_checkpoint", False), ("batchtopk_checkpoint_by_decoder_norm", True)):
    sae = make("batchtopk", training=True, k=7, rescale_acts_by_decoder_norm=by_norm)
    sae.save_model(group.path(name))
    sae.save_inference_model(group.folder / "scratch")
    loaded = SAE.load_from_disk(group.folder / "scratch", dtype="float32")
    x = torch.randn(TOKENS, D)
    pre, codes, output = run(loaded, x)
    norms = sae.W_dec.norm(dim=-1) if by_norm else torch.ones(N)
    group.record(
        name,
        expected={"family": "sae-lens", "layer": 7, "model": "gpt2-small", "site": "residual", "kind": "jumprelu"},
        tensors={"encoder": sae.W_enc.T, "decoder": sae.W_dec, "x": x, "pre": pre / norms, "codes": codes / norms,
                 "output": output},
    )
for file in (group.folder / "scratch").iterdir():
    file.unlink()
(group.folder / "scratch").rmdir()

# What has no linear encoder: only its decoder is compared.
for name, architecture, settings in (
    ("temporal", "temporal", {"n_heads": 2, "bottleneck_factor": 4, "kval_topk": 7}),
    ("temporal_untied", "temporal", {"n_heads": 2, "bottleneck_factor": 4, "kval_topk": 7, "tied_weights": False}),
    ("matching_pursuit", "matching_pursuit", {}),
):
    sae = make(architecture, **settings)
    sae.save_model(group.path(name))
    encoder = sae.W_enc.T if name == "temporal_untied" else sae.W_dec
    group.record(
        name,
        expected={"family": "sae-lens", "layer": 7, "model": "gpt2-small", "site": "residual", "decoderOnly": True},
        tensors={"encoder": encoder, "decoder": sae.W_dec},
    )

group.write()
