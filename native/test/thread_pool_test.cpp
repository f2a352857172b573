#include "sae_match/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

namespace {

using sae_match::parallel_for;

void every_item_once() {
  for (std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
    for (std::int64_t grain : {1, 3, 64, 5000}) {
      for (int threads : {0, 1, 2, 3, 16}) {
        std::vector<std::atomic<int>> visits(count);
        parallel_for(count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
          CHECK(begin % grain == 0 && end - begin <= grain && begin < end);
          for (std::int64_t i = begin; i < end; ++i) ++visits[i];
        });
        CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& visit) { return visit == 1; }));
      }
    }
  }
}

void nested_calls_end() {
  std::atomic<std::int64_t> sum{0};
  parallel_for(20, 1, 0, [&](std::int64_t, std::int64_t) {
    parallel_for(20, 1, 0, [&](std::int64_t, std::int64_t) {
      parallel_for(20, 3, 0, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
    });
  });
  CHECK_EQUAL(sum.load(), 20 * 20 * 20);
}

void first_failure_is_thrown_after_all_pieces() {
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::atomic<int> inside{0};
    std::string message;
    try {
      parallel_for(64, 1, 0, [&](std::int64_t begin, std::int64_t) {
        ++inside;
        if (begin % 10 == 7) {
          --inside;
          throw std::runtime_error(std::to_string(begin));
        }
        std::this_thread::yield();
        --inside;
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CHECK_EQUAL(message, "7");
    CHECK_EQUAL(inside.load(), 0);
  }
}

thread_local bool is_caller = false;

// With two threads allowed and two callers at work, the one worker ends its piece and keeps out.
void workers_leave_the_limit_to_callers() {
  sae_match::set_thread_count(2);
  std::atomic<int> callers_inside{0}, pieces_of_workers{0};
  std::atomic<bool> over{false}, worker_seen{false};
  const auto job = [&] {
    is_caller = true;
    bool first = true;
    const std::int64_t pieces = 2000;
    parallel_for(pieces, 1, 0, [&](std::int64_t begin, std::int64_t) {
      if (begin == pieces - 1) over = true;
      if (!is_caller) {
        worker_seen = true;
        if (callers_inside == 2 && !over) ++pieces_of_workers;
      } else if (first) {
        first = false;
        ++callers_inside;
        while (callers_inside < 2 && !over) std::this_thread::yield();
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    });
    is_caller = false;
  };
  std::thread other([&] {
    while (!worker_seen) std::this_thread::yield();
    job();
  });
  job();
  other.join();
  CHECK_EQUAL(callers_inside.load(), 2);
  CHECK(pieces_of_workers <= 1);
}

void raise_to(std::atomic<int>& most, int now) {
  for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
  }
}

void thread_limit_of_a_call_is_kept() {
  for (int threads : {1, 2, 3}) {
    std::atomic<int> at_once{0}, most{0};
    parallel_for(200, 1, threads, [&](std::int64_t, std::int64_t) {
      raise_to(most, ++at_once);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      --at_once;
    });
    CHECK(most >= 1 && most <= threads);
  }
}

void work_really_runs_in_parallel() {
  // Each piece waits for another thread's piece: a single thread would never pass.
  std::atomic<int> arrived{0};
  parallel_for(2, 1, 2, [&](std::int64_t, std::int64_t) {
    ++arrived;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (arrived < 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    CHECK_EQUAL(arrived.load(), 2);
  });
}

// Six jobs of serial and parallel parts on two threads: never more than two work, and all end.
void seats_are_no_more_than_threads() {
  sae_match::set_thread_count(2);
  std::atomic<int> jobs_inside{0}, most_jobs{0}, at_work{0}, most_at_work{0};
  std::atomic<std::int64_t> done{0};
  const auto work = [&] {
    raise_to(most_at_work, ++at_work);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    --at_work;
  };
  std::vector<std::thread> jobs;
  for (int j = 0; j < 6; ++j) {
    jobs.emplace_back([&] {
      const sae_match::Seat seat([] {});
      raise_to(most_jobs, ++jobs_inside);
      for (int round = 0; round < 20; ++round) {
        work();
        parallel_for(8, 1, 0, [&](std::int64_t, std::int64_t) {
          work();
          ++done;
        });
      }
      --jobs_inside;
    });
  }
  for (std::thread& job : jobs) job.join();
  CHECK(most_jobs <= 2);
  CHECK(most_at_work <= 2);
  CHECK_EQUAL(done.load(), 6 * 20 * 8);
}

// A job that is called off while it waits leaves the queue, and those behind it move up.
void waiting_for_a_seat_can_be_called_off() {
  sae_match::set_thread_count(1);
  std::atomic<bool> waits{false}, cancelled{false}, thrown{false}, got{false};
  std::thread called_off, behind;
  {
    const sae_match::Seat taken;
    called_off = std::thread([&] {
      try {
        const sae_match::Seat seat([&] {
          waits = true;
          if (cancelled) throw std::runtime_error("called off");
        });
      } catch (const std::runtime_error&) {
        thrown = true;
      }
    });
    while (!waits) std::this_thread::yield();
    behind = std::thread([&] {
      const sae_match::Seat seat([] {});
      got = true;
    });
    cancelled = true;
    called_off.join();
    CHECK(thrown);
    CHECK(!got);
  }
  behind.join();
  CHECK(got);
}

// Whoever must not wait does not, and a seat within a seat is the same one.
void a_seat_at_once_and_a_seat_within() {
  sae_match::set_thread_count(1);
  const sae_match::Seat mine;
  const sae_match::Seat within([] { CHECK(false); });
  std::thread([] { const sae_match::Seat at_once; }).join();
}

}  // namespace

int main() {
  CHECK(sae_match::thread_count() >= 1);
  for (int count : {1, 2, 4}) {
    sae_match::set_thread_count(count);
    CHECK_EQUAL(sae_match::thread_count(), count);
    every_item_once();
    nested_calls_end();
    first_failure_is_thrown_after_all_pieces();
    thread_limit_of_a_call_is_kept();
  }
  workers_leave_the_limit_to_callers();
  work_really_runs_in_parallel();
  seats_are_no_more_than_threads();
  waiting_for_a_seat_can_be_called_off();
  a_seat_at_once_and_a_seat_within();
  sae_match::set_thread_count(0);
  CHECK(sae_match::thread_count() >= 1);
  return finish();
}
