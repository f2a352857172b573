import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Container } from '../../src/formats/container.js'
import { openNpy } from '../../src/formats/npy.js'
import { openNpz } from '../../src/formats/npz.js'
import { cutRows } from '../../src/formats/row-pieces.js'
import { openSafetensors } from '../../src/formats/safetensors.js'
import { encodeNpy } from '../../src/output/npy.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { encodeSafetensors } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { npyBytes } from '../helpers/npy-bytes.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const values = Float32Array.from({ length: 11 * 3 }, (_, i) => Math.sin(i))
const shape = [11, 3]
const big = Buffer.from(values.buffer.slice(0)).swap32()

async function rowsOf(opening: Promise<Container>, rows: number, name?: string): Promise<number[][]> {
  const container = await opening
  try {
    const batches: number[][] = []
    for await (const tensor of container.readRows(name ?? [...container.tensors.keys()][0], rows)) {
      batches.push([...toFloat64(tensor)])
    }
    return batches
  } finally {
    await container.close()
  }
}

const file = (name: string) => join(folder, name)

beforeAll(() => {
  const npy = encodeNpy(values, shape)
  writeFileSync(file('rows.npy'), npy)
  writeFileSync(file('big.npy'), npyBytes('>f4', shape, big))
  writeFileSync(file('stored.npz'), zipSync({ 'x.npy': npy }, { level: 0 }))
  writeFileSync(file('deflated.npz'), zipSync({ 'x.npy': npy }, { level: 6 }))
  writeFileSync(file('rows.safetensors'), encodeSafetensors({ x: { data: values, shape } }))
})

describe('readRows', () => {
  const openers: [string, (path: string) => Promise<Container>][] = [
    ['rows.npy', openNpy],
    ['big.npy', openNpy],
    ['stored.npz', openNpz],
    ['deflated.npz', openNpz],
    ['rows.safetensors', openSafetensors],
  ]
  it.each(openers)('gives every number once, in order: %s', async (name, open) => {
    for (const rows of [1, 4, 11, 100]) {
      const batches = await rowsOf(open(file(name)), rows)
      expect(batches.flat()).toEqual([...values])
      expect(batches.map(({ length }) => length / 3)).toEqual(
        Array.from({ length: Math.ceil(11 / rows) }, (_, b) => Math.min(rows, 11 - b * rows)),
      )
    }
  })

  it('refuses columns one after the other, and says what to do', async () => {
    writeFileSync(file('fortran.npy'), npyBytes('<f4', shape, new Uint8Array(132), true))
    await expectFailure(rowsOf(openNpy(file('fortran.npy')), 4), 'FORMAT_INVALID', 'found columns')
  })

  it('finds damage at the end of an archive', async () => {
    const bytes = zipSync({ 'x.npy': encodeNpy(values, shape) }, { level: 0 })
    bytes[bytes.indexOf(0x0a) + 30] ^= 1
    writeFileSync(file('damaged.npz'), bytes)
    await expectFailure(rowsOf(openNpz(file('damaged.npz')), 4), 'FORMAT_INVALID', 'checksum')
  })

  it('does not know other names', async () => {
    await expectFailure(rowsOf(openNpz(file('stored.npz')), 4, 'y'), 'TENSOR_MISSING', 'y')
    await expectFailure(rowsOf(openSafetensors(file('rows.safetensors')), 4, 'y'), 'TENSOR_MISSING', 'y')
  })

  it('reads no further than it is asked to', async () => {
    const container = await openNpz(file('deflated.npz'))
    for await (const tensor of container.readRows('x', 2)) {
      expect([...toFloat64(tensor)]).toEqual([...values.subarray(0, 6)])
      break
    }
    await container.close()
  })
})

it('cutRows does not care how bytes come', async () => {
  const bytes = new Uint8Array(values.buffer)
  for (const size of [1, 5, 12, 40, 1000]) {
    async function* pieces() {
      yield new Uint8Array(7)
      for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
    }
    const found: number[] = []
    for await (const tensor of cutRows(pieces(), 7, { dtype: 'f32', shape }, 2, 'x')) found.push(...toFloat64(tensor))
    expect(found).toEqual([...values])
  }
})
