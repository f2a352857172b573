import { dictionaryLearning } from './dictionary-learning.js'
import type { Family } from './family.js'
import { gemmaScope } from './gemma-scope.js'
import { goodfire } from './goodfire.js'
import { hookZ } from './hook-z.js'
import { openai } from './openai.js'
import { saeLens } from './sae-lens.js'

/** Every family that can be read, in the order in which they are tried. */
export const families: readonly Family[] = [gemmaScope, saeLens, dictionaryLearning, openai, goodfire, hookZ]
