#include "core/io/importer.h"

#include <cstdio>
#include <unistd.h>

// A whole ONNX file; the importer reads files, so the bytes go through one in memory.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const std::string file = "/dev/shm/qs_fuzz_onnx." + std::to_string(getpid());
    std::FILE *stream = std::fopen(file.c_str(), "wb");
    if (!stream)
        return 0;
    std::fwrite(data, 1, size, stream);
    std::fclose(stream);
    qs::FindingList findings;
    for (const auto &importer : qs::builtinImporters())
        if (importer->formatName() == "ONNX")
            (void)importer->load(file, findings, {});
    std::remove(file.c_str());
    return 0;
}
