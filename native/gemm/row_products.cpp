#include "gemm/row_products.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/cache_size.h"
#include "core/scratch_pool.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kColumnCut = 4 * kColumnGrain;
constexpr std::int64_t kChain = 256, kLongestChain = 384;
constexpr std::int64_t kMostBlockFloats = 16 << 20;  // of B, where not all of it is kept
constexpr std::int64_t kFloatsPerLine = 16;          // of cache

// The least multiple of `grain` that is not below x.
constexpr std::int64_t up(std::int64_t x, std::int64_t grain) { return (x + grain - 1) / grain * grain; }

// Rows of a block of products. It stays in L2 until all its chains are added up, beside a chain of the rows of A that
// belong to it; all of B goes by once for every block.
std::int64_t row_block(const Kernels& kernel) {
  static const std::int64_t rows = second_level_cache() < (1 << 20) ? 144 : 288;
  return up(rows, kernel.tile_rows);
}

// One panel of `tile` rows. Missing rows and numbers are zeros.
template <class RowAt>
void pack_panel(const Kernels& kernel, decltype(Kernels::place_left) place, const StoredRows& rows, RowAt row_at,
                std::int64_t present, std::int64_t tile, std::int64_t begin, std::int64_t end, float* panel) {
  float numbers[kLongestChain] = {};
  const std::int64_t depth = up(end - begin, kernel.depth_grain);
  for (std::int64_t r = 0; r < tile; ++r) {
    if (r < present) {
      rows.read_f32(kernel, row_at(r), begin, end, numbers);
    } else if (r == present) {
      std::fill_n(numbers, depth, 0.0f);
    }
    place(numbers, depth, r, panel);
  }
}

// C[rows x columns] (+)= packed A * packed B, both in whole panels
void multiply_block(const Kernels& kernel, std::int64_t depth, const float* a, std::int64_t rows, const float* b,
                    std::int64_t columns, float* c, std::int64_t c_stride, bool accumulate) {
  for (std::int64_t j = 0; j < columns; j += kernel.tile_columns) {
    const float* b_panel = b + j * depth;
    // While the rows go by, the next panel of B comes nearer.
    const std::int64_t panel = kernel.tile_columns * depth, steps = (rows + kernel.tile_rows - 1) / kernel.tile_rows;
    const std::int64_t share = j + kernel.tile_columns < columns ? (panel + steps - 1) / steps : 0;
    for (std::int64_t i = 0, next = panel; i < rows; i += kernel.tile_rows, next += share) {
      const std::int64_t end = std::min(next + share, 2 * panel);
      for (std::int64_t at = next; at < end; at += kFloatsPerLine) __builtin_prefetch(b_panel + at);
      kernel.gemm_tile(depth, a + i * depth, b_panel, c + i * c_stride + j, c_stride, accumulate);
    }
  }
}

// Room that grows.
class Room {
 public:
  float* of(std::int64_t floats) {
    if (floats > size_) {
      memory_ = allocate<float>(floats);
      size_ = floats;
    }
    return memory_.get();
  }

 private:
  Array<float> memory_;
  std::int64_t size_ = 0;
};

// What one thread works in: a block of A over the whole width, and a block of products.
struct Workspace {
  Room a, products;
};

// Between the two calls that a kernel asks for.
class Multiplying {
 public:
  explicit Multiplying(const Kernels& kernel) : kernel_(kernel) { kernel_.begin_products(); }
  ~Multiplying() { kernel_.end_products(); }
  Multiplying(const Multiplying&) = delete;
  Multiplying& operator=(const Multiplying&) = delete;

 private:
  const Kernels& kernel_;
};

}  // namespace

std::int64_t chain_length(const Kernels& kernel, std::int64_t width) {
  const std::int64_t chains = std::max<std::int64_t>(1, (width + kChain / 2) / kChain);
  return up((width + chains - 1) / chains, kernel.depth_grain);
}

double product_error(const Kernels& kernel, std::int64_t width) {
  return kernel.product_error(width, std::max<std::int64_t>(1, chain_length(kernel, width)));
}

RightSide::RightSide(const StoredRows& rows, const Kernels& kernel, std::int64_t most_bytes, RunControl& control)
    : rows_(rows), kernel_(kernel) {
  const std::int64_t floats = panel_floats(rows.count(), rows.width());
  if (static_cast<double>(floats) * sizeof(float) > static_cast<double>(most_bytes)) return;
  kept_ = allocate<float>(floats);
  pack(0, rows.count(), kept_.get(), control);
}

std::int64_t RightSide::panel_floats(std::int64_t count, std::int64_t depth) const {
  return up(count, kernel_.tile_columns) * up(depth, kernel_.depth_grain);
}

