#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace qs {

/// What a config.json may ask for at most.
namespace config_limits {
inline constexpr std::int64_t kMostWidth = 1 << 20, kMostBlocks = 10000, kMostHeads = 1 << 16,
                              kMostRows = 1 << 27, kMostPositions = std::int64_t{1} << 40;
}

/// Reads fields of a config and remembers the first thing that is wrong: a config is judged as a whole.
class ConfigReader {
public:
    ConfigReader(const nlohmann::json &config, const std::filesystem::path &file)
        : m_config(config), m_file(file) {}

    /// \param fallback  nothing: the field must be there
    std::int64_t count(const char *name, std::int64_t most, std::optional<std::int64_t> fallback = {}) {
        const auto found = m_config.find(name);
        if (found == m_config.end() || found->is_null()) {
            if (!fallback)
                complain(name, "is missing. Add it: the model cannot be described without it.");
            return fallback.value_or(1);
        }
        const bool whole = found->is_number_integer() &&
                           !(found->is_number_unsigned() && *found > config_limits::kMostPositions);
        if (!whole || *found < 1 || *found > most) {
            complain(name,
                     fmt::format(
                         "is {}, but must be a whole number from 1 to {}.",
                         found->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 40),
                         most));
            return 1;
        }
        return found->get<std::int64_t>();
    }
    double real(const char *name, double least, double most, double fallback) {
        const auto found = m_config.find(name);
        if (found == m_config.end() || found->is_null())
            return fallback;
        const double value =
            found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
        if (!(value >= least && value <= most)) {
            complain(name, fmt::format("must be a number from {} to {}.", least, most));
            return fallback;
        }
        return value;
    }
    bool flag(const char *name, bool fallback) {
        const auto found = m_config.find(name);
        if (found == m_config.end() || found->is_null())
            return fallback;
        if (!found->is_boolean()) {
            complain(name, "must be true or false.");
            return fallback;
        }
        return found->get<bool>();
    }
    std::string text(const char *name, const char *fallback) {
        const auto found = m_config.find(name);
        if (found == m_config.end() || found->is_null())
            return fallback;
        if (!found->is_string()) {
            complain(name, "must be a text.");
            return fallback;
        }
        return found->get<std::string>();
    }
    bool has(const char *name) const {
        const auto found = m_config.find(name);
        return found != m_config.end() && !found->is_null();
    }
    const nlohmann::json &config() const { return m_config; }
    const std::filesystem::path &file() const { return m_file; }
    void complain(const char *field, const std::string &what) {
        if (!m_problem)
            m_problem =
                Error{ErrorCode::CorruptFile, fmt::format("field '{}' {}", field, what), m_file.string()};
    }
    const std::optional<Error> &problem() const { return m_problem; }

private:
    const nlohmann::json &m_config;
    const std::filesystem::path &m_file;
    std::optional<Error> m_problem;
};

} // namespace qs
