"""
Checkpoints as the scopes publish them, written by safetensors and torch. Their libraries are not on PyPI: what they
compute is written down here, from the code that is named with each.
    pip install safetensors==0.8.0 torch==2.13.0 && python make_scopes.py
"""

import json
import math

import safetensors
import torch
from recording import D, N, TOKENS, Group
from safetensors.torch import save_file

torch.manual_seed(9)
versions = {"torch": torch.__version__, "safetensors": safetensors.__version__}


def randn(*shape, size=1.0):
    return torch.randn(*shape, dtype=torch.float64).mul(size).float()


def keep_largest(values, k):
    kept = torch.topk(values, k, dim=-1)
    return torch.zeros_like(values).scatter(-1, kept.indices, kept.values)


# Gemma Scope 2: z = x W_enc + b_enc, JumpReLU, f W_dec + b_dec.
# https://huggingface.co/google/gemma-scope-2, the tutorial of its model card.
group = Group("gemma_scope_2", versions)
MODEL = "google/gemma-3-4b-pt"


def gemma_parameters(width=N, outputs=None):
    decoder = randn(width, D) if outputs is None else randn(width, outputs, D)
    return {"w_enc": randn(D, width), "w_dec": decoder, "b_enc": randn(width, size=0.3), "b_dec": randn(D, size=0.3),
            "threshold": randn(width).abs() + 0.2}


def gemma_config(hook_in, hook_out, kind, width=N, **fields):
    return {"hf_hook_point_in": hook_in, "hf_hook_point_out": hook_out, "width": width, "model_name": MODEL,
            "architecture": "jump_relu", "l0": 150, "affine_connection": False, "type": kind, **fields}


def write_gemma(case, place, config, parameters, file="params.safetensors"):
    path = group.path(case) / place
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    save_file(parameters, path / file)


def run_gemma(parameters, decoder, decoder_bias):
    x = randn(TOKENS, D)
    pre = x @ parameters["w_enc"] + parameters["b_enc"]
    codes = pre * (pre > parameters["threshold"]) * (pre > 0)
    return {"x": x, "pre": pre, "codes": codes, "output": codes @ decoder + decoder_bias}


def gemma(case, place, hook_in, hook_out=None, kind="sae", expected=None, width=N, skip=False):
    parameters = gemma_parameters(width)
    stored = {**parameters, **({"affine_skip_connection": randn(D, D)} if skip else {})}
    write_gemma(case, place, gemma_config(hook_in, hook_out or hook_in, kind, width), stored)
    group.record(
        case,
        place,
        expected={"family": "gemma-scope-2", "layer": 17, "model": MODEL, "kind": "jumprelu", "hook": hook_in,
                  "averageL0": 150, "skipConnection": skip, "warnings": [], **expected},
        tensors={"encoder": parameters["w_enc"].T, "decoder": parameters["w_dec"],
                 **run_gemma(parameters, parameters["w_dec"], parameters["b_dec"])},
    )


residual = "model.layers.17.output"
written = "model.layers.17.post_feedforward_layernorm.output"
gemma("residual", "resid_post/layer_17_width_16k_l0_big", residual, expected={"site": "residual"})
gemma("square", "resid_post/layer_17_width_16k_l0_big", residual, expected={"site": "residual"}, width=D)
gemma("mlp_out", "mlp_out_all/layer_17_width_16k_l0_big", written, expected={"site": "mlp-out"})
gemma("attention", "attn_out/layer_17_width_16k_l0_big", "model.layers.17.self_attn.o_proj.input",
      expected={"site": "hook-z"})
for case, skip in (("transcoder", False), ("affine_transcoder", True)):
    gemma(case, "transcoder_all/layer_17_width_16k_l0_big", "model.layers.17.pre_feedforward_layernorm.output", written,
          "transcoder", {"site": "transcoder", "outputSite": "mlp-out"}, skip=skip)

