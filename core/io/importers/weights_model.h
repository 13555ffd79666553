#pragma once

#include "core/base/run_context.h"
#include "core/graph/model.h"
#include "core/io/mapped_tensor.h"

#include <functional>

namespace qs {

/// A model of weights without a graph, which is told as a finding. \see WeightsOnlyBuilder for what becomes a
/// layer \param file     where it came from, named in provenance \param tensors  in any order; layers come in
/// natural order of their names
Result<Model> weightsModel(const std::filesystem::path &file, const std::string &format,
                           std::vector<NamedTensor> tensors, FindingList &findings, const RunContext &ctx);

/// Loads and turns exceptions of libraries into errors: OutOfMemory for bad_alloc, else CorruptFile.
Result<Model> guardedLoad(const std::function<Result<Model>()> &load);

} // namespace qs
