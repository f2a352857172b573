import type { Family } from './family.js'
import { gemmaScope } from './gemma-scope.js'
import { saeLens } from './sae-lens.js'

/** Every family that can be read, in the order in which they are tried. */
export const families: readonly Family[] = [gemmaScope, saeLens]
