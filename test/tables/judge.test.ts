import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  judgeQuestions,
  judgeReport,
  meanInterval,
  type Question,
  readAnswers,
  readQuestions,
  shareInterval,
  type Verdict,
} from '../../src/tables/judge.js'
import { expectFailure } from '../helpers/errors.js'
import { hasModule, needsPython, runPython } from '../helpers/python.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const n = 400
const floats = Float32Array.from({ length: n }, (_, i) => i)
const labels = (side: string) =>
  new Map(Array.from({ length: n }, (_, i) => [i, `${side}${i}`] as const).filter(([i]) => i % 4 !== 0))
const pair = {
  stem: 'x--y.12345678',
  arrays: {
    a_to_b: Int32Array.from({ length: n }, (_, i) => (i % 10 === 0 ? -1 : n - i)),
    ...{ cost: floats, cost_decoder: floats, cost_encoder: floats, cost_bias: floats, margin: floats },
    ...{ cosine_decoder: floats, cosine_encoder: floats },
    ...{ rank_ab: new Int32Array(n), rank_ba: new Int32Array(n) },
  },
  a: { sae: 'x', source: 'm/1-set', labels: labels('a') },
  b: { sae: 'y', source: null, labels: labels('b') },
}
const askable = Array.from({ length: n }, (_, i) => i).filter((i) => i % 4 !== 0 && i % 10 !== 0)

