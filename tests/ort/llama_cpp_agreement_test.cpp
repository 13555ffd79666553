// Blocks and exported files against llama.cpp itself, where one is there: QS_LLAMA_CPP names its folder.
#include "core/analysis/quantize_layer.h"
#include "core/base/random.h"
#include "core/exec/executor.h"
#include "core/export/exporters/gguf_exporter.h"
#include "core/tensor/blocks/block_codec.h"
#include "tests/ort/ggml_library.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <gtest/gtest.h>

namespace qs::test {
namespace {

constexpr std::int64_t kRows = 32, kCols = 1024;

/// Rows of every kind that makes quantizers stumble.
std::map<std::string, std::vector<float>> hardRows() {
    Random random(1);
    std::map<std::string, std::vector<float>> sets;
    const auto fill = [&](const char *name, auto value) {
        std::vector<float> &values = sets[name];
        for (std::int64_t i = 0; i < kRows * kCols; ++i)
            values.push_back(value(i));
    };
    const auto normal = [&random] { return static_cast<float>(random.normal()); };
    fill("normal", [&](std::int64_t) { return 0.02f * normal(); });
    fill("outliers", [&](std::int64_t i) { return (i % 97 == 0 ? 2.0f : 0.02f) * normal(); });
    fill("zeros", [&](std::int64_t i) { return i / 256 % 2 ? 0.0f : normal(); });
    fill("zeros with signs", [&](std::int64_t) { return random.below(2) ? -0.0f : normal(); });
    fill("subnormal", [&](std::int64_t) { return 1e-39f * normal(); });
    fill("1e-20", [&](std::int64_t) { return 1e-20f * normal(); });
    fill("huge", [&](std::int64_t) { return std::clamp(1e4f * normal(), -6e4f, 6e4f); });
    fill("equal", [](std::int64_t) { return -0.25f; });
    fill("one side", [&](std::int64_t) { return std::fabs(normal()); });
    fill("integers", [&](std::int64_t) { return std::round(3 * normal()); });
    fill("mixed",
         [&](std::int64_t) { return std::ldexp(normal(), static_cast<int>(random.below(30)) - 20); });
    return sets;
}

TEST(LlamaCpp, MakesTheSameBlocks) {
    if (!hasLlamaCpp())
        GTEST_SKIP() << kNoLlamaCpp;
    for (const auto &[name, values] : hardRows())
        for (const BlockFormat &format : blockFormats()) {
            // Blocks below 2^-125: ggml lets the byte of the exponent wrap, and they read as NaN.
            if (!canEncode(format.type) || (format.type == BlockType::MXFP4 && name == "subnormal"))
                continue;
            const auto ours = encodeBlocks(format.type, {values.data(), kRows, kCols}, {}).value();
            EXPECT_EQ(ours,
                      ggmlBlocks(static_cast<int>(format.type), values.data(), kRows, kCols, ours.size()))
                << format.name << ", " << name;
        }
}

struct Agreement {
    double largest = 0; ///< logit
    double worst = 0;   ///< difference
    double sameTop = 0; ///< share of positions with the same first choice
};

class LlamaCppExport : public testing::Test {
protected:
    /// Exports the sample with every layer in a method's format and runs the file there and here.
    Agreement agreement(const std::string &method, int bits, std::int64_t group,
                        const nlohmann::json &options) {
        const auto model = openSample(QS_SAMPLE_DATA "/tiny-llama.onnx");
        FindingList findings;
        const auto methods = bundledMethods(findings);
        qs::Run run = makeSampleRun(model, {});
        for (auto &layer : run.layers) {
            auto result = std::make_shared<LayerResult>();
            result->layer = result->quantized.layer = layer->layer;
            if (!method.empty()) {
                WeightChoice &choice = result->choice.weight.emplace();
                choice.method = method;
                choice.scheme.grid.bits = bits;
                choice.scheme.granularity = Granularity::PerGroup;
                choice.scheme.groupSize = group;
                const Layer &info = model->layers[static_cast<std::size_t>(layer->layer)];
                result->quantized =
                    quantizeLayer(*model, info, result->choice, nullptr, *methods, 0, findings, {}).value();
                result->state = LayerResult::State::Quantized;
            }
            layer = std::move(result);
        }
        const TempDir dir;
        const auto file = dir.path() / "m.gguf";
        const auto report = GgufExporter().write(run, file, options, findings, {});
        EXPECT_TRUE(report) << (report ? "" : report.error().text());
        return compare(*openSample(file), file.string());
    }

