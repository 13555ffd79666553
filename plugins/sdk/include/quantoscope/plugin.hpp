// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Quantoscope authors. See LICENSE beside the include folder.
//
// Header-only C++17 helper over plugin.h: write a class with a few static functions, list it in
// QS_EXPORT_PLUGIN. No exception leaves the plugin: whatever the class throws becomes a status and a message.
//
//   struct MyMethod : qs::QuantizerMethod {
//       static qs::PluginMethodInfo info();                                // texts and parameter schema
//       static std::string refusal(const qs_quantize_request &request);    // optional: "" = takes it, or why
//       not static void quantize(const qs::PluginCall &call);                  // fills call.result()
//   };
//   struct MyBranch : qs::BranchMethod { ... static void decompose(const qs::BranchCall &call); };
//   struct MyTransform : qs::TransformMethod { ... static void transform(const qs::TransformCall &call); };
//   struct MyBlock : qs::BlockMethod {
//       static qs::PluginMethodInfo info();
//       static void plan(const char *parameters, qs_block_plan &plan);     // what the host is to gather
//       static void reconstruct(const qs::BlockCall &call);
//   };
//   QS_EXPORT_PLUGIN("org.example.my-methods", "1.0.0", "MIT", MyMethod);
#pragma once

#include <quantoscope/plugin.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace qs {

/// Thrown by a method to end a call with a status and a message for the user.
class PluginError : public std::runtime_error {
public:
    PluginError(qs_status status, const std::string &message)
        : std::runtime_error(message), m_status(status) {}
    qs_status status() const { return m_status; }

private:
    qs_status m_status;
};

/// What a method class says it is: it derives from one of these. It hides refusal() when it does not take
/// every request.
struct QuantizerMethod {
    static std::string refusal(const qs_quantize_request &) { return {}; }
};
struct BranchMethod {
    static std::string refusal(const qs_branch_request &) { return {}; }
};
struct TransformMethod {
    static std::string refusal(const qs_transform_request &) { return {}; }
};
struct BlockMethod {};

/// What a method tells about itself; the strings must live as long as the plugin (literals do).
struct PluginMethodInfo {
    const char *id = "";
    const char *name = "";
    const char *summary = "";
    const char *paper = "";
    const char *tags = "";
    const char *parameters = "{\"type\":\"object\",\"properties\":{}}";
    std::uint32_t needs = 0;
    std::int32_t status = QS_EXPERIMENTAL;
    const char *cost = "";
    std::uint32_t stores = 0; ///< quantizers: QS_STORES_...
    std::uint32_t kinds = 0;  ///< transforms: QS_TRANSFORM_...
};

/// Scale and zero point of a slice.
struct PluginGrid {
    float scale = 1.0f;
    std::int32_t zeroPoint = 0;
};

/// One call into a method: the request, the buffers to fill and the services of the host. Its functions may
/// be called from any thread while the call lasts.
template <typename Request, typename Result>
class BasicPluginCall {
public:
    BasicPluginCall(const Request &request, const qs_host &host, Result &result)
        : m_request(request), m_host(host), m_result(result) {}

    const Request &request() const { return m_request; }
    Result &result() const { return m_result; }

    bool cancelled() const { return m_host.cancelled(m_request.call) != 0; }
    /// Ends the call with QS_CANCELLED when the user pressed Cancel.
    void throwIfCancelled() const {
        if (cancelled())
            throw PluginError(QS_CANCELLED, "cancelled");
    }
    int maxThreads() const { return m_host.max_threads(m_request.call); }
    void progress(std::int64_t done, std::int64_t total, const char *stage) const {
        m_host.progress(m_request.call, done, total, stage);
    }
    void log(std::int32_t severity, const std::string &text) const {
        m_host.log(m_request.call, severity, text.c_str());
    }
    std::uint64_t randomBits(std::uint64_t index) const { return m_host.random_bits(m_request.seed, index); }

