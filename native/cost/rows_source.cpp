// Squared distances of feature rows, of either sign where that is asked for, as a cost source: one product gives every
// entry a rigorous lower bound; exact values are computed in f64 for the few entries that matter.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "cost/exact_rows.h"
#include "cost/rough_costs.h"
#include "cost/scanned_source.h"
#include "cost/source_parts.h"
#include "gemm/row_products.h"
#include "sae_match/features.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerPiece = 16;
constexpr std::int64_t kExactPerPiece = 32;
constexpr std::int64_t kTileFloats = 6 << 20;  // of an implicit source: 24 MB of products at once
constexpr std::int64_t kLeastTileRows = 576;     // or so many rows, or packing would cost too much

class RowsSource final : public ScannedSource<float, RowsCostSource> {
 public:
  RowsSource(const Rows& a, const Rows& b, bool maximize, Source kind, std::int64_t memory_budget, Sign sign,
             RunControl& control)
      : ScannedSource(a.count, b.count, 1.0),  // listed costs carry their sign already
        kernel_(kernels()),
        kind_(kind),
        sign_(sign),
        keeps_rough_(kind == Source::implicit &&
                     RoughCosts::bytes(a.count, b.count) <= static_cast<double>(memory_budget)),
        exact_(a, b, maximize, sign, control) {
    set_errors();
    right_.emplace(exact_.b(), kernel_, kMostPackedBytes, control);
    if (kind_ != Source::dense) return;
    form(control);
    right_.reset();
  }

  Source kind() const override { return kind_; }
  bool exact() const override { return false; }
  bool has_forbidden() const override { return false; }
  double largest() const override { return exact_.largest(); }
  bool batched() const override { return kind_ == Source::implicit && !keeps_rough_; }
  double cost_factor() const override { return exact_.cost_factor(); }

