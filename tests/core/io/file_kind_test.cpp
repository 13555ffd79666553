#include "core/io/file_kind.h"

#include "core/io/safe_text.h"

namespace qs {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

std::string kindOf(const std::string &bytes) {
    return describeFileKind(std::as_bytes(std::span(bytes)));
}

TEST(DescribeFileKind, KnowsCommonFiles) {
    EXPECT_EQ(kindOf(""), "an empty file");
    EXPECT_THAT(kindOf("\x89HDF\r\n\x1a\nrest"), HasSubstr("HDF5"));
    EXPECT_THAT(kindOf("GGUF\3\0\0\0"s), HasSubstr("GGUF"));
    EXPECT_THAT(kindOf("PK\x03\x04zip"), HasSubstr("ZIP"));
    EXPECT_THAT(kindOf("\x40\0\0\0\0\0\0\0{\"a\":1}"s), HasSubstr("safetensors"));
    EXPECT_THAT(kindOf("\x1c\0\0\0TFL3"s), HasSubstr("TensorFlow Lite"));
    EXPECT_THAT(kindOf("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("Git LFS"));
    EXPECT_THAT(kindOf("\x80\x02}q\0"s), HasSubstr("pickle"));
    EXPECT_THAT(kindOf("<html><body>404"), HasSubstr("web page"));
    EXPECT_THAT(kindOf("\x7f"
                       "ELF\2"),
                HasSubstr("program"));
    EXPECT_EQ(kindOf("{\"a\": 1}"), "JSON text");
    EXPECT_EQ(kindOf("plain words\n"), "text");
    EXPECT_THAT(kindOf(std::string(100, '\0')), HasSubstr("zeros"));
    EXPECT_THAT(kindOf("\x01\x02\x03\x04"), HasSubstr("unknown"));
}

TEST(SafeName, KeepsGoodNames) {
    for (const std::string name : {"", "layers.0/q_proj", "poids é", "重み", "\U0001F9EE"})
        EXPECT_EQ(safeName(name), name);
    EXPECT_EQ(safeName(std::string(512, 'x')), std::string(512, 'x'));
}

TEST(SafeName, ReplacesWhatCannotBeShownAndKeepsNamesApart) {
    EXPECT_THAT(safeName("a\nb"), HasSubstr("a?b~"));
    EXPECT_NE(safeName("a\nb"), safeName("a\tb"));
    EXPECT_EQ(safeName("a\nb"), safeName("a\nb"));
    // Overlong, surrogate, beyond Unicode, lone continuation, cut sequence, C1 control, delete.
    for (const std::string bad :
         {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe9\x87", "\xc2\x85", "\x7f"}) {
        const std::string safe = safeName(bad);
        EXPECT_NE(safe, bad);
        EXPECT_NO_THROW((void)nlohmann::json(safe).dump());
    }
    EXPECT_LE(safeName(std::string(100000, 'x')).size(), 512u);
    EXPECT_NE(safeName(std::string(1000, 'x')), safeName(std::string(1001, 'x')));
}

} // namespace
} // namespace qs
