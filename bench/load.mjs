// How long a stored npz and a safetensors layer take to become an Sae, held against a plain read of the same file from
// the page cache: at most 2.5 times that long (hashing not counted). node bench/load.mjs [--repetitions 7]
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { backendInfo, loadSae } from '../dist/index.js'

const atMost = 2.5
const [n, d] = [16384, 2304]
const repetitions = Number(process.argv[process.argv.indexOf('--repetitions') + 1]) || 7
const pieceBytes = 2 ** 22

const folder = mkdtempSync(join(tmpdir(), 'sae-match-load-'))
try {
  const layer = randomLayer()
  const cases = [
    ['Gemma Scope, stored npz', writeNpz(layer)],
    ['SAELens, safetensors', writeSafetensors(layer)],
  ]
  console.log(
    `${n} features of width ${d} in f32, backend ${backendInfo().active}, ${repetitions} repetitions, medians`,
  )
  let slow = false
  for (const [name, [file, place]] of cases) {
    const megabytes = (statSync(file).size / 1e6).toFixed(0)
    const read = []
    const load = []
    for (let repetition = -1; repetition < repetitions; repetition++) {
      const first = performance.now()
      readPlainly(file)
      const second = performance.now()
      const sae = await loadSae(place)
      const third = performance.now()
      if (sae.encoder.rows !== n) throw new Error('not what was written')
      if (repetition < 0) continue // warms up the page cache and the processor
      read.push(second - first)
      load.push(third - second)
    }
    const [plain, whole] = [median(read), median(load)]
    const ratio = whole / plain
    slow ||= ratio > atMost
    const milliseconds = `read ${plain.toFixed(0)} ms, loadSae ${whole.toFixed(0)} ms`
    console.log(`${name}, ${megabytes} MB: ${milliseconds}, ${ratio.toFixed(2)} times (at most ${atMost})`)
  }
  process.exitCode = slow ? 1 : 0
} finally {
  rmSync(folder, { recursive: true })
}

/** Into one buffer that is made for it, as every reader has to. */
function readPlainly(path) {
  const file = openSync(path)
  const bytes = new Uint8Array(new SharedArrayBuffer(statSync(path).size))
  for (let at = 0; at < bytes.length; ) at += readSync(file, bytes, at, Math.min(pieceBytes, bytes.length - at), at)
  closeSync(file)
}

function randomLayer() {
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  }
  const numbers = (length, map = (x) => x) => Float32Array.from({ length }, () => map(random()))
  return {
    W_enc: [[d, n], numbers(n * d)],
    W_dec: [[n, d], numbers(n * d)],
    b_enc: [[n], numbers(n)],
    b_dec: [[d], numbers(d)],
    threshold: [[n], numbers(n, (x) => 1.5 + x)],
  }
}

function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function writeAll(path, parts) {
  const file = openSync(path, 'w')
  for (const part of parts) for (let at = 0; at < part.length; ) at += writeSync(file, part, at)
  closeSync(file)
}

function writeSafetensors(layer) {
  const place = join(folder, 'layer')
  mkdirSync(place)
  let offset = 0
  const header = Object.fromEntries(
    Object.entries(layer).map(([name, [shape, { byteLength }]]) => {
      const begin = offset
      offset += byteLength
      return [name, { dtype: 'F32', shape, data_offsets: [begin, offset] }]
    }),
  )
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const path = join(place, 'sae_weights.safetensors')
  writeAll(path, [length, text, ...Object.values(layer).map(([, data]) => bytesOf(data))])
  const config = { architecture: 'jumprelu', d_in: d, d_sae: n, metadata: { hook_name: 'blocks.1.hook_resid_post' } }
  writeAll(join(place, 'cfg.json'), [Buffer.from(JSON.stringify(config))])
  return [path, place]
}

/** Stored, as numpy.savez writes it. */
function writeNpz(layer) {
  const path = join(folder, 'params.npz')
  const parts = []
  const directory = []
  let offset = 0
  for (const [key, [shape, data]] of Object.entries(layer)) {
    const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`
    const header = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${dictionary.padEnd(117)}\n`, 'latin1')
    const sum = crc32(bytesOf(data), crc32(header))
    const size = header.length + data.byteLength
    const name = Buffer.from(`${key}.npy`)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt32LE(sum, 10)
    fields.writeUInt32LE(size, 14)
    fields.writeUInt32LE(size, 18)
    fields.writeUInt16LE(name.length, 22)
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), fields, name, header, bytesOf(data))
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, tail, name)
    offset += 30 + name.length + size
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(5, 8)
  end.writeUInt16LE(5, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  writeAll(path, [...parts, central, end])
  return [path, path]
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
