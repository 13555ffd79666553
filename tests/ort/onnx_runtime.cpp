#include "tests/ort/onnx_runtime.h"

#include "tests/support/temp_dir.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

/// Exit code, and what the command printed.
std::pair<int, std::string> runCommand(const std::string &command) {
    FILE *pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (!pipe)
        return {127, "no process can be started"};
    std::string text;
    std::array<char, 4096> buffer{};
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
        text.append(buffer.data(), size);
    const int status = ::pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, text};
}

std::string writeTensor(const fs::path &file, const Tensor &tensor) {
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char *>(tensor.bytes()),
               static_cast<std::streamsize>(tensor.sizeBytes()));
    return file.string();
}

nlohmann::json describeJob(const OrtJob &job, const fs::path &folder, const std::string &name) {
    nlohmann::json inputs = nlohmann::json::array();
    for (const auto &[input, tensor] : job.inputs) {
        const std::string file = name + ".in" + std::to_string(inputs.size());
        inputs.push_back({{"name", input},
                          {"type", dtypeName(tensor.dtype())},
                          {"dims", tensor.shape().dims()},
                          {"file", writeTensor(folder / file, tensor)}});
    }
    return {{"model", job.model.string()},
            {"level", job.level},
            {"batch", job.batch},
            {"inputs", std::move(inputs)},
            {"output", (folder / name).string()}};
}

std::vector<Tensor> readOutputs(const fs::path &output) {
    std::vector<Tensor> tensors;
    for (const auto &dims : nlohmann::json::parse(readFile(output.string() + ".json"))) {
        Tensor tensor = Tensor::allocate(DType::Float32, Shape(dims.get<std::vector<std::int64_t>>()));
        const std::string bytes = readFile(output.string() + "." + std::to_string(tensors.size()));
        std::memcpy(tensor.mutableBytes(), bytes.data(), std::min(bytes.size(), tensor.sizeBytes()));
        tensors.push_back(std::move(tensor));
    }
    return tensors;
}

tl::unexpected<Error> missing(const std::string &what) {
    return fail(
        ErrorCode::NotFound,
        what + ". Run `packaging/install-onnxruntime build/node`, or set NODE_PATH to a folder that holds "
               "onnxruntime-node, or configure with -DQS_ORT_TESTS=OFF.");
}

} // namespace

Result<std::vector<std::vector<Tensor>>> runInOnnxRuntime(const std::vector<OrtJob> &jobs) {
    const TempDir folder;
    nlohmann::json list = nlohmann::json::array();
    for (const OrtJob &job : jobs)
        list.push_back(describeJob(job, folder.path(), "job" + std::to_string(list.size())));
    const fs::path jobFile = folder.write("jobs.json", list.dump());
    const char *given = std::getenv("NODE_PATH");
    const std::string modules = given && *given ? given : QS_NODE_MODULES;
    const auto [code, text] =
        runCommand("NODE_PATH='" + modules + "' node '" QS_RUN_MODELS "' '" + jobFile.string() + "'");
    if (code == 127)
        return missing("node is not installed");
    if (code == 3)
        return missing(text.substr(0, text.find_last_not_of("\n") + 1));
    if (code != 0)
        return fail(ErrorCode::Unsupported, text, "ONNX Runtime");
    std::vector<std::vector<Tensor>> outputs;
    for (std::size_t i = 0; i < jobs.size(); ++i)
        outputs.push_back(readOutputs(folder.path() / ("job" + std::to_string(i))));
    return outputs;
}

} // namespace qs
