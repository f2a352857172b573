# Only a doorway for programs that speak gyp (prebuildify, node-gyp rebuild): the build is described in CMakeLists.txt.
{
  "targets": [
    {
      "target_name": "native_via_cmake",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": [],
          "outputs": ["<(PRODUCT_DIR)/native_via_cmake.never"],
          "action": ["node", "scripts/build-native.mjs", "<(CONFIGURATION_NAME)"]
        }
      ]
    }
  ]
}
