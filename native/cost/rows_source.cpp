// Squared distances of feature rows, of either sign where that is asked for, as a cost source: one product gives every
// entry a rigorous lower bound; exact values are computed in f64 for the few entries that matter.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "cost/rough_costs.h"
#include "cost/scanned_source.h"
#include "features/stored_rows.h"
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
        listed_sign_(maximize ? -1.0 : 1.0),
        a_(a, control),
        b_(b, control),
        a_norms_(squared_norms(a_, control)),
        b_norms_(squared_norms(b_, control)),
        identity_(next_identity()) {
    bring_to_unit_size();
    set_errors();
    right_.emplace(b_, kernel_, kMostPackedBytes, control);
    if (kind_ != Source::dense) return;
    form(control);
    right_.reset();
  }

  Source kind() const override { return kind_; }
  bool exact() const override { return false; }
  bool has_forbidden() const override { return false; }
  double largest() const override { return largest_; }
  bool batched() const override { return kind_ == Source::implicit && !keeps_rough_; }
  double cost_factor() const override { return factor_ * factor_; }

  void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const override {
    const double* x = nullptr;
    for (std::int64_t c = 0; c < count; ++c) {
      const std::int32_t j = columns[c];
      // |0 - y|^2 is |y|^2, term by term.
      if (a_norms_[i] == 0 || b_norms_[j] == 0) {
        out[c] = listed_sign_ * (a_norms_[i] == 0 ? b_norms_[j] : a_norms_[i]);
        continue;
      }
      if (!x) x = values(i);
      double distance = b_.distance(kernel_, x, j);
      if (sign_ == Sign::either) distance = std::min(distance, b_.distance(kernel_, opposite(i), j));
      out[c] = listed_sign_ * distance;
    }
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
  bool same_row(std::int64_t i, std::int64_t other) const override {
    if (a_norms_[i] != a_norms_[other]) return false;
    if (a_norms_[i] == 0) return true;
    std::vector<double> x(static_cast<std::size_t>(a_.width())), y(x.size());
    a_.read(kernel_, i, x.data());
    a_.read(kernel_, other, y.data());
    return x == y;
  }
  std::vector<std::int32_t> column_representatives(RunControl& control) const override {
    // Equal rows have equal norms.
    std::vector<std::int32_t> by_norm(static_cast<std::size_t>(columns_)), representatives(by_norm.size());
    std::iota(by_norm.begin(), by_norm.end(), 0);
    representatives = by_norm;
    std::stable_sort(by_norm.begin(), by_norm.end(),
                     [&](std::int32_t i, std::int32_t j) { return b_norms_[i] < b_norms_[j]; });
    bool any = false;
    std::vector<double> x(static_cast<std::size_t>(b_.width())), y(x.size());
    for (std::size_t k = 1, first = 0; k < by_norm.size(); ++k) {
      const std::int32_t i = by_norm[first], j = by_norm[k];
      bool same = b_norms_[i] == b_norms_[j];
      if (same && b_norms_[i] > 0) {
        control.check();
        b_.read(kernel_, i, x.data());
        b_.read(kernel_, j, y.data());
        same = x == y;
      }
      if (same) {
        representatives[j] = i;
        any = true;
      } else {
        first = k;
      }
    }
    if (!any) representatives.clear();
    return representatives;
  }
  void row(std::int64_t i, double* out) const override {
    std::vector<std::int32_t> every(static_cast<std::size_t>(columns_));
    std::iota(every.begin(), every.end(), 0);
    costs(i, every.data(), columns_, out);
  }

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
          visit(every_row(), Sharpness::sharp, [](const RowPiece<float>&) {}, control);
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
    if (!right_) right_.emplace(b_, kernel_, kMostPackedBytes, control);
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
  // A power of two that brings the largest norm to about 1, so that f32 neither overflows nor wastes its range.
  void bring_to_unit_size() {
    double largest = 0;
    for (const auto* norms : {&a_norms_, &b_norms_}) {
      for (const double norm : *norms) {
        if (!std::isfinite(norm)) {
          throw Error("COST_RANGE", "The squared norm of a feature row is not finite or leaves the range of f64");
        }
        largest = std::max(largest, norm);
      }
    }
    // Numbers whose squares are 0 in f64, those below 2^-537, must be 0 in f32: set_errors() takes their rows for zero.
    constexpr int kMostRaised = 537 - 150;
    if (largest > 0) factor_ = std::ldexp(1.0, std::min(kMostRaised, -std::ilogb(std::sqrt(largest))));
    largest_ = 4 * (largest * factor_ * factor_);
    a_.multiply_by(factor_);
    b_.multiply_by(factor_);
    for (double& norm : a_norms_) norm *= factor_ * factor_;
    for (double& norm : b_norms_) norm *= factor_ * factor_;
  }

  // The error of a listed cost is at most row_errors_[i] * column_errors_[j]. It is made of 2 g |x| |y| for the f32
  // product, and of a constant for f32 underflow and for the f64 rounding of norms, epilogue and exact value (each a
  // few sums of width / 8 squares of at most 4). Rows of norm 0 have exact products and norms: no error at all.
  void set_errors() {
    const double g = 2 * product_error(kernel_, a_.width()) * (1 + 0x1p-40);
    const double constant =
        2 * kernel_.product_underflow(a_.width()) + (static_cast<double>(a_.width()) / 8 + 16) * 16 * 0x1p-50;
    const double share = std::sqrt(constant / g) * (1 + 0x1p-40);  // g * share * share covers the constant
    const auto lengths = [&](const std::vector<double>& norms, double factor) {
      std::vector<double> errors(norms.size(), 0);
      for (std::size_t r = 0; r < norms.size(); ++r) {
        if (norms[r] > 0) errors[r] = factor * (std::sqrt(norms[r]) + share);
      }
      return errors;
    };
    row_errors_ = lengths(a_norms_, g);
    column_errors_ = lengths(b_norms_, 1);
  }

  static std::uint64_t next_identity() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  // The numbers of row i of A, kept while the same thread asks for the same row.
  const double* values(std::int64_t i) const {
    thread_local std::vector<double> kept;
    thread_local std::uint64_t kept_source = 0;
    thread_local std::int64_t kept_row = -1;
    if (kept_source != identity_ || kept_row != i) {
      kept.resize(static_cast<std::size_t>(a_.width()));
      a_.read(kernel_, i, kept.data());
      kept_source = identity_;
      kept_row = i;
    }
    return kept.data();
  }

  // -1 times the numbers of row i of A, which `values` keeps.
  const double* opposite(std::int64_t i) const {
    thread_local std::vector<double> kept;
    thread_local std::uint64_t kept_source = 0;
    thread_local std::int64_t kept_row = -1;
    if (kept_source != identity_ || kept_row != i) {
      const double* x = values(i);
      kept.assign(x, x + a_.width());
      for (double& each : kept) each = -each;
      kept_source = identity_;
      kept_row = i;
    }
    return kept.data();
  }

  void bound_rows(const std::int32_t* rows, std::int64_t count, float* out, RunControl& control) const {
    row_products(
        a_, rows, count, *right_, out,
        [&](std::int64_t position, std::int64_t column, std::int64_t size, float* products) {
          const std::int32_t i = rows[position];
          // The lesser of |x - y|^2 and |x + y|^2 is |x|^2 + |y|^2 - 2 |<x, y>|, and |.| makes no error larger.
          if (sign_ == Sign::either) {
            for (std::int64_t c = 0; c < size; ++c) products[c] = std::fabs(products[c]);
          }
          kernel_.lower_bounds(products, size, listed_sign_, a_norms_[i], b_norms_.data() + column,
                               {row_errors_[i], column_errors_.data() + column, 0});
        },
        control);
  }

  // `sweep` visits every row: what it sees is kept. Products are rarely formed after that.
  template <class Sweep>
  void make_rough(const double* prices, Sweep sweep) const {
    rough_in_making_ = std::make_unique<RoughCosts>(rows_, columns_, prices, largest_, listed_sign_ < 0);
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

  std::vector<std::int32_t> every_row() const {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(rows_));
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
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
    const std::vector<std::int32_t> every = every_row();
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
  double factor_ = 1, listed_sign_, largest_ = 0;
  StoredRows a_, b_;
  mutable std::optional<RightSide> right_;  // as long as products are formed
  std::vector<double> a_norms_, b_norms_, row_errors_, column_errors_;
  std::uint64_t identity_;
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
