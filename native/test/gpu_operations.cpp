// What each operation of the CUDA library takes on a GPU, and whether bounds hold, for one dense pair of which 60 % of the rows
// have a counterpart: prints one line of JSON. usage: gpu_operations LIBRARY [ROWS WIDTH]
// Also runs, slowly, on the library whose kernels run on the CPU, which shows that it works and nothing else.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "open_pair.h"
#include "sae_match/thread_pool.h"
#include "timing.h"

using namespace sae_match;

namespace {

constexpr int kRepetitions = 5;
constexpr std::int64_t kListSize = 32, kStride = 2 * kListSize, kSampledRows = 64, kCandidates = 1 << 20;

// Three of five rows are near those of `other`.
std::vector<float> random_rows(std::int64_t rows, std::int64_t width, unsigned seed, const float* other = nullptr) {
  std::vector<float> values(static_cast<std::size_t>(rows * width));
  parallel_for(rows, 64, 0, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::minstd_rand random(static_cast<unsigned>(i) * 7919 + seed);
      std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(width)));
      const float* near = other && i % 5 < 3 ? other + i * width : nullptr;
      for (std::int64_t k = 0; k < width; ++k) {
        values[i * width + k] = near ? 0.9f * near[k] + 0.43f * normal(random) : normal(random);
      }
    }
  });
  return values;
}

class Measurement {
 public:
  Measurement(const sae_match_device_table& table, std::int64_t rows, std::int64_t width)
      : table_(table), n_(rows), width_(width), a_(random_rows(rows, width, 1)), b_(random_rows(rows, width, 2, a_.data())) {}

  std::string run() {
    measure("open", [&] {
      pair_.reset();
      pair_.emplace(table_, OpenPair::Side{a_.data(), n_}, OpenPair::Side{b_.data(), n_}, width_, true);
    });
    std::vector<double> a_norms(n_), b_norms(n_), a_residual(n_), b_residual(n_);
    measure("norms", [&] { call(&Table::norms, a_norms.data(), b_norms.data()); });
    // With a factor of 1 norms stay as they are, however often.
    sae_match_device_properties properties;
    measure("pack", [&] { call(&Table::pack, 1.0, a_residual.data(), b_residual.data(), &properties); });
    // As in native/cost/device_source.cpp, without what covers f64.
    double ratio = 0;
    for (std::int64_t j = 0; j < n_; ++j) ratio = std::max(ratio, b_residual[j] / std::sqrt(b_norms[j]));
    row_errors_.resize(n_);
    column_errors_.resize(n_);
    for (std::int64_t i = 0; i < n_; ++i) {
      const double kept = std::sqrt(a_norms[i]) + a_residual[i];
      row_errors_[i] = 2.0001 * (a_residual[i] + kept * (ratio + properties.accumulation * (1 + ratio)));
      column_errors_[i] = 1.0001 * std::sqrt(b_norms[i]);
    }
    call(&Table::bound, row_errors_.data(), column_errors_.data());
    const auto in_pieces = [&](const std::function<void(std::int64_t first, std::int64_t count)>& body) {
      for (std::int64_t first = 0; first < n_; first += properties.most_rows) {
        body(first, std::min(properties.most_rows, n_ - first));
      }
    };
    measure("form", [&] { in_pieces([&](std::int64_t first, std::int64_t count) { call(&Table::form, first, count); }); });
    const double form = milliseconds_.back().second;

    std::vector<std::int32_t> every(n_), shared(n_, 0), columns(n_ * kStride), sizes(n_);
    std::iota(every.begin(), every.end(), 0);
    std::vector<double> v(n_, 0), costs(columns.size()), lower(n_), least(n_);
    const std::int64_t sampled = std::min(n_, std::int64_t{512});
    measure("quantile", [&] { call(&Table::quantile, every.data(), sampled, std::int64_t{8}, v.data()); });
    for (const bool exact : {false, true}) {
      measure(exact ? "exact_lists" : "lists", [&] {
        in_pieces([&](std::int64_t first, std::int64_t count) {
          call(&Table::lists, every.data() + first, shared.data(), count, v.data(), kListSize, exact ? 1 : 0, kStride,
               columns.data() + first * kStride, costs.data() + first * kStride, sizes.data() + first, lower.data() + first);
        });
      });
    }
    measure("list_of_one_row", [&] {
      call(&Table::lists, every.data(), shared.data(), std::int64_t{1}, v.data(), kListSize, 1, kStride, columns.data(),
           costs.data(), sizes.data(), lower.data());
    });
    measure_rounds(v);
    measure("least_reduced", [&] {
      in_pieces([&](std::int64_t first, std::int64_t count) {
        call(&Table::least_reduced, every.data() + first, count, v.data(), least.data() + first);
      });
    });
    // Row i and column i are partners.
    std::vector<double> partner_cost(n_), second(n_);
    std::vector<std::int32_t> index(n_), rank(n_);
    measure("costs", [&] { call(&Table::costs, every.data(), every.data(), n_, partner_cost.data()); });
    const sae_match_device_partners partners{every.data(), every.data(), partner_cost.data(), partner_cost.data()};
    measure("see_columns", [&] {
      call(&Table::begin_neighbours, &partners);
      in_pieces([&](std::int64_t first, std::int64_t count) { call(&Table::see_columns, every.data() + first, count); });
    });
    std::vector<std::int32_t> rows_found(kCandidates), columns_found(kCandidates), ties(kCandidates);
    std::vector<double> costs_found(kCandidates);
    measure("neighbours", [&] {
      in_pieces([&](std::int64_t first, std::int64_t count) {
        const sae_match_device_neighbours out{index.data() + first, least.data() + first, second.data() + first,
                                              rank.data() + first};
        sae_match_device_candidates candidates{kCandidates, 0, rows_found.data(), columns_found.data(), ties.data(),
                                               costs_found.data()};
        call(&Table::neighbours, every.data() + first, count, &out, &candidates);
      });
    });
    const std::string distances = where_costs_lie(every);

    std::string text;
    for (const auto& [name, time] : milliseconds_) {
      text += (text.empty() ? "\"" : ", \"") + name + "\": " + std::to_string(time);
    }
    const double flops = 2.0 * static_cast<double>(n_) * static_cast<double>(n_) * static_cast<double>(width_);
    return "\"rows\": " + std::to_string(n_) + ", \"width\": " + std::to_string(width_) + ", \"milliseconds\": {" + text +
           "}, \"auction_calls\": " + std::to_string(auction_calls_) + ", \"auction_bids\": " +
           std::to_string(auction_bids_) + ", \"form_tflops\": " + std::to_string(flops / form / 1e9) + ", " + distances;
  }

