#include "core/base/content_hash.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <vector>

namespace qs {
namespace {

class Sha256 {
public:
    Sha256() : m_digest(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        EVP_DigestInit_ex(m_digest.get(), EVP_sha256(), nullptr);
    }
    void update(const void *bytes, std::size_t size) { EVP_DigestUpdate(m_digest.get(), bytes, size); }
    std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        EVP_DigestFinal_ex(m_digest.get(), digest.data(), &size);
        static const char *digits = "0123456789abcdef";
        std::string text;
        for (unsigned int i = 0; i < size; ++i) {
            text += digits[digest[i] >> 4];
            text += digits[digest[i] & 15];
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> m_digest;
};

} // namespace

Result<std::string> sha256OfFile(const std::filesystem::path &file, const RunContext &ctx) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream)
        return fail(ErrorCode::IoError, "cannot be read; check that it exists and that you may read it",
                    file.string());
    Sha256 hash;
    std::vector<char> buffer(1 << 20);
    while (stream) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        hash.update(buffer.data(), static_cast<std::size_t>(stream.gcount()));
    }
    if (stream.bad())
        return fail(ErrorCode::IoError, "reading stopped with an error", file.string());
    return hash.hex();
}

std::string sha256(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.update(bytes.data(), bytes.size());
    return hash.hex();
}

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kWholeFile = std::uintmax_t(256) << 20, kHead = 1 << 20, kPiece = 64 << 10;
constexpr std::uintmax_t kPieces = 64;
constexpr const char *kSampled = " (sampled)";

Result<std::string> sampledHash(const fs::path &file, std::uintmax_t size, const RunContext &ctx) {
    std::ifstream stream(file, std::ios::binary);
    Sha256 hash;
    hash.update(&size, sizeof size);
    std::vector<char> buffer(kHead);
    for (std::uintmax_t piece = 0; piece <= kPieces; ++piece) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const std::uintmax_t bytes = piece == 0 ? kHead : kPiece;
        stream.seekg(static_cast<std::streamoff>((size - bytes) * piece / kPieces));
        stream.read(buffer.data(), static_cast<std::streamsize>(bytes));
        hash.update(buffer.data(), static_cast<std::size_t>(stream.gcount()));
    }
    if (!stream)
        return fail(ErrorCode::IoError, "cannot be read; check that you may read it", file.string());
    return hash.hex() + kSampled;
}

bool belongsToCheckpoint(const fs::path &file) {
    const std::string name = file.filename().string();
    return name == "config.json" || name.ends_with(".safetensors") ||
           name.ends_with(".safetensors.index.json");
}

Result<std::string> folderHash(const fs::path &folder, const RunContext &ctx) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (std::error_code ignored; belongsToCheckpoint(entry->path()) && entry->is_regular_file(ignored))
            files.push_back(entry->path());
    if (error)
        return fail(ErrorCode::IoError, "cannot be read: " + error.message(), folder.string());
    std::sort(files.begin(), files.end());
    std::string text;
    for (const fs::path &file : files) {
        QS_TRY(const std::string hash, sourceHash(file, ctx));
        text += file.filename().string() + '\n' + hash + '\n';
    }
    const bool sampled = text.find(kSampled) != std::string::npos;
    return sha256(std::as_bytes(std::span(text))) + (sampled ? kSampled : "");
}

} // namespace

Result<std::string> sourceHash(const fs::path &fileOrFolder, const RunContext &ctx) {
    std::error_code error;
    if (fs::is_directory(fileOrFolder, error))
        return folderHash(fileOrFolder, ctx);
    const std::uintmax_t size = fs::file_size(fileOrFolder, error);
    return error || size <= kWholeFile ? sha256OfFile(fileOrFolder, ctx)
                                       : sampledHash(fileOrFolder, size, ctx);
}

} // namespace qs
