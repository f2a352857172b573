#include "cuda/auction.h"

#include <climits>

namespace sae_match::cuda {
namespace {

constexpr unsigned kSettleThreads = 1024;
constexpr unsigned long long kNoBid = ~0ull;
constexpr std::int32_t kNobody = INT_MAX;

// A row's best column and the second best value. Columns are counted from the row's own index on, and the first among
// equals is taken: rows with equal costs, thousands of dead features, do not all want the same column.
struct Choice {
  double best, second;
  std::int32_t turned;

  __device__ void see(double reduced, std::int32_t at) {  // `at` rises
    second = fmin(second, fmax(best, reduced));
    if (reduced < best) {
      best = reduced;
      turned = at;
    }
  }
  __device__ void see(const Choice& other) {
    second = fmin(fmin(second, other.second), fmax(best, other.best));
    if (other.best < best || (other.best == best && other.turned < turned)) {
      best = other.best;
      turned = other.turned;
    }
  }
};

__global__ void __launch_bounds__(kScanThreads) begin_kernel(AuctionArguments p) {
  const std::int64_t at = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x;
  if (at < p.rows) p.even[at] = static_cast<std::int32_t>(at);
  if (at < p.columns) {
    p.column_to_row[at] = -1;
    p.least[at] = kNoBid;
    p.winner[at] = kNobody;
  }
  if (at == 0) *p.counts = {{static_cast<std::int32_t>(p.rows), 0}, 0};
}

// A block of threads a waiting row.
__global__ void __launch_bounds__(kScanThreads) bid_kernel(AuctionArguments p, int parity) {
  __shared__ Choice of_warps[kWarps];
  const int position = static_cast<int>(blockIdx.x);
  if (position >= p.counts->waiting[parity]) return;  // the whole block
  const std::int64_t i = p.waiting(parity)[position];
  const float* costs = p.bounds + i * p.columns;
  const auto column_at = [&](std::int64_t turned) { return i + turned < p.columns ? i + turned : i + turned - p.columns; };
  Choice choice{INFINITY, INFINITY, kNobody};
  for (std::int64_t turned = threadIdx.x; turned < p.columns; turned += kScanThreads) {
    const std::int64_t j = column_at(turned);
    choice.see(static_cast<double>(costs[j]) - p.v[j], static_cast<std::int32_t>(turned));
  }
  for (int step = kWarp / 2; step > 0; step /= 2) {
    Choice other;
    other.best = __shfl_xor_sync(0xffffffffu, choice.best, step);
    other.second = __shfl_xor_sync(0xffffffffu, choice.second, step);
    other.turned = __shfl_xor_sync(0xffffffffu, choice.turned, step);
    choice.see(other);
  }
  if (lane_of_warp() == 0) of_warps[warp_of_block()] = choice;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kWarps; ++w) choice.see(of_warps[w]);
  if (choice.best > p.unmatched_cost || choice.turned == kNobody) {  // nobody: all prices are -infinity
    p.wanted[position] = -1;
    return;
  }
  const double second = fmin(choice.second, p.unmatched_cost);
  const double rise = (second < INFINITY ? second - choice.best : 0) + p.eps;
  const std::int64_t column = column_at(choice.turned);
  const double price = (p.v[column] - rise) + 0.0;  // -0 and 0 are the same
  p.wanted[position] = static_cast<std::int32_t>(column);
  p.price[position] = price;
  atomicMin(&p.least[column], static_cast<unsigned long long>(ordered_bits(price)));
}

// Every column goes to who bids most for it, the lower row among equals; the others wait, and who had it before. One
// block: in nearly all rounds few rows bid.
__global__ void __launch_bounds__(kSettleThreads) settle_kernel(AuctionArguments p, int parity) {
  __shared__ std::int32_t left;
  const std::int32_t bidders = p.counts->waiting[parity];
  const std::int32_t* waiting = p.waiting(parity);
  if (threadIdx.x == 0) left = 0;
  for (std::int32_t position = static_cast<std::int32_t>(threadIdx.x); position < bidders; position += kSettleThreads) {
    const std::int32_t j = p.wanted[position];
    if (j >= 0 && ordered_bits(p.price[position]) == p.least[j]) atomicMin(&p.winner[j], waiting[position]);
  }
  __syncthreads();
  for (std::int32_t position = static_cast<std::int32_t>(threadIdx.x); position < bidders; position += kSettleThreads) {
    const std::int32_t j = p.wanted[position], i = waiting[position];
    if (j < 0) continue;
    std::int32_t loser = i;
    if (p.winner[j] == i) {
      loser = p.column_to_row[j];
      p.column_to_row[j] = i;
      p.v[j] = p.price[position];
    }
    if (loser >= 0) p.waiting(1 - parity)[atomicAdd(&left, 1)] = loser;
  }
  __syncthreads();
  for (std::int32_t position = static_cast<std::int32_t>(threadIdx.x); position < bidders; position += kSettleThreads) {
    const std::int32_t j = p.wanted[position];
    if (j < 0) continue;
    p.least[j] = kNoBid;
    p.winner[j] = kNobody;
  }
  if (threadIdx.x == 0) {
    p.counts->waiting[1 - parity] = left;
    p.counts->bids += bidders;
  }
}

}  // namespace

void begin_auction(const AuctionArguments& auction, cudaStream_t stream) {
  const std::int64_t most = auction.rows > auction.columns ? auction.rows : auction.columns;
  launch("begin auction", begin_kernel, dim3(static_cast<unsigned>((most + kScanThreads - 1) / kScanThreads)), kScanThreads,
         0, stream, auction);
}

void auction_round(const AuctionArguments& auction, int parity, std::int64_t most_waiting, cudaStream_t stream) {
  launch("bids", bid_kernel, dim3(static_cast<unsigned>(most_waiting)), kScanThreads, 0, stream, auction, parity);
  launch("settle bids", settle_kernel, dim3(1), kSettleThreads, 0, stream, auction, parity);
}

}  // namespace sae_match::cuda
