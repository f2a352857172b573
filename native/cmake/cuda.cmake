# The CUDA library: a shared library of its own, which the addon loads at run time. Nothing else knows of CUDA, so
# everything else is the same with and without nvcc.

set(SAE_MATCH_CUDA AUTO CACHE STRING "Build the CUDA library: ON, OFF, or AUTO where there is nvcc")
set_property(CACHE SAE_MATCH_CUDA PROPERTY STRINGS AUTO ON OFF)

set(sae_match_cuda_found OFF)
set(sae_match_cuda_wanted ${SAE_MATCH_CUDA})
if("${SAE_MATCH_CUDA}" STREQUAL "AUTO" AND (CMAKE_CROSSCOMPILING OR SAE_MATCH_SANITIZE))
  set(sae_match_cuda_wanted OFF)
endif()
if(sae_match_cuda_wanted)
  include(CheckLanguage)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(nvcc_beside_cuda nvcc HINTS /usr/local/cuda/bin)
    if(nvcc_beside_cuda)
      set(CMAKE_CUDA_COMPILER ${nvcc_beside_cuda})
    endif()
  endif()
  # Ampere, Ada, Hopper, Blackwell; what comes after them compiles the PTX when it loads it.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90-real 100-real 120-real 80-virtual)
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(sae_match_cuda_found ON)
  elseif(NOT SAE_MATCH_CUDA STREQUAL AUTO)
    message(FATAL_ERROR "SAE_MATCH_CUDA is ${SAE_MATCH_CUDA}, but there is no nvcc. Set CUDACXX to its path.")
  endif()
endif()

if(sae_match_cuda_found)
  file(GLOB cuda_sources CONFIGURE_DEPENDS native/cuda/*.cu)
  string(REPLACE ";" " " architectures "${CMAKE_CUDA_ARCHITECTURES}")
  set(sae_match_cuda_summary "CUDA ${CMAKE_CUDA_COMPILER_VERSION} for ${architectures}")
  add_library(sae_match_cuda SHARED EXCLUDE_FROM_ALL ${cuda_sources})
  set_target_properties(sae_match_cuda PROPERTIES
    CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF
    CUDA_RUNTIME_LIBRARY Static CUDA_VISIBILITY_PRESET hidden
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/native/cuda/exports.map)
  target_include_directories(sae_match_cuda PRIVATE native)
  target_compile_definitions(sae_match_cuda PRIVATE
    SAE_MATCH_PACKAGE_VERSION="${PROJECT_VERSION}" "SAE_MATCH_CUDA_BUILD=\"${sae_match_cuda_summary}\"")
  # No contraction on either side of the compiler: what is to be fused says so.
  target_compile_options(sae_match_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false --Werror=all-warnings -Xcompiler=-ffp-contract=off,-Wall,-Wextra,-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=>)
  target_link_options(sae_match_cuda PRIVATE
    -Wl,-z,nodelete -Wl,-z,defs -Wl,--gc-sections -Wl,--exclude-libs,ALL
    -Wl,--version-script=${CMAKE_SOURCE_DIR}/native/cuda/exports.map -static-libstdc++)
else()
  set(sae_match_cuda_summary "no CUDA library")
endif()
