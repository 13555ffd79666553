# qs_add_plugin(NAME SOURCES...): a bundled plugin. It sees the SDK headers and qs_math, nothing else of core.
function(qs_add_plugin name)
    add_library(${name} MODULE ${ARGN})
    target_link_libraries(${name} PRIVATE qs_plugin_sdk qs_math qs_warnings)
    set_target_properties(${name} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/quantoscope/plugins)
    # qs_math is static: without this its symbols would leak out of the module beside qs_plugin.
    target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,--as-needed)
    install(TARGETS ${name} LIBRARY DESTINATION lib/quantoscope/plugins)
endfunction()
