#include "cuda/neighbours.h"

#include "cuda/exact_cost.h"

namespace sae_match::cuda {
namespace {

constexpr int kSums = kScanThreads / kLanes;
constexpr int kSumsPerWarp = kWarp / kLanes;

// The two least numbers seen.
struct TwoLeastNumbers {
  double least, second;
  __device__ void see(double x) {
    second = fmin(second, fmax(least, x));
    least = fmin(least, x);
  }
};

// The least cost, the lower index among equals, and the second least cost.
struct TwoLeast {
  double cost, second_cost;
  std::int32_t index;
  __device__ void see(double c, std::int32_t j) {
    if (c < cost || (c == cost && (index < 0 || j < index))) {
      second_cost = cost;
      cost = c;
      index = j;
    } else if (c < second_cost) {
      second_cost = c;
    }
  }
};

__global__ void __launch_bounds__(kScanThreads) clear_kernel(ColumnView known, std::int64_t columns) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x;
  if (j >= columns) return;
  known.least_upper[j] = known.second_upper[j] = INFINITY;
  known.before[j] = 0;
}

// A thread a column, over a chunk of rows.
__global__ void __launch_bounds__(kScanThreads) columns_kernel(BoundRows bounds, const std::int32_t* asked, std::int64_t count,
                                                               PartnerView partners, ColumnView known, double* chunks) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x, chunk = blockIdx.y;
  if (j >= bounds.columns) return;
  const std::int64_t end = (chunk + 1) * kChunkRows < count ? (chunk + 1) * kChunkRows : count;
  const double threshold = partners.column_cost[j], error = partners.column_errors[j];
  TwoLeastNumbers upper{INFINITY, INFINITY};
  std::int32_t before = 0;
  for (std::int64_t position = chunk * kChunkRows; position < end; ++position) {
    const double x = upper_bound(bounds.row(position)[j], partners.row_errors[asked[position]], error);
    upper.see(x);
    before += x < threshold;
  }
  chunks[2 * chunk * bounds.columns + j] = upper.least;
  chunks[(2 * chunk + 1) * bounds.columns + j] = upper.second;
  if (before > 0) atomicAdd(&known.before[j], before);
}

__global__ void __launch_bounds__(kScanThreads) merge_kernel(const double* chunks, std::int64_t count, std::int64_t columns,
                                                             ColumnView known) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x;
  if (j >= columns) return;
  TwoLeastNumbers upper{known.least_upper[j], known.second_upper[j]};
  for (std::int64_t part = 0; part < 2 * count; ++part) upper.see(chunks[part * columns + j]);
  known.least_upper[j] = upper.least;
  known.second_upper[j] = upper.second;
}

