// Shapes of a problem of feature rows that keep the numbers it came from.

/**
 * What may be made of a feature problem: `apply(problem)` gives the new one, `unmatchedCost(rowCosts)` an unmatched cost
 * from the costs of the square problem's pairs.
 */
export const variants = {
  dropped: {
    description: 'a fifth of the rows dropped',
    apply: ({ a, rows, width, ...rest }) => {
      const kept = Math.floor(0.8 * rows)
      return { ...rest, width, rows: kept, a: a.slice(0, kept * width) }
    },
  },
  zeros: {
    description: '30 % of the rows on either side zero',
    apply: ({ a, b, rows, columns, width, ...rest }) => ({
      ...rest,
      ...{ rows, columns, width },
      a: withZeroRows(a, rows, width, 0),
      b: withZeroRows(b, columns, width, 500),
    }),
  },
  lambda: {
    description: 'an unmatched cost at the median cost of its pairs',
    apply: (problem) => problem,
    unmatchedCost: (pairCosts) => pairCosts.slice().sort()[pairCosts.length >> 1],
  },
}

/** A family of problems made of those of another. */
export function variantOf(base, variant) {
  const { description, apply, unmatchedCost } = variants[variant]
  return {
    ...base,
    description: `${base.description}; ${description}`,
    make: async (n, seed, dimension) => apply(await base.make(n, seed, dimension)),
    unmatchedCost,
  }
}

/** Which rows are zero has nothing to do with which rows belong together. */
function withZeroRows(data, count, width, shift) {
  const changed = data.slice()
  for (let i = 0; i < count; i++) {
    if ((i * 7919 + shift) % 1000 < 300) changed.fill(0, i * width, (i + 1) * width)
  }
  return changed
}
