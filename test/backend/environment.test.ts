import { describe, expect, it } from 'vitest'
import { environmentReport, readEnvironment } from '../../src/backend/environment.js'

const unset = { backend: 'auto', simd: 'auto', threads: null, addon: null, cudaLibrary: null }

describe('readEnvironment', () => {
  it.each([
    [{}, unset],
    [{ SAE_MATCH_BACKEND: '', SAE_MATCH_SIMD: '', SAE_MATCH_THREADS: '', SAE_MATCH_ADDON: '' }, unset],
    [{ SAE_MATCH_BACKEND: 'typescript' }, { ...unset, backend: 'typescript' }],
    [{ SAE_MATCH_BACKEND: 'cuda' }, { ...unset, backend: 'cuda' }],
    [{ SAE_MATCH_SIMD: 'avx512' }, { ...unset, simd: 'avx512' }],
    [{ SAE_MATCH_SIMD: 'portable' }, { ...unset, simd: 'portable' }],
    [{ SAE_MATCH_THREADS: '1' }, { ...unset, threads: 1 }],
    [{ SAE_MATCH_THREADS: '64' }, { ...unset, threads: 64 }],
    [{ SAE_MATCH_ADDON: '/a/b.node' }, { ...unset, addon: '/a/b.node' }],
    [{ SAE_MATCH_CUDA_LIB: '/a/b.so' }, { ...unset, cudaLibrary: '/a/b.so' }],
  ])('%j', (variables, expected) => {
    expect(readEnvironment(variables)).toEqual(expected)
  })

  it.each([
    ['SAE_MATCH_BACKEND', 'gpu', 'auto, cuda, native, typescript'],
    ['SAE_MATCH_BACKEND', 'Native', 'auto, cuda, native, typescript'],
    ['SAE_MATCH_SIMD', 'sse2', 'auto, portable, avx2, avx512, amx, neon'],
    ['SAE_MATCH_THREADS', '0', 'integer'],
    ['SAE_MATCH_THREADS', '-2', 'integer'],
    ['SAE_MATCH_THREADS', '2.5', 'integer'],
    ['SAE_MATCH_THREADS', 'many', 'integer'],
    ['SAE_MATCH_THREADS', '10000', 'integer'],
    ['SAE_MATCH_ADDON', 'build/Release/sae_match.node', 'absolute path'],
    ['SAE_MATCH_CUDA_LIB', 'libsae_match_cuda.so', 'absolute path'],
  ])('%s=%s is an error that names the variable and what it may be', (name, value, allowed) => {
    const read = () => readEnvironment({ [name]: value })
    expect(read).toThrow(expect.objectContaining({ code: 'INVALID_ENVIRONMENT' }))
    expect(read).toThrow(name)
    expect(read).toThrow(allowed)
    expect(read).toThrow(JSON.stringify(value))
  })
})

describe('environmentReport', () => {
  it('lists the switches that are set and nothing else', () => {
    const variables = { SAE_MATCH_SIMD: 'avx2', PATH: '/bin', SAE_MATCH_BACKEND: 'native', SAE_MATCH_THREADS: '' }
    expect(Object.entries(environmentReport(variables))).toEqual([
      ['SAE_MATCH_BACKEND', 'native'],
      ['SAE_MATCH_SIMD', 'avx2'],
    ])
  })
})
