#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>

namespace qs::fuzz {

/// A folder of this process in memory, for what reads files; it goes when the process ends as it should.
inline const std::filesystem::path &memoryFolder() {
    static const std::filesystem::path folder = [] {
        const std::filesystem::path memory = "/dev/shm";
        std::error_code error;
        const bool usable = std::filesystem::is_directory(memory, error);
        const std::filesystem::path made = (usable ? memory : std::filesystem::temp_directory_path()) /
                                           ("qs_fuzz." + std::to_string(getpid()));
        std::filesystem::create_directories(made);
        std::atexit([] {
            std::error_code ignored;
            std::filesystem::remove_all(memoryFolder(), ignored);
        });
        return made;
    }();
    return folder;
}

/// Writes a file into that folder, over the one of the input before. Without room the target cannot go on.
inline std::filesystem::path writeMemoryFile(const std::string &name, std::string_view bytes) {
    const std::filesystem::path file = memoryFolder() / name;
    std::FILE *stream = std::fopen(file.c_str(), "wb");
    if (!stream || std::fwrite(bytes.data(), 1, bytes.size(), stream) != bytes.size() ||
        std::fclose(stream) != 0)
        std::_Exit(2);
    return file;
}

inline std::string_view textOf(const std::uint8_t *data, std::size_t size) {
    return {reinterpret_cast<const char *>(data), size};
}

} // namespace qs::fuzz
