#include "sae_match/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/available_cores.h"
#include "core/waiting_line.h"

namespace sae_match {
namespace {

// One call of parallel_for. It lives on its caller's stack until no helper is left in it.
struct Job {
  const std::function<void(std::int64_t, std::int64_t)>& task;
  const std::int64_t count, grain, pieces;
  const int max_helpers;
  std::atomic<std::int64_t> next{0};

  // Guarded by the pool's mutex.
  int helpers = 0;
  std::condition_variable idle{};  // helpers == 0
  std::int64_t failed_piece = std::numeric_limits<std::int64_t>::max();
  std::exception_ptr failure{};

  bool has_work() const { return next.load(std::memory_order_relaxed) < pieces; }
};

// True in a thread that the pool counts as busy already: nested calls must not count it twice.
thread_local bool counted = false;

// The calling thread always works on its own job, so every job advances even when no worker is free. Workers help
// any job while fewer threads are busy than the limit, and go back after a piece when there are more or when a job waits
// for a seat. A thread that waits for its helpers waits for pieces of a job nested deeper than its own, so waiting never
// goes round in a circle.
class Pool {
 public:
  int limit() const { return limit_.load(std::memory_order_relaxed); }

  void set_limit(int limit) {
    {
      std::lock_guard lock(mutex_);
      limit_.store(limit >= 1 ? limit : available_cores(), std::memory_order_relaxed);
    }
    work_.notify_all();
    seats_.notify_all();
  }

  void take_seat() {
    std::lock_guard lock(mutex_);
    ++busy_;
  }

  void wait_for_seat(const std::function<void()>& while_waiting) {
    std::unique_lock lock(mutex_);
    try {
      line_.wait(lock, seats_, while_waiting, [&] { return busy_ < limit(); });
    } catch (...) {
      call_helpers_back();
      throw;
    }
    ++busy_;
    call_helpers_back();
  }

  void leave_seat() {
    std::lock_guard lock(mutex_);
    no_longer_busy();
  }

  void run(std::int64_t count, std::int64_t grain, std::int64_t pieces, int threads,
           const std::function<void(std::int64_t, std::int64_t)>& task) {
    const int helpers = static_cast<int>(std::min<std::int64_t>(threads, pieces)) - 1;
    Job job{.task = task, .count = count, .grain = grain, .pieces = pieces, .max_helpers = helpers};
    const bool outermost = !counted;
    {
      std::lock_guard lock(mutex_);
      start_workers(helpers);
      jobs_.push_back(&job);
      if (outermost) ++busy_;
    }
    for (int i = 0; i < helpers; ++i) work_.notify_one();

    counted = true;
    while (run_piece(job)) {
    }
    counted = !outermost;

    std::unique_lock lock(mutex_);
    std::erase(jobs_, &job);
    job.idle.wait(lock, [&] { return job.helpers == 0; });
    if (outermost) no_longer_busy();
    if (job.failure) std::rethrow_exception(job.failure);
  }

 private:
  // Takes the next piece. A piece that was taken always runs, and pieces are taken in order, so the failure kept is
  // the one of the first failing piece, whatever the threads.
  bool run_piece(Job& job) {
    const std::int64_t piece = job.next.fetch_add(1, std::memory_order_relaxed);
    if (piece >= job.pieces) return false;
    try {
      const std::int64_t begin = piece * job.grain;
      job.task(begin, std::min(begin + job.grain, job.count));
    } catch (...) {
      job.next.store(job.pieces, std::memory_order_relaxed);
      std::lock_guard lock(mutex_);
      if (piece < job.failed_piece) {
        job.failed_piece = piece;
        job.failure = std::current_exception();
      }
    }
    return true;
  }

  // A thread stops to be busy; the mutex is held.
  void no_longer_busy() {
    --busy_;
    if (!line_.empty()) seats_.notify_all();
    if (!jobs_.empty()) work_.notify_one();
  }

  // They had made way for who waited, more of them perhaps than there was need for; the mutex is held.
  void call_helpers_back() {
    if (line_.empty()) work_.notify_all();
  }

  Job* job_to_help() const {
    if (busy_ >= limit() || !line_.empty()) return nullptr;
    for (Job* job : jobs_) {
      if (job->helpers < job->max_helpers && job->has_work()) return job;
    }
    return nullptr;
  }

  void work() {
    counted = true;
    std::unique_lock lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      work_.wait(lock, [&] { return (job = job_to_help()) != nullptr; });
      ++job->helpers;
      ++busy_;
      lock.unlock();
      while (run_piece(*job) && busy_ <= limit() && line_.empty()) {
      }
      lock.lock();
      no_longer_busy();
      if (--job->helpers == 0) job->idle.notify_one();
    }
  }

  void start_workers(int needed) {
    try {
      for (; workers_ < needed; ++workers_) std::thread(&Pool::work, this).detach();
    } catch (const std::system_error&) {
      // The system allows no more threads; the ones there are do all the work.
    }
  }

  std::mutex mutex_;
  std::condition_variable work_, seats_;
  std::vector<Job*> jobs_;
  WaitingLine line_;  // of threads that want a seat
  int workers_ = 0;
  std::atomic<int> busy_{0};  // changed under the mutex
  std::atomic<int> limit_{available_cores()};
};

// Never destroyed: its detached threads wait on it until the process ends.
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

}  // namespace

int thread_count() { return pool().limit(); }

void set_thread_count(int count) { pool().set_limit(count); }

void parallel_for(std::int64_t count, std::int64_t grain, int threads,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& task) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t pieces = (count - 1) / grain + 1;
  const int most = threads >= 1 ? std::min(threads, thread_count()) : thread_count();
  if (pieces == 1 || most == 1) {
    for (std::int64_t begin = 0; begin < count; begin += grain) task(begin, std::min(begin + grain, count));
  } else {
    pool().run(count, grain, pieces, most, task);
  }
}

Seat::Seat() : taken_(!counted) {
  if (taken_) pool().take_seat();
  counted = true;
}

Seat::Seat(const std::function<void()>& while_waiting) : taken_(!counted) {
  if (taken_) pool().wait_for_seat(while_waiting);
  counted = true;
}

Seat::~Seat() {
  if (!taken_) return;
  counted = false;
  pool().leave_seat();
}

void lend_seat(const std::function<void()>& wait, const std::function<void()>& while_waiting) {
  if (!counted) return wait();
  counted = false;
  pool().leave_seat();
  try {
    wait();
    pool().wait_for_seat(while_waiting);
  } catch (...) {
    pool().take_seat();
    counted = true;
    throw;
  }
  counted = true;
}

}  // namespace sae_match
