# usage: cmake -D NM=nm -D OBJECTS=a.o;b.o -P simd_isolation.cmake
# Fails if one of the object files defines a weak symbol.
if(NOT OBJECTS)
  message(FATAL_ERROR "No object files were given")
endif()
foreach(object ${OBJECTS})
  execute_process(COMMAND ${NM} --demangle --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
  if(weak)
    list(JOIN weak "\n  " weak)
    message(SEND_ERROR "${object} defines weak symbols:\n  ${weak}")
  endif()
endforeach()
