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

// A job's place among the busy threads, from its making to its end: the thread it works on counts as busy in its serial
// parts too, so that several jobs at once leave each other's cores alone. A thread that has a seat already shares it.
class Seat {
 public:
  // Takes a seat at once, be it one more than there are threads: for a caller who must not wait.
  Seat();
  // Waits, first come, first served, until fewer threads are busy than thread_count(); helpers make way after their
  // piece. `while_waiting` is called now and then meanwhile; what it throws ends the wait.
  explicit Seat(const std::function<void()>& while_waiting);
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

 private:
  bool taken_;
};

// Calls `wait` while others may have the calling thread's seat, and then waits for one again as Seat(while_waiting)
// does. Where either throws, the thread has its seat back at once. Without a seat it calls `wait` and no more.
void lend_seat(const std::function<void()>& wait, const std::function<void()>& while_waiting);

}  // namespace sae_match
