// Feature rows whose bounds are formed and scanned on a GPU. What travels are lists and prices; whole rows only where
// somebody looks at them.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>

#include "core/memory.h"
#include "cost/exact_rows.h"
#include "cost/scanned_source.h"
#include "cost/source_parts.h"
#include "device/device_library.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerPiece = 16;
constexpr std::int64_t kTileFloats = 6 << 20;       // of rows that come to the host at once
constexpr std::int64_t kListEntries = 4 << 20;      // of lists that do
constexpr std::int64_t kAskDevice = 64;             // so many exact costs take longer here than a call there
constexpr std::int64_t kMostDepth = 8;              // of a quantile, see device_api.h
constexpr std::int64_t kCandidates = 1 << 20;       // of one call of neighbours
constexpr double kTileBytes = 256 << 20;            // of the bounds that the device has where it does not keep all
constexpr std::int32_t kTensorCores = 1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct ClosePair {
  const sae_match_device_table* table;
  void operator()(sae_match_device_pair* pair) const { table->close(pair); }
};
using OpenPair = std::unique_ptr<sae_match_device_pair, ClosePair>;

class DeviceSource final : public ScannedSource<float, RowsCostSource>, private PriceSweeps {
 public:
  DeviceSource(const DeviceLibrary& library, const Rows& a, const Rows& b, bool maximize, std::optional<Source> kind,
               std::int64_t memory_budget, Sign sign, RunControl& control)
      : ScannedSource(a.count, b.count, 1.0),  // listed costs carry their sign already
        table_(library.table()),
        pair_(nullptr, ClosePair{&table_}),
        exact_(a, b, maximize, sign, control,
               [&](const StoredRows& left, const StoredRows& right, double* a_norms, double* b_norms) {
                 const auto start = std::chrono::steady_clock::now();
                 lease_.emplace(library.schedule().take(need_of(left, right, kind, memory_budget), control));
                 control.waited += std::chrono::steady_clock::now() - start;
                 open(left, right, maximize, kind, memory_budget, sign);
                 call(table_.norms, a_norms, b_norms);
               }) {
    set_errors();
    for (std::int64_t first = 0; dense_ && first < rows_; first += most_rows_) {
      control.check();
      const std::int64_t size = std::min(most_rows_, rows_ - first);
      call(table_.form, first, size);
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
    call(table_.costs, rows.data(), columns, count, out);
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
      call(table_.quantile, rows.data() + first, size, std::min(depth, size), part.data());
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
    call(table_.costs, matched.data(), partners.data(), static_cast<std::int64_t>(costs.size()), costs.data());
    for (std::size_t p = 0; p < matched.size(); ++p) result.partner_cost[matched[p]] = costs[p];
    const std::vector<std::int32_t> every = all_indices(rows_);
    for (std::int64_t first = 0; first < rows_; first += most_rows_) {
      control.check();
      const std::int64_t size = std::min(most_rows_, rows_ - first);
      call(table_.least_reduced, every.data() + first, size, request.v, result.least_reduced.data() + first);
      control.report(first + size, rows_);
    }
    if (request.neighbours && !find_neighbours(request, every, result, control)) return ScannedSource::audit(request, control);
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
      call(table_.rows, rows.data() + first, size, tile_.get());
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
      call(table_.soft_min, &device_ask, v.data());
    } catch (const Error& error) {
      if (!is_out_of_memory(error)) throw;  // without room prices stay as they are
    }
    require_prices(v);
  }
  AuctionState auction(const AuctionRounds& ask, std::vector<double>& v) const override {
    const sae_match_device_auction device_ask{ask.eps, ask.unmatched_cost, ask.rounds, ask.restart};
    sae_match_device_auction_state state;
    call(table_.auction, &device_ask, v.data(), &state);
    require_prices(v);
    return {state.waiting, state.bids};
  }
  static void require_prices(const std::vector<double>& v) {
    const bool finite = std::all_of(v.begin(), v.end(), [](double price) { return std::isfinite(price); });
    if (!finite) throw Error("DEVICE_FAILED", "The GPU gave a price that is not finite");
  }

