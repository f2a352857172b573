#include "gemm/row_products.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowBlock = kRowGrain;             // rows of A packed at once. Fits L2.
constexpr std::int64_t kMostColumns = 48 * kColumnGrain;  // rows of B packed at once. Fit L3.
constexpr std::int64_t kFloatsPerLine = 16;               // of cache

struct FreeMemory {
  void operator()(float* p) const { std::free(p); }
};
using Panels = std::unique_ptr<float, FreeMemory>;

Panels allocate_panels(std::int64_t floats) {
  const std::size_t bytes = (static_cast<std::size_t>(floats) * sizeof(float) + 63) / 64 * 64;
  void* memory = std::aligned_alloc(64, bytes);
  if (!memory) throw std::bad_alloc();
  return Panels(static_cast<float*>(memory));
}

// One panel: `tile` rows side by side, k outermost. Missing rows are zeros.
template <class RowAt>
void pack_panel(const Kernels& kernel, const StoredRows& rows, RowAt row_at, std::int64_t present, std::int64_t tile,
                std::int64_t begin, std::int64_t end, float* panel) {
  float values[kProductChain];
  const std::int64_t depth = end - begin;
  for (std::int64_t r = 0; r < tile; ++r) {
    if (r < present) {
      rows.read_f32(kernel, row_at(r), begin, end, values);
      for (std::int64_t k = 0; k < depth; ++k) panel[k * tile + r] = values[k];
    } else {
      for (std::int64_t k = 0; k < depth; ++k) panel[k * tile + r] = 0;
    }
  }
}

struct Block {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

// C[rows x columns] (+)= packed A block * packed B block
void multiply_block(const Kernels& kernel, std::int64_t depth, const float* a, std::int64_t rows, const float* b,
                    std::int64_t columns, float* c, std::int64_t c_stride, bool accumulate) {
  float edge[kMostTileRows * kMostTileColumns];
  for (std::int64_t j = 0; j < columns; j += kernel.tile_columns) {
    const float* b_panel = b + j * depth;
    // While the rows go by, the next panel of B comes nearer.
    const bool another = j + kernel.tile_columns < columns;
    const std::int64_t panel = kernel.tile_columns * depth, steps = (rows + kernel.tile_rows - 1) / kernel.tile_rows;
    const std::int64_t share = another ? (panel + steps - 1) / steps : 0;
    for (std::int64_t i = 0, next = panel; i < rows; i += kernel.tile_rows, next += share) {
      const std::int64_t end = std::min(next + share, 2 * panel);
      for (std::int64_t at = next; at < end; at += kFloatsPerLine) __builtin_prefetch(b_panel + at);
      const float* a_panel = a + i * depth;
      float* out = c + i * c_stride + j;
      const std::int64_t height = std::min(kernel.tile_rows, rows - i), width = std::min(kernel.tile_columns, columns - j);
      if (height == kernel.tile_rows && width == kernel.tile_columns) {
        kernel.gemm_tile(depth, a_panel, b_panel, out, c_stride, accumulate);
        continue;
      }
      kernel.gemm_tile(depth, a_panel, b_panel, edge, kernel.tile_columns, false);
      for (std::int64_t r = 0; r < height; ++r) {
        for (std::int64_t s = 0; s < width; ++s) {
          float& entry = out[r * c_stride + s];
          entry = accumulate ? edge[r * kernel.tile_columns + s] + entry : edge[r * kernel.tile_columns + s];
        }
      }
    }
  }
}

}  // namespace

double product_error(std::int64_t width) {
  const double chains = static_cast<double>((width + kProductChain - 1) / kProductChain);
  const double roundings = (static_cast<double>(std::min(width, kProductChain)) + chains + 2) * 0x1p-24;
  return roundings / (1 - roundings);
}

double product_underflow(std::int64_t width) { return static_cast<double>(width) * 0x1p-125; }

void row_products(const StoredRows& a, const std::int32_t* a_rows, std::int64_t count, const StoredRows& b, float* out,
                  const ProductEpilogue& epilogue, RunControl& control) {
  const Kernels& kernel = kernels();
  const std::int64_t width = a.width(), columns = b.count();
  if (count == 0 || columns == 0) return;
  if (width == 0) throw Error("INTERNAL", "Rows without any numbers have no products");
  const std::int64_t row_blocks = (count + kRowBlock - 1) / kRowBlock;
  // Blocks of equal size: a short last one would cost all of A's packing for few products.
  const std::int64_t column_blocks = (columns + kMostColumns - 1) / kMostColumns;
  const std::int64_t column_block =
      (columns + column_blocks * kColumnGrain - 1) / (column_blocks * kColumnGrain) * kColumnGrain;
  const Panels packed_b = allocate_panels((std::min(columns, column_block) + kColumnGrain) * kProductChain);

  for (std::int64_t j0 = 0; j0 < columns; j0 += column_block) {
    const Block b_block{j0, std::min(columns, j0 + column_block)};
    // Few rows leave too few row blocks to share out: then the columns are cut as well.
    const std::int64_t cuts = std::max<std::int64_t>(1, std::min<std::int64_t>(16 / row_blocks, b_block.size() / 256));
    const std::int64_t cut_size = ((b_block.size() + cuts - 1) / cuts + kColumnGrain - 1) / kColumnGrain * kColumnGrain;
    for (std::int64_t k0 = 0; k0 < width; k0 += kProductChain) {
      const Block k{k0, std::min(width, k0 + kProductChain)};
      const bool last = k.end == width;
      const std::int64_t tile_columns = kernel.tile_columns;
      const std::int64_t b_panels = (b_block.size() + tile_columns - 1) / tile_columns;
      parallel_for(b_panels, 8, control.threads, [&](std::int64_t begin, std::int64_t end) {
        control.check();
        for (std::int64_t p = begin; p < end; ++p) {
          const std::int64_t first = b_block.begin + p * tile_columns;
          pack_panel(
              kernel, b, [&](std::int64_t r) { return first + r; }, b_block.end - first, tile_columns, k.begin, k.end,
              packed_b.get() + p * tile_columns * k.size());
        }
      });
      parallel_for(row_blocks * cuts, 1, control.threads, [&](std::int64_t begin, std::int64_t end) {
        thread_local Panels packed_a = allocate_panels((kRowBlock + kMostTileRows) * kProductChain);
        for (std::int64_t task = begin; task < end; ++task) {
          control.check();
          const std::int64_t block = task / cuts, cut = task % cuts;
          const Block rows{block * kRowBlock, std::min(count, (block + 1) * kRowBlock)};
          const Block piece{b_block.begin + cut * cut_size, std::min(b_block.end, b_block.begin + (cut + 1) * cut_size)};
          if (piece.size() <= 0) continue;
          for (std::int64_t i = rows.begin; i < rows.end; i += kernel.tile_rows) {
            pack_panel(
                kernel, a, [&](std::int64_t r) { return a_rows[i + r]; }, rows.end - i, kernel.tile_rows, k.begin,
                k.end, packed_a.get() + (i - rows.begin) * k.size());
          }
          multiply_block(kernel, k.size(), packed_a.get(), rows.size(),
                         packed_b.get() + (piece.begin - b_block.begin) * k.size(), piece.size(),
                         out + rows.begin * columns + piece.begin, columns, k.begin > 0);
          if (last) {
            for (std::int64_t i = rows.begin; i < rows.end; ++i) {
              epilogue(i, piece.begin, piece.size(), out + i * columns + piece.begin);
            }
          }
        }
      });
    }
  }
}

}  // namespace sae_match
