import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzipSync, zipSync } from 'fflate'
import { SaeMatchError } from '../../../src/errors.js'
import type { Container } from '../../../src/formats/container.js'
import { readCheckpoint } from '../../../src/formats/detect.js'
import { openFile } from '../../../src/formats/file.js'
import { openNpy } from '../../../src/formats/npy.js'
import { openNpz } from '../../../src/formats/npz.js'
import { openSafetensors } from '../../../src/formats/safetensors.js'
import { openTorch } from '../../../src/formats/torch.js'
import { entryPieces, readEntryPrefix, readZipDirectory } from '../../../src/formats/zip.js'
import { encodeNpy } from '../../../src/output/npy.js'
import { elementCount, type Tensor } from '../../../src/tensor/tensor.js'
import { encodeSafetensors } from '../../helpers/checkpoint-files.js'
import { encodeTorch } from '../../helpers/torch-files.js'
import { zip64Archive } from '../../helpers/zip64.js'

/** A kind of file that is damaged, and what reads it. */
export interface Target {
  /** Files that can be read. */
  readonly samples: readonly Uint8Array[]
  /** Where a damaged one is written. */
  readonly path: string
  read(): Promise<void>
}

const numbers = Float32Array.from({ length: 24 }, (_, i) => i / 7)
const arrays = { 'a.npy': encodeNpy(numbers, [4, 6]), 'b.npy': encodeNpy(Float64Array.of(1, 2, 3)) }
const zip64 = zip64Archive('a.npy', arrays['a.npy'], 0)
const archives = [zipSync(arrays, { level: 0 }), zipSync(arrays), Buffer.concat([zip64.start, zip64.directory])]
const tensors = {
  W_enc: { data: numbers, shape: [4, 6] },
  W_dec: { data: numbers, shape: [6, 4] },
  b_enc: { data: numbers.slice(0, 6), shape: [6] },
  b_dec: { data: numbers.slice(0, 4), shape: [4] },
  threshold: { data: numbers.slice(1, 7), shape: [6] },
}
const saeLensConfig = json({
  architecture: 'jumprelu',
  d_in: 4,
  d_sae: 6,
  apply_b_dec_to_input: true,
  normalize_activations: 'none',
  activation_fn_str: 'relu',
  metadata: { sae_lens_version: '6.5.0', hook_name: 'blocks.1.hook_resid_post', model_name: 'm' },
})
const dictionaryConfig = json({
  trainer: { dict_class: 'JumpReluAutoEncoder', activation_dim: 4, dict_size: 6, layer: 1, lm_name: 'm' },
})

/** Every target by its name, with files in `folder`. */
export function targetsIn(folder: string): ReadonlyMap<string, Target> {
  const target = (name: string, samples: readonly Uint8Array[], read: (path: string) => Promise<void>) => {
    const path = join(folder, name)
    return { samples, path, read: () => read(path) }
  }
  /** A checkpoint of several files, of which one is damaged. */
  const checkpoint = (name: string, files: Readonly<Record<string, Uint8Array>>, damaged: string): Target => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(path, file), bytes)
    const read = async () => void (await readCheckpoint(path))
    return { samples: [files[damaged]], path: join(path, damaged), read }
  }
  const saeLens = { 'cfg.json': saeLensConfig, 'sae_weights.safetensors': encodeSafetensors(tensors) }
  const dictionary = { 'config.json': dictionaryConfig, 'ae.pt': encodeTorch(tensors) }
  return new Map([
    ['npy', target('a.npy', Object.values(arrays), (path) => readAll(openNpy(path)))],
    ['npz', target('a.npz', archives, (path) => readAll(openNpz(path)))],
    ['zip', target('a.zip', archives, readZip)],
    ['safetensors', target('a.safetensors', [encodeSafetensors(tensors)], (path) => readAll(openSafetensors(path)))],
    ['torch', target('a.pt', torchFiles(), (path) => readAll(openTorch(path)))],
    ['configuration', checkpoint('configuration', saeLens, 'cfg.json')],
    ['SAELens', checkpoint('sae-lens', saeLens, 'sae_weights.safetensors')],
    ['dictionary_learning', checkpoint('dictionary-learning', dictionary, 'ae.pt')],
  ])
}

/** The files of real PyTorch that can be read. */
function torchFiles(): Uint8Array[] {
  const folder = fileURLToPath(new URL('../torch', import.meta.url))
  const names = readdirSync(folder).filter((name) => name.endsWith('.pt') && !name.startsWith('refused'))
  return names.map((name) => readFileSync(join(folder, name)))
}

/** Reads every tensor whole, and in rows where it can be. */
async function readAll(opening: Promise<Container>): Promise<void> {
  const container = await opening
  try {
    for (const name of container.tensors.keys()) {
      const tensor = await container.read(name)
      requireWhole(tensor)
      if (tensor.shape.length > 0) await readRows(container, name)
    }
  } finally {
    await container.close()
  }
}

async function readRows(container: Container, name: string): Promise<void> {
  try {
    for await (const rows of container.readRows(name, 2)) requireWhole(rows)
  } catch (error) {
    if (!(error instanceof SaeMatchError && error.message.includes('one after the other'))) throw error
  }
}

function requireWhole({ data, shape }: Tensor): void {
  if (data.length !== elementCount(shape)) throw new Error(`${data.length} numbers for a tensor of shape [${shape}]`)
}

async function readZip(path: string): Promise<void> {
  const file = await openFile(path)
  try {
    for (const entry of (await readZipDirectory(file)).values()) {
      await readEntryPrefix(file, entry, Math.min(entry.bytes, 16))
      let bytes = 0
      for await (const piece of entryPieces(file, entry)) bytes += piece.length
      if (bytes !== entry.bytes) throw new Error(`${bytes} bytes in ${entry.name} of ${entry.bytes}`)
    }
  } finally {
    await file.handle.close()
  }
}

/**
 * The archive with one entry changed by `change`, under a right checksum; the longer an entry, the likelier it is the one.
 * Null for what is no archive.
 */
export function changeEntry(
  sample: Uint8Array,
  random: () => number,
  change: (bytes: Uint8Array) => Uint8Array,
): Uint8Array | null {
  if (sample[0] !== 0x50) return null
  const entries = unzipSync(sample)
  const names = Object.entries(entries).flatMap(([name, bytes]) => Array<string>(bytes.length).fill(name))
  const chosen = names[Math.floor(random() * names.length)]
  return zipSync({ ...entries, [chosen]: change(entries[chosen]) }, { level: 0 })
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
