import { describe, expect, it } from 'vitest'
import { formatReference, isHubReference, parseReference } from '../../src/hub/reference.js'

const commit = 'f'.repeat(40)

describe('parseReference', () => {
  it.each([
    ['hf://google/gemma-scope-2b-pt-res', 'google/gemma-scope-2b-pt-res', 'main', ''],
    ['hf://o/n/', 'o/n', 'main', ''],
    ['hf://o/n/layer_20/params.npz', 'o/n', 'main', 'layer_20/params.npz'],
    [`hf://o/n@${commit}/layer_20`, 'o/n', commit, 'layer_20'],
    [`hf://o/n/layer_20@${commit}`, 'o/n', commit, 'layer_20'],
    ['hf://o/n@v1.0', 'o/n', 'v1.0', ''],
    ['hf://o/n@refs/pr/7/layer_20', 'o/n', 'refs/pr/7', 'layer_20'],
    ['hf://o/n@refs%2Fpr%2F7/layer_20', 'o/n', 'refs/pr/7', 'layer_20'],
    ['hf://o/n/layer_20@refs/pr/7', 'o/n', 'refs/pr/7', 'layer_20'],
    ['hf://o/n@main/name@with/at', 'o/n', 'main', 'name@with/at'],
  ])('reads %s', (text, repository, revision, path) => {
    expect(parseReference(text)).toEqual({ repository, revision, path })
    expect(parseReference(formatReference({ repository, revision, path }))).toEqual({ repository, revision, path })
  })

  it.each([
    'o/n',
    'hf://o',
    'hf:///n/x',
    'hf://../n',
    'hf://o/../x',
    'hf://o/n/../../x',
    'hf://o/n//x',
    'hf://o/n/./x',
    'hf://o/n/a\\b',
    'hf://o/n/a\0b',
    'hf://o/n@../x',
    'hf://o/n@..',
    'hf://o/n/x@../../y',
    'hf://o/n/x@',
    'hf://o/n@%E0%A4%A/x',
    'hf://o--p/n',
    'hf://o/n/C:/x',
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('leaves local paths alone', () => {
    for (const path of ['saes/layer_1', 'hf/layer_1', './hf:/x', 'C:\\saes', '/hf://'])
      expect(isHubReference(path)).toBe(false)
  })
})
