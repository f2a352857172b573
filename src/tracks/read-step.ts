import type { RunStep } from '../runs/choose.js'
import { readArray, readBothDirections, withPairArrays } from '../runs/pair-arrays.js'
import { invertStep, type MatchStep, mutualOf } from './step.js'

/**
 * Reads the arrays of a pair, checked against the sha256 that its `.json` records, in the direction of the step.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID` or `FILE_TRUNCATED` for a missing or damaged `.npz`,
 * `TENSOR_MISSING`, `TENSOR_DTYPE` or `TENSOR_SHAPE` where its arrays are not those of a pair; the reason of `signal`
 */
export async function readStep({ pair, inverted }: RunStep, signal?: AbortSignal): Promise<MatchStep> {
  const [n, m] = [pair.a.features, pair.b.features]
  const step = await withPairArrays(
    pair,
    async (npz): Promise<MatchStep> => {
      const { aToB } = await readBothDirections(npz, pair)
      const rankAToB = await readArray(npz, 'rank_ab', n, Int32Array)
      const rankBToA = await readArray(npz, 'rank_ba', m, Int32Array)
      return {
        aToB,
        columns: m,
        cost: await readArray(npz, 'cost', n, Float32Array),
        cosine: await readArray(npz, 'cosine_decoder', n, Float32Array),
        // a match that looked at all pairs ranks every partner
        mutual: aToB.some((j, i) => j !== -1 && rankAToB[i] === -1) ? null : mutualOf(aToB, rankAToB, rankBToA),
      }
    },
    signal,
  )
  return inverted ? invertStep(step) : step
}

/** {@link readStep} of each, one after the other. */
export async function readSteps(steps: readonly RunStep[], signal?: AbortSignal): Promise<MatchStep[]> {
  const read: MatchStep[] = []
  for (const step of steps) read.push(await readStep(step, signal))
  return read
}