 private:
  // Rounds over all bounds: of soft minima, and an auction from their prices, in calls of up to 64 rounds, of which most
  // have few rows. The eps of either is a part of what costs differ by: rows of norm 1 lie about 1.4 apart.
  void measure_rounds(std::vector<double> v) {
    const double infinity = std::numeric_limits<double>::infinity();
    const sae_match_device_soft_min soft_min{0.01, infinity, infinity, 1.5, 6};
    measure("soft_min_6_rounds", [&] { call(&Table::soft_min, &soft_min, v.data()); });
    sae_match_device_auction_state state;
    std::vector<double> prices;
    const auto auction = [&](std::int64_t rounds, bool restart) {
      if (restart) prices = v;
      const sae_match_device_auction ask{0.001, infinity, rounds, restart};
      call(&Table::auction, &ask, prices.data(), &state);
    };
    measure("auction_first_round", [&] { auction(1, true); });
    measure("auction", [&] {
      auction_calls_ = 1;
      for (auction(1, true); state.waiting > 0 && state.bids < 100 * n_; ++auction_calls_) {
        auction(std::min(std::int64_t{64}, 4 * n_ / state.waiting), false);
      }
      auction_bids_ = state.bids;
    });
  }

  template <class Function, class... A>
  void call(Function function, A... arguments) {
    pair_->call(function, arguments...);
  }

  // The median; every operation waits for the GPU before it returns.
  void measure(const char* name, const std::function<void()>& body) {
    milliseconds_.push_back({name, 1e3 * seconds_of_calls(kRepetitions, body)[kRepetitions / 2]});
  }

  // Where exact costs of some rows lie between their bounds, 0, and the highest they may be, 1: outside is an error.
  std::string where_costs_lie(const std::vector<std::int32_t>& every) {
    double least = 1, largest = 0;
    std::vector<float> bounds(n_);
    std::vector<double> costs(n_);
    for (std::int64_t s = 0; s < kSampledRows; ++s) {
      const auto i = static_cast<std::int32_t>(s * n_ / kSampledRows);
      const std::vector<std::int32_t> rows(n_, i);
      call(&Table::rows, &i, std::int64_t{1}, bounds.data());
      call(&Table::costs, rows.data(), every.data(), n_, costs.data());
      for (std::int64_t j = 0; j < n_; ++j) {
        const double place = (costs[j] - double{bounds[j]}) / (2 * row_errors_[i] * column_errors_[j] + 0x1p-21 * costs[j]);
        least = std::min(least, place);
        largest = std::max(largest, place);
      }
    }
    if (least < 0 || largest > 1) throw Error("DEVICE_FAILED", "Bounds do not hold");
    return "\"costs_between_bounds\": [" + std::to_string(least) + ", " + std::to_string(largest) + "]";
  }

  using Table = sae_match_device_table;
  const Table& table_;
  std::int64_t n_, width_;
  std::vector<float> a_, b_;
  std::vector<double> row_errors_, column_errors_;
  std::optional<OpenPair> pair_;
  std::vector<std::pair<std::string, double>> milliseconds_;
  std::int64_t auction_calls_ = 0, auction_bids_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 4) {
    std::fprintf(stderr, "usage: gpu_operations LIBRARY [ROWS WIDTH]\n");
    return 2;
  }
  try {
    const auto devices = Devices::load(arguments[1], SAE_MATCH_PACKAGE_VERSION);
    Measurement measurement(static_cast<const DeviceLibrary&>(*devices).table(), count > 2 ? std::atoll(arguments[2]) : 16384,
                            count > 2 ? std::atoll(arguments[3]) : 4609);
    const std::string result = measurement.run();
    std::printf("{\"device\": \"%s\", %s}\n", devices->report().devices[0].name.c_str(), result.c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", error.code().c_str(), error.what());
    return 1;
  }
  return 0;
}
