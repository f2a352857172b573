// The only includer of napi.h: a file that does not include this one cannot call Node.
#pragma once

#define NAPI_VERSION 8
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#define NODE_ADDON_API_DISABLE_DEPRECATED
#define NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS
// Electron forbids array buffers over foreign memory.
#define NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED
// A worker thread that is being terminated cannot take exceptions; without this it would abort the process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#ifndef NDEBUG
#define NODE_ADDON_API_ENABLE_TYPE_CHECK_ON_AS
#endif

#include <napi.h>
