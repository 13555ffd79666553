#include "core/io/importers/gguf_importer.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/use_model.h"

// A whole GGUF file: the network that its metadata describes, and blocks that are decoded.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto file = qs::fuzz::writeMemoryFile("model.gguf", qs::fuzz::textOf(data, size));
    qs::FindingList findings;
    if (const auto model = qs::GgufImporter().load(file, findings, {}))
        qs::fuzz::useModel(*model);
    return 0;
}