describe('judgeQuestions', () => {
  it('asks about matched pairs with both descriptions, each once, in an order that is recorded', () => {
    const all = judgeQuestions([pair], { count: 1000, seed: 3 })
    expect(all.map(({ a }) => a.feature).sort((x, y) => x - y)).toEqual(askable)
    for (const { id, first, second, order, a, b, cost } of all) {
      expect(id).toBe(`x--y.12345678/${a.feature}`)
      expect(order === 'ab' ? [first, second] : [second, first]).toEqual([`a${a.feature}`, `b${n - a.feature}`])
      expect({ a, b, cost }).toEqual({
        a: { sae: 'x', feature: a.feature, neuronpedia: `m/1-set/${a.feature}` },
        b: { sae: 'y', feature: n - a.feature, neuronpedia: null },
        cost: a.feature,
      })
    }
    const share = all.filter(({ order }) => order === 'ab').length / all.length
    expect(Math.abs(share - 0.5)).toBeLessThan(0.12)
  })

  it('draws the same sample from the same seed, another from another, any pair as likely', () => {
    expect(judgeQuestions([pair], { count: 20, seed: 1 })).toEqual(judgeQuestions([pair], { count: 20, seed: 1 }))
    const drawn = new Map<number, number>()
    const seeds = 400
    for (let seed = 0; seed < seeds; seed++) {
      for (const { a } of judgeQuestions([pair], { count: 27, seed }))
        drawn.set(a.feature, (drawn.get(a.feature) ?? 0) + 1)
    }
    // a tenth of the pairs each time: 40 of 400, with a deviation of 6
    for (const feature of askable) expect(Math.abs((drawn.get(feature) ?? 0) - 40)).toBeLessThan(30)
  })

  it('has none where nobody knows what features mean', () => {
    expect(judgeQuestions([{ ...pair, b: { ...pair.b, labels: null } }], { count: 5, seed: 1 })).toEqual([])
    expect(() => judgeQuestions([pair], { count: 0, seed: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})

describe('intervals', () => {
  it('of shares are those of Wilson', () => {
    // by hand: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
    const { value, low, high } = shareInterval(3, 10)
    expect([value, low, high].map((bound) => bound.toFixed(4))).toEqual(['0.3000', '0.1078', '0.6032'])
    expect(shareInterval(0, 5)).toMatchObject({ value: 0, low: 0 })
    expect(shareInterval(5, 5)).toMatchObject({ value: 1, high: 1 })
  })

  it.skipIf(!hasModule('scipy'))(`are those of scipy${needsPython}`, () => {
    const script = `
import json, numpy as np, scipy.stats as s
print(json.dumps([list(s.binomtest(k, n).proportion_ci(method='wilson')) for k, n in [(1, 7), (50, 90), (89, 90)]]
  + [[float(m + t * np.std(x, ddof=1) / len(x) ** .5) for t in (-1.959963984540054, 1.959963984540054)] for x in [[1, 2, 2, 3, 3, 3]] for m in [np.mean(x)]]))`
    const found = [shareInterval(1, 7), shareInterval(50, 90), shareInterval(89, 90), meanInterval([1, 2, 2, 3, 3, 3])]
    JSON.parse(runPython(script)).forEach(([low, high]: [number, number], place: number) => {
      expect(found[place].low).toBeCloseTo(low, 10)
      expect(found[place].high).toBeCloseTo(high, 10)
    })
  })
})

describe('judgeReport', () => {
  const questions = judgeQuestions([pair], { count: 40, seed: 5 })
  const verdictOf = ({ cost }: Question): Verdict => (cost < 150 ? 'SAME' : cost < 250 ? 'MAYBE' : 'DIFFERENT')
  const answers = new Map(questions.slice(0, 39).map((question) => [question.id, verdictOf(question)]))

  it('gives shares, scores by cost and by order', () => {
    const found = judgeReport(questions, answers, { bins: 4 })
    const judged = questions.slice(0, 39)
    expect(found).toMatchObject({ questions: 40, answered: 39 })
    expect(found.shares.SAME.count).toBe(judged.filter(({ cost }) => cost < 150).length)
    expect(Object.values(found.shares).reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(1, 12)
    const score =
      judged.reduce((sum, question) => sum + ['DIFFERENT', 'MAYBE', 'SAME'].indexOf(verdictOf(question)) + 1, 0) / 39
    expect(found.score.value).toBeCloseTo(score, 12)
    expect(found.byCost.map(({ count }) => count)).toEqual([10, 10, 9, 10])
    expect(found.byCost[0].value).toBe(3)
    expect(found.byCost[3].value).toBe(1)
    for (const [bin, next] of found.byCost.slice(1).entries()) expect(next.from).toBeGreaterThan(found.byCost[bin].to)
    expect(found.byOrder.ab.count + found.byOrder.ba.count).toBe(39)
    expect(judgeReport(questions, new Map([[questions[0].id, 'SAME']]))).toMatchObject({
      answered: 1,
      byCost: [{ count: 1 }],
    })
    for (const bins of [0, 1.5, Number.NaN]) {
      expect(() => judgeReport(questions, answers, { bins })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('bins') }),
      )
    }
    expect(() => judgeReport(questions, new Map([['other', 'SAME']]))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })

  it('reads questions and answers back', async () => {
    const write = (name: string, lines: unknown[]) => {
      writeFileSync(join(folder, name), lines.map((line) => JSON.stringify(line)).join('\n'))
      return join(folder, name)
    }
    expect(await readQuestions(write('questions.jsonl', questions))).toEqual(questions)
    const answered = write('answers.jsonl', [
      { id: 'a', verdict: 'same' },
      { id: 'b', verdict: 2 },
      { id: 'c', verdict: ' DIFFERENT ' },
      { id: 'd', verdict: '3', reason: 'more' },
    ])
    expect([...(await readAnswers(answered))]).toEqual([
      ['a', 'SAME'],
      ['b', 'MAYBE'],
      ['c', 'DIFFERENT'],
      ['d', 'SAME'],
    ])
    for (const bad of [
      [{ id: 'a', verdict: 'ALIKE' }],
      [{ verdict: 1 }],
      [{ id: 'a', verdict: 0 }],
      [
        { id: 'a', verdict: 1 },
        { id: 'a', verdict: 1 },
      ],
    ]) {
      await expectFailure(readAnswers(write('bad.jsonl', bad)), 'FORMAT_INVALID', 'bad.jsonl:')
    }
    await expectFailure(
      readQuestions(write('bad.jsonl', [{ ...questions[0], schemaVersion: 99 }])),
      'FORMAT_INVALID',
      'schema version',
    )
    await expectFailure(readQuestions(answered), 'FORMAT_INVALID')
  })
})
