# One translation unit per instruction set: the suffix of a source file says which flags it gets. Only those files are
# compiled with them, so the library runs on any processor of its architecture; the choice is made at run time.

include(CheckCXXCompilerFlag)

set(sae_match_avx2_flags -mavx2 -mfma -mf16c)
set(sae_match_avx512_flags -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
set(sae_match_amx_flags ${sae_match_avx512_flags} -mavx512bf16 -mamx-tile -mamx-bf16)

# Removes from the list `sources_variable` the files this build cannot use, gives the others their flags, and sets
# `definitions_variable` (SAE_MATCH_HAVE_...) and `names_variable` (best first, portable last).
function(sae_match_select_simd sources_variable definitions_variable names_variable)
  set(available portable)
  set(definitions)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    foreach(name avx2 avx512 amx)
      string(REPLACE ";" " " flags "${sae_match_${name}_flags}")
      check_cxx_compiler_flag("${flags}" SAE_MATCH_COMPILER_TAKES_${name})
      if(SAE_MATCH_COMPILER_TAKES_${name})
        string(TOUPPER ${name} upper)
        list(PREPEND available ${name})
        list(APPEND definitions SAE_MATCH_HAVE_${upper})
      endif()
    endforeach()
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    list(PREPEND available neon)
    list(APPEND definitions SAE_MATCH_HAVE_NEON)
  endif()

  set(sources ${${sources_variable}})
  foreach(name avx2 avx512 amx neon)
    set(files ${sources})
    list(FILTER files INCLUDE REGEX "_${name}\\.cpp$")
    if(NOT name IN_LIST available)
      list(FILTER sources EXCLUDE REGEX "_${name}\\.cpp$")
    elseif(files AND sae_match_${name}_flags)
      set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "${sae_match_${name}_flags}")
    endif()
  endforeach()

  set(${sources_variable} ${sources} PARENT_SCOPE)
  set(${definitions_variable} ${definitions} PARENT_SCOPE)
  set(${names_variable} ${available} PARENT_SCOPE)
endfunction()
