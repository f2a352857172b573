import { expect, it } from 'vitest'
import { identityOf } from '../../src/backend/never-written.js'
import { shareSae } from '../../src/pairs/share-sae.js'
import { rowMajor, transpose } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { describeWithAddon } from '../helpers/addon.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'

describeWithAddon('shareSae', () => {
  const random = mulberry32(1)
  const [n, d] = [70, 5]
  const sae = syntheticSae(random, n, d, { encoder: transpose(rowMajor(normals(random, n * d), 'f64', d, n)) })
  const shared = shareSae(sae)

  it('lays rows side by side and keeps their numbers', () => {
    expect(shared.encoder).toMatchObject({ rows: n, columns: d, dtype: 'f64', columnStride: 1 })
    for (let i = 0; i < n; i++) expect(readRow(shared.encoder, i)).toEqual(readRow(sae.encoder, i))
    expect({ ...shared, encoder: null }).toEqual({ ...sae, encoder: null })
    expect(shared.decoder.data).toBe(sae.decoder.data)
  })

  it('gives its tensors an identity', () => {
    const bias = rowMajor(shared.encoderBias, 'f64', n, 1)
    expect([shared.encoder, shared.decoder, bias].map(identityOf)).not.toContain(0)
    expect(identityOf(sae.encoder)).toBe(0)
  })
})
