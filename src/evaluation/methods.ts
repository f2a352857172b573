import type { Evaluation, PairingScores } from './evaluate.js'
import type { Fidelity } from './metrics.js'

/** What a way to make the hidden state at B is called in files. */
export type MethodName =
  | 'matched'
  | 'identity'
  | 'random'
  | 'nearest'
  | 'encode_decode_previous'
  | 'encode_decode_current'
  | 'layer_drop'

/** One way to make the hidden state at B. Only matchings have scores of their pairs. */
export interface MethodScores {
  readonly name: MethodName
  readonly scores: Fidelity & Partial<PairingScores>
}

/** Every way to make the hidden state at B that was evaluated, the match first. */
export function methodScores({ matched, baselines }: Evaluation): MethodScores[] {
  const { identity, random, nearest, encodeDecodePrevious, encodeDecodeCurrent, layerDrop } = baselines
  const methods: [MethodName, MethodScores['scores'] | undefined][] = [
    ['matched', matched],
    ['identity', identity],
    ['random', random],
    ['nearest', nearest],
    ['encode_decode_previous', encodeDecodePrevious],
    ['encode_decode_current', encodeDecodeCurrent],
    ['layer_drop', layerDrop],
  ]
  return methods.flatMap(([name, scores]) => (scores === undefined ? [] : [{ name, scores }]))
}
