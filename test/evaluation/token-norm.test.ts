import { expect, it } from 'vitest'
import { normaliseTokens } from '../../src/evaluation/token-norm.js'
import { rowMajor } from '../../src/tensor/matrix.js'

const x = rowMajor(Float32Array.of(1, 2, 6, 0, 0, 0), 'f32', 2, 3)

it('leaves tokens alone where the SAE does', () => {
  expect(normaliseTokens(x, 'none')).toEqual({ x, statistics: null })
})

it('layer-norm: mean off, divided by the deviation of a sample and 1e-5', () => {
  const { x: normalised, statistics } = normaliseTokens(x, 'layer-norm')
  const deviation = Math.sqrt((4 + 1 + 9) / 2)
  expect([...statistics!.mean]).toEqual([3, 0])
  expect([...statistics!.deviation]).toEqual([deviation, 0])
  const expected = [-2, -1, 3].map((value) => value / (deviation + 1e-5))
  expect([...(normalised.data as Float64Array)]).toEqual([...expected, 0, 0, 0])
})

it('constant-norm: every token to the norm sqrt(d), a zero token stays', () => {
  const { x: normalised, statistics } = normaliseTokens(x, 'constant-norm')
  const values = normalised.data as Float64Array
  expect(Math.hypot(...values.subarray(0, 3))).toBeCloseTo(Math.sqrt(3), 14)
  expect([...values.subarray(3)]).toEqual([0, 0, 0])
  expect([...statistics!.mean]).toEqual([0, 0])
  expect(values[2] * statistics!.deviation[0]).toBeCloseTo(6, 14)
})