# Each file has the features of one layer, which write to that one and to later ones. Outputs are counted from the first
# layer on, with zeros before the own one; or from the own layer on, with fewer of them, or with zeros behind.
layers = [5, 9, 12, 15]
for case, kind in (("crosscoder", "absolute"), ("crosscoder_from_own", "fewer"), ("crosscoder_padded", "padded")):
    place = "crosscoder/layer_5_9_12_15_width_160_l0_big"
    hook = "model.layers.{5,9,12,15}.output"
    config = gemma_config(hook, hook, "crosscoder", width=4 * N)
    for own in range(4):
        parameters = gemma_parameters(N, 4)
        full = parameters["w_dec"].clone()
        full[:, :own] = 0
        parameters["w_dec"] = {
            "absolute": full, "fewer": full[:, own:].contiguous(), "padded": torch.roll(full, -own, dims=1),
        }[kind]
        write_gemma(case, place, config, parameters, f"params_layer_{own}.safetensors")
        for target in range(own, 4) if own == 1 else [own]:
            at = f"{place}/params_layer_{own}.safetensors" + (f"#{layers[target]}" if target != own else "")
            ran = run_gemma(parameters, full[:, target], parameters["b_dec"] if target == own else torch.zeros(D))
            group.record(
                f"{case}_{own}_{target}" if own == 1 else f"{case}_{own}",
                at,
                folder=case,
                expected={"family": "gemma-scope-2", "layer": layers[target], "model": MODEL, "kind": "jumprelu",
                          "site": "crosscoder", "outputSite": "residual",
                          "hook": f"model.layers.{layers[own]}.output", "averageL0": 150},
                tensors={"encoder": parameters["w_enc"].T, "decoder": full[:, target], **ran},
            )

# A cross-layer transcoder of three layers, in bfloat16.
place = "clt/width_262k_l0_big_affine"
config = gemma_config("model.layers.{all}.pre_feedforward_layernorm.output",
                      "model.layers.{all}.post_feedforward_layernorm.output", "clt", width=3 * N)
for own in range(3):
    parameters = {name: tensor.bfloat16() for name, tensor in gemma_parameters(N, 3).items()}
    parameters["w_dec"][:, :own] = 0
    write_gemma("clt", place, config, {**parameters, "affine_skip_connection": randn(D, D).bfloat16()},
                f"params_layer_{own}.safetensors")
    wide = {name: tensor.float() for name, tensor in parameters.items()}
    group.record(
        f"clt_{own}",
        f"{place}/params_layer_{own}.safetensors",
        folder="clt",
        expected={"family": "gemma-scope-2", "layer": own, "model": MODEL, "kind": "jumprelu", "site": "transcoder",
                  "outputSite": "mlp-out", "hook": f"model.layers.{own}.pre_feedforward_layernorm.output",
                  "skipConnection": True},
        tensors={"encoder": wide["w_enc"].T, "decoder": wide["w_dec"][:, own],
                 **run_gemma(wide, wide["w_dec"][:, own], wide["b_dec"])},
    )
group.write()

# Llama Scope: https://github.com/OpenMOSS/Language-Model-SAEs of November 2024, src/lm_saes/sae.py: from_config folds the
# scaling of activations and decoder norms into the parameters, encode compares with the one threshold.
group = Group("llama_scope", versions)


def llama(name, letter, hook_in, hook_out=None, expected=None, dtype=torch.bfloat16, width=N, **settings):
    hook_out = hook_out or hook_in
    config = {
        "hook_point_in": hook_in, "hook_point_out": hook_out, "use_decoder_bias": True,
        "apply_decoder_bias_to_pre_encoder": False, "expansion_factor": 8, "d_model": D, "d_sae": width,
        "act_fn": "jumprelu", "jump_relu_threshold": 0.75390625, "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": 3.25, "out": 3.25 if hook_in == hook_out else 0.4375},
        "decoder_exactly_fixed_norm": False, "sparsity_include_decoder_norm": True, "use_glu_encoder": False,
        "top_k": 7, **settings,
    }
    stored = {"encoder.weight": randn(width, D), "encoder.bias": randn(width, size=0.3),
              "decoder.weight": randn(D, width) * (torch.rand(1, width) + 0.25), "decoder.bias": randn(D, size=0.3)}
    stored = {key: tensor.to(dtype).contiguous() for key, tensor in stored.items()}
    place = f"Llama3_1-8B-Base-L15{letter}-8x"
    path = group.path(name) / place
    (path / "checkpoints").mkdir(parents=True, exist_ok=True)
    (path / "hyperparams.json").write_text(json.dumps(config, indent=4))
    save_file(stored, path / "checkpoints" / "final.safetensors")

    encoder, bias, decoder, decoder_bias = (tensor.float() for tensor in stored.values())
    tensors = {"encoder": encoder.clone(), "decoder": decoder.T.clone()}
    scale_in = scale_out = 1.0
    if config["norm_activation"] == "dataset-wise":
        scale_in, scale_out = (
            math.sqrt(D) / config["dataset_average_activation_norm"][side] for side in ("in", "out"))
    bias, decoder_bias, decoder = bias / scale_in, decoder_bias / scale_out, decoder * scale_in / scale_out
    norm = torch.ones(width)
    if config["sparsity_include_decoder_norm"]:
        norm = decoder.norm(dim=0)
        decoder, encoder, bias = decoder / norm, encoder * norm[:, None], bias * norm
    x = randn(TOKENS, D, size=3.25 / math.sqrt(D) * 2)
    given = x - decoder_bias if config["apply_decoder_bias_to_pre_encoder"] else x
    pre = given @ encoder.T + bias
    if config["jump_relu_threshold"] > 0:
        codes = pre.where(pre > config["jump_relu_threshold"], torch.zeros(()))
    else:
        codes = keep_largest(pre.clamp(min=0), config["top_k"])
    # back to the codes of the file's own network, whose activations are scaled and whose decoder is not of unit norm;
    # those of TopK by decoder norm are canonical with the stored norm in them
    unit = scale_out if config["jump_relu_threshold"] == 0 else scale_in / norm
    group.record(
        name,
        place,
        expected={"family": "llama-scope", "layer": 15, "model": "meta-llama/Llama-3.1-8B", "hook": hook_in,
                  "kind": "jumprelu" if config["jump_relu_threshold"] > 0 else "topk", **expected},
        tensors={**tensors, "x": x, "pre": pre * unit, "codes": codes * unit, "output": codes @ decoder.T + decoder_bias},
    )


