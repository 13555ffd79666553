#pragma once

#include "core/graph/model_graph.h"

namespace qs::fuzz {

/// An operator as real models use it, from which hostile ones are made.
struct OperatorExample {
    std::string type, domain;
    std::int64_t opset = 0; ///< of its domain
    int outputs = 1;
    std::map<std::string, Attribute> attributes;
    std::vector<Tensor> operands; ///< empty where one is omitted
};

/// Every operator of the reference backend, some in several forms.
const std::vector<OperatorExample> &operatorExamples();

} // namespace qs::fuzz
