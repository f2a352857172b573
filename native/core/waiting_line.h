// Threads that wait until they may go on, first come, first served.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace sae_match {

class WaitingLine {
 public:
  // Whether nobody waits; without the mutex as it was a moment ago.
  bool empty() const { return size_.load(std::memory_order_relaxed) == 0; }

  // With the mutex held, which is the same for every call: waits until nobody who came before does and `may_go()`.
  // `changed` is notified where that may have changed. `while_waiting` is called now and then without the mutex; what it
  // throws ends the wait.
  template <class MayGo>
  void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
            const std::function<void()>& while_waiting, MayGo may_go) {
    constexpr std::chrono::milliseconds kBetweenCalls(20);
    const char place = 0;  // its address is this thread's mark in the line
    places_.push_back(&place);
    size_.store(static_cast<int>(places_.size()), std::memory_order_relaxed);
    const auto leave = [&] {
      std::erase(places_, &place);
      size_.store(static_cast<int>(places_.size()), std::memory_order_relaxed);
      changed.notify_all();
    };
    while (!changed.wait_for(lock, kBetweenCalls, [&] { return places_.front() == &place && may_go(); })) {
      lock.unlock();
      try {
        while_waiting();
      } catch (...) {
        lock.lock();
        leave();
        throw;
      }
      lock.lock();
    }
    leave();
  }

 private:
  std::deque<const char*> places_;
  std::atomic<int> size_{0};
};

}  // namespace sae_match
