import type { RunOptions } from '../output/pair-files.js'

const scales: Readonly<Record<string, string>> = { fold: 'folded', none: 'unfolded', unit: 'cosine', stat: 'scaled' }

/** What the options of a pair minimise, in words: `folded`, `unfolded decoder`, `|cosine| decoder`, `folded, cut`. */
export function objectiveName({
  scale,
  sign,
  alignment,
  dead,
  weights,
  unmatchedCost,
  unmatchedQuantile,
}: RunOptions): string {
  const whole = scales[scale] ?? scale
  const compared = sign === 'either' ? `|${whole}|` : whole
  const terms = (['decoder', 'encoder', 'bias'] as const).filter((term) => weights[term] > 0)
  const even = terms.every((term) => weights[term] === weights[terms[0]])
  const parts = even
    ? terms.length === 3
      ? ''
      : ` ${terms.join('+')}`
    : ` ${terms.map((term) => `${weights[term]} ${term}`).join('+')}`
  const moved = alignment === undefined ? '' : ', aligned'
  const alive = dead === undefined ? '' : ', without the dead'
  const cut = unmatchedCost === null && unmatchedQuantile === undefined ? '' : ', cut'
  return `${compared}${parts}${moved}${alive}${cut}`
}
