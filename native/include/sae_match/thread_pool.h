// One pool of threads for the process, shared by all jobs.
#pragma once

#include <cstdint>
#include <functional>

namespace sae_match {

// The cores this process may use (affinity and cgroup quota), or what set_thread_count gave.
int thread_count();
void set_thread_count(int count);

// Calls task(begin, end) over pieces of [0, count) of at most `grain` items, on at most `threads` threads at once
// (0: all), the calling thread among them. Pieces are the same whatever the number of threads. The first exception
// is thrown again here after all pieces ended.
void parallel_for(std::int64_t count, std::int64_t grain, int threads,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& task);

}  // namespace sae_match
