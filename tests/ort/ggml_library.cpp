#include "tests/ort/ggml_library.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>

namespace qs::test {
namespace {

namespace fs = std::filesystem;

/// Parameters that llama.cpp passes by value. Their fields change from version to version, so they are taken
/// as the library fills them in; more bytes than it reads do no harm on the stack.
struct Parameters {
    unsigned char bytes[2048];
};

struct Batch {
    std::int32_t count;
    std::int32_t *token;
    float *embeddings;
    std::int32_t *position;
    std::int32_t *sequenceCount;
    std::int32_t **sequences;
    std::int8_t *wantsLogits;
};

fs::path folder() {
    const char *name = std::getenv("QS_LLAMA_CPP");
    return name ? name : "";
}

/// Opens the library whose name begins so; versions follow it.
void *library(const std::string &name) {
    for (const auto &entry : fs::directory_iterator(folder())) {
        const std::string file = entry.path().filename().string();
        if (file.starts_with(name + ".") && file.find(".so") != file.npos)
            if (void *handle = dlopen(entry.path().c_str(), RTLD_NOW | RTLD_GLOBAL))
                return handle;
    }
    return nullptr;
}

template <typename Function>
Function *function(void *handle, const char *name) {
    void *address = handle ? dlsym(handle, name) : nullptr;
    if (!address) {
        std::fprintf(stderr, "%s is not in the libraries of QS_LLAMA_CPP: %s\n", name, dlerror());
        std::exit(2);
    }
    return reinterpret_cast<Function *>(address);
}

void *base() {
    static void *handle = library("libggml-base");
    return handle;
}

void *llama() {
    static void *handle = [] {
        base();
        void *ggml = library("libggml");
        void *opened = library("libllama");
        function<void(const char *)>(ggml, "ggml_backend_load_all_from_path")(folder().c_str());
        function<void()>(opened, "llama_backend_init")();
        return opened;
    }();
    return handle;
}

void collectLog(int, const char *text, void *log) {
    static_cast<std::string *>(log)->append(text);
}

/// A small context, and float32 for keys and values: two neighbouring fields that say float16 (1) by default.
Parameters contextParameters(std::uint32_t tokens) {
    Parameters parameters = function<Parameters()>(llama(), "llama_context_default_params")();
    std::uint32_t fields[sizeof parameters.bytes / 4];
    std::memcpy(fields, parameters.bytes, sizeof fields);
    fields[0] = fields[1] = fields[2] = tokens;
    // Four choices left to the library (-1), the last of them flash attention, which rounds to float16: off.
    for (std::size_t i = 4; i + 3 < 40; ++i)
        if (std::all_of(fields + i, fields + i + 4, [](std::uint32_t field) { return field == ~0u; })) {
            fields[i + 3] = 0;
            break;
        }
    for (std::size_t i = 8; i < 50; ++i)
        if (fields[i] == 1 && fields[i + 1] == 1) {
            fields[i] = fields[i + 1] = 0;
            break;
        }
    std::memcpy(parameters.bytes, fields, sizeof fields);
    return parameters;
}

} // namespace

bool hasLlamaCpp() {
    std::error_code error;
    return fs::is_directory(folder(), error) && base();
}

std::vector<std::byte> ggmlBlocks(int type, const float *values, std::int64_t rows, std::int64_t cols,
                                  std::size_t bytes) {
    std::vector<std::byte> blocks(bytes);
    function<std::size_t(int, const float *, void *, std::int64_t, std::int64_t, std::int64_t,
                         const float *)>(base(), "ggml_quantize_chunk")(type, values, blocks.data(), 0, rows,
                                                                        cols, nullptr);
    return blocks;
}

std::vector<float> llamaLogits(const std::string &file, const std::vector<std::int32_t> &tokens,
                               std::size_t vocabulary, std::string &log) {
    function<void(void (*)(int, const char *, void *), void *)>(llama(), "llama_log_set")(collectLog, &log);
    const Parameters defaults = function<Parameters()>(llama(), "llama_model_default_params")();
    void *model = function<void *(const char *, Parameters)>(llama(), "llama_model_load_from_file")(
        file.c_str(), defaults);
    if (!model)
        return {};
    const auto count = static_cast<std::int32_t>(tokens.size());
    void *context = function<void *(void *, Parameters)>(llama(), "llama_init_from_model")(
        model, contextParameters(static_cast<std::uint32_t>(count)));
    if (!context)
        return {};
    Batch batch =
        function<Batch(std::int32_t, std::int32_t, std::int32_t)>(llama(), "llama_batch_init")(count, 0, 1);
    batch.count = count;
    for (std::int32_t i = 0; i < count; ++i) {
        batch.token[i] = tokens[static_cast<std::size_t>(i)];
        batch.position[i] = i;
        batch.sequenceCount[i] = 1;
        batch.sequences[i][0] = 0;
        batch.wantsLogits[i] = 1;
    }
    if (function<std::int32_t(void *, Batch)>(llama(), "llama_decode")(context, batch) != 0)
        return {};
    const float *logits = function<float *(void *)>(llama(), "llama_get_logits")(context);
    std::vector<float> result(logits, logits + tokens.size() * vocabulary);
    function<void(Batch)>(llama(), "llama_batch_free")(batch);
    function<void(void *)>(llama(), "llama_free")(context);
    function<void(void *)>(llama(), "llama_model_free")(model);
    return result;
}

} // namespace qs::test
