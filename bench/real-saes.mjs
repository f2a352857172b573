// Folded feature rows of real SAEs, as f32 matrices that every contender can read.

import { getBackend } from '../dist/backend/select.js'
import { loadSae } from '../dist/matching/load.js'
import { featureRows } from '../dist/sae/rows.js'
import { readRow } from '../dist/tensor/row.js'

/** The problem of one SAE against another. */
export async function foldedRows(aPath, bPath) {
  return stackedRows([aPath], [bPath])
}

/** The problem of several SAEs on top of each other against as many others. */
export async function stackedRows(aPaths, bPaths) {
  const [a, b] = [await stack(aPaths), await stack(bPaths)]
  return { kind: 'features', width: a.width, blocks: a.blocks, rows: a.count, columns: b.count, a: a.data, b: b.data }
}

async function stack(paths) {
  const parts = []
  for (const path of paths) parts.push(await materialise(path))
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const { width, blocks } = parts[0]
  const data = new Float32Array(count * width)
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { data, count, width, blocks }
}

async function materialise(path) {
  const { blocks, index, count, width } = await featureRows(await loadSae(path), {}, await getBackend('auto'))
  const data = new Float32Array(count * width)
  for (let row = 0; row < count; row++) {
    const i = index?.[row] ?? row
    let at = row * width
    for (const { matrix, scale } of blocks) {
      for (const value of readRow(matrix, i)) data[at++] = value * (scale?.[i] ?? 1)
    }
  }
  return { data, count, width, blocks: blocks.map(({ name, matrix }) => ({ name, columns: matrix.columns })) }
}
