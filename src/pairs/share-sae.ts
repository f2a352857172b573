import { neverWritten } from '../backend/never-written.js'
import type { Sae } from '../sae/sae.js'
import { contiguousRows } from '../tensor/contiguous.js'

/**
 * The same SAE for many matches: the numbers of its rows lie side by side, which every match would have to see to
 * otherwise, and GPUs may keep its tensors. Only for an SAE that nobody else has in hand: nobody may write to it any more.
 */
export function shareSae(sae: Sae): Sae {
  const shared = { ...sae, encoder: contiguousRows(sae.encoder), decoder: contiguousRows(sae.decoder) }
  for (const array of [shared.encoder.data, shared.decoder.data, shared.encoderBias]) neverWritten(array)
  return shared
}
