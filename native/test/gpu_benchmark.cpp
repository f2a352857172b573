// What a GPU makes of planted problems: prints one line of JSON. usage: gpu_benchmark LIBRARY [ROWS WIDTH PAIRS]
// Also runs, slowly, on the library whose kernels run on the CPU, which shows that it works and nothing else.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sae_match/assignment.h"
#include "sae_match/device.h"
#include "sae_match/thread_pool.h"

using namespace sae_match;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Layers of features, of which 60 % are those of the layer before in another order, a little turned, as of two neighbouring
// SAEs (src/benchmark/planted.ts has the family of the published benchmarks).
struct Layers {
  Layers(std::int64_t rows, std::int64_t width, int count) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(rows));
    for (int layer = 0; layer < count; ++layer) {
      std::mt19937_64 shuffle(static_cast<unsigned>(layer));
      for (std::int64_t i = 0; i < rows; ++i) order[i] = static_cast<std::int32_t>(i);
      std::shuffle(order.begin(), order.end(), shuffle);
      auto values = std::make_unique<float[]>(static_cast<std::size_t>(rows * width));
      parallel_for(rows, 64, 0, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          std::minstd_rand random(static_cast<unsigned>(i * 7919 + layer * 104729 + 1));
          std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(width)));
          const float* before = layer > 0 && i % 5 < 3 ? layers.back().get() + order[i] * width : nullptr;
          for (std::int64_t k = 0; k < width; ++k) {
            values[i * width + k] = before ? 0.9f * before[k] + 0.43f * normal(random) : normal(random);
          }
        }
      });
      layers.push_back(std::move(values));
      views.push_back({{RowBlock{MatrixView{layers.back().get(), Dtype::f32, rows, width, width, 1}, nullptr}}, rows, nullptr});
    }
  }
  std::vector<std::unique_ptr<float[]>> layers;
  std::vector<Rows> views;
};

// Pairs of neighbouring layers, `at_once` of them at any time. Ends the program where one is not certified.
double seconds_for_all(const Layers& layers, const Devices* devices, int at_once) {
  const double begin = now();
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> jobs;
  for (int job = 0; job < at_once; ++job) {
    jobs.emplace_back([&] {
      for (std::size_t pair; (pair = next.fetch_add(1)) + 1 < layers.views.size();) {
        RunControl control;
        RowsOptions options;
        options.devices = devices;
        const Solution solution = solve(layers.views[pair], layers.views[pair + 1], options, {}, control);
        if (solution.certificate.optimal && solution.certificate.proof == Proof::full) continue;
        std::fprintf(stderr, "pair %zu is not certified\n", pair);
        std::exit(1);
      }
    });
  }
  for (std::thread& job : jobs) job.join();
  return now() - begin;
}

std::string describe(const Solution& solution) {
  char text[512];
  std::snprintf(text, sizeof text,
                "{\"cost_ms\": %.3f, \"solve_ms\": %.3f, \"verify_ms\": %.3f, \"cost\": %.17g, \"optimal\": %s, \"bids\": %lld, "
                "\"refreshes\": %lld, \"exact_costs\": %lld}",
                solution.cost_milliseconds, solution.solve_milliseconds, solution.verify_milliseconds, solution.cost,
                solution.certificate.optimal ? "true" : "false", static_cast<long long>(solution.work.bids),
                static_cast<long long>(solution.work.refreshes), static_cast<long long>(solution.work.exact_costs));
  return text;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 5) {
    std::fprintf(stderr, "usage: gpu_benchmark LIBRARY [ROWS WIDTH PAIRS]\n");
    return 2;
  }
  const std::int64_t rows = count > 2 ? std::atoll(arguments[2]) : 16384, width = count > 2 ? std::atoll(arguments[3]) : 2304;
  const int pairs = count > 2 ? std::atoi(arguments[4]) : 25;
  try {
    const auto devices = Devices::load(arguments[1], SAE_MATCH_PACKAGE_VERSION);
    devices->self_test();
    const Layers layers(rows, width, pairs + 1);
    std::string single;
    for (const Source source : {Source::dense, Source::implicit}) {
      for (const Devices* where : {static_cast<const Devices*>(devices.get()), static_cast<const Devices*>(nullptr)}) {
        Solution best;
        for (int repetition = 0; repetition < (where ? 3 : 1); ++repetition) {
          RunControl control;
          RowsOptions options;
          options.source = source;
          options.devices = where;
          Solution solution = solve(layers.views[0], layers.views[1], options, {}, control);
          const auto total = [](const Solution& s) { return s.cost_milliseconds + s.solve_milliseconds + s.verify_milliseconds; };
          if (repetition == 0 || total(solution) < total(best)) best = std::move(solution);
        }
        single += std::string(single.empty() ? "" : ", ") + "\"" + (where ? "gpu" : "cpu") +
                  (source == Source::dense ? "_dense" : "_implicit") + "\": " + describe(best);
      }
    }
    std::string runs;
    for (const int at_once : {1, 2, 4}) {
      runs += std::string(runs.empty() ? "" : ", ") + "\"" + std::to_string(at_once) +
              "\": " + std::to_string(seconds_for_all(layers, devices.get(), at_once));
    }
    std::printf("{\"device\": \"%s\", \"threads\": %d, \"rows\": %lld, \"width\": %lld, \"one_pair\": {%s}, \"pairs\": %d, "
                "\"seconds_by_pairs_at_once\": {%s}}\n",
                devices->report().devices[0].name.c_str(), thread_count(), static_cast<long long>(rows),
                static_cast<long long>(width), single.c_str(), pairs, runs.c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", error.code().c_str(), error.what());
    return 1;
  }
  return 0;
}
