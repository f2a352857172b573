// The library's one entry point: a table of functions that turn exceptions into statuses.
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "cuda/pair.h"
#include "cuda/resident.h"
#include "cuda/self_test.h"

struct sae_match_device_pair {
  explicit sae_match_device_pair(const sae_match_device_problem& problem) : pair(problem) {}
  sae_match::cuda::Pair pair;
};

namespace sae_match::cuda {
namespace {

template <class Body>
sae_match_device_status guarded(sae_match_device_message* message, Body body) noexcept {
  const auto tell = [&](const char* text) { std::snprintf(message->text, sizeof message->text, "%s", text); };
  tell("");
  try {
    require_alive();
    body();
    return SAE_MATCH_DEVICE_OK;
  } catch (const DeviceError& error) {
    tell(error.message.c_str());
    return error.status;
  } catch (const std::bad_alloc&) {
    tell("The CUDA library could not allocate memory of the host");
    return SAE_MATCH_DEVICE_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    tell(error.what());
    return SAE_MATCH_DEVICE_FAILED;
  } catch (...) {
    tell("The CUDA library failed for an unknown reason");
    return SAE_MATCH_DEVICE_FAILED;
  }
}

sae_match_device_status probe(sae_match_device_report* report, sae_match_device_message* message) {
  *report = {};
  return guarded(message, [&] {
    // These two need no driver.
    SAE_MATCH_CHECK(cudaDriverGetVersion(&report->driver_version));
    SAE_MATCH_CHECK(cudaRuntimeGetVersion(&report->runtime_version));
    int devices = 0;
    SAE_MATCH_CHECK(cudaGetDeviceCount(&devices));
    if (devices == 0) throw DeviceError{SAE_MATCH_DEVICE_NO_DEVICE, "The driver shows no GPU"};
    report->devices = devices;
  });
}

sae_match_device_status info(int32_t device, sae_match_device_info* info, sae_match_device_message* message) {
  *info = {};
  return guarded(message, [&] {
    SAE_MATCH_CHECK(cudaSetDevice(device));
    cudaDeviceProp properties;
    SAE_MATCH_CHECK(cudaGetDeviceProperties(&properties, device));
    std::snprintf(info->name, sizeof info->name, "%s", properties.name);
    info->major = properties.major;
    info->minor = properties.minor;
    info->multiprocessors = properties.multiProcessorCount;
    std::size_t free = 0, total = 0;
    SAE_MATCH_CHECK(cudaMemGetInfo(&free, &total));
    info->free_bytes = free;
    info->total_bytes = total;
    require_kernels();
  });
}

sae_match_device_status run_self_test(int32_t device, sae_match_device_message* message) {
  return guarded(message, [&] { self_test(device); });
}

sae_match_device_status open(const sae_match_device_problem* problem, sae_match_device_pair** pair,
                             sae_match_device_message* message) {
  *pair = nullptr;
  return guarded(message, [&] { *pair = new sae_match_device_pair(*problem); });
}

void close(sae_match_device_pair* pair) { delete pair; }

sae_match_device_status norms(sae_match_device_pair* pair, double* a, double* b, sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.norms(a, b); });
}

sae_match_device_status pack(sae_match_device_pair* pair, double factor, double* a_residual, double* b_residual,
                             sae_match_device_properties* properties, sae_match_device_message* message) {
  *properties = {};
  return guarded(message, [&] { *properties = pair->pair.pack(factor, a_residual, b_residual); });
}

sae_match_device_status bound(sae_match_device_pair* pair, const double* row_errors, const double* column_errors,
                              sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.bound(row_errors, column_errors); });
}

sae_match_device_status form(sae_match_device_pair* pair, int64_t first, int64_t count,
                             sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.form(first, count); });
}

sae_match_device_status rows(sae_match_device_pair* pair, const int32_t* rows, int64_t count, float* out,
                             sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.rows(rows, count, out); });
}

sae_match_device_status costs(sae_match_device_pair* pair, const int32_t* rows, const int32_t* columns, int64_t count,
                              double* out, sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.costs(rows, columns, count, out); });
}

sae_match_device_status quantile(sae_match_device_pair* pair, const int32_t* rows, int64_t count, int64_t depth,
                                 double* out, sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.quantile(rows, count, depth, out); });
}

sae_match_device_status lists(sae_match_device_pair* pair, const int32_t* rows, const int32_t* shared, int64_t count,
                              const double* v, int64_t size, int32_t exact, int64_t stride, int32_t* columns,
                              double* costs, int32_t* sizes, double* bounds, sae_match_device_message* message) {
  return guarded(message, [&] {
    pair->pair.lists(rows, shared, count, v, size, exact != 0, stride, columns, costs, sizes, bounds);
  });
}

sae_match_device_status least_reduced(sae_match_device_pair* pair, const int32_t* rows, int64_t count, const double* v,
                                      double* out, sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.least_reduced(rows, count, v, out); });
}

sae_match_device_status begin_neighbours(sae_match_device_pair* pair, const sae_match_device_partners* partners,
                                         sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.begin_neighbours(*partners); });
}

sae_match_device_status see_columns(sae_match_device_pair* pair, const int32_t* rows, int64_t count,
                                    sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.see_columns(rows, count); });
}

sae_match_device_status neighbours(sae_match_device_pair* pair, const int32_t* rows, int64_t count,
                                   const sae_match_device_neighbours* out, sae_match_device_candidates* candidates,
                                   sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.neighbours(rows, count, *out, *candidates); });
}

sae_match_device_status column_ranks(sae_match_device_pair* pair, int32_t* before, sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.column_ranks(before); });
}

sae_match_device_status resident(int32_t device, sae_match_device_resident* found, sae_match_device_message* message) {
  *found = {};
  return guarded(message, [&] { *found = describe_resident(device); });
}

sae_match_device_status soft_min(sae_match_device_pair* pair, const sae_match_device_soft_min* ask, double* v,
                                 sae_match_device_message* message) {
  return guarded(message, [&] { pair->pair.soft_min(*ask, v); });
}

sae_match_device_status auction(sae_match_device_pair* pair, const sae_match_device_auction* ask, double* v,
                                sae_match_device_auction_state* state, sae_match_device_message* message) {
  *state = {};
  return guarded(message, [&] { *state = pair->pair.auction(*ask, v); });
}

const sae_match_device_table table = {SAE_MATCH_DEVICE_ABI,
                                      sizeof(sae_match_device_table),
                                      SAE_MATCH_PACKAGE_VERSION,
                                      SAE_MATCH_CUDA_BUILD,
                                      probe,
                                      info,
                                      run_self_test,
                                      open,
                                      close,
                                      norms,
                                      pack,
                                      bound,
                                      form,
                                      rows,
                                      costs,
                                      quantile,
                                      lists,
                                      least_reduced,
                                      begin_neighbours,
                                      see_columns,
                                      neighbours,
                                      column_ranks,
                                      resident,
                                      soft_min,
                                      auction};

}  // namespace
}  // namespace sae_match::cuda

extern "C" const sae_match_device_table* sae_match_device_api(void) { return &sae_match::cuda::table; }
