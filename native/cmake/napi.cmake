# sae_match_napi: include directories and definitions for the addon. cmake-js passes CMAKE_JS_INC; without it Node is
# asked where its packages node-api-headers and node-addon-api are. Nothing is downloaded.

if(NOT CMAKE_JS_INC)
  find_program(NODE_EXECUTABLE NAMES node nodejs REQUIRED)
  set(find_headers [[
    const { createRequire } = require('node:module')
    const { include_dir } = createRequire(require.resolve('cmake-js'))('node-api-headers')
    process.stdout.write(`${include_dir};${require('node-addon-api').include_dir}`)
  ]])
  execute_process(COMMAND ${NODE_EXECUTABLE} -e "${find_headers}" WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE CMAKE_JS_INC ERROR_VARIABLE message RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "The addon needs the npm packages cmake-js and node-addon-api; run `npm ci`, or build the core "
      "alone with -DSAE_MATCH_BUILD_ADDON=OFF.\n${message}")
  endif()
endif()

add_library(sae_match_napi INTERFACE)
target_include_directories(sae_match_napi SYSTEM INTERFACE ${CMAKE_JS_INC})
