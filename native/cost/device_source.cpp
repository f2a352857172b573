// Feature rows whose bounds are formed and scanned on a GPU. What travels are lists and prices; whole rows only where
// somebody looks at them.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "core/memory.h"
#include "cost/device_neighbours.h"
#include "cost/device_pair.h"
#include "cost/exact_rows.h"
#include "cost/scanned_source.h"
#include "cost/source_parts.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerPiece = 16;
constexpr std::int64_t kTileFloats = 6 << 20;       // of rows that come to the host at once
constexpr std::int64_t kAskDevice = 64;             // so many exact costs take longer here than a call there
constexpr std::int64_t kMostDepth = 8;              // of a quantile, see device_api.h
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class DeviceSource final : public ScannedSource<float, RowsCostSource>, private PriceSweeps {
 public:
  DeviceSource(const DeviceLibrary& library, const Rows& a, const Rows& b, bool maximize, std::optional<Source> kind,
               std::int64_t memory_budget, Sign sign, RunControl& control)
      : ScannedSource(a.count, b.count, 1.0),  // listed costs carry their sign already
        exact_(a, b, maximize, sign, control,
               [&](const StoredRows& left, const StoredRows& right, double* a_norms, double* b_norms) {
                 pair_.emplace(library, left, right, DeviceAsk{maximize, kind, memory_budget, sign}, control);
                 call(&Table::norms, a_norms, b_norms);
               }) {
    set_errors();
    for (std::int64_t first = 0; dense_ && first < rows_; first += most_rows_) {
      control.check();
      const std::int64_t size = std::min(most_rows_, rows_ - first);
      call(&Table::form, first, size);
      control.report(first + size, rows_);
    }
  }

  Source kind() const override { return dense_ ? Source::dense : Source::implicit; }
  bool exact() const override { return false; }
  bool has_forbidden() const override { return false; }
  double largest() const override { return exact_.largest(); }
  // A call takes longer than a row does, even where no product is formed.
  bool batched() const override { return true; }
  double cost_factor() const override { return exact_.cost_factor(); }

  // The same bits here and there.
  void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const override {
    if (count < kAskDevice) return exact_.costs(i, columns, count, out);
    const std::vector<std::int32_t> rows(static_cast<std::size_t>(count), static_cast<std::int32_t>(i));
    call(&Table::costs, rows.data(), columns, count, out);
  }
  void row(std::int64_t i, double* out) const override {
    const std::vector<std::int32_t> every = all_indices(columns_);
    costs(i, every.data(), columns_, out);
  }
  bool same_row(std::int64_t i, std::int64_t other) const override { return exact_.same_row(i, other); }
  std::vector<std::int32_t> column_representatives(RunControl& control) const override {
    return exact_.column_representatives(control);
  }

  std::vector<double> column_quantile(const std::vector<std::int32_t>& rows, std::int64_t depth,
                                      RunControl& control) const override {
    const auto count = static_cast<std::int64_t>(rows.size());
    if (depth > kMostDepth || (depth > 1 && count > most_rows_)) {
      return ScannedSource::column_quantile(rows, depth, control);
    }
    std::vector<double> quantile(static_cast<std::size_t>(columns_), kInfinity), part(quantile);
    for (std::int64_t first = 0; first < count; first += most_rows_) {
      control.check();
      const std::int64_t size = std::min(most_rows_, count - first);
      // Where there are fewer rows, the dearest of them.
      call(&Table::quantile, rows.data() + first, size, std::min(depth, size), part.data());
      for (std::size_t j = 0; j < part.size(); ++j) quantile[j] = std::min(quantile[j], part[j]);
    }
    price_unwanted_columns(quantile);
    return quantile;
  }

  const PriceSweeps* price_sweeps() const override { return dense_ ? this : nullptr; }

  // A few long lists would make room for all others as long: rows that share theirs with many come by themselves.
  void list(const std::vector<std::int32_t>& rows, const double* v, std::int64_t size, Shortlists& lists,
            RunControl& control) const override {
    // Lists that are made from a product just for them are exact at once, and so are those of a matrix that is at hand.
    const bool exact = dense_ || static_cast<std::int64_t>(rows.size()) < rows_;
    std::vector<std::int32_t> ordinary;
    for (const std::int32_t i : rows) {
      if (shared_by(lists, i) > size) {
        list_some(&i, 1, v, size, exact, lists);
      } else {
        ordinary.push_back(i);
      }
    }
    const auto count = static_cast<std::int64_t>(ordinary.size());
    std::int64_t step = std::max<std::int64_t>(1, std::min(most_rows_, kListEntries / std::min(columns_, 3 * size)));
    for (std::int64_t first = 0; first < count;) {
      control.check();
      const std::int64_t some = std::min(step, count - first);
      try {
        list_some(ordinary.data() + first, some, v, size, exact, lists);
      } catch (const Error& error) {
        if (!is_out_of_memory(error) || some == 1) throw;
        step = some / 2;
        continue;
      }
      first += some;
      if (count == rows_ && !dense_) control.report(first, count);
    }
  }

  Audit audit(const AuditRequest& request, RunControl& control) const override {
    Audit result;
    result.least_reduced.resize(static_cast<std::size_t>(rows_));
    result.partner_cost.assign(static_cast<std::size_t>(rows_), 0);
    std::vector<std::int32_t> matched, partners;
    for (std::int64_t i = 0; i < rows_; ++i) {
      if (request.row_to_column[i] < 0) continue;
      matched.push_back(static_cast<std::int32_t>(i));
      partners.push_back(request.row_to_column[i]);
    }
    std::vector<double> costs(matched.size());
    call(&Table::costs, matched.data(), partners.data(), static_cast<std::int64_t>(costs.size()), costs.data());
    for (std::size_t p = 0; p < matched.size(); ++p) result.partner_cost[matched[p]] = costs[p];
    const std::vector<std::int32_t> every = all_indices(rows_);
    for (std::int64_t first = 0; first < rows_; first += most_rows_) {
      control.check();
      const std::int64_t size = std::min(most_rows_, rows_ - first);
      call(&Table::least_reduced, every.data() + first, size, request.v, result.least_reduced.data() + first);
      control.report(first + size, rows_);
    }
    if (request.neighbours && !find_device_neighbours(*pair_, rows_, columns_, most_rows_, request, result, control)) {
      return ScannedSource::audit(request, control);
    }
    // What this machine works out by itself must agree.
    parallel_for(static_cast<std::int64_t>(matched.size()), 256, control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      for (std::int64_t p = begin; p < end; ++p) {
        double cost;
        exact_.costs(matched[p], &partners[p], 1, &cost);
        if (cost != costs[p] || !(result.least_reduced[matched[p]] <= cost - request.v[partners[p]])) {
          throw Error("DEVICE_FAILED", "The GPU gave a wrong answer for row " + std::to_string(matched[p]));
        }
      }
    });
    return result;
  }

 protected:
  void visit(const std::vector<std::int32_t>& rows, Sharpness, const RowVisitor<float>& visitor,
             RunControl& control) const override {
    const auto count = static_cast<std::int64_t>(rows.size());
    const std::int64_t height = std::min({count, most_rows_, std::max(kRowsPerPiece, kTileFloats / columns_)});
    if (tile_rows_ < height) {
      tile_ = allocate<float>(height * columns_);
      tile_rows_ = height;
    }
    for (std::int64_t first = 0; first < count; first += height) {
      control.check();
      const std::int64_t size = std::min(height, count - first);
      call(&Table::rows, rows.data() + first, size, tile_.get());
      parallel_for(size, kRowsPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
        visitor({first + begin, first + end, tile_.get(), nullptr, first, columns_});
      });
      if (count == rows_) control.report(first + size, count);
    }
  }

  RowError row_error(std::int64_t i) const override {
    return {2 * row_errors_[i], column_errors_.data(), 0x1p-21, 0x1p-148};
  }

 private:
  void soft_minima(const SoftMinima& ask, std::vector<double>& v) const override {
    const sae_match_device_soft_min device_ask{ask.eps, ask.row_most, ask.column_most, ask.relaxation, ask.rounds};
    try {
      call(&Table::soft_min, &device_ask, v.data());
    } catch (const Error& error) {
      if (!is_out_of_memory(error)) throw;  // without room prices stay as they are
    }
    require_prices(v);
  }
  AuctionState auction(const AuctionRounds& ask, std::vector<double>& v) const override {
    const sae_match_device_auction device_ask{ask.eps, ask.unmatched_cost, ask.rounds, ask.restart};
    sae_match_device_auction_state state;
    call(&Table::auction, &device_ask, v.data(), &state);
    require_prices(v);
    return {state.waiting, state.bids};
  }
  static void require_prices(const std::vector<double>& v) {
    const bool finite = std::all_of(v.begin(), v.end(), [](double price) { return std::isfinite(price); });
    if (!finite) throw Error("DEVICE_FAILED", "The GPU gave a price that is not finite");
  }

  // An error of the product comes from its operands, x' and y' for x and y, and from adding up, g |x'| |y'|:
  // |<x, y> - p| <= |x - x'| |y| + |x'| |y - y'| + g |x'| |y'|. With |y - y'| <= r |y| for all y that is |y| times a number
  // of the row. Costs have it twice, and the constant of rows_source.cpp for f64 and underflow comes on top: what the
  // shares multiply to covers it. Rows of norm 0 have exact products and norms: no error at all.
  void set_errors() {
    std::vector<double> a_residual(static_cast<std::size_t>(rows_)), b_residual(static_cast<std::size_t>(columns_));
    sae_match_device_properties properties;
    call(&Table::pack, exact_.factor(), a_residual.data(), b_residual.data(), &properties);
    dense_ = properties.dense != 0;
    most_rows_ = properties.most_rows;
    constexpr double slack = 1 + 0x1p-30;
    const auto largest_ratio = [&](const std::vector<double>& residual, const std::vector<double>& norms) {
      double ratio = 0;
      for (std::size_t r = 0; r < norms.size(); ++r) {
        if (norms[r] > 0) ratio = std::max(ratio, residual[r] / std::sqrt(norms[r]));
      }
      return ratio * slack;
    };
    const double g = properties.accumulation;
    const double a_ratio = largest_ratio(a_residual, exact_.a_norms());
    const double b_ratio = largest_ratio(b_residual, exact_.b_norms());
    const double of_all = 2 * slack * (a_ratio + (1 + a_ratio) * (b_ratio + g * (1 + b_ratio)));
    const double constant = 2 * properties.underflow + (static_cast<double>(exact_.a().width()) / 8 + 16) * 16 * 0x1p-50;
    const double share = of_all > 0 ? std::sqrt(constant / of_all) * slack : 0;
    row_errors_.assign(a_residual.size(), 0);
    column_errors_.assign(b_residual.size(), 0);
    for (std::size_t i = 0; i < a_residual.size(); ++i) {
      if (exact_.a_norms()[i] == 0) continue;
      const double norm = std::sqrt(exact_.a_norms()[i]) * slack, kept = norm + a_residual[i];
      row_errors_[i] = 2 * slack * (a_residual[i] + kept * (b_ratio + g * (1 + b_ratio))) + of_all * share;
    }
    for (std::size_t j = 0; j < b_residual.size(); ++j) {
      if (exact_.b_norms()[j] > 0) column_errors_[j] = (std::sqrt(exact_.b_norms()[j]) + share) * slack;
    }
    call(&Table::bound, row_errors_.data(), column_errors_.data());
  }

  static std::int64_t shared_by(const Shortlists& lists, std::int64_t i) {
    return static_cast<std::int64_t>(lists.group(i).size());
  }

  void list_some(const std::int32_t* rows, std::int64_t count, const double* v, std::int64_t size, bool exact,
                 Shortlists& lists) const {
    std::vector<std::int32_t> shared(static_cast<std::size_t>(count));
    std::int64_t most_shared = 0;
    for (std::int64_t p = 0; p < count; ++p) {
      shared[p] = static_cast<std::int32_t>(shared_by(lists, rows[p]));
      most_shared = std::max<std::int64_t>(most_shared, shared[p]);
    }
    const std::int64_t stride = std::min(columns_, 2 * size + most_shared);
    const Array<std::int32_t> columns = allocate<std::int32_t>(count * stride);
    const Array<double> costs = allocate<double>(count * stride);
    std::vector<std::int32_t> sizes(static_cast<std::size_t>(count));
    std::vector<double> bounds(static_cast<std::size_t>(count));
    call(&Table::lists, rows, shared.data(), count, v, size, exact ? 1 : 0, stride, columns.get(), costs.get(),
         sizes.data(), bounds.data());
    for (std::int64_t p = 0; p < count; ++p) {
      lists.reserve(rows[p], sizes[p]);
      Shortlist& list = lists.of(rows[p]);
      list.size = sizes[p];
      list.exact_size = exact ? sizes[p] : 0;
      list.bound = bounds[p];
      std::copy_n(columns.get() + p * stride, sizes[p], list.columns);
      std::copy_n(costs.get() + p * stride, sizes[p], list.costs);
    }
  }

  static bool is_out_of_memory(const Error& error) { return error.code() == "OUT_OF_MEMORY"; }

  using Table = sae_match_device_table;
  template <class Function, class... A>
  void call(Function function, A... arguments) const {
    pair_->call(function, arguments...);
  }

  std::optional<DevicePair> pair_;
  bool dense_ = false;
  std::int64_t most_rows_ = 0;
  std::vector<double> row_errors_, column_errors_;
  ExactRows exact_;  // opens the pair while it is made
  mutable Array<float> tile_;
  mutable std::int64_t tile_rows_ = 0;
};

}  // namespace

std::unique_ptr<RowsCostSource> make_device_source(const Devices& devices, const Rows& a, const Rows& b, bool maximize,
                                                   std::optional<Source> kind, std::int64_t memory_budget,
                                                   RunControl& control, Sign sign) {
  return std::make_unique<DeviceSource>(static_cast<const DeviceLibrary&>(devices), a, b, maximize, kind, memory_budget,
                                        sign, control);
}

}  // namespace sae_match
