#include "core/io/importers/onnx_importer.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/use_model.h"

// A whole ONNX file: graph, subgraphs, functions, tensors, and the quantized forms that become layers.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto file = qs::fuzz::writeMemoryFile("model.onnx", qs::fuzz::textOf(data, size));
    qs::FindingList findings;
    if (const auto model = qs::OnnxImporter().load(file, findings, {}))
        qs::fuzz::useModel(*model);
    return 0;
}
