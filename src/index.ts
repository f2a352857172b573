export {
  type CertifiedProblem,
  type Claim,
  certify,
  type Judgement,
} from './assignment/certificate.js'
export { type CostMatrixOptions, costMatrix } from './assignment/cost-matrix.js'
export type { Costs, ProblemOptions, RowPair, SolveOptions } from './assignment/problem.js'
export type { Assignment } from './assignment/result.js'
export { solveAssignment, solveAssignmentSync } from './assignment/solve.js'
export type { NativeBuild, NativeDevice, NativeDevices } from './backend/addon-types.js'
export type {
  BackendName,
  Certificate,
  Neighbours,
  Progress,
  RowSign,
  RunControl,
  Solution,
  SolverName,
  SourceName,
} from './backend/backend.js'
export type { CudaInfo } from './backend/cuda.js'
export { type BackendInfo, backendInfo } from './backend/info.js'
export type { Unavailable } from './backend/load.js'
export type { BackendRequest, Reason } from './backend/select.js'
export { type ErrorCode, SaeMatchError } from './errors.js'
export type { ActivationSource } from './evaluation/activations.js'
export { type ApproximatedStates, type ApproximateOptions, approximate } from './evaluation/approximate.js'
export { type EncodeOptions, encode, type FeatureActivations } from './evaluation/encode.js'
export {
  type EvaluateOptions,
  type Evaluation,
  type EvaluationBaselines,
  evaluate,
  type PairingScores,
  type QuantileScores,
} from './evaluation/evaluate.js'
export type { MatchingScore, PairCounts } from './evaluation/matching-score.js'
export type { Fidelity } from './evaluation/metrics.js'
export type { ApproximationOptions, EvaluatedMatch } from './evaluation/options.js'
export type { DecodingScale, UnmatchedFeatures } from './evaluation/routes.js'
export type { TokenMask } from './evaluation/token-mask.js'
export type { ActivationsOfBoth } from './evaluation/token-pass.js'
export type { CheckpointOptions } from './formats/family.js'
export type { SourceFile } from './formats/file.js'
export { type ResolveOptions, resolveSae, resolveSaes } from './hub/resolve.js'
export type { SaeSelection } from './hub/select.js'
export { type ExplanationOptions, type Explanations, readExplanations } from './labels/explanations.js'
export {
  deadFeatures,
  type FeatureStatistics,
  maximumScale,
  readFeatureStatistics,
} from './labels/feature-statistics.js'
export { type LabelledSae, neuronpediaFeature, neuronpediaSource, neuronpediaUrl } from './labels/neuronpedia.js'
export type { Baselines } from './matching/baselines.js'
export { compose, invert } from './matching/compose.js'
export {
  type ConsistencyOptions,
  type CosineMatching,
  cosineCutoffs,
  type FeatureConsistency,
  featureConsistency,
} from './matching/consistency.js'
export { type FeatureRowsOptions, featureRows } from './matching/feature-rows.js'
export { type LoadOptions, loadSae } from './matching/load.js'
export { match } from './matching/match.js'
export { type Nearest, type NearestFeatures, type NearestOptions, nearest } from './matching/nearest.js'
export type { DeadFeatures, MatchOptions, RowSettings, StatScale } from './matching/options.js'
export type {
  BaselineChoice,
  Match,
  MatchDistributions,
  MatchSummary,
  PairCosts,
  Provenance,
} from './matching/result.js'
export type { MeanScores } from './matching/score.js'
export type { Distribution, Histogram } from './matching/statistics.js'
export type { HashedFile } from './output/file-hash.js'
export type { InputRecord, PairMilliseconds, PairRecord, RunOptions } from './output/pair-files.js'
export type { StoredPair } from './output/run-directory.js'
export { matchPairs } from './pairs/match-pairs.js'
export type { ListedPair, MatchPairsOptions } from './pairs/options.js'
export type { Shard } from './pairs/plan.js'
export type { FailedPair, PairResult, PairsProgress, PairsRun } from './pairs/result.js'
export { allLayers, findInput, findStep, pathBetween, type RunStep } from './runs/choose.js'
export { type ReadRunOptions, type Run, type RunInput, type RunPair, readRun } from './runs/read-run.js'
export type { Alignment } from './sae/align.js'
export { foldSae } from './sae/fold.js'
export {
  type RowBlock,
  type RowOptions,
  type Rows,
  type SaeRows,
  type Scale,
  type Weights,
  weightPresets,
} from './sae/rows.js'
export type { Activation, Folded, InputNorm, Sae, SaeSource, Site } from './sae/sae.js'
export { encodeTable, type TableFormat } from './tables/encode-table.js'
export {
  type Interval,
  type JudgedPair,
  type JudgeReport,
  judgeQuestions,
  judgeReport,
  type Question,
  readAnswers,
  readQuestions,
  type Verdict,
} from './tables/judge.js'
export { type FeatureNames, matchTable, type PairArrays, type Table, type TableColumn } from './tables/match-table.js'
export { type Dtype, type Matrix, rowMajor, type StoredArray } from './tensor/matrix.js'
export type { SparseMatrix } from './tensor/sparse-matrix.js'
export { comparePaths, type DistanceSummary, type PathComparison, summariseByDistance } from './tracks/by-distance.js'
export {
  type Agreement,
  agreement,
  type Composition,
  type CycleConsistency,
  composeSteps,
  cycleConsistency,
} from './tracks/composition.js'
export { cutSteps, type StepCut } from './tracks/cut.js'
export { type FlowGraph, flowGraph } from './tracks/flow-graph.js'
export { type Lifetimes, lifetimes } from './tracks/lifetimes.js'
export { readStep } from './tracks/read-step.js'
export { invertStep, type MatchStep, stepOf } from './tracks/step.js'
export { findTracks, type Tracks } from './tracks/tracks.js'
