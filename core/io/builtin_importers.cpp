#include "core/io/importers/difference_importer.h"
#include "core/io/importers/gguf_importer.h"
#include "core/io/importers/hdf5_weights_importer.h"
#include "core/io/importers/npy_importer.h"
#include "core/io/importers/onnx_importer.h"
#include "core/io/importers/safetensors_importer.h"

namespace qs {

const std::vector<std::shared_ptr<const Importer>> &builtinImporters() {
    static const std::vector<std::shared_ptr<const Importer>> importers = {
        std::make_shared<DifferenceImporter>(),  std::make_shared<GgufImporter>(),
        std::make_shared<SafetensorsImporter>(), std::make_shared<OnnxImporter>(),
        std::make_shared<NpyImporter>(),         std::make_shared<Hdf5WeightsImporter>()};
    return importers;
}

} // namespace qs