  void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const override {
    exact_.costs(i, columns, count, out);
  }
  bool listed(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out,
              RunControl& control) const override {
    if (kind_ == Source::implicit) {
      parallel_for(count, kExactPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
        costs(i, columns + begin, end - begin, out + begin);
      });
      return true;
    }
    for (std::int64_t c = 0; c < count; ++c) out[c] = matrix_[i * columns_ + columns[c]];
    return false;
  }
  bool same_row(std::int64_t i, std::int64_t other) const override { return exact_.same_row(i, other); }
  std::vector<std::int32_t> column_representatives(RunControl& control) const override {
    return exact_.column_representatives(control);
  }
  void row(std::int64_t i, double* out) const override { exact_.row(i, out); }

  std::int64_t entries_worth_a_list() const override { return keeps_rough_ ? 64 : CostSource::entries_worth_a_list(); }
  // Rough costs are made in the first sweep; lists made from them are exact at once.
  void list(const std::vector<std::int32_t>& rows, const double* v, std::int64_t size, Shortlists& lists,
            RunControl& control) const override {
    if (!keeps_rough_) return ScannedSource::list(rows, v, size, lists, control);
    const bool sweep = static_cast<std::int64_t>(rows.size()) == rows_;
    if (!rough_) {
      make_rough(v, [&] {
        if (sweep) {
          ScannedSource::list(rows, v, size, lists, control);
        } else {
          visit(all_indices(rows_), Sharpness::sharp, [](const RowPiece<float>&) {}, control);
        }
      });
      if (sweep) return;
    }
    ScannedSource::list(rows, v, size, lists, control);
    make_exact(rows, lists, control);
  }

 protected:
  void visit(const std::vector<std::int32_t>& rows, Sharpness wanted, const RowVisitor<float>& visitor,
             RunControl& control) const override {
    const std::int64_t count = static_cast<std::int64_t>(rows.size());
    if (rough_ && wanted == Sharpness::any) return visit_rough(rows, visitor, control);
    if (kind_ == Source::dense) {
      parallel_for(count, kRowsPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
        control.check();
        visitor({begin, end, matrix_.get(), rows.data(), 0, columns_});
      });
      return;
    }
    if (!right_) right_.emplace(exact_.b(), kernel_, kMostPackedBytes, control);
    const std::int64_t height = std::min(count, std::max(kLeastTileRows, kTileFloats / std::max<std::int64_t>(1, columns_)));
    if (tile_rows_ < height) {
      tile_ = allocate<float>(height * columns_);
      tile_rows_ = height;
    }
    for (std::int64_t first = 0; first < count; first += height) {
      const std::int64_t size = std::min(height, count - first);
      bound_rows(rows.data() + first, size, tile_.get(), control);
      parallel_for(size, kRowsPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
        if (rough_in_making_) {
          for (std::int64_t p = begin; p < end; ++p) {
            rough_in_making_->keep(kernel_, rows[first + p], tile_.get() + p * columns_);
          }
        }
        visitor({first + begin, first + end, tile_.get(), nullptr, first, columns_});
      });
      if (count == rows_) control.report(first + size, count);
    }
  }

  RowError row_error(std::int64_t i) const override {
    return {2 * row_errors_[i], column_errors_.data(), 0x1p-21, 0x1p-148};
  }

 private:
  // The error of a listed cost is at most row_errors_[i] * column_errors_[j]. It is made of 2 g |x| |y| for the f32
  // product, and of a constant for f32 underflow and for the f64 rounding of norms, epilogue and exact value (each a
  // few sums of width / 8 squares of at most 4). Rows of norm 0 have exact products and norms: no error at all.
  void set_errors() {
    const std::int64_t width = exact_.a().width();
    const double g = 2 * product_error(kernel_, width) * (1 + 0x1p-40);
    const double constant =
        2 * kernel_.product_underflow(width) + (static_cast<double>(width) / 8 + 16) * 16 * 0x1p-50;
    const double share = std::sqrt(constant / g) * (1 + 0x1p-40);  // g * share * share covers the constant
    const auto lengths = [&](const std::vector<double>& norms, double factor) {
      std::vector<double> errors(norms.size(), 0);
      for (std::size_t r = 0; r < norms.size(); ++r) {
        if (norms[r] > 0) errors[r] = factor * (std::sqrt(norms[r]) + share);
      }
      return errors;
    };
    row_errors_ = lengths(exact_.a_norms(), g);
    column_errors_ = lengths(exact_.b_norms(), 1);
  }

  void bound_rows(const std::int32_t* rows, std::int64_t count, float* out, RunControl& control) const {
    row_products(
        exact_.a(), rows, count, *right_, out,
        [&](std::int64_t position, std::int64_t column, std::int64_t size, float* products) {
          const std::int32_t i = rows[position];
          // The lesser of |x - y|^2 and |x + y|^2 is |x|^2 + |y|^2 - 2 |<x, y>|, and |.| makes no error larger.
          if (sign_ == Sign::either) {
            for (std::int64_t c = 0; c < size; ++c) products[c] = std::fabs(products[c]);
          }
          kernel_.lower_bounds(products, size, exact_.listed_sign(), exact_.a_norms()[i], exact_.b_norms().data() + column,
                               {row_errors_[i], column_errors_.data() + column, 0});
        },
        control);
  }

  // `sweep` visits every row: what it sees is kept. Products are rarely formed after that.
  template <class Sweep>
  void make_rough(const double* prices, Sweep sweep) const {
    rough_in_making_ = std::make_unique<RoughCosts>(rows_, columns_, prices, exact_.largest(), exact_.listed_sign() < 0);
    try {
      sweep();
    } catch (...) {
      rough_in_making_.reset();
      throw;
    }
    rough_ = std::move(rough_in_making_);
    right_.reset();
    tile_.reset();
    tile_rows_ = 0;
  }

  void make_exact(const std::vector<std::int32_t>& rows, Shortlists& lists, RunControl& control) const {
    for (const std::int32_t i : rows) lists.of(i).exact_size = lists.of(i).size;
    if (rows.size() == 1) {
      const Shortlist& list = lists.of(rows[0]);
      listed(rows[0], list.columns, list.size, list.costs, control);
      return;
    }
    parallel_for(static_cast<std::int64_t>(rows.size()), 1, control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      for (std::int64_t r = begin; r < end; ++r) {
        const Shortlist& list = lists.of(rows[r]);
        costs(rows[r], list.columns, list.size, list.costs);
      }
    });
  }

  void visit_rough(const std::vector<std::int32_t>& rows, const RowVisitor<float>& visitor, RunControl& control) const {
    parallel_for(static_cast<std::int64_t>(rows.size()), kRowsPerPiece, control.threads,
                 [&](std::int64_t begin, std::int64_t end) {
                   control.check();
                   auto costs = rough_rows_.take();
                   for (std::int64_t p = begin; p < end; ++p) {
                     rough_->read(kernel_, rows[p], costs->data() + (p - begin) * columns_);
                   }
                   visitor({begin, end, costs->data(), nullptr, begin, columns_});
                   rough_rows_.give_back(std::move(costs));
                 });
  }

  void form(RunControl& control) {
    matrix_ = allocate<float>(rows_ * columns_);
    // In slabs, so that progress can be told.
    const std::int64_t slab = std::max<std::int64_t>(2304, (rows_ + 15) / 16);
    const std::vector<std::int32_t> every = all_indices(rows_);
    for (std::int64_t first = 0; first < rows_; first += slab) {
      const std::int64_t size = std::min(slab, rows_ - first);
      bound_rows(every.data() + first, size, matrix_.get() + first * columns_, control);
      control.report(first + size, rows_);
    }
  }

  const Kernels& kernel_;
  Source kind_;
  Sign sign_;
  bool keeps_rough_;
  ExactRows exact_;
  mutable std::optional<RightSide> right_;  // as long as products are formed
  std::vector<double> row_errors_, column_errors_;
  Array<float> matrix_;
  mutable Array<float> tile_;
  mutable std::int64_t tile_rows_ = 0;
  mutable std::unique_ptr<RoughCosts> rough_, rough_in_making_;
  mutable ScratchPool<std::vector<float>> rough_rows_{[this] {
    return std::make_unique<std::vector<float>>(static_cast<std::size_t>(kRowsPerPiece * columns_));
  }};
};

}  // namespace

std::unique_ptr<RowsCostSource> make_rows_source(const Rows& a, const Rows& b, bool maximize, Source kind,
                                                 std::int64_t memory_budget, RunControl& control, Sign sign) {
  return std::make_unique<RowsSource>(a, b, maximize, kind, memory_budget, sign, control);
}

}  // namespace sae_match
