import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { evaluate, type PairingScores } from '../../src/evaluation/evaluate.js'
import type { Fidelity } from '../../src/evaluation/metrics.js'
import { loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import { randomMatching } from '../../src/matching/random-matching.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'

/** Everything from the files, with whole matrices and permuted copies, in f64. */
const script = `
import json, sys, numpy as np
from safetensors.numpy import load_file
arguments = json.load(sys.stdin)

def load(folder):
    assert not json.load(open(folder + "/cfg.json")).get("apply_b_dec_to_input", False)
    return {name: tensor.astype(np.float64) for name, tensor in load_file(folder + "/sae_weights.safetensors").items()}

A, B = load(arguments["a"]), load(arguments["b"])
xa, xb = (np.load(path).astype(np.float64) for path in arguments["activations"])
keep = np.array(arguments["keep"], dtype=bool)
xa, xb = xa[keep], xb[keep]
n = len(A["threshold"])

def features(sae, x):
    z = x @ sae["W_enc"] + sae["b_enc"]
    return np.where(z > np.maximum(sae["threshold"], 0), z, 0)

fa, fb = features(A, xa), features(B, xb)

def fidelity(approximated):
    e = approximated - xb
    centred, eCentred = xb - xb.mean(0), e - e.mean(0)
    total = (centred ** 2).sum()
    return dict(explainedVariance=1 - (e ** 2).sum() / total, fvu=(e ** 2).sum() / total,
        evVar=1 - (eCentred ** 2).sum() / total, fvuVar=(eCentred ** 2).sum() / total,
        evDim=(1 - e.var(0) / xb.var(0)).mean())

def decode(aToB, folded, through=None):
    gain = B["threshold"][aToB] / A["threshold"] if folded else np.ones(n)
    move = np.zeros((n, n))
    own = np.ones(n) if through is None else np.isin(np.arange(n), through).astype(float)
    np.add.at(move, (np.arange(n), aToB), own * gain)
    return fa @ (move @ B["W_dec"]) + (fa * (1 - own)) @ A["W_dec"] + B["b_dec"]

def score(aToB):
    a, b = fa > 0, fb[:, aToB] > 0
    together, ofA, ofB = (a & b).sum(0), a.sum(0), b.sum(0)
    either = ofA + ofB - together
    mean = lambda part, whole: (part[whole > 0] / whole[whole > 0]).mean()
    return dict(matchingScore=mean(together, ofA), macroAGivenB=mean(together, ofB), macroJaccard=mean(together, either),
        microBGivenA=together.sum() / ofA.sum(), microAGivenB=together.sum() / ofB.sum(), microJaccard=together.sum() / either.sum())

def both(aToB, folded=True):
    return dict(**fidelity(decode(aToB, folded)), **score(aToB))

def rows(sae):
    theta = sae["threshold"][:, None]
    return np.hstack([theta * sae["W_dec"], sae["W_enc"].T / theta, sae["b_enc"][:, None] / theta])

x, y = rows(A), rows(B)
nearest = ((x ** 2).sum(1)[:, None] + (y ** 2).sum(1)[None] - 2 * x @ y.T).argmin(1)
match, random = np.array(arguments["match"]), np.array(arguments["random"])
mDec = ((A["threshold"][:, None] * A["W_dec"] - (B["threshold"][:, None] * B["W_dec"])[match]) ** 2).mean(1)
order = np.argsort(mDec, kind="stable")
print(json.dumps(dict(
    tokens=int(keep.sum()), l0=[(fa > 0).sum(1).mean(), (fb > 0).sum(1).mean()],
    matched=both(match), raw=both(match, False), identity=both(np.arange(n)), random=both(random), nearest=both(nearest),
    previous=fidelity(fa @ A["W_dec"] + A["b_dec"]), current=fidelity(fb @ B["W_dec"] + B["b_dec"]), drop=fidelity(xa),
    inverse=both(np.argsort(match)),
    mixed=fidelity(decode(match, True, order[:round(0.3 * n)])),
)))
`

const layer = (number: number) =>
  fileURLToPath(new URL(`../../examples/smollm2-135m-1024/layer_${number}`, import.meta.url))

function expectEqual(found: Fidelity & Partial<PairingScores>, wanted: Record<string, number>): void {
  for (const [name, value] of Object.entries(wanted)) {
    const difference = Math.abs(found[name as keyof Fidelity] - value)
    expect(difference, name).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)))
  }
}

it.skipIf(python === null || sharedData === null)(
  `layers 12 to 13 equal an independent numpy computation to 1e-5${needsPython}${needsSharedData}`,
  async () => {
    const [a, b] = [await loadSae(layer(12)), await loadSae(layer(13))]
    const found = await match(a, b, { baselines: 'none' })
    const keep = Array.from({ length: 4096 }, (_, t) => (t % 16 === 3 ? 0 : 1))
    const options = { mask: Uint8Array.from(keep), quantiles: [0.3], seeds: [4] }
    const folder = `${sharedData}/activations`
    const ours = await evaluate(a, b, found, folder, options)
    const raw = await evaluate(a, b, found, folder, { ...options, scale: 'raw' })
    const theirs = JSON.parse(
      runPython(
        script,
        [],
        JSON.stringify({
          a: layer(12),
          b: layer(13),
          activations: [`${folder}/layer_12.npy`, `${folder}/layer_13.npy`],
          keep,
          match: [...found.aToB],
          random: [...randomMatching(1024, 1024, 4)],
        }),
      ),
    )
    expect(ours.tokens).toBe(theirs.tokens)
    expect(ours.l0.a).toBeCloseTo(theirs.l0[0], 8)
    expect(ours.l0.b).toBeCloseTo(theirs.l0[1], 8)
    expectEqual(ours.matched, theirs.matched)
    expectEqual(raw.matched, theirs.raw)
    expectEqual(ours.baselines.identity!, theirs.identity)
    expectEqual(ours.baselines.random, theirs.random)
    expectEqual(ours.baselines.nearest!, theirs.nearest)
    expectEqual(ours.baselines.encodeDecodePrevious, theirs.previous)
    expectEqual(ours.baselines.encodeDecodeCurrent, theirs.current)
    expectEqual(ours.baselines.layerDrop, theirs.drop)
    expectEqual(ours.quantiles[0], theirs.mixed)
    // the numbers compared are not all alike
    expect(ours.matched.explainedVariance).toBeGreaterThan(ours.baselines.random.explainedVariance + 0.1)
    // the inverse permutation, which the paper's two conventions make easy to take, does not pass
    expect(() => expectEqual(ours.matched, theirs.inverse)).toThrow()
    expect(theirs.inverse.explainedVariance).toBeLessThan(ours.matched.explainedVariance - 0.1)
    expect(theirs.inverse.matchingScore).toBeLessThan(ours.matched.matchingScore / 2)
    expect(raw.matched.explainedVariance).not.toBeCloseTo(ours.matched.explainedVariance, 3)
  },
  120_000,
)
