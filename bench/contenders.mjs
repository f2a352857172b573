// What can be put into a cell of the table, and how it is called there.

/**
 * @typedef {{ kind: 'ours', backend: string, solver: string, source: 'matrix' | 'dense' | 'implicit', sync?: boolean }
 *   | { kind: 'ours-costs', backend: string } | { kind: 'npm', package: string } | { kind: 'python', module: string }} Contender
 * `matrix`: the solver is given the finished cost matrix. `dense` and `implicit`: it is given feature rows, and forming
 * the costs counts. `*-costs` forms the cost matrix and `numpy-sgemm` only the product in it; both solve nothing.
 */

/** @type {Record<string, Contender>} */
export const contenders = {
  'native/auto': { kind: 'ours', backend: 'native', solver: 'auto', source: 'matrix' },
  'native/auto/sync': { kind: 'ours', backend: 'native', solver: 'auto', source: 'matrix', sync: true },
  'native/shortlist': { kind: 'ours', backend: 'native', solver: 'shortlist', source: 'matrix' },
  'native/auction': { kind: 'ours', backend: 'native', solver: 'auction', source: 'matrix' },
  'native/jv': { kind: 'ours', backend: 'native', solver: 'jv', source: 'matrix' },
  'typescript/auto/sync': { kind: 'ours', backend: 'typescript', solver: 'auto', source: 'matrix', sync: true },
  'typescript/shortlist': { kind: 'ours', backend: 'typescript', solver: 'shortlist', source: 'matrix' },
  'typescript/jv': { kind: 'ours', backend: 'typescript', solver: 'jv', source: 'matrix' },
  'native/shortlist/dense': { kind: 'ours', backend: 'native', solver: 'shortlist', source: 'dense' },
  'native/shortlist/implicit': { kind: 'ours', backend: 'native', solver: 'shortlist', source: 'implicit' },
  'typescript/shortlist/dense': { kind: 'ours', backend: 'typescript', solver: 'shortlist', source: 'dense' },
  'native/costs': { kind: 'ours-costs', backend: 'native' },
  'typescript/costs': { kind: 'ours-costs', backend: 'typescript' },
  'npm/munkres': { kind: 'npm', package: 'munkres' },
  'npm/munkres-js': { kind: 'npm', package: 'munkres-js' },
  'npm/linear-sum-assignment': { kind: 'npm', package: 'linear-sum-assignment' },
  'python/scipy': { kind: 'python', module: 'scipy' },
  'python/lapjv': { kind: 'python', module: 'lapjv' },
  'python/lap': { kind: 'python', module: 'lap' },
  'python/numpy-sgemm': { kind: 'python', module: 'numpy' },
}

/** Whether a contender reads feature rows and so needs a family that has them. */
export function needsFeatures(contender) {
  return (
    contender.kind === 'ours-costs' || contender.module === 'numpy' || ['dense', 'implicit'].includes(contender.source)
  )
}

/** Whether a contender is given the finished cost matrix. */
export function needsMatrix(contender) {
  return !needsFeatures(contender)
}

/** Whether a contender can leave rows alone at an unmatched cost. */
export function knowsUnmatchedCost({ kind }) {
  return kind === 'ours'
}

/** Whether a contender only forms costs: there is no assignment to check. */
export function formsCostsOnly(contender) {
  return contender.kind === 'ours-costs' || contender.module === 'numpy'
}
