#include "core/io/importers/npy_importer.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/use_model.h"

// A ZIP archive of arrays.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto file = qs::fuzz::writeMemoryFile("arrays.npz", qs::fuzz::textOf(data, size));
    qs::FindingList findings;
    if (const auto model = qs::NpyImporter().load(file, findings, {}))
        qs::fuzz::useModel(*model);
    return 0;
}
