"""What an approximated hidden state costs a language model: the change of its loss, in nats per token.

    dump      hidden states after the blocks (layer_L.npy) and a mask without the first token of every text
    ...       sae-match pairs, then sae-match evaluate RUN --activations DIR --mask DIR/mask.npy --write STATES
    measure   the approximated states in the place of the true ones, into losses.json for --losses

Needs torch and numpy. Run as a script, it does all of this with a small transformer, trained for some seconds on texts
of its own making, and SAEs without any training: a check of the way, not of a method. For a model of transformers,
`blocks` is e.g. `model.model.layers`.
"""
import argparse
import json
import pathlib
import shlex
import subprocess

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def hidden(output):
    """The hidden states in what a block returns; blocks of transformers may return a tuple that begins with them."""
    return output[0] if isinstance(output, tuple) else output


def dump(model, blocks, layers, texts, folder, batch=8):
    """Writes layer_L.npy [texts * length, d] of f32 after each block, the same tokens row for row, and mask.npy.

    model: gives logits [texts, length, vocabulary] or an object with `.logits`; texts: token numbers [texts, length];
    batch: how many texts go through the model at once
    """
    folder.mkdir(parents=True, exist_ok=True)
    states = {layer: [] for layer in layers}

    def keep(layer):
        return lambda module, inputs, output: states[layer].append(hidden(output).flatten(0, 1).float().cpu().numpy())

    hooks = [blocks[layer].register_forward_hook(keep(layer)) for layer in layers]
    with torch.no_grad():
        for part in texts.split(batch):
            model(part)
    for hook in hooks:
        hook.remove()
    for layer, values in states.items():
        np.save(folder / f"layer_{layer}.npy", np.concatenate(values))
    mask = np.ones(texts.shape, dtype=np.uint8)
    mask[:, 0] = 0
    np.save(folder / "mask.npy", mask.reshape(-1))


def loss(model, texts, batch=8):
    """Mean cross entropy of the next token, in nats. What the first token of a text says of the next does not count."""
    total = 0.0
    for part in texts.split(batch):
        with torch.no_grad():
            output = model(part)
        logits = getattr(output, "logits", output)[:, 1:-1]
        total += F.cross_entropy(logits.flatten(0, 1).float(), part[:, 2:].flatten(), reduction="sum").item()
    return total / texts[:, 2:].numel()


def loss_with(model, block, texts, tokens, values, batch=8):
    """The loss with `values` [k, d] in the place of what `block` gives for `tokens` [k], places in the flat texts."""
    begun = 0

    def replace(module, inputs, output):
        nonlocal begun
        states = hidden(output).clone()
        flat = states.view(-1, states.shape[-1])
        here = (tokens >= begun) & (tokens < begun + len(flat))
        flat[tokens[here] - begun] = values[here].to(states)
        begun += len(flat)
        return (states, *output[1:]) if isinstance(output, tuple) else states

    hook = block.register_forward_hook(replace)
    try:
        return loss(model, texts, batch)
    finally:
        hook.remove()


def measure(model, blocks, texts, activations, pairs, out, batch=8):
    """Measures every pair of `sae-match evaluate --write STATES --json` and writes the losses to `out`."""
    measured, whole = [], loss(model, texts, batch)
    for pair in pairs:
        stem = str(next(file for file in pair["files"] if file.endswith(".xhat.npy")))[: -len(".xhat.npy")]
        tokens = torch.from_numpy(np.load(f"{stem}.tokens.npy").astype(np.int64))
        layer = pair["layerB"]
        source = {
            "matched": np.load(f"{stem}.xhat.npy"),
            "layer_drop": np.load(activations / f"layer_{pair['layerA']}.npy")[tokens],
        }
        losses = {
            method: loss_with(model, blocks[layer], texts, tokens, torch.from_numpy(values.astype(np.float32)), batch)
            for method, values in source.items()
        }
        measured.append({"pair": pair["pair"], "a": pair["a"], "b": pair["b"], "loss": whole, "losses": losses})
    out.write_text(json.dumps({"pairs": measured}, indent=2) + "\n")
    return measured