void RightSide::pack(std::int64_t first, std::int64_t count, float* panels, RunControl& control) const {
  constexpr std::int64_t kPanelsPerPiece = 4;
  const std::int64_t tile = kernel_.tile_columns, width = rows_.width();
  const std::int64_t chain = chain_length(kernel_, width);
  parallel_for((count + tile - 1) / tile, kPanelsPerPiece, control.threads, [&](std::int64_t from, std::int64_t to) {
    control.check();
    for (std::int64_t p = from; p < to; ++p) {
      for (std::int64_t k = 0; k < width; k += chain) {
        const std::int64_t end = std::min(width, k + chain);
        pack_panel(
            kernel_, kernel_.place_right, rows_, [&](std::int64_t r) { return first + p * tile + r; },
            count - p * tile, tile, k, end, panels + panel_floats(count, k) + panel_floats(p * tile, end - k));
      }
    }
  });
}

void row_products(const StoredRows& a, const std::int32_t* a_rows, std::int64_t count, const RightSide& b, float* out,
                  const ProductEpilogue& epilogue, RunControl& control) {
  const Kernels& kernel = b.kernel();
  const std::int64_t width = a.width(), columns = b.rows().count();
  const std::int64_t chain = chain_length(kernel, width), block = row_block(kernel);
  if (count == 0 || columns == 0) return;
  if (width == 0) throw Error("INTERNAL", "Rows without any numbers have no products");
  const std::int64_t row_blocks = (count + block - 1) / block;
  const std::int64_t fitting = std::max(kColumnCut, kMostBlockFloats / width / kColumnCut * kColumnCut);
  const std::int64_t column_block = b.kept() ? columns : std::min(columns, fitting);
  Panels block_of_b;
  if (!b.kept()) block_of_b = allocate<float>(b.panel_floats(column_block, width));
  ScratchPool<Workspace> workspaces([] { return std::make_unique<Workspace>(); });

  for (std::int64_t j0 = 0; j0 < columns; j0 += column_block) {
    const std::int64_t block_columns = std::min(column_block, columns - j0);
    if (!b.kept()) b.pack(j0, block_columns, block_of_b.get(), control);
    const float* packed_b = b.kept() ? b.kept() : block_of_b.get();
    // Few rows leave too few row blocks to share out: then the columns are shared out as well.
    const std::int64_t cuts = (block_columns + kColumnCut - 1) / kColumnCut;
    const std::int64_t shares = std::clamp<std::int64_t>(2 * thread_count() / row_blocks, 1, cuts);
    parallel_for(row_blocks * shares, 1, control.threads, [&](std::int64_t begin, std::int64_t end) {
      std::unique_ptr<Workspace> workspace = workspaces.take();
      const Multiplying multiplying(kernel);
      for (std::int64_t task = begin; task < end; ++task) {
        const std::int64_t first = task / shares * block, rows = std::min(block, count - first);
        const std::int64_t share = task % shares;
        // Whole panels, so that a block of A at depth k begins at `padded` k.
        const std::int64_t padded = up(rows, kernel.tile_rows);
        float* packed_a = workspace->a.of(padded * up(width, kernel.depth_grain));
        float* products = workspace->products.of(block * kColumnCut);
        for (std::int64_t k = 0; k < width; k += chain) {
          const std::int64_t k_end = std::min(width, k + chain);
          for (std::int64_t i = 0; i < rows; i += kernel.tile_rows) {
            pack_panel(
                kernel, kernel.place_left, a, [&](std::int64_t r) { return a_rows[first + i + r]; }, rows - i,
                kernel.tile_rows, k, k_end, packed_a + padded * k + i * up(k_end - k, kernel.depth_grain));
          }
        }
        for (std::int64_t cut = share * cuts / shares; cut < (share + 1) * cuts / shares; ++cut) {
          control.check();
          const std::int64_t j = cut * kColumnCut, size = std::min(kColumnCut, block_columns - j);
          for (std::int64_t k = 0; k < width; k += chain) {
            const std::int64_t depth = up(std::min(chain, width - k), kernel.depth_grain);
            multiply_block(kernel, depth, packed_a + padded * k, rows,
                           packed_b + b.panel_floats(block_columns, k) + j * depth, size, products, kColumnCut, k > 0);
          }
          for (std::int64_t i = 0; i < rows; ++i) {
            float* row = products + i * kColumnCut;
            epilogue(first + i, j0 + j, size, row);
            std::copy_n(row, size, out + (first + i) * columns + j0 + j);
          }
        }
      }
      workspaces.give_back(std::move(workspace));
    });
  }
}

}  // namespace sae_match
