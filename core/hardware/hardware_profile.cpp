#include "core/hardware/hardware_profile.h"

#include "core/base/json_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {
namespace {

using Json = nlohmann::json;

/// A number of the file: its unit, and what no device reaches. Values beyond come from a wrong unit.
struct NumberField {
    std::string_view name, unit;
    double toBase, least, most;
};
constexpr NumberField kBandwidth{"memory_bandwidth_gbs", "1e9 bytes/s", 1e9, 1e-3, 1e6};
constexpr NumberField kMemory{"memory_gb", "1e9 bytes", 1e9, 1e-6, 1e6};
constexpr NumberField kCache{"l2_or_llc_mb", "1e6 bytes", 1e6, 1e-3, 1e5};
constexpr NumberField kRegisters{"register_file_kb", "1000 bytes", 1e3, 1e-2, 1e7};
constexpr NumberField kPower{"tdp_w", "watts", 1, 1e-3, 1e5};
constexpr double kLeastTops = 1e-6, kMostTops = 1e6;

constexpr std::string_view kTextFields[] = {"id", "name", "vendor", "kind", "memory_type", "note"};
/// Facts that the cost model does not use yet, kept in the file for people.
constexpr std::string_view kOtherFields[] = {
    "verified",           "verified_fields", "sources", "interconnect_gbs", "fp16_accumulate_fp16_tops",
    "neural_engine_tops", "peak_dense_tops", "onchip"};

/// Reads the fields of one object and names what is wrong with them.
class FieldReader {
public:
    FieldReader(const Json &object, std::string prefix, const std::filesystem::path &file)
        : m_object(object), m_prefix(std::move(prefix)), m_file(file) {}

    tl::unexpected<Error> problem(std::string_view field, const std::string &what) const {
        return fail(ErrorCode::CorruptFile, fmt::format("field '{}{}' {}", m_prefix, field, what),
                    m_file.string());
    }
    Result<std::string> text(std::string_view field, bool required) const {
        const auto found = m_object.find(field);
        if (found == m_object.end() || found->is_null()) {
            if (required)
                return problem(field, "is missing. Give it a text.");
            return std::string();
        }
        if (!found->is_string() || (required && found->get_ref<const std::string &>().empty()))
            return problem(field, "must be a text.");
        return found->get<std::string>();
    }
    Result<std::vector<std::string>> texts(std::string_view field) const {
        std::vector<std::string> values;
        const auto found = m_object.find(field);
        if (found == m_object.end() || found->is_null())
            return values;
        if (!found->is_array() ||
            !std::all_of(found->begin(), found->end(), [](auto &v) { return v.is_string(); }))
            return problem(field, "must be a list of texts.");
        return found->get<std::vector<std::string>>();
    }
    /// In base units; nothing for null or an absent field.
    Result<std::optional<double>> number(const NumberField &field) const {
        const auto found = m_object.find(field.name);
        if (found == m_object.end() || found->is_null())
            return std::optional<double>();
        if (!found->is_number())
            return problem(field.name, fmt::format("must be a number, in {}.", field.unit));
        const double value = found->get<double>();
        if (!(value >= field.least && value <= field.most))
            return problem(field.name,
                           fmt::format("is {:g}, but must lie between {:g} and {:g}: its unit is {}. Is it "
                                       "given in another unit?",
                                       value, field.least, field.most, field.unit));
        return std::optional(value * field.toBase);
    }
    /// \error CorruptFile  a field that nobody reads: most often a unit that the name does not have
    Status onlyKnown(const std::vector<std::string_view> &known) const {
        for (const auto &[name, value] : m_object.items())
            if (std::find(known.begin(), known.end(), name) == known.end())
                return problem(name,
                               fmt::format("is not known. Known fields, with their units in the name: {}.",
                                           fmt::join(known, ", ")));
        return {};
    }

private:
    const Json &m_object;
    std::string m_prefix;
    const std::filesystem::path &m_file;
};

Result<std::map<ComputeType, double>> readPeaks(const Json &json, const std::filesystem::path &file) {
    const FieldReader top(json, "", file);
    const auto found = json.find("peak_dense_tops");
    if (found == json.end() || !found->is_object())
        return top.problem("peak_dense_tops", "is missing. Give it an object of rates in 1e12 operations/s.");
    const FieldReader reader(*found, "peak_dense_tops.", file);
    std::map<ComputeType, double> peaks;
    std::vector<std::string_view> known;
    for (const ComputeType type : kComputeTypes) {
        known.push_back(computeTypeName(type));
        QS_TRY(const auto rate,
               reader.number({known.back(), "1e12 operations/s", 1e12, kLeastTops, kMostTops}));
        if (rate)
            peaks[type] = *rate;
    }
    QS_CHECK_OK(reader.onlyKnown(known));
    if (peaks.empty())
        return top.problem("peak_dense_tops",
                           "has no rate: there is no roof to draw. Give at least one type, in 1e12 "
                           "operations/s.");
    return peaks;
}

Status readOnChip(const Json &json, const std::filesystem::path &file, HardwareProfile &profile) {
    const auto found = json.find("onchip");
    if (found == json.end() || found->is_null())
        return {};
    const FieldReader reader(*found, "onchip.", file);
    if (!found->is_object())
        return FieldReader(json, "", file).problem("onchip", "must be an object.");
    QS_TRY(profile.cacheBytes, reader.number(kCache));
    QS_TRY(profile.registerBytes, reader.number(kRegisters));
    return reader.onlyKnown({kCache.name, kRegisters.name});
}

Status checkKnownFields(const Json &json, const std::filesystem::path &file) {
    std::vector<std::string_view> known{kBandwidth.name, kMemory.name, kPower.name};
    known.insert(known.end(), std::begin(kTextFields), std::end(kTextFields));
    known.insert(known.end(), std::begin(kOtherFields), std::end(kOtherFields));
    return FieldReader(json, "", file).onlyKnown(known);
}

} // namespace

