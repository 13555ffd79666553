#include "core/base/atomic_file.h"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace qs {
namespace {

class AtomicFileTest : public testing::Test {
protected:
    void SetUp() override {
        m_folder = std::filesystem::temp_directory_path() / ("qs_atomic_" + std::to_string(::getpid()));
        std::filesystem::create_directories(m_folder);
    }
    void TearDown() override { std::filesystem::remove_all(m_folder); }

    std::string content(const std::string &name) const {
        std::ifstream stream(m_folder / name);
        std::stringstream text;
        text << stream.rdbuf();
        return text.str();
    }
    std::ptrdiff_t filesInFolder() const {
        return std::distance(std::filesystem::directory_iterator(m_folder), {});
    }
    std::filesystem::path m_folder;
};

TEST_F(AtomicFileTest, CommitReplacesContent) {
    ASSERT_TRUE(writeFileAtomically(m_folder / "a", "old"));
    ASSERT_TRUE(writeFileAtomically(m_folder / "a", "new"));
    EXPECT_EQ(content("a"), "new");
    EXPECT_EQ(filesInFolder(), 1);
}

TEST_F(AtomicFileTest, WithoutCommitTheOldContentStays) {
    ASSERT_TRUE(writeFileAtomically(m_folder / "a", "old"));
    {
        auto file = AtomicFile::create(m_folder / "a");
        ASSERT_TRUE(file);
        ASSERT_TRUE(file->append("half"));
    }
    EXPECT_EQ(content("a"), "old");
    EXPECT_EQ(filesInFolder(), 1);
}

TEST_F(AtomicFileTest, MissingFolderIsAnIoErrorThatNamesTheFile) {
    const Status status = writeFileAtomically(m_folder / "none" / "a", "text");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::IoError);
    EXPECT_THAT(status.error().text(), testing::HasSubstr("none/a"));
}

TEST_F(AtomicFileTest, FolderOrDeviceAsTargetIsAnIoError) {
    for (const std::filesystem::path &target : {m_folder, std::filesystem::path("/dev/null")}) {
        const Status status = writeFileAtomically(target, "text");
        ASSERT_FALSE(status) << target;
        EXPECT_EQ(status.error().code, ErrorCode::IoError);
    }
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(AtomicFileTest, FullDiskKeepsTheOldContent) {
    ASSERT_TRUE(writeFileAtomically(m_folder / "a", "old"));
    // A file size limit makes write() fail the way a full disk does, halfway through.
    struct rlimit before {};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = before;
    tight.rlim_cur = 1000;
    std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const Status status = writeFileAtomically(m_folder / "a", std::string(5000, 'x'));
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::IoError);
    EXPECT_EQ(content("a"), "old");
    EXPECT_EQ(filesInFolder(), 1);
}

} // namespace
} // namespace qs