class Block(nn.Module):
    """A block of a small transformer: attention and an MLP, each added to the residual stream."""

    def __init__(self, width, heads):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        normed = self.norms[0](x)
        x = x + self.attention(normed, normed, normed, attn_mask=mask, is_causal=True, need_weights=False)[0]
        return x + self.mlp(self.norms[1](x))


class SmallTransformer(nn.Module):
    def __init__(self, vocabulary=61, width=32, layers=4):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList([Block(width, 4) for _ in range(layers)])
        self.unembedding = nn.Linear(width, vocabulary, bias=False)

    def forward(self, texts):
        x = self.embedding(texts)
        for block in self.blocks:
            x = block(x)
        return self.unembedding(x)


def make_texts(count, length, generator, vocabulary=61):
    """Texts in which the last token says a lot about the next: four followers for each."""
    followers = torch.randint(vocabulary, (vocabulary, 4), generator=torch.Generator().manual_seed(1))
    texts = torch.randint(vocabulary, (count, length), generator=generator)
    for t in range(1, length):
        choice = torch.randint(4, (count,), generator=generator)
        texts[:, t] = followers[texts[:, t - 1], choice]
    return texts


def train(model, generator, steps=200):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        texts = make_texts(32, 24, generator)
        optimizer.zero_grad()
        F.cross_entropy(model(texts)[:, :-1].flatten(0, 1), texts[:, 1:].flatten()).backward()
        optimizer.step()


def write_random_sae(path, states, features, generator):
    """An SAE without training, in Gemma Scope's layout: unit directions of the data, thresholds that a tenth exceeds."""
    mean = states.mean(0)
    places = torch.randperm(len(states), generator=generator)[:features]
    directions = F.normalize(states[places] - mean, dim=1)
    encoder, bias = directions.T, -(mean @ directions.T)
    threshold = (states @ encoder + bias).quantile(0.9, dim=0).clamp(min=1e-3)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = dict(W_enc=encoder, W_dec=directions / 4, b_enc=bias, b_dec=mean, threshold=threshold)
    np.savez(path, **{name: tensor.numpy() for name, tensor in arrays.items()})


def demo(folder, sae_match):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = SmallTransformer()
    train(model, generator)
    model.eval()
    texts = make_texts(64, 24, generator)
    layers = [1, 2, 3]
    activations = folder / "activations"
    dump(model, model.blocks, layers, texts, activations)
    for layer in layers:
        states = torch.from_numpy(np.load(activations / f"layer_{layer}.npy"))
        # the true states in their own place change nothing
        own = loss_with(model, model.blocks[layer], texts, torch.arange(len(states)), states)
        assert abs(own - loss(model, texts)) < 1e-5, (layer, own)
        write_random_sae(folder / f"saes/layer_{layer}/width_64/average_l0_6/params.npz", states, 64, generator)

    def run(*arguments):
        command = [*shlex.split(sae_match), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("pairs", folder / "saes", "--out", folder / "run", "-q")
    evaluate = ["evaluate", folder / "run", "--activations", activations, "--mask", activations / "mask.npy"]
    pairs = json.loads(run(*evaluate, "--write", folder / "states", "--json", "-q"))["pairs"]
    measured = measure(model, model.blocks, texts, activations, pairs, folder / "losses.json")
    print(json.dumps(measured, indent=2))
    print(run("figures", "ev", folder / "run", *evaluate[2:], "--losses", folder / "losses.json", "-q"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="where the demonstration writes to")
    parser.add_argument("--sae-match", default="sae-match", help='the command (from a clone: "node dist/cli/main.js")')
    arguments = parser.parse_args()
    demo(arguments.folder, arguments.sae_match)
