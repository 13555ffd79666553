# One interface target carries the warnings; third-party headers come in as SYSTEM and stay quiet.
add_library(qs_warnings INTERFACE)
target_compile_options(qs_warnings INTERFACE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(QS_WERROR)
    target_compile_options(qs_warnings INTERFACE -Werror)
endif()
