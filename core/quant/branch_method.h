#pragma once

#include "core/quant/quantizer.h"

#include <functional>

namespace qs {

/// One weight to split.
struct BranchRequest {
    std::string layerName;
    MatrixView<const float> weights; ///< [rows, cols]; data may be null in supports()
    WeightGridScheme scheme;         ///< of the quantizer below
    nlohmann::json parameters;       ///< completed by the method's schema
    LayerServices *services = nullptr;
    /// The recipe's quantizer on other weights [rows, cols]. \thread one call at a time
    std::function<Result<QuantizedMatrix>(MatrixView<const float>)> quantize;
    std::uint64_t seed = 0;
    FindingList *findings = nullptr;
};

/// A method that splits a weight into codes and a low-rank branch. Stateless; one instance serves all
/// threads.
class BranchMethod {
public:
    virtual ~BranchMethod() = default;
    virtual const MethodInfo &info() const = 0;
    virtual const ParameterSchema &schema() const = 0;
    virtual Support supports(const BranchRequest &request) const = 0;
    /// \return what request.quantize made of some weights, with the branch that adds up to request.weights
    /// \error InvalidArgument, NotFound, Cancelled, PluginFailure
    /// \thread safe
    virtual Result<QuantizedMatrix> decompose(const BranchRequest &request, const RunContext &ctx) const = 0;
};

} // namespace qs