llama("residual", "R", "blocks.15.hook_resid_post", expected={"site": "residual"})
llama("mlp_out", "M", "blocks.15.hook_mlp_out", expected={"site": "mlp-out"})
llama("attention_out", "A", "blocks.15.hook_attn_out", expected={"site": "attention-out"})
llama("transcoder", "TC", "blocks.15.ln2.hook_normalized", "blocks.15.hook_mlp_out",
      expected={"site": "transcoder", "outputSite": "mlp-out"})
llama("square", "R", "blocks.15.hook_resid_post", expected={"site": "residual"}, width=D)
llama("without_decoder_norm", "R", "blocks.15.hook_resid_post", expected={"site": "residual"},
      sparsity_include_decoder_norm=False)
llama("subtracting", "R", "blocks.15.hook_resid_post", expected={"site": "residual"},
      apply_decoder_bias_to_pre_encoder=True)
llama("topk_made_jumprelu", "R", "blocks.15.hook_resid_post", expected={"site": "residual"}, act_fn="topk")
llama("topk", "R", "blocks.15.hook_resid_post", expected={"site": "residual"}, act_fn="topk", jump_relu_threshold=0.0,
      dtype=torch.float32)
llama("unscaled", "R", "blocks.15.hook_resid_post", expected={"site": "residual"}, norm_activation="none")
group.write()

# Qwen-Scope: the k largest of x W_enc^T + b_enc, of which none is negative where k is small beside n. https://huggingface.co/Qwen, the model cards of SAE-Res-*.
group = Group("qwen_scope", versions)
for case, width, k in (("residual", N, 7), ("square", D, 2)):
    path = group.path(case)
    config = {"model_type": "topk_sae", "base_model": "Qwen/Qwen3-8B-Base", "d_model": D, "d_sae": width, "k": k,
              "num_layers": 36, "hook_point": "resid_post", "dtype": "float32"}
    (path / "config.json").write_text(json.dumps(config))
    for layer in (0, 31):
        state = {"W_enc": randn(width, D), "W_dec": randn(D, width), "b_enc": randn(width, size=0.3),
                 "b_dec": randn(D, size=0.3)}
        torch.save(state, path / f"layer{layer}.sae.pt")
        x = randn(TOKENS, D)
        pre = x @ state["W_enc"].T + state["b_enc"]
        codes = keep_largest(pre, k)
        group.record(
            f"{case}_{layer}",
            f"layer{layer}.sae.pt",
            folder=case,
            expected={"family": "qwen-scope", "layer": layer, "model": "Qwen/Qwen3-8B-Base", "site": "residual",
                      "kind": "topk", "hook": f"blocks.{layer}.hook_resid_post"},
            tensors={"encoder": state["W_enc"], "decoder": state["W_dec"].T, "x": x, "pre": pre, "codes": codes,
                     "output": codes @ state["W_dec"].T + state["b_dec"]},
        )
group.write()
