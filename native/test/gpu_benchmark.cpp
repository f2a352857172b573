// What a GPU makes of planted and of real SAEs, beside the same core on the CPU. Prints one line of JSON. Also runs, slowly,
// on the library whose kernels run on the CPU, which shows that it works and nothing else.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "benchmark_saes.h"
#include "cost/cost_source.h"
#include "sae_match/assignment.h"
#include "sae_match/device.h"
#include "sae_match/features.h"
#include "sae_match/thread_pool.h"
#include "timing.h"

using namespace sae_match;

namespace {

constexpr const char* kUsage =
    "usage: gpu_benchmark LIBRARY STAGE ARGUMENTS, where a stage is\n"
    "  sweep FEATURES DIMENSION              forming all bounds and lists of one planted pair\n"
    "  pair FEATURES DIMENSION               one planted pair, on the GPU and on the CPU\n"
    "  large FEATURES DIMENSION              one planted pair, on the GPU alone\n"
    "  pairs FEATURES DIMENSION LAYERS       pairs of neighbouring planted layers, then all pairs\n"
    "  stacked FOLDER LAYERS MOST            the same of real SAEs stacked, at most MOST features of each\n"
    "  costs FOLDER FEATURES DIMENSION OUT   writes OUT/planted.npy and OUT/stacked.npy, costs in f32, and solves them on the CPU\n";

// Of a GPU: what does not fit is found out there.
constexpr std::int64_t kDeviceBudget = std::int64_t{1} << 37;

// What is called often enough for a median, its least and most.
std::string timed(int repetitions, const std::function<void()>& body, double work = 0) {
  const std::vector<double> seconds = seconds_of_calls(repetitions, body);
  const double median = seconds[seconds.size() / 2];
  char text[256];
  const int size = std::snprintf(text, sizeof text, "\"seconds\": %.6f, \"least\": %.6f, \"most\": %.6f", median, seconds.front(),
                                 seconds.back());
  if (work > 0) std::snprintf(text + size, sizeof text - static_cast<std::size_t>(size), ", \"tflops\": %.3f", work / median / 1e12);
  return std::string("{") + text + "}";
}

Solution certified(const Rows& a, const Rows& b, const Devices* devices, std::optional<Source> source = {}) {
  RunControl control;
  RowsOptions options;
  options.devices = devices;
  options.source = source;
  if (devices) options.memory_budget = kDeviceBudget;
  Solution solution = solve(a, b, options, {}, control);
  if (!solution.certificate.optimal || solution.certificate.proof != Proof::full) {
    std::fprintf(stderr, "a pair is not certified: its gap is %g\n", solution.certificate.gap);
    std::exit(1);
  }
  return solution;
}

std::string describe(const Solution& solution) {
  char text[512];
  std::snprintf(text, sizeof text,
                "{\"source\": \"%s\", \"cost_ms\": %.3f, \"solve_ms\": %.3f, \"verify_ms\": %.3f, \"cost\": %.17g, \"bids\": %lld, "
                "\"refreshes\": %lld, \"labels\": %lld, \"exact_costs\": %lld}",
                solution.source == Source::dense ? "dense" : "implicit", solution.cost_milliseconds,
                solution.solve_milliseconds, solution.verify_milliseconds, solution.cost,
                static_cast<long long>(solution.work.bids), static_cast<long long>(solution.work.refreshes),
                static_cast<long long>(solution.work.labels), static_cast<long long>(solution.work.exact_costs));
  return text;
}

std::string one_pair(const Rows& a, const Rows& b, const Devices* devices, std::optional<Source> source, int repetitions) {
  Solution best;
  const auto total = [](const Solution& s) { return s.cost_milliseconds + s.solve_milliseconds + s.verify_milliseconds; };
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    Solution solution = certified(a, b, devices, source);
    if (repetition == 0 || total(solution) < total(best)) best = std::move(solution);
  }
  return describe(best);
}

