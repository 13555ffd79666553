#include "core/io/importer.h"
#include "core/io/importers/onnx_external_data.h"
#include "core/io/model_difference.h"
#include "core/session/project.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"

#include <sys/stat.h>

// Files that name other files. Names that leave a model's folder are in
// tests/core/io/onnx_external_data_test.cpp and safetensors_test.cpp. Differences and projects may name files
// anywhere, as their users choose them; what they name must be a file or folder whose reading ends.

namespace qs {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class FileReferences : public testing::Test {
protected:
    void SetUp() override {
        m_dir.write("base.safetensors",
                    SafetensorsBuilder().add<float>("a.weight", "F32", {1, 1}, {1}).bytes());
        m_dir.write("tuned.safetensors",
                    SafetensorsBuilder().add<float>("a.weight", "F32", {1, 1}, {3}).bytes());
        ASSERT_EQ(mkfifo((m_dir.path() / "pipe").c_str(), 0600), 0);
    }
    /// What opening a difference says whose tuned checkpoint is this JSON value.
    std::string difference(const nlohmann::json &tuned) {
        const nlohmann::json document{{"quantoscope_difference", 1},
                                      {"base", {{"file", "base.safetensors"}}},
                                      {"tuned", {{"file", tuned}}}};
        FindingList findings;
        const auto model = openModel(m_dir.write("d.qsdiff", document.dump()), findings, {});
        return model ? "no error" : model.error().text();
    }
    SourceState::Kind locate(const fs::path &file, const fs::path &relative = {}) {
        const auto state = locateSource({file, "0"}, relative, m_dir.path() / "p.qscope", {});
        EXPECT_TRUE(state) << state.error().text();
        return state ? state->kind : SourceState::Kind::Missing;
    }
    TempDir m_dir;
    const std::string m_long = std::string(100'000, 'x');
    const std::string m_zero = std::string("tuned.safetensors\0.txt", 22);
};

TEST_F(FileReferences, DifferencesNameFilesOrFolders) {
    EXPECT_EQ(difference("tuned.safetensors"), "no error");
    EXPECT_EQ(difference((m_dir.path() / "tuned.safetensors").string()), "no error");
    EXPECT_THAT(difference("pipe"), HasSubstr("neither a file nor a folder"));
    EXPECT_THAT(difference("/dev/zero"), HasSubstr("neither a file nor a folder"));
    EXPECT_THAT(difference(m_zero), HasSubstr("is not there"));
    EXPECT_THAT(difference(m_long), HasSubstr("is not there"));
    EXPECT_LT(difference(m_long).size(), 2000u);
    EXPECT_THAT(difference("absent"), HasSubstr("is not there"));
    EXPECT_THAT(difference(""), HasSubstr("names no 'tuned'"));
    EXPECT_THAT(difference(7), HasSubstr("names no 'tuned'"));
    EXPECT_THAT(difference("d.qsdiff"), HasSubstr("difference of a difference"));
    EXPECT_NE(difference("."), "no error");
}

TEST_F(FileReferences, DifferencesWithoutTheirMembersAreRefused) {
    FindingList findings;
    for (const std::string text :
         {R"({"quantoscope_difference":1})", R"({"quantoscope_difference":1,"base":[],"tuned":{}})",
          R"({"quantoscope_difference":1,"base":{"file":"base.safetensors"},"tuned":null})",
          R"({"quantoscope_difference":)"}) {
        const auto model = openModel(m_dir.write("d.qsdiff", text), findings, {});
        ASSERT_FALSE(model) << text;
        EXPECT_EQ(model.error().code, ErrorCode::CorruptFile) << model.error().text();
    }
    const std::string odd = R"({"quantoscope_difference":1,"base":{"file":"base.safetensors","sha256":7},)"
                            R"("tuned":{"file":"tuned.safetensors","sha256":[]}})";
    EXPECT_TRUE(openModel(m_dir.write("d.qsdiff", odd), findings, {}));
    EXPECT_EQ(findings.snapshot().front().finding.severity, Severity::Warning);
}

TEST_F(FileReferences, SourcesOfProjectsAreFilesOrFolders) {
    using Kind = SourceState::Kind;
    EXPECT_EQ(locate(m_dir.path() / "base.safetensors"), Kind::Changed);
    EXPECT_EQ(locate("/nowhere", "base.safetensors"), Kind::Changed);
    for (const fs::path &missing :
         {m_dir.path() / "pipe", fs::path("/dev/zero"), fs::path(m_long), fs::path(m_zero)})
        EXPECT_EQ(locate(missing), Kind::Missing) << missing.string().substr(0, 100);
    EXPECT_EQ(locate("/nowhere", m_long), Kind::Missing);
}

TEST_F(FileReferences, EndlessNamesOfExternalData) {
    FindingList findings;
    ExternalData external(m_dir.path(), findings);
    std::string deep;
    for (int i = 0; i < 50'000; ++i)
        deep += "a/";
    for (const std::string &location : {m_long, deep + "x"}) {
        const auto read = external.read(DType::UInt8, Shape{1}, {location, {}, {}});
        ASSERT_FALSE(read);
        EXPECT_LT(read.error().text().size(), 2000u);
    }
}

} // namespace
} // namespace qs
