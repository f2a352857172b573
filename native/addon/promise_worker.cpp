#include "addon/promise_worker.h"

#include <system_error>

#include "addon/type_tags.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

using ControlHandle = std::shared_ptr<RunControl>;

// What travels through the thread-safe function; only the addresses matter.
int progress_event, end_event;

Napi::Value job_handle(Napi::Env env, const ControlHandle& control) {
  auto handle = Napi::External<ControlHandle>::New(env, new ControlHandle(control),
                                                   [](Napi::BasicEnv, ControlHandle* owned) { delete owned; });
  handle.TypeTag(&kJobTag);
  return handle;
}

}  // namespace

Napi::Value cancel_job(const Napi::CallbackInfo& info) {
  const Napi::Value value = info[0];
  if (!value.IsExternal() || !value.As<Napi::External<ControlHandle>>().CheckTypeTag(&kJobTag)) {
    throw Error("INVALID_ARGUMENT", "Expected a job for `job`");
  }
  (*value.As<Napi::External<ControlHandle>>().Data())->cancelled = true;
  return info.Env().Undefined();
}

Napi::Value PromiseWorker::start(Napi::Env env, Napi::Function on_progress, std::vector<HeldArray> held,
                                 Operation operation) {
  auto owner = std::unique_ptr<PromiseWorker>(new PromiseWorker(env, std::move(held), std::move(operation)));
  Napi::Object handles = Napi::Object::New(env);
  handles.Set("promise", owner->deferred_.Promise());
  handles.Set("job", job_handle(env, owner->control_));
  owner->create_thread_safe_function(on_progress);
  owner.release()->start_thread();  // from here on the finalizer owns it
  return handles;
}

PromiseWorker::PromiseWorker(Napi::Env env, std::vector<HeldArray> held, Operation operation)
    : env_(env), deferred_(env), held_(std::move(held)), operation_(std::move(operation)) {}

void PromiseWorker::create_thread_safe_function(Napi::Function on_progress) {
  const napi_status status = napi_create_threadsafe_function(
      env_, on_progress.IsEmpty() ? nullptr : static_cast<napi_value>(on_progress), nullptr,
      Napi::String::New(env_, "sae-match job"), 0, 1, this, on_finalize, this, on_event, &events_);
  if (status != napi_ok) throw Napi::Error::New(env_);
  if (!on_progress.IsEmpty()) {
    control_->progress = [this](const char* phase, std::int64_t done, std::int64_t total) {
      report(phase, done, total);
    };
  }
}

void PromiseWorker::start_thread() {
  napi_add_env_cleanup_hook(env_, on_environment_cleanup, this);
  try {
    thread_ = std::thread(&PromiseWorker::run, this);
  } catch (const std::system_error&) {
    failure_ = describe_failure(std::current_exception());
    end();
  }
}

void PromiseWorker::run() {
  try {
    const Seat seat([this] { control_->check(); });
    operation_(*control_);
  } catch (...) {
    failure_ = describe_failure(std::current_exception());
  }
  end();
}

void PromiseWorker::report(const char* phase, std::int64_t done, std::int64_t total) {
  const std::lock_guard lock(progress_mutex_);
  const bool under_way = !progress_.empty();
  if (under_way && progress_.back().phase == phase) {
    progress_.back() = {phase, done, total};
  } else {
    progress_.push_back({phase, done, total});
  }
  if (!under_way) napi_call_threadsafe_function(events_, &progress_event, napi_tsfn_nonblocking);
}

void PromiseWorker::end() {
  napi_call_threadsafe_function(events_, &end_event, napi_tsfn_nonblocking);
  napi_release_threadsafe_function(events_, napi_tsfn_release);
}

void PromiseWorker::on_event(napi_env env, napi_value on_progress, void* worker, void* event) {
  if (env == nullptr) return;  // the environment is gone, and perhaps the worker with it
  auto* self = static_cast<PromiseWorker*>(worker);
  try {
    if (event == &end_event) self->finish_thread(env);
    if (on_progress != nullptr) self->deliver_progress(env, on_progress);
    if (event == &end_event) self->settle(env);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
  }
}

void PromiseWorker::deliver_progress(Napi::Env env, napi_value on_progress) {
  std::vector<Progress> events;
  {
    const std::lock_guard lock(progress_mutex_);
    events.swap(progress_);
  }
  for (const Progress& event : events) {
    Napi::Function(env, on_progress)
        .Call({Napi::String::New(env, event.phase), Napi::Number::New(env, static_cast<double>(event.done)),
               Napi::Number::New(env, static_cast<double>(event.total))});
  }
}

void PromiseWorker::finish_thread(Napi::Env env) {
  if (thread_.joinable()) thread_.join();
  napi_remove_env_cleanup_hook(env, on_environment_cleanup, this);
}

void PromiseWorker::settle(Napi::Env env) {
  for (const HeldArray& array : held_) {
    if (!array.attached()) {
      failure_ = Failure{"INPUT_DETACHED", "The memory of an array was transferred away or resized during the job"};
    }
  }
  held_.clear();
  if (failure_) {
    deferred_.Reject(to_error(env, *failure_).Value());
    return;
  }
  deferred_.Resolve(env.Undefined());
}

void PromiseWorker::on_environment_cleanup(void* worker) {
  auto* self = static_cast<PromiseWorker*>(worker);
  self->control_->cancelled = true;
  if (self->thread_.joinable()) self->thread_.join();
  self->held_.clear();
}

void PromiseWorker::on_finalize(napi_env, void* worker, void*) { delete static_cast<PromiseWorker*>(worker); }

}  // namespace sae_match
