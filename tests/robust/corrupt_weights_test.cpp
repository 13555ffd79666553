#include "core/base/random.h"
#include "core/io/importer.h"
#include "tests/support/memory_limit.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"

// Damaged files of weights: an error or a valid model, as in corrupt_file_test.cpp.

namespace qs {
namespace {

class CorruptWeights : public testing::Test {
protected:
    /// Whether the bytes still make a model; every byte of its tensors is read then.
    bool load(const std::string &name, const std::string &bytes) {
        return loadPath(m_dir.write(name, bytes));
    }
    bool loadPath(const std::filesystem::path &path) {
        FindingList findings;
        const auto model = openModel(path, findings, {});
        if (!model) {
            EXPECT_NE(model.error().code, ErrorCode::OutOfMemory) << model.error().text();
            EXPECT_FALSE(model.error().message.empty());
            return false;
        }
        unsigned sum = 0;
        for (const auto &[id, tensor] : (*model)->graph.constants())
            for (std::size_t i = 0; i < tensor.sizeBytes(); ++i)
                sum += static_cast<unsigned>(tensor.bytes()[i]);
        EXPECT_GE(sum, 0u);
        return true;
    }
    void damageEverywhere(const std::string &name, const std::string &bytes, std::size_t step) {
        ASSERT_TRUE(load(name, bytes));
        for (std::size_t length = 0; length < bytes.size(); length += step)
            load(name, bytes.substr(0, length));
        for (std::size_t i = 0; i < bytes.size(); i += step)
            for (const int value : {0x00, 0x22, 0x39, 0x7d, 0x7f, 0xff, bytes[i] ^ (1 << (i % 8))}) {
                std::string damaged = bytes;
                damaged[i] = static_cast<char>(value);
                load(name, damaged);
            }
    }
    TempDir m_dir;
    MemoryLimit m_limit{rlim_t(512) << 20};
};

TEST_F(CorruptWeights, Safetensors) {
    SafetensorsBuilder file;
    file.add<float>("layers.0.q.weight", "F32", {2, 3}, {1, 2, 3, 4, 5, 6})
        .add<std::uint16_t>("embed.weight", "BF16", {2, 2}, {1, 2, 3, 4})
        .add("flags", "BOOL", {3}, std::string("\x01\x00\x02", 3))
        .add("packed", "F4", {4}, "ab");
    damageEverywhere("w.safetensors", file.bytes(), 1);
}

TEST_F(CorruptWeights, Npy) {
    damageEverywhere("w.npy", readFile(QS_TEST_DATA "/io/one.npy"), 1);
}

TEST_F(CorruptWeights, Npz) {
    damageEverywhere("w.npz", readFile(QS_TEST_DATA "/io/arrays.npz"), 3);
}

TEST_F(CorruptWeights, KerasFile) {
    const std::string bytes = readFile(QS_TEST_DATA "/io/keras2.h5");
    ASSERT_TRUE(load("w.h5", bytes));
    Random random(4);
    for (int round = 0; round < 100; ++round) {
        std::string damaged = bytes;
        damaged[random.below(bytes.size())] = static_cast<char>(random.below(256));
        load("w.h5", damaged);
    }
}

TEST_F(CorruptWeights, FolderWithDamagedConfig) {
    const std::filesystem::path source = QS_TEST_DATA "/architectures/qwen2";
    const std::string config = readFile(source / "config.json");
    m_dir.write("model.safetensors", readFile(source / "model.safetensors"));
    m_dir.write("config.json", config);
    ASSERT_TRUE(loadPath(m_dir.path()));
    for (std::size_t i = 0; i < config.size(); i += 2)
        for (const char value : {'"', '9', '-', '}', '\xff', '.'}) {
            std::string damaged = config;
            damaged[i] = value;
            m_dir.write("config.json", damaged);
            EXPECT_TRUE(loadPath(m_dir.path())) << "the weights open whatever the config says";
        }
}

/// A packed checkpoint whose tensors or scheme are damaged: weights that cannot be read are left out.
TEST_F(CorruptWeights, PackedCheckpoints) {
    for (const char *name :
         {"gptq-4-actorder", "awq", "packed-3-asymmetric", "fp8-block", "nvfp4", "int8", "bnb-nf4-nested"}) {
        const std::filesystem::path source = std::filesystem::path(QS_TEST_DATA) / "checkpoints" / name;
        const std::string config = readFile(source / "config.json"),
                          weights = readFile(source / "model.safetensors");
        m_dir.write("model.safetensors", weights);
        m_dir.write("config.json", config);
        ASSERT_TRUE(loadPath(m_dir.path())) << name;
        for (std::size_t i = config.find("quantization_config"); i < config.size(); i += 7)
            for (const char value : {'"', '9', '-', '\xff'}) {
                std::string damaged = config;
                damaged[i] = value;
                m_dir.write("config.json", damaged);
                EXPECT_TRUE(loadPath(m_dir.path())) << "other weights open whatever the scheme says";
            }
        m_dir.write("config.json", config);
        Random random(9);
        for (int round = 0; round < 60; ++round) { // half of them in the header: shapes, types, names
            std::string damaged = weights;
            damaged[random.below(round % 2 == 0 ? 2000 : weights.size())] =
                static_cast<char>(random.below(256));
            m_dir.write("model.safetensors", damaged);
            loadPath(m_dir.path());
        }
    }
}

} // namespace
} // namespace qs
