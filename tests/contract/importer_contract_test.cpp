#include "core/io/importer.h"

#include <fstream>

// Loops over every registered importer; a new one is covered the moment it is listed.

namespace qs {
namespace {

using testing::HasSubstr;

std::vector<std::filesystem::path> sampleModels() {
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(QS_SAMPLE_DATA))
        if (entry.path().extension() == ".onnx")
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<std::byte> headOf(const std::filesystem::path &file) {
    std::vector<std::byte> head(4096);
    std::ifstream stream(file, std::ios::binary);
    stream.read(reinterpret_cast<char *>(head.data()), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    return head;
}

TEST(ImporterContract, SaysWhatItReads) {
    for (const auto &importer : builtinImporters()) {
        EXPECT_FALSE(importer->formatName().empty());
        ASSERT_FALSE(importer->fileSuffixes().empty());
        for (const std::string &suffix : importer->fileSuffixes())
            EXPECT_TRUE(suffix.starts_with('.')) << suffix;
    }
}

TEST(ImporterContract, EverySampleModelHasExactlyOneImporter) {
    ASSERT_GE(sampleModels().size(), 4u);
    for (const auto &file : sampleModels()) {
        const std::vector<std::byte> head = headOf(file);
        int takers = 0;
        for (const auto &importer : builtinImporters())
            takers += importer->probe(head) > 0;
        EXPECT_EQ(takers, 1) << file;
    }
}

TEST(ImporterContract, ProbeRefusesWhatIsNoModel) {
    const std::vector<std::string> heads = {"",
                                            "\n",
                                            "{\"a\": 1}",
                                            std::string(4096, '\0'),
                                            std::string(4096, '\xff'),
                                            "PK\x03\x04",
                                            "import torch\n"};
    for (const auto &importer : builtinImporters())
        for (const std::string &head : heads)
            EXPECT_EQ(importer->probe(std::as_bytes(std::span(head))), 0) << head;
}

TEST(ImporterContract, FillsTheWholeModel) {
    for (const auto &file : sampleModels()) {
        FindingList findings;
        const auto opened = openModel(file, findings, {});
        ASSERT_TRUE(opened) << opened.error().text();
        const Model &model = **opened;
        EXPECT_EQ(model.file, file);
        EXPECT_EQ(model.sha256.size(), 64u);
        EXPECT_FALSE(model.format.empty());
        EXPECT_FALSE(model.layers.empty()) << file;
        EXPECT_FALSE(model.graph.inputs().empty());
        EXPECT_FALSE(model.graph.outputs().empty());
        EXPECT_GT(model.graph.parameterCount(), 0);
        EXPECT_GT(model.graph.opset(), 0);
        std::set<std::string> names;
        for (const Node &node : model.graph.nodes())
            EXPECT_TRUE(!node.name.empty() && names.insert(node.name).second) << node.name;
        EXPECT_TRUE(findings.snapshot().empty()) << findings.snapshot()[0].finding.what;
    }
}

TEST(ImporterContract, CancelStopsLoading) {
    std::stop_source stop;
    stop.request_stop();
    RunContext ctx;
    ctx.stop = stop.get_token();
    for (const auto &file : sampleModels()) {
        FindingList findings;
        EXPECT_EQ(openModel(file, findings, ctx).error().code, ErrorCode::Cancelled);
    }
}

TEST(OpenModel, SaysWhatAFileLooksLike) {
    FindingList findings;
    const auto message = [&](const std::string &file) {
        return openModel(file, findings, {}).error().text();
    };
    EXPECT_THAT(message(QS_SAMPLE_DATA "/glyph-calib.h5"), HasSubstr("HDF5"));
    EXPECT_THAT(message(QS_SAMPLE_DATA "/README.md"), HasSubstr("text"));
    EXPECT_THAT(message(QS_SAMPLE_DATA "/tiny-llama/config.json"), HasSubstr("no .safetensors file"));
    EXPECT_THAT(message(QS_SAMPLE_DATA "/tiny-llama"), HasSubstr("no .safetensors file"));
    EXPECT_THAT(message(QS_SAMPLE_DATA), HasSubstr("folder"));
    EXPECT_THAT(message("/dev/null"), HasSubstr("no regular file"));
    EXPECT_THAT(message("/nowhere/model.onnx"), HasSubstr("no such file"));
    EXPECT_THAT(message(QS_SAMPLE_DATA "/README.md"), HasSubstr("ONNX"));
}

} // namespace
} // namespace qs
