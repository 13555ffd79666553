#include "core/io/importers/onnx_importer.h"
#include "core/io/importers/safetensors_importer.h"

namespace qs {

const std::vector<std::shared_ptr<const Importer>> &builtinImporters() {
    static const std::vector<std::shared_ptr<const Importer>> importers = {
        std::make_shared<SafetensorsImporter>(), std::make_shared<OnnxImporter>()};
    return importers;
}

} // namespace qs
