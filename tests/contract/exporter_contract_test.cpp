#include "core/export/exporter.h"

#include "tests/support/gguf_llama.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <csignal>
#include <fstream>
#include <set>
#include <sys/resource.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

/// Stops the job at its n-th report.
class StopAt : public ProgressSink {
public:
    StopAt(std::stop_source &source, int step) : m_source(source), m_left(step) {}
    void step(std::int64_t, std::int64_t, std::string_view) override {
        if (m_left-- == 0)
            m_source.request_stop();
    }

private:
    std::stop_source &m_source;
    int m_left;
};

/// While it lives, files of this process cannot grow past a size: a disk that fills up.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &m_before);
        const rlimit limited{bytes, m_before.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limited);
    }
    FullDisk(const FullDisk &) = delete;
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &m_before); }

private:
    rlimit m_before{};
};

class ExporterContract : public ::testing::TestWithParam<std::shared_ptr<const Exporter>> {
protected:
    ExporterContract() : m_source(writeSource()) {
        m_run = makeSampleRun(openSample(m_source), {}, GridScheme{});
        m_target = m_folder.path() / ("target" + GetParam()->fileSuffix());
    }
    /// A model that the exporter can write.
    fs::path writeSource() {
        if (GetParam()->id() == "gguf")
            return m_folder.write("source.gguf", smallLlama(0));
        const fs::path file = m_folder.path() / "source.onnx";
        writeOnnxText(file, R"(
            <ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (float[N,8] y) {
                h = MatMul(x, v) r = Relu(h) y = Gemm <transB = 1> (r, w, b) })",
                      {{"v", sampleValues(Shape{64, 32}, 1)},
                       {"w", sampleValues(Shape{8, 32}, 2)},
                       {"b", sampleValues(Shape{8}, 3)}});
        return file;
    }
    Result<ExportReport> write(const RunContext &ctx = {}) {
        return GetParam()->write(m_run, m_target, {}, m_findings, ctx);
    }
    std::size_t filesInFolder() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(m_folder.path()), {}));
    }
    void expectOldFileOnly() const {
        EXPECT_EQ(readFile(m_target), "old");
        EXPECT_EQ(filesInFolder(), 2U) << "source and target, nothing temporary";
    }

    TempDir m_folder;
    fs::path m_source, m_target;
    qs::Run m_run;
    FindingList m_findings;
};

TEST_P(ExporterContract, WritesTheSameFileEachTime) {
    const auto report = write();
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->file, m_target);
    EXPECT_EQ(report->bytes, static_cast<std::int64_t>(fs::file_size(m_target)));
    EXPECT_EQ(report->quantizedLayers.size(), m_run.layers.size());
    EXPECT_TRUE(report->floatLayers.empty());
    const std::string first = readFile(m_target);
    ASSERT_TRUE(write());
    EXPECT_EQ(readFile(m_target), first);
    EXPECT_EQ(first.find(m_folder.path().string()), std::string::npos) << "no paths of this machine";
    EXPECT_EQ(filesInFolder(), 2U);
}

TEST_P(ExporterContract, MissingFolderIsAnIoError) {
    m_target = m_folder.path() / "no" / "such" / "folder.x";
    const auto report = write();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::IoError);
    EXPECT_THAT(report.error().text(), ::testing::HasSubstr("folder.x"));
    m_target = m_folder.path();
    EXPECT_EQ(write().error().code, ErrorCode::IoError) << "a folder is no file";
}

TEST_P(ExporterContract, FullDiskLeavesTheOldFile) {
    std::ofstream(m_target) << "old";
    const auto report = [&] {
        const FullDisk limit(100);
        return write();
    }();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::IoError);
    expectOldFileOnly();
}

TEST_P(ExporterContract, CancelAtAnyStepLeavesTheOldFile) {
    std::ofstream(m_target) << "old";
    for (int step = -1; step < 100; ++step) {
        std::stop_source source;
        StopAt sink(source, step);
        if (step < 0)
            source.request_stop();
        const auto report = write({source.get_token(), &sink});
        if (report) {
            EXPECT_GE(step, 0) << "was cancelled before it began";
            return;
        }
        EXPECT_EQ(report.error().code, ErrorCode::Cancelled);
        expectOldFileOnly();
    }
    FAIL() << "never finished";
}

TEST_P(ExporterContract, SourceIsNotOverwritten) {
    const std::string before = readFile(m_source);
    m_target = m_source;
    EXPECT_EQ(write().error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(readFile(m_source), before);
}

TEST_P(ExporterContract, UnknownOptionIsRefused) {
    const auto report = GetParam()->write(m_run, m_target, {{"no_such_option", true}}, m_findings, {});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(fs::exists(m_target));
}

TEST_P(ExporterContract, SchemaTakesItsOwnDefaults) {
    const auto completed = GetParam()->schema().complete(GetParam()->schema().defaults());
    ASSERT_TRUE(completed) << completed.error().text();
    for (const Parameter &parameter : GetParam()->schema().parameters())
        EXPECT_FALSE(parameter.title.empty() || parameter.description.empty()) << parameter.name;
}

TEST(BuiltinExporters, IdsAreUniqueAndFound) {
    std::set<std::string> ids;
    for (const auto &exporter : builtinExporters()) {
        EXPECT_TRUE(ids.insert(exporter->id()).second) << exporter->id();
        EXPECT_EQ(findExporter(exporter->id()), exporter.get());
        EXPECT_FALSE(exporter->name().empty());
        EXPECT_TRUE(exporter->fileSuffix().starts_with('.'));
    }
    EXPECT_EQ(findExporter("no-such"), nullptr);
}

std::string testName(const ::testing::TestParamInfo<std::shared_ptr<const Exporter>> &tested) {
    std::string name = tested.param->id();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}
INSTANTIATE_TEST_SUITE_P(All, ExporterContract, ::testing::ValuesIn(builtinExporters()), testName);

} // namespace
} // namespace qs
