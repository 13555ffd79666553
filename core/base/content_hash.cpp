#include "core/base/content_hash.h"

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

} // namespace qs
