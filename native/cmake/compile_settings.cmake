# sae_match_compile_settings: what every translation unit is compiled with.
# sae_match_module_linking: how a library that Node loads is linked.

add_library(sae_match_compile_settings INTERFACE)
# Results must not depend on whether a compiler fuses a multiply-add: no contraction, no -ffast-math, no -march=native.
target_compile_options(sae_match_compile_settings INTERFACE
  -ffp-contract=off -Wall -Wextra -Wpedantic
  $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi>  # wide vector types never cross the boundary of a translation unit
  $<$<BOOL:${SAE_MATCH_DEVELOPER_MODE}>:-Werror>)

if(SAE_MATCH_SANITIZE)
  target_compile_options(sae_match_compile_settings INTERFACE
    -fsanitize=${SAE_MATCH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g)
  target_link_options(sae_match_compile_settings INTERFACE -fsanitize=${SAE_MATCH_SANITIZE})
else()
  target_compile_options(sae_match_compile_settings INTERFACE $<$<NOT:$<CONFIG:Debug>>:-O3>)
endif()

add_library(sae_match_module_linking INTERFACE)
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  # nodelete: Node unloads an addon with the last worker thread that used it, but our pool's threads stay.
  target_link_options(sae_match_module_linking INTERFACE
    -Wl,-z,nodelete -Wl,--version-script=${CMAKE_SOURCE_DIR}/native/addon/exports.map)
  if(NOT SAE_MATCH_SANITIZE)
    # The C++ runtime inside, the parts that nothing uses left out: they would ask for the newest glibc. libgcc_s stays
    # shared for the same reason (its static unwinder asks for 2.35); it is wherever Node is.
    target_link_options(sae_match_module_linking INTERFACE
      $<$<NOT:$<CONFIG:Debug>>:-static-libstdc++> $<$<NOT:$<CONFIG:Debug>>:-Wl,--gc-sections>)
  endif()
elseif(APPLE)
  target_link_options(sae_match_module_linking INTERFACE -undefined dynamic_lookup)
endif()
