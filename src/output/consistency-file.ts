import { neuronpediaSource } from '../labels/neuronpedia.js'
import { type CosineMatching, cosineCutoffs, type FeatureConsistency } from '../matching/consistency.js'
import { type InputRecord, schemaVersion } from './pair-files.js'

/**
 * The contents of a file of PW-MCC and MMCS for other programs: versioned, with the complete matchings and where everything comes
 * from. No times: the same inputs give the same text.
 */
export function consistencyRecord(
  found: FeatureConsistency,
  inputs: { readonly a: InputRecord; readonly b: InputRecord },
  packageVersion: string,
) {
  const { n, m, signed, absolute, mmcs, zeroRows, backend, warnings } = found
  const side = (input: InputRecord) => ({ ...input, neuronpedia: neuronpediaSource(input) })
  const matching = ({ aToB, cosine, certificate, sharedFraction }: CosineMatching) => ({
    certificate,
    sharedFraction,
    aToB,
    cosine,
  })
  return {
    kind: 'sae-match/feature-consistency',
    schemaVersion,
    package: { name: 'sae-match', version: packageVersion },
    a: side(inputs.a),
    b: side(inputs.b),
    n,
    m,
    metrics: {
      pwMccSigned: signed.pwMcc,
      pwMccAbsolute: absolute.pwMcc,
      mmcsAToB: mmcs.aToB,
      mmcsBToA: mmcs.bToA,
    },
    zeroRows,
    cosineCutoffs,
    matchings: { signed: matching(signed), absolute: matching(absolute) },
    backend,
    warnings,
  }
}