// All rows' lists of an implicit source, which forms every bound for them; and of a dense one, which has formed them.
std::string sweep(const Devices& devices, std::int64_t features, std::int64_t dimension) {
  const BenchmarkSaes saes = planted_saes(features, dimension, 2);
  const Rows a = saes[0].rows(), b = saes[1].rows();
  const double product = 2.0 * static_cast<double>(features) * static_cast<double>(features) * static_cast<double>(a.width());
  std::string parts;
  for (const Source kind : {Source::implicit, Source::dense}) {
    RunControl control;
    std::unique_ptr<RowsCostSource> source;
    const std::string open = timed(1, [&] {
      source = make_device_source(devices, a, b, false, kind, kDeviceBudget, control);
    });
    std::vector<std::int32_t> every(static_cast<std::size_t>(features));
    std::iota(every.begin(), every.end(), 0);
    std::vector<std::int32_t> sample;
    for (std::size_t i = 0; i < every.size(); i += (every.size() + 255) / 256) sample.push_back(every[i]);
    const std::vector<double> v = source->column_quantile(sample, 8, control);
    constexpr std::int64_t kListed = 32;
    Shortlists lists(features, [&](std::int64_t i) { return source->list_room(i, kListed); });
    const auto list = [&] { source->list(every, v.data(), kListed, lists, control); };
    list();
    const bool forms = kind == Source::implicit;
    parts += std::string(parts.empty() ? "" : ", ") + (forms ? "\"form_and_list\": " : "\"list\": ") +
             timed(9, list, forms ? product : 0) + (forms ? ", \"open\": " : ", \"open_and_form\": ") + open;
  }
  return parts;
}

// Pairs (x, y), `at_once` of them at any time.
double seconds_for(const BenchmarkSaes& saes, const std::vector<std::pair<int, int>>& pairs, const Devices* devices, int at_once) {
  std::atomic<std::size_t> next{0};
  return seconds_of([&] {
    std::vector<std::thread> jobs;
    for (int job = 0; job < at_once; ++job) {
      jobs.emplace_back([&] {
        for (std::size_t p; (p = next.fetch_add(1)) < pairs.size();) {
          certified(saes[pairs[p].first].rows(), saes[pairs[p].second].rows(), devices);
        }
      });
    }
    for (std::thread& job : jobs) job.join();
  });
}

// Neighbours, and all pairs whose distance is odd if every second layer is of the same features.
std::string many_pairs(const Devices& devices, const BenchmarkSaes& saes, bool in_turns) {
  std::vector<std::pair<int, int>> neighbours, all;
  for (int y = 1; y < static_cast<int>(saes.size()); ++y) {
    neighbours.emplace_back(y - 1, y);
    for (int x = y - 1; x >= 0; x -= in_turns ? 2 : 1) all.emplace_back(x, y);
  }
  std::string seconds;
  for (const int many : std::set<int>{1, std::max(1, thread_count() / 2), thread_count()}) {
    seconds += (seconds.empty() ? "\"" : ", \"") + std::to_string(many) +
               "\": " + std::to_string(seconds_for(saes, neighbours, &devices, many));
  }
  const double all_seconds = seconds_for(saes, all, &devices, thread_count());
  std::uint64_t uploads = 0, reuses = 0;
  for (const ResidentTensors& resident : devices.resident()) {
    uploads += resident.uploads;
    reuses += resident.reuses;
  }
  return "\"features\": " + std::to_string(saes[0].features) + ", \"neighbouring_pairs\": " + std::to_string(neighbours.size()) +
         ", \"seconds_by_pairs_at_once\": {" + seconds + "}, \"all_pairs\": " + std::to_string(all.size()) +
         ", \"all_seconds\": " + std::to_string(all_seconds) + ", \"uploads\": " + std::to_string(uploads) +
         ", \"reuses\": " + std::to_string(reuses);
}

// Layers next to each other of a folder such as examples/smollm2-135m-1024.
std::vector<StoredSae> stored_layers(const std::string& folder) {
  std::vector<StoredSae> layers;
  for (int layer = 0; layer < 200; ++layer) {
    const std::string path = folder + "/layer_" + std::to_string(layer);
    if (std::ifstream(path + "/sae_weights.safetensors")) layers.emplace_back(path);
  }
  if (layers.size() < 2) throw Error("FILE_NOT_FOUND", "Expected folders layer_N with SAEs in " + folder);
  return layers;
}

