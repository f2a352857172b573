"""
Dictionaries of every class of dictionary_learning, written and evaluated by it; some trained with its trainSAE.
    pip install torch==2.13.0 einops==0.8.2 tqdm safetensors==0.8.0
    pip install --no-deps dictionary-learning==0.1.0 && python make_dictionary_learning.py dictionary_learning
    pip install --no-deps git+https://github.com/saprmarks/dictionary_learning@60ec6bf
        && python make_dictionary_learning.py dictionary_learning_2025
The second one, of the same version number, writes backups.
"""

import importlib.util
import inspect
import json
import sys
import types
import warnings

import torch
from recording import D, N, TOKENS, Group, randomise

warnings.filterwarnings("ignore")
# Its __init__ and its training import what only language models and plots need.
package = types.ModuleType("dictionary_learning")
package.__path__ = list(importlib.util.find_spec("dictionary_learning").submodule_search_locations)
sys.modules["dictionary_learning"] = package
sys.modules["wandb"] = types.ModuleType("wandb")
sys.modules["dictionary_learning.evaluation"] = types.ModuleType("evaluation")
sys.modules["dictionary_learning.evaluation"].evaluate = None

from dictionary_learning.dictionary import AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE, BatchTopKTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE, MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.standard import StandardTrainer, StandardTrainerAprilUpdate
from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer
from dictionary_learning.training import trainSAE

torch.manual_seed(7)
group = Group(sys.argv[1], {"dictionary-learning": "0.1.0", "torch": torch.__version__})
K = 7
PLACE = {"layer": 7, "lm_name": "EleutherAI/pythia-70m-deduped", "submodule_name": "resid_post_layer_7"}
KINDS = {"AutoEncoder": "relu", "AutoEncoderNew": "relu", "AutoEncoderTopK": "topk", "BatchTopKSAE": "jumprelu",
         "MatryoshkaBatchTopKSAE": "jumprelu", "JumpReluAutoEncoder": "jumprelu", "GatedAutoEncoder": "gated"}


def run(ae, x):
    """Pre-activations, codes and output, in f32."""
    with torch.no_grad():
        if isinstance(ae, GatedAutoEncoder):
            pre = ae.r_mag.exp() * ae.encoder(x - ae.decoder_bias) + ae.mag_bias
        elif isinstance(ae, JumpReluAutoEncoder):
            _, pre = ae.encode(x, output_pre_jump=True)
        elif isinstance(ae, MatryoshkaBatchTopKSAE):
            pre = (x - ae.b_dec) @ ae.W_enc + ae.b_enc
        elif isinstance(ae, AutoEncoderNew):
            pre = ae.encoder(x)
        else:
            pre = ae.encoder(x - (ae.bias if isinstance(ae, AutoEncoder) else ae.b_dec))
        codes = ae.encode(x)
        return {"x": x, "pre": pre, "codes": codes, "output": ae.decode(codes)}


def record(name, ae, at="", spread=1.0, **expected):
    """Says what the library makes of a dictionary that lies at a place already."""
    plain = hasattr(ae, "W_enc")
    encoder, decoder = (ae.W_enc.T, ae.W_dec) if plain else (ae.encoder.weight, ae.decoder.weight.T)
    tensors = {"encoder": encoder.clone(), "decoder": decoder.clone()}
    group.record(
        name,
        at,
        expected={
            "family": "dictionary-learning", "layer": 7, "model": PLACE["lm_name"], "hook": PLACE["submodule_name"],
            "site": "residual", "kind": KINDS[type(ae).__name__], "architecture": type(ae).__name__, **expected,
        },
        tensors={**tensors, **run(ae.float(), torch.randn(TOKENS, encoder.shape[1]) * spread)},
    )


def case(name, ae, *, threshold=None, dict_class=None, drop=(), **expected):
    randomise((key, p) for key, p in ae.named_parameters() if key != "threshold")
    with torch.no_grad():
        if isinstance(ae, JumpReluAutoEncoder):
            ae.threshold.copy_(torch.rand(ae.threshold.shape) + 0.2)
        elif threshold is not None:
            ae.threshold.fill_(threshold)
    path = group.path(name)
    trainer = {"dict_class": dict_class or type(ae).__name__, "activation_dim": ae.activation_dim,
               "dict_size": ae.dict_size, **({"k": K} if hasattr(ae, "k") else {}), **PLACE}
    (path / "config.json").write_text(json.dumps({"trainer": trainer, "buffer": {"ctx_len": 128}}, indent=4))
    torch.save({key: value.cpu() for key, value in ae.state_dict().items() if key not in drop}, path / "ae.pt")
    record(name, ae, **expected)




