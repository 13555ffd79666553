#pragma once

#include "core/io/importer.h"

namespace qs {

/// Reads the data sets of an HDF5 file as weights; kernels of Keras files are turned to [outputs, inputs].
/// Sets of calibration tensors are refused and say where they open. \source file_formats 5
class Hdf5WeightsImporter final : public Importer {
public:
    std::string formatName() const override { return "HDF5 weights"; }
    std::vector<std::string> fileSuffixes() const override { return {".h5", ".hdf5"}; }
    int probe(std::span<const std::byte> head) const override;
    Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                       const RunContext &ctx) const override;
};

} // namespace qs
