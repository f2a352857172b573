// All costs of a problem in about one byte each: what an implicit source keeps of its products where memory allows.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels.h"
#include "core/memory.h"

namespace sae_match {

// Rigorous lower bounds of costs. What counts for a matching are costs less prices, so those are what is stored, in steps
// of a 254th of the distance from the least to the mean of a block of columns; what lies above comes back as that.
class RoughCosts {
 public:
  // `prices` [columns] about what columns will cost; any numbers will do, sensible ones make bounds sharper, and none
  // counts for more than `largest`, the largest cost in magnitude. `negative`: whether costs may be below 0.
  RoughCosts(std::int64_t rows, std::int64_t columns, const double* prices, double largest, bool negative);

  // What that takes.
  static double bytes(std::int64_t rows, std::int64_t columns);

  // Keeps row i, given lower bounds of its costs. Different rows may be kept by different threads.
  void keep(const Kernels& kernel, std::int64_t i, const float* costs);
  // Lower bounds of what was kept.
  void read(const Kernels& kernel, std::int64_t i, float* costs) const;

 private:
  RoughRow row(std::int64_t i) const;

  std::int64_t columns_, blocks_;
  double floor_;
  std::vector<double> prices_;
  Array<std::uint8_t> codes_;   // [rows x columns]
  Array<float> scales_;        // [rows x 2 blocks] least values, then steps
};

}  // namespace sae_match
