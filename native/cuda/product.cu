#include "cuda/product.h"

#include "cuda/tensor_core.h"

namespace sae_match::cuda {
namespace {

struct ProductArguments {
  OperandView a, b;
  const std::int32_t* rows;  // null: rows first, first + 1, ...
  std::int64_t first, count;
  BoundView bound;
  float* out;
  __device__ std::int64_t row(std::int64_t position) const { return rows ? rows[position] : first + position; }
  // Turns the product of a pair of operand rows into a bound.
  __device__ void finish(std::int64_t position, std::int64_t column, float product) const {
    if (position >= count || column >= b.count) return;
    const std::int64_t i = row(position);
    out[position * b.count + column] =
        lower_bound(static_cast<double>(product) * (a.unscale[i] * b.unscale[column]), bound.row_norms[i],
                    bound.column_norms[column], bound.row_errors[i] * bound.column_errors[column], bound.rule);
  }
};

// ---- f32 ----

constexpr int kTile = 128;     // rows and columns of a block of threads
constexpr int kDepth = 16;     // what it reads at a time; divides kDepthGrain
constexpr int kSide = 16;      // threads along either side of the tile
constexpr int kEach = kTile / kSide;
constexpr unsigned kThreads = kSide * kSide;

// The first row and column of a block's tile. Blocks start in the order of their numbers, some hundreds at a time: taken
// column by column in bands of sixteen tiles, those at work share operands that fit L2, however wide the rows are.
struct Tile {
  std::int64_t top, left;
};
__device__ inline Tile tile_of_block() {
  constexpr std::int64_t kBand = 16;
  const std::int64_t number = std::int64_t{blockIdx.y} * gridDim.x + blockIdx.x, of_band = kBand * gridDim.x;
  const std::int64_t first = number / of_band * kBand, below = gridDim.y - first, height = below < kBand ? below : kBand;
  return {(first + number % of_band % height) * kTile, number % of_band / height * kTile};
}

__global__ void __launch_bounds__(kThreads) f32_kernel(ProductArguments p) {
  __shared__ float a[kDepth][kTile + 1], b[kDepth][kTile + 1];
  const int t = static_cast<int>(threadIdx.x), x = t % kSide, y = t / kSide;
  const auto [top, left] = tile_of_block();
  const float* a_numbers = static_cast<const float*>(p.a.numbers);
  const float* b_numbers = static_cast<const float*>(p.b.numbers);
  float sum[kEach][kEach] = {};
  for (std::int64_t k0 = 0; k0 < p.a.depth; k0 += kDepth) {
    for (int e = t; e < kTile * kDepth; e += kThreads) {
      const int r = e / kDepth, k = e % kDepth;
      // Beyond the last row it is read again; nobody looks at what comes of it.
      const std::int64_t position = top + r < p.count ? top + r : p.count - 1;
      const std::int64_t column = left + r < p.b.count ? left + r : p.b.count - 1;
      a[k][r] = a_numbers[p.row(position) * p.a.depth + k0 + k];
      b[k][r] = b_numbers[column * p.b.depth + k0 + k];
    }
    __syncthreads();
    for (int k = 0; k < kDepth; ++k) {
      float row[kEach], column[kEach];
      SAE_MATCH_UNROLL
      for (int i = 0; i < kEach; ++i) row[i] = a[k][y + kSide * i];
      SAE_MATCH_UNROLL
      for (int j = 0; j < kEach; ++j) column[j] = b[k][x + kSide * j];
      SAE_MATCH_UNROLL
      for (int i = 0; i < kEach; ++i) {
        SAE_MATCH_UNROLL
        for (int j = 0; j < kEach; ++j) sum[i][j] = fmaf(row[i], column[j], sum[i][j]);
      }
    }
    __syncthreads();
  }
  SAE_MATCH_UNROLL
  for (int i = 0; i < kEach; ++i) {
    SAE_MATCH_UNROLL
    for (int j = 0; j < kEach; ++j) p.finish(top + y + kSide * i, left + x + kSide * j, sum[i][j]);
  }
}

// ---- f16 on tensor cores ----

constexpr int kStages = 4;              // pieces of depth in shared memory, all but one of them under way
constexpr int kStageDepth = 32;         // numbers of a row in a piece; divides kDepthGrain
constexpr int kChunk = 8;               // numbers in 16 bytes
constexpr int kChunks = kStageDepth / kChunk;
constexpr int kStageNumbers = 2 * kTile * kStageDepth;
constexpr std::size_t kSharedBytes = std::size_t{kStages} * kStageNumbers * sizeof(__half);
constexpr int kWarpRows = 64, kWarpColumns = 32;  // of the tile's sums, a warp's; 2 x 4 warps
constexpr int kRowParts = kWarpRows / 16, kColumnParts = kWarpColumns / 8;

// Where chunk `chunk` of row r of a piece lies: eight rows' chunks of one number are in different banks.
__device__ inline int chunk_place(int r, int chunk) { return r * kStageDepth + (chunk ^ ((r >> 1) & 3)) * kChunk; }

__global__ void __launch_bounds__(kThreads, 2) f16_kernel(ProductArguments p) {
  __half* shared = static_cast<__half*>(dynamic_shared_memory());
  const int t = static_cast<int>(threadIdx.x), lane = t % 32, warp = t / 32;
  const auto [top, left] = tile_of_block();
  const std::int64_t depth = p.a.depth;
  const int stages = static_cast<int>(depth / kStageDepth);

  // Every thread copies one chunk of two rows of either side. Beyond the last row it is read again; nobody looks at what
  // comes of it.
  constexpr int kRowsAtOnce = kThreads / kChunks;
  static_assert(kTile == 2 * kRowsAtOnce, "two rows a thread");
  const int copied = t / kChunks, chunk = t % kChunks;
  const __half *a_from[2], *b_from[2];
  SAE_MATCH_UNROLL
  for (int h = 0; h < 2; ++h) {
    const int r = copied + h * kRowsAtOnce;
    const std::int64_t position = top + r < p.count ? top + r : p.count - 1;
    const std::int64_t column = left + r < p.b.count ? left + r : p.b.count - 1;
    a_from[h] = static_cast<const __half*>(p.a.numbers) + p.row(position) * depth + chunk * kChunk;
    b_from[h] = static_cast<const __half*>(p.b.numbers) + column * depth + chunk * kChunk;
  }
  const auto fetch = [&](int stage) {
    if (stage < stages) {
      __half* to = shared + (stage % kStages) * kStageNumbers;
      SAE_MATCH_UNROLL
      for (int h = 0; h < 2; ++h) {
        const int place = chunk_place(copied + h * kRowsAtOnce, chunk);
        copy_16_bytes(to + place, a_from[h] + std::int64_t{stage} * kStageDepth);
        copy_16_bytes(to + kTile * kStageDepth + place, b_from[h] + std::int64_t{stage} * kStageDepth);
      }
    }
    end_group_of_copies();
  };

  const int first_row = warp / 4 * kWarpRows, first_column = warp % 4 * kWarpColumns;
  float sum[kRowParts][kColumnParts][4] = {};
  for (int stage = 0; stage < kStages - 1; ++stage) fetch(stage);
  for (int stage = 0; stage < stages; ++stage) {
    wait_for_copies<kStages - 2>();
    __syncthreads();  // the copies of all threads are there, and the piece before is read by all
    fetch(stage + kStages - 1);
    const __half* a = shared + (stage % kStages) * kStageNumbers;
    const __half* b = a + kTile * kStageDepth;
    SAE_MATCH_UNROLL
    for (int k = 0; k < kChunks; k += 2) {
      unsigned rows[kRowParts][4], columns[kColumnParts / 2][4];
      SAE_MATCH_UNROLL
      for (int i = 0; i < kRowParts; ++i) {
        load_matrices(rows[i], a + chunk_place(first_row + 16 * i + lane % 16, k + lane / 16));
      }
      SAE_MATCH_UNROLL
      for (int j = 0; j < kColumnParts / 2; ++j) {
        load_matrices(columns[j], b + chunk_place(first_column + 16 * j + lane / 16 * 8 + lane % 8, k + lane / 8 % 2));
      }
      SAE_MATCH_UNROLL
      for (int i = 0; i < kRowParts; ++i) {
        SAE_MATCH_UNROLL
        for (int j = 0; j < kColumnParts; ++j) {
          multiply_add(sum[i][j], rows[i], columns[j / 2][j % 2 * 2], columns[j / 2][j % 2 * 2 + 1]);
        }
      }
    }
  }
  SAE_MATCH_UNROLL
  for (int i = 0; i < kRowParts; ++i) {
    SAE_MATCH_UNROLL
    for (int j = 0; j < kColumnParts; ++j) {
      SAE_MATCH_UNROLL
      for (int e = 0; e < 4; ++e) {
        p.finish(top + first_row + 16 * i + lane / 4 + e / 2 * 8, left + first_column + 8 * j + lane % 4 * 2 + e % 2,
                 sum[i][j][e]);
      }
    }
  }
}

unsigned tiles(std::int64_t count, int tile) { return static_cast<unsigned>((count + tile - 1) / tile); }

}  // namespace

void form_bounds(Product product, const OperandView& a, const std::int32_t* rows, std::int64_t first,
                 std::int64_t count, const OperandView& b, const BoundView& bound, float* out, cudaStream_t stream) {
  const ProductArguments arguments{a, b, rows, first, count, bound, out};
  const dim3 grid(tiles(b.count, kTile), tiles(count, kTile));
  if (product == Product::f32) {
    launch("f32 products", f32_kernel, grid, kThreads, 0, stream, arguments);
    return;
  }
  SAE_MATCH_CHECK(cudaFuncSetAttribute(f16_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
  launch("f16 products", f16_kernel, grid, kThreads, kSharedBytes, stream, arguments);
}

// f32: the classic n u / (1 - n u) of n roundings in a row, u = 2^-24.
// f16: products are exact in f32, but tensor cores cut addends off below the last digit of the largest: of a group of g
// products and the sum so far each loses less than a unit of 2^-23 of |x'| |y'|, and so does the new sum. Groups are of
// 4, 8 or 16, so a product costs at most (4 + 2) / 4 units.
double accumulation_error(Product product, std::int64_t depth) {
  const double error = static_cast<double>(depth) * (product == Product::f32 ? 0x1p-24 : 1.5 * 0x1p-23);
  return error / (1 - error);
}

}  // namespace sae_match::cuda
