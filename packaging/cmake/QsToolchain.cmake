# Compiler-wide settings: language level, output folders, ccache and a fast linker when they are present.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
# One flag for all instead of the PIC property, so that libraries and tests can share precompiled headers.
add_compile_options(-fPIC)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# Eigen loops without optimisation take minutes; the sanitizer build keeps line numbers and still optimises.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

# One instruction set for every machine, so that a build runs elsewhere and gives the same numbers there: AVX2 and FMA.
# What gains from more chooses it while it runs (oneDNN, Highway). Contraction is off so that a sum has the same bits
# with and without FMA; Eigen and oneDNN still use FMA inside their kernels.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(QS_ARCHITECTURE x86-64-v3 CACHE STRING "Instruction set to compile for, as in -march; x86-64 for old processors")
endif()
add_compile_options(-ffp-contract=off)
if(QS_ARCHITECTURE)
    add_compile_options(-march=${QS_ARCHITECTURE})
endif()

find_program(QS_CCACHE ccache)
if(QS_CCACHE)
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
                 ${QS_CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
    add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()
find_program(QS_MOLD mold)
if(QS_MOLD)
    add_link_options(-fuse-ld=mold)
endif()