std::optional<double> HardwareProfile::peak(ComputeType type) const {
    const auto found = peaks.find(type);
    return found == peaks.end() ? std::nullopt : std::optional(found->second);
}

bool HardwareProfile::isVerified(std::string_view field) const {
    const std::string_view group = field.substr(0, field.find('.'));
    return std::any_of(verifiedFields.begin(), verifiedFields.end(),
                       [&](const std::string &verified) { return verified == field || verified == group; });
}

std::vector<std::string> HardwareProfile::unverifiedFields() const {
    std::vector<std::string> fields{std::string(kBandwidth.name)};
    if (memoryBytes)
        fields.emplace_back(kMemory.name);
    for (const auto &[type, rate] : peaks)
        fields.push_back(fmt::format("peak_dense_tops.{}", computeTypeName(type)));
    if (cacheBytes)
        fields.push_back(fmt::format("onchip.{}", kCache.name));
    if (registerBytes)
        fields.push_back(fmt::format("onchip.{}", kRegisters.name));
    if (powerWatt)
        fields.emplace_back(kPower.name);
    std::erase_if(fields, [this](const std::string &field) { return isVerified(field); });
    return fields;
}

std::optional<Roof> HardwareProfile::matrixRoof(double leftBits, double rightBits) const {
    // From narrow to wide; sixteen-bit floats of either kind hold the integers of eight bits.
    constexpr std::pair<double, ComputeType> kByWidth[] = {{4, ComputeType::Int4},
                                                           {8, ComputeType::Int8},
                                                           {16, ComputeType::Fp16},
                                                           {16, ComputeType::Bf16},
                                                           {32, ComputeType::Fp32}};
    const double needed = std::max(leftBits, rightBits);
    for (const auto &[bits, type] : kByWidth)
        if (const auto rate = peak(type); rate && bits >= needed)
            return Roof{type, *rate};
    return std::nullopt;
}

std::optional<Roof> HardwareProfile::vectorRoof() const {
    const auto rate = peak(ComputeType::Fp32);
    return rate ? std::optional(Roof{ComputeType::Fp32, *rate}) : std::nullopt;
}

Result<HardwareProfile> HardwareProfile::fromJson(const Json &json, const std::filesystem::path &file) {
    if (!json.is_object())
        return fail(ErrorCode::CorruptFile, "a hardware profile must be a JSON object.", file.string());
    const FieldReader reader(json, "", file);
    HardwareProfile profile;
    profile.file = file;
    QS_TRY(profile.id, reader.text("id", true));
    QS_TRY(profile.name, reader.text("name", true));
    QS_TRY(profile.vendor, reader.text("vendor", false));
    QS_TRY(profile.kind, reader.text("kind", false));
    QS_TRY(profile.memoryType, reader.text("memory_type", false));
    QS_TRY(profile.note, reader.text("note", false));
    QS_TRY(profile.sources, reader.texts("sources"));
    QS_TRY(profile.verifiedFields, reader.texts("verified_fields"));
    QS_CHECK_OK(checkKnownFields(json, file));
    QS_TRY(const auto bandwidth, reader.number(kBandwidth));
    if (!bandwidth)
        return reader.problem(kBandwidth.name,
                              "is missing: without it there is no memory roof. Its unit is 1e9 bytes/s.");
    profile.bytesPerSecond = *bandwidth;
    QS_TRY(profile.memoryBytes, reader.number(kMemory));
    QS_TRY(profile.powerWatt, reader.number(kPower));
    QS_TRY(profile.peaks, readPeaks(json, file));
    QS_CHECK_OK(readOnChip(json, file, profile));
    return profile;
}

Result<HardwareProfile> HardwareProfile::read(const std::filesystem::path &file) {
    QS_TRY(const Json json, readJsonFile(file));
    return fromJson(json, file);
}

} // namespace qs
