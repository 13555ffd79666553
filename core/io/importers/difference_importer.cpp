#include "core/io/importers/difference_importer.h"

#include "core/base/content_hash.h"
#include "core/io/importers/weights_model.h"
#include "core/io/model_difference.h"

namespace qs {

int DifferenceImporter::probe(std::span<const std::byte> head) const {
    return looksLikeDifference({reinterpret_cast<const char *>(head.data()), head.size()}) ? 95 : 0;
}

Result<Model> DifferenceImporter::load(const std::filesystem::path &file, FindingList &findings,
                                       const RunContext &ctx) const {
    return guardedLoad([&]() -> Result<Model> {
        QS_TRY(const CheckpointPair pair, readDifferenceFile(file, findings, ctx));
        QS_TRY(Model model, differenceModel(file, pair, findings, ctx));
        QS_TRY(model.sha256, sourceHash(file, ctx)); // which is how projects find it again
        return model;
    });
}

} // namespace qs
