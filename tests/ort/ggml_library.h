#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qs::test {

/// The shared libraries of a llama.cpp, from the folder that the environment variable QS_LLAMA_CPP names.
/// They are a peer to compare with and nothing that is built or shipped needs them: without the variable the
/// tests say that they were left out. All functions end the test program when a library lacks what they need.
bool hasLlamaCpp();
inline constexpr const char *kNoLlamaCpp =
    "left out: QS_LLAMA_CPP does not name a folder with libggml-base.so and libllama";

/// The blocks that ggml makes of float32 [rows, cols]. \param type  its number in GGUF files
std::vector<std::byte> ggmlBlocks(int type, const float *values, std::int64_t rows, std::int64_t cols,
                                  std::size_t bytes);

/// What llama.cpp computes for the tokens of one sequence: [tokens, vocabulary]; keys and values are kept as
/// float32. Empty when it does not load the file; `log` then tells why.
std::vector<float> llamaLogits(const std::string &file, const std::vector<std::int32_t> &tokens,
                               std::size_t vocabulary, std::string &log);

} // namespace qs::test
