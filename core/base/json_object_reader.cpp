#include "core/base/json_object_reader.h"

#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

} // namespace

JsonObjectReader::JsonObjectReader(const Json &json, std::string path)
    : m_json(json), m_path(std::move(path)) {
    if (!json.is_object())
        refuse(m_path, "must be an object");
}

void JsonObjectReader::refuse(std::string path, std::string message) {
    if (m_status)
        m_status = fail(ErrorCode::InvalidArgument, std::move(message), std::move(path));
}

void JsonObjectReader::take(Status status) {
    if (m_status)
        m_status = std::move(status);
}

const nlohmann::json *JsonObjectReader::member(const std::string &key, Presence presence) {
    m_known.insert(key);
    if (!m_status)
        return nullptr;
    if (auto found = m_json.find(key); found != m_json.end())
        return &*found;
    if (presence == Required)
        refuse(pathOf(key), "is missing");
    return nullptr;
}

const nlohmann::json *JsonObjectReader::array(const std::string &key, Presence presence) {
    const Json *json = member(key, presence);
    if (!json || json->is_array())
        return json;
    refuse(pathOf(key), "must be an array");
    return nullptr;
}

void JsonObjectReader::text(const std::string &key, std::string &value, Presence presence) {
    if (const Json *json = member(key, presence)) {
        if (json->is_string())
            value = json->get<std::string>();
        else
            refuse(pathOf(key), fmt::format("is {}; must be a text", json->dump()));
    }
}

void JsonObjectReader::boolean(const std::string &key, bool &value) {
    if (const Json *json = member(key)) {
        if (json->is_boolean())
            value = json->get<bool>();
        else
            refuse(pathOf(key), fmt::format("is {}; allowed: true or false", json->dump()));
    }
}

void JsonObjectReader::number(const std::string &key, double lowest, double highest, double &value) {
    const Json *json = member(key);
    if (!json)
        return;
    const double found = json->is_number() ? json->get<double>() : kNan;
    if (found >= lowest && found <= highest)
        value = found;
    else
        refuse(pathOf(key), fmt::format("is {}; allowed: {} to {}", json->dump(), lowest, highest));
}

void JsonObjectReader::real(const std::string &key, double &value, Presence presence) {
    const Json *json = member(key, presence);
    if (!json)
        return;
    if (json->is_number())
        value = json->get<double>();
    else if (*json == "nan")
        value = kNan;
    else if (*json == "inf")
        value = kInfinity;
    else if (*json == "-inf")
        value = -kInfinity;
    else
        refuse(pathOf(key), fmt::format("is {}; must be a number", json->dump()));
}

Status JsonObjectReader::finish() {
    if (m_status)
        for (const auto &[key, value] : m_json.items())
            if (!m_known.contains(key))
                refuse(pathOf(key), fmt::format("is unknown; known here: {}", fmt::join(m_known, ", ")));
    return m_status;
}

nlohmann::json jsonReal(double value) {
    if (std::isnan(value))
        return "nan";
    if (std::isinf(value))
        return value > 0 ? "inf" : "-inf";
    return value;
}

} // namespace qs