class Data:
    """Activations away from zero and not of unit norm; a run on them may be interrupted."""

    def __init__(self, steps, interrupted=False):
        self.steps, self.interrupted, self.generator = steps, interrupted, torch.Generator().manual_seed(3)
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        for _ in range(self.steps):
            yield 5 * torch.randn(64, D, generator=self.generator) + 2
        if self.interrupted and self.passes > 1:
            raise KeyboardInterrupt


def train(name, trainer, *, interrupted=False, steps=40, **settings):
    """Runs its training; the dictionary then lies in trainer_0."""
    if "k" in inspect.signature(trainer.__init__).parameters:
        settings |= {"k": K, "threshold_start_step": 10}
    if "sparsity_warmup_steps" in inspect.signature(trainer.__init__).parameters:
        settings["sparsity_warmup_steps"] = 5
    config = {"trainer": trainer, "steps": 100, "activation_dim": D, "dict_size": N, "device": "cpu", "lr": 1e-2,
              "warmup_steps": 5, **PLACE, **settings}
    extra = {"backup_steps": 10} if interrupted else {}
    try:
        trainSAE(Data(steps, interrupted), [config], steps=100 if interrupted else steps, save_steps=[20],
                 save_dir=str(group.path(name)), normalize_activations=True, device="cpu", **extra)
    except KeyboardInterrupt:
        pass
    return group.path(name) / "trainer_0"


def trained(name, trainer, cls, at="trainer_0", file="ae.pt", **settings):
    path = train(name, trainer, **settings)
    options = {"normalize_decoder": False} if cls is AutoEncoder else {}
    record(name, cls.from_pretrained(path / file, **options), at, spread=5)


def backed_up(name, trainer, make, **settings):
    """The dictionary that an interrupted run left, as it would have been saved at its end."""
    backup = torch.load(train(name, trainer, interrupted=True, **settings) / "ae.pt", weights_only=False)
    ae = make()
    ae.load_state_dict(backup["ae"])
    ae.scale_biases(backup["norm_factor"])
    record(name, ae, "trainer_0", spread=5)


if "backup_steps" not in inspect.signature(trainSAE).parameters:
    case("standard", AutoEncoder(D, N))
    case("standard_square", AutoEncoder(N, N))
    case("standard_bfloat16", AutoEncoder(D, N).bfloat16())
    case("new", AutoEncoderNew(D, N))
    case("new_called_standard", AutoEncoderNew(D, N), dict_class="AutoEncoder")
    case("topk", AutoEncoderTopK(D, N, K), threshold=0.75)
    case("topk_square", AutoEncoderTopK(N, N, K))
    case("topk_of_old_versions", AutoEncoderTopK(D, N, K), drop=("k", "threshold"))
    case("batchtopk", BatchTopKSAE(D, N, K), threshold=0.75)
    case("batchtopk_without_threshold", BatchTopKSAE(D, N, K), kind="relu")
    case("matryoshka", MatryoshkaBatchTopKSAE(D, N, K, [8, 12, 20]), threshold=0.75)
    case("jumprelu", JumpReluAutoEncoder(D, N))
    case("jumprelu_square", JumpReluAutoEncoder(N, N))
    case("gated", GatedAutoEncoder(D, N))
    trained("trained_standard", StandardTrainer, AutoEncoder)
    trained("trained_april_update", StandardTrainerAprilUpdate, AutoEncoder)
    trained("trained_gated", GatedSAETrainer, GatedAutoEncoder)
    trained("trained_topk", TopKTrainer, AutoEncoderTopK)
    trained("trained_batchtopk", BatchTopKTrainer, BatchTopKSAE)
    trained("trained_matryoshka", MatryoshkaBatchTopKTrainer, MatryoshkaBatchTopKSAE, group_fractions=[0.25, 0.75])
    trained("trained_jumprelu", JumpReluTrainer, JumpReluAutoEncoder)
    trained("checkpoint", BatchTopKTrainer, BatchTopKSAE, "trainer_0/checkpoints/ae_20.pt", "checkpoints/ae_20.pt")
else:
    trained("trained", BatchTopKTrainer, BatchTopKSAE)
    backed_up("backup_standard", StandardTrainer, lambda: AutoEncoder(D, N))
    backed_up("backup_gated", GatedSAETrainer, lambda: GatedAutoEncoder(D, N))
    backed_up("backup_topk", TopKTrainer, lambda: AutoEncoderTopK(D, N, K))
    backed_up("backup_batchtopk", BatchTopKTrainer, lambda: BatchTopKSAE(D, N, K))
    backed_up("backup_matryoshka", MatryoshkaBatchTopKTrainer,
              lambda: MatryoshkaBatchTopKSAE(D, N, K, [10, 30]), group_fractions=[0.25, 0.75])
    backed_up("backup_jumprelu", JumpReluTrainer, lambda: JumpReluAutoEncoder(D, N))
group.write()