  // Calls a function of the table, one at a time.
  template <class Function, class... A>
  void call(Function function, A... arguments) const {
    const std::lock_guard lock(mutex_);
    sae_match_device_message message;
    check_device(function(pair_.get(), arguments..., &message), message);
  }

  // About what a pair takes of a device's memory, and what it takes without the matrix where it may do without.
  static DeviceNeed need_of(const StoredRows& a, const StoredRows& b, std::optional<Source> kind,
                            std::int64_t memory_budget) {
    const double entries = static_cast<double>(a.count()) * static_cast<double>(b.count());
    const double matrix = entries * sizeof(float);
    const double lists = std::min(entries, static_cast<double>(kListEntries)) * (sizeof(std::int32_t) + sizeof(double));
    const double fixed = bytes_of(a) + bytes_of(b) + lists;
    const auto need = [&](double bounds) { return static_cast<std::uint64_t>(fixed + bounds); };
    const std::uint64_t tiled = need(std::min(matrix, kTileBytes));
    if (kind ? *kind == Source::dense : matrix <= static_cast<double>(memory_budget)) {
      return {need(matrix), kind ? need(matrix) : tiled};
    }
    return {tiled, tiled};
  }
  // Stored numbers, of all stored rows where they have an identity, scales, operands of f16, and two numbers a row.
  static double bytes_of(const StoredRows& rows) {
    const auto count = static_cast<double>(rows.count());
    double bytes = count * (2.0 * static_cast<double>(rows.width()) + 2 * sizeof(double));
    for (const StoredRows::Block& block : rows.stored_blocks()) {
      const double stored = block.identity != 0 ? static_cast<double>(block.rows) : count;
      bytes += stored * static_cast<double>(block.columns * block.element_bytes) + count * sizeof(double);
    }
    return bytes;
  }

  void open(const StoredRows& a, const StoredRows& b, bool maximize, std::optional<Source> kind,
            std::int64_t memory_budget, Sign sign) {
    std::vector<sae_match_device_block> a_blocks = blocks_of(a), b_blocks = blocks_of(b);
    sae_match_device_problem problem{};
    problem.a = {a_blocks.data(), a.blocks(), a.count(), a.index()};
    problem.b = {b_blocks.data(), b.blocks(), b.count(), b.index()};
    problem.device = lease_->device();
    problem.either_sign = sign == Sign::either;
    problem.maximize = maximize;
    problem.dense = !lease_->whole() ? 0 : !kind ? -1 : *kind == Source::dense ? 1 : 0;
    problem.dense_bytes = static_cast<std::uint64_t>(memory_budget);
    problem.product = kTensorCores;
    sae_match_device_pair* pair = nullptr;
    sae_match_device_message message;
    check_device(table_.open(&problem, &pair, &message), message);
    pair_.reset(pair);
  }
  static std::vector<sae_match_device_block> blocks_of(const StoredRows& rows) {
    std::vector<sae_match_device_block> blocks;
    for (const StoredRows::Block& block : rows.stored_blocks()) {
      blocks.push_back({block.data, static_cast<std::int32_t>(block.dtype), block.columns, block.row_bytes, block.scale,
                        block.identity, block.rows});
    }
    return blocks;
  }

