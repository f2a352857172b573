# What this build is, compiled into the addon and reported by backendInfo().build.

find_package(Git QUIET)
set(build_info_commit "")
if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(build_info_commit ${commit})
    # Configure again after every commit.
    execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      OUTPUT_VARIABLE head_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    get_filename_component(head_log "${head_log}" ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
    if(EXISTS ${head_log})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${head_log})
    endif()
  endif()
endif()

# Sets `source_variable` to the generated file and `build_info_summary` to the line that configuring prints.
function(sae_match_configure_build_info source_variable)
  set(compiler "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  string(REPLACE ";" " " simd "${simd_names}")
  set(summary "${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}, ${compiler}, ${CMAKE_BUILD_TYPE}, ${simd}")
  if(SAE_MATCH_SANITIZE)
    string(APPEND summary ", sanitizers ${SAE_MATCH_SANITIZE}")
  endif()
  set(source ${CMAKE_BINARY_DIR}/build_info.cpp)
  configure_file(native/cmake/build_info.cpp.in ${source} @ONLY)
  set(${source_variable} ${source} PARENT_SCOPE)
  set(build_info_summary ${summary} PARENT_SCOPE)
endfunction()
