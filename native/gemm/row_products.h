// A * B^T for feature rows: the one packing and blocking loop over all instruction sets.
#pragma once

#include <cstdint>
#include <functional>

#include "core/memory.h"
#include "features/stored_rows.h"

namespace sae_match {

// Some rows side by side, as the kernels read them.
using Panels = Array<float>;

inline constexpr std::int64_t kMostPackedBytes = 1 << 29;

// The right side of products by one instruction set's kernels. All of it is packed once where that takes no more memory than `most_bytes`; what takes
// more is packed block by block in every product. `rows` must outlive it.
class RightSide {
 public:
  RightSide(const StoredRows& rows, const Kernels& kernel, std::int64_t most_bytes, RunControl& control);

  const StoredRows& rows() const { return rows_; }
  const Kernels& kernel() const { return kernel_; }
  // All rows as pack() gives them; null where they are not kept.
  const float* kept() const { return kept_.get(); }
  // `count` rows from `first` on in panels, one after the other, chain after chain.
  void pack(std::int64_t first, std::int64_t count, float* panels, RunControl& control) const;
  // Floats of the panels of so many rows at such a depth.
  std::int64_t panel_floats(std::int64_t count, std::int64_t depth) const;

 private:
  const StoredRows& rows_;
  const Kernels& kernel_;
  Panels kept_;
};

// Called once for every finished piece of a row: products[0 .. count) belong to the asked row `position` and the
// rows [column, column + count) of B. Runs on pool threads; may change the products in place.
using ProductEpilogue = std::function<void(std::int64_t position, std::int64_t column, std::int64_t count, float* products)>;

// out[p * b.count() + j] = f32 inner product of row a_rows[p] of A and row j of B, passed through `epilogue`.
// Each product is a sum of chains of chain_length() terms (the last may be shorter) whose partial sums are added up, in an
// order that depends on nothing but the width: the same bits for any number of threads and any selection of rows.
void row_products(const StoredRows& a, const std::int32_t* a_rows, std::int64_t count, const RightSide& b, float* out,
                  const ProductEpilogue& epilogue, RunControl& control);

// About 256, so that panels stay in the nearest cache, and no short last chain where that can be avoided: a bias beside
// two blocks of even width would get a chain of its own.
std::int64_t chain_length(const Kernels& kernel, std::int64_t width);

// A rigorous g such that |product - <x, y>| <= g |x| |y| + underflow (see Kernels).
double product_error(const Kernels& kernel, std::int64_t width);

}  // namespace sae_match