    /// Row-major float64 [cols, cols]. Throws when no calibration was run.
    const double *hessian() const {
        const double *matrix = nullptr;
        check(m_host.hessian(m_request.call, &matrix),
              "the Hessian is not available; run calibration for this layer first");
        return matrix;
    }
    /// Statistics of the inputs by column. Throws when no calibration was run.
    qs_input_statistics inputStatistics() const {
        qs_input_statistics statistics{};
        statistics.struct_size = sizeof statistics;
        check(m_host.input_statistics(m_request.call, &statistics),
              "the statistics of the inputs are not available; run calibration for this layer first");
        return statistics;
    }
    /// Inputs that calibration saw. Throws when there are none.
    qs_inputs inputs() const {
        qs_inputs inputs{};
        inputs.struct_size = sizeof inputs;
        check(
            m_host.inputs(m_request.call, &inputs),
            "inputs are not available: no calibration was run, or the layer is a convolution with a kernel");
        return inputs;
    }
    /// Scale and zero point of `count` finite values under the range rule of the request.
    PluginGrid fitGrid(const float *values, std::int64_t count) const {
        PluginGrid grid;
        check(m_host.fit_grid(m_request.call, values, count, &grid.scale, &grid.zeroPoint),
              "the host could not fit a grid to the values");
        return grid;
    }
    /// For methods with QS_STORES_OUTLIERS.
    void keepOutlier(std::int64_t row, std::int64_t col, float value) const {
        check(m_host.keep_outlier(m_request.call, row, col, value), "the host refused an outlier");
    }
    /// For branches and transforms: what the recipe's quantizer makes of these weights [rows, cols].
    void roundTrip(const float *weights, std::int64_t rows, std::int64_t cols, float *dequantized) const {
        check(m_host.quantize(m_request.call, weights, rows, cols, dequantized),
              "the weights could not be quantized");
    }
    /// For branches: the codes of the latest roundTrip() are stored.
    void keepQuantized() const { check(m_host.keep_quantized(m_request.call), "nothing was quantized yet"); }
    /// For block methods: fills pass.loss and the gradients that the pass names.
    void run(qs_block_pass &pass) const {
        pass.struct_size = sizeof pass;
        check(m_request.run(m_request.call, &pass), "the block could not be run");
    }

private:
    static void check(qs_status status, const char *message) {
        if (status != QS_OK)
            throw PluginError(status, status == QS_CANCELLED ? "cancelled" : message);
    }

    const Request &m_request;
    const qs_host &m_host;
    Result &m_result;
};

using PluginCall = BasicPluginCall<qs_quantize_request, qs_quantize_result>;
using BranchCall = BasicPluginCall<qs_branch_request, qs_branch_result>;
using TransformCall = BasicPluginCall<qs_transform_request, qs_transform_result>;
using BlockCall = BasicPluginCall<qs_block_request, qs_block_result>;

inline void copyPluginText(const std::string &text, char *destination, std::size_t size) {
    if (size == 0)
        return;
    const std::size_t length = std::min(text.size(), size - 1);
    std::memcpy(destination, text.data(), length);
    destination[length] = '\0';
}

/// Runs a function of a method; what it throws becomes a status and a message.
template <typename Result, typename Function>
qs_status guardedCall(Result *result, Function function) {
    auto failed = [&](qs_status status, const std::string &message) {
        copyPluginText(message, result->message, result->message_size);
        return status;
    };
    try {
        function();
        return QS_OK;
    } catch (const PluginError &error) {
        return failed(error.status(), error.what());
    } catch (const std::bad_alloc &) {
        return failed(QS_OUT_OF_MEMORY, "not enough memory");
    } catch (const std::exception &error) {
        return failed(QS_FAILED, error.what());
    } catch (...) {
        return failed(QS_FAILED, "exception of unknown type");
    }
}

template <typename Method, typename Request>
std::int32_t pluginSupports(const Request *request, char *reason, std::size_t size) {
    std::string refusal;
    try {
        refusal = Method::refusal(*request);
    } catch (const std::exception &error) {
        refusal = error.what();
    } catch (...) {
        refusal = "the plugin threw an exception of unknown type";
    }
    copyPluginText(refusal, reason, size);
    return refusal.empty() ? 1 : 0;
}

/// Whether a quantizer has `static void tokenWeighting(const char *parameters, qs_token_weighting &)`.
template <typename Method, typename = void>
struct HasTokenWeighting : std::false_type {};
template <typename Method>
struct HasTokenWeighting<Method, std::void_t<decltype(&Method::tokenWeighting)>> : std::true_type {};

/// The C table of one method class.
template <typename Method>
class PluginTable {
public:
    static constexpr bool isBranch = std::is_base_of<BranchMethod, Method>::value;
    static constexpr bool isTransform = std::is_base_of<TransformMethod, Method>::value;
    static constexpr bool isBlock = std::is_base_of<BlockMethod, Method>::value;

