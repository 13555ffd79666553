#include "core/base/json_text.h"

#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace qs {
namespace {

constexpr std::uintmax_t kLargestFile = 64u << 20;
constexpr int kDeepest = 200; // the parser recurses; a file of brackets must not end the stack

} // namespace

std::string jsonText(const nlohmann::ordered_json &document) {
    return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<nlohmann::json> parseJson(std::string_view text, const std::string &where) {
    bool tooDeep = false;
    const auto limitDepth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json &) {
        tooDeep = tooDeep || depth > kDeepest;
        return depth <= kDeepest;
    };
    try {
        nlohmann::json document = nlohmann::json::parse(text, limitDepth);
        if (tooDeep)
            return fail(ErrorCode::CorruptFile, fmt::format("nested deeper than {} levels", kDeepest), where);
        return document;
    } catch (const nlohmann::json::exception &exception) {
        return fail(ErrorCode::CorruptFile, fmt::format("is not JSON: {}", exception.what()), where);
    }
}

Result<nlohmann::json> readJsonFile(const std::filesystem::path &file) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (error)
        return fail(std::filesystem::exists(file, error) ? ErrorCode::IoError : ErrorCode::NotFound,
                    "there is no such file, or it cannot be read. Check the path.", file.string());
    if (size > kLargestFile)
        return fail(ErrorCode::CorruptFile,
                    fmt::format("{} bytes are too many for a JSON document (limit 64 MiB)", size),
                    file.string());
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream)
        return fail(ErrorCode::IoError, "cannot be read. Check its permissions.", file.string());
    return parseJson(text.str(), file.string());
}

} // namespace qs
