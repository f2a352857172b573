import { readFile } from 'node:fs/promises'
import { SaeMatchError } from '../errors.js'
import type { Container } from '../formats/container.js'
import { openNpz } from '../formats/npz.js'
import { invert } from '../matching/compose.js'
import { sha256 } from '../output/file-hash.js'
import type { RunStep } from './choose.js'
import type { RunPair } from './read-run.js'

/**
 * Lets `read` take arrays from the `.npz` of a pair, which is checked against the sha256 that its `.json` records.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID` or `FILE_TRUNCATED` for a missing or damaged `.npz`,
 * `TENSOR_MISSING`, `TENSOR_DTYPE` or `TENSOR_SHAPE` where its arrays are not those of a pair; the reason of `signal`
 */
export async function withPairArrays<T>(
  { file, sha256: expected }: RunPair,
  read: (npz: Container) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  await checkContents(file, expected, signal)
  const npz = await openNpz(file, signal)
  try {
    return await read(npz)
  } finally {
    await npz.close()
  }
}

/** The partners of a pair in both directions, which are one matching. */
export async function readBothDirections(
  npz: Container,
  { file, a, b }: RunPair,
): Promise<{ readonly aToB: Int32Array; readonly bToA: Int32Array }> {
  const aToB = await readArray(npz, 'a_to_b', a.features, Int32Array)
  const bToA = await readArray(npz, 'b_to_a', b.features, Int32Array)
  checkMatching(file, aToB, bToA)
  return { aToB, bToA }
}

/**
 * The partners of a pair in the direction of the step: [n] feature of the second SAE for each of the first, -1 for none.
 * @throws as {@link withPairArrays}
 */
export async function readPartners({ pair, inverted }: RunStep, signal?: AbortSignal): Promise<Int32Array> {
  const { aToB, bToA } = await withPairArrays(pair, (npz) => readBothDirections(npz, pair), signal)
  return inverted ? bToA : aToB
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

/** One array of a pair, [length]. */
export async function readArray<T>(
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
