# Read by CMake right after llama-cpp-python's project() line: builds what voiced uses of llama.cpp.

# llama.cpp's "common" library serves its own programs. The Python package forces it on in CMake's
# cache; a normal variable of the same name wins over the cache.
set(LLAMA_BUILD_COMMON OFF)

# Its warnings are for its own developers, and bury an error.
set(LLAMA_ALL_WARNINGS OFF)

# The arithmetic is all in ggml-cpu and in ggml-base's C files, which keep -O3. The rest loads models
# and builds graphs: -O1 there saves a quarter of the compile and no measurable time per token.
cmake_language(DEFER CALL target_compile_options llama PRIVATE -O1)
cmake_language(DEFER CALL target_compile_options ggml PRIVATE -O1)
cmake_language(DEFER CALL target_compile_options ggml-base PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-O1>)

# AMX (recent Xeons alone) is left out: on virtual machines that announce it and do not carry it through,
# its first instruction ends the process (a general protection fault in ldtilecfg, seen).
include(CheckCCompilerFlag)
check_c_compiler_flag("-mno-amx-tile -mno-amx-int8 -mno-amx-bf16" VOICED_KNOWS_AMX)
if(VOICED_KNOWS_AMX)
  cmake_language(DEFER CALL target_compile_options ggml-cpu PRIVATE
    -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
endif()
