#include "tests/support/onnx_text_model.h"

#include <fstream>
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>

namespace qs {

onnx::ModelProto parseOnnxText(const std::string &text, const std::map<std::string, Tensor> &initializers) {
    onnx::ModelProto model;
    const auto status = onnx::OnnxParser::Parse(model, text.c_str());
    EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
    for (const auto &[name, tensor] : initializers) {
        onnx::TensorProto &proto = *model.mutable_graph()->add_initializer();
        proto.set_name(name);
        proto.set_data_type(static_cast<std::int32_t>(tensor.dtype()));
        for (const std::int64_t dim : tensor.shape())
            proto.add_dims(dim);
        proto.set_raw_data(tensor.bytes(), tensor.sizeBytes());
    }
    return model;
}

void writeOnnxText(const std::filesystem::path &file, const std::string &text,
                   const std::map<std::string, Tensor> &initializers) {
    std::ofstream stream(file, std::ios::binary);
    EXPECT_TRUE(parseOnnxText(text, initializers).SerializeToOstream(&stream)) << file;
}

} // namespace qs