    static const char *extension() {
        return isBranch      ? QS_EXTENSION_BRANCH
               : isTransform ? QS_EXTENSION_TRANSFORM
               : isBlock     ? QS_EXTENSION_BLOCK
                             : QS_EXTENSION_QUANTIZER;
    }
    /// const qs_quantizer *, const qs_branch *, const qs_transform * or const qs_block_method *
    static auto table() {
        static const PluginMethodInfo info = Method::info();
        if constexpr (isBranch)
            return branch(info);
        else if constexpr (isTransform)
            return transform(info);
        else if constexpr (isBlock)
            return block(info);
        else
            return quantizer(info);
    }

private:
    static const qs_quantizer *quantizer(const PluginMethodInfo &info) {
        static const qs_quantizer table = {sizeof(qs_quantizer),
                                           info.needs,
                                           info.status,
                                           info.id,
                                           info.name,
                                           info.summary,
                                           info.paper,
                                           info.tags,
                                           info.parameters,
                                           &pluginSupports<Method, qs_quantize_request>,
                                           &runQuantizer,
                                           info.stores,
                                           info.cost,
                                           HasTokenWeighting<Method>::value ? &runTokenWeighting : nullptr};
        return &table;
    }
    static const qs_branch *branch(const PluginMethodInfo &info) {
        static const qs_branch table = {sizeof(qs_branch),
                                        info.needs,
                                        info.status,
                                        info.id,
                                        info.name,
                                        info.summary,
                                        info.paper,
                                        info.tags,
                                        info.parameters,
                                        info.cost,
                                        &pluginSupports<Method, qs_branch_request>,
                                        &runBranch};
        return &table;
    }
    static const qs_transform *transform(const PluginMethodInfo &info) {
        static const qs_transform table = {
            sizeof(qs_transform), info.needs, info.kinds,
            info.status,          info.id,    info.name,
            info.summary,         info.paper, info.tags,
            info.parameters,      info.cost,  &pluginSupports<Method, qs_transform_request>,
            &runTransform};
        return &table;
    }

    static const qs_block_method *block(const PluginMethodInfo &info) {
        static const qs_block_method table = {sizeof(qs_block_method),
                                              info.needs,
                                              info.status,
                                              info.id,
                                              info.name,
                                              info.summary,
                                              info.paper,
                                              info.tags,
                                              info.parameters,
                                              info.cost,
                                              &runPlan,
                                              &runBlock};
        return &table;
    }

    static qs_status runQuantizer(const qs_quantize_request *request, const qs_host *host,
                                  qs_quantize_result *result) {
        return guardedCall(result, [&] { Method::quantize(PluginCall(*request, *host, *result)); });
    }
    static void runTokenWeighting(const char *parameters, qs_token_weighting *weighting) {
        if constexpr (HasTokenWeighting<Method>::value)
            try {
                Method::tokenWeighting(parameters, *weighting);
            } catch (...) {
                // Tokens count alike; quantize() will say what is wrong with the parameters.
            }
    }
    static qs_status runBranch(const qs_branch_request *request, const qs_host *host,
                               qs_branch_result *result) {
        return guardedCall(result, [&] { Method::decompose(BranchCall(*request, *host, *result)); });
    }
    static qs_status runTransform(const qs_transform_request *request, const qs_host *host,
                                  qs_transform_result *result) {
        return guardedCall(result, [&] { Method::transform(TransformCall(*request, *host, *result)); });
    }
    static void runPlan(const char *parameters, qs_block_plan *plan) {
        try {
            Method::plan(parameters, *plan);
        } catch (...) {
            // The host's defaults stand; reconstruct() will say what is wrong.
        }
    }
    static qs_status runBlock(const qs_block_request *request, const qs_host *host, qs_block_result *result) {
        return guardedCall(result, [&] { Method::reconstruct(BlockCall(*request, *host, *result)); });
    }
};

/// The functions of qs_plugin_entry for a list of method classes.
template <typename... Methods>
struct PluginEntry {
    static qs_status init(const qs_host *, const char *) { return QS_OK; }
    static void deinit() {}
    static std::size_t count(const char *extension) {
        return (std::size_t{0} + ... +
                (std::strcmp(extension, PluginTable<Methods>::extension()) == 0 ? std::size_t{1} : 0));
    }
    static const void *get(const char *extension, std::size_t index) {
        const void *found = nullptr;
        auto visit = [&](const char *kind, const void *table) {
            if (std::strcmp(extension, kind) == 0 && index-- == 0)
                found = table;
        };
        (visit(PluginTable<Methods>::extension(), PluginTable<Methods>::table()), ...);
        return found;
    }
};

} // namespace qs

/// Defines qs_plugin: QS_EXPORT_PLUGIN(id, version, license, method classes...).
#define QS_EXPORT_PLUGIN(id, version, license, ...)                                                          \
    extern "C" QS_EXPORT const qs_plugin_entry qs_plugin = {sizeof(qs_plugin_entry),                         \
                                                            QS_ABI_MAJOR,                                    \
                                                            QS_ABI_MINOR,                                    \
                                                            id,                                              \
                                                            version,                                         \
                                                            license,                                         \
                                                            &qs::PluginEntry<__VA_ARGS__>::init,             \
                                                            &qs::PluginEntry<__VA_ARGS__>::deinit,           \
                                                            &qs::PluginEntry<__VA_ARGS__>::count,            \
                                                            &qs::PluginEntry<__VA_ARGS__>::get}
