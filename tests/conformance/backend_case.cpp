#include "tests/conformance/backend_case.h"

#include "core/io/importer.h"
#include "core/io/importers/onnx_tensor.h"
#include "core/tensor/convert.h"

#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

// What ONNX's own runner (onnx.backend.test.runner) allows.
constexpr double kRelativeTolerance = 1e-3, kAbsoluteTolerance = 1e-7;
// ONNX 1.12 truncated to bfloat16 where the standard rounds: neighbours are 2^-7 apart at most.
constexpr double kBFloat16Tolerance = 0x1p-7;

Result<Tensor> readTensorFile(const fs::path &file) {
    std::ifstream stream(file, std::ios::binary);
    onnx::TensorProto message;
    if (!message.ParseFromIstream(&stream))
        return fail(ErrorCode::CorruptFile, "no tensor", file.filename().string());
    FindingList findings;
    ExternalData external(file.parent_path(), findings);
    return readOnnxTensor(message, external);
}

/// input_0.pb, input_1.pb, … of a data set, as the values that the model declares.
Result<std::vector<Tensor>> readTensors(const fs::path &folder, const char *kind, const ModelGraph &graph,
                                        const std::vector<ValueId> &values) {
    std::vector<Tensor> tensors;
    for (std::size_t i = 0; i < values.size(); ++i) {
        QS_TRY(Tensor tensor, readTensorFile(folder / fmt::format("{}_{}.pb", kind, i)));
        // numpy has no bfloat16, so ONNX 1.12 stored its bits as uint16.
        if (graph.value(values[i]).dtype == DType::BFloat16 && tensor.dtype() == DType::UInt16)
            tensor = Tensor::wrap(DType::BFloat16, tensor.shape(), tensor.storage());
        // Only the type of CastLike's second operand counts; its data are shorter than its model declares.
        if (kind == std::string_view("input") && graph.value(values[i]).name == "like")
            tensor = Tensor::zeros(tensor.dtype(), graph.value(values[i]).shape);
        tensors.push_back(std::move(tensor));
    }
    return tensors;
}

bool agree(double found, double expected, double relative) {
    if (std::isnan(expected) || std::isnan(found))
        return std::isnan(expected) && std::isnan(found);
    if (std::isinf(expected) || std::isinf(found))
        return expected == found;
    return std::fabs(found - expected) <= kAbsoluteTolerance + relative * std::fabs(expected);
}

std::string compareTensors(const Tensor &found, const Tensor &expected) {
    if (found.dtype() != expected.dtype() || found.shape() != expected.shape())
        return fmt::format("is {} {}, expected {} {}", dtypeName(found.dtype()), found.shape().text(),
                           dtypeName(expected.dtype()), expected.shape().text());
    if (!isFloatingPoint(found.dtype())) {
        const auto f = toInt64Vector(found), e = toInt64Vector(expected);
        return f && e && *f == *e ? "" : "integers differ";
    }
    const auto f = castTensor(found, DType::Float64), e = castTensor(expected, DType::Float64);
    if (!f || !e)
        return "cannot be compared";
    const double relative = found.dtype() == DType::BFloat16 ? kBFloat16Tolerance : kRelativeTolerance;
    for (std::size_t i = 0; i < static_cast<std::size_t>(f->numel()); ++i)
        if (!agree(f->values<double>()[i], e->values<double>()[i], relative))
            return fmt::format("element {} is {}, expected {}", i, f->values<double>()[i],
                               e->values<double>()[i]);
    return "";
}

std::string runDataSet(const BackendCase &test, const fs::path &folder) {
    const ModelGraph &graph = test.model->graph;
    const auto inputs = readTensors(folder, "input", graph, graph.inputs());
    const auto expected = readTensors(folder, "output", graph, graph.outputs());
    if (!inputs || !expected)
        return (inputs ? expected : inputs).error().text();
    const auto outputs = test.executor->run(*inputs, {}, {});
    if (!outputs)
        return outputs.error().text();
    if (outputs->size() != expected->size())
        return fmt::format("{} outputs, expected {}", outputs->size(), expected->size());
    for (std::size_t i = 0; i < outputs->size(); ++i)
        if (const std::string difference = compareTensors((*outputs)[i], (*expected)[i]); !difference.empty())
            return fmt::format("output {} {}", i, difference);
    return "";
}

} // namespace

std::vector<fs::path> backendCaseFolders(const fs::path &root) {
    std::vector<fs::path> folders;
    std::error_code ignored;
    for (const auto &entry : fs::directory_iterator(root, ignored))
        if (fs::exists(entry.path() / "model.onnx"))
            folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    return folders;
}

BackendCase openBackendCase(const fs::path &folder, const ExecutorOptions &options) {
    BackendCase test;
    test.folder = folder;
    FindingList findings;
    auto model = openModel(folder / "model.onnx", findings, {});
    if (!model) {
        test.refusal = model.error().text();
        return test;
    }
    test.model = *model;
    for (const MissingOperator &missing : Executor::missingOperators(test.model->graph))
        test.refusal +=
            fmt::format("{}{}: {}", test.refusal.empty() ? "" : "; ", missing.opType, missing.reason);
    if (!test.refusal.empty())
        return test;
    for (const auto *values : {&test.model->graph.inputs(), &test.model->graph.outputs()})
        for (const ValueId id : *values)
            if (test.model->graph.value(id).dtype == DType::Undefined)
                test.refusal = "inputs or outputs that are no tensors";
    if (!test.refusal.empty())
        return test;
    auto executor = Executor::create(test.model, options);
    if (executor)
        test.executor = *executor;
    else
        test.refusal = executor.error().text();
    return test;
}

std::string runBackendCase(const BackendCase &test) {
    for (int set = 0;; ++set) {
        const fs::path folder = test.folder / fmt::format("test_data_set_{}", set);
        if (!fs::exists(folder))
            return set == 0 ? "no data set" : "";
        if (const std::string difference = runDataSet(test, folder); !difference.empty())
            return difference;
    }
}

} // namespace qs
