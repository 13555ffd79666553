#include "core/base/json_text.h"
#include "core/io/importers/onnx_external_data.h"
#include "core/io/importers/safetensors_files.h"
#include "tests/fuzz/memory_file.h"

#include <cstdlib>
#include <cstring>

// What may name another file: the location of external data, and the index of a sharded checkpoint. Beside a
// folder with a few files, links and folders lies a secret that no name may reach.

namespace {

namespace fs = std::filesystem;
using qs::fuzz::memoryFolder;
using qs::fuzz::writeMemoryFile;

constexpr const char *kSecret = "secret", *kSecretText = "nobody's";

fs::path modelFolder() {
    static const fs::path folder = [] {
        const fs::path made = memoryFolder() / "model";
        fs::create_directories(made / "sub");
        writeMemoryFile(kSecret, kSecretText);
        for (const char *name : {"model/a", "model/sub/a"})
            writeMemoryFile(name, std::string(64, '\0'));
        fs::create_symlink("../secret", made / "s");
        fs::create_directory_symlink("..", made / "up");
        return made;
    }();
    return folder;
}

void tryLocation(std::string_view text) {
    qs::ExternalLocation where;
    const std::size_t first = text.find('\n'),
                      second = first == text.npos ? first : text.find('\n', first + 1);
    where.location = std::string(text.substr(0, first));
    if (first != text.npos)
        where.offset = std::string(text.substr(first + 1, second - first - 1));
    if (second != text.npos)
        where.length = std::string(text.substr(second + 1));
    qs::FindingList findings;
    qs::ExternalData external(modelFolder(), findings);
    const auto tensor = external.read(qs::DType::UInt8, qs::Shape{8}, where);
    if (tensor && std::memcmp(tensor->bytes(), kSecretText, 8) == 0)
        std::abort();
}

void tryIndex(std::string_view text) {
    const fs::path index = writeMemoryFile("model/model.safetensors.index.json", text);
    const auto files = qs::findSafetensors(index);
    if (!files)
        return;
    std::error_code error;
    for (const fs::path &shard : files->shards)
        if (fs::canonical(shard, error).parent_path() != fs::canonical(modelFolder(), error))
            std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = qs::fuzz::textOf(data, size);
    (void)modelFolder();
    if (text.starts_with('{'))
        tryIndex(text);
    else
        tryLocation(text);
    return 0;
}
