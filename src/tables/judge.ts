import { SaeMatchError, wrongValue } from '../errors.js'
import { readJsonLines } from '../labels/json-lines.js'
import { randomPermutationFrom, seededRandom } from '../matching/random-matching.js'
import { schemaVersion } from '../output/pair-files.js'
import type { FeatureNames, PairArrays } from './match-table.js'

/** Two descriptions that a judge, a person or a language model, is to compare. */
export interface Question {
  readonly schemaVersion: number
  /** `stem/feature of A`; an answer names it. */
  readonly id: string
  readonly first: string
  readonly second: string
  /** `ab` where the first description is that of A: shuffled, since judges prefer a place. */
  readonly order: 'ab' | 'ba'
  readonly a: { readonly sae: string; readonly feature: number; readonly neuronpedia: string | null }
  readonly b: { readonly sae: string; readonly feature: number; readonly neuronpedia: string | null }
  readonly cost: number
  readonly cosineDecoder: number
}

/** A match, as questions are drawn from it. */
export interface JudgedPair {
  readonly stem: string
  readonly arrays: PairArrays
  readonly a: FeatureNames & { readonly sae: string }
  readonly b: FeatureNames & { readonly sae: string }
}

/** The scale of the paper, section 3.5. */
export const verdicts = ['DIFFERENT', 'MAYBE', 'SAME'] as const

/** One of {@link verdicts}. */
export type Verdict = (typeof verdicts)[number]

/**
 * A sample of the pairs of matches of which both features have descriptions, each pair as likely as any other, without one
 * twice. The same seed gives the same questions.
 */
export function judgeQuestions(
  pairs: readonly JudgedPair[],
  { count, seed }: { count: number; seed: number },
): Question[] {
  if (!Number.isSafeInteger(count) || count < 1) throw wrongValue('count', 'a whole number >= 1', count)
  const candidates = pairs.flatMap((pair) =>
    Array.from(pair.arrays.a_to_b, (j, i) => ({ pair, i, j })).filter(
      ({ i, j }) => pair.a.labels?.has(i) === true && pair.b.labels?.has(j) === true,
    ),
  )
  const random = seededRandom(seed)
  const drawn = randomPermutationFrom(random, candidates.length).subarray(0, count)
  return Array.from(drawn, (place) => {
    const { pair, i, j } = candidates[place]
    const [a, b] = [pair.a.labels!.get(i)!, pair.b.labels!.get(j)!]
    const order = random() < 0.5 ? 'ab' : 'ba'
    const side = ({ sae, source }: JudgedPair['a'], feature: number) => ({
      ...{ sae, feature },
      neuronpedia: source === null ? null : `${source}/${feature}`,
    })
    return {
      schemaVersion,
      id: `${pair.stem}/${i}`,
      ...(order === 'ab' ? { first: a, second: b } : { first: b, second: a }),
      order,
      a: side(pair.a, i),
      b: side(pair.b, j),
      cost: pair.arrays.cost[i],
      cosineDecoder: pair.arrays.cosine_decoder[i],
    }
  })
}

/** A share or a mean with its 95 % interval. */
export interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** What judges say of matches. The score is 1 for DIFFERENT, 2 for MAYBE, 3 for SAME. */
export interface JudgeReport {
  readonly questions: number
  readonly answered: number
  /** Wilson's intervals. */
  readonly shares: Readonly<Record<Verdict, Interval & { readonly count: number }>>
  /** Mean and normal interval. */
  readonly score: Interval
  /** The same for the questions that show A first and B first: far apart where judges prefer a place. */
  readonly byOrder: Readonly<Record<'ab' | 'ba', Interval & { readonly count: number }>>
  /** By cost, as many questions in each bin as possible. */
  readonly byCost: readonly (Interval & { readonly count: number; readonly from: number; readonly to: number })[]
}

/**
 * What answers say of matches: shares, scores, and scores by cost and by order, each with its 95 % interval.
 *
 * @param answers by the id of a question; what is not answered is left out
 * @param options.bins of cost, at most; default 4
 * @throws RangeError `INVALID_ARGUMENT` without an answer to any of the questions
 */