// A block of threads a row.
__global__ void __launch_bounds__(kScanThreads) neighbours_kernel(BoundRows bounds, const std::int32_t* asked, RowsView a,
                                                                  RowsView b, CostRule rule, PartnerView partners,
                                                                  ColumnView known, const double* zeros, NeighbourView out,
                                                                  CandidateView candidates) {
  __shared__ double minima[kMostMinima];
  __shared__ BlockScratch scratch;
  __shared__ TwoLeast nearest_of[kSums];
  __shared__ double least_of[kWarps], second_of[kWarps];
  const std::int64_t position = blockIdx.x;
  const std::int32_t i = asked[position], partner = partners.row_to_column[i];
  const double threshold = partners.row_cost[i], row_error = partners.row_errors[i];
  const float* costs = bounds.row(position);
  const RowScan scan = scan_row(costs, zeros, bounds.columns, minima);

  // One look at every entry: the row's two least upper bounds, what certainly comes before the partner, and entries that
  // matter to their columns.
  TwoLeastNumbers upper{INFINITY, INFINITY};
  std::int64_t before = 0;
  for (std::int64_t j = threadIdx.x; j < bounds.columns; j += kScanThreads) {
    const double lower = static_cast<double>(costs[j]);
    const double x = upper_bound(costs[j], row_error, partners.column_errors[j]);
    upper.see(x);
    before += x < threshold;
    const double column_threshold = partners.column_cost[j];
    const bool ties = partners.column_to_row[j] != i && lower <= column_threshold && !(x < column_threshold);
    if (!ties && !(lower <= known.second_upper[j])) continue;
    const unsigned long long at = atomicAdd(candidates.found, 1ull);
    if (at >= static_cast<unsigned long long>(candidates.room)) continue;
    candidates.rows[at] = i;
    candidates.columns[at] = static_cast<std::int32_t>(j);
    candidates.ties[at] = ties;
  }
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const double least = __shfl_xor_sync(0xffffffffu, upper.least, step);
    const double second = __shfl_xor_sync(0xffffffffu, upper.second, step);
    upper.see(least);
    upper.see(second);
  }
  if (lane_of_warp() == 0) {
    least_of[warp_of_block()] = upper.least;
    second_of[warp_of_block()] = upper.second;
  }
  __syncthreads();
  TwoLeastNumbers of_row{INFINITY, INFINITY};
  for (int w = 0; w < kWarps; ++w) {
    of_row.see(least_of[w]);
    of_row.see(second_of[w]);
  }
  const double reach = of_row.second;

  // Exact costs of what may be one of the two nearest, or on either side of the partner.
  TwoLeast nearest{INFINITY, INFINITY, -1};
  const double cut = fmax(reach, threshold);
  scan.each(cut, [&](std::int64_t j, double lower, bool is_column) {
    const bool near = is_column && lower <= reach;
    const bool ties = is_column && j != partner && lower <= threshold &&
                      !(upper_bound(costs[is_column ? j : 0], row_error, partners.column_errors[is_column ? j : 0]) < threshold);
    unsigned hits = __ballot_sync(0xffffffffu, near || ties);
    const unsigned tied = __ballot_sync(0xffffffffu, ties);
    const std::int64_t j0 = j - lane_of_warp();
    while (hits != 0) {
      // The hits of a warp are dealt out to its sums; those without one look at the first again and forget it.
      int hit = __ffs(hits) - 1;
      bool is_mine = false;
      for (int s = 0; s < kSumsPerWarp && hits != 0; ++s) {
        if (lane_of_warp() / kLanes == s) {
          hit = __ffs(hits) - 1;
          is_mine = true;
        }
        hits &= hits - 1;
      }
      const auto column = static_cast<std::int32_t>(j0 + hit);
      const double cost = exact_cost(a, i, b, column, rule);
      if (!is_mine || lane_of_sum() != 0) continue;
      nearest.see(cost, column);
      if (tied >> hit & 1) before += cost < threshold || (cost == threshold && column < partner);
    }
  });
  before = sum_of_block(before, scratch);
  if (lane_of_sum() == 0) nearest_of[threadIdx.x / kLanes] = nearest;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int s = 1; s < kSums; ++s) {
    if (nearest_of[s].index < 0) continue;
    nearest.see(nearest_of[s].cost, nearest_of[s].index);
    nearest.second_cost = fmin(nearest.second_cost, nearest_of[s].second_cost);
  }
  out.index[position] = nearest.index;
  out.cost[position] = nearest.cost;
  out.second_cost[position] = nearest.second_cost;
  out.rank[position] = partner < 0 ? -1 : static_cast<std::int32_t>(before);
}

unsigned blocks_for(std::int64_t threads) { return static_cast<unsigned>((threads + kScanThreads - 1) / kScanThreads); }

}  // namespace

void clear_columns(const ColumnView& known, std::int64_t columns, cudaStream_t stream) {
  launch("clear columns", clear_kernel, dim3(blocks_for(columns)), kScanThreads, 0, stream, known, columns);
}

void see_columns(const BoundRows& bounds, const std::int32_t* asked, std::int64_t count, const PartnerView& partners,
                 const ColumnView& known, double* chunks, cudaStream_t stream) {
  const dim3 grid(blocks_for(bounds.columns), static_cast<unsigned>(chunks_of(count)));
  launch("columns", columns_kernel, grid, kScanThreads, 0, stream, bounds, asked, count, partners, known, chunks);
  launch("merge columns", merge_kernel, dim3(blocks_for(bounds.columns)), kScanThreads, 0, stream,
         static_cast<const double*>(chunks), chunks_of(count), bounds.columns, known);
}

void find_neighbours(const BoundRows& bounds, const std::int32_t* asked, std::int64_t count, const RowsView& a,
                     const RowsView& b, CostRule rule, const PartnerView& partners, const ColumnView& known,
                     const double* zeros, const NeighbourView& out, const CandidateView& candidates, cudaStream_t stream) {
  launch("neighbours", neighbours_kernel, dim3(static_cast<unsigned>(count)), kScanThreads, 0, stream, bounds, asked, a, b,
         rule, partners, known, zeros, out, candidates);
}

}  // namespace sae_match::cuda
