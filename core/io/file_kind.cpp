#include "core/io/file_kind.h"

#include "core/io/importers/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>

namespace qs {
namespace {

struct Signature {
    std::size_t offset;
    std::string_view bytes;
    const char *description;
};

using namespace std::string_view_literals;

// Longer and more telling signatures first.
constexpr std::array kSignatures{
    Signature{0, kProjectSignature, "a Quantoscope project (open it with File, Open)"},
    Signature{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (calibration data? open it as calibration)"},
    Signature{0, "version https://git-lfs"sv, "a Git LFS pointer, not the file itself (run 'git lfs pull')"},
    Signature{0, "GGUF"sv, "a GGUF file"},
    Signature{0, "\x93NUMPY"sv, "a NumPy array (.npy)"},
    Signature{4, "TFL3"sv, "a TensorFlow Lite model"},
    Signature{0, "PK\x03\x04"sv, "a ZIP archive (a PyTorch checkpoint or .npz? export the model to ONNX)"},
    Signature{0, "\x80\x02"sv, "a Python pickle (an old PyTorch checkpoint? export the model to ONNX)"},
    Signature{0, "\x80\x03"sv, "a Python pickle"},
    Signature{0, "\x80\x04"sv, "a Python pickle"},
    Signature{0, "\x80\x05"sv, "a Python pickle"},
    Signature{0, "\x1f\x8b"sv, "a gzip archive (unpack it first)"},
    Signature{0, "\x28\xb5\x2f\xfd"sv, "a Zstandard archive (unpack it first)"},
    Signature{0, "\xfd\x37zXZ"sv, "an xz archive (unpack it first)"},
    Signature{257, "ustar"sv, "a tar archive (unpack it first)"},
    Signature{0,
              "\x7f"
              "ELF"sv,
              "a program or library"},
    Signature{0, "%PDF"sv, "a PDF document"},
    Signature{0, "\x89PNG"sv, "a PNG image"},
    Signature{0, "\xff\xd8\xff"sv, "a JPEG image"},
    Signature{0, "<!DOCTYPE html"sv, "a web page, perhaps an error page of a download"},
    Signature{0, "<html"sv, "a web page, perhaps an error page of a download"},
};

bool isText(std::string_view head) {
    return std::all_of(head.begin(), head.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f';
    });
}

} // namespace

std::vector<std::byte> readHead(const std::filesystem::path &file) {
    std::ifstream stream(file, std::ios::binary);
    std::vector<std::byte> head(4096);
    stream.read(reinterpret_cast<char *>(head.data()), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    return head;
}

std::string describeFileKind(std::span<const std::byte> head) {
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    if (text.empty())
        return "an empty file";
    for (const Signature &signature : kSignatures)
        if (text.size() > signature.offset && text.substr(signature.offset).starts_with(signature.bytes))
            return signature.description;
    if (looksLikeSafetensors(head))
        return "a safetensors file";
    if (text.size() > 4 && text[0] == '\x08' && (text[2] == '\x12' || text[2] == '\x3a'))
        return "an ONNX model";
    if (std::all_of(text.begin(), text.end(), [](char c) { return c == 0; }))
        return "zeros (a broken download?)";
    if (isText(text))
        return text.front() == '{' || text.front() == '[' ? "JSON text" : "text";
    return "data of an unknown kind";
}

} // namespace qs
