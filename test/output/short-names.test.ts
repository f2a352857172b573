import { describe, expect, it } from 'vitest'
import { safeName, shortNames } from '../../src/output/short-names.js'

describe('shortNames', () => {
  it.each([
    { paths: ['saes/layer_12', 'saes/layer_13/'], names: ['layer_12', 'layer_13'] },
    {
      paths: ['g/layer_19/width_16k/average_l0_73/params.npz', 'g/layer_20/width_16k/average_l0_71/params.npz'],
      names: ['layer_19-average_l0_73', 'layer_20-average_l0_71'],
    },
    { paths: ['seed0/layer_12', 'seed1/layer_12'], names: ['seed0', 'seed1'] },
    { paths: ['examples/small/layer_12', '/data/other/wide/layer_13'], names: ['layer_12', 'layer_13'] },
    { paths: ['x/layer_12', 'y/layer_12', 'y/layer_13'], names: ['x-layer_12', 'y-layer_12', 'y-layer_13'] },
    { paths: ['x/layer_12', 'x/layer_12'], names: ['layer_12', 'layer_12'] },
    { paths: ['C:\\saes\\a', 'C:\\saes\\b'], names: ['a', 'b'] },
    {
      paths: ['res', 'mlp'].map(
        (site) => `/c/models--google--gemma-${site}/snapshots/${'a'.repeat(40)}/layer_3/width_16k/average_l0_59`,
      ),
      names: ['gemma-res', 'gemma-mlp'],
    },
    { paths: ['params.npz', 'other.npz'], names: ['params.npz', 'other.npz'] },
  ])('$paths', ({ paths, names }) => {
    expect(shortNames(paths)).toEqual(names)
  })
})

describe('safeName', () => {
  it.each([
    ['../../etc/passwd', 'etc-passwd'],
    ['.hidden', 'hidden'],
    ['a--b', 'a-b'],
    ['naïve name\u0000', 'nai-ve-name'],
    ['***', 'sae'],
    ['', 'sae'],
  ])('%j', (label, safe) => {
    expect(safeName(label)).toBe(safe)
  })

  it('is never long', () => {
    expect(safeName('x'.repeat(500))).toHaveLength(60)
  })
})
