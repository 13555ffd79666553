#pragma once

#include "core/base/random.h"
#include "tests/plugin/transform_site.h"

#include <cmath>
#include <dlfcn.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <quantoscope/plugin.h>

namespace qs::test {

/// The bundled transforms, as the dynamic linker gives them.
class TransformPlugin {
public:
    static const qs_transform *find(const std::string &id) {
        static const qs_plugin_entry *const entry = open();
        for (std::size_t index = 0; entry && index < entry->count(QS_EXTENSION_TRANSFORM); ++index) {
            const auto *method = static_cast<const qs_transform *>(entry->get(QS_EXTENSION_TRANSFORM, index));
            if (id == method->id)
                return method;
        }
        return nullptr;
    }

private:
    static const qs_plugin_entry *open() {
        const auto programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
        const auto file = programs.parent_path() / "lib/quantoscope/plugins/qs_transform.so";
        void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        return library ? static_cast<const qs_plugin_entry *>(dlsym(library, "qs_plugin")) : nullptr;
    }
};

} // namespace qs::test

/// What the services of the test's host know about a call.
struct qs_call {
    const qs::test::SiteFixture *fixture;
    qs::GridConvention convention;
    bool cancelled = false;
    std::vector<std::string> log;
};

namespace qs::test {

/// One call of a transform on a site, with a host that rounds weights to nearest.
class TransformCallFixture {
public:
    explicit TransformCallFixture(const SiteFixture &fixture,
                                  GridConvention convention = GridConvention::Asymmetric)
        : m_call{&fixture, convention, false, {}}, m_site(fixture.site) {
        for (const SiteReader &reader : m_site.readers) {
            qs_site_consumer layer{};
            layer.layer_name = "reader";
            layer.weights = reader.weights.data;
            layer.rows = reader.weights.rows;
            layer.taps = reader.taps;
            layer.bits = reader.bits;
            layer.granularity = reader.groupSize > 0 ? QS_PER_GROUP : QS_PER_CHANNEL;
            layer.group_size = reader.groupSize;
            layer.activation_bits = reader.activationBits;
            layer.activation_convention = m_site.activationConvention == GridConvention::Asymmetric
                                              ? QS_ASYMMETRIC
                                              : QS_SYMMETRIC_RESTRICTED;
            layer.depthwise = reader.depthwise ? 1 : 0;
            m_layers.push_back(layer);
        }
        request.struct_size = sizeof request;
        request.call = &m_call;
        request.site_name = "site";
        request.channels = m_site.channels;
        request.producer = QS_PRODUCER_NORM;
        request.can_shift = 1;
        request.consumers = m_layers.data();
        request.consumer_count = static_cast<std::int64_t>(m_layers.size());
        request.minimum = m_site.minimum.data();
        request.maximum = m_site.maximum.data();
        request.mean = m_site.minimum.data(); // no method reads it yet
        request.mean_magnitude = m_site.meanMagnitude.data();
        request.inputs = m_site.inputs.data;
        request.tokens = m_site.inputs.rows;
        request.hessian = m_site.hessian.data;
        request.seed = 5;
    }

    std::string refusal(const std::string &id, const nlohmann::json &changes = {}) {
        const qs_transform *method = prepare(id, changes);
        char reason[512] = {};
        return method->supports(&request, reason, sizeof reason) ? "" : reason;
    }
    qs_status run(const std::string &id, const nlohmann::json &changes = {}) {
        const qs_transform *method = prepare(id, changes);
        change = ChannelChange::none(m_site.channels);
        matrix = RowMajorD::Identity(m_site.channels, m_site.channels);
        qs_transform_result result{};
        result.struct_size = sizeof result;
        result.message_size = sizeof m_message;
        result.scale = change.scale.data();
        result.shift = change.shift.data();
        result.matrix = matrix.data();
        result.activation_low = result.activation_high = std::numeric_limits<float>::quiet_NaN();
        result.message = m_message;
        const qs_status status = method->transform(&request, &host(), &result);
        activationLow = result.activation_low;
        activationHigh = result.activation_high;
        return status;
    }
    void cancel() { m_call.cancelled = true; }
    std::string message() const { return m_message; }
    const std::vector<std::string> &log() const { return m_call.log; }

    qs_transform_request request{};
    ChannelChange change;
    RowMajorD matrix;
    float activationLow = 0, activationHigh = 0;

private:
    const qs_transform *prepare(const std::string &id, const nlohmann::json &changes) {
        const qs_transform *method = TransformPlugin::find(id);
        if (!method)
            throw std::runtime_error("no transform '" + id + "' in the bundled plugin");
        nlohmann::json parameters = nlohmann::json::object();
        const auto schema = nlohmann::json::parse(method->parameters);
        for (const auto &[name, property] : schema.at("properties").items())
            parameters[name] = changes.contains(name) ? changes.at(name) : property.at("default");
        m_parameters = parameters.dump();
        request.parameters = m_parameters.c_str();
        return method;
    }

    static const qs_host &host() {
        static const qs_host table = [] {
            qs_host host{};
            host.struct_size = sizeof host;
            host.log = [](qs_call *call, std::int32_t, const char *text) { call->log.push_back(text); };
            host.progress = [](qs_call *, std::int64_t, std::int64_t, const char *) {};
            host.cancelled = [](const qs_call *call) { return call->cancelled ? 1 : 0; };
            host.max_threads = [](const qs_call *) { return 2; };
            host.random_bits = [](std::uint64_t seed, std::uint64_t index) {
                return Random(seed + index * 0x9E3779B97F4A7C15u).next();
            };
            host.quantize = [](qs_call *call, const float *weights, std::int64_t rows, std::int64_t cols,
                               float *values) -> qs_status {
                const auto &readers = call->fixture->site.readers;
                const auto size = static_cast<std::size_t>(rows * cols);
                for (std::size_t index = 0; index < readers.size(); ++index)
                    if (readers[index].weights.rows == rows && readers[index].weights.cols == cols) {
                        call->fixture->services(call->convention)
                            .quantize(index, {weights, size}, {values, size});
                        return QS_OK;
                    }
                return QS_INVALID_ARGUMENT;
            };
            return host;
        }();
        return table;
    }

    qs_call m_call;
    SiteData m_site;
    std::vector<qs_site_consumer> m_layers;
    std::string m_parameters;
    char m_message[512] = {};
};

} // namespace qs::test