void write_npy(const std::string& path, const std::vector<float>& costs, std::int64_t n) {
  const std::string shape = std::to_string(n);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + ", " + shape + "), }";
  header.resize((header.size() + 10 + 64) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::ofstream file(path, std::ios::binary);
  const auto size = static_cast<std::uint16_t>(header.size());
  file.write("\x93NUMPY\x01\x00", 8).write(reinterpret_cast<const char*>(&size), 2) << header;
  file.write(reinterpret_cast<const char*>(costs.data()), static_cast<std::streamsize>(costs.size() * sizeof(float)));
  if (!file) throw Error("OUTPUT_FAILED", "Could not write " + path);
}

std::string write_costs(const std::string& folder, std::int64_t features, std::int64_t dimension, const std::string& out) {
  std::string results;
  for (const bool stacked : {false, true}) {
    const BenchmarkSaes saes = stacked ? stacked_saes(stored_layers(folder), 2, features) : planted_saes(features, dimension, 2);
    const std::string name = stacked ? "stacked" : "planted";
    const std::int64_t n = saes[0].features;
    std::vector<float> costs(static_cast<std::size_t>(n * n));
    RunControl control;
    const double form = seconds_of([&] { cost_matrix(saes[0].rows(), saes[1].rows(), costs.data(), control); });
    write_npy(out + "/" + name + ".npy", costs, n);
    double cost = 0;
    const std::string solving = timed(5, [&] {
      RunControl run;
      cost = solve(CostMatrix{costs.data(), Dtype::f32, n, n, n}, {}, run).cost;
    });
    char text[160];
    std::snprintf(text, sizeof text, "\"%s\": {\"n\": %lld, \"form_seconds\": %.4f, \"cost\": %.17g, \"solve\": ", name.c_str(),
                  static_cast<long long>(n), form, cost);
    results += (results.empty() ? "" : ", ") + std::string(text) + solving + "}";
  }
  return results;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const std::map<std::string, std::size_t> stages{{"sweep", 2},  {"pair", 2},    {"large", 2},
                                                  {"pairs", 3}, {"stacked", 3}, {"costs", 4}};
  const auto stage = words.size() < 2 ? stages.end() : stages.find(words[1]);
  if (stage == stages.end() || words.size() != 2 + stage->second) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const std::string& name = stage->first;
  const auto number = [&](std::size_t k) { return std::atoll(words[2 + k].c_str()); };
  try {
    const auto devices = Devices::load(words[0], SAE_MATCH_PACKAGE_VERSION);
    devices->self_test();
    std::string result;
    if (name == "sweep") {
      result = sweep(*devices, number(0), number(1));
    } else if (name == "pair" || name == "large") {
      const BenchmarkSaes saes = planted_saes(number(0), number(1), 2);
      const Rows a = saes[0].rows(), b = saes[1].rows();
      result = "\"gpu\": " + one_pair(a, b, devices.get(), {}, name == "pair" ? 5 : 2);
      if (name == "pair") {
        result += ", \"gpu_implicit\": " + one_pair(a, b, devices.get(), Source::implicit, 2) +
                  ", \"cpu\": " + one_pair(a, b, nullptr, {}, 1);
      }
    } else if (name == "pairs") {
      result = many_pairs(*devices, planted_saes(number(0), number(1), static_cast<int>(number(2))), false);
    } else if (name == "stacked") {
      result = many_pairs(*devices, stacked_saes(stored_layers(words[2]), static_cast<int>(number(1)), number(2)), true);
    } else {
      result = write_costs(words[2], number(1), number(2), words[5]);
    }
    std::string asked;
    for (std::size_t w = 1; w < words.size(); ++w) asked += (w > 1 ? " " : "") + words[w];
    std::printf("{\"run\": \"%s\", \"device\": \"%s\", \"threads\": %d, %s}\n", asked.c_str(),
                devices->report().devices[0].name.c_str(), thread_count(), result.c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", error.code().c_str(), error.what());
    return 1;
  }
  return 0;
}
