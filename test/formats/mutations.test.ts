import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SaeMatchError } from '../../src/errors.js'
import type { Container } from '../../src/formats/container.js'
import { readCheckpoint } from '../../src/formats/detect.js'
import { readNpy } from '../../src/formats/npy.js'
import { openNpz } from '../../src/formats/npz.js'
import { openSafetensors } from '../../src/formats/safetensors.js'
import { encodeNpy } from '../../src/output/npy.js'
import { elementCount, type Tensor } from '../../src/tensor/tensor.js'
import { encodeSafetensors } from '../helpers/checkpoint-files.js'
import { mulberry32 } from '../helpers/random.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { zip64Archive } from '../helpers/zip64.js'

const rounds = 2000
const folder = temporaryFolder()
const numbers = Float32Array.from({ length: 24 }, (_, i) => i / 7)
const arrays = { 'a.npy': encodeNpy(numbers, [4, 6]), 'b.npy': encodeNpy(Float64Array.of(1, 2, 3)) }
const tensors = encodeSafetensors({
  W_enc: { data: numbers, shape: [4, 6] },
  W_dec: { data: numbers, shape: [6, 4] },
  b_enc: { data: numbers.slice(0, 6), shape: [6] },
  b_dec: { data: numbers.slice(0, 4), shape: [4] },
  threshold: { data: numbers.slice(1, 7), shape: [6] },
})
const config = Buffer.from(
  JSON.stringify({
    architecture: 'jumprelu',
    d_in: 4,
    d_sae: 6,
    apply_b_dec_to_input: true,
    normalize_activations: 'none',
    activation_fn_str: 'relu',
    metadata: { sae_lens_version: '6.5.0', hook_name: 'blocks.1.hook_resid_post', model_name: 'm' },
  }),
)

/** The bytes with a few of them changed the way damage and malice change them. */
function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const result = Buffer.from(bytes)
  const at = () => Math.floor(random() * result.length)
  for (let change = 0; change <= random() * 3; change++) {
    const kind = Math.floor(random() * 6)
    if (kind === 0) result[at()] = Math.floor(random() * 256)
    else if (kind === 1) result[at()] ^= 1 << Math.floor(random() * 8)
    else if (kind === 2) result.fill([0, 0xff, 0x7f, 0x39][Math.floor(random() * 4)], at(), at())
    else if (kind === 3) result.writeUInt16LE(Math.floor(random() * 65536), Math.min(at(), result.length - 2))
    else if (kind === 4)
      result.writeBigUInt64LE(BigInt(Math.floor(random() * 2 ** 53)), Math.min(at(), result.length - 8))
    else return result.subarray(0, at())
  }
  return result
}

let largestAllocation = 0
beforeEach(() => {
  largestAllocation = 0
  vi.stubGlobal(
    'SharedArrayBuffer',
    new Proxy(SharedArrayBuffer, {
      construct(target, [length]) {
        largestAllocation = Math.max(largestAllocation, length)
        return new target(length)
      },
    }),
  )
  const alloc = Buffer.alloc
  vi.spyOn(Buffer, 'alloc').mockImplementation((length, ...rest) => {
    largestAllocation = Math.max(largestAllocation, length)
    return alloc(length, ...rest)
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

function expectValid({ data, shape }: Tensor): void {
  expect(data.length).toBe(elementCount(shape))
}

async function readAll(opening: Promise<Container>): Promise<void> {
  const container = await opening
  try {
    for (const name of container.tensors.keys()) expectValid(await container.read(name))
  } finally {
    await container.close()
  }
}

const zip64 = zip64Archive('a.npy', arrays['a.npy'], 0)
const sae = join(folder, 'sae')
describe('a damaged file gives a typed error or a valid tensor', () => {
  it.each([
    ['npy', 'a.npy', arrays['a.npy'], async (path: string) => expectValid(await readNpy(path))],
    ['stored npz', 'a.npz', zipSync(arrays, { level: 0 }), (path: string) => readAll(openNpz(path))],
    ['deflated npz', 'b.npz', zipSync(arrays), (path: string) => readAll(openNpz(path))],
    ['Zip64 npz', 'c.npz', Buffer.concat([zip64.start, zip64.directory]), (path: string) => readAll(openNpz(path))],
    ['safetensors', 'sae/sae_weights.safetensors', tensors, (path: string) => readAll(openSafetensors(path))],
    ['configuration', 'sae/cfg.json', config, () => readCheckpoint(sae)],
    ['checkpoint', 'sae/sae_weights.safetensors', tensors, () => readCheckpoint(sae)],
  ])('%s', async (_, name, bytes, read) => {
    mkdirSync(sae, { recursive: true })
    writeFileSync(join(sae, 'cfg.json'), config)
    writeFileSync(join(sae, 'sae_weights.safetensors'), tensors)
    const path = join(folder, name)
    const random = mulberry32(name.length)
    const codes = new Map<string, number>()
    const count = (code: string) => codes.set(code, (codes.get(code) ?? 0) + 1)
    for (let round = 0; round < rounds; round++) {
      const damaged = round === 0 ? Buffer.from(bytes) : mutate(bytes, random)
      writeFileSync(path, damaged)
      try {
        await read(path)
        count('valid')
      } catch (error) {
        if (!(error instanceof SaeMatchError) || error.code === 'INTERNAL') {
          throw new Error(`round ${round}: ${error}\n${damaged.toString('latin1')}`, { cause: error })
        }
        expect(error.message, 'the message names the file').toContain(folder)
        count(error.code)
      }
    }
    // Nothing beyond what deflate could make of the file, or 128 KiB of directory.
    expect(largestAllocation).toBeLessThanOrEqual(1032 * bytes.length + 2 ** 17)
    expect(codes.get('valid'), 'the file as it was is valid').toBeGreaterThan(0)
    expect(codes.size, 'damage is found').toBeGreaterThan(2)
  })
})
