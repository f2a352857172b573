// Runs one operation on a thread of its own and settles a promise when it ends.
//
// Not Napi::AsyncWorker: Node waits for its pool before it runs cleanup hooks, so terminating a worker thread or
// exiting would take as long as the rest of the job, and a few long jobs would stop all file and DNS work.
//
// Lifetime rules:
// 1. The thread-safe function is referenced while the job runs and keeps the event loop alive; the job's thread
//    releases it as its last act. It carries progress and the end, so nothing else can outlive the job.
// 2. The environment's cleanup hook cancels the job and joins its thread. Hooks run in reverse order of creation, so
//    the thread-safe function still exists then, and no one calls it afterwards.
// 3. References to JavaScript values are dropped on the JavaScript thread: when the job ends, or in the cleanup hook.
// 4. The finalizer of the thread-safe function deletes the worker, in both cases the last to touch it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "addon/arguments.h"
#include "addon/failure.h"
#include "addon/napi_setup.h"
#include "sae_match/run_control.h"

namespace sae_match {

// On the job's thread, without any call to Node. Results go into arrays that the caller gave.
using Operation = std::function<void(RunControl& control)>;

class PromiseWorker {
 public:
  // Starts the operation. Returns { promise, job }: cancel_job(job) makes the promise reject with CANCELLED.
  // `on_progress` (may be empty) is called with (phase, done, total), at most one event under way at any time.
  // `held` are the arrays the operation reads and writes; one that lost its memory meanwhile makes the promise reject
  // with INPUT_DETACHED.
  static Napi::Value start(Napi::Env env, Napi::Function on_progress, std::vector<HeldArray> held, Operation operation);

 private:
  struct Progress {
    const char* phase;
    std::int64_t done, total;
  };

  PromiseWorker(Napi::Env env, std::vector<HeldArray> held, Operation operation);
  void create_thread_safe_function(Napi::Function on_progress);
  void start_thread();

  // On the job's thread.
  void run();
  void report(const char* phase, std::int64_t done, std::int64_t total);
  void end();

  // On the JavaScript thread.
  static void on_event(napi_env env, napi_value on_progress, void* worker, void* event);
  static void on_environment_cleanup(void* worker);
  static void on_finalize(napi_env env, void* worker, void* hint);
  void finish_thread(Napi::Env env);
  void deliver_progress(Napi::Env env, napi_value on_progress);
  void settle(Napi::Env env);

  Napi::Env env_;
  Napi::Promise::Deferred deferred_;
  std::vector<HeldArray> held_;
  Operation operation_;
  std::shared_ptr<RunControl> control_ = std::make_shared<RunControl>();
  std::optional<Failure> failure_;
  napi_threadsafe_function events_ = nullptr;
  std::thread thread_;

  std::mutex progress_mutex_;
  std::vector<Progress> progress_;  // not delivered yet, the latest of every phase
};

// The exported function behind the `job` handle.
Napi::Value cancel_job(const Napi::CallbackInfo& info);

}  // namespace sae_match
