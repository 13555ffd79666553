#pragma once

#include "core/exec/executor.h"

#include <filesystem>

namespace qs {

/// One folder of ONNX's backend tests: model.onnx and test_data_set_*/{input,output}_*.pb.
struct BackendCase {
    std::filesystem::path folder;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;
    /// Why the case is outside of what we claim: "Loop: not implemented"; empty when it is claimed.
    std::string refusal;
};

/// All case folders below a folder of the test data, sorted.
std::vector<std::filesystem::path> backendCaseFolders(const std::filesystem::path &root);

/// Opens a case; `refusal` tells whether it is claimed.
BackendCase openBackendCase(const std::filesystem::path &folder, const ExecutorOptions &options);

/// Runs every data set of a claimed case. \return what differs from the expected outputs; empty when nothing
/// does.
std::string runBackendCase(const BackendCase &test);

} // namespace qs