    static Agreement compare(const Model &read, const std::string &file) {
        constexpr std::int64_t kTokens = 128, kVocabulary = 65;
        Random random(7);
        std::vector<std::int32_t> tokens;
        Tensor ids = Tensor::allocate(DType::Int64, Shape{1, kTokens});
        for (std::int64_t &id : ids.mutableValues<std::int64_t>()) {
            id = static_cast<std::int64_t>(random.below(kVocabulary));
            tokens.push_back(static_cast<std::int32_t>(id));
        }
        const auto executor = Executor::create(std::make_shared<Model>(read)).value();
        const Tensor logits = executor->run({ids}, {}, {}).value().front();
        std::string log;
        const std::vector<float> theirs = llamaLogits(file, tokens, kVocabulary, log);
        EXPECT_EQ(theirs.size(), logits.values<float>().size()) << log;
        Agreement result;
        for (std::int64_t t = 0; t < kTokens && !theirs.empty(); ++t) {
            const float *a = logits.values<float>().data() + t * kVocabulary,
                        *b = theirs.data() + t * kVocabulary;
            for (std::int64_t v = 0; v < kVocabulary; ++v) {
                result.largest = std::max(result.largest, std::abs(static_cast<double>(a[v])));
                result.worst = std::max(result.worst, std::abs(static_cast<double>(a[v]) - b[v]));
            }
            if (std::max_element(a, a + kVocabulary) - a == std::max_element(b, b + kVocabulary) - b)
                result.sameTop += 1.0 / kTokens;
        }
        std::printf("%s: largest logit %.2f, worst difference %.2e, same first choice %.1f %%\n",
                    file.substr(file.rfind('/') + 1).c_str(), result.largest, result.worst,
                    100 * result.sameTop);
        return result;
    }
};

TEST_F(LlamaCppExport, ComputesTheSameLogits) {
    if (!hasLlamaCpp())
        GTEST_SKIP() << kNoLlamaCpp;
    struct Case {
        const char *method;
        int bits;
        std::int64_t group;
        const char *floats;
        double tolerance; ///< of the largest logit
    };
    // llama.cpp multiplies float32 weights with float32 activations; those of other types it rounds to the
    // type of the weights, and for blocks to 8 bits in blocks of 32 or 256.
    for (const Case &test : {Case{"", 0, 0, "f32", 1e-5}, Case{"", 0, 0, "f16", 1e-2},
                             Case{"", 0, 0, "bf16", 5e-2}, Case{"q8_0", 8, 32, "f32", 5e-2},
                             Case{"q4_0", 4, 32, "f32", 5e-2}, Case{"q4_1", 4, 32, "f32", 5e-2},
                             Case{"q5_0", 5, 32, "f32", 5e-2}, Case{"q5_1", 5, 32, "f32", 5e-2},
                             Case{"q2_k", 2, 16, "f32", 5e-2}, Case{"q3_k", 3, 16, "f32", 5e-2},
                             Case{"q4_k", 4, 32, "f32", 5e-2}, Case{"q5_k", 5, 32, "f32", 5e-2},
                             Case{"q6_k", 6, 16, "f32", 5e-2}, Case{"iq4_nl", 4, 32, "f32", 5e-2},
                             Case{"iq4_xs", 4, 32, "f32", 5e-2}, Case{"mxfp4", 4, 32, "f32", 5e-2}}) {
        std::printf("%-7s %-5s ", test.method, test.floats);
        const Agreement found = agreement(test.method, test.bits, test.group, {{"float_type", test.floats}});
        EXPECT_LE(found.worst, test.tolerance * found.largest) << test.method << ' ' << test.floats;
        EXPECT_GE(found.sameTop, 0.9) << test.method << ' ' << test.floats;
    }
}

} // namespace
} // namespace qs::test
