#pragma once

#include "core/io/hdf5_file.h"
#include "core/io/hdf5_writer.h"
#include "core/transform/prepare_model.h"

namespace qs {

// What transforms made of a model, in a project file: the constants and operators that they changed, so that
// nothing is computed again and neither plugin nor calibration set is needed to have the model back exactly.

/// SHA-256 of all that was changed: the name under which projects keep it, once for all runs that share it.
/// \param model  that was prepared
std::string preparedHash(const PreparedModel &prepared, const Model &model);

/// Where a project keeps it.
std::string preparedGroup(const std::string &sha256);

/// \param group  of the file; new
Status writePrepared(Hdf5Writer &writer, const std::string &group, const PreparedModel &prepared,
                     const Model &model, const RunContext &ctx);

/// The prepared models that the runs of a project refer to, each read once, with an executor if all operators
/// are known, and with what calibration learned about them.
class PreparedModels {
public:
    explicit PreparedModels(std::shared_ptr<const Model> model) : m_model(std::move(model)) {}

    /// \param sha256  that preparedHash() must give
    /// \error CorruptFile  the content has another hash, or does not fit the model;  Cancelled
    Result<std::shared_ptr<const PreparedModel>> read(const Hdf5File &file, const std::string &sha256,
                                                      const RunContext &ctx);
    /// Of one that was read; null when none was kept.
    std::shared_ptr<const Capture> captureOf(const PreparedModel *prepared) const;

private:
    struct Known {
        std::shared_ptr<const PreparedModel> prepared;
        std::shared_ptr<const Capture> capture;
    };
    std::shared_ptr<const Model> m_model;
    std::map<std::string, Known> m_known; ///< by hash
};

} // namespace qs
