// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Quantoscope authors. See LICENSE beside the include folder.
//
// Header-only C++17 helper over plugin.h: write a class with three static functions, list it in
// QS_EXPORT_PLUGIN. No exception leaves the plugin: whatever the class throws becomes a status and a message.
//
//   struct MyMethod {
//       static qs::PluginMethodInfo info();                                // texts and parameter schema
//       static std::string refusal(const qs_quantize_request &request);    // "" = takes it, else the reason
//       static void quantize(const qs::PluginCall &call);                  // fills call.result()
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
};

/// Scale and zero point of a slice.
struct PluginGrid {
    float scale = 1.0f;
    std::int32_t zeroPoint = 0;
};

/// One call of quantize(): the request, the buffers to fill and the services of the host. Its functions may
/// be called from any thread while the call lasts.
class PluginCall {
public:
    PluginCall(const qs_quantize_request &request, const qs_host &host, const qs_quantize_result &result)
        : m_request(request), m_host(host), m_result(result) {}

    const qs_quantize_request &request() const { return m_request; }
    const qs_quantize_result &result() const { return m_result; }

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
    /// Row-major float64 [cols, cols]. Throws when no calibration was run.
    const double *hessian() const {
        const double *matrix = nullptr;
        if (const qs_status status = m_host.hessian(m_request.call, &matrix); status != QS_OK)
            throw PluginError(status, "the Hessian is not available; run calibration for this layer first");
        return matrix;
    }
    /// Scale and zero point of `count` finite values under the range rule of the request.
    PluginGrid fitGrid(const float *values, std::int64_t count) const {
        PluginGrid grid;
        const qs_status status = m_host.fit_grid(m_request.call, values, count, &grid.scale, &grid.zeroPoint);
        if (status != QS_OK)
            throw PluginError(status, "the host could not fit a grid to the values");
        return grid;
    }
    std::uint64_t randomBits(std::uint64_t index) const { return m_host.random_bits(m_request.seed, index); }

private:
    const qs_quantize_request &m_request;
    const qs_host &m_host;
    const qs_quantize_result &m_result;
};

inline void copyPluginText(const std::string &text, char *destination, std::size_t size) {
    if (size == 0)
        return;
    const std::size_t length = std::min(text.size(), size - 1);
    std::memcpy(destination, text.data(), length);
    destination[length] = '\0';
}

/// The C table of one method class.
template <typename Method>
class PluginTable {
public:
    static const qs_quantizer *table() {
        static const PluginMethodInfo info = Method::info();
        static const qs_quantizer table = {
            sizeof(qs_quantizer), info.needs, info.status,     info.id,   info.name, info.summary,
            info.paper,           info.tags,  info.parameters, &supports, &quantize};
        return &table;
    }

private:
    static std::int32_t supports(const qs_quantize_request *request, char *reason, std::size_t size) {
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

    static qs_status quantize(const qs_quantize_request *request, const qs_host *host,
                              qs_quantize_result *result) {
        auto failed = [&](qs_status status, const std::string &message) {
            copyPluginText(message, result->message, result->message_size);
            return status;
        };
        try {
            Method::quantize(PluginCall(*request, *host, *result));
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
};

/// The functions of qs_plugin_entry for a list of method classes.
template <typename... Methods>
struct PluginEntry {
    static qs_status init(const qs_host *, const char *) { return QS_OK; }
    static void deinit() {}
    static std::size_t count(const char *extension) {
        return std::strcmp(extension, QS_EXTENSION_QUANTIZER) == 0 ? sizeof...(Methods) : 0;
    }
    static const void *get(const char *extension, std::size_t index) {
        const qs_quantizer *tables[] = {PluginTable<Methods>::table()...};
        return index < count(extension) ? tables[index] : nullptr;
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
