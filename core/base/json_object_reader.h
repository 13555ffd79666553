#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace qs {

/// Reads the members of one JSON object, strictly: every error carries the path, and finish() refuses what
/// nobody asked for. The first error sticks, so that a reader needs one check at its end. A member that is
/// absent or refused leaves its value as it was.
class JsonObjectReader {
public:
    using Json = nlohmann::json;
    enum Presence { Optional, Required };

    /// Keeps a reference to the object.
    JsonObjectReader(const Json &json, std::string path);

    std::string pathOf(const std::string &key) const { return m_path.empty() ? key : m_path + "." + key; }
    void refuse(std::string path, std::string message);
    /// Adopts the error of a nested reader.
    void take(Status status);

    /// The member, or nullptr when it is missing or an error was found before.
    const Json *member(const std::string &key, Presence presence = Optional);
    /// The same, refused unless it is an array.
    const Json *array(const std::string &key, Presence presence = Optional);
    void text(const std::string &key, std::string &value, Presence presence = Optional);
    void boolean(const std::string &key, bool &value);
    void number(const std::string &key, double lowest, double highest, double &value);
    /// Any number, also what jsonReal() made of NaN and the infinities.
    void real(const std::string &key, double &value, Presence presence = Optional);
    template <typename Integer>
    void integer(const std::string &key, Integer lowest, Integer highest, Integer &value,
                 Presence presence = Optional);
    template <typename Enum>
    void choice(const std::string &key, Result<Enum> (*fromName)(std::string_view), Enum &value);

    /// \error InvalidArgument  the first thing that was wrong; `where` is its path
    Status finish();

private:
    const Json &m_json;
    std::string m_path;
    std::set<std::string> m_known;
    Status m_status;
};

/// A number as JSON; NaN and the infinities, for which JSON has no number, as text.
nlohmann::json jsonReal(double value);

template <typename Integer>
void JsonObjectReader::integer(const std::string &key, Integer lowest, Integer highest, Integer &value,
                               Presence presence) {
    const Json *json = member(key, presence);
    if (!json)
        return;
    // A whole number is stored as one of two types; each is compared in the sign that it has.
    bool fits = false;
    if (json->is_number_integer() && (json->is_number_unsigned() || json->get<std::int64_t>() >= 0))
        fits = std::cmp_less_equal(json->get<std::uint64_t>(), highest) &&
               std::cmp_greater_equal(json->get<std::uint64_t>(), lowest);
    else if (json->is_number_integer())
        fits = std::cmp_greater_equal(json->get<std::int64_t>(), lowest);
    if (fits)
        value = json->get<Integer>();
    else
        refuse(pathOf(key),
               fmt::format("is {}; allowed: whole numbers from {} to {}", json->dump(), lowest, highest));
}

template <typename Enum>
void JsonObjectReader::choice(const std::string &key, Result<Enum> (*fromName)(std::string_view),
                              Enum &value) {
    std::string name;
    text(key, name);
    if (!m_status || !m_json.contains(key))
        return;
    if (auto known = fromName(name))
        value = *known;
    else
        refuse(pathOf(key), known.error().message);
}

} // namespace qs
