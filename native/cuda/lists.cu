#include "cuda/lists.h"

#include <cfloat>

#include "cuda/exact_cost.h"

namespace sae_match::cuda {
namespace {

constexpr int kSumsPerBlock = kScanThreads / kLanes;
constexpr int kSumsPerWarp = kWarp / kLanes;

// Which columns a row's list has: those below `last`, and of those that tie with it the first `ties` from the row's own
// index on, the others after them: then rows with equal costs do not all list the same columns, nor in the same order.
struct Choice {
  double last;
  std::int64_t below, ties, tied, tied_before;  // listed of either kind; all that tie, and those before the row's index
};

// The rule of native/cost/selection.h: one of the smaller minima is the cut, and everything at or below it is listed.
// Where that is too much, the best are.
__device__ Choice choose(const RowScan& scan, std::int64_t i, std::int64_t size, std::int64_t shared, double& bound,
                         BlockScratch& scratch, DigitCounts& digits) {
  const std::int64_t most = 2 * size + shared < scan.columns ? 2 * size + shared : scan.columns;
  const std::int64_t rank = size * 3 / 5 + shared + 1;
  double cut = DBL_MAX;
  bound = INFINITY;
  if (rank <= scan.blocks && scan.columns > most) {
    const double found = number_of_rank(rank, digits, [&](auto see) {
      for (std::int64_t b = threadIdx.x; b < scan.blocks; b += kScanThreads) see(scan.minima[b]);
    });
    // Where even this block is forbidden, everything allowed is listed.
    if (found < INFINITY) bound = cut = found;
  }
  const auto count_where = [&](double up_to, auto wanted) {
    std::int64_t count = 0;
    scan.each(up_to, [&](std::int64_t j, double reduced, bool) { count += wanted(j, reduced); });
    return sum_of_block(count, scratch);
  };
  const std::int64_t count = count_where(cut, [&](std::int64_t, double reduced) { return reduced <= cut; });
  if (count <= most) return {cut, count, 0, 0, 0};
  const double last = number_of_rank(most, digits, [&](auto see) {
    scan.each(cut, [&](std::int64_t, double reduced, bool) {
      if (reduced <= cut) see(reduced);
    });
  });
  bound = last;
  const std::int64_t below = count_where(last, [&](std::int64_t, double reduced) { return reduced < last; });
  const std::int64_t tied = count_where(last, [&](std::int64_t, double reduced) { return reduced == last; });
  const std::int64_t tied_before =
      count_where(last, [&](std::int64_t j, double reduced) { return reduced == last && j < i; });
  return {last, below, most - below, tied, tied_before};
}

// A block of threads a row.
__global__ void __launch_bounds__(kScanThreads) lists_kernel(ListArguments p) {
  __shared__ double minima[kMostMinima];
  __shared__ BlockScratch scratch, tie_scratch;
  __shared__ DigitCounts digits;
  const std::int64_t position = blockIdx.x, i = p.asked[position];
  const RowScan scan = scan_row(p.bounds.row(position), p.v, p.bounds.columns, minima);
  double bound;
  const Choice choice = choose(scan, i, p.size, p.shared[position], bound, scratch, digits);
  const bool drops = choice.tied > 0;
  const auto is_below = [&](double reduced) { return drops ? reduced < choice.last : reduced <= choice.last; };
  const auto is_tied = [&](double reduced) { return drops && reduced == choice.last; };

  // Where each warp's entries begin.
  std::int64_t below = 0, tied = 0;
  scan.each(choice.last, [&](std::int64_t, double reduced, bool) {
    below += __popc(__ballot_sync(0xffffffffu, is_below(reduced)));
    tied += __popc(__ballot_sync(0xffffffffu, is_tied(reduced)));
  });
  __syncthreads();
  if (lane_of_warp() == 0) {
    scratch.counts[warp_of_block()] = below;
    tie_scratch.counts[warp_of_block()] = tied;
  }
  __syncthreads();
  below = tied = 0;
  for (int w = 0; w < warp_of_block(); ++w) {
    below += scratch.counts[w];
    tied += tie_scratch.counts[w];
  }

  std::int32_t* columns = p.columns + position * p.stride;
  double* costs = p.costs + position * p.stride;
  scan.each(choice.last, [&](std::int64_t j, double reduced, bool) {
    const unsigned before_lane = (1u << lane_of_warp()) - 1;
    const unsigned belows = __ballot_sync(0xffffffffu, is_below(reduced));
    const unsigned ties = __ballot_sync(0xffffffffu, is_tied(reduced));
    std::int64_t at = -1;
    if (is_below(reduced)) at = below + __popc(belows & before_lane);
    if (is_tied(reduced)) {
      const std::int64_t rank = tied + __popc(ties & before_lane) - choice.tied_before;
      const std::int64_t turned = rank < 0 ? rank + choice.tied : rank;
      if (turned < choice.ties) at = choice.below + turned;
    }
    if (at >= 0) {
      columns[at] = static_cast<std::int32_t>(j);
      costs[at] = static_cast<double>(scan.costs[j]);
    }
    below += __popc(belows);
    tied += __popc(ties);
  });
  if (threadIdx.x == 0) {
    p.sizes[position] = static_cast<std::int32_t>(choice.below + choice.ties);
    p.lower[position] = bound;
  }
}

__global__ void __launch_bounds__(kScanThreads) exact_lists_kernel(ListArguments p, RowsView a, RowsView b, CostRule rule) {
  const std::int64_t position = blockIdx.x, i = p.asked[position];
  const std::int32_t size = p.sizes[position];
  const std::int32_t* columns = p.columns + position * p.stride;
  double* costs = p.costs + position * p.stride;
  for (int first = 0; first < size; first += kSumsPerBlock) {
    const int at = first + static_cast<int>(threadIdx.x) / kLanes;
    const double cost = exact_cost(a, i, b, columns[at < size ? at : size - 1], rule);
    if (at < size && lane_of_sum() == 0) costs[at] = cost;
  }
}

__global__ void __launch_bounds__(kScanThreads) exact_costs_kernel(RowsView a, RowsView b, CostRule rule,
                                                                   const std::int32_t* rows, const std::int32_t* columns,
                                                                   std::int64_t count, double* out) {
  const std::int64_t e = (std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x) / kLanes;
  const std::int64_t at = e < count ? e : count - 1;
  const double cost = exact_cost(a, rows[at], b, columns[at], rule);
  if (e < count && lane_of_sum() == 0) out[e] = cost;
}

// A thread a column.
__global__ void __launch_bounds__(kScanThreads) quantile_kernel(BoundRows bounds, std::int64_t count, std::int64_t depth,
                                                                double* out) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x;
  if (j >= bounds.columns) return;
  float least[kMostDepth];
  SAE_MATCH_UNROLL
  for (float& each : least) each = INFINITY;
  for (std::int64_t position = 0; position < count; ++position) {
    float x = bounds.row(position)[j];
    SAE_MATCH_UNROLL
    for (float& each : least) {
      const float smaller = x < each ? x : each;
      x = x < each ? each : x;
      each = smaller;
    }
  }
  SAE_MATCH_UNROLL
  for (std::int64_t t = 0; t < kMostDepth; ++t) {
    if (t == depth - 1) out[j] = static_cast<double>(least[t]);
  }
}

// A block of threads a row. Only entries whose bound reaches below the best exact value can matter.
__global__ void __launch_bounds__(kScanThreads) least_reduced_kernel(BoundRows bounds, const std::int32_t* asked, RowsView a,
                                                                     RowsView b, CostRule rule, const double* v,
                                                                     double* out) {
  __shared__ double minima[kMostMinima];
  __shared__ BlockScratch scratch;
  const std::int64_t position = blockIdx.x, i = asked[position];
  const RowScan scan = scan_row(bounds.row(position), v, bounds.columns, minima);
  double least_listed = INFINITY;
  for (std::int64_t block = threadIdx.x; block < scan.blocks; block += kScanThreads) {
    least_listed = fmin(least_listed, minima[block]);
  }
  least_listed = least_of_block(least_listed, scratch);

  // The least exact value of entries up to `reach`, as it is and rounded down.
  double rounded = INFINITY;
  const auto look_up_to = [&](double reach) {
    double nearest = INFINITY;
    rounded = INFINITY;
    scan.each(reach, [&](std::int64_t j, double reduced, bool) {
      unsigned hits = __ballot_sync(0xffffffffu, reduced <= reach && reduced < INFINITY);
      const std::int64_t j0 = j - lane_of_warp();
      while (hits != 0) {
        // The hits of a warp are dealt out to its sums; one too many looks at the first again.
        int hit = __ffs(hits) - 1;
        for (int s = 0; s < kSumsPerWarp; ++s) {
          if (hits == 0) break;
          if (lane_of_warp() / kLanes >= s) hit = __ffs(hits) - 1;
          hits &= hits - 1;
        }
        const std::int64_t column = j0 + hit;
        const double cost = exact_cost(a, i, b, column, rule);
        nearest = fmin(nearest, cost - v[column]);
        rounded = fmin(rounded, subtract_down(cost, v[column]));
      }
    });
    rounded = least_of_block(rounded, scratch);
    return least_of_block(nearest, scratch);
  };
  if (least_listed < INFINITY) look_up_to(look_up_to(least_listed));
  if (threadIdx.x == 0) out[position] = rounded;
}

unsigned blocks_for(std::int64_t threads) { return static_cast<unsigned>((threads + kScanThreads - 1) / kScanThreads); }

}  // namespace

