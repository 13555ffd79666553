#pragma once

#include "core/tensor/tensor.h"

#include <filesystem>
#include <map>
#include <string>

namespace onnx {
class ModelProto;
}

namespace qs {

/// A model from ONNX's text form, for example
///   <ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x) => (float[N,3] y) { y = MatMul(x, w) }
/// with the given initializers added. Fails the test when the text is wrong.
onnx::ModelProto parseOnnxText(const std::string &text,
                               const std::map<std::string, Tensor> &initializers = {});

void writeOnnxText(const std::filesystem::path &file, const std::string &text,
                   const std::map<std::string, Tensor> &initializers = {});

} // namespace qs
