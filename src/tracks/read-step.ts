import { readFile } from 'node:fs/promises'
import { SaeMatchError } from '../errors.js'
import type { Container } from '../formats/container.js'
import { openNpz } from '../formats/npz.js'
import { invert } from '../matching/compose.js'
import { sha256 } from '../output/file-hash.js'
import type { RunStep } from './choose.js'
import { invertStep, type MatchStep, mutualOf } from './step.js'

/**
 * Reads the arrays of a pair, checked against the sha256 that its `.json` records, in the direction of the step.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID` or `FILE_TRUNCATED` for a missing or damaged `.npz`,
 * `TENSOR_MISSING`, `TENSOR_DTYPE` or `TENSOR_SHAPE` where its arrays are not those of a pair; the reason of `signal`
 */
export async function readStep({ pair, inverted }: RunStep, signal?: AbortSignal): Promise<MatchStep> {
  const { file, a, b } = pair
  await checkContents(file, pair.sha256, signal)
  const npz = await openNpz(file, signal)
  try {
    const [n, m] = [a.features, b.features]
    const aToB = await readArray(npz, 'a_to_b', n, Int32Array)
    checkMatching(file, aToB, await readArray(npz, 'b_to_a', m, Int32Array))
    const rankAToB = await readArray(npz, 'rank_ab', n, Int32Array)
    const rankBToA = await readArray(npz, 'rank_ba', m, Int32Array)
    const step: MatchStep = {
      aToB,
      columns: m,
      cost: await readArray(npz, 'cost', n, Float32Array),
      cosine: await readArray(npz, 'cosine_decoder', n, Float32Array),
      // a match that looked at all pairs ranks every partner
      mutual: aToB.some((j, i) => j !== -1 && rankAToB[i] === -1) ? null : mutualOf(aToB, rankAToB, rankBToA),
    }
    return inverted ? invertStep(step) : step
  } finally {
    await npz.close()
  }
}

/** {@link readStep} of each, one after the other. */
export async function readSteps(steps: readonly RunStep[], signal?: AbortSignal): Promise<MatchStep[]> {
  const read: MatchStep[] = []
  for (const step of steps) read.push(await readStep(step, signal))
  return read
}

async function checkContents(file: string, expected: string, signal?: AbortSignal): Promise<void> {
  const bytes = await readFile(file, { signal }).catch((cause) => {
    signal?.throwIfAborted()
    throw new SaeMatchError('FILE_NOT_FOUND', `Cannot read ${file}: ${(cause as Error).message}`, { cause })
  })
  const found = sha256(bytes)
  if (found === expected) return
  throw new SaeMatchError('FORMAT_INVALID', `${file} is damaged: its sha256 is ${found}, the .json has ${expected}`, {
    hint: 'Remove the .json beside it and match the pair again.',
  })
}

const dtypes = new Map<unknown, string>([
  [Int32Array, 'i32'],
  [Float32Array, 'f32'],
])

async function readArray<T>(
  npz: Container,
  name: string,
  length: number,
  kind: abstract new (...args: never[]) => T,
): Promise<T> {
  const { data, dtype, shape } = await npz.read(name)
  const where = `${npz.file.path}: expected ${name}`
  if (!(data instanceof kind))
    throw new SaeMatchError('TENSOR_DTYPE', `${where} as ${dtypes.get(kind)}, found ${dtype}`)
  if (shape.length !== 1 || shape[0] !== length) {
    throw new SaeMatchError('TENSOR_SHAPE', `${where} of ${length} elements, found shape (${shape.join(', ')})`)
  }
  return data
}

/** The two directions must be one matching. */
function checkMatching(file: string, aToB: Int32Array, bToA: Int32Array): void {
  let inverse: Int32Array
  try {
    inverse = invert(aToB, bToA.length)
  } catch (cause) {
    throw new SaeMatchError('FORMAT_INVALID', `${file}: a_to_b: ${(cause as Error).message}`, { cause })
  }
  const wrong = inverse.findIndex((i, j) => i !== bToA[j])
  if (wrong === -1) return
  const message = `${file}: expected b_to_a[${wrong}] = ${inverse[wrong]} as a_to_b has it, found ${bToA[wrong]}`
  throw new SaeMatchError('FORMAT_INVALID', message)
}