  // An error of the product comes from its operands, x' and y' for x and y, and from adding up, g |x'| |y'|:
  // |<x, y> - p| <= |x - x'| |y| + |x'| |y - y'| + g |x'| |y'|. With |y - y'| <= r |y| for all y that is |y| times a number
  // of the row. Costs have it twice, and the constant of rows_source.cpp for f64 and underflow comes on top: what the
  // shares multiply to covers it. Rows of norm 0 have exact products and norms: no error at all.
  void set_errors() {
    std::vector<double> a_residual(static_cast<std::size_t>(rows_)), b_residual(static_cast<std::size_t>(columns_));
    sae_match_device_properties properties;
    call(table_.pack, exact_.factor(), a_residual.data(), b_residual.data(), &properties);
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
    call(table_.bound, row_errors_.data(), column_errors_.data());
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
    call(table_.lists, rows, shared.data(), count, v, size, exact ? 1 : 0, stride, columns.get(), costs.get(),
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

  // False where the GPU has no room, or where most costs tie and most entries are candidates.
  bool find_neighbours(const AuditRequest& request, const std::vector<std::int32_t>& every, Audit& result,
                       RunControl& control) const {
    try {
      return try_neighbours(request, every, result, control);
    } catch (const Error& error) {
      if (!is_out_of_memory(error)) throw;
      return false;
    }
  }

  // Nearest and ranks of rows, which the GPU knows, and of columns, from candidates.
  bool try_neighbours(const AuditRequest& request, const std::vector<std::int32_t>& every, Audit& result,
                      RunControl& control) const {
    const auto n = static_cast<std::size_t>(rows_), m = static_cast<std::size_t>(columns_);
    std::vector<double> row_cost(n, -kInfinity), column_cost(m, -kInfinity);
    for (std::size_t i = 0; i < n; ++i) {
      const std::int32_t j = request.row_to_column[i];
      if (j >= 0) row_cost[i] = column_cost[static_cast<std::size_t>(j)] = result.partner_cost[i];
    }
    const sae_match_device_partners partners{request.row_to_column, request.column_to_row, row_cost.data(),
                                             column_cost.data()};
    call(table_.begin_neighbours, &partners);
    for (std::int64_t first = 0; first < rows_; first += most_rows_) {
      control.check();
      call(table_.see_columns, every.data() + first, std::min(most_rows_, rows_ - first));
    }
    result.row = {std::vector<std::int32_t>(n), std::vector<double>(n), std::vector<double>(n)};
    result.rank_in_row.resize(n);
    std::vector<std::int32_t> before(m);
    call(table_.column_ranks, before.data());
    std::vector<TwoLeast> least(m);
    const Array<std::int32_t> rows = allocate<std::int32_t>(kCandidates), columns = allocate<std::int32_t>(kCandidates),
                              ties = allocate<std::int32_t>(kCandidates);
    const Array<double> costs = allocate<double>(kCandidates);
    for (std::int64_t first = 0; first < rows_; first += most_rows_) {
      control.check();
      const sae_match_device_neighbours out{result.row.index.data() + first, result.row.cost.data() + first,
                                            result.row.second_cost.data() + first, result.rank_in_row.data() + first};
      sae_match_device_candidates candidates{kCandidates, 0, rows.get(), columns.get(), ties.get(), costs.get()};
      call(table_.neighbours, every.data() + first, std::min(most_rows_, rows_ - first), &out, &candidates);
      if (candidates.found > candidates.room) return false;
      // All of this is independent of the order.
      for (std::int64_t c = 0; c < candidates.found; ++c) {
        const std::int32_t i = rows[c], j = columns[c];
        least[j].see(costs[c], i);
        if (ties[c]) {
          before[j] += costs[c] < column_cost[j] || (costs[c] == column_cost[j] && i < request.column_to_row[j]);
        }
      }
    }
    result.column = {std::vector<std::int32_t>(m), std::vector<double>(m), std::vector<double>(m)};
    result.rank_in_column.assign(m, -1);
    for (std::size_t j = 0; j < m; ++j) {
      result.column.index[j] = least[j].index;
      result.column.cost[j] = least[j].cost;
      result.column.second_cost[j] = least[j].second_cost;
      if (request.column_to_row[j] >= 0) result.rank_in_column[j] = before[j];
    }
    return true;
  }

  const sae_match_device_table& table_;
  mutable std::mutex mutex_;
  std::optional<DeviceLease> lease_;  // ends after the pair
  OpenPair pair_;
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