export function judgeReport(
  questions: readonly Question[],
  answers: ReadonlyMap<string, Verdict>,
  { bins = 4 }: { bins?: number | undefined } = {},
): JudgeReport {
  if (!Number.isSafeInteger(bins) || bins < 1) throw wrongValue('bins', 'a whole number >= 1', bins)
  const judged = questions.flatMap((question) => {
    const verdict = answers.get(question.id)
    return verdict === undefined ? [] : [{ ...question, verdict, score: verdicts.indexOf(verdict) + 1 }]
  })
  if (judged.length === 0) throw wrongValue('answers', 'an answer to one of the questions', answers)
  const counted = (group: typeof judged) => ({ count: group.length, ...meanInterval(group.map(({ score }) => score)) })
  const sorted = judged.toSorted((a, b) => a.cost - b.cost)
  const size = sorted.length / Math.min(bins, sorted.length)
  return {
    questions: questions.length,
    answered: judged.length,
    shares: Object.fromEntries(
      verdicts.map((name) => {
        const count = judged.filter(({ verdict }) => verdict === name).length
        return [name, { count, ...shareInterval(count, judged.length) }]
      }),
    ) as JudgeReport['shares'],
    score: meanInterval(judged.map(({ score }) => score)),
    byOrder: {
      ab: counted(judged.filter(({ order }) => order === 'ab')),
      ba: counted(judged.filter(({ order }) => order === 'ba')),
    },
    byCost: Array.from({ length: Math.min(bins, sorted.length) }, (_, bin) => {
      const group = sorted.slice(Math.round(bin * size), Math.round((bin + 1) * size))
      return { from: group[0].cost, to: group[group.length - 1].cost, ...counted(group) }
    }),
  }
}

/** Reads questions back. @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID` */
export async function readQuestions(path: string, signal?: AbortSignal): Promise<Question[]> {
  const questions: Question[] = []
  for await (const { value, where } of readJsonLines(path, signal)) {
    const { id, order, cost, schemaVersion: version } = value
    const isQuestion = typeof id === 'string' && (order === 'ab' || order === 'ba') && typeof cost === 'number'
    if (!isQuestion || version !== schemaVersion) throw invalid(where, `a question of schema version ${schemaVersion}`)
    questions.push(value as unknown as Question)
  }
  return questions
}

/**
 * Reads answers: lines of `{ "id": "...", "verdict": "SAME" }`, or 1, 2 and 3.
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID`, also for two answers to one question
 */
export async function readAnswers(path: string, signal?: AbortSignal): Promise<Map<string, Verdict>> {
  const answers = new Map<string, Verdict>()
  for await (const { value, where } of readJsonLines(path, signal)) {
    const { id, verdict } = value
    const text = String(verdict).trim().toUpperCase()
    const found = verdicts.find((name, place) => name === text || String(place + 1) === text)
    if (typeof id !== 'string' || found === undefined)
      throw invalid(where, `an id and ${verdicts.join(', ')} or 1, 2, 3`)
    if (answers.has(id)) throw invalid(where, `one answer to ${id}`)
    answers.set(id, found)
  }
  return answers
}

/** The 97.5 % point of the normal distribution. */
const z = 1.959963984540054

/** Wilson's interval of a share, which also holds at 0 and 1 and for few answers. */
export function shareInterval(count: number, of: number): Interval {
  const share = count / of
  const middle = (share + z ** 2 / (2 * of)) / (1 + z ** 2 / of)
  const half = (z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2))) / (1 + z ** 2 / of)
  return { value: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) }
}

/** The mean, and the mean 1.96 standard errors up and down; NaN where there are too few values. */
export function meanInterval(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const half = values.length < 2 ? Number.NaN : z * Math.sqrt(squares / (values.length - 1) / values.length)
  return { value: mean, low: mean - half, high: mean + half }
}

function invalid(where: string, expected: string): SaeMatchError {
  return new SaeMatchError('FORMAT_INVALID', `${where}: expected ${expected}`)
}