void make_lists(const ListArguments& lists, std::int64_t count, cudaStream_t stream) {
  launch("lists", lists_kernel, dim3(static_cast<unsigned>(count)), kScanThreads, 0, stream, lists);
}

void make_exact(const ListArguments& lists, std::int64_t count, const RowsView& a, const RowsView& b, CostRule rule,
                cudaStream_t stream) {
  launch("exact lists", exact_lists_kernel, dim3(static_cast<unsigned>(count)), kScanThreads, 0, stream, lists, a, b, rule);
}

void exact_costs(const RowsView& a, const RowsView& b, CostRule rule, const std::int32_t* rows,
                 const std::int32_t* columns, std::int64_t count, double* out, cudaStream_t stream) {
  launch("exact costs", exact_costs_kernel, dim3(blocks_for(count * kLanes)), kScanThreads, 0, stream, a, b, rule, rows,
         columns, count, out);
}

void column_quantile(const BoundRows& bounds, std::int64_t count, std::int64_t depth, double* out, cudaStream_t stream) {
  launch("column quantile", quantile_kernel, dim3(blocks_for(bounds.columns)), kScanThreads, 0, stream, bounds, count,
         depth, out);
}

void least_reduced(const BoundRows& bounds, const std::int32_t* asked, std::int64_t count, const RowsView& a,
                   const RowsView& b, CostRule rule, const double* v, double* out, cudaStream_t stream) {
  launch("least reduced", least_reduced_kernel, dim3(static_cast<unsigned>(count)), kScanThreads, 0, stream, bounds, asked,
         a, b, rule, v, out);
}

}  // namespace sae_match::cuda
